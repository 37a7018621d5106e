from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.facts import HOUSE, NOW, Case, asked, facts, merged, question, release, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.policy import Act, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.training import missing
from tidegate.core.verdict import Verdict


def learned(day: str = "", **training: Any) -> dict[str, Any]:
    known = {"title": "Releasing", "before": ["start"]} | training
    return {"trainings": {"releasing": known}} | ({"people": {"olga": {"trained": {"releasing": day}}}} if day else {})


LACKS = "olga may not start without the training releasing"
TAKE = (
    "take it, have its day written under people.olga.trained and adopted, and open the release again; "
    "or let somebody start who has it"
)


def lacks(name: str, policy: dict[str, Any], **more: Any) -> Case:
    return Case(name, "training", Verdict.DENY, LACKS, TAKE, policy, **more)


@table(
    Case("none asked", "training"),
    Case("before something else", "training", policy=learned(before=["open"])),
    Case("of another group", "training", policy=learned(groups=["tech-leads"])),
    Case("taken", "training", Verdict.ALLOW, "olga has the training releasing", policy=learned("2026-01-15")),
    Case(
        "taken, and again in time",
        "training",
        Verdict.ALLOW,
        "olga has the training releasing",
        policy=learned("2025-12-02", again="365d"),
    ),
    lacks("never taken", learned()),
    lacks("never taken, as one of the group", learned(groups=["ops"])),
    lacks("too long ago", learned("2025-12-01", again="365d")),
    lacks("in the future", learned("2026-12-02")),
    lacks("of the group that lets them start", {"groups": {"ops": {"trainings": ["releasing"]}}} | learned(before=[])),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_one_group_that_is_complete_is_enough() -> None:
    both = {"groups": {"ops": {"trainings": ["releasing"]}}, "permits": {"start": ["ops", "olga"]}}
    assert asked(policy=rulebook(**both, **learned(before=[]))).allowed


def test_one_that_runs_out_does_not_stop_what_is_under_way_and_one_that_is_taken_away_does() -> None:
    rolling = facts(release(state=ReleaseState.ROLLING))
    going_on = question(Action.CONTINUE, granted=rolling.release.subject_for("production"))
    assert asked(rolling, rulebook(**learned("2025-12-01", again="365d")), going_on).allowed
    assert not asked(rolling, rulebook(**learned()), going_on).allowed


def test_it_never_stops_a_rollback() -> None:
    policy = rulebook(**learned(before=["start", "rollback"]))
    decision = asked(policy=policy, about=question(Action.ROLLBACK))
    assert not [finding for finding in decision.findings if finding.rule == "training"]


@pytest.mark.parametrize(
    ("now", "lacking"),
    [
        (datetime(2026, 3, 15, 6, 59, tzinfo=UTC), ["releasing"]),  # still the 14th in Los Angeles
        (datetime(2026, 3, 15, 7, 0, tzinfo=UTC), []),
        (datetime(2026, 3, 17, 6, 59, tzinfo=UTC), []),
        (datetime(2026, 3, 17, 7, 0, tzinfo=UTC), ["releasing"]),
    ],
)
def test_it_counts_from_the_start_of_its_day_in_the_zone_of_the_policy(now: datetime, lacking: list[str]) -> None:
    text = merged(HOUSE, learned("2026-03-15", again="2d"))
    policy = Policy.model_validate({**text, "timezone": "America/Los_Angeles"}, strict=False)
    assert missing(policy, "olga", Act.START, now, ZoneInfo("America/Los_Angeles")) == lacking
    assert missing(policy, "olga", Act.OPEN, NOW, ZoneInfo("America/Los_Angeles")) == []
