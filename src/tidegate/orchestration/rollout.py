"""Start a rollout, carry it on from wave to wave, pause it, resume it, finish it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import digest
from tidegate.core.decision import Action, Question
from tidegate.core.effect import Act as EffectAct
from tidegate.core.effect import Effect, EffectState, Observation, Package, Presence
from tidegate.core.facts import Item
from tidegate.core.policy import Environment, Occasion, Policy, Purpose
from tidegate.core.release import ReleaseEvent
from tidegate.core.rollout import ROLLOUT, Direction, RolloutEvent, RolloutState, waves
from tidegate.core.statement import Act
from tidegate.drivers.contract import Driver
from tidegate.errors import (
    ConflictError,
    NotFoundError,
    NotPermittedError,
    TargetError,
    TidegateError,
    TransitionError,
)
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
from tidegate.orchestration.judge import DecisionRefusedError, Judged, judge
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import contents, leases, locks, policies, releases, requests, rollouts
from tidegate.store.requests import Request
from tidegate.store.rollouts import Rollout

LEG = "rollout.leg.v1"
BACK_LEG = "rollback.leg.v1"
"""Rollbacks have a leg of their own, so that none ever waits behind rollouts."""

LOOK_AFTER_LEG = timedelta(seconds=30)
"""After which time a running rollout is looked after: whether the engine still has its leg."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a target runs, read back before the deciding transaction, and what was known when it was asked.

    A transaction that sees anything else than ``seen`` does not decide on it: the target is asked again.
    """

    units: tuple[str, ...]
    source: Package | None
    seen: tuple[object, ...]


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


def start(house: House, release: str, environment: str, by: By) -> str:
    """Start a release's rollout to an environment, if it may go. The rollout's id.

    The target is asked first, outside any transaction, if the policy would allow it; then one transaction decides,
    claims the lease, records what is intended, the leaf and the messages, and enqueues the leg.

    Raises:
        DecisionRefusedError: it may not; the refusal is recorded.
        NotPermittedError: they are not shown to be who they say.
        ConflictError: something else is under way there.
        TargetError: a unit does not answer, or runs what Tidegate did not put there.
        NotFoundError: there is no such release, component or target.
    """
    with refusals(house, "start", person_of(by), release, environment=environment):
        proven = proven_by(house, by, Act.START, release=release, environment=environment)
        return _start(house, release, environment, proven)


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


def _start(house: House, release: str, environment: str, proven: Proven, request: Request | None = None) -> str:
    house.queue.migrate()
    for _ in range(_LOOKS):
        standing = _look(house, release, environment, proven)
        with house.database.write() as connection:
            now = house.now()
            judged = _lock_and_ask(connection, release, environment, proven, request, now)
            if not judged.decision.allowed:
                refusal = _refuse(connection, judged, now, proven, request)
                break
            if standing is not None and standing.seen == _seen(connection, judged):
                return _begin(house, connection, judged, proven, standing, now, request)
    else:
        raise ConflictError(f"{release} is being changed while it is to be started", remedy="repeat the command")
    raise refusal


def _look(house: House, release: str, environment: str, proven: Proven) -> Standing | None:
    """Ask the target what it runs; None, and no target is touched, where the policy would not let it go anyway."""
    with house.database.read() as connection:
        question = Question(Action.START, proven.actor, environment)
        judged = judge(connection, release, question, house.now())
        if not judged.decision.allowed:
            return None
        item = _only_item(judged.row.facts.items)
        known = rollouts.last_good(connection, item.component, environment)
        seen = _seen(connection, judged)
    driver = driver_of(house, judged.policies.current.policy, item.component, environment)
    return _standing(driver, known.target if known else None, _target_of(judged), seen)


def _seen(connection: sa.Connection, judged: Judged) -> tuple[object, ...]:
    """What a look at the target rests on: the package, what stood there before, and the policy that lists its units."""
    item = _only_item(judged.row.facts.items)
    known = rollouts.last_good(connection, item.component, judged.question.environment)
    return _target_of(judged), known.id if known else "", judged.policies.current.digest


def _target_of(judged: Judged) -> Package:
    item = _only_item(judged.row.facts.items)
    return Package(item.to_version, judged.row.packages[item.component])


def _lock_and_ask(
    connection: sa.Connection,
    release: str,
    environment: str,
    proven: Proven,
    request: Request | None,
    now: datetime,
) -> Judged:
    locks.lock_organization(connection)
    locks.lock_release(connection, release)
    item = _only_item(releases.load(connection, release).facts.items)
    locks.lock_lease(connection, item.component, environment)
    if request is not None and requests.load(connection, request.id).ended_at is not None:
        raise ConflictError(f"the request {request.id} has ended", remedy=f"tidegate release show {release}")
    policy = policies.current(connection).policy
    if request is not None and proven.actor.assurance is Assurance.SIGNATURE and not proven.signature:
        raise NotPermittedError(
            f"what {proven.actor.person} signed for this start is not there", remedy="ask for the start again"
        )
    actor = stands(policy, proven, Act.START, release=release, environment=environment)
    other = rollouts.active(connection, item.component, environment)
    if other is not None:
        raise ConflictError(
            f"another rollout of {item.component} is under way in {environment}: {other.id} is {other.state.value}",
            remedy=f"tidegate rollout show {other.id}",
        )
    return judge(connection, release, Question(Action.START, actor, environment), now)


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
    demand_permit(policy, actor, "start", environment)
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


def _only_item(items: Sequence[Item]) -> Item:
    if len(items) != 1:
        raise ConflictError(
            f"a release of {len(items)} components cannot be rolled out as one yet",
            remedy="open a release for each component",
        )
    return items[0]


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


def _standing(driver: Driver, known: Package | None, target: Package, seen: tuple[object, ...]) -> Standing:
    """What every unit runs now; all of them must run what we know of, or nothing.

    Raises:
        TargetError: a unit does not answer, or runs something else.
    """
    place = f"{driver.target.component} in {driver.target.environment}"
    running: list[Package] = []
    for unit in driver.units:
        running += _known_running(driver, driver.observe(unit))
    strange = [p for p in running if not target.same_as(p) and not (known and known.same_as(p))]
    if strange:
        rather = f"the record says {known}" if known else "no rollout brought it there"
        raise TargetError(
            f"it runs {strange[0]}, and {rather}",
            where=place,
            remedy=f"record it as a version to return to: tidegate adopt {driver.target.component} "
            f"{driver.target.environment}",
        )
    # The rows say what a rollback returns to; the target confirms that it is there at all.
    source = known if running and known else None
    if source is None and not driver.abilities.remove:
        raise TargetError(
            "there is nothing to go back to, and this target cannot return to absent",
            where=place,
            remedy="give the target a stop: command, or adopt what runs there first",
        )
    return Standing(driver.units, source, seen)


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
            remedy=f"tidegate adopt {driver.target.component} {driver.target.environment}",
        )
    if seen.running is Presence.UNSEEN:
        raise TargetError(f"what it runs cannot be read: {seen.detail}", where=place, remedy="look at the unit")
    return [] if isinstance(seen.running, Presence) else [seen.running]


def _begin(
    house: House,
    connection: sa.Connection,
    judged: Judged,
    proven: Proven,
    standing: Standing,
    now: datetime,
    request: Request | None,
) -> str:
    item = _only_item(judged.facts.release.items)
    actor, environment = judged.question.actor, judged.question.environment
    rules = judged.policies.current.policy.environments[environment]
    number = len(rollouts.find(connection, release=judged.row.facts.id, environment=environment)) + 1
    rollout_id = rollout_name(f"{judged.row.facts.id}.{environment}", str(number))
    token = leases.claim(connection, item.component, environment, rollout_id, now)
    # A request's statement was spent when it was asked.
    statement = spend(connection, proven, now) if request is None else contents.keep(connection, proven.statement)
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
        target=_target_of(judged),
        waves=waves(standing.units, rules.strategy),
        wave=0,
        token=token,
        legs=1,
        started_at=now,
        started_by=actor,
        statement=statement if proven.signature else "",
        signature=proven.signature,
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
    proof = shown(rollout.statement, proven)
    record(connection, Entry("rollout.started", actor, judged.row.facts.id, {**_told(rollout), **proof}), now, judged)
    return rollout_id


def rollout_name(of: str, *parts: str) -> str:
    """The id of a rollout. It names things on targets, where it may have 128 characters, also when it is taken back."""
    base = of if len(of) <= _LONGEST_BASE else f"{of[: _LONGEST_BASE - 17]}-{digest(of.encode())[-16:]}"
    return ".".join([base, *parts])


_LONGEST_BASE = 90


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
    data = {"rollout": rollout.id, "wave": wave + 1, "units": list(rollout.waves[wave]), "because": because}
    record(connection, Entry("rollout.continued", judged.question.actor, rollout.release, data), now, judged)
    return RolloutState.RUNNING


def _ask_again(connection: sa.Connection, rollout: Rollout, now: datetime) -> Judged | str:
    """The decision whether who started it may still go on; or, in words, why they are not proven any more."""
    lost = _lost_proof(connection, rollout)
    if lost:
        return lost
    question = Question(Action.CONTINUE, rollout.started_by, rollout.environment, granted_subject=rollout.granted)
    return judge(connection, rollout.release, question, now)


def _lost_proof(connection: sa.Connection, rollout: Rollout) -> str:
    """Why it is not shown any more that who started it had asked for it; empty while it is, or nothing was signed."""
    if not rollout.signature:
        return ""
    policy = policies.current(connection).policy
    try:
        proven = Proven(rollout.started_by, contents.fetch(connection, rollout.statement), rollout.signature)
        stands(policy, proven, Act.START, release=rollout.release, environment=rollout.environment)
    except TidegateError as error:
        return f"who started it is not proven any more: {error.what}"
    return ""


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
    if done:
        requests.end_all(connection, rollout.release, now, "the release is complete")
    else:
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
            demand_permit(policy, actor, "start", rollout.environment)
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
    locks.lock_lease(connection, found.component, found.environment)
    return rollouts.load(connection, rollout_id, lock=True)


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
    demand_permit(policy, actor, "rollback" if back else "start", rollout.environment)
    if back:
        spend(connection, proven, now)
        return _try_again(house, connection, rollout, actor, now, None)
    question = Question(Action.CONTINUE, actor, rollout.environment, granted_subject=rollout.granted)
    judged = judge(connection, rollout.release, question, now)
    if not judged.decision.allowed:
        return _refuse(connection, judged, now, proven)
    spend(connection, proven, now)
    if _unfinished(connection, rollout) or _unwatched(connection, rollout, now):
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
    watch = rollouts.watch_of(connection, rollout.id)
    return watch is None or watch.wave != rollout.wave or now < watch.ends_at


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
