"""Each rule has a page that says what it asks, with a refusal that ``decide`` really gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.facts import (
    CHANGES,
    DAY,
    HOUR,
    NOW,
    asked,
    change_request,
    debt,
    facts,
    found,
    head,
    hold,
    item,
    origin,
    question,
    release,
    rulebook,
    running,
    subject,
    taken_backup,
)
from tidegate.cli.root import COMMANDS
from tidegate.core.decision import Action, Decision
from tidegate.core.facts import Done
from tidegate.core.holiday import PublicHolidays
from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.paper import Paper
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
COMMITTED = item(subject=subject(commit="0ff1ce" * 6 + "0ff1"))
NEEDY = item(requires={"platform": ">=3.1.0"})
RUNBOOK = {"title": "Runbook", "path": "docs/{component}.md"}
POINTS = {
    "tests": {"says": "All tests pass", "gate": "tests"},
    "documentation": {"says": "Documentation updated", "by": "module-team"},
}
YEAR_END = {"name": "year end", "from": "2026-12-18", "to": "2027-01-04"}

DATABASE = {
    "title": "The database",
    "of": {"postgres": {"url": {"env": "DATABASE"}}},
    "fresh": "4h",
    "restored_every": "90d",
}
TRADE_FAIR = {"name": "trade fair", "from": "2026-11-30", "to": "2026-12-04"}
SUNDAYS = {"name": "Sunday night", "days": "sun", "from": "02:00", "to": "04:00", "types": ["minor"]}
CLOSING = {
    "name": "closing of the month",
    "every": "month on last friday at 00:00",
    "from": "2026-01-30",
    "lasts": "5d",
    "closed": True,
}
CALIFORNIA = (
    PublicHolidays(
        "US",
        "CA",
        date(2026, 1, 1),
        date(2027, 12, 31),
        {"2026-11-26": "Thanksgiving Day", "2026-11-27": "Day After Thanksgiving"},
    ),
)


def client(**settings: Any) -> dict[str, Any]:
    """Billing is of the client Acme."""
    return {"clients": {"acme": {"title": "Acme", **settings}}, "components": {"billing": {"client": "acme"}}}


UNSHOWN = change_request(mitigations=())
EMERGENCY = {
    "release_types": {"hotfix": {"criteria": ["Production down"]}},
    "emergency": {"types": ["hotfix"], "declared_by": ["ops"]},
}

LESS = Brought(
    "billing",
    "production",
    "1.0.0",
    ("0002_less",),
    (Hazard(Danger.DROPPED, "billing/migrations/0002_less.sql", 1, table="invoices", column="old"),),
)

TAKEN_BACK = hold(
    reason="checkout answers 500", component="billing", environment="production", version="1.1.0", package="b" * 64
)

DRILL = {"title": "Rollback of a release", "of": "rollback", "every": "quarterly", "blocks": True}

EXAMPLES: Mapping[str, tuple[str, Decision]] = {
    "environment.known": ("environment.known", refusal({}, about=question(environment="prod"))),
    "actor.permitted": ("actor.permitted", refusal({}, about=question(by="alice"))),
    "access": ("access", refusal(production(access=["tech-leads"]))),
    "training": ("training", refusal({"trainings": {"releasing": {"title": "Releasing", "before": ["start"]}}})),
    "release.ready": ("release.ready", refusal({}, known=facts(release(state=ReleaseState.ROLLED_BACK)))),
    "requirement.present": ("requirement.present", refusal(production(gates=[]))),
    "subject.unchanged": (
        "subject.unchanged",
        refusal({}, known=facts(ROLLING), about=question(Action.CONTINUE, granted=release().subject_for("production"))),
    ),
    "artifact": (
        "artifact",
        refusal({"components": {"billing": {"artifacts": [{"image": "registry.example/billing"}]}}}),
    ),
    "hold": ("hold", refusal({}, known=facts(holds=(hold(expires_at=NOW + 2 * HOUR),)))),
    "migrations": (
        "migrations.dropped",
        refusal(
            {"migrations": {}, "components": {"billing": {"migrations": "billing/migrations"}}},
            known=facts(brought=(LESS,)),
        ),
    ),
    "rollback.validated": (
        "rollback.validated",
        refusal({"rollback": {"validated": True}}),
    ),
    "drill": (
        "drill.rollback",
        refusal({"drills": {"rollback": DRILL}}),
    ),
    "hold.version": ("hold.version", refusal({}, known=facts(holds=(TAKEN_BACK,)))),
    "content": ("content.level", refusal({}, known=facts(release(type="hotfix")))),
    "content.kind": (
        "content.kind",
        refusal({"release_types": {"hotfix": {"allows": ["fix"]}}}, known=facts(release(type="hotfix"))),
    ),
    "criterion": ("criterion", refusal({"release_types": {"minor": {"criteria": ["Data loss", "Security breach"]}}})),
    "document": (
        "document.runbook",
        refusal(
            production(documents=["runbook"]) | {"documents": {"runbook": RUNBOOK}},
            known=facts(papers=(Paper("runbook", "billing", "docs/billing.md"),)),
        ),
    ),
    "checklist": (
        "checklist.ready",
        refusal(production(checklists=["ready"]) | {"checklists": {"ready": {"title": "Ready", "items": POINTS}}}),
    ),
    "horizon": (
        "horizon",
        refusal(
            {"release_types": {"minor": {"horizon": "2-4 weeks"}}},
            known=facts(release(planned_at=NOW, opened_at=NOW - DAY)),
        ),
    ),
    "frequency": (
        "frequency",
        refusal(
            {"release_types": {"minor": {"frequency": "monthly"}}},
            known=facts(done=(Done("billing", "minor", "production", "billing-1.0.0", NOW - HOUR),)),
        ),
    ),
    "deploy.from": (
        "deploy.from",
        refusal(
            production(deploy_from=["main"]) | {"branches": {"main": {"pattern": "main"}}},
            known=facts(release(COMMITTED), origins=(origin(head(contains=False), of=COMMITTED),)),
        ),
    ),
    "emergency": (
        "emergency.declared",
        refusal(EMERGENCY, known=facts(release(type="hotfix"))),
    ),
    "debts": ("debts", refusal(EMERGENCY, known=facts(debts=(debt(),)))),
    "requires": ("requires.platform", refusal({}, known=facts(release(NEEDY), running=(running("3.0.0"),)))),
    "after": ("after.staging", refusal(production(after=[{"environment": "staging", "soak": "24h"}]))),
    "gate": ("gate.coverage", refusal(production(gates=["tests", "coverage"]))),
    "backup": (
        "backup.database",
        refusal(
            production(backups=["database"]) | {"backups": {"database": DATABASE}},
            known=facts(backups=(taken_backup(restored=None),)),
        ),
    ),
    "approval": ("approval.module-team", refusal(production(approvals=[{"from": "module-team", "count": 2}]))),
    "change": ("change.mitigation", refusal({"changes": CHANGES}, known=facts(change_requests=(UNSHOWN,)))),
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
    "milestone": (
        "milestone.feature-freeze",
        refusal(
            {"milestones": {"feature-freeze": {"title": "Feature freeze", "at": "-14d", "allow": ["fix", "docs"]}}}
        ),
    ),
    "client.windows": (
        "client.windows.acme",
        refusal(client(timezone="Asia/Tokyo", windows=[{"days": "sat", "from": "09:00", "to": "12:00"}])),
    ),
    "component.windows": (
        "component.windows.billing",
        refusal(
            {
                "components": {
                    "billing": {
                        "timezone": "Asia/Tokyo",
                        "windows": [{"days": "sat", "from": "09:00", "to": "12:00"}],
                    }
                }
            }
        ),
    ),
    "client.blackout": ("client.blackout.acme", refusal(client(blackouts=[TRADE_FAIR]))),
    "maintenance": ("maintenance", refusal({"calendar": {"maintenance": [SUNDAYS]}})),
    "holiday": (
        "holiday",
        refusal(
            {"calendar": {"holidays": [{"country": "US", "subdivision": "CA"}]}},
            known=facts(holidays=CALIFORNIA),
            now=datetime(2026, 11, 26, 18, tzinfo=UTC),
        ),
    ),
    "business.cycle": ("business.cycle", refusal({"calendar": {"business_cycles": [CLOSING]}})),
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
