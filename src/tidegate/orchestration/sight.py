"""What the targets of a release run and how the traffic is shared, looked at before it is decided whether it goes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from tidegate.core.decision import Question
from tidegate.core.effect import Observation, Package, Presence, Share, is_shared_so
from tidegate.core.facts import Item
from tidegate.core.image_lock import ImageLock
from tidegate.core.policy import Policy, Strategy
from tidegate.core.wave import TRAFFIC, Sharing, Wave, shares_left, waves
from tidegate.drivers.contract import Driver
from tidegate.errors import NotFoundError, TargetError, TidegateError, UsageError
from tidegate.orchestration.abreast import abreast
from tidegate.orchestration.configuration import target_settings
from tidegate.orchestration.house import House
from tidegate.orchestration.image_lock import image_lock_of, keep_lock, package_for
from tidegate.orchestration.judge import Ahead, Judged, LaidOut, judge, lay_out
from tidegate.orchestration.seen import InGit
from tidegate.store import rollouts
from tidegate.store.rollouts import Rollout

SHARED_OTHERWISE = "the traffic is not shared as it was set"
"""How the reason begins for which a rollout is paused whose share somebody, or a restart of the switch, has changed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the target of a component runs, read back before the deciding transaction.

    ``is_there``: this very subject runs there already, on every unit, and was found good.
    """

    component: str
    waves: tuple[Wave, ...]
    source: Package | None
    is_there: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """How the targets of components stand, and what was known when they were asked.

    A transaction that sees anything else than ``seen`` does not decide on it: the targets are asked again. ``ahead`` is
    what was gathered for the decision, None where nobody can tell whether it still holds.
    """

    standings: Mapping[str, Standing]
    seen: tuple[object, ...]
    ahead: Ahead | None = None


def driver_of(house: House, policy: Policy, component: str, environment: str) -> Driver:
    """The driver of a component in an environment.

    Raises:
        NotFoundError: the policy names no such component, or no target for it there.
    """
    known = policy.components.get(component)
    if known is None:
        raise NotFoundError(f'the policy knows no component "{component}"', remedy="tidegate policy show")
    if environment not in known.targets:
        raise NotFoundError(
            f"{component} has no target in {environment}",
            remedy=f"declare components.{component}.targets.{environment}",
        )
    return house.driver_for(component, environment, target_settings(policy, component, environment))


def strategy_of(policy: Policy, environment: str, chosen: str = "", component: str = "") -> Strategy:
    """The strategy by which a component goes to an environment: the one that was chosen, else the environment's own.

    Args:
        chosen: one name for all components of a release, or ``COMPONENT=NAME`` for some, with commas between.

    Raises:
        UsageError: the environment does not let a release choose that one.
    """
    here = policy.environments[environment]
    chosen = _chosen_for(chosen, component)
    if not chosen:
        return here.strategy
    if chosen not in here.may_use or chosen not in policy.strategies:
        known = ", ".join(name for name in here.may_use if name in policy.strategies) or "none"
        raise UsageError(
            f'a release to {environment} may not choose the strategy "{chosen}" (it may choose: {known})',
            where=f"environments.{environment}.may_use",
            remedy="choose one of these, or leave it to the environment",
        )
    return policy.strategies[chosen]


def _chosen_for(chosen: str, component: str) -> str:
    """The name that was chosen for one component; empty where none was."""
    if "=" not in chosen:
        return chosen
    return _by_component(chosen).get(component, "")


def _by_component(chosen: str) -> dict[str, str]:
    return {name: strategy for name, _, strategy in (part.partition("=") for part in chosen.split(","))}


def _demand_known(chosen: str, items: Iterable[Item], release: str) -> None:
    """Each component for which a strategy was chosen is part of the release.

    Raises:
        UsageError: one is not.
    """
    known = {item.component for item in items}
    strange = sorted(_by_component(chosen).keys() - known) if "=" in chosen else []
    if strange:
        raise UsageError(
            f"a strategy is chosen for {strange[0][:80]}, which is no component of {release}",
            remedy=f"name one of: {', '.join(sorted(known))}",
        )


def sight_of(
    house: House, release: str, question: Question, in_git: InGit, chosen: str = "", only: str = ""
) -> Sight | None:
    """Ask the targets what they run; None, and no target is touched, where the policy would not let it go anyway.

    Args:
        only: the one component whose target is asked; else all of the release.

    Raises:
        TidegateError: what is wrong with one of the targets; of several components, each that cannot go is named.
    """
    version = house.database.version()
    with house.database.read() as connection:
        now = house.now()
        found = LaidOut(*lay_out(connection, release, now, in_git=in_git))
        judged = judge(connection, release, question, now, ahead=found)
        if not judged.decision.allowed:
            return None
        _demand_known(chosen, judged.row.facts.items, release)
        items = [item for item in judged.facts.release.items if only in ("", item.component)]
        asked = _each(items, lambda item: _prospect(house, connection, judged, item, chosen))
    seen = _seen(judged, ((one.component, package_for(one.driver, one.lock), one.known) for one in asked))
    standings = _each(asked, lambda prospect: _standing(house, prospect))
    ahead = Ahead(version, release, now, found) if version is not None else None
    return Sight({standing.component: standing for standing in standings}, seen, ahead)


@dataclass(frozen=True, slots=True)
class _Prospect:
    """One component that is to go: what is asked of its target."""

    component: str
    item: Item
    environment: str
    policy: Policy
    driver: Driver
    known: Rollout | None
    left: Share | None
    lock: ImageLock
    strategy: Strategy


_One = TypeVar("_One", Item, _Prospect)

_Got = TypeVar("_Got")


def _each(ones: Sequence[_One], get: Callable[[_One], _Got]) -> list[_Got]:
    """What ``get`` gives for each; where it refuses, all that it refuses is told at once, before anything begins.

    Raises:
        TidegateError: as the first that was raised; of several, it names each component.
    """
    found, refused = [], {}
    for one in ones:
        try:
            found.append(get(one))
        except TidegateError as error:
            refused[one.component] = error
    if not refused:
        return found
    first = next(iter(refused.values()))
    if len(ones) == 1:
        raise first
    told = "; ".join(f"{component}: {error.what}" for component, error in refused.items())
    raise type(first)(
        f"{len(refused)} of {len(ones)} components cannot go, so none begins: {told}",
        where=first.where,
        remedy=first.remedy,
    )


def _prospect(house: House, connection: sa.Connection, judged: Judged, item: Item, chosen: str) -> _Prospect:
    policy, environment = judged.policies.current.policy, judged.question.environment
    before = rollouts.last_ended(connection, item.component, environment)
    return _Prospect(
        component=item.component,
        item=item,
        environment=environment,
        policy=policy,
        driver=driver_of(house, policy, item.component, environment),
        known=rollouts.last_good(connection, item.component, environment),
        left=shares_left(before.waves).get(TRAFFIC) if before else None,
        lock=image_lock_of(connection, judged.row, item),
        strategy=strategy_of(policy, environment, chosen, item.component),
    )


def _standing(house: House, prospect: _Prospect) -> Standing:
    driver, known = prospect.driver, prospect.known
    if driver.abilities.images:
        keep_lock(house, prospect.lock)
    target = package_for(driver, prospect.lock)
    sharing = sharing_of(driver, prospect.left)
    source, running = _source(driver, known.target if known else None, target, sharing)
    way = waves(driver.units, prospect.strategy, sharing, database=bool(driver.abilities.database))
    _demand_watch(way, prospect.policy, prospect.environment)
    subject = prospect.item.subject.digest_for(prospect.environment)
    good = known is not None and known.subject == subject and target.same_as(known.target)
    serving = sharing.serving or driver.units
    everywhere = len(running) == len(serving) and all(target.same_as(package) for package in running)
    return Standing(prospect.component, way, source, good and everywhere)


def _demand_watch(way: Sequence[Wave], policy: Policy, environment: str) -> None:
    """A step that lasts is looked at meanwhile: without a watch, nobody would know when it was good."""
    if environment not in policy.watch and any(wave.stays for wave in way):
        raise UsageError(
            f"the strategy of {environment} has steps that last, and nothing is watched there",
            where=f"environments.{environment}.strategy",
            remedy=f"declare watch.{environment}, or take for: out of the steps, so that a person takes each on",
        )


def sharing_of(driver: Driver, left: Share | None = None) -> Sharing:
    """How the traffic is shared now between the pools of a target, where it has any; the switch is asked.

    Whatever the strategy: the units of the idle pool may run another version than the one that stands.

    Args:
        left: how the rollout before has left it. Where it is shared otherwise now, a switch has forgotten it (HAProxy
            when it is reloaded), or somebody else has set it: which pool is the idle one, only a person knows.

    Raises:
        TargetError: the switch does not answer, or does not share the traffic as it was left.
    """
    abilities = driver.abilities
    if not abilities.pools:
        return Sharing(switch=abilities.switch, flag=abilities.flag)
    seen = driver.observe(TRAFFIC)
    if not seen.reachable:
        raise TargetError(
            f"the traffic switch does not answer: {seen.detail}",
            where=f"{driver.target.component} in {driver.target.environment}",
            remedy="make it reachable, then repeat",
        )
    if left is not None and left.of in abilities.pools and not is_shared_so(left, seen):
        target = driver.target
        raise TargetError(
            f"the traffic is not shared as the rollout before has left it ({left}): it is {shared(seen)}",
            where=f"{target.component} in {target.environment}",
            remedy=f"set it back at the switch so that {left.of} has {left.percent}; or, where it is meant so, "
            f"go back: tidegate rollback {target.component} {target.environment}",
        )
    shares = {share.of: share.points for share in seen.shares}
    return Sharing(abilities.switch, abilities.pools, shares, abilities.flag, abilities.weighs)


def shared(seen: Observation) -> str:
    """How a switch or a flag shares now, in words."""
    return ", ".join(map(str, seen.shares)) or "shared in no way that can be told"


def seen_of(house: House, connection: sa.Connection, judged: Judged, only: str = "") -> tuple[object, ...]:
    """What a look at targets rests on: the packages, what stood there before, and the policy that lists their units."""
    environment = judged.question.environment
    return _seen(
        judged,
        (
            (
                item.component,
                target_of(house, connection, judged, item),
                rollouts.last_good(connection, item.component, environment),
            )
            for item in judged.row.facts.items
            if only in ("", item.component)
        ),
    )


def _seen(judged: Judged, found: Iterable[tuple[str, Package, Rollout | None]]) -> tuple[object, ...]:
    standing = ((component, target, known.id if known else "") for component, target, known in found)
    return (judged.policies.current.digest, *itertools.chain.from_iterable(standing))


def target_of(house: House, connection: sa.Connection, judged: Judged, item: Item) -> Package:
    driver = driver_of(house, judged.policies.current.policy, item.component, judged.question.environment)
    return package_for(driver, image_lock_of(connection, judged.row, item))


def _source(
    driver: Driver, known: Package | None, target: Package, sharing: Sharing
) -> tuple[Package | None, list[Package]]:
    """What a rollback would return to, and what the units that serve run now: what we know of, or nothing.

    Units of an idle pool serve nobody: they may run any version that Tidegate brought there.

    Raises:
        TargetError: a unit does not answer, or runs something else.
    """
    place = f"{driver.target.component} in {driver.target.environment}"
    found = {seen.unit: _known_running(driver, seen) for seen in abreast(driver.observe, driver.units)}
    running = [package for unit in sharing.serving or driver.units for package in found.get(unit, [])]
    strange = [p for p in running if not target.same_as(p) and not (known and known.same_as(p))]
    if strange:
        rather = f"the record says {known}" if known else "no rollout brought it there"
        raise TargetError(
            f"it runs {strange[0]}, and {rather}",
            where=place,
            remedy=f"record it as a version to return to: tidegate adopt {driver.target.component} "
            f"{driver.target.environment} --version VERSION",
        )
    # The rows say what a rollback returns to; the target confirms that it is there at all.
    source = known if running and known else None
    if source is None and not driver.abilities.remove:
        raise TargetError(
            "there is nothing to go back to, and this target cannot return to absent",
            where=place,
            remedy="give the target a stop: command, or adopt what runs there first",
        )
    return source, running


def _known_running(driver: Driver, seen: Observation) -> list[Package]:
    place = f"{driver.target.component} in {driver.target.environment}, {seen.unit}"
    if not seen.reachable:
        raise TargetError(
            f"the unit does not answer: {seen.detail}", where=place, remedy="make it reachable, then repeat"
        )
    if seen.running is Presence.FOREIGN:
        raise TargetError(
            f"something runs there that Tidegate did not put there: {seen.detail}",
            where=place,
            remedy=f"tidegate adopt {driver.target.component} {driver.target.environment} --version VERSION",
        )
    if seen.running is Presence.UNSEEN:
        raise TargetError(f"what it runs cannot be read: {seen.detail}", where=place, remedy="look at the unit")
    return [] if isinstance(seen.running, Presence) else [seen.running]
