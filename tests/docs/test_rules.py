"""Each rule has a page that says what it asks, with a refusal that ``decide`` really gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.facts import DAY, HOUR, NOW, asked, facts, found, hold, item, question, release, rulebook, subject
from tidegate.cli.root import COMMANDS
from tidegate.core.decision import Action, Decision
from tidegate.core.release import ReleaseState
from tidegate.core.rules import RULES, Rule

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = DOCS / "rules"
PARTS = ["What it asks", "Why", "When it passes", "When it denies", "When it cannot tell", "Example", "Remedy"]
IDS = [rule.id for rule in RULES]


def production(**settings: Any) -> dict[str, Any]:
    return {"environments": {"production": settings}}


def refusal(policy: Mapping[str, Any], **more: Any) -> Decision:
    """The house with ``policy`` changed; ``more`` is what :func:`asked` takes."""
    return asked(policy=rulebook(**policy), **more)


ROLLING = release(item(subject=subject(artifacts="sha256:rebuilt")), state=ReleaseState.ROLLING)
TUESDAYS = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"}
YEAR_END = {"name": "year end", "from": "2026-12-18", "to": "2027-01-04"}

EXAMPLES: Mapping[str, tuple[str, Decision]] = {
    "environment.known": ("environment.known", refusal({}, about=question(environment="prod"))),
    "actor.permitted": ("actor.permitted", refusal({}, about=question(by="alice"))),
    "release.ready": ("release.ready", refusal({}, known=facts(release(state=ReleaseState.ROLLED_BACK)))),
    "requirement.present": ("requirement.present", refusal(production(gates=[]))),
    "subject.unchanged": (
        "subject.unchanged",
        refusal({}, known=facts(ROLLING), about=question(Action.CONTINUE, granted=release().subject_for("production"))),
    ),
    "hold": ("hold", refusal({}, known=facts(holds=(hold(expires_at=NOW + 2 * HOUR),)))),
    "after": ("after.staging", refusal(production(after=[{"environment": "staging", "soak": "24h"}]))),
    "gate": ("gate.coverage", refusal(production(gates=["tests", "coverage"]))),
    "approval": ("approval.module-team", refusal(production(approvals=[{"from": "module-team", "count": 2}]))),
    "notice": (
        "notice",
        refusal({"release_types": {"minor": {"notice": "7d"}}}, known=facts(release(announced_at=NOW - DAY))),
    ),
    "freeze": (
        "freeze",
        refusal(
            production(freeze={"before": "2d", "allow": ["fix", "docs"]}) | {"trains": {"modules": TUESDAYS}},
            known=facts(release(item(content_at=NOW - HOUR))),
        ),
    ),
    "train": ("train", refusal({"trains": {"modules": TUESDAYS}}, now=NOW + DAY)),
    "windows": (
        "windows",
        refusal(production(windows=[{"days": "mon-thu", "from": "09:00", "to": "16:00"}]), now=NOW + 3 * DAY),
    ),
    "blackout": ("blackout", refusal({"calendar": {"blackouts": [YEAR_END]}}, now=NOW + 20 * DAY)),
    "rollback": ("rollback.target", refusal({}, known=facts(way_back=()), about=question(Action.ROLLBACK))),
}


def page(rule: Rule) -> str:
    return (PAGES / f"{rule.id}.md").read_text()


def sections(text: str) -> dict[str, str]:
    """Heading > body."""
    _, *rest = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(rest[::2], (body.strip() for body in rest[1::2]), strict=True))


def shown(rule: Rule) -> str:
    """The refusal as the page shows it."""
    finding = found(EXAMPLES[rule.id][1], EXAMPLES[rule.id][0])
    return f"{finding.rule}: {finding.verdict}\n    {finding.message}\n    remedy: {finding.remedy}"


def test_there_is_a_page_for_each_rule_and_no_other() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"index"} == set(IDS)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_page_has_its_parts_and_none_is_empty(rule: Rule) -> None:
    text = page(rule)
    assert text.startswith(f"# {rule.id}\n\n{rule.sentence}\n\n")
    found_parts = sections(text)
    assert list(found_parts) == PARTS
    assert all(len(body.split()) >= 3 for body in found_parts.values())


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_page_names_the_actions_and_the_ledger(rule: Rule) -> None:
    parts = sections(page(rule))
    actions = ", ".join(f"*{action.value}*" for action in Action if action in rule.actions)
    assert parts["What it asks"].startswith(f"Asked at: {actions}.")
    assert parts["Why"].startswith(f"Ledger: {rule.reference}.")


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_the_example_is_what_decide_says(rule: Rule) -> None:
    assert sections(page(rule))["Example"] == f"```text\n{shown(rule)}\n```"


def test_the_index_lists_every_rule_in_the_order_of_the_explanation() -> None:
    rows = re.findall(
        r"^\| \[([\w.]+)\]\(([\w.]+)\) \| (.+?) \| (.+?) \| (.+?) \|$", (PAGES / "index.md").read_text(), re.MULTILINE
    )
    assert rows == [
        (
            rule.id,
            f"{rule.id}.md",
            rule.sentence,
            ", ".join(action.value for action in Action if action in rule.actions),
            rule.reference,
        )
        for rule in RULES
    ]


def test_the_explanation_says_which_rule_is_asked_for_which_action() -> None:
    text = (DOCS / "explanation" / "deciding.md").read_text()
    rows = re.findall(r"^\| \[([\w.]+)\]\(\.\./rules/[\w.]+\) \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert rows == [(rule.id, *("yes" if action in rule.actions else "" for action in Action)) for rule in RULES]


@pytest.mark.parametrize("path", sorted((DOCS / "rules").glob("*.md")), ids=lambda path: path.stem)
def test_a_command_that_a_remedy_names_is_one(path: Path) -> None:
    for command in re.findall(r"tidegate ([a-z]+)", path.read_text()):
        assert command in COMMANDS


@pytest.mark.parametrize(
    "path", [*sorted(PAGES.glob("*.md")), DOCS / "explanation" / "deciding.md"], ids=lambda p: p.stem
)
def test_the_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target
