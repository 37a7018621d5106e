"""Start a rollout, carry it on from wave to wave, pause it, resume it, finish it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.decision import Action, Question
from tidegate.core.effect import Act, Effect, EffectState, Observation, Package, Presence
from tidegate.core.facts import Item
from tidegate.core.policy import Environment, Occasion, Policy, Purpose
from tidegate.core.release import ReleaseEvent
from tidegate.core.rollout import ROLLOUT, Direction, RolloutEvent, RolloutState, waves
from tidegate.drivers.contract import Driver
from tidegate.errors import ConflictError, NotFoundError, TargetError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import demand_permit, nonce
from tidegate.orchestration.judge import DecisionRefusedError, Judged, judge
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.store import leases, locks, policies, releases, requests, rollouts
from tidegate.store.requests import Request
from tidegate.store.rollouts import Rollout

LEG = "rollout.leg.v1"
BACK_LEG = "rollback.leg.v1"
"""Rollbacks have a leg of their own, so that none ever waits behind rollouts."""

LOOK_AFTER_LEG = timedelta(seconds=30)
"""After which time a running rollout is looked after: whether the engine still has its leg."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a target runs, read back before anything is decided."""

    units: tuple[str, ...]
    source: Package | None


def driver_of(house: House, policy: Policy, component: str, environment: str) -> Driver:
    """The driver of a component in an environment.

    Raises:
        NotFoundError: the policy names no such component, or no target for it there.
    """
    known = policy.components.get(component)
    if known is None:
        raise NotFoundError(f'the policy knows no component "{component}"', remedy="tidegate policy show")
    target = known.targets.get(environment)
    if target is None:
        raise NotFoundError(
            f"{component} has no target in {environment}",
            remedy=f"declare components.{component}.targets.{environment}",
        )
    return house.driver_for(component, environment, target.model_dump(mode="json"))


