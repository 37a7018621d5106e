"""Gather what is known of a release: one value, from rows, and from signatures that are verified here and now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core import statement as statements
from tidegate.core.approval import Approval
from tidegate.core.backup import TakenBackup, standing
from tidegate.core.board import Minutes, minutes_digest
from tidegate.core.canonical import digest_of
from tidegate.core.delegation import Delegation, terms
from tidegate.core.drill import Drilled
from tidegate.core.emergency import Emergency, declarers
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Built, Facts, Hold, Passed, Release, Stands, WayBack
from tidegate.core.holiday import holidays_for
from tidegate.core.image_lock import ImageLock
from tidegate.core.leaf import Leaf
from tidegate.core.mark import Mark, MarkKind, signed_as
from tidegate.core.policy import Act as PolicyAct
from tidegate.core.policy import Policy
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.statement import Act
from tidegate.errors import TidegateError
from tidegate.orchestration.backup_files import kept_backups
from tidegate.orchestration.change_facts import changes_for
from tidegate.orchestration.restrictions import debts_owed, holds_in_force
from tidegate.orchestration.running import requirements, running
from tidegate.orchestration.seen import NOTHING, InGit
from tidegate.signing import ssh
from tidegate.store import (
    artifacts,
    contents,
    delegations,
    drills,
    emergencies,
    log,
    marks,
    meetings,
    releases,
    rollouts,
)
from tidegate.store.delegations import SignedDelegation
from tidegate.store.drills import SignedDrill
from tidegate.store.emergencies import SignedEmergency
from tidegate.store.marks import SignedMark
from tidegate.store.meetings import Meeting
from tidegate.store.releases import ReleaseRow, SignedApproval


def gather(
    connection: sa.Connection,
    row: ReleaseRow,
    policy: Policy,
    now: datetime,
    way_back: Sequence[WayBack] = (),
    in_git: InGit = NOTHING,
    *,
    pinned: Policy | None = None,
) -> Facts:
    """Everything that ``decide`` may know of a release at ``now``.

    Args:
        policy: the current one; signatures are verified against the keys that people have now.
        in_git: what was seen in the repository before, since Git answers slowly.
        pinned: the one under which the release was opened, where that is asked, too.
    """
    components = [item.component for item in row.facts.items]
    release = with_requirements(connection, with_targets(row.facts, policy), row.policy)
    release = _with_packages(_with_built(connection, release), row)
    taken_back = log.revoked(connection, row.facts.id)
    answers = releases.approvals_of(connection, row.facts.id)
    held = drills_held(connection, policy) if policy.drills or (pinned and pinned.drills) else ()
    return Facts(
        release=release,
        evidence=releases.evidence_of(connection, row.facts.id) + _of_drills(held, components, policy),
        approvals=tuple(checked(signed, row.facts.id, policy, taken_back) for signed in answers),
        verified=rollouts.verified(connection, components),
        holds=_with_passes(connection, holds_in_force(connection, now), policy),
        way_back=tuple(way_back),
        running=running(connection, release.items, policy),
        origins=in_git.origins,
        marks=checked_marks(connection, row.facts.id, policy),
        papers=in_git.papers,
        migrates=in_git.migrates,
        done=rollouts.done(connection, components),
        delegations=delegations_since(connection, policy, row.facts.opened_at),
        minutes=tuple(minutes_of(connection, policy, row.facts.id)),
        change_requests=changes_for(connection, row.facts.id, policy),
        emergencies=_emergencies(connection, components, policy, now),
        debts=debts_owed(connection, components, policy),
        holidays=holidays_for((policy, pinned or policy), now),
        brought=in_git.brought,
        stands=_stands(connection, components, policy) if _asks_validated(policy, pinned) else (),
        drills=held,
        backups=_backups(connection, (policy, pinned or policy), dict(in_git.amiss)),
    )


def _with_passes(connection: sa.Connection, found: Sequence[Hold], policy: Policy) -> tuple[Hold, ...]:
    """The holds, each with the fixes that somebody who may stop the line lets pass it; a signature proves each."""
    if not found:
        return ()
    passes: dict[str, list[Passed]] = {}
    for leaf in log.of_kinds(connection, "hold.passed"):
        if not _why_no_pass(connection, leaf, policy):
            one = Passed(
                str(leaf.data["release"]), str(leaf.data["subject"]), leaf.actor.person, str(leaf.data["reason"])
            )
            passes.setdefault(str(leaf.data["hold"]), []).append(one)
    return tuple(replace(hold, passed=tuple(passes.get(hold.id, ()))) for hold in found)


def _why_no_pass(connection: sa.Connection, leaf: Leaf, policy: Policy) -> str:
    """Why the log's word that a fix may pass a hold does not count; empty where it does."""
    person, data = leaf.actor.person, leaf.data
    if person not in permitted_people(policy, PolicyAct.HOLD, None):
        return f"{person} may not stop the line any more"
    try:
        statement = contents.fetch(connection, str(data.get("statement", "")))
        said = statements.from_bytes(statement)
    except TidegateError as error:
        return error.what
    if (said.release, said.reason) != (data["release"], f"{data['hold']}: {data['reason']}"):
        return "the signed statement says something else than the record"
    wanted = (said.nonce, policy.organization, Act.LET_THROUGH, person, str(data["subject"]))
    return _why_unproven(statement, str(data.get("signature", "")), policy, person, wanted)


