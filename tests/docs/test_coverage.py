"""The page of the ledger says what is so: its rules exist, its tests exist, and no rule's number is missing."""

from __future__ import annotations

import re
from pathlib import Path

from tidegate.core.rules import RULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| [A-Z0-9]+-\d", line)
]


def test_every_number_that_a_rule_names_is_on_the_page() -> None:
    named = {number for rule in RULES for number in re.findall(r"[A-Z0-9]+-\d+", rule.reference)}
    assert named - {row[0] for row in ROWS} == set()


def test_every_rule_of_the_page_has_its_page_and_is_asked() -> None:
    linked = {Path(target).stem for target in re.findall(r"\(rules/([^)]+)\)", PAGE)}
    assert linked - {rule.id for rule in RULES} == set()
    assert all((ROOT / "docs" / "rules" / f"{name}.md").is_file() for name in linked)


def test_every_test_that_proves_a_line_exists() -> None:
    proofs = {path for row in ROWS for path in re.findall(r"`(tests/[^`]+)`", row[3])}
    assert proofs
    assert sorted(path for path in proofs if not (ROOT / path).is_file()) == []


def test_a_line_says_what_is_missing_or_nothing_is() -> None:
    assert [row[0] for row in ROWS if row[4] and not row[4].startswith("in part: ")] == []
