"""What the targets of an environment say that they run, beside what is recorded of them."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.effect import Health, Observation, Package, Presence, Share, is_shared_so
from tidegate.core.policy import Policy
from tidegate.core.rollout import Direction
from tidegate.core.wave import FLAG, TRAFFIC, Sharing, shares_left
from tidegate.drivers.contract import Driver
from tidegate.errors import NotFoundError
from tidegate.orchestration.abreast import abreast
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import demand_environment
from tidegate.orchestration.sight import driver_of, shared
from tidegate.store import policies, rollouts
from tidegate.store.rollouts import Rollout

SILENT = "does not say"
_SHARING = frozenset({TRAFFIC, FLAG})


@dataclass(frozen=True, slots=True)
class PartSeen:
    """A unit, or what shares the traffic: what it says, and what is wrong with that; ``wrong`` is empty if nothing."""

    unit: str
    says: str
    healthy: str
    wrong: str


@dataclass(frozen=True, slots=True)
class TargetSeen:
    """The target of one component: the version that is recorded, what is under way there, and what each part says.

    ``goes_back``: whether a rollback could take back what stands there; what was adopted has no way back.
    """

    component: str
    environment: str
    recorded: str
    under_way: str
    goes_back: bool
    parts: tuple[PartSeen, ...]

    @property
    def is_as_recorded(self) -> bool:
        """Whether every part answers, and says what is recorded."""
        return not any(part.wrong for part in self.parts)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What can be done, in the order in which one tries it; empty where nothing is wrong."""
        wrong = [part for part in self.parts if part.wrong]
        where = f"{self.component} {self.environment}"
        adopted = any(part.says not in (SILENT, Presence.ABSENT.value) and part.unit not in _SHARING for part in wrong)
        found = {
            "see why it does not answer": any(part.says == SILENT for part in wrong),
            "set it right where it runs": any(part.says != SILENT for part in wrong),
            f"record it as it is: tidegate adopt {where} --version VERSION": adopted,
            f"go back to the version before: tidegate rollback {where}": bool(wrong) and self.goes_back,
        }
        return tuple(way for way, fits in found.items() if fits)


def look_at(house: House, environment: str, component: str = "") -> tuple[TargetSeen, ...]:
    """Ask every target of an environment, or that of one component. Changes nothing, there and here.

    Raises:
        NotFoundError: the policy knows no such environment, or no target of that component there.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        demand_environment(policy, environment)
        names = [component] if component else _with_a_target(policy, environment)
        if not names:
            raise NotFoundError(
                f"no component has a target in {environment}", remedy=f"declare components.NAME.targets.{environment}"
            )
        asked = [
            (
                driver_of(house, policy, name, environment),
                rollouts.last_good(connection, name, environment),
                rollouts.last_ended(connection, name, environment),
                rollouts.active(connection, name, environment),
            )
            for name in names
        ]
    return tuple(_seen(*each) for each in asked)


def _with_a_target(policy: Policy, environment: str) -> list[str]:
    return [name for name, component in policy.components.items() if environment in component.targets]


def _seen(driver: Driver, good: Rollout | None, ended: Rollout | None, active: Rollout | None) -> TargetSeen:
    abilities = driver.abilities
    expected = _expected(good, active)
    left = _left(ended, active)
    shifting = [*([TRAFFIC] if abilities.pools else []), *([FLAG] if abilities.flag else [])]
    observed = {seen.unit: seen for seen in abreast(driver.observe, [*driver.units, *shifting])}
    idle = _idle(driver, observed.get(TRAFFIC), left.get(TRAFFIC))
    parts = [_unit_seen(observed[unit], expected, idle=unit in idle) for unit in driver.units]
    parts += [_share_seen(observed[unit], left.get(unit)) for unit in shifting]
    return TargetSeen(
        component=driver.target.component,
        environment=driver.target.environment,
        recorded=good.target.version if good and good.target else "absent",
        under_way=active.id if active else "",
        goes_back=bool(active or (good and good.direction is Direction.FORWARD)),
        parts=tuple(parts),
    )


def _expected(good: Rollout | None, active: Rollout | None) -> list[Package | None]:
    """The packages of which a unit may run any: what stands, and while a rollout is under way what that brings."""
    return [good.target if good else None, *([active.target] if active else [])]


def _left(ended: Rollout | None, active: Rollout | None) -> dict[str, Share]:
    """How the traffic was left, by the rollout that ended last; while one is under way, by its waves up to now."""
    found = shares_left(ended.waves) if ended else {}
    if active is None:
        return found
    # The present wave may or may not have been carried out yet.
    return {**found, **shares_left(active.waves[: active.wave])} if active.waves[active.wave].share is None else {}


def _idle(driver: Driver, seen: Observation | None, left: Share | None) -> frozenset[str]:
    """The units of the pool that nobody is to be served by: those may run any version that was brought there."""
    pools = driver.abilities.pools
    if seen is None or not pools:
        return frozenset()
    shares = {left.of: left.points} if left else {share.of: share.points for share in seen.shares}
    if left and left.points == 0:
        shares |= {pool: 1 for pool in pools if pool != left.of}
    serving = Sharing(pools=pools, shares=shares).serving
    return frozenset(unit for units in pools.values() for unit in units if unit not in serving)


def _unit_seen(seen: Observation, expected: list[Package | None], *, idle: bool) -> PartSeen:
    says = str(seen.running) if isinstance(seen.running, Package) else seen.running.value
    wrong = ""
    if not seen.reachable or seen.running is Presence.UNSEEN:
        says, wrong = SILENT, seen.detail or "it does not answer"
    elif seen.busy:
        wrong = "an act is under way on it"
    elif seen.running is Presence.FOREIGN:
        wrong = seen.detail or "Tidegate did not put it there"
    elif not idle and not any(_is(package, seen) for package in expected):
        wrong = "it should run " + " or ".join(dict.fromkeys(str(package or "nothing") for package in expected))
    elif seen.healthy is Health.NO:
        wrong = seen.detail or "it is not healthy"
    return PartSeen(seen.unit, says, seen.healthy.value, wrong)


def _is(package: Package | None, seen: Observation) -> bool:
    return seen.running is Presence.ABSENT if package is None else package.same_as(seen.running)


def _share_seen(seen: Observation, left: Share | None) -> PartSeen:
    wrong = ""
    if not seen.reachable:
        wrong = seen.detail or "it does not answer"
    elif left is not None and not is_shared_so(left, seen):
        wrong = f"the last rollout has left {left}"
    return PartSeen(seen.unit, shared(seen) if seen.reachable else SILENT, "", wrong)
