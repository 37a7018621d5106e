"""Add evidence: read a report, bind it to what it speaks of, keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from tidegate.artifacts.image.kind import manifest_of
from tidegate.clock import to_text
from tidegate.core.actor import Actor
from tidegate.core.canonical import digest
from tidegate.core.effect import check_name
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.evidence_source import distinct_sources
from tidegate.core.facts import Item, Release
from tidegate.core.policy import Policy
from tidegate.core.release import ReleaseState
from tidegate.core.statement import Act
from tidegate.core.subject import Part, Subject
from tidegate.errors import ConflictError, NotFoundError, StoreError, TidegateError, UsageError
from tidegate.orchestration.facts import with_targets
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_environment, known, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.readers.contract import Reading
from tidegate.readers.registry import read_beside, read_report
from tidegate.store import artifacts, contents, locks, policies, releases, requests
from tidegate.store.artifacts import ArtifactRow
from tidegate.store.releases import ReleaseRow

LIMIT_BYTES = 64 << 20
IMAGE, SCAN = "image", "image-scan"


@dataclass(frozen=True, slots=True)
class Added:
    """A piece of evidence that was added, and what its report says in a sentence."""

    evidence: Evidence
    summary: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A report that was not added, and why."""

    report: Path
    error: TidegateError


@dataclass(frozen=True, slots=True)
class _Read:
    """A report that can be read: what it says, its bytes, and those of what it was compared with."""

    report: Path
    reading: Reading
    data: bytes
    baseline: bytes = b""


def add(
    house: House,
    release: str,
    report: Path,
    claim: Claim,
    *,
    source: str = "",
    kind: str | None = None,
    environment: str = "",
    component: str = "",
    baseline: Path | None = None,
) -> Added:
    """Read a report and add what it says as evidence about the release as it is now.

    Args:
        source: what tells reports of one kind apart, such as ``unit`` and ``contract``; where it is empty, the image
            that a report is about if the component has several, else the kind's name.
        environment: the one that the report speaks of; empty for what holds everywhere.
        component: the one that the report speaks of; empty where the release has only one.
        baseline: an earlier report, beside which this one is read; only benchmarks are compared.

    Raises:
        UsageError: the report cannot be read as one of a known kind, or is too large; or the release has several
            components, and none is named.
        NotFoundError: there is no such release, environment, component or file.
        ConflictError: the release is over, or the report is about another image than the release has.
        NotPermittedError: the policy does not know this person, or their signature is not theirs.
    """
    return _add(house, release, _read(report, kind, baseline), claim, source, environment, component)


def add_all(
    house: House,
    release: str,
    reports: Sequence[Path],
    claim: Claim,
    *,
    source: str = "",
    kind: str | None = None,
    environment: str = "",
    component: str = "",
    baseline: Path | None = None,
) -> tuple[Added | Refused, ...]:
    """Add several reports, each by itself: one that is refused does not stop the others.

    Where no source is named, those of one kind get theirs from their file names, so that none hides another.

    Args:
        baseline: an earlier report, beside which those are read that can be compared.

    Raises:
        As :func:`add`, for what concerns all of them: the release, the person, the environment and the component.
    """
    if len(reports) == 1:
        return (
            add(
                house,
                release,
                reports[0],
                claim,
                source=source,
                kind=kind,
                environment=environment,
                component=component,
                baseline=baseline,
            ),
        )
    _demand_open(house, release, claim, environment, component)
    seen = [_tried(report, kind, baseline) for report in reports]
    sources = _sources([one for one in seen if isinstance(one, _Read)], source)
    return tuple(
        one
        if isinstance(one, Refused)
        else _added(house, release, one, claim, sources[id(one)], environment, component)
        for one in seen
    )


def keep(
    house: House,
    release: str,
    reading: Reading,
    data: bytes,
    claim: Claim,
    *,
    source: str = "",
    environment: str = "",
    component: str = "",
    about: Subject | None = None,
) -> Added:
    """Keep what was found out here, and no file was read for; ``data`` is kept as its report.

    Args:
        about: what the component was made of when it was looked at; None: what was found says nothing of that.

    Raises:
        As :func:`add`; ConflictError also where the component has changed since it was looked at.
    """
    return _add(house, release, _Read(Path(), reading, data), claim, source, environment, component, about)


