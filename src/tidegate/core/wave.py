"""The waves of a rollout: which units are taken together, and which share of the traffic moves when.

A strategy is carried in two ways. *Units* change their version, some at a time. A *shift* changes no unit: it gives the
pool of the new version another share of the traffic, or switches a flag on for a share of the users. Blue-green, canary
and feature flags deploy where nobody is served, and then shift; going back shifts first, and changes units afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from tidegate.core.effect import ALL, Share
from tidegate.core.policy import CanaryStep, Strategy
from tidegate.core.policy.base import fraction
from tidegate.errors import UsageError

TRAFFIC = "traffic"
"""The unit of a target that shares the traffic between its pools."""

FLAG = "flag"
"""The unit of a target at which a feature is switched on for a share of the users."""

ALL_OR_NOTHING = frozenset({"kubernetes_service"})
"""The traffic switches that cannot give a pool a part of the traffic."""

DATABASE = "database"
"""The unit of a target whose migrations are run: before the first of the others, and undone after the last of them."""

UNTOUCHED = "nothing was applied: "
"""What the detail of an effect begins with whose migrations failed and left the database as it was."""


@dataclass(frozen=True, slots=True)
class Wave:
    """What is done at once, and how it is looked at before the next.

    ``share`` is what the unit of a shift is to have; None where units change their version. ``watched`` says whether
    the watch has to find it good: units that nobody is served by show nothing. ``lasts`` is how long it is watched,
    None where the policy's watch says it; it ``stays`` for all of that time, or goes on as soon as it is proven good.
    ``asks`` has a person take it on afterwards.
    """

    units: tuple[str, ...]
    share: Share | None = None
    watched: bool = True
    lasts: timedelta | None = None
    stays: bool = False
    asks: bool = False

    @property
    def name(self) -> str:
        """What it does, in a few words: the units, or the share."""
        return ", ".join(self.units) if self.share is None else str(self.share)


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a target can divide: its pools with the units of each, the share each has now, and its flag.

    ``switch`` names the traffic switch; ``weighs`` says whether it can give a pool a part of the traffic. ``pools`` is
    empty where it has none, ``flag`` where it has none. ``shares`` is in hundredths of a percent, by pool.
    """

    switch: str = ""
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shares: Mapping[str, int] = field(default_factory=dict)
    flag: str = ""
    weighs: bool = True

    @property
    def idle(self) -> str:
        """The pool that is served the least; of two alike the last: that is where a new version goes."""
        order = list(self.pools)
        return min(order, key=lambda pool: (self.shares.get(pool, 0), -order.index(pool)), default="")

    @property
    def serving(self) -> tuple[str, ...]:
        """The units that the traffic goes to: those of all pools but the idle one."""
        return tuple(unit for pool, units in self.pools.items() if pool != self.idle for unit in units)


def waves(
    units: Sequence[str], strategy: Strategy, sharing: Sharing | None = None, *, database: bool = False
) -> tuple[Wave, ...]:
    """The waves in which ``strategy`` takes the units.

    A batch that is a share of the units is rounded up, so that every wave has at least one.

    Args:
        database: whether there is a database whose migrations are run, before any unit is touched.

    Raises:
        UsageError: the target has no traffic switch, or no flag, that the strategy needs.
    """
    if not units:
        return ()
    first = (Wave((DATABASE,), watched=False),) if database else ()
    return (*first, *_of_units(units, strategy, sharing))


def _of_units(units: Sequence[str], strategy: Strategy, sharing: Sharing | None) -> tuple[Wave, ...]:
    sharing = sharing or Sharing()
    _demand_named(strategy, sharing)
    if strategy.rolling is not None:
        size = min(_size(strategy.rolling.batch, len(units)), strategy.rolling.max_unavailable or len(units))
        lasts = strategy.rolling.checkpoint
        return tuple(Wave(tuple(units[i : i + size]), lasts=lasts) for i in range(0, len(units), size))
    if strategy.blue_green is not None:
        return _shifted(sharing, [CanaryStep(weight="100%")])
    if strategy.canary is not None:
        return _canary(units, strategy.canary.steps, sharing)
    if strategy.feature_flag is not None:
        return _flagged(units, strategy, sharing)
    return (Wave(tuple(units)),)


def _demand_named(strategy: Strategy, sharing: Sharing) -> None:
    """Where the strategy names its switch or its flag, the target has that one."""
    shifting = strategy.blue_green or strategy.canary
    flagging = strategy.feature_flag
    for what, wanted, there in (
        ("traffic switch", shifting.switch if shifting else None, sharing.switch),
        ("flag", flagging.flag if flagging else None, sharing.flag),
    ):
        if wanted and wanted != there:
            raise UsageError(
                f"the strategy names the {what} {wanted}, and the target has {there or 'none'}",
                remedy="declare it under the target, or take the name out of the strategy",
            )


def _size(batch: float | int, count: int) -> int:
    # By way of decimals: as floats, 28% of 25 units is a little more than 7, and would be rounded up to 8.
    return max(1, batch if isinstance(batch, int) else math.ceil(Decimal(repr(batch)) * count))


