"""Trains on both databases: they open their releases once, lock them, depart, close, and say who missed them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.flows import NOW, Organisation, refused
from tests.support.gitrepo import GitRepository
from tidegate.core.leaf import Leaf
from tidegate.core.release import ReleaseState
from tidegate.core.train_run import RunState, Standing
from tidegate.errors import ConflictError
from tidegate.orchestration import release as release_flow
from tidegate.orchestration import sweep, train
from tidegate.orchestration.release import Intent
from tidegate.orchestration.train_plan import ensure_planned
from tidegate.store import releases, trains
from tidegate.store.trains import RunRow

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MakeOrg = Callable[..., Organisation]
DEPARTS = datetime(2026, 12, 8, 18, tzinfo=UTC)
"""The Tuesday after NOW, 10:00 in Los Angeles; NOW is a departure itself, and past when the policy is adopted."""
FREEZE = DEPARTS - 2 * DAY

OCCASIONS = ("release.opened", "release.superseded", "train.boarded", "train.departed", "train.missed")
POLICY: dict[str, Any] = {
    "trains": {"weekly": {"of": {"component": "billing"}, "every": "week on tuesday at 10:00"}},
    "release_types": {
        "minor": {"bump": "minor", "approvals": [{"from": "tech-leads"}]},
        "hotfix": {"bump": "patch", "skips": ["train", "freeze"]},
        "urgent": {"bump": "minor", "skips": ["train", "freeze"]},
    },
    "environments": {"production": {"freeze": {"before": "2d", "allow": ["fix"]}}},
    "communication": [{"on": one, "to": "file:NOTICES.md", "say": "status"} for one in OCCASIONS],
}


@pytest.fixture
def org(make_org: MakeOrg) -> Organisation:
    return make_org(**POLICY)


def repository(org: Organisation) -> GitRepository:
    """The repository of the organisation; to make one again where one is changes nothing."""
    return GitRepository(org.root)


def commit(org: Organisation, message: str, at: datetime | None = None, name: str = "app/more.txt") -> str:
    """Commit something of the component, at the time that the clock shows."""
    moment = at or org.clock.now
    return repository(org).commit(message, {name: f"{message} {moment}"}, at=moment)


def at(org: Organisation, moment: datetime) -> None:
    """Set the clock, and do what is due then, and what becomes due by it."""
    org.clock.now = moment
    for _ in range(6):
        org.sweep()


def rows(org: Organisation, name: str = "weekly") -> list[RunRow]:
    """The runs that are known, the first to depart before the others."""
    with org.house.database.read() as connection:
        return sorted(trains.of_train(connection, name), key=lambda row: row.run.departs_at)


def aboard(org: Organisation, number: int = 0, name: str = "weekly") -> list[tuple[str, Standing, tuple[str, ...]]]:
    with org.house.database.read() as connection:
        found = trains.passengers(connection, rows(org, name)[number].run)
    return [(one.release or one.component, one.standing, one.because) for one in found]


def ids(org: Organisation) -> list[str]:
    with org.house.database.read() as connection:
        return sorted(releases.list_ids(connection))


def state(org: Organisation, release: str) -> ReleaseState:
    with org.house.database.read() as connection:
        return releases.load(connection, release).facts.state


def of_kind(org: Organisation, *kinds: str) -> list[Leaf]:
    return [leaf for leaf in org.leaves() if leaf.kind in kinds]


def lines(org: Organisation) -> list[str]:
    path = org.root / "NOTICES.md"
    return [line.partition(" <!--")[0] for line in path.read_text().splitlines()] if path.exists() else []


# ---- planned


def test_the_adoption_of_a_policy_plans_the_next_run_of_each_train(org: Organisation) -> None:
    [row] = rows(org)
    assert (row.run.departs_at, row.run.boards_at, row.run.locks_at) == (DEPARTS, FREEZE, FREEZE)
    assert row.run.closes_at == datetime(2026, 12, 9, 8, tzinfo=UTC)
    assert (row.state, row.due_at) == (RunState.PLANNED, FREEZE)
    assert sweep.next_due(org.house) == FREEZE


def test_another_policy_plans_anew_and_what_is_under_way_stays(org: Organisation) -> None:
    at(org, FREEZE)
    moved = {"weekly": {"of": {"component": "billing"}, "every": "week on tuesday at 10:00", "opens": "3d"}}
    org.adopt(**{**POLICY, "trains": moved})
    assert [(row.run.departs_at, row.state) for row in rows(org)] == [
        (DEPARTS, RunState.LOCKED),
        (DEPARTS + 7 * DAY, RunState.PLANNED),
    ]
    assert rows(org)[1].run.boards_at == DEPARTS + 4 * DAY


def test_a_train_that_is_new_begins_with_a_run_whose_boarding_is_to_come(make_org: MakeOrg) -> None:
    early = {"weekly": {"of": {"component": "billing"}, "every": "week on tuesday at 10:00", "opens": "10d"}}
    org = make_org(**{**POLICY, "trains": early})
    [row] = rows(org)
    assert row.run.departs_at == DEPARTS + 7 * DAY
    assert row.run.boards_at == NOW + 4 * DAY


def test_what_is_planned_stays_planned_where_the_policy_has_it_still(org: Organisation) -> None:
    org.clock.now = FREEZE + HOUR  # nobody has looked yet
    org.adopt(**{**POLICY, "rehearsal": "another one"})
    [row] = rows(org)
    assert (row.run.departs_at, row.state) == (DEPARTS, RunState.PLANNED)


def test_a_run_that_the_policy_no_longer_has_is_given_up(org: Organisation) -> None:
    at(org, FREEZE)
    org.adopt(**{**POLICY, "trains": {}})
    [row] = rows(org)
    assert (row.state, row.due_at, row.because) == (
        RunState.MISSED,
        None,
        "the policy has no such departure any more",
    )
    assert of_kind(org, "train.withdrawn")[0].data["train"] == "weekly"
    assert state(org, "billing-1.1.0") is ReleaseState.OPEN


def test_a_store_of_an_earlier_version_has_its_runs_planned(org: Organisation) -> None:
    org.sql("DELETE FROM tg_train_run")
    ensure_planned(org.house)
    ensure_planned(org.house)
    assert [row.run.departs_at for row in rows(org)] == [DEPARTS]


# ---- opened and locked


def test_at_the_freeze_it_opens_and_locks_what_is_unreleased(org: Organisation) -> None:
    at(org, FREEZE - HOUR)
    assert ids(org) == []
    at(org, FREEZE)
    assert ids(org) == ["billing-1.1.0"]
    assert aboard(org) == [("billing-1.1.0", Standing.ABOARD, ())]
    assert [row.state for row in rows(org)] == [RunState.LOCKED, RunState.PLANNED]
    with org.house.database.read() as connection:
        row = releases.load(connection, "billing-1.1.0")
    assert (row.facts.opened_by, row.facts.type) == ("tidegate", "minor")
    assert row.facts.items[0].content_at == FREEZE
    assert row.facts.items[0].authors == ("dave",)
    opened, boarded, locked = of_kind(org, "release.opened", "train.boarded", "train.locked")
    assert (opened.actor.person, opened.actor.via) == ("tidegate", "train weekly")
    assert boarded.data["aboard"] == {"billing": "billing-1.1.0"}
    assert locked.data["departs_at"] == "2026-12-08T18:00:00Z"
    assert "- Example: the weekly train departs Tue 8 Dec 2026 10:00 PST; aboard: billing-1.1.0" in lines(org), lines(
        org
    )


def test_a_worker_that_comes_late_opens_what_there_was_at_the_freeze(org: Organisation) -> None:
    at_freeze = commit(org, "fix: in time", FREEZE)
    commit(org, "feat: too late", FREEZE + timedelta(seconds=1))
    at(org, FREEZE + 5 * HOUR)
    with org.house.database.read() as connection:
        item = releases.load(connection, "billing-1.1.0").facts.items[0]
    assert item.subject.commit == at_freeze
    assert [change.summary for change in item.changes] == ["in time", "second"]


def test_what_it_opens_rides_it(org: Organisation) -> None:
    at(org, FREEZE)
    org.tested("billing-1.1.0")
    org.approve("billing-1.1.0", "carol")
    decision = org.decide("billing-1.1.0")
    assert not decision.allowed
    assert decision.blocked_by_time_only
    assert decision.next_possible == DEPARTS


def test_two_workers_open_each_release_once(org: Organisation) -> None:
    org.clock.now = FREEZE
    beside = org.beside()
    both = [job for one in (org, beside) for name, job in sweep.due_jobs(one.house, "x") if name.startswith("train")]
    assert len(both) == 2
    for job in both:
        job()
    train.sweep(beside.house, rows(org)[0].run)
    assert len(of_kind(org, "release.opened")) == len(of_kind(org, "train.boarded")) == 1
    assert len(of_kind(org, "train.locked")) == 1
    beside.house.database.close()


def test_what_was_opened_before_a_crash_is_not_opened_again(org: Organisation) -> None:
    at(org, FREEZE)
    # As it stands after a kill between the opening and the boarding.
    org.sql("DELETE FROM tg_passenger")
    org.sql("UPDATE tg_train_run SET state = 'planned', due_at = boards_at WHERE state = 'locked'")
    at(org, FREEZE + HOUR)
    assert ids(org) == ["billing-1.1.0"]
    assert aboard(org)[0][0] == "billing-1.1.0"


def test_what_cannot_be_opened_is_told_with_its_reason(make_org: MakeOrg) -> None:
    org = make_org(**{**POLICY, "release_types": {"minor": {"bump": "major"}}})
    at(org, FREEZE)
    assert ids(org) == []
    because = "the policy has no release type that raises the minor number"
    assert aboard(org) == [("billing", Standing.NOT_OPENED, (because,))]
    assert any(f"not opened: billing ({because})" in line for line in lines(org))


def test_a_component_without_changes_is_not_aboard(org: Organisation) -> None:
    repository(org).tag("billing-v1.1.0")
    at(org, FREEZE)
    assert (ids(org), aboard(org)) == ([], [])


def test_by_hand_nothing_is_opened_and_what_is_open_rides(make_org: MakeOrg) -> None:
    by_hand = {"of": {"component": "billing"}, "every": "week on tuesday at 10:00", "opens": "by-hand"}
    org = make_org(**{**POLICY, "trains": {"weekly": by_hand}})
    at(org, FREEZE)
    assert (ids(org), aboard(org)) == ([], [])
    release = org.open()
    at(org, DEPARTS)
    assert aboard(org, 0) == []
    at(org, FREEZE + 7 * DAY)
    assert aboard(org, 1)[0][0] == release


def test_opened_earlier_it_looks_again_at_the_freeze(make_org: MakeOrg) -> None:
    early = {"of": {"component": "billing"}, "every": "week on tuesday at 10:00", "opens": "4d"}
    org = make_org(**{**POLICY, "trains": {"weekly": early}})
    at(org, DEPARTS - 4 * DAY)
    assert (ids(org), rows(org)[0].state) == (["billing-1.1.0"], RunState.BOARDED)
    commit(org, "feat: in between", FREEZE - HOUR)
    at(org, FREEZE)
    # Nobody has said yes to it yet: the newer content takes its place.
    assert ids(org) == ["billing-1.1.0", "billing-1.1.1"]
    assert state(org, "billing-1.1.0") is ReleaseState.SUPERSEDED
    assert (aboard(org)[0][0], rows(org)[0].state) == ("billing-1.1.1", RunState.LOCKED)


# ---- locked


def test_what_the_freeze_does_not_let_in_does_not_join(org: Organisation) -> None:
    at(org, FREEZE)
    commit(org, "feat: late", FREEZE + HOUR)
    sentence = '^"late" comes too late: billing-1.1.0 is locked aboard the weekly train, and fix alone still joins it$'
    with refused(org, ConflictError, sentence, "release"):
        org.open()
    with refused(org, ConflictError, "billing-1.1.0 is locked aboard the weekly train", "release"):
        release_flow.amend(org.house, "billing-1.1.0", org.claim("rita"), Intent(planned_at=DEPARTS + DAY))
    release_flow.amend(org.house, "billing-1.1.0", org.claim("rita"), Intent(reason="customers ask for it"))


def test_a_lenient_train_lets_nothing_into_a_stricter_one(make_org: MakeOrg) -> None:
    inner = {"of": {"component": "billing"}, "every": "week on tuesday at 09:00", "to": "staging"}
    freezes = {
        "staging": {"freeze": {"before": "2d", "allow": ["fix", "feat"]}},
        "production": {"freeze": {"before": "2d", "allow": ["fix"]}},
    }
    org = make_org(**{**POLICY, "trains": {"inner": inner, **POLICY["trains"]}, "environments": freezes})
    at(org, FREEZE)
    assert [aboard(org, 0, name)[0][0] for name in ("inner", "weekly")] == ["billing-1.1.0", "billing-1.1.0"]
    commit(org, "feat: late", FREEZE + HOUR)
    org.clock.now = FREEZE + 2 * HOUR
    with pytest.raises(ConflictError, match="locked aboard the weekly train, and fix alone still joins it"):
        org.open()


def test_what_one_freeze_lets_in_is_new_to_another(make_org: MakeOrg) -> None:
    inner = {"of": {"component": "billing"}, "every": "week on tuesday at 09:00", "to": "staging"}
    freezes = {
        "staging": {"freeze": {"before": "2d", "allow": ["fix", "feat"]}},
        "production": {"freeze": {"before": "2d", "allow": ["fix"]}},
    }
    org = make_org(**{**POLICY, "trains": {"inner": inner}, "environments": freezes})
    at(org, FREEZE)
    commit(org, "feat: late", FREEZE + HOUR)
    org.clock.now = FREEZE + 2 * HOUR
    newer = org.open()
    with org.house.database.read() as connection:
        assert releases.load(connection, newer).facts.items[0].content_at == FREEZE + 2 * HOUR


def test_a_fix_joins_in_the_freeze_and_rides_the_same_run(org: Organisation) -> None:
    at(org, FREEZE)
    commit(org, "fix: it crashed", FREEZE + HOUR)
    org.clock.now = FREEZE + 2 * HOUR
    newer = org.open()
    assert (newer, state(org, "billing-1.1.0")) == ("billing-1.1.1", ReleaseState.SUPERSEDED)
    assert aboard(org)[0][0] == newer
    org.tested(newer)
    org.approve(newer, "carol")
    assert org.decide(newer).next_possible == DEPARTS


# ---- departed


def test_at_the_departure_it_is_told_who_may_go_and_who_is_held_up(org: Organisation) -> None:
    at(org, FREEZE)
    at(org, DEPARTS)
    [(name, standing, because)] = aboard(org)
    assert (name, standing) == ("billing-1.1.0", Standing.HELD_UP)
    assert because[0] == "there is no junit evidence for billing"
    assert rows(org)[0].state is RunState.DEPARTED
    assert any(
        "the weekly train departs, until Wed 9 Dec 2026 00:00 PST; may go: nobody; held up:" in x for x in lines(org)
    )


def test_who_went_is_written_down_when_it_closes(org: Organisation) -> None:
    at(org, FREEZE)
    org.tested("billing-1.1.0")
    org.approve("billing-1.1.0", "carol")
    at(org, DEPARTS)
    assert aboard(org) == [("billing-1.1.0", Standing.MAY_GO, ())]
    org.start("billing-1.1.0")
    org.carry()
    at(org, DEPARTS + 14 * HOUR)
    assert aboard(org) == [("billing-1.1.0", Standing.WENT, ())]
    assert rows(org)[0].state is RunState.CLOSED
    assert of_kind(org, "train.closed")[0].data["standing"] == {"billing": "went"}


def test_what_could_go_and_nobody_started_missed_it(org: Organisation) -> None:
    at(org, FREEZE)
    org.tested("billing-1.1.0")
    org.approve("billing-1.1.0", "carol")
    at(org, DEPARTS)
    at(org, DEPARTS + 14 * HOUR)
    assert aboard(org) == [("billing-1.1.0", Standing.MISSED, ("it could go, and nobody started it",))]


def test_who_missed_it_is_aboard_the_next_one(org: Organisation) -> None:
    at(org, FREEZE)
    at(org, DEPARTS)
    at(org, DEPARTS + DAY)
    org.approve("billing-1.1.0", "carol")
    commit(org, "feat: newer", DEPARTS + DAY)
    at(org, FREEZE + 7 * DAY)
    # Somebody has said yes to it: the newer content waits for the run after that.
    assert ids(org) == ["billing-1.1.0"]
    assert aboard(org, 1) == [("billing-1.1.0", Standing.ABOARD, ())]
    with org.house.database.read() as connection:
        assert trains.passengers(connection, rows(org)[1].run)[0].later == 1


def test_who_missed_it_unanswered_is_superseded_by_what_is_newer(org: Organisation) -> None:
    at(org, FREEZE)
    at(org, DEPARTS)
    at(org, DEPARTS + DAY)
    commit(org, "feat: newer", DEPARTS + DAY)
    at(org, FREEZE + 7 * DAY)
    assert state(org, "billing-1.1.0") is ReleaseState.SUPERSEDED
    assert aboard(org, 1) == [("billing-1.1.1", Standing.ABOARD, ())]
    assert any("billing 1.1.0: superseded by billing-1.1.1" in line for line in lines(org))


# ---- missed


def test_a_run_that_has_passed_is_missed_and_said_and_not_boarded(org: Organisation) -> None:
    at(org, DEPARTS + 15 * DAY)
    first, upcoming = rows(org)
    assert (first.state, first.because) == (
        RunState.MISSED,
        "nobody looked until it had departed; 2 more departures passed since",
    )
    assert (upcoming.run.departs_at, upcoming.state) == (DEPARTS + 21 * DAY, RunState.PLANNED)
    assert ids(org) == []
    assert len(of_kind(org, "train.missed")) == 1
    assert (
        "- Example: the weekly train of Tue 8 Dec 2026 10:00 PST was missed: nobody looked until it had departed; "
        "2 more departures passed since"
    ) in lines(org)


def test_a_run_that_boarded_and_was_left_alone_says_so(org: Organisation) -> None:
    at(org, FREEZE)
    at(org, DEPARTS + 3 * DAY)
    assert rows(org)[0].state is RunState.CLOSED
    assert aboard(org) == [
        ("billing-1.1.0", Standing.MISSED, ("nobody looked while it stood at the platform",)),
    ]


def test_without_a_freeze_it_opens_its_releases_as_it_departs(make_org: MakeOrg) -> None:
    org = make_org(**{**POLICY, "environments": {"production": {"freeze": None}}})
    at(org, DEPARTS - timedelta(seconds=1))
    assert ids(org) == []
    at(org, DEPARTS + HOUR)
    assert ids(org) == ["billing-1.1.0"]
    assert rows(org)[0].state is RunState.DEPARTED


# ---- superseded, by hand


def test_a_newer_release_supersedes_the_older_open_one(org: Organisation) -> None:
    older = org.open()
    org.tested(older)
    org.approve(older, "carol")
    commit(org, "fix: more")
    newer = org.open()
    assert (newer, state(org, older)) == ("billing-1.1.1", ReleaseState.SUPERSEDED)
    with org.house.database.read() as connection:
        row = releases.load(connection, older)
        assert (row.superseded_by, row.closed_at) == (newer, NOW)
        assert releases.approvals_of(connection, newer) == ()
    leaf = of_kind(org, "release.superseded")[0]
    assert (leaf.actor.person, leaf.data["by"]) == ("rita", newer)
    assert org.reasons(older, "staging")[0] == f"{older} is superseded, not open"


def test_what_is_on_its_way_is_not_superseded(org: Organisation) -> None:
    older = org.open()
    org.tested(older)
    org.start(older, "staging")
    org.carry()
    assert state(org, older) is ReleaseState.OPEN
    commit(org, "fix: more")
    newer = org.open("1.2.0")
    assert (state(org, older), state(org, newer)) == (ReleaseState.OPEN, ReleaseState.OPEN)


def test_what_goes_another_way_is_not_superseded(org: Organisation) -> None:
    older = org.open()
    commit(org, "fix: more")
    urgent = org.open("1.2.0", type_="urgent")
    assert (state(org, older), state(org, urgent)) == (ReleaseState.OPEN, ReleaseState.OPEN)


def test_what_does_not_have_its_content_supersedes_nothing(org: Organisation) -> None:
    commit(org, "fix: more")
    older = org.open()
    newer = release_flow.open_release(org.house, "billing", org.claim("rita"), version="1.2.0", at="HEAD~1").release.id
    assert (state(org, older), state(org, newer)) == (ReleaseState.OPEN, ReleaseState.OPEN)


def test_the_same_content_is_opened_once(org: Organisation) -> None:
    release = org.open()
    with refused(org, ConflictError, f"^there is a release {release} already$", "release"):
        org.open()


def test_the_same_content_under_two_versions_is_two_releases(org: Organisation) -> None:
    older, newer = org.open(), org.open("1.2.0")
    assert (state(org, older), state(org, newer)) == (ReleaseState.OPEN, ReleaseState.OPEN)
