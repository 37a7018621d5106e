"""Start a rollout, carry it on from wave to wave, pause it, resume it, finish it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import Actor, Assurance
from tidegate.core.bundle import order_of_items
from tidegate.core.canonical import digest
from tidegate.core.decision import Action, Question
from tidegate.core.effect import Act as EffectAct
from tidegate.core.effect import Effect, EffectState, Observation, Package, Presence, Share, is_shared_so
from tidegate.core.facts import Item
from tidegate.core.image_lock import ImageLock
from tidegate.core.joint_rollout import JointState
from tidegate.core.policy import Environment, Occasion, Policy, Purpose, Strategy
from tidegate.core.release import ReleaseEvent
from tidegate.core.rollout import ROLLOUT, Direction, RolloutEvent, RolloutState
from tidegate.core.statement import Act
from tidegate.core.wave import TRAFFIC, Sharing, Wave, shares_left, waves
from tidegate.drivers.contract import Driver
from tidegate.errors import (
    ConflictError,
    NotFoundError,
    NotPermittedError,
    TargetError,
    TidegateError,
    TransitionError,
    UsageError,
)
from tidegate.orchestration import afterwards, debt, migration, timeline
from tidegate.orchestration import joint as joining
from tidegate.orchestration.abreast import abreast
from tidegate.orchestration.configuration import target_settings
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    By,
    Proven,
    demand_environment,
    demand_permit,
    nonce,
    person_of,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.image_lock import image_lock_of, keep_lock, package_for
from tidegate.orchestration.judge import DecisionRefusedError, Judged, judge
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.restrictions import holds_in_force
from tidegate.orchestration.seen import InGit, look
from tidegate.orchestration.set_back import demand_clock
from tidegate.store import contents, databases, joint_rollouts, leases, locks, policies, releases, requests, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.requests import Request
from tidegate.store.rollouts import Rollout

LEG = "rollout.leg.v1"
BACK_LEG = "rollback.leg.v1"
"""Rollbacks have a leg of their own, so that none ever waits behind rollouts."""

SHARED_OTHERWISE = "the traffic is not shared as it was set"
"""How the reason begins for which a rollout is paused whose share somebody, or a restart of the switch, has changed."""

ASKED = "found good, and a person takes it on"
"""How the reason begins for which a rollout is paused at a step that has no time of its own."""

LOOK_AFTER_LEG = timedelta(seconds=30)
"""After which time a running rollout is looked after: whether the engine still has its leg."""


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

    A transaction that sees anything else than ``seen`` does not decide on it: the targets are asked again.
    """

    standings: Mapping[str, Standing]
    seen: tuple[object, ...]


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


def start(house: House, release: str, environment: str, by: By, *, strategy: str = "") -> str:
    """Start a release's rollout to an environment, if it may go. The rollout's id.

    Args:
        strategy: the name of one that the policy lets a release choose there, or ``COMPONENT=NAME`` for some of its
            components, with commas between; else the environment's own is taken. It is signed as the statement's role.

    The target is asked first, outside any transaction, if the policy would allow it; then one transaction decides,
    claims the lease, records what is intended, the leaf and the messages, and enqueues the leg.

    Raises:
        DecisionRefusedError: it may not; the refusal is recorded.
        NotPermittedError: they are not shown to be who they say.
        ConflictError: something else is under way there, or the clock was set back.
        TargetError: a unit does not answer, or runs what Tidegate did not put there.
        NotFoundError: there is no such release, component or target.
        UsageError: the strategy may not be chosen there, or the target lacks what it needs.
    """
    with refusals(house, "start", person_of(by), release, environment=environment):
        proven = proven_by(house, by, Act.START, release=release, environment=environment, role=strategy)
        return _start(house, release, environment, proven, strategy=strategy)


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


def start_waiting(house: House, request: Request) -> str:
    """Try a start that waits; what its person signed when they asked is verified again. The rollout's id.

    Raises:
        NotPermittedError: the signature does not hold any more; also what :func:`start` raises. Nothing is recorded but
            a refusal by a decision, and that only if it gives another reason than the last one.
    """
    proven = Proven(request.actor, request.statement, request.signature)
    return _start(house, request.release, request.environment, proven, request)


