"""The waves of a rollout, by strategy, and of the way back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.core.effect import ALL, Share
from tidegate.core.policy import Strategy
from tidegate.core.wave import DATABASE, FLAG, TRAFFIC, Sharing, Wave, waves, waves_back
from tidegate.errors import UsageError


def strategy(steps: Sequence[dict[str, str]] | None = None, /, **kinds: Any) -> Strategy:
    if steps is not None:
        (kind,) = kinds
        kinds[kind] = {**kinds[kind], "steps": tuple(steps)}
    return Strategy.model_validate(kinds)


def rolling(batch: object) -> Strategy:
    return strategy(rolling={"batch": batch})


UNITS = [f"host-{n}" for n in range(1, 31)]


@pytest.mark.parametrize(
    ("how", "units", "sizes"),
    [
        (strategy(recreate={}), 3, [3]),
        (strategy(recreate={}), 0, []),
        (rolling(1), 3, [1, 1, 1]),
        (rolling(2), 5, [2, 2, 1]),
        (rolling(10), 3, [3]),
        (rolling(0.25), 4, [1, 1, 1, 1]),
        (rolling(0.25), 3, [1, 1, 1]),
        (rolling(0.5), 3, [2, 1]),
        # As floats, 0.28 * 25 is a little more than 7.
        (rolling(0.28), 25, [7, 7, 7, 4]),
        (rolling(0.1), 30, [3] * 10),
        (rolling(0.07), 30, [3] * 10),
        (rolling(0.000001), 2, [1, 1]),
        (rolling(0.5), 0, []),
        (strategy(rolling={"batch": 0.5, "max_unavailable": 2}), 10, [2] * 5),
        (strategy(rolling={"batch": 2, "max_unavailable": 9}), 5, [2, 2, 1]),
    ],
)
def test_waves(how: Strategy, units: int, sizes: list[int]) -> None:
    assert [len(wave.units) for wave in waves(UNITS[:units], how)] == sizes


@given(st.integers(0, 30), st.integers(1, 40) | st.sampled_from([0.01, 0.1, 0.25, 0.333333, 0.5, 0.99]))
def test_every_unit_is_in_one_wave_in_its_order(units: int, batch: float) -> None:
    made = waves(UNITS[:units], rolling(batch))
    assert [unit for wave in made for unit in wave.units] == UNITS[:units]
    assert all(wave.units for wave in made)
    assert len({len(wave.units) for wave in made[:-1]}) <= 1


# Pools, shares, flags.

POOLS = {"blue": ("web1", "web2"), "green": ("web3", "web4")}
ALL_UNITS = ("web1", "web2", "web3", "web4")
BLUE_SERVES = Sharing("haproxy", POOLS, {"blue": ALL, "green": 0})
CANARY = strategy([{"weight": "5%", "for": "10m"}, {"weight": "50%"}, {"weight": "100%"}], canary={})


def test_blue_green_deploys_where_nobody_is_served_and_then_shifts_all() -> None:
    assert waves(ALL_UNITS, strategy(blue_green={}), BLUE_SERVES) == (
        Wave(("web3", "web4"), watched=False),
        Wave((TRAFFIC,), Share("green", ALL)),
    )


@pytest.mark.parametrize(
    ("shares", "idle"),
    [
        ({"blue": 0, "green": ALL}, "blue"),
        ({"blue": ALL, "green": 0}, "green"),
        ({"blue": 5000, "green": 5000}, "green"),
        ({"blue": 4999, "green": 5001}, "blue"),
        ({}, "green"),
    ],
)
def test_a_new_version_goes_to_the_pool_that_is_served_the_least(shares: dict[str, int], idle: str) -> None:
    assert Sharing("haproxy", POOLS, shares).idle == idle


def test_a_pool_that_is_served_leaves_the_traffic_before_it_is_touched() -> None:
    first, second, *_ = waves(
        ALL_UNITS, strategy(blue_green={}), Sharing("haproxy", POOLS, {"blue": 5000, "green": 5000})
    )
    assert first == Wave((TRAFFIC,), Share("green", 0), watched=False)
    assert second == Wave(("web3", "web4"), watched=False)


def test_a_canary_takes_its_steps_and_a_person_those_without_a_time() -> None:
    assert waves(ALL_UNITS, CANARY, BLUE_SERVES) == (
        Wave(("web3", "web4"), watched=False),
        Wave((TRAFFIC,), Share("green", 500), lasts=timedelta(minutes=10), stays=True),
        Wave((TRAFFIC,), Share("green", 5000), asks=True),
        Wave((TRAFFIC,), Share("green", ALL)),
    )


def test_a_canary_that_ends_half_way_goes_on_to_all() -> None:
    half = strategy([{"weight": "10%", "for": "1m"}], canary={})
    assert [wave.share for wave in waves(ALL_UNITS, half, BLUE_SERVES)] == [
        None,
        Share("green", 1000),
        Share("green", ALL),
    ]


def test_a_canary_without_a_switch_takes_a_part_of_the_units_first() -> None:
    assert waves(ALL_UNITS, CANARY) == (
        Wave(("web1",), lasts=timedelta(minutes=10), stays=True),
        Wave(("web2",), asks=True),
        Wave(("web3", "web4")),
    )


@pytest.mark.parametrize(
    ("sharing", "expected"),
    [
        (Sharing(flag="new"), [("a", "b", "c", "d", "e")]),
        (Sharing(switch="haproxy", flag="new"), [("a", "b", "c"), ("d", "e")]),
        (
            Sharing(
                switch="haproxy",
                flag="new",
                pools={"blue": ("a", "b"), "green": ("c", "d", "e")},
                shares={"blue": ALL, "green": 0},
            ),
            [("a", "c", "d", "e"), ("b",)],
        ),
    ],
)
def test_behind_a_switch_somebody_serves_while_a_flagged_version_comes(
    sharing: Sharing, expected: list[tuple[str, ...]]
) -> None:
    made = waves(["a", "b", "c", "d", "e"], strategy([{"weight": "25%"}], feature_flag={}), sharing)
    assert [wave.units for wave in made if wave.share is None] == expected


def test_a_feature_flag_is_off_before_the_version_is_there_and_on_step_by_step() -> None:
    flag = strategy([{"weight": "25%", "for": "1h"}], feature_flag={})
    assert waves(ALL_UNITS, flag, Sharing(flag="new-checkout")) == (
        Wave((FLAG,), Share("new-checkout", 0), watched=False),
        Wave(ALL_UNITS),
        Wave((FLAG,), Share("new-checkout", 2500), lasts=timedelta(hours=1), stays=True),
        Wave((FLAG,), Share("new-checkout", ALL)),
    )


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [("blue_green", "no two pools between which the traffic is shared"), ("feature_flag", "no flag that could be")],
)
def test_what_a_target_lacks_is_told(kind: str, lacks: str) -> None:
    with pytest.raises(UsageError, match=lacks):
        waves(ALL_UNITS, Strategy.model_validate({kind: {}}))


def test_a_switch_that_cannot_weigh_carries_blue_green_and_no_canary() -> None:
    service = Sharing("kubernetes_service", POOLS, {"blue": ALL, "green": 0}, weighs=False)
    assert [wave.share for wave in waves(ALL_UNITS, strategy(blue_green={}), service)] == [None, Share("green", ALL)]
    with pytest.raises(UsageError, match="kubernetes_service gives a pool all of the traffic or nothing") as caught:
        waves(ALL_UNITS, CANARY, service)
    assert caught.value.remedy.startswith("release by blue_green, or take traffic: out of the target")


def test_the_way_back_shifts_first() -> None:
    forward = waves(ALL_UNITS, CANARY, BLUE_SERVES)
    assert waves_back(forward, ["web3", "web4"]) == (
        Wave((TRAFFIC,), Share("green", 0), watched=False),
        Wave(("web3", "web4"), watched=False),
    )


def test_the_way_to_another_version_gives_the_pool_its_traffic_again() -> None:
    forward = waves(ALL_UNITS, strategy(blue_green={}), BLUE_SERVES)
    assert [wave.share for wave in waves_back(forward, ["web3", "web4"], to_other=True)] == [
        Share("green", 0),
        None,
        Share("green", ALL),
    ]


def test_nothing_was_touched_and_nothing_is_taken_back() -> None:
    assert waves_back(waves(ALL_UNITS, rolling(1)), []) == ()


STEPS = st.lists(st.integers(1, 100), min_size=1, max_size=6, unique=True).map(sorted)


@given(st.integers(1, 30), STEPS)
def test_a_canary_takes_every_unit_once_and_ends_with_all(units: int, steps: list[int]) -> None:
    how = strategy([{"weight": f"{step}%"} for step in steps], canary={})
    made = waves(UNITS[:units], how)
    assert [unit for wave in made for unit in wave.units] == UNITS[:units]
    assert [wave.asks for wave in made[:-1]] == [True] * (len(made) - 1)
    assert not made[-1].asks


@given(STEPS)
def test_the_shares_of_a_canary_only_rise_and_end_with_all(steps: list[int]) -> None:
    how = strategy([{"weight": f"{step}%"} for step in steps], canary={})
    shares = [wave.share.points for wave in waves(ALL_UNITS, how, BLUE_SERVES) if wave.share]
    assert shares == sorted(set(shares))
    assert shares[-1] == ALL


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (strategy(blue_green={"switch": "nginx"}), "names the traffic switch nginx, and the target has haproxy"),
        (strategy(feature_flag={"flag": "old-checkout"}), "names the flag old-checkout, and the target has none"),
    ],
)
def test_a_switch_or_flag_that_is_named_is_the_targets(how: Strategy, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        waves(ALL_UNITS, how, BLUE_SERVES)


@pytest.mark.parametrize("weights", [("0%",), ("5%", "5%"), ("50%", "5%"), ("101%",), ("0.001%",), ("5%", "300%")])
def test_steps_that_do_not_rise_are_refused(weights: tuple[str, ...]) -> None:
    for kind in ("canary", "feature_flag"):
        with pytest.raises(ValidationError, match="is no step up; write shares that rise"):
            strategy([{"weight": weight} for weight in weights], **{kind: {}})


MIGRATES = Wave((DATABASE,), watched=False)


def test_a_database_is_migrated_before_the_first_unit_and_goes_back_after_the_last() -> None:
    sharing = Sharing("haproxy", {"blue": ("web1",), "green": ("web2",)}, {"blue": ALL, "green": 0})
    forward = waves(["web1", "web2"], strategy(blue_green={}), sharing, database=True)
    assert [wave.name for wave in forward] == ["database", "web2", "green 100%"]
    assert forward[0] == MIGRATES
    back = waves_back(forward, ["web2"], database=True)
    assert [wave.name for wave in back] == ["green 0%", "web2", "database"]
    assert waves_back(forward, [], database=True)[-1] == MIGRATES
    assert MIGRATES not in waves_back(forward, ["web2"])


def test_without_units_there_is_nothing_to_migrate_for() -> None:
    assert waves([], rolling(1), database=True) == ()
