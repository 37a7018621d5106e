"""Rehearse: take a copy of production back and forward again, or exercise the call of an emergency; measure it.

A rehearsal goes the ordinary ways: the same rollback, the same start, the same rules, in an environment that is not
production. What is measured is signed by whoever held it, and the record alone proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import digest
from tidegate.core.decision import Action, Question
from tidegate.core.drill import due_at, last_good
from tidegate.core.emergency import acknowledgers, people_listed
from tidegate.core.notice import addresses_of
from tidegate.core.policy import Drill, Occasion, Policy, Purpose
from tidegate.core.rollout import RolloutState
from tidegate.core.statement import Act
from tidegate.core.verdict import Verdict
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import rollback, rollout
from tidegate.orchestration.debt import document_of
from tidegate.orchestration.facts import drills_held
from tidegate.orchestration.held import let_go
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    By,
    Claim,
    demand_environment,
    known,
    nonce,
    person_of,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.judge import judge
from tidegate.orchestration.messages import tell
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.seen import NOTHING, InGit, look
from tidegate.store import contents, drills, locks, policies, requests, rollouts
from tidegate.store.drills import DrillRow, acknowledgement_of, terms_of

BACK, FORWARD = "back_s", "forward_s"
"""What a rehearsed rollback measures: how long until the earlier version ran, and how long until the later one did."""

LONGEST_S = 365 * 24 * 3600
LONGEST_CHARACTERS = 2000
"""Of a reason."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a drill of the policy stands: when it was held last with success, and when it is due again."""

    name: str
    title: str
    of: str
    every: str
    by: str
    blocks: bool
    last_at: datetime | None
    due_at: datetime | None
    overdue: bool


def standings(house: House) -> tuple[Standing, ...]:
    """Each drill of the policy; one that was never held with success is overdue."""
    with house.database.read() as connection:
        book = policies.current(connection)
        held = drills_held(connection, book.policy)
    now, found = house.now(), []
    for name, drill in book.policy.drills.items():
        last = last_good(held, name, now)
        due = due_at(drill, last.at, book.tz) if last else None
        overdue = last is None or (due is not None and due <= now)
        at = last.at if last else None
        found.append(Standing(name, drill.title, drill.of, drill.every, drill.by or "", drill.blocks, at, due, overdue))
    return tuple(found)


def _drill(policy: Policy, name: str, *kinds: str) -> Drill:
    drill = policy.drills.get(name)
    if drill is None:
        raise NotFoundError(
            f'the policy knows no drill "{name[:80]}"',
            remedy=f"name one of: {', '.join(policy.drills) or 'none is declared'}",
        )
    if drill.of not in kinds:
        raise UsageError(f"{name} rehearses {_WHAT[drill.of]}", remedy=_WAYS[drill.of])
    return drill


_WAYS = {
    "rollback": "tidegate drill run",
    "restore": "tidegate drill record",
    "emergency": "tidegate drill call",
}
_WHAT = {"rollback": "a rollback", "restore": "the restore of a backup", "emergency": "an emergency"}


def _demand_may(policy: Policy, drill: Drill, name: str, person: str) -> None:
    """Whoever is in the group that holds it may; where the policy names none, whoever may roll back anywhere."""
    known(policy, Claim(person))
    may = people_listed(policy, [drill.by] if drill.by else policy.permits.rollback)
    if person not in may:
        raise NotPermittedError(
            f"{person} may not hold the drill {name}",
            remedy=f"ask one of: {', '.join(sorted(may)) or f'nobody may; name a group under drills.{name}.by'}",
        )