_LOOKS = 5
"""How often a target is asked whose release, policy or predecessor is changed in the very moment between."""


def _start(
    house: House, release: str, environment: str, proven: Proven, request: Request | None = None, strategy: str = ""
) -> str:
    house.queue.migrate()
    for _ in range(_LOOKS):
        in_git = look(house, release)
        question = Question(Action.START, proven.actor, environment)
        sight = sight_of(house, release, question, in_git, strategy)
        with house.database.write() as connection:
            now = house.now()
            demand_clock(connection, now)
            judged = _lock_and_ask(connection, release, environment, proven, request, now, in_git, strategy)
            if not judged.decision.allowed:
                refusal = _refuse(connection, judged, now, proven, request)
                break
            if sight is not None and sight.seen == seen_of(house, connection, judged):
                return _begin(house, connection, judged, proven, sight, now, request, strategy)
    else:
        raise ConflictError(f"{release} is being changed while it is to be started", remedy="repeat the command")
    raise refusal


def sight_of(
    house: House, release: str, question: Question, in_git: InGit, chosen: str = "", only: str = ""
) -> Sight | None:
    """Ask the targets what they run; None, and no target is touched, where the policy would not let it go anyway.

    Args:
        only: the one component whose target is asked; else all of the release.

    Raises:
        TidegateError: what is wrong with one of the targets; of several components, each that cannot go is named.
    """
    with house.database.read() as connection:
        judged = judge(connection, release, question, house.now(), in_git=in_git)
        if not judged.decision.allowed:
            return None
        _demand_known(chosen, judged.row.facts.items, release)
        items = [item for item in judged.facts.release.items if only in ("", item.component)]
        asked = _each(items, lambda item: _prospect(house, connection, judged, item, chosen))
        seen = seen_of(house, connection, judged, only)
    found = _each(asked, lambda prospect: _standing(house, prospect))
    return Sight({standing.component: standing for standing in found}, seen)


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
    found: list[object] = [judged.policies.current.digest]
    for item in judged.row.facts.items:
        if only in ("", item.component):
            known = rollouts.last_good(connection, item.component, judged.question.environment)
            found += [item.component, _target_of(house, connection, judged, item), known.id if known else ""]
    return tuple(found)


def _target_of(house: House, connection: sa.Connection, judged: Judged, item: Item) -> Package:
    driver = driver_of(house, judged.policies.current.policy, item.component, judged.question.environment)
    return package_for(driver, image_lock_of(connection, judged.row, item))


def lock_leases(connection: sa.Connection, components: Iterable[str], environment: str) -> None:
    """Lock the leases of several components, in one order everywhere."""
    for component in sorted(components):
        locks.lock_lease(connection, component, environment)


def demand_free(connection: sa.Connection, component: str, environment: str) -> None:
    """Nothing else is under way with a component in an environment.

    Raises:
        ConflictError: something is.
    """
    other = rollouts.active(connection, component, environment)
    if other is not None:
        raise ConflictError(
            f"another rollout of {component} is under way in {environment}: {other.id} is {other.state.value}",
            remedy=f"tidegate rollout show {other.id}",
        )


def _lock_and_ask(
    connection: sa.Connection,
    release: str,
    environment: str,
    proven: Proven,
    request: Request | None,
    now: datetime,
    in_git: InGit,
    strategy: str = "",
) -> Judged:
    locks.lock_organization(connection)
    locks.lock_release(connection, release)
    items = releases.load(connection, release).facts.items
    lock_leases(connection, (item.component for item in items), environment)
    if request is not None and requests.load(connection, request.id).ended_at is not None:
        raise ConflictError(f"the request {request.id} has ended", remedy=f"tidegate release show {release}")
    policy = policies.current(connection).policy
    if request is not None and proven.actor.assurance is Assurance.SIGNATURE and not proven.signature:
        raise NotPermittedError(
            f"what {proven.actor.person} signed for this start is not there", remedy="ask for the start again"
        )
    actor = stands(policy, proven, Act.START, release=release, environment=environment, role=strategy)
    for item in items:
        demand_free(connection, item.component, environment)
    return judge(connection, release, Question(Action.START, actor, environment), now, in_git=in_git)


