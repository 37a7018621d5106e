"""What the rule says of hazards, by what the policy asks; each sentence whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.facts import asked, facts, rulebook
from tidegate.core.decision import Finding
from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.migration.way_back import Consequence, consequence
from tidegate.core.verdict import Verdict

ALLOW, DENY, CANNOT_TELL = Verdict
FILE = "billing/migrations/0002_x.sql"
NOTHING = Brought("billing", "production", "1.0.0", ("0002_x",))


def hazard(danger: Danger, **more: Any) -> Hazard:
    return Hazard(danger, FILE, 3, table="t", column="c", **more)


def told(known: Brought | None, **rules: Any) -> list[Finding]:
    """What the rule finds; ``rules`` is the policy's section."""
    policy = rulebook(migrations=rules, components={"billing": {"migrations": "billing/migrations"}})
    decision = asked(facts(brought=(known,) if known else ()), policy)
    return [one for one in decision.findings if one.rule.startswith("migrations") and one.policy == "current"]


def with_hazards(*hazards: Hazard, since: str = "1.0.0") -> Brought:
    return replace(NOTHING, hazards=hazards, since=since)


DROP = hazard(Danger.DROPPED)
NOTED = hazard(Danger.DROPPED, deprecated=True)
ADDS = hazard(Danger.IRREVERSIBLE, bearable=True)
LOCK = hazard(Danger.LOCK, detail="SHARE: nobody writes to the table while the index is built")


@pytest.mark.parametrize(
    ("found", "rules", "verdict"),
    [
        (DROP, {}, DENY),
        (DROP, {"drop_columns": "any"}, ALLOW),
        (DROP, {"drop_columns": "next-major"}, DENY),
        (NOTED, {"drop_columns": "never"}, DENY),
        (NOTED, {"drop_columns": "next-major"}, DENY),
        (hazard(Danger.RENAMED, detail="d"), {"drop_columns": "next-major"}, DENY),
        (hazard(Danger.RENAMED, detail="d"), {"drop_columns": "any"}, ALLOW),
        (hazard(Danger.REQUIRED), {}, DENY),
        (hazard(Danger.REQUIRED), {"new_columns": "any"}, ALLOW),
        (hazard(Danger.NARROWED), {}, DENY),
        (hazard(Danger.NARROWED, certain=False), {}, CANNOT_TELL),
        (hazard(Danger.NARROWED, certain=False), {"narrow_types": "any"}, ALLOW),
        (hazard(Danger.TIGHTENED), {}, ALLOW),
        (hazard(Danger.DATA), {}, ALLOW),
        (LOCK, {}, ALLOW),
        (LOCK, {"locks": "short"}, DENY),
        (hazard(Danger.IRREVERSIBLE), {}, ALLOW),
        (hazard(Danger.IRREVERSIBLE), {"reversible": True}, DENY),
        (ADDS, {"reversible": True}, ALLOW),
        (ADDS, {"rule": "reversible"}, DENY),
        (hazard(Danger.CHANGED), {"drop_columns": "any"}, DENY),
        (hazard(Danger.REMOVED), {"drop_columns": "any"}, DENY),
        (hazard(Danger.UNREADABLE, certain=False), {"drop_columns": "any"}, CANNOT_TELL),
    ],
)
def test_a_hazard_is_refused_as_the_policy_says(found: Hazard, rules: dict[str, Any], verdict: Verdict) -> None:
    answers = [
        one for one in told(with_hazards(found), **rules) if one.rule not in ("migrations.back", "migrations.locks")
    ]
    assert [one.verdict for one in answers] == [verdict]
    if verdict is not ALLOW:
        assert answers[0].rule == f"migrations.{found.danger.value}"
        assert answers[0].remedy


def test_what_was_deprecated_goes_with_a_major_release() -> None:
    """The house's release is 1.1.0; against 0.9.0 it raises the first number."""
    answers = told(with_hazards(NOTED, since="0.9.0"), drop_columns="next-major")
    assert [one.verdict for one in answers if one.rule == "migrations.dropped"] == []
    answers = told(with_hazards(NOTED, since="main"), drop_columns="next-major")
    assert [one.verdict for one in answers if one.rule == "migrations.dropped"] == [CANNOT_TELL]


def test_nobody_looked_and_nobody_can_tell_never_pass() -> None:
    assert [(one.verdict, one.message) for one in told(None)] == [
        (CANNOT_TELL, "nobody has looked at the migrations of billing")
    ]
    assert [(one.verdict, one.message) for one in told(replace(NOTHING, unknown="there is no commit"))] == [
        (CANNOT_TELL, "nobody can tell what billing changes in the database: there is no commit")
    ]


def test_another_environments_facts_are_not_those_of_this_one() -> None:
    assert told(replace(NOTHING, environment="staging"))[0].verdict is CANNOT_TELL


def test_a_long_lock_that_is_permitted_is_named() -> None:
    (found,) = (one for one in told(with_hazards(LOCK)) if one.rule == "migrations.locks")
    assert found.notable
    assert (
        found.message
        == f"{FILE}:3 of billing: t.c is locked: SHARE: nobody writes to the table while the index is built"
    )


@pytest.mark.parametrize(
    ("between", "goes_back", "expected"),
    [
        ((), False, (False, False)),
        ((NOTHING,), False, (False, False)),
        ((with_hazards(LOCK, ADDS),), False, (False, False)),
        ((with_hazards(DROP),), False, (False, True)),
        ((with_hazards(hazard(Danger.REQUIRED)),), False, (False, True)),
        ((with_hazards(hazard(Danger.TIGHTENED, certain=False)),), False, (False, None)),
        ((with_hazards(hazard(Danger.UNREADABLE, certain=False)),), False, (False, None)),
        ((NOTHING, with_hazards(DROP)), False, (False, True)),
        ((replace(NOTHING, unknown="x"), with_hazards(DROP)), False, (None, None)),
        ((replace(NOTHING, adds="t.new"),), True, (True, False)),
        ((with_hazards(DROP),), True, (True, False)),
        ((with_hazards(hazard(Danger.IRREVERSIBLE)),), True, (False, True)),
        ((with_hazards(hazard(Danger.UNREADABLE, certain=False)),), True, (None, False)),
    ],
)
def test_what_going_back_means(
    between: tuple[Brought, ...], goes_back: bool, expected: tuple[bool | None, bool | None]
) -> None:
    after = consequence(between, database_goes_back=goes_back)
    assert (after.loses_data, after.breaks) == expected
    assert after.because
    assert after.is_safe is (expected == (False, False))
    assert isinstance(after, Consequence)
