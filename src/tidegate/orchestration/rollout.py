"""Start a rollout: now, or as soon as the policy allows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Assurance
from tidegate.core.bundle import order_of_items
from tidegate.core.decision import Action, Question
from tidegate.core.joint_rollout import JointState
from tidegate.core.policy import Occasion
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotPermittedError, TidegateError
from tidegate.orchestration import joint as joining
from tidegate.orchestration import migration
from tidegate.orchestration.checkpoint import enqueue, intend_wave, lock_leases, rollout_name, told_of
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
from tidegate.orchestration.judge import DecisionRefusedError, Judged, LaidOut, judge
from tidegate.orchestration.messages import say
from tidegate.orchestration.promotion import promoter
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.seen import InGit, look
from tidegate.orchestration.set_back import demand_clock
from tidegate.orchestration.sight import Sight, Standing, seen_of, sight_of, target_of
from tidegate.store import contents, joint_rollouts, leases, locks, policies, releases, requests, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.requests import Request
from tidegate.store.rollouts import Rollout


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
            known = sight.ahead.of(house, release, now) if sight and sight.ahead else None
            judged = _lock_and_ask(connection, release, environment, proven, request, now, in_git, strategy, known)
            if not judged.decision.allowed:
                refusal = refuse(connection, judged, now, proven, request)
                break
            if sight is not None and (known or sight.seen == seen_of(house, connection, judged)):
                return _begin(house, connection, judged, proven, sight, now, request, strategy)
    else:
        raise ConflictError(f"{release} is being changed while it is to be started", remedy="repeat the command")
    raise refusal


def demand_free(connection: sa.Connection, component: str, environment: str) -> None:
    """Nothing else is under way with a component in an environment.

    Raises:
        ConflictError: something is.
    """
    other = rollouts.active(connection, component, environment)
    if other is not None:
        raise ConflictError(
            f"another rollout of {component} is under way in {environment}: {other.id} is {other.state.said}",
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
    known: LaidOut | None = None,
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
    if request is not None and proven.actor.is_automation:
        actor = promoter(policy, environment)
    else:
        actor = stands(policy, proven, Act.START, release=release, environment=environment, role=strategy)
    for item in items:
        demand_free(connection, item.component, environment)
    return judge(connection, release, Question(Action.START, actor, environment), now, in_git=in_git, ahead=known)


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
        raise ConflictError(f"release {release} is {row.facts.state.said}", remedy="open another release")
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


def refuse(
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
    if row.facts.state is not ReleaseState.RELEASED:
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
    if joint:
        return len(joint_rollouts.find(connection, release=release, environment=environment)) + 1
    return rollouts.count(connection, release, environment) + 1


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
        target=target_of(house, connection, judged, item),
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
    intend_wave(connection, rollout, 0, now)
    enqueue(house, connection, rollout, 1)
    return rollout