def _asks_validated(policy: Policy, pinned: Policy | None) -> bool:
    return policy.rollback.validated or bool(pinned and pinned.rollback.validated)


def _stands(connection: sa.Connection, components: Collection[str], policy: Policy) -> tuple[Stands, ...]:
    """What stands of the components in each environment where something does."""
    found = []
    for component in components:
        for environment in policy.environments:
            good = rollouts.last_good(connection, component, environment)
            if good is not None and good.target is not None:
                found.append(Stands(component, environment, good.target.version))
    return tuple(found)


def drills_held(connection: sa.Connection, policy: Policy) -> tuple[Drilled, ...]:
    """The drills that were held, each with the reason why it does not count where it does not."""
    return tuple(checked_drill(signed, policy) for signed in drills.ended(connection))


def _of_drills(held: Collection[Drilled], components: Collection[str], policy: Policy) -> tuple[Evidence, ...]:
    """Drills as the evidence that gates ask for: there is one record of a drill, and it is this one.

    Its source is the drill's name. A drill binds no part of a subject: it speaks of how a release comes back.
    """
    found = []
    for one in held:
        if one.invalid or one.name not in policy.drills:
            continue
        field = "acknowledged_s" if policy.drills[one.name].of == "emergency" else "duration_s"
        values = {"succeeded": one.succeeded} | ({field: float(one.seconds)} if one.seconds is not None else {})
        found += [
            Evidence(component, "drill", one.name, {}, values, one.at, one.at, digest_of(one.id), one.by)
            for component in components
        ]
    return tuple(found)


def checked_drill(signed: SignedDrill, policy: Policy) -> Drilled:
    """The drill, with the reason why its record does not count; as :func:`checked`."""
    one = signed.drilled
    try:
        nonce = statements.from_bytes(signed.statement).nonce
    except TidegateError:
        return replace(one, invalid="nobody has signed what is recorded of it")
    wanted = (nonce, policy.organization, signed.act, one.by, signed.terms)
    return replace(one, invalid=_why_unproven(signed.statement, signed.signature, policy, one.by, wanted))


def _backups(connection: sa.Connection, asking: Sequence[Policy], amiss: Mapping[str, str]) -> tuple[TakenBackup, ...]:
    """How the backups stand that Tidegate takes itself, by any of the policies."""
    found = standing(kept_backups(connection, asking))
    return tuple(replace(one, amiss=amiss.get(one.id, "")) for one in found)


EMERGENCIES_AFTER = timedelta(days=30)
"""For how long an emergency is still looked at after its time: a rollout that went by it may take that long."""


def _emergencies(
    connection: sa.Connection, components: Collection[str], policy: Policy, now: datetime
) -> tuple[Emergency, ...]:
    """Those that speak of any of the components: in force, or lately so."""
    return tuple(
        one
        for one in recent_emergencies(connection, policy, now)
        if not frozenset(components).isdisjoint(one.components)
    )


def recent_emergencies(connection: sa.Connection, policy: Policy, now: datetime) -> list[Emergency]:
    """The emergencies in force, or lately so, each with the reason why its declaration does not hold."""
    found = emergencies.recent(connection, now - EMERGENCIES_AFTER)
    over = log.ended_emergencies(connection) if found else frozenset()
    return [checked_emergency(signed, policy, over) for signed in found]


