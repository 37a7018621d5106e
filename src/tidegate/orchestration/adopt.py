"""Record what runs in an environment today as a version that one can return to."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.effect import Package, Presence, Token
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.statement import Act
from tidegate.core.subject import NOTHING
from tidegate.core.version import Scheme, parse_version
from tidegate.core.wave import Wave
from tidegate.drivers.contract import Driver
from tidegate.errors import ConflictError, TargetError
from tidegate.orchestration.checkpoint import rollout_name
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, demand_listed, demand_permit, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.sight import driver_of
from tidegate.store import leases, locks, policies, rollouts
from tidegate.store.rollouts import Rollout


def adopt(house: House, component: str, environment: str, version: str, claim: Claim) -> Package:
    """Adopt what runs: every unit keeps it as ``version``, and it counts as verified there from now on.

    The lease is not held meanwhile: the raised token makes the units refuse whoever came before, and where somebody
    comes after, they refuse us, and nothing is recorded. So a crash in between blocks nobody.

    Raises:
        NotPermittedError: the policy does not let this person adopt there.
        TargetError: a unit does not answer, runs nothing, or the units run different things.
        ConflictError: a rollout is under way there, or was begun meanwhile.
    """
    number = str(parse_version(version, _scheme(house, component)))
    concerns = {"component": component, "environment": environment, "reason": f"as version {number}"}
    with refusals(house, "version", claim.person, component=component, environment=environment):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            demand_listed(policy, claim.person, "adopt", environment, now=house.now())
        driver = driver_of(house, policy, component, environment)
        proven = proven_by(house, claim, Act.ADOPT, **concerns)
        demand_permit(policy, proven.actor, "adopt", environment, now=house.now())
        token = _claim(house, component, environment)
        package = _adopt_units(driver, number, token)
        with house.database.write() as connection:
            _lock_idle(connection, component, environment)
            if leases.token(connection, component, environment) != token:
                raise ConflictError(
                    f"somebody else acted on {component} in {environment} meanwhile", remedy="look, then adopt again"
                )
            actor = stands(policies.current(connection).policy, proven, Act.ADOPT, **concerns)
            now = house.now()
            _record(connection, _adopted(connection, driver, actor, package, token, now), proven, now)
    return package


def _scheme(house: House, component: str) -> Scheme:
    """How the component's versions are written; an unknown one is refused later, with everything else."""
    with house.database.read() as connection:
        known = policies.current(connection).policy.components.get(component)
    return known.versions if known is not None else Scheme.SEMVER


def _claim(house: House, component: str, environment: str) -> Token:
    with house.database.write() as connection:
        _lock_idle(connection, component, environment)
        return leases.raised(connection, component, environment, house.now())


def _lock_idle(connection: sa.Connection, component: str, environment: str) -> None:
    locks.lock_organization(connection)
    locks.lock_lease(connection, component, environment)
    if rollouts.active(connection, component, environment) is not None:
        raise ConflictError(
            f"a rollout of {component} is under way in {environment}", remedy="wait for its end, then adopt"
        )


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


def _adopted(
    connection: sa.Connection, driver: Driver, actor: Actor, package: Package, token: Token, now: datetime
) -> Rollout:
    component, environment = driver.target.component, driver.target.environment
    number = len(rollouts.find(connection, component=component, environment=environment)) + 1
    return Rollout(
        id=rollout_name(f"{component}-{package.version}.{environment}", "adopted", str(number)),
        release="",
        component=component,
        environment=environment,
        direction=Direction.ADOPTED,
        state=RolloutState.SUCCEEDED,
        subject=NOTHING,
        granted=NOTHING,
        source=None,
        target=package,
        waves=(Wave(driver.units),),
        wave=0,
        token=token,
        legs=0,
        started_at=now,
        started_by=actor,
        ended_at=now,
        because="adopted as it ran",
    )


def _record(connection: sa.Connection, rollout: Rollout, proven: Proven, now: datetime) -> None:
    rollouts.insert(connection, rollout)
    data = {
        "rollout": rollout.id,
        "component": rollout.component,
        "environment": rollout.environment,
        "version": rollout.target.version if rollout.target else "",
        "package": rollout.target.digest if rollout.target else "",
        **shown(spend(connection, proven, now), proven),
    }
    record(connection, Entry("version.adopted", rollout.started_by, data=data), now)
