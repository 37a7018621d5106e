"""Record what runs in an environment today as a version that one can return to."""

from __future__ import annotations

from tidegate.core.actor import Actor
from tidegate.core.effect import Package, Presence, Token
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.statement import Act
from tidegate.core.subject import NOTHING
from tidegate.core.version import parse_version
from tidegate.drivers.contract import Driver
from tidegate.errors import ConflictError, TargetError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_permit, prove_act
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.rollout import driver_of
from tidegate.store import leases, locks, policies, rollouts
from tidegate.store.rollouts import Rollout


def adopt(house: House, component: str, environment: str, version: str, claim: Claim) -> Package:
    """Adopt what runs: every unit keeps it as ``version``, and it counts as verified there from now on.

    Raises:
        NotPermittedError: the policy does not let this person start rollouts there.
        TargetError: a unit does not answer, runs nothing, or the units run different things.
        ConflictError: a rollout is under way there.
    """
    number = str(parse_version(version))
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    actor = prove_act(house, policy, claim, Act.ADOPT, component=component, environment=environment).actor
    demand_permit(policy, actor, "start", environment)
    driver = driver_of(house, policy, component, environment)
    token = _claim(house, component, environment)
    try:
        package = _adopt_units(driver, number, token)
    finally:
        with house.database.write() as connection:
            leases.release(connection, component, environment, _HOLDER)
    _record(house, component, environment, actor, package, driver.units, token)
    return package


_HOLDER = "adopt"


def _claim(house: House, component: str, environment: str) -> Token:
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_lease(connection, component, environment)
        if rollouts.active(connection, component, environment) is not None:
            raise ConflictError(
                f"a rollout of {component} is under way in {environment}", remedy="wait for its end, then adopt"
            )
        return leases.claim(connection, component, environment, _HOLDER, house.now())


def _adopt_units(driver: Driver, version: str, token: Token) -> Package:
    found: dict[str, Package] = {}
    for unit in driver.units:
        seen = driver.adopt(unit, version, token)
        if isinstance(seen.running, Presence):
            raise TargetError(
                f"it runs nothing that can be kept: {seen.detail or seen.running.value}",
                where=unit,
                remedy="let it run the version first",
            )
        found[unit] = seen.running
    packages = set(found.values())
    if len({(p.version, p.digest) for p in packages}) != 1:
        raise TargetError(
            "the units run different things: " + ", ".join(f"{unit} {package}" for unit, package in found.items()),
            where=f"{driver.target.component} in {driver.target.environment}",
            remedy="bring them to one version first",
        )
    return next(iter(packages))


def _record(
    house: House,
    component: str,
    environment: str,
    actor: Actor,
    package: Package,
    units: tuple[str, ...],
    token: Token,
) -> None:
    with house.database.write() as connection:
        now = house.now()
        number = len(rollouts.find(connection, component=component, environment=environment)) + 1
        rollouts.insert(
            connection,
            Rollout(
                id=f"{component}-{package.version}.{environment}.adopted.{number}",
                release="",
                component=component,
                environment=environment,
                direction=Direction.ADOPTED,
                state=RolloutState.SUCCEEDED,
                subject=NOTHING,
                granted=NOTHING,
                source=None,
                target=package,
                waves=(units,),
                wave=0,
                token=token,
                legs=0,
                started_at=now,
                started_by=actor,
                ended_at=now,
                because="adopted as it ran",
            ),
        )
        data = {
            "component": component,
            "environment": environment,
            "version": package.version,
            "package": package.digest,
        }
        record(connection, Entry("version.adopted", actor, data=data), now)
