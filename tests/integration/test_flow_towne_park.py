"""Four systems in one release, each by a strategy of its own: blue-green, canary, a feature flag, rolling (TP-05)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundles import IN_ORDER, Group, bundled, components
from tests.support.flows import Organisation
from tests.support.haproxy import HAProxy, free_port, why_no_haproxy
from tidegate.core.joint_rollout import JointState
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import RolloutState
from tidegate.errors import UsageError
from tidegate.orchestration import joint_acts, rollback, rollout
from tidegate.views.dry_run import dry_run_views

POOLS = {"blue": ["web1", "web2"], "green": ["web3", "web4"]}
FOUR = ("web1", "web2", "web3", "web4")
CHOSEN = "portal=blue-green,crm=canary,billing=flag"


@pytest.fixture
def switches() -> Iterator[dict[str, HAProxy]]:
    """A real HAProxy in front of the portal, and one in front of the CRM."""
    if reason := why_no_haproxy():
        pytest.skip(reason)
    started = {name: HAProxy({unit: free_port() for unit in FOUR}) for name in ("portal", "crm")}
    for one in started.values():
        one.start()
    yield started
    for one in started.values():
        one.close()


def share(haproxy: HAProxy, pool: str) -> int:
    """The weights of a pool's servers, added up."""
    rows = [line.split() for line in haproxy.ask("show servers state shop").splitlines()[2:] if line]
    return sum(int(row[7]) for row in rows if row[3] in POOLS[pool])


def flag_is(path: Path) -> str:
    """Whether the flag of the billing system is on for everybody."""
    return str(json.loads(path.read_text())["flags"]["new-checkout"]["defaultVariant"])


@pytest.fixture
def town(make_org: Callable[..., Organisation], switches: dict[str, HAProxy], tmp_path: Path) -> Group:
    four = components()
    for name, haproxy in switches.items():
        target = four[name]["targets"]["production"]
        target["hosts"] = [{"name": unit, "path": f"/srv/production/{name}/{unit}"} for unit in FOUR]
        pools = {"pools": POOLS, "timeout": "300ms", "drain": "0s"}
        target["traffic"] = {"switch": "haproxy", "socket": str(haproxy.socket), "backend": "shop", **pools}
    flag = {"file": str(tmp_path / "flags.json"), "name": "new-checkout"}
    four["billing"]["targets"]["production"]["flag"] = flag
    strategies: dict[str, Any] = {
        "blue-green": {"blue_green": {}},
        "canary": {"canary": {"steps": [{"weight": "50%"}]}},
        "flag": {"feature_flag": {}},
    }
    production = {"gates": [], "strategy": {"rolling": {"batch": 1}}, "may_use": list(strategies)}
    places = {"staging": {"gates": []}, "production": production}
    units = {"portal": FOUR, "crm": FOUR}
    return bundled(make_org, units, components=four, environments=places, strategies=strategies)


def test_each_goes_by_its_own_strategy_and_all_come_back_last_first(
    town: Group, switches: dict[str, HAProxy], tmp_path: Path
) -> None:
    release = town.opened(approved=["production"])
    views = dry_run_views(town.org.house, release, "production", CHOSEN)
    assert [view.component for view in views] == [*IN_ORDER]
    rollout.start(town.org.house, release, "production", town.org.claim("rita"), strategy=CHOSEN)
    town.run()
    canary = town.rollout_of("crm")
    assert (canary.state, canary.because) == (
        RolloutState.PAUSED,
        "found good, and a person takes it on: green 50%",
    )
    assert flag_is(tmp_path / "flags.json") == "on"
    joint_acts.resume(town.org.house, town.joint().id, town.org.claim("rita"))
    town.run()
    assert town.state() == (JointState.SUCCEEDED, ReleaseState.RELEASED)
    assert (share(switches["portal"], "blue"), share(switches["portal"], "green")) == (0, 512)
    assert len(town.rollout_of("platform").waves) == 2

    rollback.roll_back(town.org.house, release, "production", town.org.claim("rita"))
    town.run()
    assert town.order("rollback.started") == [*reversed(IN_ORDER)]
    assert town.state() == (JointState.ROLLED_BACK, ReleaseState.ROLLED_BACK)
    assert flag_is(tmp_path / "flags.json") == "off"
    assert (share(switches["portal"], "blue"), share(switches["portal"], "green")) == (512, 0)
    assert set(town.runs().values()) == {"absent"}


def test_a_strategy_of_what_is_not_released_is_refused(town: Group) -> None:
    release = town.opened("small", "platform", "billing", approved=["production"])
    with pytest.raises(UsageError, match="a strategy is chosen for portal, which is no component of small"):
        rollout.start(town.org.house, release, "production", town.org.claim("rita"), strategy="portal=canary")


def test_what_one_target_cannot_do_stops_all_before_anything_begins(town: Group) -> None:
    release = town.opened(approved=["production"])
    with pytest.raises(
        UsageError, match="1 of 4 components cannot go, so none begins: platform: the target has no flag"
    ):
        rollout.start(town.org.house, release, "production", town.org.claim("rita"), strategy="platform=flag")
    assert town.order("rollout.started") == []
