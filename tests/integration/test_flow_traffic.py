"""Blue-green, canary and feature flags: a real HAProxy and a real file of flags, before hosts of the simulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation
from tests.support.haproxy import HAProxy, free_port, why_no_haproxy
from tidegate.core.effect import Act, EffectState, Finding, Health
from tidegate.core.rollout import RolloutState
from tidegate.errors import TargetError, UsageError
from tidegate.orchestration import resuming, rollback, rollout
from tidegate.orchestration.homecoming import bring_home
from tidegate.store import rollouts
from tidegate.views.dry_run import dry_run_view
from tidegate.views.look import look_at

UNITS = ("web1", "web2", "web3", "web4")
POOLS = {"blue": ["web1", "web2"], "green": ["web3", "web4"]}
MANY = {pool: [f"{pool}{number}" for number in range(1, 13)] for pool in ("blue", "green")}
"""Pools so large that a few looks prove a version good."""
Make = Callable[..., Organisation]


@pytest.fixture
def haproxy(request: pytest.FixtureRequest) -> Iterator[HAProxy]:
    if reason := why_no_haproxy():
        pytest.skip(reason)
    pools = getattr(request, "param", POOLS)
    started = HAProxy({unit: free_port() for pool in pools.values() for unit in pool})
    started.start()
    yield started
    started.close()


def behind(
    haproxy: HAProxy, strategy: dict[str, Any], pools: Mapping[str, list[str]] = POOLS, **more: Any
) -> dict[str, Any]:
    """Changes to the policy that put production behind HAProxy, with two pools."""
    switch = {
        "switch": "haproxy",
        "socket": str(haproxy.socket),
        "backend": "shop",
        "pools": dict(pools),
        "timeout": "300ms",
        "drain": "0s",
    }
    units = tuple(unit for pool in pools.values() for unit in pool)
    return with_target({"traffic": switch}, strategy, units, **more)


def with_target(
    target: dict[str, Any], strategy: dict[str, Any], units: Sequence[str] = UNITS, **more: Any
) -> dict[str, Any]:
    hosts = [{"name": unit, "path": f"/srv/production/{unit}"} for unit in units]
    return {
        "units": units,
        "components": {"billing": {"targets": {"production": {"hosts": hosts, **target}}}},
        "environments": {"production": {"strategy": {"rolling": None, **strategy}}},
        **more,
    }


def share(haproxy: HAProxy, pool: str) -> int:
    """The weights of a pool's servers, added up."""
    rows = [line.split() for line in haproxy.ask("show servers state shop").splitlines()[2:] if line]
    return sum(int(row[7]) for row in rows if row[3] in POOLS[pool] or row[3].startswith(pool))


def shifts(org: Organisation, rollout_id: str) -> list[str]:
    """What was shifted, in order."""
    with org.house.database.read() as connection:
        rows = rollouts.effects_of(connection, rollouts.load(connection, rollout_id))
    assert all(row.state is EffectState.CONFIRMED for row in rows), rows
    return [str(row.effect.share) for row in rows if row.effect.act is Act.SHIFT]


BLUE_GREEN: dict[str, Any] = {"blue_green": {}}
HEALTH = {"production": {"for": "10m", "roll_back_when": [{"health_check": "failed"}]}}