def ask_start(house: House, release: str, environment: str, by: By) -> str:
    """Ask for a start that happens as soon as the policy allows it; the request's id.

    It is asked again whenever something about the release changes, and when time alone was in the way. Each time, what
    the person signed is verified again.

    Raises:
        NotPermittedError: they may not start there, or are not shown to be who they say. A signature is demanded as
            such: that a caller vouches for one is not enough for a row that lives for weeks.
        ConflictError: such a request waits already, or the release is over.
        NotFoundError: there is no such release or environment.
    """
    with refusals(house, "start", person_of(by), release, environment=environment):
        proven = proven_by(house, by, Act.START, release=release, environment=environment)
        with house.database.write() as connection:
            return _put_request(house, connection, release, environment, proven)


def _put_request(house: House, connection: sa.Connection, release: str, environment: str, proven: Proven) -> str:
    locks.lock_organization(connection)
    locks.lock_release(connection, release)
    now = house.now()
    row = releases.load(connection, release)
    policy = policies.current(connection).policy
    if row.closed_at is not None:
        raise ConflictError(f"release {release} is {row.facts.state.value}", remedy="open another release")
    demand_environment(policy, environment)
    if proven.actor.assurance is Assurance.SIGNATURE and not proven.signature:
        raise NotPermittedError(
            f"the signature of {proven.actor.person} itself is needed: it is verified again when the start is tried",
            remedy="pass on what was signed, not only who has signed it",
        )
    actor = stands(policy, proven, Act.START, release=release, environment=environment)
    demand_permit(policy, actor, "start", environment, now=now)
    request = Request(
        f"start-{nonce()[:12]}",
        release,
        environment,
        actor,
        now,
        statement=proven.statement,
        signature=proven.signature,
        due_at=now,
    )
    requests.put(connection, request)
    data = {"environment": environment, "request": request.id, **shown(spend(connection, proven, now), proven)}
    record(connection, Entry("start.requested", actor, release, data), now)
    house.database.after_commit(connection, house.wake)
    return request.id


def end_request(house: House, request: Request, error: TidegateError) -> None:
    """End a request that nobody can answer with yes any more, and say why."""
    with house.database.write() as connection:
        now = house.now()
        locks.lock_organization(connection)
        locks.lock_release(connection, request.release)
        if requests.load(connection, request.id).ended_at is not None:
            return
        requests.end(connection, request.id, now, because=error.what)
        data = {"environment": request.environment, "request": request.id, "error": error.kind, "what": error.what}
        record(connection, Entry("start.denied", request.actor, request.release, data), now)


def _refuse(
    connection: sa.Connection,
    judged: Judged,
    now: datetime,
    proven: Proven | None = None,
    request: Request | None = None,
) -> DecisionRefusedError:
    """Record the refusal; that of a waiting request only where it gives another reason than the last time."""
    refusal = DecisionRefusedError(judged)
    if request is not None and refusal.what[:2000] == request.because:
        return refusal
    proof = shown(spend(connection, proven, now), proven) if proven and request is None else {}
    data = {"action": judged.question.action.value, **({"request": request.id} if request else {}), **proof}
    record(connection, Entry("decision.denied", judged.question.actor, judged.row.facts.id, data), now, judged)
    return refusal


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


