"""Production in several regions: a release is done when all of them have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.flows import APPROVERS, Organisation
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import RolloutState
from tidegate.orchestration import audit, rollback
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.store import releases

MakeOrg = Callable[..., Organisation]


def regions(**more: Any) -> dict[str, Any]:
    """A second environment for production, after the first."""
    hosts = [{"name": unit, "path": f"/srv/asia/{unit}"} for unit in ("web1", "web2")]
    target = {"driver": "host", "hosts": hosts, "restart": ["true"], "stop": ["true"]}
    asia = {"purpose": "production", "gates": ["tests"], "after": ["production"]}
    return {
        "components": {"billing": {"targets": {"asia": target}}},
        "environments": {"asia": asia},
        **more,
    }


def state(org: Organisation, release: str) -> ReleaseState:
    with org.house.database.read() as connection:
        return releases.load(connection, release).facts.state


def carried(org: Organisation, release: str, environment: str) -> str:
    started = org.start(release, environment)
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    return started


def test_it_is_released_when_the_last_region_has_it(make_org: MakeOrg) -> None:
    org = make_org(**regions())
    release = org.prepared("1.1.0")
    carried(org, release, "production")
    assert state(org, release) is ReleaseState.OPEN
    assert not any(message.occasion == "release.completed" for message in org.messages())
    org.approve(release, *APPROVERS, environment="asia")
    carried(org, release, "asia")
    assert state(org, release) is ReleaseState.RELEASED
    assert (org.running(), org.running("asia")) == (["1.1.0"] * 2, ["1.1.0"] * 2)
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_taken_back_from_one_region_it_goes_to_no_other(make_org: MakeOrg) -> None:
    org = make_org(**regions())
    release = org.prepared("1.1.0")
    carried(org, release, "production")
    org.approve(release, *APPROVERS, environment="asia")
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert state(org, release) is ReleaseState.ROLLED_BACK
    with pytest.raises(DecisionRefusedError, match=r"billing-1\.1\.0 is rolled back, not open"):
        org.start(release, "asia")


def test_what_goes_to_no_further_region_is_released(make_org: MakeOrg) -> None:
    org = make_org(**regions())
    release = org.prepared("1.1.0")
    carried(org, release, "production")
    found = release_flow.cancel(org.house, release, org.claim("rita"), "asia has another version")
    assert (found, state(org, release)) == (ReleaseState.RELEASED, ReleaseState.RELEASED)
    assert org.leaves()[-1].data["stands"] == ["production"]
    other = org.prepared("1.2.0")
    assert release_flow.cancel(org.house, other, org.claim("rita"), "not needed") is ReleaseState.CANCELLED


def test_a_region_that_has_gone_past_it_is_not_waited_for(make_org: MakeOrg) -> None:
    org = make_org(**regions(environments={"asia": {"purpose": "production", "gates": ["tests"]}}))
    urgent = org.prepared("1.2.0")
    org.approve(urgent, *APPROVERS, environment="asia")
    carried(org, urgent, "asia")
    release = org.prepared("1.1.0")
    carried(org, release, "production")
    assert (state(org, release), state(org, urgent)) == (ReleaseState.RELEASED, ReleaseState.OPEN)


def test_a_region_that_the_component_has_no_target_in_is_not_waited_for(make_org: MakeOrg) -> None:
    changes = regions()
    del changes["components"]
    org = make_org(**changes)
    release = org.prepared("1.1.0")
    carried(org, release, "production")
    assert state(org, release) is ReleaseState.RELEASED


def test_what_is_released_is_brought_to_a_copy_again(make_org: MakeOrg) -> None:
    org = make_org()
    release = org.prepared("1.1.0")
    carried(org, release, "production")
    assert state(org, release) is ReleaseState.RELEASED
    carried(org, release, "staging")
    assert (org.running("staging"), state(org, release)) == (["1.1.0"] * 2, ReleaseState.RELEASED)
    with pytest.raises(DecisionRefusedError, match=r"billing-1\.1\.0 is released, not open"):
        org.start(release)
    carried(org, org.prepared("1.2.0"), "staging")
    with pytest.raises(DecisionRefusedError, match=r"released, and staging has had billing 1\.2\.0"):
        org.start(release, "staging")
    assert state(org, release) is ReleaseState.RELEASED
