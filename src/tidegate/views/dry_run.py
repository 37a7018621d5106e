"""What a rollout would do on each unit, as the driver itself renders it."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.effect import Act, Effect, Package
from tidegate.core.rollout import waves
from tidegate.drivers.contract import Step
from tidegate.errors import ConflictError, NotFoundError
from tidegate.orchestration.house import House
from tidegate.orchestration.rollout import driver_of
from tidegate.store import policies, releases, rollouts


@dataclass(frozen=True, slots=True)
class DryRunView:
    """The waves of a rollout that nobody has started, with the steps of each."""

    release: str
    component: str
    environment: str
    source: str
    target: str
    waves: tuple[tuple[Step, ...], ...]


def dry_run_view(house: House, release: str, environment: str) -> DryRunView:
    """What starting the release there would do. Asks no unit and no policy; changes nothing.

    Raises:
        NotFoundError: there is no such release, environment or target.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        policy = policies.current(connection).policy
        if len(row.facts.items) != 1:
            raise ConflictError("a release of several components cannot be shown yet", remedy="show each by itself")
        item = row.facts.items[0]
        known = rollouts.last_good(connection, item.component, environment)
        number = len(rollouts.find(connection, release=release, environment=environment)) + 1
    if environment not in policy.environments:
        raise NotFoundError(
            f'the policy knows no environment "{environment}"',
            remedy=f"name one of: {', '.join(policy.environments) or 'none is declared'}",
        )
    driver = driver_of(house, policy, item.component, environment)
    target = Package(item.to_version, row.packages[item.component])
    source = known.target if known else None

    def effect(wave: int, unit: str) -> Effect:
        return Effect(
            rollout=f"{release}.{environment}.{number}",
            step=rollouts.step_of(wave),
            unit=unit,
            attempt=1,
            component=item.component,
            environment=environment,
            act=Act.DEPLOY,
            to=target,
            previous=source,
        )

    return DryRunView(
        release=release,
        component=item.component,
        environment=environment,
        source=source.version if source else "absent",
        target=target.version,
        waves=tuple(
            driver.render([effect(wave, unit) for unit in units])
            for wave, units in enumerate(waves(driver.units, policy.environments[environment].strategy))
        ),
    )
