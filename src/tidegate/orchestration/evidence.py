"""Add evidence: read a report, bind it to what it speaks of, keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Actor
from tidegate.core.canonical import digest
from tidegate.core.effect import check_name
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Item
from tidegate.core.statement import Act
from tidegate.core.subject import Part
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.orchestration.facts import with_targets
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_environment, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.readers.contract import Reading
from tidegate.readers.registry import read_report
from tidegate.store import contents, locks, policies, releases, requests

LIMIT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Added:
    """A piece of evidence that was added, and what its report says in a sentence."""

    evidence: Evidence
    summary: str


def add(
    house: House,
    release: str,
    report: Path,
    claim: Claim,
    *,
    source: str = "",
    kind: str | None = None,
    environment: str = "",
) -> Added:
    """Read a report and add what it says as evidence about the release as it is now.

    Args:
        source: what tells reports of one kind apart, such as ``unit`` and ``contract``; the kind's name if empty.
        environment: the one that the report speaks of; empty for what holds everywhere.

    Raises:
        UsageError: the report cannot be read as one of a known kind, or is too large.
        NotFoundError: there is no such release, environment or file.
        ConflictError: the release is over.
        NotPermittedError: the policy does not know this person, or their signature is not theirs.
    """
    data = _bytes(report)
    reading = read_report(report.name, data, kind)
    name = check_name(source or reading.kind, "source")
    with refusals(house, "evidence", claim.person, release, kind=reading.kind):
        proven = proven_by(house, claim, Act.EVIDENCE, release=release, subject=digest(data))
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            row = releases.load(connection, release)
            policy = policies.current(connection).policy
            if row.closed_at is not None:
                raise ConflictError(f"release {release} is {row.facts.state.value}", remedy="add it to an open release")
            if environment:
                demand_environment(policy, environment)
            actor = stands(policy, proven, Act.EVIDENCE, release=release, subject=digest(data))
            now = house.now()
            item = with_targets(row.facts, policy).items[0]
            piece = _piece(item, reading, name, environment, actor.person, now, contents.keep(connection, data))
            releases.add_evidence(connection, release, piece)
            _record(connection, release, piece, reading, actor, shown(spend(connection, proven, now), proven), now)
            if requests.touch(connection, release, now):
                house.database.after_commit(connection, house.wake)
    return Added(piece, reading.summary)


def _piece(
    item: Item, reading: Reading, source: str, environment: str, added_by: str, now: datetime, report: str
) -> Evidence:
    # A report that says no time was taken when it was first seen here. One of the future was written by a clock that
    # goes fast: it must neither be refused for that nor outrank every later one, so it counts as of now.
    taken = min(reading.taken_at or now, now)
    return Evidence(
        component=item.component,
        kind=reading.kind,
        source=source,
        bound=item.subject.binding([Part(part) for part in KINDS[reading.kind].binds], environment),
        values=reading.values,
        taken_at=taken,
        added_at=now,
        report=report,
        added_by=added_by,
        environment=environment,
    )


def _record(
    connection: sa.Connection,
    release: str,
    piece: Evidence,
    reading: Reading,
    actor: Actor,
    proof: Mapping[str, str],
    now: datetime,
) -> None:
    data = {
        "kind": piece.kind,
        "source": piece.source,
        "report": piece.report,
        "summary": reading.summary,
        "dated": to_text(reading.taken_at) if reading.taken_at else "",
        "taken_at": to_text(piece.taken_at),
        **proof,
    }
    record(connection, Entry("evidence.added", actor, release, data), now)


def _bytes(report: Path) -> bytes:
    try:
        if not report.is_file():
            raise NotFoundError("there is no such report", where=str(report), remedy="name the file the tool wrote")
        size = report.stat().st_size
        if size > LIMIT_BYTES:
            raise UsageError(
                f"the report has {size >> 20} MiB; at most {LIMIT_BYTES >> 20} MiB are read",
                where=str(report),
                remedy="have the tool write a summary, or split the report",
            )
        return report.read_bytes()
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", where=str(report), remedy="check the file") from error
