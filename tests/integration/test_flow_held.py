"""What was taken back is held: nobody's automation ships it again, and a person has to say why they do."""

from __future__ import annotations

import pytest

from tests.support.flows import Organisation
from tidegate.core.effect import Health
from tidegate.core.facts import Hold
from tidegate.core.rollout import RolloutState
from tidegate.errors import NotPermittedError, UsageError
from tidegate.orchestration import audit, hold, rollback, rollout
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.orchestration.restrictions import holds_in_force


def taken_back(org: Organisation, reason: str = "checkout answers 500") -> str:
    """Version 1.1.0, which stood in staging and was taken back there; its release is open still."""
    release = org.prepared()
    org.start(release, "staging")
    org.carry()
    rollback.roll_back(org.house, "billing", "staging", org.claim("rita"), reason=reason)
    org.carry()
    return release


def held(org: Organisation) -> Hold:
    with org.house.database.read() as connection:
        (one,) = holds_in_force(connection, org.house.now())
    return one


REFUSED = r"rita took billing 1\.1\.0 back in staging Tue 1 Dec 2026 10:00 PST: asked for by rita: checkout answers 500"


def test_what_was_taken_back_does_not_go_there_again(org: Organisation) -> None:
    release = taken_back(org)
    with pytest.raises(DecisionRefusedError, match=REFUSED) as caught:
        org.start(release, "staging")
    assert caught.value.exit_code == 3
    assert held(org).id in caught.value.remedy
    assert org.running("staging") == ["absent", "absent"]


def test_it_goes_elsewhere(org: Organisation) -> None:
    release = taken_back(org)
    org.start(release, "production")
    org.carry()
    assert org.running() == ["1.1.0", "1.1.0"]


def test_a_start_that_waits_is_not_carried_out_by_itself(org: Organisation) -> None:
    release = taken_back(org)
    request = rollout.ask_start(org.house, release, "staging", org.claim("rita"))
    org.sweep()
    waiting = org.request(request)
    assert waiting.ended_at is None
    assert "rita took billing 1.1.0 back in staging" in waiting.because
    hold.lift(org.house, org.claim("rita"), held(org).id, "the database was full, and is not any more")
    org.sweep()
    org.carry()
    assert org.running("staging") == ["1.1.0", "1.1.0"]


def test_letting_it_go_again_needs_a_reason_and_a_permit(org: Organisation) -> None:
    release = taken_back(org)
    one = held(org)
    with pytest.raises(
        UsageError, match=r"billing 1\.1\.0 was taken back in staging: letting it go again needs a reason"
    ):
        hold.lift(org.house, org.claim("rita"), one.id)
    with pytest.raises(NotPermittedError):
        hold.lift(org.house, org.claim("alice"), one.id, "it is fine")
    hold.lift(org.house, org.claim("rita"), one.id, "it was the load balancer")
    lifted = org.leaves()[-1]
    assert (lifted.kind, lifted.data["reason"]) == ("hold.lifted", "it was the load balancer")
    assert lifted.data["signature"]
    org.start(release, "staging")
    org.carry()
    assert org.running("staging") == ["1.1.0", "1.1.0"]


def test_the_log_holds_it_where_the_row_is_gone(org: Organisation) -> None:
    release = taken_back(org)
    org.sql("DELETE FROM tg_hold")
    with pytest.raises(DecisionRefusedError, match=r"rita took billing 1\.1\.0 back in staging Tue 1 Dec 2026"):
        org.start(release, "staging")


def test_the_next_version_goes(org: Organisation) -> None:
    org.released("1.1.0")
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.rollout(org.released("1.2.0")).state is RolloutState.SUCCEEDED
    assert audit.verify(org.house).holds
    assert {found.problem for found in audit.rejudge(org.house)} == {""}


def test_a_failed_wave_is_taken_back_by_itself_once_and_then_a_person_decides(org: Organisation) -> None:
    watched = {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}
    watched["staging"] = watched["production"]
    org.adopt(watch=watched)
    release = org.prepared()
    world = org.worlds["staging"]
    world.health = lambda unit, package: Health.NO if package.version == "1.1.0" else Health.YES
    first = org.start(release, "staging")
    org.carry()
    assert org.rollout(first).state is RolloutState.ROLLED_BACK
    assert held(org).by == "tidegate"
    hold.lift(org.house, org.claim("rita"), held(org).id, "try once more")
    second = org.start(release, "staging")
    org.carry()
    stopped = org.rollout(second)
    assert stopped.state is RolloutState.PAUSED
    assert "Tidegate may take a release back by itself once here, and has once: a person decides" in stopped.because
    assert org.kinds()[-2:] == ["decision.denied", "rollout.paused"]
    rollback.roll_back(org.house, "billing", "staging", org.claim("rita"))
    org.carry()
    assert org.rollout(second).state is RolloutState.ROLLED_BACK