def start(house: House, release: str, environment: str, actor: Actor) -> str:
    """Start a release's rollout to an environment, if it may go. The rollout's id.

    The target is asked first, outside any transaction; then one transaction decides, claims the lease, records what is
    intended, the leaf and the messages, and enqueues the leg.

    Raises:
        DecisionRefusedError: it may not; the refusal is recorded.
        ConflictError: something else is under way there.
        TargetError: a unit does not answer, or runs what Tidegate did not put there.
        NotFoundError: there is no such release, component or target.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        policy = policies.current(connection).policy
        item = _only_item(row.facts.items)
        known = rollouts.last_good(connection, item.component, environment)
    target = Package(item.to_version, row.packages[item.component])
    refusal: DecisionRefusedError | None = None
    rollout_id = ""
    # The policy decides before the target is touched: an unknown environment has no target to ask.
    standing = (
        _standing(driver_of(house, policy, item.component, environment), known.target if known else None, target)
        if environment in policy.environments
        else Standing((), None)
    )
    with house.database.write() as connection:
        now = house.now()
        judged = _lock_and_judge(connection, release, item.component, Question(Action.START, actor, environment), now)
        if judged.decision.allowed:
            rollout_id = _begin(house, connection, judged, actor, standing, target, now)
        else:
            refusal = _refuse(connection, judged, now)
    if refusal is not None:
        raise refusal
    return rollout_id


def ask_start(house: House, release: str, environment: str, actor: Actor) -> str:
    """Ask for a start that happens as soon as the policy allows it; the request's id.

    It is asked again whenever something about the release changes, and when time alone was in the way.

    Raises:
        ConflictError: such a request waits already, or the release is over.
        NotFoundError: there is no such release or environment.
    """
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        now = house.now()
        row = releases.load(connection, release)
        policy = policies.current(connection).policy
        if row.closed_at is not None:
            raise ConflictError(f"release {release} is {row.facts.state.value}", remedy="open another release")
        if environment not in policy.environments:
            raise NotFoundError(
                f'the policy knows no environment "{environment}"',
                remedy=f"name one of: {', '.join(policy.environments) or 'none is declared'}",
            )
        request = Request(f"start-{nonce()[:12]}", release, environment, actor, now, due_at=now)
        requests.put(connection, request)
        record(connection, Entry("start.requested", actor, release, {"environment": environment}), now)
        house.database.after_commit(connection, house.wake)
    return request.id


def _only_item(items: Sequence[Item]) -> Item:
    if len(items) != 1:
        raise ConflictError(
            f"a release of {len(items)} components cannot be rolled out as one yet",
            remedy="open a release for each component",
        )
    return items[0]


def _lock_and_judge(
    connection: sa.Connection, release: str, component: str, question: Question, now: datetime
) -> Judged:
    locks.lock_organization(connection)
    locks.lock_release(connection, release)
    locks.lock_lease(connection, component, question.environment)
    return judge(connection, release, question, now)


def _refuse(connection: sa.Connection, judged: Judged, now: datetime) -> DecisionRefusedError:
    record(
        connection,
        Entry("decision.denied", judged.question.actor, judged.row.facts.id, {"action": judged.question.action.value}),
        now,
        judged,
    )
    return DecisionRefusedError(judged)


def _standing(driver: Driver, known: Package | None, target: Package) -> Standing:
    """What every unit runs now; all of them must run what we know of, or nothing.

    Raises:
        TargetError: a unit does not answer, or runs something else.
    """
    running: list[Package] = []
    for unit in driver.units:
        seen = driver.observe(unit)
        running += _known_running(driver, seen, target)
    # The rows say what a rollback returns to; the target confirms that it is there at all.
    source = known if running and known else None
    if running and known is None and any(not target.same_as(package) for package in running):
        raise TargetError(
            f"it runs {running[0]}, which no rollout brought there",
            where=f"{driver.target.component} in {driver.target.environment}",
            remedy=f"record it as a version to return to: tidegate adopt {driver.target.component} "
            f"{driver.target.environment}",
        )
    if source is None and not driver.abilities.remove:
        raise TargetError(
            "there is nothing to go back to, and this target cannot return to absent",
            where=f"{driver.target.component} in {driver.target.environment}",
            remedy="give the target a stop: command, or adopt what runs there first",
        )
    return Standing(driver.units, source)


def _known_running(driver: Driver, seen: Observation, target: Package) -> list[Package]:
    place = f"{driver.target.component} in {driver.target.environment}, {seen.unit}"
    if not seen.reachable:
        raise TargetError(
            f"the unit does not answer: {seen.detail}", where=place, remedy="make it reachable, then repeat"
        )
    if seen.running is Presence.FOREIGN:
        raise TargetError(
            f"something runs there that Tidegate did not put there: {seen.detail}",
            where=place,
            remedy=f"tidegate adopt {driver.target.component} {driver.target.environment}",
        )
    if seen.running is Presence.UNSEEN:
        raise TargetError(f"what it runs cannot be read: {seen.detail}", where=place, remedy="look at the unit")
    return [] if isinstance(seen.running, Presence) else [seen.running]


def _begin(
    house: House,
    connection: sa.Connection,
    judged: Judged,
    actor: Actor,
    standing: Standing,
    target: Package,
    now: datetime,
) -> str:
    item = _only_item(judged.facts.release.items)
    environment = judged.question.environment
    rules = judged.policies.current.policy.environments[environment]
    number = len(rollouts.find(connection, release=judged.row.facts.id, environment=environment)) + 1
    rollout_id = f"{judged.row.facts.id}.{environment}.{number}"
    token = leases.claim(connection, item.component, environment, rollout_id, now)
    rollout = Rollout(
        id=rollout_id,
        release=judged.row.facts.id,
        component=item.component,
        environment=environment,
        direction=Direction.FORWARD,
        state=RolloutState.RUNNING,
        subject=item.subject.digest_for(environment),
        granted=judged.decision.subject,
        source=standing.source,
        target=target,
        waves=waves(standing.units, rules.strategy),
        wave=0,
        token=token,
        legs=1,
        started_at=now,
        started_by=actor,
    )
    rollouts.insert(connection, rollout)
    _intend_wave(connection, rollout, 0, now)
    releases.move(connection, judged.row.facts.id, ReleaseEvent.STARTED, now)
    for request in requests.waiting(connection, judged.row.facts.id):
        if request.environment == environment:
            requests.end(connection, request.id, now, rollout=rollout_id)
    detail = f"rolling out to {environment}"
    say(
        connection,
        judged.policies.current.policy,
        Occasion.PROGRESSED,
        judged.row.facts,
        now,
        detail=detail,
        once=rollout_id,
    )
    enqueue(house, connection, rollout, 1)
    entry = Entry("rollout.started", actor, judged.row.facts.id, _told(rollout))
    record(connection, entry, now, judged)
    return rollout_id


def _told(rollout: Rollout) -> dict[str, object]:
    return {
        "rollout": rollout.id,
        "component": rollout.component,
        "environment": rollout.environment,
        "from": rollout.source.version if rollout.source else "absent",
        "to": rollout.target.version if rollout.target else "absent",
        "token": str(rollout.token),
    }


def _intend_wave(connection: sa.Connection, rollout: Rollout, wave: int, now: datetime) -> None:
    rollouts.add_effects(connection, wave, [effect_on(rollout, wave, unit) for unit in rollout.waves[wave]], now)


def effect_on(rollout: Rollout, wave: int, unit: str, attempt: int = 1) -> Effect:
    """The effect that carries ``rollout`` to ``unit``."""
    if rollout.target is None:
        act = Act.REMOVE
    else:
        act = Act.DEPLOY if rollout.direction is Direction.FORWARD else Act.RESTORE
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


def go_on(house: House, connection: sa.Connection, rollout: Rollout, now: datetime, because: str) -> RolloutState:
    """At a checkpoint: ask again whether it may continue; begin the next wave, finish, or pause.

    The caller's transaction holds the locks in their order. ``rollout`` is as it is now.
    """
    if rollout.is_last_wave:
        return finish(house, connection, rollout, now, because)
    question = Question(Action.CONTINUE, rollout.started_by, rollout.environment, granted_subject=rollout.granted)
    judged = judge(connection, rollout.release, question, now)
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
    data = {"rollout": rollout.id, "wave": wave + 1, "units": list(rollout.waves[wave]), "because": because}
    record(connection, Entry("rollout.continued", rollout.started_by, rollout.release, data), now, judged)
    return RolloutState.RUNNING


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
    leases.release(connection, rollout.component, rollout.environment, rollout.id)
    book = policies.current(connection)
    row = releases.load(connection, rollout.release)
    done = _is_production(book.policy.environments.get(rollout.environment))
    releases.move(connection, rollout.release, ReleaseEvent.COMPLETED if done else ReleaseEvent.ADVANCED, now)
    occasion = Occasion.COMPLETED if done else Occasion.PROGRESSED
    detail = "" if done else f"verified in {rollout.environment}"
    say(connection, book.policy, occasion, row.facts, now, detail=detail, once=f"{rollout.id}.done")
    requests.touch(connection, rollout.release, now)
    who = actor or Actor.automation("watch")
    record(connection, Entry("rollout.succeeded", who, rollout.release, {**_told(rollout), "because": because}), now)
    house.database.after_commit(connection, house.wake)
    return state


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


def pause_by_person(house: House, rollout_id: str, actor: Actor, because: str) -> RolloutState:
    """A person stops a rollout at its next checkpoint; whoever may start may also pause.

    Raises:
        NotPermittedError: they may not.
        TransitionError: it cannot be paused now.
    """
    with house.database.write() as connection:
        now = house.now()
        rollout = _lock_rollout(connection, rollout_id)
        demand_permit(policies.current(connection).policy, actor, "start", rollout.environment)
        return pause(connection, rollout, actor, now, because or f"paused by {actor.person}")


def _lock_rollout(connection: sa.Connection, rollout_id: str) -> Rollout:
    """Lock what a decision about this rollout locks, in the order of the locks."""
    found = rollouts.load(connection, rollout_id)
    locks.lock_organization(connection)
    if found.release:
        locks.lock_release(connection, found.release)
    locks.lock_lease(connection, found.component, found.environment)
    return rollouts.load(connection, rollout_id, lock=True)


lock_rollout = _lock_rollout


def resume(house: House, rollout_id: str, actor: Actor) -> RolloutState:
    """A person takes a paused rollout on: what failed is tried again, what was inconclusive is accepted.

    Raises:
        DecisionRefusedError: it may not continue.
        TransitionError: it is not paused.
    """
    refusal: DecisionRefusedError | None = None
    with house.database.write() as connection:
        now = house.now()
        rollout = _lock_rollout(connection, rollout_id)
        ROLLOUT.next(rollout.state, RolloutEvent.RESUMED)
        if rollout.direction is Direction.BACK:
            demand_permit(policies.current(connection).policy, actor, "rollback", rollout.environment)
            return _try_again(house, connection, rollout, actor, now, None)
        question = Question(Action.CONTINUE, actor, rollout.environment, granted_subject=rollout.granted)
        judged = judge(connection, rollout.release, question, now)
        if not judged.decision.allowed:
            refusal = _refuse(connection, judged, now)
        elif _unfinished(connection, rollout) or _unwatched(connection, rollout):
            return _try_again(house, connection, rollout, actor, now, judged)
        elif rollout.is_last_wave:
            return finish(house, connection, rollout, now, f"accepted by {actor.person}: {rollout.because}", actor)
        else:
            return go_on(house, connection, rollout, now, f"accepted by {actor.person}: {rollout.because}")
    raise refusal


def _unfinished(connection: sa.Connection, rollout: Rollout) -> bool:
    newest = {row.effect.unit: row for row in rollouts.effects_of(connection, rollout, rollout.wave)}
    return any(row.state is not EffectState.CONFIRMED for row in newest.values())


def _unwatched(connection: sa.Connection, rollout: Rollout) -> bool:
    """Whether it was paused before the watch of its present wave began: the next leg begins it."""
    if rollout.environment not in policies.current(connection).policy.watch:
        return False
    watch = rollouts.watch_of(connection, rollout.id)
    return watch is None or watch.wave != rollout.wave


def _try_again(
    house: House, connection: sa.Connection, rollout: Rollout, actor: Actor, now: datetime, judged: Judged | None
) -> RolloutState:
    newest = {row.effect.unit: row for row in rollouts.effects_of(connection, rollout, rollout.wave)}
    again = [row for row in newest.values() if row.state in (EffectState.FAILED, EffectState.OVERTAKEN)]
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