def checked_emergency(signed: SignedEmergency, policy: Policy, over: Collection[str]) -> Emergency:
    """The emergency, with the reason why it does not hold where it does not; as :func:`checked`."""
    one = signed.emergency
    if one.ended_at is None and one.id in over:
        return replace(one, invalid="the log says that it is over, and the record does not")
    try:
        nonce = statements.from_bytes(signed.statement).nonce
    except TidegateError:
        return replace(one, invalid="nobody has signed its declaration")
    if one.id != f"emergency-{nonce[:8]}":
        return replace(one, invalid="the signed statement is of another emergency")
    if one.declared_by not in declarers(policy):
        return replace(one, invalid=f"{one.declared_by} may not declare one")
    wanted = (nonce, policy.organization, Act.DECLARE_EMERGENCY, one.declared_by, one.terms)
    return replace(one, invalid=_why_unproven(signed.statement, signed.signature, policy, one.declared_by, wanted))


def checked_marks(connection: sa.Connection, release: str, policy: Policy) -> tuple[Mark, ...]:
    """The marks of a release, each with the reason why its signature does not hold where it does not."""
    found = marks.of_release(connection, release)
    taken_back = log.ended_marks(connection, release) if found else frozenset()
    return tuple(checked_mark(signed, policy, taken_back) for signed in found)


def checked_mark(signed: SignedMark, policy: Policy, taken_back: Collection[str] = ()) -> Mark:
    """As :func:`checked`, of a mark. A document may be attached unsigned, as evidence may be added."""
    mark = signed.mark
    if mark.ended_at is None and mark.id in taken_back:
        return replace(mark, invalid="the log says that it was taken back, and the record does not")
    if not signed.statement and mark.kind is MarkKind.DOCUMENT:
        return mark
    try:
        statement = statements.from_bytes(signed.statement)
        act, fields = signed_as(mark)
        row = {"nonce": mark.id, "organization": policy.organization, "act": act, "person": mark.actor.person, **fields}
        row["release"] = signed.release
        if any(getattr(statement, name) != value for name, value in row.items()):
            return replace(mark, invalid="the signed statement says something else than the record")
        person = policy.people.get(mark.actor.person)
        keys = person.keys if person else ()
        proof = ssh.verify(signed.statement, signed.signature, keys, mark.actor.person, ssh.ACT)
    except TidegateError as error:
        return replace(mark, invalid=error.what)
    return replace(mark, key=proof.fingerprint)


def delegations_since(connection: sa.Connection, policy: Policy, since: datetime) -> tuple[Delegation, ...]:
    """What was handed to whom and was not over at ``since``, each with the reason why it does not hold."""
    found = delegations.every(connection, since)
    taken_back = log.revoked_delegations(connection) if found else ()
    return tuple(checked_delegation(signed, policy, taken_back) for signed in found)


def checked_delegation(signed: SignedDelegation, policy: Policy, taken_back: Collection[str]) -> Delegation:
    """The delegation, with the reason why it does not hold where it does not; as :func:`checked`."""
    one = signed.delegation
    if one.revoked_at is None and one.id in taken_back:
        return replace(one, invalid="the log says that it was taken back, and the record does not")
    subject = terms(one.to, one.scope, to_text(one.until))
    wanted = (one.id, policy.organization, Act.DELEGATE, one.by, subject)
    return replace(one, invalid=_why_unproven(signed.statement, signed.signature, policy, one.by, wanted))


def _why_unproven(
    statement: bytes, signature: str, policy: Policy, person: str, wanted: tuple[str, str, Act, str, str]
) -> str:
    """Why a person has not signed the statement with this nonce, organisation, act, person and subject; else empty."""
    try:
        said = statements.from_bytes(statement)
        if (said.nonce, said.organization, said.act, said.person, said.subject) != wanted:
            return "the signed statement says something else than the record"
        known = policy.people.get(person)
        ssh.verify(statement, signature, known.keys if known else (), person, ssh.ACT)
    except TidegateError as error:
        return error.what
    return ""