def _begin(
    house: House,
    connection: sa.Connection,
    judged: Judged,
    proven: Proven,
    sight: Sight,
    now: datetime,
    request: Request | None,
    strategy: str,
) -> str:
    row, environment = judged.row, judged.question.environment
    several = len(row.facts.items) > 1
    number = next_number(connection, row.facts.id, environment, joint=several)
    whole_id = rollout_name(f"{row.facts.id}.{environment}", str(number))
    # A request's statement was spent when it was asked.
    statement = spend(connection, proven, now) if request is None else contents.keep(connection, proven.statement)
    proof = Proof(statement if proven.signature else "", proven.signature)
    joint = _begin_joint(connection, judged, sight, whole_id, proof, strategy, now) if several else None
    component = joint.sequence[joint.place] if joint else row.facts.items[0].component
    rollout = begin_rollout(
        house, connection, judged, sight.standings[component], joint.id if joint else "", whole_id, proof, now
    )
    releases.move(connection, row.facts.id, ReleaseEvent.STARTED, now)
    for waiting in requests.waiting(connection, row.facts.id):
        if waiting.environment == environment:
            requests.end(connection, waiting.id, now, rollout=whole_id)
    policy = judged.policies.current.policy
    detail = f"rolling out to {environment}" + (f": {', '.join(joint.sequence)}, in this order" if joint else "")
    say(connection, policy, Occasion.PROGRESSED, row.facts, now, detail=detail, once=whole_id)
    told = shown(proof.statement, proven)
    if joint is not None:
        there = sorted(sight.standings.keys() - set(joint.sequence))
        order = {"components": list(joint.sequence), **({"there": there} if there else {})}
        joining.note(connection, joint, "joint.started", judged.question.actor, now, **order, **told)
    data = {**told_of(rollout), **told}
    record(connection, Entry("rollout.started", judged.question.actor, row.facts.id, data), now, judged)
    return whole_id


def next_number(connection: sa.Connection, release: str, environment: str, *, joint: bool) -> int:
    """The number that the next rollout of a release there gets, or the next joint one."""
    found = joint_rollouts.find if joint else rollouts.find
    return len(found(connection, release=release, environment=environment)) + 1


def _begin_joint(
    connection: sa.Connection,
    judged: Judged,
    sight: Sight,
    joint_id: str,
    proof: Proof,
    strategy: str,
    now: datetime,
) -> JointRollout:
    """Record the joint rollout of a release. What is there already is left as it is; if all is, it is carried again."""
    sequence = order_of_items(judged.facts.release.items)
    missing = tuple(name for name in sequence if not sight.standings[name].is_there)
    joint = JointRollout(
        id=joint_id,
        release=judged.row.facts.id,
        environment=judged.question.environment,
        state=JointState.RUNNING,
        sequence=missing or sequence,
        place=0,
        granted=judged.decision.subject,
        started_at=now,
        started_by=judged.question.actor,
        strategy=strategy,
        statement=proof.statement,
        signature=proof.signature,
    )
    joint_rollouts.insert(connection, joint)
    return joint


@dataclass(frozen=True, slots=True)
class Proof:
    """What who starts something has signed: the digest of the statement, and the signature; empty where nothing."""

    statement: str = ""
    signature: str = ""


def begin_rollout(
    house: House,
    connection: sa.Connection,
    judged: Judged,
    standing: Standing,
    joint: str,
    whole_id: str,
    proof: Proof,
    now: datetime,
) -> Rollout:
    """Claim the lease of one component, record its rollout with what is intended first, and enqueue its first leg."""
    component, environment = standing.component, judged.question.environment
    item = next(item for item in judged.facts.release.items if item.component == component)
    rollout_id = rollout_name(f"{whole_id}.{component}") if joint else whole_id
    token = leases.claim(connection, component, environment, rollout_id, now)
    rollout = Rollout(
        id=rollout_id,
        release=judged.row.facts.id,
        component=component,
        environment=environment,
        direction=Direction.FORWARD,
        state=RolloutState.RUNNING,
        subject=item.subject.digest_for(environment),
        granted=judged.decision.subject,
        source=standing.source,
        target=_target_of(house, connection, judged, item),
        waves=standing.waves,
        wave=0,
        token=token,
        legs=1,
        started_at=now,
        started_by=judged.question.actor,
        statement=proof.statement,
        signature=proof.signature,
        joint=joint,
    )
    rollouts.insert(connection, rollout)
    migration.keep(connection, rollout, item, judged.facts, now)
    _intend_wave(connection, rollout, 0, now)
    enqueue(house, connection, rollout, 1)
    return rollout