def _demand_signed(actor: Actor) -> None:
    if not actor.assurance.at_least(Assurance.PASSKEY):
        raise NotPermittedError(
            f"{actor.person} has not signed: what is said of a drill is signed",
            remedy="sign with your SSH key: --key PATH",
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A rehearsal of a rollback that is to be carried: what goes back, and which release goes forward again."""

    drill: str
    name: str
    component: str
    environment: str
    release: str
    reverses: str


def prepare(house: House, by: Claim, name: str, environment: str, component: str = "") -> Rehearsal:
    """Begin to rehearse a rollback in an environment that is not production; nothing is taken back yet.

    It begins only where it can also end: what stands there has an earlier version, and its release may go forward
    again, as it could if it were started there now.

    Raises:
        NotPermittedError: this person may not hold the drill.
        NotFoundError: there is no such drill, environment or component; or nothing stands there.
        UsageError: it is production, the drill rehearses something else, or the component is to be named.
        ConflictError: what stands there has no earlier version, or could not go forward again.
    """
    with refusals(house, "drill", person_of(by), drill=name[:64], environment=environment[:64]):
        in_git = _look(house, component, environment)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            policy, now = policies.current(connection).policy, house.now()
            drill = _drill(policy, name, "rollback")
            _demand_may(policy, drill, name, by.person)
            where = demand_environment(policy, environment)
            if where.purpose is Purpose.PRODUCTION:
                raise UsageError(
                    f"{environment} is production: nothing is rehearsed there",
                    remedy="name a copy of it, such as staging",
                )
            there = rollback.standing_rollout(connection, _component(policy, component, environment), environment)
            actor = known(policy, by)
            # Each step is signed when it is taken: who holds a key is asked about as somebody who has signed.
            asks = replace(actor, assurance=Assurance.SIGNATURE) if by.key is not None else actor
            _demand_returns(connection, there, Question(Action.START, asks, environment), now, in_git)
            row = DrillRow(f"drill-{nonce()[:8]}", name, drill.of, environment, now, actor.person)
            drills.begin(connection, row, actor)
            data = {"drill": row.id, "name": name, "environment": environment, "rollout": there.id}
            record(connection, Entry("drill.begun", actor, there.release, data), now)
        return Rehearsal(row.id, name, there.component, environment, there.release, there.id)


def _look(house: House, component: str, environment: str) -> InGit:
    """What the repository says of the release that stands there: asked before the transaction, since it is slow."""
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        there = _deployed(policy, environment)
        named = component or (there[0] if len(there) == 1 else "")
        standing = rollouts.last_good(connection, named, environment) if named else None
    return look(house, standing.release) if standing is not None and standing.release else NOTHING


def _deployed(policy: Policy, environment: str) -> list[str]:
    return [name for name, component in policy.components.items() if environment in component.targets]


def _component(policy: Policy, named: str, environment: str) -> str:
    there = _deployed(policy, environment)
    if named:
        if named not in there:
            raise NotFoundError(
                f"{named[:80]} has no target in {environment}", remedy=f"name one of: {', '.join(there)}"
            )
        return named
    if len(there) != 1:
        raise UsageError(
            f"{environment} has {len(there)} components", remedy=f"name one: --component {'|'.join(there) or 'NAME'}"
        )
    return there[0]


def _demand_returns(
    connection: sa.Connection, there: rollouts.Rollout, again: Question, now: datetime, in_git: InGit
) -> None:
    what = f"{there.component} in {there.environment}"
    if there.state is not RolloutState.SUCCEEDED:
        raise ConflictError(
            f"the rollout of {what} is {there.state.said}",
            remedy=f"wait for its end: tidegate rollout show {there.id}",
        )
    if there.source is None:
        raise ConflictError(
            f"{what} has no earlier version: going back would leave nothing to measure",
            remedy="rehearse where two versions were rolled out, or record one: tidegate drill record",
        )
    decision = judge(connection, there.release, again, now, in_git=in_git).decision
    if not decision.allowed:
        why = next((finding for finding in decision.findings if finding.verdict is not Verdict.ALLOW), None)
        said = f": {why.message}" if why else ""
        raise ConflictError(
            f"taken back from {there.environment}, {there.release} could not go forward again{said}",
            remedy=f"{why.remedy if why and why.remedy else 'look at it'} (tidegate check {there.release} --for "
            f"{there.environment}), or record what you measured: tidegate drill record",
        )


def carry(house: House, by: Claim, one: Rehearsal, follow: Callable[[str], bool]) -> DrillRow:
    """Take it back, bring it forward again, and record how long each took; signed like every rollback and start.

    Args:
        follow: carries or follows a rollout to its end; whether it succeeded.

    Raises:
        As :func:`~tidegate.orchestration.rollback.roll_back` and :func:`~tidegate.orchestration.rollout.start`.
    """
    measured: dict[str, Any] = {"rollout": one.reverses}
    succeeded = _back(house, by, one, follow, measured) and _forward(house, by, one, follow, measured)
    return _end(house, by, one.drill, succeeded=succeeded, seconds=measured.get(BACK), measured=measured)


def _back(house: House, by: Claim, one: Rehearsal, follow: Callable[[str], bool], measured: dict[str, Any]) -> bool:
    began = house.now()
    reason = f"the drill {one.name} ({one.drill})"
    back = rollback.roll_back(house, one.component, one.environment, by, reason=reason)
    measured["back"] = back
    done = follow(back)
    measured[BACK] = _seconds(began, house.now())
    with house.database.write() as connection:
        locks.lock_organization(connection)
        now = house.now()
        # Nothing was wrong with it: what a rehearsal takes back goes again without anybody's word.
        if let_go(connection, back, known(policies.current(connection).policy, by), now, reason):
            requests.touch(connection, None, now)
    return done


def _forward(house: House, by: Claim, one: Rehearsal, follow: Callable[[str], bool], measured: dict[str, Any]) -> bool:
    began = house.now()
    again = rollout.start(house, one.release, one.environment, by)
    measured["forward"] = again
    done = follow(again)
    measured[FORWARD] = _seconds(began, house.now())
    return done


def _seconds(began: datetime, ended: datetime) -> int:
    return max(int((ended - began).total_seconds()), 0)


def _end(
    house: House,
    by: By,
    drill: str,
    *,
    succeeded: bool,
    seconds: int | None,
    measured: Mapping[str, Any],
    report: bytes = b"",
) -> DrillRow:
    """Record how a rehearsal ended, signed."""
    with house.database.read() as connection:
        row = drills.load(connection, drill)
    name = digest(report) if report else ""
    terms = terms_of(drill, row.name, row.environment, succeeded, seconds, name, dict(measured))
    concerns = {"environment": row.environment, "subject": terms, "role": row.name}
    proven = proven_by(house, by, Act.RECORD_DRILL, **concerns)
    with house.database.write() as connection:
        locks.lock_organization(connection)
        policy, now = policies.current(connection).policy, house.now()
        actor = stands(policy, proven, Act.RECORD_DRILL, **concerns)
        _demand_signed(actor)
        if report:
            contents.keep(connection, report)
        proof = shown(spend(connection, proven, now), proven)
        drills.end(
            connection, drill, actor, now, succeeded=succeeded, seconds=seconds, measured=measured, report=name, **proof
        )
        requests.touch(connection, None, now)
        data = {
            "drill": drill,
            "name": row.name,
            "succeeded": succeeded,
            "seconds": seconds if seconds is not None else "",
            "report": name,
            **proof,
        }
        record(connection, Entry("drill.recorded", actor, data=data), now)
        house.database.after_commit(connection, house.wake)
        return drills.load(connection, drill)


def abandon(house: House, by: Claim, drill: str, reason: str) -> DrillRow:
    """Record that a rehearsal which was begun does not come to its end, such as one whose machine failed; signed.

    It counts as one that did not succeed. What it took back stays back until somebody brings it forward.

    Raises:
        NotPermittedError: this person may not hold the drill, or has not signed.
        ConflictError: it is over already.
        NotFoundError: there is none of that id.
        UsageError: no reason is given, or it is an exercise of the call, which an acknowledgement ends.
    """
    if not reason.strip() or len(reason) > LONGEST_CHARACTERS:
        raise UsageError(
            f"a rehearsal is given up for a reason of at most {LONGEST_CHARACTERS} characters",
            remedy="say why: --reason TEXT",
        )
    with refusals(house, "drill", person_of(by), drill=drill[:64]):
        with house.database.read() as connection:
            row = drills.load(connection, drill)
            policy = policies.current(connection).policy
        if row.of == "emergency":
            raise UsageError(
                f"{drill} is an exercise of the call: it ends when somebody acknowledges",
                remedy=f"tidegate drill acknowledge {drill}",
            )
        _demand_may(policy, _drill(policy, row.name, row.of), row.name, by.person)
        if row.ended_at is not None:
            raise ConflictError(f"{drill} is over already", remedy="tidegate drill list --all")
        return _end(house, by, drill, succeeded=False, seconds=None, measured={"abandoned": reason})


def record_by_hand(
    house: House, by: Claim, name: str, report: Path, *, succeeded: bool, seconds: int | None, environment: str = ""
) -> DrillRow:
    """Record a rehearsal that was held without Tidegate, with its report and what was measured; signed.

    Raises:
        NotPermittedError: this person may not hold the drill, or has not signed.
        NotFoundError: there is no such drill, environment or file.
        UsageError: the drill is an exercise of the call, which Tidegate measures itself; or a time is none.
    """
    if seconds is not None and not 0 <= seconds <= LONGEST_S:
        raise UsageError("a rehearsal takes from 0 seconds to a year", remedy="say how long it took, such as 90s")
    with refusals(house, "drill", person_of(by), drill=name[:64]):
        data = document_of(report)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            policy, now = policies.current(connection).policy, house.now()
            drill = _drill(policy, name, "rollback", "restore")
            _demand_may(policy, drill, name, by.person)
            if environment:
                demand_environment(policy, environment)
            if by.key is None:
                _demand_signed(known(policy, by))
            actor = known(policy, by)
            row = DrillRow(f"drill-{nonce()[:8]}", name, drill.of, environment, now, actor.person)
            drills.begin(connection, row, actor)
            begun = {"drill": row.id, "name": name, "environment": environment}
            record(connection, Entry("drill.begun", actor, data=begun), now)
        measured = {"file": report.name[:200]}
        return _end(house, by, row.id, succeeded=succeeded, seconds=seconds, measured=measured, report=data)


def call(house: House, by: By, name: str) -> DrillRow:
    """Exercise the call of an emergency, signed: its contacts are called, and the time runs until one acknowledges.

    Raises:
        NotPermittedError: this person may not hold the drill, or has not signed.
        NotFoundError: there is no such drill.
        UsageError: it rehearses something else, or the policy's emergency calls nobody.
    """
    with refusals(house, "drill", person_of(by), drill=name[:64]):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
        _demand_may(policy, _drill(policy, name, "emergency"), name, person_of(by))
        if not policy.emergency.call:
            raise UsageError("an emergency calls nobody", remedy="name contacts under emergency.call")
        concerns = {"role": name}
        proven = proven_by(house, by, Act.CALL_DRILL, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            policy, now = policies.current(connection).policy, house.now()
            drill = _drill(policy, name, "emergency")
            actor = stands(policy, proven, Act.CALL_DRILL, **concerns)
            _demand_signed(actor)
            _demand_may(policy, drill, name, actor.person)
            within = drill.acknowledge_within or policy.emergency.acknowledge_within
            due = now + within if within else None
            row = DrillRow(f"drill-{nonce()[:8]}", name, drill.of, "", now, actor.person, due)
            drills.begin(connection, row, actor)
            told = _call(connection, policy, drill, row, now)
            proof = shown(spend(connection, proven, now), proven)
            data = {"drill": row.id, "name": name, "channels": told, "until": to_text(due) if due else "", **proof}
            record(connection, Entry("drill.called", actor, data=data), now)
            house.database.after_commit(connection, house.wake)
    return row


def _call(connection: sa.Connection, policy: Policy, drill: Drill, row: DrillRow, now: datetime) -> list[str]:
    contacts = [policy.contacts[name] for name in policy.emergency.call if name in policy.contacts]
    reached = "; ".join(f"{contact.title} ({contact.reach})" for contact in contacts)
    text = (
        f"THIS IS AN EXERCISE. {drill.title}: {row.began_by} calls {reached}. "
        f"Acknowledge: tidegate drill acknowledge {row.id}"
    )
    also = [over for contact in contacts for over in addresses_of(policy, contact)]
    return tell(connection, policy, Occasion.DRILL_CALLED, row.id, text, now, also=also)


def acknowledge(house: House, by: By, drill: str) -> DrillRow:
    """Acknowledge the call of an exercise, signed: that ends it, and says how long it took.

    Raises:
        NotPermittedError: this person is behind no contact that is called, or called themself, or has not signed.
        ConflictError: somebody has acknowledged it already.
        NotFoundError: there is none of that id.
        UsageError: it is no exercise of a call.
    """
    with refusals(house, "drill", person_of(by), drill=drill[:160]):
        with house.database.read() as connection:
            row, policy = drills.load(connection, drill), policies.current(connection).policy
        _demand_called(policy, row, person_of(by))
        concerns = {"role": row.name, "subject": acknowledgement_of(drill, row.name)}
        proven = proven_by(house, by, Act.ACKNOWLEDGE_DRILL, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            policy, now = policies.current(connection).policy, house.now()
            actor = stands(policy, proven, Act.ACKNOWLEDGE_DRILL, **concerns)
            _demand_signed(actor)
            _demand_called(policy, row, actor.person)
            seconds, in_time = _seconds(row.began_at, now), row.due_at is None or now <= row.due_at
            proof = shown(spend(connection, proven, now), proven)
            drills.end(
                connection,
                drill,
                actor,
                now,
                succeeded=in_time,
                seconds=seconds,
                measured={"after_s": seconds},
                **proof,
            )
            requests.touch(connection, None, now)
            data = {"drill": drill, "name": row.name, "after_s": seconds, "late": not in_time, **proof}
            record(connection, Entry("drill.acknowledged", actor, data=data), now)
            house.database.after_commit(connection, house.wake)
            return drills.load(connection, drill)


def _demand_called(policy: Policy, row: DrillRow, person: str) -> None:
    if row.of != "emergency":
        raise UsageError(f"{row.id} is no exercise of a call", remedy="tidegate drill list")
    known(policy, Claim(person))
    may = acknowledgers(policy, policy.emergency.call) - {row.began_by}
    if person not in may:
        raise NotPermittedError(
            f"{person} may not acknowledge {row.id}", remedy=f"ask one of: {', '.join(sorted(may)) or 'nobody may'}"
        )
