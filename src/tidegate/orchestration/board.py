"""Boards: call a meeting with an agenda, and record its minutes; both are signed by a member."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.board import Point, agenda_digest, minutes_digest
from tidegate.core.canonical import digest
from tidegate.core.policy import Policy
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.facts import with_targets
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_environment, known, nonce, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.set_back import demand_clock
from tidegate.store import contents, locks, meetings, policies, releases, requests
from tidegate.store.meetings import Meeting

MOST_POINTS = 100
MOST_AHEAD = timedelta(days=400)
RECORD_BYTES = 1 << 20


def call(house: House, claim: Claim, board: str, wanted: Sequence[tuple[str, str]], at: datetime) -> Meeting:
    """Call a meeting of ``board`` at ``at``, about releases as they are now, each for an environment.

    Raises:
        NotPermittedError: the person is not of the board, or has not signed.
        NotFoundError: there is no such release or environment.
        ConflictError: a release is over.
        UsageError: the agenda is empty or too long, or the moment out of reach.
    """
    if not 0 < len(set(wanted)) <= MOST_POINTS:
        raise UsageError(
            f"an agenda has at least one point and at most {MOST_POINTS}",
            remedy="name releases with their environments: billing-1.1.0:production",
        )
    if abs(at - house.now()) > MOST_AHEAD:
        raise UsageError(
            f"{to_text(at)} is more than {MOST_AHEAD.days} days away", remedy="say when it meets: --at 2026-12-01T14:00"
        )
    with refusals(house, "board", claim.person, board=board[:64]):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            _demand_member(policy, claim, board)
            points = _points(connection, policy, wanted)
        concerns = {"subject": agenda_digest(board, to_text(at), points), "reason": board}
        proven = proven_by(house, claim, Act.CALL_BOARD, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            now = house.now()
            demand_clock(connection, now)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.CALL_BOARD, **concerns)
            _demand_member(policy, claim, board)
            _demand_signed(proven.signature, actor.person)
            made = Meeting(f"meeting-{nonce()[:12]}", board, at, points, actor)
            proof = shown(spend(connection, proven, now), proven)
            meetings.call(connection, made, proven.statement, proven.signature)
            data = {"meeting": made.id, "board": board, "meets_at": to_text(at), "agenda": _told(points), **proof}
            record(connection, Entry("board.called", actor, data=data), now)
    return made


def minutes(
    house: House, claim: Claim, meeting: str, written: Path, attended: Sequence[str], approved: Sequence[str]
) -> Meeting:
    """Record the minutes of a meeting: who was there, and which points of the agenda were approved; the rest was not.

    Args:
        written: the file of the minutes; it is kept, by its digest.
        approved: points of the agenda, as ``RELEASE:ENVIRONMENT``.

    Raises:
        NotPermittedError: the person is not of the board, or has not signed; or somebody attended who is not of it.
        NotFoundError: there is no such meeting, file or point.
        ConflictError: it has not met yet, its minutes were recorded, or what was approved has changed since.
        UsageError: nobody attended, or the file is empty or larger than 1 MiB.
    """
    if not attended:
        raise UsageError("minutes name who was there", remedy="name each of them: --attended PERSON")
    text = _read(written)
    with refusals(house, "board", claim.person, meeting=meeting[:64]):
        with house.database.read() as connection:
            found = meetings.load(connection, meeting)
            policy = policies.current(connection).policy
            _demand_member(policy, claim, found.board)
            chosen = _chosen(found, approved)
        there = tuple(sorted(set(attended)))
        rest = [point for point in found.agenda if point not in chosen]
        of = (found.id, found.board, to_text(found.at))
        concerns = {"subject": minutes_digest(of, digest(text), there, chosen, rest), "reason": found.id}
        proven = proven_by(house, claim, Act.MINUTE_BOARD, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            now = house.now()
            demand_clock(connection, now)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.MINUTE_BOARD, **concerns)
            _demand_member(policy, claim, found.board)
            _demand_signed(proven.signature, actor.person)
            _demand_attendance(policy, found.board, there)
            _demand_met(connection, policy, found, chosen, now)
            kept = contents.keep(connection, text)
            made = Meeting(
                found.id, found.board, found.at, found.agenda, found.called_by, now, actor, there, chosen, kept
            )
            proof = shown(spend(connection, proven, now), proven)
            meetings.record(connection, made, actor, proven.statement, proven.signature)
            requests.touch(connection, None, now)
            data = {
                "meeting": made.id,
                "board": made.board,
                "attended": list(there),
                "approved": _told(chosen),
                "rejected": _told(rest),
                "record": kept,
                **proof,
            }
            record(connection, Entry("board.decided", actor, data=data), now)
            house.database.after_commit(connection, house.wake)
    return made


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(RECORD_BYTES + 1)
    except OSError as error:
        raise NotFoundError(
            f"the minutes cannot be read: {error.strerror}", where=str(path), remedy="name the file of the minutes"
        ) from error
    if not text.strip() or len(text) > RECORD_BYTES:
        raise UsageError(
            "minutes are a file with something in it, of at most 1 MiB",
            remedy="write down what was said and decided, then record it",
        )
    return text


def _demand_member(policy: Policy, claim: Claim, board: str) -> None:
    known(policy, claim)
    if board not in policy.people[claim.person].groups:
        people = ", ".join(sorted(policy.people_of(board))) or "nobody is in it"
        raise NotPermittedError(
            f'{claim.person} is not in "{board[:80]}"', remedy=f"let one of its members do it: {people}"
        )


def _demand_signed(signature: str, person: str) -> None:
    if not signature:
        raise NotPermittedError(
            f"{person} has not signed: a typed name is not an identity", remedy="sign with your SSH key: --key PATH"
        )


def _points(connection: sa.Connection, policy: Policy, wanted: Iterable[tuple[str, str]]) -> tuple[Point, ...]:
    found = []
    for release, environment in dict.fromkeys(wanted):
        row = releases.load(connection, release)
        demand_environment(policy, environment)
        if row.closed_at is not None:
            raise ConflictError(f"release {release} is {row.facts.state.said}", remedy="leave it out of the agenda")
        found.append(Point(release, environment, with_targets(row.facts, policy).subject_for(environment)))
    return tuple(found)


def _chosen(meeting: Meeting, approved: Sequence[str]) -> tuple[Point, ...]:
    by_name = {f"{point.release}:{point.environment}": point for point in meeting.agenda}
    for name in approved:
        if name not in by_name:
            raise NotFoundError(
                f'"{name[:160]}" was not on the agenda of {meeting.id}',
                remedy=f"name one of: {', '.join(by_name)}; what is not on it is decided by another meeting",
            )
    return tuple(by_name[name] for name in dict.fromkeys(approved))


def _demand_attendance(policy: Policy, board: str, attended: Sequence[str]) -> None:
    strangers = [who for who in attended if who not in policy.people_of(board)]
    if strangers:
        raise NotPermittedError(
            f"{', '.join(who[:64] for who in strangers[:8])} cannot decide for {board}: not in it",
            remedy=f"name its members who were there: {', '.join(sorted(policy.people_of(board)))}",
        )


def _demand_met(
    connection: sa.Connection, policy: Policy, meeting: Meeting, approved: Sequence[Point], now: datetime
) -> None:
    if meeting.at > now:
        raise ConflictError(
            f"{meeting.id} meets {to_text(meeting.at)}, which is not yet", remedy="record it afterwards"
        )
    now_there = _points(connection, policy, [(point.release, point.environment) for point in approved])
    for point, as_it_is in zip(approved, now_there, strict=True):
        if point != as_it_is:
            raise ConflictError(
                f"something of {point.release} changed since {meeting.id} was called",
                remedy=f"call another meeting: tidegate board call {meeting.board} {point.release}:{point.environment}",
            )


def _told(points: Iterable[Point]) -> list[str]:
    return [f"{point.release}:{point.environment} {point.subject}" for point in points]
