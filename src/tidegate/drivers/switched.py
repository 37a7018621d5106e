"""A driver behind a traffic switch, or with a feature flag: units leave the traffic before they change.

It puts itself around another driver and keeps to the same contract. A unit is withdrawn, changed by the driver, found
healthy, and only then returned; until it is returned, what was begun is not said to be done, so that a crash in between
is carried on. The shares have units of their own, ``traffic`` and ``flag``, on which ``shift`` acts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tidegate.core.effect import Act, Effect, Health, Observation, Package, Presence, Stage, Token
from tidegate.core.wave import FLAG, TRAFFIC
from tidegate.drivers.contract import Abilities, Driver, Readiness, Step, Target
from tidegate.errors import FencedError, TargetError, UsageError
from tidegate.traffic.contract import Divider, Switch


class SwitchedDriver:
    """The driver of a target whose traffic is switched, or that has a flag."""

    def __init__(
        self,
        driver: Driver,
        switch: Switch | None = None,
        flag: Divider | None = None,
        *,
        switch_name: str = "",
        flag_name: str = "",
    ) -> None:
        self._driver = driver
        self._switch = switch
        self._flag = flag
        self._switch_name = switch_name
        self._flag_name = flag_name

    @property
    def target(self) -> Target:
        return self._driver.target

    @property
    def abilities(self) -> Abilities:
        pools, weighs = (self._switch.pools, self._switch.weighs) if self._switch else ({}, True)
        return replace(
            self._driver.abilities, switch=self._switch_name, pools=pools, weighs=weighs, flag=self._flag_name
        )

    @property
    def units(self) -> tuple[str, ...]:
        return self._driver.units

    def online(self, unit: str) -> Readiness:
        divider = self._divider(unit)
        if divider is None:
            return self._driver.online(unit)
        try:
            return Readiness(unit, True, divider.sight().detail)
        except TargetError as error:
            return Readiness(unit, False, str(error), error.remedy)

    def observe(self, unit: str) -> Observation:
        divider = self._divider(unit)
        if divider is not None:
            return _seen(unit, divider)
        return self._in_traffic(self._driver.observe(unit))

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        return tuple(step for effect in effects for step in self._steps(effect))

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        if effect.share is not None:
            divider = self._divider_of(effect)
            divider.shift(effect.share, token)
            return _seen(effect.unit, divider)
        if self._switch is None or not self._switch.withdraws:
            return self._driver.apply(effect, package, token)
        put_out = self._withdraw(self._switch, effect, token)
        try:
            seen = self._driver.apply(effect, package, token)
        except FencedError:
            # The unit was left as it is, and so is its place in the traffic; who has outranked us answers for both.
            if put_out:
                with contextlib.suppress(TargetError):
                    self._switch.return_(effect.unit, token)
            raise
        if effect.to is not None and effect.to.same_as(seen.running) and _well(seen):
            self._switch.return_(effect.unit, token)
        return self._in_traffic(seen)

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        return self._driver.adopt(unit, version, token)

    def health(self, unit: str) -> Health:
        return Health.CANNOT_TELL if self._divider(unit) else self._driver.health(unit)

    def counts_source(self, unit: str) -> str | None:
        return None if self._divider(unit) else self._driver.counts_source(unit)

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        self._driver.write_way_back(unit, document, token, keeps)

    def read_way_back(self, unit: str) -> bytes | None:
        return self._driver.read_way_back(unit)

    def _divider(self, unit: str) -> Divider | None:
        """What shares are set at, where the unit is one of ours."""
        if unit == TRAFFIC and self._switch is not None and self._switch.pools:
            return self._switch
        return self._flag if unit == FLAG else None

    def _divider_of(self, effect: Effect) -> Divider:
        divider = self._divider(effect.unit)
        if divider is None:
            raise UsageError(
                f"{effect.component} in {effect.environment} has no {effect.unit} that could be shifted",
                remedy="declare traffic: with pools, or flag:, under the target",
            )
        return divider

    def _steps(self, effect: Effect) -> tuple[Step, ...]:
        if effect.share is not None:
            sentence = self._divider_of(effect).sentence(effect.share)
            return (Step(effect.key, effect.unit, "shift", sentence),)
        steps = self._driver.render([effect])
        if self._switch is None or not self._switch.withdraws:
            return steps
        out = Step(effect.key, effect.unit, "withdraw", "take it out of the traffic, and wait for its last answers")
        back = Step(effect.key, effect.unit, "return", "put it back into the traffic once it is healthy")
        return (out, *steps, *([back] if effect.to is not None else []))

    def _withdraw(self, switch: Switch, effect: Effect, token: Token) -> bool:
        """Take the unit of an effect out of the traffic; whether it was in it before."""
        try:
            served = not switch.withdrawn(effect.unit)
            # On the way back all units are taken at once; somebody is served meanwhile all the same.
            switch.withdraw(effect.unit, token, keeps_one=effect.act is Act.RESTORE)
        except FencedError:
            raise
        except TargetError:
            # Going back never waits for the switch; a new version is not put under people's feet.
            if effect.act is Act.DEPLOY:
                raise
            return False
        return served

    def _in_traffic(self, seen: Observation) -> Observation:
        """What was done counts as done when the unit is back in the traffic."""
        finished = seen.last_stage is Stage.DONE and isinstance(seen.running, Package) and _well(seen)
        if self._switch is None or not self._switch.withdraws or not finished:
            return seen
        try:
            out = self._switch.withdrawn(seen.unit)
        except TargetError as error:
            return replace(seen, detail=f"{seen.detail}; {error}" if seen.detail else str(error))
        return replace(seen, last_stage=Stage.HEALTHY, detail="it is still out of the traffic") if out else seen


def _well(seen: Observation) -> bool:
    return seen.healthy is not Health.NO


def _seen(unit: str, divider: Divider) -> Observation:
    try:
        sight = divider.sight()
    except TargetError as error:
        return Observation(unit, False, Presence.UNSEEN, detail=str(error))
    return Observation(
        unit, True, Presence.ABSENT, sight.token, detail=sight.detail, shares=sight.shares, grain=sight.grain
    )
