"""Going back: to what was verified there, step by step, and never to a guess."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.flows import Organisation
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import RolloutState
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, TransitionError
from tidegate.orchestration import hold, resuming, rollback
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.store import releases, rollouts


def back(org: Organisation, to: str = "", environment: str = "production") -> str:
    made = rollback.roll_back(org.house, "billing", environment, org.claim("rita"), to=to)
    org.carry()
    return made


def state(org: Organisation, release: str) -> ReleaseState:
    with org.house.database.read() as connection:
        return releases.load(connection, release).facts.state


def test_the_first_release_returns_to_absent(org: Organisation) -> None:
    started = org.released()
    made = org.rollout(back(org))
    assert made.state is RolloutState.SUCCEEDED
    assert org.rollout(started).state is RolloutState.ROLLED_BACK
    assert state(org, "billing-1.1.0") is ReleaseState.ROLLED_BACK
    assert org.running() == ["absent", "absent"]


def test_nobody_stops_a_rollback_half_way(org: Organisation) -> None:
    org.released()
    made = rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    with pytest.raises(TransitionError, match="takes a release back: nobody stops that half-way"):
        resuming.pause_by_person(org.house, made, org.claim("rita"), "wait")
    org.carry()
    assert org.running() == ["absent", "absent"]


def test_going_back_goes_one_step_at_a_time(org: Organisation) -> None:
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        org.released(version)
    for version in ("1.2.0", "1.1.0", "absent"):
        back(org)
        assert org.running() == [version, version]
    with pytest.raises(NotFoundError, match="no rollout of billing stands in production: there is nothing"):
        back(org)
    assert org.kinds()[-1] == "rollback.denied"


def test_after_going_back_two_steps_at_once_the_record_says_what_runs(org: Organisation) -> None:
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        org.released(version)
    back(org, to="1.1.0")
    assert org.running() == ["1.1.0", "1.1.0"]
    started = org.rollout(org.released("1.4.0"))
    assert started.source is not None
    assert started.source.version == "1.1.0"
    back(org)
    assert org.running() == ["1.1.0", "1.1.0"]
    back(org)
    assert org.running() == ["absent", "absent"]


@pytest.mark.parametrize("version", ["1.0.9", "9.9.9"])
def test_a_version_that_was_never_verified_there_is_refused(org: Organisation, version: str) -> None:
    org.released()
    before = org.counts()
    with pytest.raises(DecisionRefusedError, match=f"billing {version} was never verified in production") as caught:
        back(org, to=version)
    assert caught.value.exit_code == 3
    assert org.kinds()[-1] == "decision.denied"
    assert org.running() == ["1.1.0", "1.1.0"]
    assert org.counts()["tg_rollout"] == before["tg_rollout"]


def test_a_version_that_was_only_verified_elsewhere_is_refused(org: Organisation) -> None:
    staged = org.prepared()
    org.start(staged, "staging")
    org.carry()
    org.released("1.2.0")
    with pytest.raises(DecisionRefusedError, match=r"billing 1\.1\.0 was never verified in production"):
        back(org, to="1.1.0")


def test_nothing_was_ever_there(org: Organisation) -> None:
    with pytest.raises(NotFoundError, match="there is nothing to take back") as caught:
        back(org)
    assert caught.value.exit_code == 5
    assert org.kinds()[-1] == "rollback.denied"


def test_nothing_stops_a_rollback_but_permission(org: Organisation) -> None:
    org.released()
    hold.add(org.house, org.claim("rita"), "stop the line")
    org.adopt(
        environments={"production": {"windows": []}},
        calendar={"blackouts": [{"name": "now", "from": "2026-11-01", "to": "2026-12-31"}]},
    )
    with pytest.raises(NotPermittedError, match="which is none of rita"):
        rollback.roll_back(org.house, "billing", "production", org.claim("rita", "alice"))
    with pytest.raises(DecisionRefusedError, match=r"rita is only asserted \(typed name\)"):
        rollback.roll_back(org.house, "billing", "production", org.claim("rita", ""))
    back(org)
    assert org.running() == ["absent", "absent"]


def test_what_is_being_taken_back_is_not_taken_back_twice(org: Organisation) -> None:
    org.released()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    with pytest.raises(ConflictError, match="billing in production is being taken back already"):
        rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.kinds().count("rollback.succeeded") == 1


def test_a_rollout_under_way_is_taken_over(org: Organisation) -> None:
    started = org.start(org.prepared())
    made = rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    first, second = org.rollout(started), org.rollout(made)
    assert (first.state, second.state) == (RolloutState.ROLLED_BACK, RolloutState.SUCCEEDED)
    assert second.token > first.token
    assert state(org, "billing-1.1.0") is ReleaseState.ROLLED_BACK
    with org.house.database.read() as connection:
        assert rollouts.active(connection, "billing", "production") is None


def test_staging_is_taken_back_while_production_rolls(org: Organisation) -> None:
    release = org.prepared()
    org.start(release, "staging")
    org.carry()
    started = org.start(release)
    rollback.roll_back(org.house, "billing", "staging", org.claim("rita"))
    # The rollback's leg first: production still rolls, and so does the release.
    org.legs.waiting.reverse()
    org.carry_one()
    assert state(org, release) is ReleaseState.ROLLING
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert state(org, release) is ReleaseState.RELEASED
    assert org.running("staging") == ["absent", "absent"]


def test_a_clock_that_was_set_back_does_not_turn_the_history_around(org: Organisation) -> None:
    org.released("1.1.0")
    org.released("1.2.0")
    org.clock.go(-timedelta(hours=6))
    back(org)
    assert org.running() == ["1.1.0", "1.1.0"]
    times = [leaf.time for leaf in org.leaves()]
    assert times == sorted(set(times))
    from tidegate.orchestration import audit

    assert audit.verify(org.house).holds
    assert {found.problem for found in audit.rejudge(org.house)} == {""}