def rollout_name(of: str, *parts: str) -> str:
    """The id of a rollout. It names things on targets, where it may have 128 characters, also when it is taken back."""
    base = of if len(of) <= _LONGEST_BASE else f"{of[: _LONGEST_BASE - 17]}-{digest(of.encode())[-16:]}"
    return ".".join([base, *parts])


_LONGEST_BASE = 90


def told_of(rollout: Rollout) -> dict[str, object]:
    """What leaves say of a rollout."""
    return {
        "rollout": rollout.id,
        **({"joint": rollout.joint} if rollout.joint else {}),
        "component": rollout.component,
        "environment": rollout.environment,
        "from": rollout.source.version if rollout.source else "absent",
        "to": rollout.target.version if rollout.target else "absent",
        "token": str(rollout.token),
    }


def _intend_wave(connection: sa.Connection, rollout: Rollout, wave: int, now: datetime) -> None:
    rollouts.add_effects(connection, wave, [effect_on(rollout, wave, unit) for unit in rollout.waves[wave].units], now)


def effect_on(rollout: Rollout, wave: int, unit: str, attempt: int = 1) -> Effect:
    """The effect that carries ``rollout`` to ``unit``."""
    share = rollout.waves[wave].share
    if share is not None:
        act = EffectAct.SHIFT
    elif rollout.target is None:
        act = EffectAct.REMOVE
    else:
        act = EffectAct.DEPLOY if rollout.direction is Direction.FORWARD else EffectAct.RESTORE
    return Effect(
        rollout=rollout.id,
        step=rollouts.step_of(wave),
        unit=unit,
        attempt=attempt,
        component=rollout.component,
        environment=rollout.environment,
        act=act,
        to=rollout.target,
        previous=rollout.source,
        share=share,
    )


def leg_id(rollout: str, leg: int) -> str:
    """The id under which the engine knows the leg of that number."""
    return f"{rollout}:leg-{leg}"


def enqueue(house: House, connection: sa.Connection, rollout: Rollout, leg: int) -> None:
    """Enqueue the leg of that number, in this transaction."""
    name = BACK_LEG if rollout.direction is Direction.BACK else LEG
    house.queue.enqueue(connection, name, leg_id(rollout.id, leg), {"rollout": rollout.id, "leg": leg})
    rollouts.change(connection, rollout.id, due_at=house.now() + LOOK_AFTER_LEG)
    house.database.after_commit(connection, house.wake)


def go_on(
    house: House,
    connection: sa.Connection,
    rollout: Rollout,
    now: datetime,
    because: str,
    allowed: Judged | None = None,
) -> RolloutState:
    """At a checkpoint: ask again whether it may continue; begin the next wave, finish, or pause.

    The caller's transaction holds the locks in their order. ``rollout`` is as it is now.

    Args:
        allowed: the decision, where a person who resumes has been allowed to go on in place of who started.
    """
    if rollout.is_last_wave:
        return finish(house, connection, rollout, now, because)
    judged = allowed or _ask_again(connection, rollout, now)
    if isinstance(judged, str):
        return pause(connection, rollout, Actor.automation("checkpoint"), now, judged)
    if not judged.decision.allowed:
        first = judged.decision.against()[0]
        return pause(connection, rollout, Actor.automation("checkpoint"), now, first.message, judged)
    wave, leg = rollout.wave + 1, rollout.legs + 1
    event = _go_event(rollout)
    rollouts.move(connection, rollout, event, now, wave=wave, legs=leg, because="") if event else rollouts.change(
        connection, rollout.id, wave=wave, legs=leg, because=""
    )
    _intend_wave(connection, rollout, wave, now)
    enqueue(house, connection, rollout, leg)
    begun = rollout.waves[wave]
    share = {"share": str(begun.share)} if begun.share else {}
    data = {"rollout": rollout.id, "wave": wave + 1, "units": list(begun.units), **share, "because": because}
    record(connection, Entry("rollout.continued", judged.question.actor, rollout.release, data), now, judged)
    return RolloutState.RUNNING


