"""A release of several components goes as one, in the order of requirements, and comes back in reverse order."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.bundles import IN_ORDER, NEEDS, WATCH, Group, bundled, components, policy
from tests.support.flows import Organisation
from tidegate.core.joint_rollout import JointState
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import RolloutState
from tidegate.errors import ConflictError, NotFoundError, TargetError, TransitionError
from tidegate.orchestration import (
    audit,
    breakglass,
    glass_journal,
    hold,
    homecoming,
    joint_acts,
    restore,
    rollback,
    rollout,
    sweep,
    wayback,
)

OLD, NEW = dict.fromkeys(IN_ORDER, "1.0.1"), dict.fromkeys(IN_ORDER, "1.1.0")
ABSENT = dict.fromkeys(IN_ORDER, "absent")
BACKWARDS = [*reversed(IN_ORDER)]


@pytest.fixture
def group(make_org: Callable[..., Organisation]) -> Group:
    return bundled(make_org)


def with_old(group: Group) -> Group:
    """All four run 1.0.1 in production, which a release of them all brought there."""
    group.org.start(group.opened("november", version="1.0.1"))
    group.run()
    assert group.runs() == OLD
    return group


@pytest.fixture
def running(group: Group) -> Group:
    return with_old(group)


def watched_from(group: Group, component: str) -> None:
    """From the moment on at which this one begins, production is watched: Tidegate may go back by itself."""
    group.until(component)
    group.org.adopt(**policy(watch={"production": WATCH}))


def the_log_holds(group: Group) -> None:
    """The log is whole, and every decision in it is made again as it was."""
    assert audit.verify(group.org.house).holds
    assert {found.problem for found in audit.rejudge(group.org.house)} == {""}


def denied(group: Group) -> list[str]:
    return [leaf.data["what"] for leaf in group.org.leaves() if leaf.kind.endswith(".denied") and "what" in leaf.data]


def test_they_go_one_after_the_other_by_what_requires_what(group: Group) -> None:
    started = group.org.start(group.opened())
    assert started == "december.production.1"
    assert group.joint().sequence == IN_ORDER
    assert group.state() == (JointState.RUNNING, ReleaseState.ROLLING)
    assert group.runs() == ABSENT
    group.run()
    assert group.order("rollout.started") == [*IN_ORDER]
    assert group.order("rollout.succeeded") == [*IN_ORDER]
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)
    assert group.runs() == NEW
    assert {one.id for one in group.parts()} == {f"december.production.1.{name}" for name in IN_ORDER}
    assert group.org.kinds().count("joint.succeeded") == 1
    assert group.org.kinds()[-1] == "joint.succeeded"
    the_log_holds(group)


def test_without_requirements_they_go_as_they_were_named(make_org: Callable[..., Organisation]) -> None:
    group = bundled(make_org, components=components({name: {} for name in NEEDS}))
    group.org.start(group.opened("december", "portal", "billing", "platform"))
    group.run()
    assert group.order("rollout.started") == ["portal", "billing", "platform"]
    assert group.runs() == {"portal": "1.1.0", "billing": "1.1.0", "platform": "1.1.0", "crm": "absent"}


def test_one_that_is_bad_takes_those_before_it_back_last_first(running: Group) -> None:
    running.org.start(running.opened())
    running.unhealthy("crm")
    watched_from(running, "crm")
    running.run()
    assert running.order("rollout.started")[4:] == ["platform", "billing", "crm"]
    assert running.order("rollback.started") == ["crm", "billing", "platform"]
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    assert running.runs() == OLD
    assert running.org.kinds().count("incident.opened") == 1
    assert running.org.kinds().count("incident.restored") == 1
    assert running.order("hold.added") == ["crm"]
    the_log_holds(running)


def test_the_way_back_of_each_begins_when_the_one_before_has_ended(running: Group) -> None:
    running.org.start(running.opened())
    running.unhealthy("portal")
    watched_from(running, "portal")
    running.run()
    told = [leaf.kind for leaf in running.org.leaves() if leaf.kind in ("rollback.started", "rollback.succeeded")]
    assert told == ["rollback.started", "rollback.succeeded"] * 4
    assert running.order("rollback.started") == BACKWARDS


def test_a_hold_between_two_keeps_the_next_from_beginning(group: Group) -> None:
    group.org.start(group.opened())
    group.org.carry()
    held = hold.add(group.org.house, group.org.claim("rita"), "the database is full", environment="production")
    group.run()
    assert group.order("rollout.started") == ["platform"]
    assert group.state() == (JointState.WAITING, ReleaseState.ROLLING)
    assert "the database is full" in group.joint().because
    assert group.org.kinds()[-1] == "decision.denied"
    for _ in range(3):
        group.org.clock.go(timedelta(minutes=1))
        group.run()
    assert group.org.kinds().count("decision.denied") == 1
    hold.lift(group.org.house, group.org.claim("rita"), held.id, "there is room again")
    group.run()
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)
    the_log_holds(group)


def test_a_window_that_closes_between_two_keeps_the_next_waiting_until_it_opens(
    make_org: Callable[..., Organisation],
) -> None:
    windows = [{"days": "mon-fri", "from": "09:00", "to": "16:00"}]
    places = {"staging": {"gates": []}, "production": {"gates": [], "windows": windows}}
    group = bundled(make_org, environments=places)
    group.org.start(group.opened())
    group.org.carry()
    group.org.clock.go(timedelta(hours=8))
    group.run()
    assert group.order("rollout.started") == ["platform"]
    joint = group.joint()
    assert joint.state is JointState.WAITING
    assert joint.due_at == datetime(2026, 12, 2, 17, 0, tzinfo=UTC)
    group.org.clock.now = joint.due_at
    group.run()
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)


def test_who_started_it_and_has_left_is_followed_by_somebody_who_resumes(
    make_org: Callable[..., Organisation],
) -> None:
    group = bundled(make_org, permits={"start": ["rm", "carol"]})
    group.org.start(group.opened())
    group.org.carry()
    group.org.adopt(**policy(permits={"start": ["rm", "carol"]}, people={"rita": {"disabled": True}}))
    group.run()
    assert group.state() == (JointState.PAUSED, ReleaseState.ROLLING)
    assert "rita is disabled" in group.joint().because
    joint_acts.resume(group.org.house, group.joint().id, group.org.claim("carol"))
    assert group.state()[0] is JointState.RUNNING
    group.run()
    assert group.order("rollout.started") == ["platform", "billing"]
    assert group.state()[0] is JointState.PAUSED
    the_log_holds(group)


def test_a_person_pauses_it_between_two_and_takes_it_on(group: Group) -> None:
    started = group.org.start(group.opened())
    group.org.carry()
    assert joint_acts.pause(group.org.house, started, group.org.claim("rita"), "lunch") is JointState.PAUSED
    group.run()
    assert group.order("rollout.started") == ["platform"]
    assert joint_acts.resume(group.org.house, started, group.org.claim("rita")) is JointState.RUNNING
    group.run()
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)
    the_log_holds(group)


def test_a_pause_of_the_whole_is_one_of_the_part_under_way(group: Group) -> None:
    started = group.org.start(group.opened())
    group.org.carry_one()
    assert joint_acts.pause(group.org.house, started, group.org.claim("rita"), "") is RolloutState.PAUSED
    group.run()
    assert group.rollout_of("platform").state is RolloutState.PAUSED
    joint_acts.resume(group.org.house, started, group.org.claim("rita"))
    group.run()
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)


def test_one_that_goes_on_cannot_be_resumed_and_one_in_doubt_is_taken_back(group: Group) -> None:
    started = group.org.start(group.opened())
    group.run()
    with pytest.raises(TransitionError, match=f"{started} is succeeded, and not paused"):
        joint_acts.resume(group.org.house, started, group.org.claim("rita"))
    assert denied(group)[-1] == f"{started} is succeeded, and not paused"


def test_the_last_in_doubt_ends_in_doubt_and_the_whole_with_it(group: Group) -> None:
    group.org.start(group.opened())
    group.until("portal")
    group.cut_off("portal")
    group.org.carry()
    assert group.rollout_of("portal").state in (RolloutState.PAUSED, RolloutState.IN_DOUBT)
    assert group.state() == (JointState.RUNNING, ReleaseState.ROLLING)
    assert group.org.kinds().count("joint.succeeded") == 0
    group.cut_off("portal", reachable=True)
    if group.rollout_of("portal").state is RolloutState.PAUSED:
        joint_acts.resume(group.org.house, group.joint().id, group.org.claim("rita"))
    group.org.clock.go(timedelta(minutes=1))
    group.run()
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)


@pytest.mark.parametrize("name", [*IN_ORDER, "december"])
def test_a_person_takes_all_back_by_the_name_of_one_or_of_the_release(running: Group, name: str) -> None:
    running.org.start(running.opened())
    running.run()
    made = rollback.roll_back(running.org.house, name, "production", running.org.claim("rita"), reason="it is slow")
    assert made == running.joint().id
    running.run()
    assert running.order("rollback.started") == BACKWARDS
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    assert running.runs() == OLD
    assert set(running.order("hold.added")) == ({*IN_ORDER} if name == "december" else {name})
    with pytest.raises(NotFoundError, match="there is nothing to take back"):
        rollback.roll_back(running.org.house, "december", "production", running.org.claim("rita"))
    the_log_holds(running)


def test_all_is_taken_back_while_the_second_is_under_way(running: Group) -> None:
    running.org.start(running.opened())
    running.org.carry()
    running.org.sweep()
    assert running.is_begun("billing")
    rollback.roll_back(running.org.house, "portal", "production", running.org.claim("rita"))
    with pytest.raises(ConflictError, match="december in production is being taken back already"):
        rollback.roll_back(running.org.house, "crm", "production", running.org.claim("rita"))
    running.run()
    assert running.order("rollback.started") == ["billing", "platform"]
    assert running.runs() == OLD
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)


def test_all_is_taken_back_between_two(running: Group) -> None:
    running.org.start(running.opened())
    running.org.carry()
    rollback.roll_back(running.org.house, "december", "production", running.org.claim("rita"))
    running.run()
    assert running.order("rollback.started") == ["platform"]
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)


def test_one_goes_back_alone_to_a_version_and_the_whole_is_in_doubt(running: Group) -> None:
    running.org.start(running.opened())
    running.run()
    rollback.roll_back(running.org.house, "portal", "production", running.org.claim("rita"), to="1.0.1")
    running.run()
    assert running.order("rollback.started") == ["portal"]
    assert running.state() == (JointState.IN_DOUBT, ReleaseState.RELEASED)
    assert running.runs() == {**NEW, "portal": "1.0.1"}
    rollback.roll_back(running.org.house, "december", "production", running.org.claim("rita"))
    running.run()
    assert running.order("rollback.started") == BACKWARDS
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    assert running.runs() == OLD


def test_what_another_release_has_reached_since_is_left_alone(running: Group) -> None:
    running.org.start(running.opened())
    running.run()
    running.org.start(running.opened("january", "crm", "portal", version="1.2.0"))
    running.run()
    rollback.roll_back(running.org.house, "december", "production", running.org.claim("rita"))
    running.run()
    assert running.order("rollback.started") == ["billing", "platform"]
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    assert running.runs() == {"platform": "1.0.1", "billing": "1.0.1", "crm": "1.2.0", "portal": "1.2.0"}


def test_one_that_is_there_already_is_left_as_it_is(group: Group) -> None:
    release = group.opened()
    group.org.start(release, "staging")
    group.run()
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.OPEN)
    changed = components()
    changed["crm"]["targets"]["staging"]["restart"] = ["true", "again"]
    group.org.adopt(**policy(components=changed))
    group.org.approve(release, "carol", environment="staging")
    before = len(group.order("rollout.started"))
    group.org.start(release, "staging")
    group.run()
    assert group.order("rollout.started")[before:] == ["crm"]
    assert group.joint().sequence == ("crm",)
    [started] = [leaf for leaf in group.org.leaves() if leaf.kind == "joint.started"][1:]
    assert started.data["there"] == ["billing", "platform", "portal"]
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.OPEN)


def test_all_that_are_there_already_are_carried_again(group: Group) -> None:
    release = group.opened()
    for _ in range(2):
        group.org.start(release, "staging")
        group.run()
    assert group.order("rollout.started") == [*IN_ORDER, *IN_ORDER]


def test_it_goes_from_one_environment_to_the_next_as_a_whole(make_org: Callable[..., Organisation]) -> None:
    asked = {"gates": [], "approvals": [{"from": "tech-leads"}]}
    places = {"staging": asked, "production": {"gates": [], "after": [{"environment": "staging"}]}}
    group = bundled(make_org, environments=places)
    release = group.opened()
    request = rollout.ask_start(group.org.house, release, "production", group.org.claim("rita"))
    group.org.start(release, "staging")
    group.org.carry()
    assert "portal 1.1.0 as it is now has not been verified in staging" in group.org.reasons(release)
    group.run()
    assert group.org.request(request).rollout == "december.production.1"
    assert group.runs("staging") == group.runs() == NEW
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)


def test_nothing_begins_where_one_has_no_target(make_org: Callable[..., Organisation]) -> None:
    without = components()
    del without["crm"]["targets"]["production"]
    del without["portal"]["targets"]["production"]
    group = bundled(make_org, components=without)
    release = group.opened()
    with pytest.raises(NotFoundError) as caught:
        group.org.start(release)
    assert caught.value.what == (
        "2 of 4 components cannot go, so none begins: crm: crm has no target in production; "
        "portal: portal has no target in production"
    )
    assert group.runs() == ABSENT
    assert group.org.kinds()[-1] == "start.denied"


def test_nothing_begins_where_one_does_not_answer(group: Group) -> None:
    release = group.opened()
    group.cut_off("portal")
    with pytest.raises(TargetError, match="1 of 4 components cannot go, so none begins: portal: the unit does not"):
        group.org.start(release)
    assert group.runs() == ABSENT


def test_nothing_begins_while_another_release_holds_the_lease_of_one(running: Group) -> None:
    running.org.start(running.opened("january", "portal", version="1.2.0"))
    release = running.opened()
    with pytest.raises(ConflictError, match="another rollout of portal is under way in production"):
        running.org.start(release)
    running.run()
    assert running.runs() == {**OLD, "portal": "1.2.0"}


def test_the_next_waits_while_another_release_holds_its_lease(group: Group) -> None:
    group.org.start(group.opened())
    group.org.carry()
    release = group.opened("january", "billing", version="1.2.0")
    other = group.org.start(release)
    group.org.sweep()
    assert group.joint().state is JointState.WAITING
    assert f"another rollout of billing is under way in production: {other}" in group.joint().because
    group.org.carry()
    group.org.clock.go(timedelta(minutes=1))
    group.run()
    assert group.order("rollout.started") == ["platform", "billing", "billing", "crm", "portal"]
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)


def test_a_crash_between_two_neither_loses_nor_doubles_the_next(group: Group) -> None:
    group.org.start(group.opened())
    group.org.carry()
    other = group.org.beside()
    [(_, one)] = [job for job in sweep.due_jobs(group.org.house, "one") if job[0].startswith("joint")]
    [(_, two)] = [job for job in sweep.due_jobs(other.house, "two") if job[0].startswith("joint")]
    one()
    two()
    group.run()
    assert group.order("rollout.started") == [*IN_ORDER]
    other.house.database.close()


def test_messages_tell_of_the_whole(make_org: Callable[..., Organisation]) -> None:
    told = [
        {"on": "rollout.progressed", "to": "file:out.md", "say": "status"},
        {"on": "release.completed", "to": "file:out.md", "say": "released"},
    ]
    group = bundled(make_org, communication=told)
    group.org.start(group.opened())
    group.org.carry()
    assert [m.occasion for m in group.org.messages()].count("release.completed") == 0
    group.run()
    text = (group.org.root / "out.md").read_text()
    assert text.count("is verified in production (") == 3
    assert "platform is verified in production (1 of 4)" in text


def test_a_way_back_that_does_not_answer_is_waited_for_and_goes_on(running: Group) -> None:
    running.org.start(running.opened())
    running.run()
    rollback.roll_back(running.org.house, "december", "production", running.org.claim("rita"))
    running.org.carry()
    running.cut_off("crm")
    running.run()
    assert running.order("rollback.started") == ["portal", "crm"]
    assert running.state() == (JointState.RETURNING, ReleaseState.RELEASED)
    running.cut_off("crm", reachable=True)
    running.org.clock.go(timedelta(minutes=1))
    running.run()
    assert running.order("rollback.started") == BACKWARDS
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    the_log_holds(running)


def test_a_way_back_that_is_refused_leaves_the_whole_in_doubt_to_a_person(running: Group) -> None:
    running.org.start(running.opened())
    running.unhealthy("portal")
    running.until("portal")
    # Whose version nobody verified there is no version to go back to; a person then says to which.
    running.org.sql("UPDATE tg_rollout SET from_version = '0.9.9' WHERE id = 'december.production.1.crm'")
    running.org.adopt(**policy(watch={"production": WATCH}))
    running.run()
    assert running.order("rollback.started") == ["portal"]
    assert running.state() == (JointState.IN_DOUBT, ReleaseState.ROLLING)
    assert running.joint().because == "crm is not taken back: crm 0.9.9 was never verified in production"
    running.org.sql("UPDATE tg_rollout SET from_version = '1.0.1' WHERE id = 'december.production.1.crm'")
    rollback.roll_back(running.org.house, "december", "production", running.org.claim("rita"))
    running.run()
    assert running.order("rollback.started") == BACKWARDS
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    assert running.runs() == OLD


def test_who_breaks_the_glass_takes_one_back_and_the_rest_is_left_to_a_person(running: Group) -> None:
    running.org.start(running.opened())
    running.run()
    house = running.org.house
    found = wayback.find(house.state, "portal", "production")
    driver = house.driver_for("portal", "production", found.settings)
    journal = glass_journal.Journal(wayback.journal_path(house.state))
    claim, clock = running.org.claim("rita"), running.org.clock
    breakglass.roll_back(
        found, driver, claim, clock=clock, journal=journal, package=None, reason="it is gone", say=print
    )
    homecoming.bring_home(house)
    assert running.runs() == {**NEW, "portal": "1.0.1"}
    assert running.state() == (JointState.IN_DOUBT, ReleaseState.RELEASED)
    assert running.joint().because == "portal is taken back alone: break-glass: it is gone"
    rollback.roll_back(house, "december", "production", claim)
    running.run()
    assert running.order("rollback.started") == ["crm", "billing", "platform"]
    assert running.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    the_log_holds(running)


def test_after_a_backup_was_put_back_nothing_goes_on_by_itself(group: Group) -> None:
    group.org.start(group.opened())
    group.org.carry()
    found = restore.restored(group.org.house, group.org.claim("rita"), "the disk died")
    assert found.paused == ("december.production.1",)
    group.run()
    assert group.order("rollout.started") == ["platform"]
    assert group.state() == (JointState.PAUSED, ReleaseState.ROLLING)
    joint_acts.resume(group.org.house, "december.production.1", group.org.claim("rita"))
    group.run()
    assert group.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)


def test_a_row_that_says_who_started_it_proves_nothing(group: Group) -> None:
    group.org.start(group.opened())
    group.org.carry()
    group.org.sql("UPDATE tg_joint_rollout SET signature = '', statement = ''")
    group.org.sql("UPDATE tg_joint_rollout SET started_by = :by", by=json.dumps(dict(FORGED)))
    group.run()
    assert group.order("rollout.started") == ["platform"]
    assert group.joint().because == (
        "who started it is not proven any more: the log does not say that alice started it"
    )


FORGED = {"person": "alice", "via": "ssh key", "assurance": "signature"}


def test_two_sweeps_at_once_on_either_database_begin_one(running: Group) -> None:
    running.org.start(running.opened())
    running.org.carry()
    other = running.org.beside()
    jobs = [
        job
        for org in (running.org, other)
        for name, job in sweep.due_jobs(org.house, "both")
        if name.startswith("joint rollout")
    ]
    assert len(jobs) == 2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: job(), jobs))
    assert running.order("rollout.started")[4:] == ["platform", "billing"]
    other.house.database.close()