def looked_at(house: House, release: str, claim: Claim, component: str, kind: str) -> tuple[Item, Policy]:
    """The item of an open release that evidence is about to be found out for, and the active policy.

    Raises:
        As :func:`add`, for what concerns the release, the person and the component.
    """
    with refusals(house, "evidence", claim.person, release, kind=kind), house.database.read() as connection:
        row = releases.load(connection, release)
        policy = policies.current(connection).policy
        known(policy, claim)
        _demand_not_over(row)
        return item_of(row, component), policy


def _tried(report: Path, kind: str | None, baseline: Path | None) -> _Read | Refused:
    try:
        return _read(report, kind, baseline)
    except (UsageError, NotFoundError) as error:
        return Refused(report, error)


def _read(report: Path, kind: str | None, baseline: Path | None) -> _Read:
    data = _bytes(report)
    if baseline is None:
        return _Read(report, read_report(report.name, data, kind), data)
    before = _bytes(baseline)
    return _Read(report, read_beside(report.name, data, kind, before), data, before)


def _sources(read: Sequence[_Read], named: str) -> dict[int, str]:
    """The source of each report, by its identity; empty where it would hide another one."""
    by_kind: dict[str, list[_Read]] = {}
    for one in read:
        by_kind.setdefault(one.reading.kind, []).append(one)
    found: dict[int, str] = {}
    for kind, group in by_kind.items():
        names = (
            [named] + [""] * (len(group) - 1)
            if named
            else distinct_sources(kind, [one.report.absolute().parts for one in group])
        )
        found |= {id(one): name for one, name in zip(group, names, strict=True)}
    return found


def _added(
    house: House, release: str, read: _Read, claim: Claim, source: str, environment: str, component: str
) -> Added | Refused:
    try:
        if not source:
            raise UsageError(
                f"another {read.reading.kind} report of this command has the same source, and one would hide the other",
                where=str(read.report),
                remedy="add it by itself, with --source NAME",
            )
        return _add(house, release, read, claim, source, environment, component)
    except (UsageError, ConflictError) as error:
        return Refused(read.report, error)


def _demand_open(house: House, release: str, claim: Claim, environment: str, component: str) -> None:
    """Say what concerns all reports once, before the first of them."""
    with refusals(house, "evidence", claim.person, release), house.database.read() as connection:
        row = releases.load(connection, release)
        _demand_not_over(row)
        item_of(row, component)
        if environment:
            demand_environment(policies.current(connection).policy, environment)


def _demand_not_over(row: ReleaseRow) -> None:
    # What production has may be brought to another environment again, and its gates are asked there.
    if row.closed_at is not None and row.facts.state is not ReleaseState.RELEASED:
        raise ConflictError(f"release {row.facts.id} is {row.facts.state.said}", remedy="add it to an open release")


def item_of(row: ReleaseRow, component: str, because: str = "a report speaks of one") -> Item:
    """The item of the release that is meant: the one that is named, or the only one.

    Raises:
        NotFoundError: it has no such component.
        UsageError: it has several, and none is named; ``because`` says why one must be.
    """
    by_name = {item.component: item for item in row.facts.items}
    names = ", ".join(sorted(by_name))
    if component and component not in by_name:
        raise NotFoundError(
            f'release {row.facts.id} has no component "{component[:80]}"', remedy=f"name one of: {names}"
        )
    if not component and len(by_name) > 1:
        raise UsageError(
            f"release {row.facts.id} has {len(by_name)} components, and {because}",
            remedy=f"say which with --component, one of: {names}",
        )
    return by_name[component] if component else row.facts.items[0]