def _ask_again(connection: sa.Connection, rollout: Rollout, now: datetime) -> Judged | str:
    """The decision whether who started it may still go on; or, in words, why they are not proven any more."""
    lost = _lost_proof(connection, rollout)
    if lost:
        return lost
    question = Question(Action.CONTINUE, rollout.started_by, rollout.environment, granted_subject=rollout.granted)
    return judge(connection, rollout.release, question, now)


def stopped_by_hold(connection: sa.Connection, rollout: Rollout, now: datetime) -> tuple[str, Judged] | None:
    """Why a hold stops what a wave is about to begin, with the decision; None: none does. It stops no rollback."""
    if rollout.direction is Direction.BACK or not holds_in_force(connection, now):
        return None
    judged = _ask_again(connection, rollout, now)
    if isinstance(judged, str):
        return None  # the checkpoint says so
    found = next((f for f in judged.decision.against() if f.rule == "hold"), None)
    return (found.message, judged) if found else None


def _lost_proof(connection: sa.Connection, rollout: Rollout) -> str:
    """Why it is not shown any more that who started it had asked for it; empty while it is, or nothing was signed."""
    if not rollout.signature:
        return ""
    policy = policies.current(connection).policy
    try:
        proven = Proven(rollout.started_by, contents.fetch(connection, rollout.statement), rollout.signature)
        # Who resumes a joint rollout answers for the component that begins with that.
        act = Act.RESUME if rollout.joint and signed_act(proven) is Act.RESUME else Act.START
        stands(policy, proven, act, release=rollout.release, environment=rollout.environment)
    except TidegateError as error:
        return f"who started it is not proven any more: {error.what}"
    return ""


def signed_act(proven: Proven) -> Act:
    """What somebody signed that they do."""
    return statements.from_bytes(proven.statement).act


def _go_event(rollout: Rollout) -> RolloutEvent | None:
    return {
        RolloutState.WATCHING: RolloutEvent.PROVEN,
        RolloutState.PAUSED: RolloutEvent.RESUMED,
    }.get(rollout.state)


def finish(
    house: House, connection: sa.Connection, rollout: Rollout, now: datetime, because: str, actor: Actor | None = None
) -> RolloutState:
    """All waves are confirmed and, where there is a watch, found good: the rollout has succeeded."""
    state = rollouts.move(connection, rollout, RolloutEvent.FINISHED, now, because=because)
    databases.settle(connection, rollout.id, now)
    leases.release(connection, rollout.component, rollout.environment, rollout.id)
    whole = joining.step_on(house, connection, rollout, now)
    if whole:
        complete(connection, rollout.release, rollout.environment, rollout.joint or rollout.id, now)
    who = actor or Actor.automation("watch")
    record(connection, Entry("rollout.succeeded", who, rollout.release, {**told_of(rollout), "because": because}), now)
    if whole and rollout.joint:
        joint = joint_rollouts.load(connection, rollout.joint)
        joining.note(connection, joint, "joint.succeeded", joining.SWEEP, now, components=list(joint.sequence))
    house.database.after_commit(connection, house.wake)
    return state


def complete(connection: sa.Connection, release: str, environment: str, rollout: str, now: datetime) -> None:
    """A release was carried to an environment with all its components: it is on, or done; whoever is told, is told.

    Args:
        rollout: what carried it there.
    """
    book = policies.current(connection)
    row = releases.load(connection, release)
    done = _is_production(book.policy.environments.get(environment))
    releases.move(connection, release, ReleaseEvent.COMPLETED if done else ReleaseEvent.ADVANCED, now)
    occasion = Occasion.COMPLETED if done else Occasion.PROGRESSED
    detail = "" if done else f"verified in {environment}"
    say(connection, book.policy, occasion, row.facts, now, detail=detail, once=f"{rollout}.done")
    if done:
        requests.end_all(connection, release, now, "the release is complete")
        debt.open_for(connection, row, environment, book.policy, now)
        afterwards.open_for(connection, row, environment, now)
        timeline.settle(connection, releases.load(connection, release).facts, now)
    else:
        requests.touch(connection, release, now)


