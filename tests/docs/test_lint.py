"""Each rule of ``policy check`` has a page with a policy that it finds, what it says, and a policy that it passes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.lints import found, found_in
from tidegate.core.lint import LINTS, Found, Lint
from tidegate.core.rulebook import dotted

PAGES = Path(__file__).resolve().parents[2] / "docs" / "lint"
PARTS = [
    "What it looks for",
    "Why",
    "A policy that it finds",
    "What it says",
    "A policy that it passes",
    "Remedy",
]
IDS = [lint.id for lint in LINTS]


def sections(lint: Lint) -> dict[str, str]:
    """Heading > body."""
    _, *rest = re.split(r"^## (.+)$", (PAGES / f"{lint.id}.md").read_text(), flags=re.MULTILINE)
    return dict(zip(rest[::2], (body.strip() for body in rest[1::2]), strict=True))


def fenced(body: str) -> str:
    match = re.fullmatch(r"```(?:yaml|text)\n(.*)\n```", body, re.DOTALL)
    assert match is not None, body
    return match[1]


def shown(lint: Lint, finding: Found) -> str:
    """A finding as the page shows it."""
    head = f"{lint.severity.value}: {lint.id} at {dotted(finding.path)}"
    return f"{head}\n    {finding.message}\n    remedy: {finding.remedy}"


def test_there_is_a_page_for_each_rule_and_no_other() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted([*IDS, "index"])
    assert len(IDS) == len(set(IDS))


@pytest.mark.parametrize("lint", LINTS, ids=IDS)
def test_a_page_has_its_parts_and_none_is_empty(lint: Lint) -> None:
    text = (PAGES / f"{lint.id}.md").read_text()
    assert text.startswith(f"# {lint.id}\n\n{lint.sentence}\n\n")
    parts = sections(lint)
    assert list(parts) == PARTS
    assert parts["What it looks for"].startswith(f"Severity: *{lint.severity.value}*. ")
    assert parts["Why"].startswith(f"Ledger: {lint.reference}. ")
    assert all(body for body in parts.values())


@pytest.mark.parametrize("lint", LINTS, ids=IDS)
def test_it_fires_on_its_example_and_says_what_the_page_says(lint: Lint) -> None:
    parts = sections(lint)
    findings = found_in(lint.id, fenced(parts["A policy that it finds"]))
    assert findings
    assert "\n".join(shown(lint, finding) for finding in findings) == fenced(parts["What it says"])


@pytest.mark.parametrize("lint", LINTS, ids=IDS)
def test_it_does_not_fire_on_the_other_one(lint: Lint) -> None:
    assert found_in(lint.id, fenced(sections(lint)["A policy that it passes"])) == []


@pytest.mark.parametrize("lint", LINTS, ids=IDS)
def test_it_has_nothing_to_say_against_the_small_policy(lint: Lint) -> None:
    assert found(lint.id, {}) == []


def test_the_index_lists_every_rule_in_the_order_of_the_registry() -> None:
    rows = re.findall(
        r"^\| \[([\w.-]+)\]\(([\w.-]+)\) \| (.+?) \| (.+?) \| (.+?) \|$", (PAGES / "index.md").read_text(), re.MULTILINE
    )
    assert rows == [(lint.id, f"{lint.id}.md", lint.severity.value, lint.sentence, lint.reference) for lint in LINTS]


def test_a_rule_says_one_sentence_and_names_the_ledger() -> None:
    for lint in LINTS:
        assert re.fullmatch(r"[A-Z].*\.", lint.sentence)
        assert re.fullmatch(r"(M1|M2|TP|HD|7D)-\d\d(, (M1|M2|TP|HD|7D)-\d\d)*", lint.reference)