def _add(
    house: House,
    release: str,
    read: _Read,
    claim: Claim,
    source: str,
    environment: str,
    component: str,
    about: Subject | None = None,
) -> Added:
    reading, subject = read.reading, digest(read.data)
    if source:
        check_name(source, "source")
    with refusals(house, "evidence", claim.person, release, kind=reading.kind):
        concerns = {"release": release, "subject": subject, "component": component}
        proven = proven_by(house, claim, Act.EVIDENCE, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            row = releases.load(connection, release)
            policy = policies.current(connection).policy
            _demand_not_over(row)
            if environment:
                demand_environment(policy, environment)
            actor = stands(policy, proven, Act.EVIDENCE, **concerns)
            now = house.now()
            item = item_of(replace(row, facts=with_targets(row.facts, policy)), component)
            if about is not None and item.subject.source != about.source:
                raise ConflictError(f"release {release} was changed meanwhile", remedy="repeat the command")
            image = _image(connection, house, release, item, read)
            name = source or check_name(image or reading.kind, "source")
            piece = _piece(item, reading, name, environment, actor.person, now, contents.keep(connection, read.data))
            releases.add_evidence(connection, release, piece)
            proof = {**shown(spend(connection, proven, now), proven), **_compared(connection, read)}
            if requests.touch(connection, release, now):
                house.database.after_commit(connection, house.wake)
            _record(connection, release, piece, reading, actor, proof, now)
    return Added(piece, reading.summary)


def would_add(
    release: Release, policy: Policy, report: Path, source: str, environment: str, now: datetime
) -> tuple[Added, ...]:
    """What adding a report would add, to each component of a release; nothing is recorded.

    Raises:
        UsageError: the report cannot be read as one of a known kind, or is too large.
        NotFoundError: there is no such file.
    """
    read = _read(report, None, None)
    name = check_name(source or read.reading.kind, "source")
    where = environment if "targets" in KINDS[read.reading.kind].binds else ""
    items = with_targets(release, policy).items
    return tuple(
        Added(_piece(item, read.reading, name, where, "", now, digest(read.data)), read.reading.summary)
        for item in items
    )


def _compared(connection: sa.Connection, read: _Read) -> dict[str, str]:
    """The digest of what a report was compared with, which is kept as the report is."""
    return {"baseline": contents.keep(connection, read.baseline)} if read.baseline else {}


def _image(connection: sa.Connection, house: House, release: str, item: Item, read: _Read) -> str:
    """The image that a report is about, as a source, where the component has several; else empty.

    Raises:
        ConflictError: it is about another image than those that were built of the component.
    """
    built = [row for row in artifacts.of(connection, release) if (row.component, row.kind) == (item.component, IMAGE)]
    if not built or not (read.reading.images or read.reading.kind == SCAN):
        return ""
    about = [row for row in built if read.reading.images & _digests(house, row)]
    if about:
        return about[0].name.rpartition("/")[2] if len(built) > 1 else ""
    said = min(read.reading.images, default="")
    raise ConflictError(
        f"it is about another image, {said}" if said else "it does not say by a digest which image it is about",
        where=str(read.report),
        remedy=f"scan what {release} has: {', '.join(f'{row.name}@{row.digest}' for row in built[:3])}",
    )


def _digests(house: House, row: ArtifactRow) -> frozenset[str]:
    """By which digests an image is known: of its manifest, and of its configuration where the manifest is at hand.

    Source: what Docker calls the id of an image is the digest of its configuration.
    """
    with suppress(NotFoundError, StoreError):
        return frozenset({row.digest, manifest_of(row.digest, house.artifacts).config.digest})
    return frozenset({row.digest})


def _piece(
    item: Item, reading: Reading, source: str, environment: str, added_by: str, now: datetime, report: str
) -> Evidence:
    # A report that says no time was taken when it was added: tools that find nothing write the same bytes each day.
    # One of the future was written by a clock that goes fast: it must neither be refused for that nor outrank every
    # later one, so it counts as of now.
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
        "component": piece.component,
        "kind": piece.kind,
        "source": piece.source,
        "report": piece.report,
        "summary": reading.summary,
        "dated": to_text(reading.taken_at) if reading.taken_at else "",
        "taken_at": to_text(piece.taken_at),
        **({"images": sorted(reading.images)} if reading.images else {}),
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