def _is_production(environment: Environment | None) -> bool:
    return environment is not None and environment.purpose is Purpose.PRODUCTION


def pause(
    connection: sa.Connection,
    rollout: Rollout,
    actor: Actor,
    now: datetime,
    because: str,
    judged: Judged | None = None,
) -> RolloutState:
    """Stop at this point until a person decides."""
    state = rollouts.move(connection, rollout, RolloutEvent.PAUSED, now, because=because)
    data = {"rollout": rollout.id, "wave": rollout.wave + 1, "because": because}
    record(connection, Entry("rollout.paused", actor, rollout.release, data), now, judged)
    return state


def pause_by_person(house: House, rollout_id: str, by: By, because: str) -> RolloutState:
    """A person stops a rollout at its next checkpoint; whoever may start may also pause.

    Raises:
        NotPermittedError: they may not, or are not shown to be who they say.
        TransitionError: it cannot be paused now; a rollback never can.
    """
    release, environment = _place_of(house, rollout_id)
    with refusals(house, "rollout", person_of(by), release, rollout=rollout_id):
        concerns = {"release": release, "environment": environment}
        proven = proven_by(house, by, Act.PAUSE, **concerns)
        with house.database.write() as connection:
            now = house.now()
            rollout = _lock_rollout(connection, rollout_id)
            if rollout.direction is Direction.BACK:
                raise TransitionError(
                    f"{rollout_id} takes a release back: nobody stops that half-way",
                    remedy=f"follow it: tidegate rollout show {rollout_id} --follow",
                )
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.PAUSE, **concerns)
            demand_permit(policy, actor, "start", rollout.environment, now=house.now())
            spend(connection, proven, now)
            return pause(connection, rollout, actor, now, because or f"paused by {actor.person}")


def _place_of(house: House, rollout_id: str) -> tuple[str, str]:
    with house.database.read() as connection:
        rollout = rollouts.load(connection, rollout_id)
    return rollout.release, rollout.environment


def _lock_rollout(connection: sa.Connection, rollout_id: str) -> Rollout:
    """Lock what a decision about this rollout locks, in the order of the locks."""
    found = rollouts.load(connection, rollout_id)
    locks.lock_organization(connection)
    if found.release:
        locks.lock_release(connection, found.release)
    lock_leases(connection, {found.component, *_beside(connection, found.joint)}, found.environment)
    return rollouts.load(connection, rollout_id, lock=True)


def lock_joint(connection: sa.Connection, joint: str) -> JointRollout:
    """Lock what a decision about this joint rollout locks, in the order of the locks."""
    found = joint_rollouts.load(connection, joint)
    locks.lock_organization(connection)
    locks.lock_release(connection, found.release)
    lock_leases(connection, found.sequence, found.environment)
    return joint_rollouts.load(connection, joint, lock=True)


def _beside(connection: sa.Connection, joint: str) -> Sequence[str]:
    """The components that go with one: what ends one of them may begin another."""
    return joint_rollouts.load(connection, joint).sequence if joint else ()


lock_rollout = _lock_rollout


def resume(house: House, rollout_id: str, by: By) -> RolloutState:
    """A person takes a paused rollout on: what failed is tried again, what was inconclusive is accepted.

    A watch that was not over when it was paused begins anew. Who resumes answers for this one checkpoint; at the next
    one it is asked again whether who *started* it still may.

    Raises:
        DecisionRefusedError: it may not continue.
        NotPermittedError: they may not, or are not shown to be who they say.
        TransitionError: it is not paused.
    """
    release, environment = _place_of(house, rollout_id)
    with refusals(house, "rollout", person_of(by), release, rollout=rollout_id):
        house.queue.migrate()
        proven = proven_by(house, by, Act.RESUME, release=release, environment=environment)
        with house.database.write() as connection:
            resumed = _resume(house, connection, rollout_id, proven)
    if isinstance(resumed, DecisionRefusedError):
        raise resumed
    return resumed


