"""Take a joint rollout on: to its next component, or to the next way back.

The sweep comes here when a joint rollout is due. The next component begins as the first one did: the rules are asked
about the whole release, its target is asked outside any transaction, and one transaction decides again, claims the
lease, records and enqueues. What the rules refuse is asked again when it may be answered otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.decision import Action, Question
from tidegate.core.joint_rollout import JointEvent, JointState
from tidegate.core.rollout import RolloutState
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotPermittedError, StoreError, TidegateError
from tidegate.orchestration import checkpoint, sight
from tidegate.orchestration import joint as joining
from tidegate.orchestration.checkpoint import lock_joint, signed_act
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Proven, shown, spend, stands
from tidegate.orchestration.judge import DecisionRefusedError, Judged, judge
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.rollback import begin_return, conclude_return, return_of, taken_back_by_itself, way_back_of
from tidegate.orchestration.rollout import Proof, begin_rollout, demand_free
from tidegate.orchestration.seen import InGit, look
from tidegate.orchestration.sight import seen_of, sight_of
from tidegate.store import contents, joint_rollouts, log, policies, rollouts
from tidegate.store.joint_rollouts import JointRollout

CLAIM = timedelta(seconds=30)
"""How long a sweep has for one joint rollout before another may take it up; and when one that waits is asked again."""

_LOOKS = 5
"""As often as at a start, the target is asked anew where something changes in between."""


def sweep(house: House, joint_id: str) -> None:
    """Look at one joint rollout that is due: its next component, or its next way back."""
    with house.database.write() as connection:
        now = house.now()
        until = now + CLAIM
        if not joint_rollouts.claim(connection, joint_id, now, until):
            return
        joint = joint_rollouts.load(connection, joint_id)
    if joint.state is JointState.WAITING:
        _try_next(house, joint, until)
    elif joint.state is JointState.RETURNING:
        _return_next(house, joint, until)


# The next component.


def _try_next(house: House, joint: JointRollout, claimed: datetime) -> None:
    """Begin the next component, if the rules allow it; what refuses it is remembered and asked again."""
    try:
        begin_next(house, joint, None)
    except DecisionRefusedError as error:
        decision = error.decision
        opens = decision.next_possible if decision.blocked_by_time_only else None
        _postpone(house, joint, claimed, error.what, opens)
    except NotPermittedError as error:
        # The person left, or their key did: only somebody else can take it on.
        _pause(house, joint, f"who started it is not proven any more: {error.what}")
    except StoreError:
        raise  # asked again when the claim is over
    except TidegateError as error:
        _postpone(house, joint, claimed, f"{error.what} ({error.remedy})")


def _postpone(
    house: House, joint: JointRollout, claimed: datetime, because: str, until: datetime | None = None
) -> None:
    with house.database.write() as connection:
        joint_rollouts.postpone(connection, joint.id, until or claimed, because, claimed_until=claimed)


def _stop(house: House, joint: JointRollout, expected: JointState, event: JointEvent, kind: str, because: str) -> None:
    """Have a person take it on, unless it is not any more where we saw it."""
    with house.database.write() as connection:
        now = house.now()
        current = lock_joint(connection, joint.id)
        if current.state is expected:
            joint_rollouts.move(connection, current, event, now, because=because)
            joining.note(connection, current, kind, joining.SWEEP, now, because=because)


def _pause(house: House, joint: JointRollout, because: str) -> None:
    _stop(house, joint, JointState.WAITING, JointEvent.PAUSED, "joint.paused", because)


def begin_next(house: House, joint: JointRollout, by: Proven | None) -> str:
    """Begin the next component; its rollout's id.

    Args:
        by: who resumes it; else whoever started it has the rules asked for them again.

    Raises:
        DecisionRefusedError: it may not; the refusal is recorded, if it gives another reason than the last one.
        NotPermittedError: they are not shown any more to be who they say.
        TidegateError: the target does not answer, or something else is under way there.
    """
    for _ in range(_LOOKS):
        begun = _try_once(house, joint, by)
        if isinstance(begun, DecisionRefusedError):
            raise begun
        if begun is not None:
            return begun
    raise ConflictError(f"{joint.release} is being changed while it goes on", remedy="it is asked again by itself")


def _try_once(house: House, joint: JointRollout, by: Proven | None) -> str | DecisionRefusedError | None:
    """As :func:`_begin_next`, once; None where something changed between the look and the decision."""
    component = joint.sequence[joint.place]
    with house.database.read() as connection:
        proven = by or _starter(connection, joint)
    in_git = look(house, joint.release)
    question = _question(joint, proven.actor)
    sight = sight_of(house, joint.release, question, in_git, joint.strategy, only=component)
    with house.database.write() as connection:
        now = house.now()
        current = lock_joint(connection, joint.id)
        if (current.state, current.place) != (joint.state, joint.place):
            raise ConflictError(
                f"{joint.id} is {current.state.said} by now", remedy=f"tidegate rollout show {joint.id}"
            )
        judged = _ask(connection, current, proven, now, in_git)
        if not judged.decision.allowed:
            return _refuse(connection, current, judged, proven, by, now)
        if sight is None or sight.seen != seen_of(house, connection, judged, only=component):
            return None
        demand_free(connection, component, joint.environment)
        return _begin(house, connection, current, judged, sight.standings[component], proven, by, now)


def _starter(connection: sa.Connection, joint: JointRollout) -> Proven:
    """Whoever started it, with what they signed, which is verified again."""
    if joint.signature:
        try:
            return Proven(joint.started_by, contents.fetch(connection, joint.statement), joint.signature)
        except StoreError as error:
            raise NotPermittedError(error.what, remedy=f"tidegate rollout resume {joint.id}") from error
    # Whom a caller vouched for, the log names: the row alone proves nothing.
    leaves = [leaf for leaf in log.of_kinds(connection, "joint.started") if leaf.data["rollout"] == joint.id]
    if [leaf.actor for leaf in leaves] != [joint.started_by]:
        raise NotPermittedError(
            f"the log does not say that {joint.started_by.person} started it",
            remedy=f"tidegate rollout resume {joint.id}",
        )
    return Proven(joint.started_by)


def _question(joint: JointRollout, actor: Actor) -> Question:
    return Question(Action.START, actor, joint.environment, granted_subject=joint.granted)


def _ask(connection: sa.Connection, joint: JointRollout, proven: Proven, now: datetime, in_git: InGit) -> Judged:
    policy = policies.current(connection).policy
    concerns = {"release": joint.release, "environment": joint.environment}
    resumes = bool(proven.signature) and signed_act(proven) is Act.RESUME
    if resumes or not proven.signature:
        actor = stands(policy, proven, Act.RESUME, **concerns)
    else:
        actor = stands(policy, proven, Act.START, **concerns, role=joint.strategy)
    return judge(connection, joint.release, _question(joint, actor), now, in_git=in_git)


def _refuse(
    connection: sa.Connection, joint: JointRollout, judged: Judged, proven: Proven, by: Proven | None, now: datetime
) -> DecisionRefusedError:
    """Record the refusal; that of the sweep only where it gives another reason than the last time."""
    refusal = DecisionRefusedError(judged)
    if by is None and refusal.what[:2000] == joint.because:
        return refusal
    proof = shown(spend(connection, proven, now), proven) if by is not None else {}
    data = {"action": "start", "joint": joint.id, "component": joint.sequence[joint.place], **proof}
    record(connection, Entry("decision.denied", judged.question.actor, joint.release, data), now, judged)
    return refusal


def _begin(
    house: House,
    connection: sa.Connection,
    joint: JointRollout,
    judged: Judged,
    standing: sight.Standing,
    proven: Proven,
    by: Proven | None,
    now: datetime,
) -> str:
    # What was signed for the start was spent then.
    statement = spend(connection, proven, now) if by is not None else joint.statement
    proof = Proof(statement if proven.signature else "", proven.signature)
    rollout = begin_rollout(house, connection, judged, standing, joint.id, joint.id, proof, now)
    joint_rollouts.move(connection, joint, JointEvent.BEGUN, now, because="")
    data = {**checkpoint.told_of(rollout), **(shown(statement, proven) if by is not None else {})}
    record(connection, Entry("rollout.started", judged.question.actor, joint.release, data), now, judged)
    return rollout.id


# The way back.


def _return_next(house: House, joint: JointRollout, claimed: datetime) -> None:
    """Begin the next way back of a joint rollout that is taken back; what refuses it is left to a person."""
    try:
        with house.database.write() as connection:
            now = house.now()
            current = lock_joint(connection, joint.id)
            if current.state is not JointState.RETURNING:
                return
            if _goes_back(connection, current):
                joint_rollouts.change(connection, joint.id, due_at=None)
            else:
                _return_part(house, connection, current, now, claimed)
    except StoreError:
        raise  # asked again when the claim is over
    except TidegateError as error:
        _doubt(house, joint, f"{error.what} ({error.remedy})")


def _goes_back(connection: sa.Connection, joint: JointRollout) -> bool:
    """Whether a way back of it is under way: its end makes the whole due again."""
    reversing = [RolloutState.REVERSING]
    return any(one.state in reversing for one in rollouts.members(connection, joint.id))


def _return_part(
    house: House, connection: sa.Connection, joint: JointRollout, now: datetime, claimed: datetime
) -> None:
    parts = joining.standing_parts(connection, joint)
    if not parts:
        _end_return(connection, joint, now)
        return
    part = parts[0]
    other = rollouts.active(connection, part.component, part.environment)
    if other is not None and other.id != part.id:
        because = f"{other.id} is {other.state.said}, and {part.component} can only be taken back after it"
        joint_rollouts.postpone(connection, joint.id, claimed, because, claimed_until=claimed)
        return
    policy = policies.current(connection).policy
    back = return_of(connection, part)
    actor = joint.back_by or joining.SWEEP
    accepts = joint.accepts_data_loss and not actor.is_automation
    question = Question(Action.ROLLBACK, actor, joint.environment, accepts_data_loss=accepts)
    way = way_back_of(connection, policy, back, accepts=accepts)
    if actor.is_automation:
        way = replace(way, taken_back=taken_back_by_itself(connection, part))
    judged = judge(connection, joint.release, question, now, [way])
    if judged.decision.allowed:
        because = f"taken back with {joint.back_of or joint.release}: {joint.because}"
        joint_rollouts.change(connection, joint.id, due_at=None, because=joint.because)
        begin_return(house, connection, back, judged, actor, now, because[:2000])
        return
    because = f"{part.component} is not taken back: {judged.decision.against()[0].message}"
    joint_rollouts.move(connection, joint, JointEvent.DOUBTED, now, because=because)
    data = {"action": "rollback", "rollout": part.id, "joint": joint.id}
    record(connection, Entry("decision.denied", actor, joint.release, data), now, judged)
    joining.note(connection, joint, "joint.doubted", joining.SWEEP, now, because=because)


def _end_return(connection: sa.Connection, joint: JointRollout, now: datetime) -> None:
    """Nothing of it stands any more: another release has reached what was left."""
    last = [one for one in rollouts.members(connection, joint.id) if one.reverses][-1]
    joint_rollouts.move(connection, joint, JointEvent.RETURNED, now)
    conclude_return(connection, last, now)
    joining.note(connection, joint, "joint.returned", joint.back_by or joining.SWEEP, now, because=joint.because[:500])


def _doubt(house: House, joint: JointRollout, because: str) -> None:
    _stop(house, joint, JointState.RETURNING, JointEvent.DOUBTED, "joint.doubted", because)