def points(weight: str) -> int:
    """A share as the policy writes it (``5%``), in hundredths of a percent."""
    return round(_fraction(weight) * ALL)


def _fraction(weight: str) -> float:
    return fraction(weight.rstrip("% "))


def _shifted(sharing: Sharing, steps: Sequence[CanaryStep]) -> tuple[Wave, ...]:
    """The new version to the idle pool, unseen by anybody, and then the traffic to it, step by step."""
    if len(sharing.pools) != 2:
        raise UsageError(
            "the target has no two pools between which the traffic is shared",
            remedy="declare traffic: with pools of units under the target, or another strategy for the environment",
        )
    if not sharing.weighs and any(points(step.weight) not in (0, ALL) for step in steps):
        raise UsageError(
            f"the traffic switch {sharing.switch} gives a pool all of the traffic or nothing, and the strategy a part",
            remedy="release by blue_green, or take traffic: out of the target: then a part of the units comes first",
        )
    deploys = [Wave(sharing.pools[sharing.idle], watched=False)]
    if sharing.shares.get(sharing.idle, 0) > 0:
        # Both pools are served: the one that is to change is taken out of the traffic before it is touched.
        deploys.insert(0, Wave((TRAFFIC,), Share(sharing.idle, 0), watched=False))
    return (*deploys, *_shifts(TRAFFIC, sharing.idle, steps))


def _canary(units: Sequence[str], steps: Sequence[CanaryStep], sharing: Sharing) -> tuple[Wave, ...]:
    if sharing.pools:
        return _shifted(sharing, steps)
    found: list[Wave] = []
    taken = 0
    for step in _to_all(steps):
        until = _size(_fraction(step.weight), len(units))
        if until > taken:
            found.append(_looked_at(Wave(tuple(units[taken:until])), step, last=until == len(units)))
            taken = until
    return tuple(found)


def _flagged(units: Sequence[str], strategy: Strategy, sharing: Sharing) -> tuple[Wave, ...]:
    if strategy.feature_flag is None or not sharing.flag:
        raise UsageError(
            "the target has no flag that could be switched on",
            remedy="declare flag: with its file and its name under the target, or another strategy",
        )
    off = Wave((FLAG,), Share(sharing.flag, 0), watched=False)
    return (off, *_in_halves(units, sharing), *_shifts(FLAG, sharing.flag, strategy.feature_flag.steps))


def _in_halves(units: Sequence[str], sharing: Sharing) -> list[Wave]:
    """All units; where a switch takes out of the traffic what is changed, half of those that serve after the others."""
    serving = [unit for unit in units if not sharing.pools or unit in sharing.serving]
    later = serving[(len(serving) + 1) // 2 :] if sharing.switch else []
    first = tuple(unit for unit in units if unit not in later)
    return [Wave(first), *([Wave(tuple(later))] if later else [])]


def _shifts(unit: str, of: str, steps: Sequence[CanaryStep]) -> list[Wave]:
    whole = _to_all(steps)
    shares = [Wave((unit,), Share(of, points(step.weight))) for step in whole]
    return [_looked_at(one, step, last=step is whole[-1]) for one, step in zip(shares, whole, strict=True)]


def _to_all(steps: Sequence[CanaryStep]) -> list[CanaryStep]:
    """The steps, and after them all of it: a canary that ends half-way would never be released."""
    given = list(steps)
    return given if given and points(given[-1].weight) == ALL else [*given, CanaryStep(weight="100%")]


def _looked_at(wave: Wave, step: CanaryStep, *, last: bool) -> Wave:
    """The last step is watched for as long as the whole rollout; one without a time is taken on by a person."""
    if last:
        return wave
    return Wave(wave.units, wave.share, lasts=step.lasts, stays=step.lasts is not None, asks=step.lasts is None)


def shares_left(waves: Sequence[Wave]) -> dict[str, Share]:
    """What each switch or flag is left at by waves that were all carried: the last share, by its unit."""
    return {wave.units[0]: wave.share for wave in waves if wave.share is not None}


def waves_back(
    forward: Sequence[Wave], units: Sequence[str], *, to_other: bool = False, database: bool = False
) -> tuple[Wave, ...]:
    """The way back: what was shifted goes to nothing first, which is instant; then the units, all at once; then the
    database, which the version before can only need as it was once it is there.

    Args:
        database: whether the database goes back, too.
        units: those that are to change their version.
        to_other: whether it leads to another version than the one from which the rollout came: that one is only on
            the pool that was changed, so the traffic is given to it again afterwards.
    """
    shifts = list(dict.fromkeys((wave.units, wave.share.of) for wave in forward if wave.share is not None))
    first = [Wave(unit, Share(of, 0), watched=False) for unit, of in shifts]
    again = [Wave(unit, Share(of, ALL), watched=False) for unit, of in shifts if to_other and unit == (TRAFFIC,)]
    last = [Wave((DATABASE,), watched=False)] if database else []
    return (*first, *([Wave(tuple(units), watched=False)] if units else []), *again, *last)
