"""What is due when: the entries of the presets' plans, phases that are laid backwards, and what is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.planning import BREAKING, FEATURE, FIX, FRIDAY, planner, preset, small
from tidegate.core.course import Planner
from tidegate.core.notice import moment_of
from tidegate.core.timeline import late, timeline

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GOES = datetime(2026, 12, 29, 18, tzinfo=UTC)
MINOR = datetime(2026, 12, 21, 14, tzinfo=UTC)


def events(plan: Planner) -> dict[str, datetime]:
    return {event.what: event.at for event in timeline(plan, plan.course())}


def reasons(plan: Planner) -> dict[str, str]:
    return {event.what: event.because for event in timeline(plan, plan.course())}


def test_a_major_release_of_7d_read_against_its_text() -> None:
    plan = planner(preset("7d"), "billing", "major", changes=(BREAKING,), version="2.0.0")
    found = events(plan)
    assert found["announcement: 30 days' notice begins on its delivery"] == FRIDAY
    assert found["30 days' notice is over"] == FRIDAY + 30 * DAY
    # Code freeze, 2 days before the release; staging, 24 hours before production.
    frozen = "Code freeze; from then on only fix may join; the release branch is locked"
    assert found[frozen] == GOES - 2 * DAY
    assert found["staging: found good by now, at the latest"] == GOES - DAY
    # Pre-release, 7 days and 2 days before.
    before = "message to slack:#engineering and stakeholders: announced; Update release calendar"
    assert found[before] == GOES - 7 * DAY
    reminder = "message to slack:#engineering: Code freeze of billing 2.0.0; Lock release branch"
    assert found[reminder] == GOES - 2 * DAY
    # The approval matrix: architecture review, tech lead, product team.
    due = "approvals for production due: architects as architecture-review, tech-leads and product-team"
    assert found[due] == GOES
    assert found["written by now: rfc and migration-guide"] == GOES
    assert found["the modules train can be boarded for 14 hours"] == GOES
    assert found["production: the rollout may start"] == GOES
    # Post-release.
    assert found["production: watched for 24 hours"] == GOES + DAY
    assert found["message to customers: released"] == GOES + DAY
    assert found["done by now: Update release notes"] == GOES + DAY
    because = reasons(plan)
    assert because[frozen] == "milestones.code-freeze: -2d"
    assert because["production: watched for 24 hours"] == "watch.production.for"
    assert because["the modules train can be boarded for 14 hours"] == (
        "trains.modules.every: 2 weeks on tuesday at 10:00"
    )
    assert because["message to customers: released"] == "communication[5].on: release.completed"


def test_a_minor_release_of_towne_park_read_against_its_text() -> None:
    found = events(planner(preset("towne-park"), "billing", "minor", version="1.1.0"))
    told = {
        "release planning announcement": -30,
        "feature freeze notification": -14,
        "testing phase initiation": -7,
        "deployment readiness confirmation": -3,
        "final deployment notification": -1,
        "post-deployment status report": 1,
    }
    for what, days in told.items():
        assert found[f"message to stakeholders: billing 1.1.0: {what}"] == MINOR + days * DAY
    assert found["Feature complete: all planned features implemented"] == MINOR - 14 * DAY
    assert found["Testing ready: code ready for comprehensive testing"] == MINOR - 7 * DAY
    assert found["Release candidate: final version ready for production deployment"] == MINOR - 3 * DAY
    for environment in ("development", "integration", "staging"):
        assert found[f"{environment}: the rollout may start"] == FRIDAY
    assert found["approvals for production due: product-owners and technical-leads"] == MINOR
    assert found["approvals for staging due: qa and product-owners"] == FRIDAY
    # The 24-hour watch, then weekly, monthly and quarterly reviews.
    assert found["production: watched for 24 hours"] == MINOR + DAY
    eastern = datetime(2026, 12, 28, 5, tzinfo=UTC)
    assert found["review that has it in sight: Weekly performance and issue review"] == eastern
    year = datetime(2027, 1, 1, 5, tzinfo=UTC)
    assert found["review that has it in sight: Quarterly process improvement review"] == year


def test_a_hotfix_of_helpdesk_read_against_its_text() -> None:
    plan = planner(preset("helpdesk"), "helpdesk-platform", "hotfix", changes=(FIX,), version="1.0.1")
    found, goes = events(plan), FRIDAY + 4 * HOUR
    assert found["staging: the rollout may start"] == FRIDAY
    assert found["production: the rollout may start"] == goes
    assert found["approvals for production due: stakeholders"] == goes
    # 0-24 hours, 1-7 days, 1-4 weeks.
    assert found["done by now: Check error logs (development)"] == goes + DAY
    assert found["done by now: Collect user feedback (development)"] == goes + 7 * DAY
    assert found["done by now: Gather lessons learned (development)"] == goes + 28 * DAY
    assert found["the post-mortem is written"] == goes + DAY + 7 * DAY
    assert not [what for what in found if "freeze" in what]


def test_everything_stands_in_the_order_of_time_and_says_why() -> None:
    for name, component, type_ in (("7d", "billing", "minor"), ("helpdesk", "helpdesk-platform", "major")):
        plan = planner(preset(name), component, type_)
        found = timeline(plan, plan.course())
        assert [event.at for event in found] == sorted(event.at for event in found)
        assert all(event.what and event.because for event in found)
        assert len(set(found)) == len(found)


def test_the_notice_begins_when_the_policy_announces_it() -> None:
    """Seven days before the window, and not today; a message that comes later than that is preceded by one in time."""
    begins = "announcement: 7 days' notice begins on its delivery"
    said = "message to file:N.md: announced"
    late_ = [{"at": "-2d", "to": "file:N.md", "say": "announced"}]
    weekly = {"production": {"windows": [{"days": "tue", "from": "10:00", "to": "12:00"}]}}
    plan = planner(
        small(communication=late_, environments=weekly, release_types={"minor": {"bump": "minor", "notice": "7d"}})
    )
    goes = datetime(2026, 12, 1, 18, tzinfo=UTC)
    found = [(event.what, event.at) for event in timeline(plan, plan.course())]
    assert plan.course().earliest == goes
    assert (begins, goes - 7 * DAY) in found
    assert [at for what, at in found if what == said] == [goes - 7 * DAY, goes - 2 * DAY]
    assert ("7 days' notice is over", goes) in found


def test_an_empty_policy_has_an_opening_and_a_rollout_and_nothing_else() -> None:
    assert list(events(planner(small()))) == [
        "planning begins: the release is opened",
        "production: the rollout may start",
    ]


def test_where_it_never_goes_only_what_comes_before_is_told() -> None:
    never = small(environments={"staging": {"purpose": "staging"},
                                "production": {"windows": [], "after": [{"environment": "staging"}]}})  # fmt: skip
    assert list(events(planner(never))) == [
        "planning begins: the release is opened",
        "staging: the rollout may start",
    ]


PHASES = ({"name": "planning", "lasts": "1-2 days"}, {"name": "testing", "lasts": "2-5 days"},
          {"name": "release", "lasts": "1 day"}, {"name": "communication", "lasts": "1 day"})  # fmt: skip


def with_process(horizon: int) -> Planner:
    kind: dict[str, Any] = {"bump": "minor", "process": "way"}
    if horizon:
        kind["horizon"] = f"{horizon} days"
    return planner(small(processes={"way": {"phases": list(PHASES)}}, release_types={"minor": kind}))


@given(st.integers(0, 20))
def test_phases_end_when_it_goes_and_take_as_much_as_there_is(days: int) -> None:
    found = events(with_process(days))
    goes = FRIDAY + days * DAY
    begins = found["planning begins (1-2 days)"]
    assert found["release begins (1 day)"] == goes - DAY
    assert found["communication begins (1 day)"] == goes
    assert begins == max(goes - 8 * DAY, min(FRIDAY, goes - 4 * DAY)) or 0 <= (begins - FRIDAY) / HOUR < 3
    assert DAY <= found["testing begins (2-5 days)"] - begins <= 2 * DAY
    assert 2 * DAY <= found["release begins (1 day)"] - found["testing begins (2-5 days)"] <= 5 * DAY


def test_the_milestone_after_a_phase_is_its_end() -> None:
    kind = {"bump": "minor", "process": "way", "horizon": "8 days"}
    frozen = {"freeze": {"title": "Feature freeze", "after_phase": "planning", "allow": ["fix"]}}
    book = small(processes={"way": {"phases": list(PHASES)}}, release_types={"minor": kind}, milestones=frozen)
    assert events(planner(book))["Feature freeze; from then on only fix may join"] == FRIDAY + 2 * DAY


def test_what_lies_before_today_is_late_and_says_when_it_would_not_be() -> None:
    messages = [
        {"at": "-30d", "to": ["file:A.md"], "say": "announced"},
        {"at": "-1d", "to": ["file:A.md"], "say": "status"},
    ]
    book = small(
        communication=messages,
        release_types={"minor": {"bump": "minor", "notice": "7d"}},
        environments={"production": {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}},
    )
    plan = planner(book, changes=(FEATURE,))
    course = plan.course()
    assert course.earliest == datetime(2026, 11, 30, 17, tzinfo=UTC)
    (only,) = late(plan, course)
    assert only.what == "message to file:A.md: announced"
    # At the same time of day, though the clocks change in between.
    assert only.due == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert only.late_by == FRIDAY - only.due
    # Thirty days from Friday is a Sunday: the window after it is Monday's.
    assert only.in_time == datetime(2026, 12, 21, 17, tzinfo=UTC)


def test_a_message_is_planned_for_the_very_moment_at_which_it_will_go() -> None:
    """Its days are civil days, as those of the notice are; in spring they are an hour shorter in all."""
    message = {"at": "-7d", "to": ["file:A.md"], "say": "announced"}
    spring = datetime(2027, 3, 10, 12, tzinfo=UTC)  # The clocks are set forward on 14 March.
    kinds = {"minor": {"bump": "minor"}}
    windows = {"production": {"windows": [{"days": "tue", "from": "09:00", "to": "10:00"}]}}
    plan = planner(small(communication=[message], release_types=kinds, environments=windows), now=spring)
    course = plan.course()
    goes = course.earliest
    assert goes == datetime(2027, 3, 16, 16, tzinfo=UTC)
    tz = plan.policies.current.tz
    assert events(plan)["message to file:A.md: announced"] == moment_of(-7 * DAY, goes, tz) == goes - 7 * DAY + HOUR
    (only,) = late(plan, course)
    assert only.in_time == datetime(2027, 3, 23, 16, tzinfo=UTC)