def minutes_of(connection: sa.Connection, policy: Policy, release: str) -> Iterator[Minutes]:
    """What boards decided about a release, point by point, each with the reason why it does not hold."""
    for meeting in meetings.every(connection):
        if meeting.recorded_by is None or not any(point.release == release for point in meeting.agenda):
            continue
        by, invalid = meeting.recorded_by.person, why_no_minutes(meeting, policy)
        for point in meeting.agenda:
            if point.release == release:
                approved = point in meeting.approved
                yield Minutes(
                    f"{meeting.id}:{point.environment}",
                    meeting.board,
                    meeting.at,
                    meeting.attended,
                    point,
                    approved,
                    by,
                    meeting.record,
                    invalid,
                )


def why_no_minutes(meeting: Meeting, policy: Policy) -> str:
    """Why the minutes of a meeting do not hold; empty where they do."""
    if meeting.recorded_by is None:
        return "no minutes were recorded"
    by = meeting.recorded_by.person
    known = policy.people.get(by)
    if known is None or known.disabled or meeting.board not in known.groups:
        return f"{by}, who recorded them, is not in {meeting.board}"
    try:
        nonce = statements.from_bytes(meeting.statement).nonce
    except TidegateError as error:
        return error.what
    of = (meeting.id, meeting.board, to_text(meeting.at))
    subject = minutes_digest(of, meeting.record, meeting.attended, meeting.approved, meeting.rejected)
    wanted = (nonce, policy.organization, Act.MINUTE_BOARD, by, subject)
    return _why_unproven(meeting.statement, meeting.signature, policy, by, wanted)


def with_requirements(connection: sa.Connection, release: Release, pinned: str) -> Release:
    """The release with what its components require, as the policy says under which it was opened."""
    requires = requirements(connection, pinned)
    items = [replace(item, requires=requires.get(item.component, {})) for item in release.items]
    return replace(release, items=tuple(items))


def with_targets(release: Release, policy: Policy) -> Release:
    """The release with its targets as the current policy has them: that is where it would really go."""
    return replace(
        release,
        items=tuple(
            replace(item, subject=replace(item.subject, targets=target_digests(policy, item.component)))
            for item in release.items
        ),
    )


def _with_built(connection: sa.Connection, release: Release) -> Release:
    """The release with what was built of it."""
    rows = artifacts.of(connection, release.id)
    if not rows:
        return release
    built: dict[str, list[Built]] = {}
    for row in rows:
        built.setdefault(row.component, []).append(Built(row.kind, row.name, row.digest, row.pushed_at is not None))
    items = tuple(replace(item, built=tuple(built.get(item.component, ()))) for item in release.items)
    return replace(release, items=items)


def _with_packages(release: Release, row: ReleaseRow) -> Release:
    """The release with the digests under which targets know its components."""
    items = []
    for item in release.items:
        archive = row.packages.get(item.component, "")
        images = {one.name: one.digest for one in item.built if one.kind == "image"}
        lock = ImageLock(item.component, item.to_version, archive, images).package.digest if archive and images else ""
        items.append(replace(item, packages=tuple(filter(None, (archive, lock)))))
    return replace(release, items=tuple(items))


def target_digests(policy: Policy, component: str) -> dict[str, str]:
    """The digest of a component's target settings, by environment."""
    known = policy.components.get(component)
    return {
        name: digest_of(target.model_dump(mode="json")) for name, target in (known.targets if known else {}).items()
    }


def checked(signed: SignedApproval, release: str, policy: Policy, taken_back: Collection[str] = ()) -> Approval:
    """The approval, with the reason why its signature does not hold where it does not.

    The row alone proves nothing: what counts is the statement that the person signed, and it must say the same; and
    what the log says was taken back (``taken_back``, ids) stays so.
    """
    approval = signed.approval
    if approval.revoked_at is None and approval.id in taken_back:
        return replace(approval, invalid="the log says that it was taken back, and the record does not")
    try:
        statement = statements.from_bytes(signed.statement)
        said = (
            statement.nonce,
            statement.organization,
            statement.act.value,
            statement.release,
            statement.environment,
            statement.subject,
            statement.person,
            statement.role,
        )
        row = (
            approval.id,
            policy.organization,
            approval.answer.value,
            release,
            approval.environment,
            approval.subject,
            approval.actor.person,
            approval.role,
        )
        if said != row:
            return replace(approval, invalid="the signed statement says something else than the record")
        person = policy.people.get(approval.actor.person)
        proof = ssh.verify(
            signed.statement, signed.signature, person.keys if person else (), approval.actor.person, ssh.ACT
        )
    except TidegateError as error:
        return replace(approval, invalid=error.what)
    return replace(approval, key=proof.fingerprint)