def test_blue_green_carries_to_the_idle_pool_and_shifts(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    first = org.released()
    assert org.running() == ["absent", "absent", "1.1.0", "1.1.0"]
    assert (share(haproxy, "blue"), share(haproxy, "green")) == (0, 512)
    second = org.released("1.2.0")
    assert org.running() == ["1.2.0", "1.2.0", "1.1.0", "1.1.0"]
    assert (share(haproxy, "blue"), share(haproxy, "green")) == (512, 0)
    assert (shifts(org, first), shifts(org, second)) == (["green 0%", "green 100%"], ["blue 100%"])


def test_going_back_shifts_at_once_and_changes_units_afterwards(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    org.released()
    org.released("1.2.0")
    made = rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry_one()
    assert (share(haproxy, "blue"), share(haproxy, "green")) == (0, 512)
    assert org.running() == ["1.2.0", "1.2.0", "1.1.0", "1.1.0"]
    org.carry()
    assert org.running() == ["1.1.0", "1.1.0", "1.1.0", "1.1.0"]
    assert org.rollout(made).state is RolloutState.SUCCEEDED
    assert shifts(org, made) == ["blue 0%"]
    assert [kind for kind in org.kinds() if kind.startswith("rollback.")] == [
        "rollback.started",
        "rollback.continued",
        "rollback.succeeded",
    ]
    third = org.rollout(org.released("1.3.0"))
    assert third.source is not None
    assert third.source.version == "1.1.0"


def test_going_back_to_yet_another_version_gives_the_traffic_to_where_it_is(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        org.released(version)
    assert org.running() == ["1.2.0", "1.2.0", "1.3.0", "1.3.0"]
    made = rollback.roll_back(org.house, "billing", "production", org.claim("rita"), to="1.1.0")
    org.carry()
    assert org.running() == ["1.2.0", "1.2.0", "1.1.0", "1.1.0"]
    assert share(haproxy, "blue") == 0
    assert shifts(org, made) == ["green 0%", "green 100%"]


def test_a_first_version_that_is_bad_leaves_nothing_behind(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN, watch=HEALTH))
    org.worlds["production"].health = lambda unit, package: Health.NO
    started = org.start(org.prepared())
    org.carry()
    assert org.rollout(started).state is RolloutState.ROLLED_BACK
    assert org.running() == ["absent"] * 4


CANARY: dict[str, Any] = {"canary": {"steps": [{"weight": "5%", "for": "10m"}, {"weight": "50%"}]}}


def watched(org: Organisation, rollout_id: str, *states: RolloutState, most: int = 200) -> Any:
    """Let time pass, and look as often as is due, until the rollout is in one of the states, or its wave is over."""
    before = org.rollout(rollout_id)
    for _ in range(most):
        org.carry()
        now = org.rollout(rollout_id)
        if now.state in states or now.wave != before.wave:
            return now
        org.clock.go(timedelta(seconds=15))
        org.sweep()
    raise AssertionError(org.rollout(rollout_id))


@pytest.mark.parametrize("haproxy", [MANY], indirect=True)
def test_a_canary_goes_by_its_steps(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, CANARY, MANY, watch=HEALTH))
    started = org.start(org.prepared())
    org.carry()
    began = org.clock.now
    assert org.rollout(started).state is RolloutState.WATCHING
    assert share(haproxy, "green") == 12 * 13  # beside 12 of 256 each: 4.8%
    watched(org, started)
    assert org.clock.now - began >= timedelta(minutes=10)
    asked = watched(org, started, RolloutState.PAUSED)
    assert asked.because.startswith("found good, and a person takes it on: green 50%; ")
    assert share(haproxy, "green") == share(haproxy, "blue") == 12 * 256
    resuming.resume(org.house, started, org.claim("rita"))
    org.carry()
    assert (share(haproxy, "blue"), share(haproxy, "green")) == (0, 12 * 256)
    assert watched(org, started, RolloutState.SUCCEEDED).state is RolloutState.SUCCEEDED


def test_a_bad_canary_is_out_of_the_traffic_first(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    org.released()
    changes = behind(haproxy, CANARY, watch=HEALTH)
    del changes["units"]
    changes["environments"]["production"]["strategy"]["blue_green"] = None
    org.adopt(**changes)
    second = org.start(org.prepared("1.2.0"))
    org.carry()
    assert org.running() == ["1.2.0", "1.2.0", "1.1.0", "1.1.0"]
    org.worlds["production"].health = lambda unit, package: Health("no" if package.version == "1.2.0" else "yes")
    while not org.legs.waiting:
        org.clock.go(timedelta(seconds=15))
        org.sweep()
    assert org.rollout(second).state is RolloutState.REVERSING
    org.carry_one()
    assert (share(haproxy, "blue"), org.running()[:2]) == (0, ["1.2.0", "1.2.0"])
    org.carry()
    assert org.rollout(second).state is RolloutState.ROLLED_BACK
    assert org.running() == ["1.1.0"] * 4


def test_a_switch_that_does_not_answer_lets_nothing_begin(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    prepared = org.prepared()
    haproxy.stop()
    with pytest.raises(TargetError, match=r"the traffic switch does not answer: .*HAProxy does not answer"):
        org.start(prepared)
    assert org.running() == ["absent"] * 4


def test_a_switch_that_is_lost_half_way_is_waited_for(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    started = org.start(org.prepared())
    org.carry_one()
    org.carry_one()
    haproxy.freeze()
    org.carry()
    assert org.rollout(started).state is RolloutState.IN_DOUBT
    haproxy.freeze(thaw=True)
    org.clock.go(timedelta(minutes=1))
    org.sweep()
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert share(haproxy, "blue") == 0


@pytest.mark.parametrize("haproxy", [MANY], indirect=True)
def test_a_share_that_the_switch_has_forgotten_is_noticed_and_set_again(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, CANARY, MANY, watch=HEALTH))
    started = org.start(org.prepared())
    org.carry()
    haproxy.stop()
    haproxy.start()  # with the weights of its file: half of the traffic to the canary
    paused = watched(org, started, RolloutState.PAUSED)
    assert paused.because == "the traffic is not shared as it was set (green 5%): it is blue 50%, green 50%"
    resuming.resume(org.house, started, org.claim("rita"))
    org.carry()
    assert org.rollout(started).state is RolloutState.WATCHING
    assert share(haproxy, "green") == 12 * 13
    assert shifts(org, started)[-2:] == ["green 5%", "green 5%"]


def test_a_release_does_not_begin_where_the_traffic_is_not_as_it_was_left(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    org.released()
    (before,) = look_at(org.house, "production")
    assert before.is_as_recorded
    assert [part.says for part in before.parts][-1] == "blue 0%, green 100%"
    haproxy.stop()
    haproxy.start()
    (after,) = look_at(org.house, "production")
    assert [part.wrong for part in after.parts if part.wrong] == ["the last rollout has left green 100%"]
    release = org.prepared("1.2.0")
    said = r"not shared as the rollout before has left it \(green 100%\): it is blue 50%, green 50%"
    with pytest.raises(TargetError, match=said):
        dry_run_view(org.house, release, "production")
    with pytest.raises(TargetError, match=said) as caught:
        org.start(release)
    assert caught.value.remedy == (
        "set it back at the switch so that green has 100%; or, where it is meant so, go back: "
        "tidegate rollback billing production"
    )
    for unit in ("web1", "web2"):
        haproxy.ask(f"set server shop/{unit} weight 0")
    org.carry()
    org.start(release)
    org.carry()
    assert org.running() == ["1.2.0", "1.2.0", "1.1.0", "1.1.0"]


def test_a_lost_switch_keeps_no_unit_from_going_back(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    org.released()
    org.released("1.2.0")
    haproxy.freeze()
    made = rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.running() == ["1.1.0"] * 4
    assert org.rollout(made).state is RolloutState.IN_DOUBT  # the traffic is not known to be back
    haproxy.freeze(thaw=True)
    org.clock.go(timedelta(minutes=1))
    org.sweep()
    org.carry()
    assert org.rollout(made).state is RolloutState.SUCCEEDED
    assert share(haproxy, "blue") == 0


def test_without_the_database_the_traffic_goes_back_before_the_units(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    org.released()
    second = org.released("1.2.0")

    done = org.break_glass()

    confirmed = [(one.unit, one.wave) for one in done if one.finding is Finding.CONFIRMED]
    assert confirmed == [("traffic", 0), *((unit, 1) for unit in UNITS)]
    assert (share(haproxy, "blue"), share(haproxy, "green")) == (0, 512)
    assert org.running() == ["1.1.0"] * 4
    assert bring_home(org.house) == 1
    glass = glass_of(org, second)
    assert (glass.state, org.rollout(second).state) == (RolloutState.SUCCEEDED, RolloutState.ROLLED_BACK)
    assert shifts(org, glass.id) == ["blue 0%"]


def test_without_the_database_a_lost_switch_keeps_no_unit_from_going_back(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, BLUE_GREEN))
    org.released()
    second = org.released("1.2.0")
    haproxy.stop()

    found = {one.unit: one.finding for one in org.break_glass()}

    assert found.pop("traffic") is Finding.IN_DOUBT
    assert set(found.values()) == {Finding.CONFIRMED}
    assert org.running() == ["1.1.0"] * 4
    haproxy.start()
    bring_home(org.house)
    glass = glass_of(org, second)
    assert (glass.state, glass.wave) == (RolloutState.PAUSED, 0)
    resuming.resume(org.house, glass.id, org.claim("rita"))
    org.carry()
    assert org.rollout(glass.id).state is RolloutState.SUCCEEDED
    assert (share(haproxy, "blue"), share(haproxy, "green")) == (0, 512)
    assert org.running() == ["1.1.0"] * 4


def glass_of(org: Organisation, rollout_id: str) -> rollouts.Rollout:
    """What the log says of the act that broke the glass."""
    with org.house.database.read() as connection:
        found = rollouts.find(connection, component="billing", environment="production")
    return next(one for one in found if one.reverses == rollout_id)


def test_units_leave_the_traffic_one_by_one(make_org: Make, haproxy: HAProxy) -> None:
    target = behind(haproxy, {})["components"]["billing"]["targets"]["production"]
    del target["traffic"]["pools"]
    org = make_org(units=UNITS, components={"billing": {"targets": {"production": target}}})
    seen: list[str] = []
    world = org.worlds["production"]

    def health(unit: str, package: object) -> Health:
        rows = [line.split() for line in haproxy.ask("show servers state shop").splitlines()[2:] if line]
        seen.append(" ".join(row[3] for row in rows if int(row[6]) & 0x08))
        return Health.YES

    world.health = health
    org.released()
    assert set(seen) >= set(UNITS)
    assert all(len(out.split()) <= 1 for out in seen)


def test_a_host_that_does_not_run_well_stays_out_of_the_traffic(make_org: Make, haproxy: HAProxy) -> None:
    target = behind(haproxy, {})["components"]["billing"]["targets"]["production"]
    del target["traffic"]["pools"]
    org = make_org(units=UNITS, components={"billing": {"targets": {"production": target}}})
    org.released()
    org.adopt(components={"billing": {"targets": {"production": target}}}, watch=HEALTH)
    org.worlds["production"].health = lambda unit, package: Health("no" if package.version == "1.2.0" else "yes")
    started = org.start(org.prepared("1.2.0"))
    org.carry_one()
    rows = [line.split() for line in haproxy.ask("show servers state shop").splitlines()[2:] if line]
    assert [row[3] for row in rows if int(row[6]) & 0x08] == ["web1"]
    org.carry()
    assert org.rollout(started).state is RolloutState.ROLLED_BACK
    rows = [line.split() for line in haproxy.ask("show servers state shop").splitlines()[2:] if line]
    assert not [row for row in rows if int(row[6]) & 0x08]


# Feature flags.

FLAG: dict[str, Any] = {"feature_flag": {"steps": [{"weight": "25%"}]}}


def flag_of(path: Path) -> Any:
    return json.loads(path.read_text())["flags"]["new-checkout"]


def test_a_flag_is_switched_on_step_by_step_and_off_at_once(make_org: Make, tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    org = make_org(**with_target({"flag": {"file": str(path), "name": "new-checkout"}}, FLAG))
    started = org.start(org.prepared())
    org.carry()
    paused = org.rollout(started)
    assert (paused.state, paused.because) == (
        RolloutState.PAUSED,
        "found good, and a person takes it on: new-checkout 25%",
    )
    assert flag_of(path)["targeting"] == {"fractional": [["on", 2500], ["off", 7500]]}
    resuming.resume(org.house, started, org.claim("rita"))
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert (flag_of(path)["defaultVariant"], flag_of(path)["targeting"]) == ("on", {})
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry_one()
    assert (flag_of(path)["defaultVariant"], org.running()) == ("off", ["1.1.0"] * 4)
    org.carry()
    assert org.running() == ["absent"] * 4


def test_without_the_database_a_flag_is_switched_off(make_org: Make, tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    org = make_org(**with_target({"flag": {"file": str(path), "name": "new-checkout"}}, FLAG))
    org.start(org.prepared())
    org.carry()
    assert flag_of(path)["targeting"]
    assert {one.finding for one in org.break_glass()} == {Finding.CONFIRMED}
    assert (flag_of(path)["defaultVariant"], flag_of(path)["targeting"]) == ("off", {})
    assert org.running() == ["absent"] * 4


@pytest.mark.parametrize(
    ("strategy", "said"),
    [(BLUE_GREEN, "no two pools between which the traffic is shared"), (FLAG, "no flag that could be switched on")],
)
def test_what_the_target_lacks_is_told_before_anything_begins(
    make_org: Make, strategy: dict[str, Any], said: str
) -> None:
    org = make_org(**with_target({}, strategy))
    with pytest.raises(UsageError, match=said):
        org.start(org.prepared())


def test_a_dry_run_shows_the_shifts(make_org: Make, haproxy: HAProxy) -> None:
    org = make_org(**behind(haproxy, CANARY))
    view = dry_run_view(org.house, org.open(), "production")
    assert [[step.verb for step in wave if step.unit in ("traffic", "web3")] for wave in view.waves] == [
        ["shift"],
        ["withdraw", "receive", "switch", "restart", "health", "prune", "return"],
        ["shift"],
        ["shift"],
        ["shift"],
    ]
    assert view.waves[2][0].sentence == (
        "send 5% of the traffic of shop to green: weights web1 256, web2 256, web3 13, web4 13"
    )
    assert share(haproxy, "green") == 200


def test_a_release_chooses_a_strategy_that_the_policy_lets_it_choose(make_org: Make, haproxy: HAProxy) -> None:
    changes = behind(
        haproxy, {"rolling": {"batch": 1}}, strategies={"swap": {"blue_green": {}}, "all": {"recreate": {}}}
    )
    changes["environments"]["production"]["may_use"] = ["swap"]
    org = make_org(**changes)
    release = org.prepared()
    with pytest.raises(UsageError, match=r'may not choose the strategy "all" \(it may choose: swap\)'):
        rollout.start(org.house, release, "production", org.claim("rita"), strategy="all")
    started = rollout.start(org.house, release, "production", org.claim("rita"), strategy="swap")
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert org.running() == ["absent", "absent", "1.1.0", "1.1.0"]
    assert _signed(org, started)["role"] == "swap"


def test_after_blue_green_a_release_may_go_to_all_units(make_org: Make, haproxy: HAProxy) -> None:
    changes = behind(haproxy, BLUE_GREEN, strategies={"all": {"recreate": {}}})
    changes["environments"]["production"]["may_use"] = ["all"]
    org = make_org(**changes)
    for version in ("1.1.0", "1.2.0"):
        org.released(version)
    assert org.running() == ["1.2.0", "1.2.0", "1.1.0", "1.1.0"]
    started = rollout.start(org.house, org.prepared("1.3.0"), "production", org.claim("rita"), strategy="all")
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert org.running() == ["1.3.0"] * 4
    assert (share(haproxy, "blue"), share(haproxy, "green")) == (512, 0)
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.running() == ["1.2.0"] * 4
    org.released("1.4.0")
    assert org.running() == ["1.2.0", "1.2.0", "1.4.0", "1.4.0"]


def _signed(org: Organisation, rollout_id: str) -> Any:
    from tidegate.store import contents

    with org.house.database.read() as connection:
        return json.loads(contents.fetch(connection, org.rollout(rollout_id).statement))
