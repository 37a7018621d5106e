"""The course of a release: the moments at which it could be where, beside a walk minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.planning import BREAKING, FEATURE, FIX, FRIDAY, planner, preset, small
from tidegate.core.course import Floor, Key, Planner
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Verified
from tidegate.core.policy import Skippable

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STAGED: dict[str, Any] = {
    "staging": {"purpose": "staging"},
    "production": {"purpose": "production", "after": [{"environment": "staging", "soak": "24h"}]},
}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_where_nothing_is_asked_it_goes_at_once() -> None:
    course = planner(small()).course()
    assert course.earliest == FRIDAY
    assert [(leg.environment, leg.movers) for leg in course.legs] == [("production", ())]


@pytest.mark.parametrize(
    ("changes", "type_", "earliest"),
    [
        ({"release_types": {"minor": {"bump": "minor", "notice": "7d"}}}, "minor", FRIDAY + 7 * DAY),
        ({"release_types": {"minor": {"bump": "minor", "horizon": "2-4 weeks"}}}, "minor", FRIDAY + 14 * DAY),
        ({"release_types": {"minor": {"bump": "minor", "timeline": "4-24 hours"}}}, "minor", FRIDAY + 4 * HOUR),
        ({"environments": STAGED}, "minor", FRIDAY + DAY),
        ({"environments": STAGED, "watch": {"staging": {"for": "2h", "roll_back_when": [{"health_check": "failed"}]}}},
         "minor", FRIDAY + DAY + 2 * HOUR),
        ({"watch": {"production": {"for": "2h", "roll_back_when": [{"health_check": "failed"}]}}}, "minor", FRIDAY),
        ({"environments": {"production": {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}}},
         "minor", utc(2026, 11, 23, 17)),
        ({"trains": {"weekly": {"of": {"component": "shop"}, "every": "week on tuesday at 10:00",
                                "from": "2026-01-06"}}}, "minor", utc(2026, 11, 24, 18)),
        ({"calendar": {"blackouts": [{"name": "sale", "from": "2026-11-20", "to": "2026-11-30"}]}},
         "minor", utc(2026, 12, 1, 8)),
        ({"milestones": {"ready": {"title": "Ready", "at": "-3d"}}}, "minor", FRIDAY + 3 * DAY),
        ({"milestones": {"ready": {"title": "Ready", "at": "-3d", "types": ["major"]}}}, "minor", FRIDAY),
        ({"milestones": {"frozen": {"title": "Frozen", "at": "-2d", "allow": ["fix"]}}}, "minor", FRIDAY + 2 * DAY),
        ({"milestones": {"frozen": {"title": "Frozen", "at": "-2d", "allow": ["feat"]}}}, "minor", FRIDAY),
        ({"milestones": {"review": {"title": "Review", "at": "+2d"}}}, "minor", FRIDAY),
    ],
)  # fmt: skip
def test_each_demand_of_time_by_itself(changes: dict[str, Any], type_: str, earliest: datetime) -> None:
    assert planner(small(**changes), type_=type_).course().earliest == earliest


def test_a_type_that_skips_the_freeze_skips_the_milestone_that_freezes() -> None:
    frozen = {"frozen": {"title": "Frozen", "at": "-2d", "allow": ["fix"]}}
    skipping = small(milestones=frozen, release_types={"minor": {"bump": "minor", "skips": ["freeze"]}})
    assert planner(skipping).course().earliest == FRIDAY
    assert planner(small(milestones=frozen), changes=(FIX,)).course().earliest == FRIDAY
    # A breaking change is more than a fix, whatever it calls itself.
    breaking = replace(FIX, breaking=True)
    assert planner(small(milestones=frozen), changes=(breaking,)).course().earliest == FRIDAY + 2 * DAY


@pytest.mark.parametrize(
    ("name", "component", "type_", "changes", "earliest"),
    [
        ("7d", "billing", "major", (BREAKING,), utc(2026, 12, 29, 18)),
        ("7d", "billing", "minor", (FEATURE,), utc(2026, 12, 1, 18)),
        ("7d", "billing", "hotfix", (FIX,), FRIDAY),
        ("7d", "platform", "patch", (FIX,), utc(2026, 12, 1, 18)),
        ("7d", "fireproof-erp", "minor", (FEATURE,), utc(2026, 12, 8, 18)),
        ("towne-park", "billing", "minor", (FEATURE,), utc(2026, 12, 21, 14)),
        ("towne-park", "billing", "major", (BREAKING,), utc(2027, 2, 18, 14)),
        ("towne-park", "billing", "hotfix", (FIX,), FRIDAY),
        ("helpdesk", "helpdesk-platform", "hotfix", (FIX,), FRIDAY + 4 * HOUR),
        ("helpdesk", "helpdesk-platform", "minor", (FEATURE,), FRIDAY + 14 * DAY),
    ],
)  # fmt: skip
def test_the_presets_go_when_their_texts_say(
    name: str, component: str, type_: str, changes: tuple[Any, ...], earliest: datetime
) -> None:
    assert planner(preset(name), component, type_, changes=changes).course().earliest == earliest


def test_what_never_opens_has_no_earliest_moment_and_names_the_leg() -> None:
    course = planner(small(environments={"production": {"windows": []}})).course()
    assert course.earliest is None
    assert course.closed is not None
    assert (course.closed.environment, course.closed.movers) == ("production", ("windows",))


def test_without_an_environment_for_production_there_is_no_goal() -> None:
    course = planner(small(environments={"production": {"purpose": "staging"}})).course()
    assert (course.earliest, course.goals, course.closed) == (None, (), None)


def test_where_staging_never_opens_production_is_never_reached() -> None:
    closed = {**STAGED, "staging": {"purpose": "staging", "windows": []}}
    course = planner(small(environments=closed)).course()
    assert course.earliest is None
    assert course.closed is not None
    assert course.closed.environment == "staging"


def test_it_is_there_when_the_last_of_several_is_reached() -> None:
    two = {
        "production": {"purpose": "production"},
        "abroad": {"purpose": "production", "after": [{"environment": "production", "soak": "12h"}]},
    }
    course = planner(small(environments=two)).course()
    assert course.earliest == FRIDAY + 12 * HOUR
    assert course.last is not None
    assert course.last.environment == "abroad"


def test_what_is_verified_already_is_not_walked_again() -> None:
    waiting = planner(small(environments=STAGED))
    item = waiting.facts.release.items[0]
    arrived = Verified("shop", "staging", "1.1.0", item.subject.digest_for("staging"), FRIDAY - 20 * HOUR)
    course = replace(waiting, facts=replace(waiting.facts, verified=(arrived,))).course()
    leg = course.leg("staging")
    assert leg is not None
    assert (leg.there, leg.opens) == (True, FRIDAY - 20 * HOUR)
    assert course.earliest == FRIDAY + 4 * HOUR


def test_floors_and_skips_and_types_move_it() -> None:
    asked = small(release_types={"minor": {"bump": "minor", "notice": "7d"}})
    waiting = planner(asked)
    assert waiting.not_before(FRIDAY + 9 * DAY).course().earliest == FRIDAY + 9 * DAY
    assert waiting.waiting_for({"production": (Floor("requires.base", None),)}).course().earliest is None
    assert waiting.skipping([Skippable.NOTICE]).course().earliest == FRIDAY
    assert waiting.of_type("patch").course().earliest == FRIDAY
    assert waiting.course(frozenset({Key("production", "notice")})).earliest == FRIDAY
    assert waiting.course().earliest == FRIDAY + 7 * DAY


# Beside a walk that tries every minute.

TIMES = st.integers(0, 23).map(lambda hour: f"{hour:02d}:00")
POLICIES = st.fixed_dictionaries(
    {
        "windows": st.none() | st.fixed_dictionaries({"days": st.sampled_from(["mon-sun", "sat", "sun,tue"]),
                                                      "from": TIMES, "to": TIMES}),
        "staging": st.none() | st.fixed_dictionaries({"days": st.just("mon-sun"), "from": TIMES, "to": TIMES}),
        "soak": st.integers(0, 30),
        "notice": st.integers(0, 40),
        "watch": st.integers(0, 3),
        "blackout": st.none() | st.tuples(st.integers(20, 22), st.integers(0, 1)),
        "skips": st.sets(st.sampled_from(["windows", "notice", "soak", "blackouts"])),
        "train": st.booleans(),
    }
)  # fmt: skip


def drawn(policy: dict[str, Any]) -> Planner:
    changes: dict[str, Any] = {
        "environments": {
            "staging": {"purpose": "staging"} | ({"windows": [policy["staging"]]} if policy["staging"] else {}),
            "production": {"after": [{"environment": "staging", "soak": f"{policy['soak']}h"}]}
            | ({"windows": [policy["windows"]]} if policy["windows"] else {}),
        },
        "release_types": {
            "minor": {"bump": "minor", "notice": f"{policy['notice']}h", "skips": sorted(policy["skips"])}
        },
    }
    if policy["watch"]:
        changes["watch"] = {"staging": {"for": f"{policy['watch']}h", "roll_back_when": [{"health_check": "failed"}]}}
    if policy["blackout"]:
        first, more = policy["blackout"]
        dates = {"from": f"2026-11-{first}", "to": f"2026-11-{first + more}"}
        changes["calendar"] = {"blackouts": [{"name": "closed", **dates}]}
    if policy["train"]:
        changes["trains"] = {"daily": {"of": {"component": "shop"}, "every": "day at 06:00", "lasts": "3h"}}
    return planner(small(**changes), now=FRIDAY)


def tried(plan: Planner, limit: timedelta) -> datetime | None:
    """The first whole hour at which ``decide`` sees nothing of time in the way, staging first."""
    facts, moment, item = plan.facts, plan.now, plan.facts.release.items[0]
    watch = plan.policy.watch.get("staging")
    for environment in ("staging", "production"):
        while not may_start(plan, facts, environment, moment):
            moment += HOUR
            if moment > plan.now + limit:
                return None
        if environment == "staging":
            moment += watch.lasts if watch else timedelta(0)
            arrived = Verified("shop", "staging", "1.1.0", item.subject.digest_for("staging"), moment)
            facts = replace(facts, verified=(arrived,))
    return moment


def may_start(plan: Planner, facts: Any, environment: str, moment: datetime) -> bool:
    question = Question(Action.START, plan.context(environment).question.actor, environment)
    decision = decide(question, plan.policies, facts, moment)
    return not [finding for finding in decision.against() if finding.time_only]


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_the_course_is_the_first_moment_at_which_decide_says_yes(policy: dict[str, Any]) -> None:
    # Everything in these policies is on the hour, and so is every moment at which anything opens.
    plan = drawn(policy)
    limit = 12 * DAY
    earliest = plan.course().earliest
    expected = tried(plan, limit)
    if expected is None:
        assert earliest is None or earliest > plan.now + limit
    else:
        assert earliest == expected


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_to_leave_a_rule_out_never_makes_it_later(policy: dict[str, Any]) -> None:
    plan = drawn(policy)
    course = plan.course()
    for leg in course.legs:
        for rule in {one.rule for one in leg.waits}:
            without = plan.course(frozenset({Key(leg.environment, rule)})).earliest
            assert course.earliest is None or (without is not None and without <= course.earliest)
