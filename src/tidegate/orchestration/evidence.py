"""Add evidence: read a report, bind it to what it speaks of, keep it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidegate.core.effect import check_name
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.subject import Part
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.orchestration.facts import gather
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, known
from tidegate.orchestration.record import Entry, record
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

    Raises:
        UsageError: the report cannot be read as one of a known kind, or is too large.
        NotFoundError: there is no such release or file.
        ConflictError: the release is over.
        NotPermittedError: the policy does not know this person.
    """
    data = _bytes(report)
    reading = read_report(report.name, data, kind)
    name = check_name(source or reading.kind, "source")
    binds = KINDS[reading.kind].binds
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        now = house.now()
        row = releases.load(connection, release)
        if row.closed_at is not None:
            raise ConflictError(f"release {release} is {row.facts.state.value}", remedy="add it to an open release")
        policy = policies.current(connection).policy
        actor = known(policy, Claim(claim.person))
        item = gather(connection, row, policy, now).release.items[0]
        taken = reading.taken_at or now
        piece = Evidence(
            component=item.component,
            kind=reading.kind,
            source=name,
            bound=item.subject.binding([Part(part) for part in binds], environment),
            values=reading.values,
            taken_at=min(taken, now),
            added_at=now,
            report=contents.keep(connection, data),
            added_by=claim.person,
            environment=environment,
        )
        releases.add_evidence(connection, release, piece)
        record(
            connection,
            Entry(
                "evidence.added",
                actor,
                release,
                {"kind": piece.kind, "source": piece.source, "report": piece.report, "summary": reading.summary[:500]},
            ),
            now,
        )
        if requests.touch(connection, release, now):
            house.database.after_commit(connection, house.wake)
    return Added(piece, reading.summary)


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
