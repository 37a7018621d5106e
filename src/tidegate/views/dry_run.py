"""What a rollout would do on each unit, as the driver itself renders it."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.bundle import order_of_items
from tidegate.core.config_diff import SettingChange, differences
from tidegate.core.effect import Act, Effect, Package
from tidegate.core.facts import Item
from tidegate.core.migration.way_back import NOTHING_DECLARED, Consequence
from tidegate.core.policy import Policy
from tidegate.core.wave import TRAFFIC, Wave, shares_left, waves
from tidegate.drivers.contract import Step
from tidegate.errors import NotFoundError
from tidegate.orchestration.configuration import path_in_package, settings_in
from tidegate.orchestration.facts import with_requirements
from tidegate.orchestration.house import House
from tidegate.orchestration.image_lock import image_lock_of, package_for
from tidegate.orchestration.migration import brought, chosen_here
from tidegate.orchestration.rollout import next_number
from tidegate.orchestration.sight import driver_of, sharing_of, strategy_of
from tidegate.store import policies, releases, rollouts
from tidegate.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """What changes in the configuration file. ``known`` is False where a file of the two cannot be read here."""

    path: str
    known: bool
    changes: tuple[SettingChange, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRunView:
    """The waves of a rollout that nobody has started, with the steps of each.

    ``back`` is what going back to ``source`` would mean; None where nothing runs there. ``migrations`` are those that
    ``source`` does not have, where a database is migrated. ``images`` are those that the units are to run, each by its
    digest, where the target runs images.
    """

    release: str
    component: str
    environment: str
    source: str
    target: str
    waves: tuple[tuple[Step, ...], ...]
    configuration: ConfigurationChange | None = None
    back: Consequence | None = None
    migrations: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def dry_run_views(house: House, release: str, environment: str, strategy: str = "") -> tuple[DryRunView, ...]:
    """What starting the release there would do, of each component in the order in which they go.

    Asks no policy; changes nothing. Units are asked at most by which name a program is called there, and a switch how
    the traffic is shared now.

    Raises:
        NotFoundError: there is no such release, environment or target.
        TargetError: the switch does not answer, or does not share the traffic as it was left.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        policy = policies.current(connection).policy
        items = with_requirements(connection, row.facts, row.policy).items
    if environment not in policy.environments:
        raise NotFoundError(
            f'the policy knows no environment "{environment}"',
            remedy=f"name one of: {', '.join(policy.environments) or 'none is declared'}",
        )
    known = {item.component: item for item in row.facts.items}
    sequence = order_of_items(items) or known
    return tuple(_dry_run(house, row, policy, known[name], environment, strategy) for name in sequence)


def dry_run_view(house: House, release: str, environment: str, strategy: str = "") -> DryRunView:
    """As :func:`dry_run_views`, of a release of one component."""
    return dry_run_views(house, release, environment, strategy)[0]


def _dry_run(house: House, row: ReleaseRow, policy: Policy, item: Item, environment: str, strategy: str) -> DryRunView:
    release = row.facts.id
    with house.database.read() as connection:
        known = rollouts.last_good(connection, item.component, environment)
        before = rollouts.last_ended(connection, item.component, environment)
        lock = image_lock_of(connection, row, item)
        number = next_number(connection, release, environment, joint=len(row.facts.items) > 1)
    driver = driver_of(house, policy, item.component, environment)
    here = [one for one in brought(house, [item], [policy]) if one.environment == environment]
    back = (chosen_here(policy, here[0]) if here else NOTHING_DECLARED) if known else None
    target = package_for(driver, lock)
    source = known.target if known else None

    way = strategy_of(policy, environment, strategy, item.component)
    left = shares_left(before.waves).get(TRAFFIC) if before else None
    planned = waves(driver.units, way, sharing_of(driver, left), database=bool(driver.abilities.database))

    def effect(number_: int, wave: Wave, unit: str) -> Effect:
        return Effect(
            rollout=f"{release}.{environment}.{number}" + (f".{item.component}" if len(row.facts.items) > 1 else ""),
            step=rollouts.step_of(number_),
            unit=unit,
            attempt=1,
            component=item.component,
            environment=environment,
            act=Act.DEPLOY if wave.share is None else Act.SHIFT,
            to=target,
            previous=source,
            share=wave.share,
        )

    return DryRunView(
        release=release,
        component=item.component,
        environment=environment,
        source=source.version if source else "absent",
        target=target.version,
        configuration=_configuration(house, policy, item, environment, source, Package(lock.version, lock.archive)),
        waves=tuple(
            driver.render([effect(place, wave, unit) for unit in wave.units]) for place, wave in enumerate(planned)
        ),
        back=back,
        migrations=here[0].scripts if here and driver.abilities.database else (),
        images=tuple(f"{name}@{made}" for name, made in sorted(lock.images.items())) if driver.abilities.images else (),
    )


def _configuration(
    house: House, policy: Policy, item: Item, environment: str, source: Package | None, target: Package
) -> ConfigurationChange | None:
    """What changes in the component's configuration there; before a first version, nothing was set."""
    path = path_in_package(policy, item.component, environment)
    if path is None:
        return None
    before = settings_in(house, source, path) if source else {}
    after = settings_in(house, target, path)
    if before is None or after is None:
        return ConfigurationChange(path, known=False)
    return ConfigurationChange(path, known=True, changes=differences(before, after))
