"""The page of the ledger says what is so: it is up to date, its rules and tests exist, and no number is missing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from scripts.generate_coverage import NUMBER, PAGE, SOURCE, page, preset_lines
from tidegate.core.lint import LINTS
from tidegate.core.rules import RULES

ROOT = Path(__file__).parents[2]
ENTRIES = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
LEDGER = ROOT.parent / "shared" / "requirements.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python scripts/generate_coverage.py`"


def test_every_number_of_the_ledger_has_its_line() -> None:
    if not LEDGER.is_file():
        pytest.skip("the ledger does not lie beside the project")
    asked = re.findall(r"^\| ((?:M1|M2|TP|HD|7D)-[0-9]{2}) \|", LEDGER.read_text(encoding="utf-8"), re.MULTILINE)
    assert list(ENTRIES) == asked


def test_every_number_that_a_rule_or_a_preset_names_is_one() -> None:
    references = [rule.reference for rule in RULES] + [lint.reference for lint in LINTS]
    named = {number for reference in references for number in NUMBER.findall(reference)} | preset_lines().keys()
    assert named - ENTRIES.keys() == set()


def test_every_number_is_said_in_a_preset() -> None:
    assert ENTRIES.keys() - preset_lines().keys() == set()


def test_what_is_enforced_is_proved_by_a_test_that_exists() -> None:
    for number, entry in ENTRIES.items():
        assert ("by" in entry) == bool(entry.get("proved")), number
        assert [test for test in entry.get("proved", ()) if not (ROOT / test).is_file()] == [], number


def test_a_number_that_a_rule_serves_says_what_it_does() -> None:
    served = {number for rule in RULES for number in NUMBER.findall(rule.reference)}
    assert [number for number in sorted(served) if "by" not in ENTRIES[number]] == []


def test_a_line_says_what_is_missing_or_nothing_is() -> None:
    missing = {number: entry["missing"] for number, entry in ENTRIES.items() if "missing" in entry}
    assert [number for number, said in missing.items() if not said.startswith("in part: ")] == []
