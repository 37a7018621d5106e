"""From wave to wave: what is intended next, whether it may go on, and how a rollout pauses and finishes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import Actor
from tidegate.core.canonical import digest
from tidegate.core.course import goals_of
from tidegate.core.decision import Action, Question
from tidegate.core.effect import Act as EffectAct
from tidegate.core.effect import Effect
from tidegate.core.facts import Item, Release
from tidegate.core.policy import Environment, Occasion, Policy, Purpose
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rollout import Direction, RolloutEvent, RolloutState
from tidegate.core.statement import Act
from tidegate.core.version import is_later
from tidegate.errors import TidegateError
from tidegate.orchestration import afterwards, debt, timeline
from tidegate.orchestration import joint as joining
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Proven, stands
from tidegate.orchestration.judge import Ahead, Judged, LaidOut, judge
from tidegate.orchestration.messages import say
from tidegate.orchestration.promotion import promote
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.restrictions import holds_in_force
from tidegate.store import contents, databases, joint_rollouts, leases, locks, policies, releases, requests, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.rollouts import EffectRow, Rollout

LEG = "rollout.leg.v1"

BACK_LEG = "rollback.leg.v1"
"""Rollbacks have a leg of their own, so that none ever waits behind rollouts."""

ASKED = "found good, and a person takes it on"
"""How the reason begins for which a rollout is paused at a step that has no time of its own."""

LOOK_AFTER_LEG = timedelta(seconds=30)
"""After which time a running rollout is looked after: whether the engine still has its leg."""


def lock_leases(connection: sa.Connection, components: Iterable[str], environment: str) -> None:
    """Lock the leases of several components, in one order everywhere."""
    for component in sorted(components):
        locks.lock_lease(connection, component, environment)


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


@dataclass(slots=True)
class GoingOn:
    """A leg that acts on the next wave as soon as the transaction is committed which lets the rollout go on.

    ``ahead`` is what it has gathered for that meanwhile; ``dispatched`` becomes the effects of that wave, where there
    is to be one.
    """

    ahead: Ahead | None = None
    dispatched: list[EffectRow] = field(default_factory=list)


def intend_wave(
    connection: sa.Connection, rollout: Rollout, wave: int, now: datetime, *, dispatched: bool = False
) -> list[EffectRow]:
    effects = [effect_on(rollout, wave, unit) for unit in rollout.waves[wave].units]
    return rollouts.add_effects(connection, wave, effects, now, dispatched=dispatched)


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
    going: GoingOn | None = None,
) -> RolloutState:
    """At a checkpoint: ask again whether it may continue; begin the next wave, finish, or pause.

    The leg of a rollout that runs goes on with the next wave; one that was watched or paused gets a leg of its own.
    With ``going`` the effects of that wave are dispatched in this very transaction, which has just asked all that is
    asked before they are.

    The caller's transaction holds the locks in their order. ``rollout`` is as it is now.

    Args:
        allowed: the decision, where a person who resumes has been allowed to go on in place of who started.
    """
    if rollout.is_last_wave:
        return finish(house, connection, rollout, now, because)
    ahead = going.ahead.of(house, rollout.release, now) if going and going.ahead else None
    judged = allowed or _ask_again(connection, rollout, now, ahead)
    if isinstance(judged, str):
        return pause(connection, rollout, Actor.automation("checkpoint"), now, judged)
    if not judged.decision.allowed:
        first = judged.decision.against()[0]
        return pause(connection, rollout, Actor.automation("checkpoint"), now, first.message, judged)
    wave, leg, event = rollout.wave + 1, rollout.legs + 1, _go_event(rollout)
    at_once = going if event is None else None
    effects = intend_wave(connection, rollout, wave, now, dispatched=at_once is not None)
    if at_once is not None:
        at_once.dispatched = effects
    if event is None:
        rollouts.change(connection, rollout.id, wave=wave, because="", due_at=now + LOOK_AFTER_LEG)
    else:
        rollouts.move(connection, rollout, event, now, wave=wave, legs=leg, because="")
        enqueue(house, connection, rollout, leg)
    begun = rollout.waves[wave]
    share = {"share": str(begun.share)} if begun.share else {}
    data = {"rollout": rollout.id, "wave": wave + 1, "units": list(begun.units), **share, "because": because}
    record(connection, Entry("rollout.continued", judged.question.actor, rollout.release, data), now, judged)
    return RolloutState.RUNNING


def _ask_again(
    connection: sa.Connection, rollout: Rollout, now: datetime, ahead: LaidOut | None = None
) -> Judged | str:
    """The decision whether who started it may still go on; or, in words, why they are not proven any more."""
    lost = _lost_proof(connection, rollout)
    if lost:
        return lost
    question = Question(Action.CONTINUE, rollout.started_by, rollout.environment, granted_subject=rollout.granted)
    return judge(connection, rollout.release, question, now, ahead=ahead)


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
    in_production = _is_production(book.policy.environments.get(environment))
    done = in_production and not lacking(connection, book.policy, row.facts, environment)
    again = row.facts.state is ReleaseState.RELEASED
    if not again:
        releases.move(connection, release, ReleaseEvent.COMPLETED if done else ReleaseEvent.ADVANCED, now)
    occasion = Occasion.COMPLETED if done else Occasion.PROGRESSED
    detail = "" if done else f"verified in {environment}"
    say(connection, book.policy, occasion, row.facts, now, detail=detail, once=f"{rollout}.done")
    if in_production:
        debt.open_for(connection, row, environment, book.policy, now)
    if done:
        requests.end_all(connection, release, now, "the release is complete")
        afterwards.open_for(connection, row, environment, now)
        timeline.settle(connection, releases.load(connection, release).facts, now)
    elif not again:
        requests.touch(connection, release, now)
        promote(connection, book.policy, row.facts, now, verified_in=environment)


def stands_in(connection: sa.Connection, policy: Policy, release: Release) -> list[str]:
    """The environments for production in which something stands that a release has brought there."""
    components = [item.component for item in release.items]
    there = {
        name: [rollouts.last_good(connection, component, name) for component in components]
        for name in goals_of(policy, components)
    }
    return [name for name, found in there.items() if any(one and one.release == release.id for one in found)]


def lacking(connection: sa.Connection, policy: Policy, release: Release, beside: str) -> list[str]:
    """The environments for production that do not have a release yet, of those where its components have a target.

    Args:
        beside: one that is not looked at.
    """
    goals = goals_of(policy, [item.component for item in release.items])
    return [name for name in goals if name != beside and not _has(connection, policy, release, name)]


def _has(connection: sa.Connection, policy: Policy, release: Release, environment: str) -> bool:
    """Whether each component of a release that has a target in an environment was brought there by it.

    What stands there in a later version has gone past it. What a person adopted as that version counts, and so does
    what the release has brought nowhere, since it was there already: a joint rollout leaves that as it is.
    """
    for item in release.items:
        known = policy.components.get(item.component)
        if known is None or environment not in known.targets:
            continue
        there = rollouts.last_good(connection, item.component, environment)
        if there is None or there.target is None or not _is_at(connection, there, release.id, item):
            return False
    return True


def _is_at(connection: sa.Connection, there: Rollout, release: str, item: Item) -> bool:
    version = there.target.version if there.target else ""
    if version != item.to_version:
        return is_later(version, item.to_version) is True
    by_itself = there.release == release or there.direction is Direction.ADOPTED
    return by_itself or not rollouts.find(connection, release=release, component=item.component)


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


def lock_rollout(connection: sa.Connection, rollout_id: str) -> Rollout:
    """Lock what a decision about this rollout locks, in the order of the locks."""
    found = rollouts.load(connection, rollout_id)
    if locks.holds_all(connection):
        return found
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
