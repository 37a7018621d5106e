"""Several releases as one plan: their order, what waits for what, and each kind of conflict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.planning import BREAKING, FEATURE, FRIDAY, planner, small
from tidegate.core.course import Planner
from tidegate.core.facts import Running
from tidegate.core.joint_plan import Conflict, ConflictKind, closes_after, join

DAY = timedelta(days=1)
PAIR: dict[str, Any] = {
    "components": {
        "shop": {"kind": "module", "owners": "team", "requires": {"base": ">=1.1.0"}},
        "base": {"kind": "platform", "owners": "team"},
    },
    "release_types": {
        "minor": {"bump": "minor"},
        "major": {"bump": "major"},
        "slow": {"bump": "minor", "notice": "9d"},
    },
}


def pair(
    *,
    base: str = "slow",
    shop: str = "minor",
    requires: str = ">=1.1.0",
    base_version: str = "1.1.0",
    running: tuple[Running, ...] = (),
    **changes: Any,
) -> dict[str, Planner]:
    book = small(**{**PAIR, **changes})
    return {
        "shop": planner(book, "shop", shop, requires={"base": requires}, running=running),
        "base": planner(book, "base", base, version=base_version),
    }


def kinds(conflicts: tuple[Conflict, ...]) -> list[ConflictKind]:
    return [conflict.kind for conflict in conflicts]


def test_what_is_required_goes_first_and_what_requires_it_waits_for_it() -> None:
    joint = join(pair())
    assert [part.component for part in joint.parts] == ["base", "shop"]
    assert [part.course.earliest for part in joint.parts] == [FRIDAY + 9 * DAY, FRIDAY + 9 * DAY]
    (conflict,) = joint.conflicts
    assert conflict.kind is ConflictKind.LATER
    assert conflict.what == (
        "shop 1.1.0 could go at once, and requires base >=1.1.0, which goes Sunday 29 November 02:00: "
        "it goes Sunday 29 November 02:00"
    )
    assert conflict.remedy == "let base go earlier, or let shop go without what it needs of it"


def test_what_is_required_is_found_good_before_the_other_starts() -> None:
    watched = {"production": {"for": "24h", "roll_back_when": [{"health_check": "failed"}]}}
    joint = join(pair(watch=watched))
    assert [part.course.earliest for part in joint.parts] == [FRIDAY + 9 * DAY, FRIDAY + 10 * DAY]
    assert joint.last.component == "shop"


def test_what_runs_already_is_not_waited_for() -> None:
    there = (Running("base", "production", "1.1.0"),)
    joint = join(pair(running=there))
    assert [part.course.earliest for part in joint.parts] == [FRIDAY + 9 * DAY, FRIDAY]
    assert joint.conflicts == ()
    # A version that does not do, or one that is taken away at this moment, is waited for.
    for old in ("1.0.0", "main"):
        both = (*there, Running("base", "production", old))
        assert join(pair(running=both)).parts[1].course.earliest == FRIDAY + 9 * DAY


def test_a_requirement_that_the_plan_does_not_meet() -> None:
    joint = join(pair(base="minor", requires="<1"))
    assert kinds(joint.conflicts) == [ConflictKind.UNMET]
    assert joint.conflicts[0].what == "shop 1.1.0 requires base <1, and the plan brings base 1.1.0"


def test_components_that_require_each_other() -> None:
    book = small(**PAIR)
    joint = join(
        {
            "shop": planner(book, "shop", requires={"base": ">=1"}),
            "base": planner(book, "base", requires={"shop": ">=1"}),
        }
    )
    assert [part.component for part in joint.parts] == ["base", "shop"]
    assert joint.conflicts[0].kind is ConflictKind.CYCLE
    assert joint.conflicts[0].what == "none of them can be the first: base requires shop requires base"


def test_two_major_releases_in_one_window() -> None:
    windows = {"production": {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}}
    book = small(**{**PAIR, "environments": windows})
    two = {
        "shop": planner(book, "shop", "major", changes=(BREAKING,), version="2.0.0"),
        "base": planner(book, "base", "major", changes=(BREAKING,), version="2.0.0"),
    }
    (conflict,) = join(two).conflicts
    assert (conflict.kind, conflict.at) == (ConflictKind.MAJORS, datetime(2026, 11, 23, 17, tzinfo=UTC))
    assert conflict.what == (
        "two major releases in one window of production: base 2.0.0 and shop 2.0.0, Monday 23 November 09:00"
    )
    apart = {**two, "shop": two["shop"].not_before(datetime(2026, 11, 24, 18, tzinfo=UTC))}
    assert join(apart).conflicts == ()
    smaller = {**two, "shop": planner(book, "shop", "minor", changes=(FEATURE,))}
    assert join(smaller).conflicts == ()


def test_a_person_whom_nobody_can_replace_is_needed_twice() -> None:
    people = {"ann": {"name": "Ann", "groups": ["team", "leads"]}}
    approving = {"minor": {"bump": "minor", "approvals": [{"from": "leads"}]}}
    book = small(**{**PAIR, "people": people, "release_types": approving})
    two = {"shop": planner(book, "shop"), "base": planner(book, "base", authors=("ben",))}
    (conflict,) = join(two).conflicts
    assert conflict.kind is ConflictKind.PEOPLE
    assert conflict.what == (
        "ann is needed for both base and shop in one window of production, at once: "
        "alone can approve base from leads; alone can approve shop from leads"
    )
    assert conflict.remedy == "add somebody who can stand in, or let one of them go later"


def test_who_owns_both_alone_is_needed_twice() -> None:
    owned = {name: {"owners": "crew"} for name in ("shop", "base")}
    book = small(**{**PAIR, "components": owned, "people": {"cleo": {"name": "Cleo", "groups": ["crew"]}}})
    (conflict,) = join({name: planner(book, name) for name in ("shop", "base")}).conflicts
    assert conflict.what == (
        "cleo is needed for both base and shop in one window of production, at once: "
        "alone in crew, which owns base; alone in crew, which owns shop"
    )


def test_what_is_open_closes_with_the_train_the_window_or_the_day() -> None:
    trains = {"weekly": {"of": {"component": "shop"}, "every": "week on tuesday at 10:00", "lasts": "2h"}}
    ten = datetime(2026, 11, 24, 18, tzinfo=UTC)
    assert closes_after(planner(small(trains=trains)), "production", ten) == ten + timedelta(hours=2)
    overnight = {"production": {"windows": [{"days": "mon", "from": "22:00", "to": "04:00"}]}}
    three = datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert closes_after(planner(small(environments=overnight)), "production", three) == three + timedelta(hours=1)
    assert closes_after(planner(small()), "production", FRIDAY) == datetime(2026, 11, 21, 8, tzinfo=UTC)