def _resume(
    house: House, connection: sa.Connection, rollout_id: str, proven: Proven
) -> RolloutState | DecisionRefusedError:
    now = house.now()
    rollout = _lock_rollout(connection, rollout_id)
    ROLLOUT.next(rollout.state, RolloutEvent.RESUMED)
    policy = policies.current(connection).policy
    actor = stands(policy, proven, Act.RESUME, release=rollout.release, environment=rollout.environment)
    # *Continue* does not ask how sure we are of who asks, since that was asked at the start; this is somebody new.
    back = rollout.direction is Direction.BACK
    demand_permit(policy, actor, "rollback" if back else "start", rollout.environment, now=now)
    if back:
        spend(connection, proven, now)
        return _try_again(house, connection, rollout, actor, now, None)
    question = Question(Action.CONTINUE, actor, rollout.environment, granted_subject=rollout.granted)
    judged = judge(connection, rollout.release, question, now)
    if not judged.decision.allowed:
        return _refuse(connection, judged, now, proven)
    spend(connection, proven, now)
    shared_otherwise = rollout.because.startswith(SHARED_OTHERWISE)
    if shared_otherwise or _unfinished(connection, rollout) or _unwatched(connection, rollout, now):
        return _try_again(house, connection, rollout, actor, now, judged)
    because = f"accepted by {actor.person}: {rollout.because}"
    if rollout.is_last_wave:
        return finish(house, connection, rollout, now, because, actor)
    return go_on(house, connection, rollout, now, because, judged)


def _unfinished(connection: sa.Connection, rollout: Rollout) -> bool:
    newest = {row.effect.unit: row for row in rollouts.effects_of(connection, rollout, rollout.wave)}
    return any(row.state is not EffectState.CONFIRMED for row in newest.values())


def _unwatched(connection: sa.Connection, rollout: Rollout, now: datetime) -> bool:
    """Whether it was paused before the watch of its present wave was over: the next leg begins it anew."""
    if rollout.environment not in policies.current(connection).policy.watch:
        return False
    if not rollout.waves[rollout.wave].watched or rollout.because.startswith(ASKED):
        return False
    watch = rollouts.watch_of(connection, rollout.id)
    return watch is None or watch.wave != rollout.wave or now < watch.ends_at


def _try_again(
    house: House, connection: sa.Connection, rollout: Rollout, actor: Actor, now: datetime, judged: Judged | None
) -> RolloutState:
    newest = {row.effect.unit: row for row in rollouts.effects_of(connection, rollout, rollout.wave)}
    states = {EffectState.FAILED, EffectState.OVERTAKEN}
    if rollout.because.startswith(SHARED_OTHERWISE):
        states.add(EffectState.CONFIRMED)  # the share is set once more
    again = [row for row in newest.values() if row.state in states]
    rollouts.add_effects(
        connection,
        rollout.wave,
        [effect_on(rollout, rollout.wave, row.effect.unit, row.effect.attempt + 1) for row in again],
        now,
    )
    leg = rollout.legs + 1
    changes: dict[str, object] = {"legs": leg, "because": ""}
    ours = leases.holds(connection, rollout.component, rollout.environment, rollout.id, rollout.token)
    if not ours or any(row.state is EffectState.OVERTAKEN for row in again):
        # Somebody acted under a higher token, so ours is worth nothing at the target: claim anew above it.
        token = leases.claim(connection, rollout.component, rollout.environment, rollout.id, now, take_over=True)
        changes |= {"epoch": token.epoch, "counter": token.counter}
    state = rollouts.move(connection, rollout, RolloutEvent.RESUMED, now, **changes)
    enqueue(house, connection, rollout, leg)
    data = {"rollout": rollout.id, "wave": rollout.wave + 1, "units": [row.effect.unit for row in again]}
    record(connection, Entry("rollout.resumed", actor, rollout.release, data), now, judged)
    return state
