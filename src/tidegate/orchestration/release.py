"""Plan a release, open it, change an artifact of it, move it to the current policy, give it up."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import digest_of
from tidegate.core.commit import MERGE, NextVersion
from tidegate.core.commit import Change as CommitChange
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Policies, Question
from tidegate.core.facts import Change, Facts, Item, Release
from tidegate.core.notes import Notes, release_notes
from tidegate.core.policy import Bump, Component, Occasion, Policy
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rulebook import Rulebook
from tidegate.core.statement import Act
from tidegate.core.subject import NOTHING, Subject
from tidegate.core.version import Level, TagFormat, Version, bump, level_between, parse_version
from tidegate.errors import ConflictError, NotFoundError, StoreError, UsageError
from tidegate.git.archive import build_package, check_package, digest_of_file
from tidegate.git.history import History, unreleased
from tidegate.git.repository import Repository, open_repository
from tidegate.git.tree import files_digest, source_digest
from tidegate.orchestration.facts import target_digests
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    Proven,
    demand_listed,
    demand_permit,
    known,
    nonce,
    prove_act,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import locks, policies, releases, requests
from tidegate.store.releases import ReleaseRow

_BUMP = {Level.MAJOR: Bump.MAJOR, Level.MINOR: Bump.MINOR, Level.PATCH: Bump.PATCH}
_LEVEL = {bump: level for level, bump in _BUMP.items()}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release would be, and when it could go at the earliest, by environment."""

    component: str
    history: History
    next: NextVersion
    version: Version
    type: str
    rulebook: Rulebook
    decisions: Mapping[str, Decision]


def plan(house: House, component: str, *, type_: str = "", version: str = "", at: str = "HEAD") -> Plan:
    """Read what changed, say the next version and its type, and when each environment could be reached.

    Raises:
        NotFoundError: the policy knows no such component, or nothing asks for a release.
        UsageError: the version or the type does not fit what changed.
    """
    with house.database.read() as connection:
        book = policies.current(connection)
    history, upcoming, number = _next(house, book.policy, component, version, at)
    kind = _type(book.policy, type_, history.current, number, upcoming.level)
    now = house.now()
    item = _planned_item(book.policy, component, history, number, now)
    release = Release(f"{component}-{number}", kind, ReleaseState.OPEN, (item,), now, "")
    actor = Actor("whoever may", "plan", Assurance.SIGNATURE)
    both = Policies(book, book)
    decisions = {
        name: decide(Question(Action.START, actor, name), both, Facts(release), now)
        for name in book.policy.environments
    }
    return Plan(component, history, upcoming, number, kind, book, decisions)


def component_of(policy: Policy, name: str) -> Component:
    """The component of that name.

    Raises:
        NotFoundError: there is none.
    """
    from difflib import get_close_matches

    found = policy.components.get(name)
    if found is None:
        close = get_close_matches(name, policy.components, n=1)
        hint = (
            f'did you mean "{close[0]}"?' if close else f"name one of: {', '.join(sorted(policy.components)) or 'none'}"
        )
        raise NotFoundError(f'the policy knows no component "{name}"', remedy=hint)
    return found


def _next(house: House, policy: Policy, name: str, version: str, at: str) -> tuple[History, NextVersion, Version]:
    component = component_of(policy, name)
    repository = open_repository(house.root)
    history = unreleased(repository, component.path, component.shared, TagFormat(component.tag), at)
    upcoming = history.next()
    if version:
        number = parse_version(version)
        if history.current is not None and number <= history.current:
            raise UsageError(
                f"{version} does not come after {history.current}, the last release of {name}",
                remedy=f"leave out --version, or name one above {history.current}",
            )
        return history, upcoming, number
    if upcoming.version is None:
        raise NotFoundError(f"nothing of {name} asks for a release: {upcoming.why}", remedy="name one with --version")
    return history, upcoming, _unspent(house, name, upcoming.version)


def _unspent(house: House, component: str, version: Version) -> Version:
    """``version``, or the first patch after it that no release which is over has used.

    What was taken back or given up keeps its version for ever: the same number must not name two contents (SemVer 3).
    """
    with house.database.read() as connection:
        spent = releases.closed_versions(connection, component)
    while str(version) in spent:
        version = bump(version.final, Level.PATCH)
    return version


def _type(policy: Policy, asked: str, current: Version | None, number: Version, content: Level) -> str:
    """The release type: the one that is asked for, else that which raises what the version raises.

    Of several that raise it, the one that skips the least is meant: nobody gets round a rule of time without asking for
    it. Where they skip as much, the one that is called as what it raises, then the first by name.

    Source: HD-01: a release whose content exceeds its type is refused.
    """
    raised = level_between(current, number) if current is not None else Level.MINOR
    wanted = _BUMP.get(max(raised, Level.PATCH), Bump.PATCH)
    if not asked:
        fitting = {name: kind for name, kind in policy.release_types.items() if kind.bump is wanted}
        if fitting:
            return min(fitting, key=lambda name: (len(fitting[name].skips), name != wanted.value, name))
        raise UsageError(
            f"the policy has no release type that raises the {wanted.value} number",
            remedy=f"declare one under release_types, or name one of: {', '.join(policy.release_types) or 'none'}",
        )
    found = policy.release_types.get(asked)
    if found is None:
        raise NotFoundError(
            f'the policy knows no release type "{asked}"',
            remedy=f"name one of: {', '.join(sorted(policy.release_types)) or 'none is declared'}",
        )
    if current is not None and content > _LEVEL[found.bump]:
        raise UsageError(
            f"the changes are {content.word}, which exceeds a {asked} release ({found.bump.value})",
            remedy="choose a larger type, or leave out what does not belong into this one",
        )
    return asked


def _fact_changes(changes: Sequence[CommitChange]) -> tuple[Change, ...]:
    return tuple(Change(c.sha, c.kind, c.summary[:200], c.breaking) for c in changes if not c.void and c.kind != MERGE)


def _authors(policy: Policy, history: History) -> tuple[str, ...]:
    """Who wrote it: people of the policy by their mail address, others by the address itself."""
    by_mail: dict[str, set[str]] = {}
    for name, person in policy.people.items():
        if person.email:
            by_mail.setdefault(person.email.lower(), set()).add(name)
    mails = {author.email.lower() for change in history.changes for author in change.authors}
    mails |= {commit.author.email.lower() for commit in history.commits}
    mails |= {commit.committer.email.lower() for commit in history.commits}
    # Two people may share an address; either may have written it, so neither approves it.
    return tuple(sorted(set(chain.from_iterable(by_mail.get(mail, {mail}) for mail in mails))))


def _planned_item(policy: Policy, component: str, history: History, number: Version, now: datetime) -> Item:
    nothing = Subject(NOTHING, NOTHING, targets=target_digests(policy, component))
    return Item(
        component=component,
        from_version=str(history.current or ""),
        to_version=str(number),
        subject=nothing,
        content_at=now,
        changes=_fact_changes(history.changes),
        authors=_authors(policy, history),
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """A release that was opened: its id, what it is, and its notes."""

    release: Release
    package: str
    notes: str


def open_release(
    house: House, component: str, claim: Claim, *, type_: str = "", version: str = "", at: str = "HEAD"
) -> Opened:
    """Open a release of a component: fix its version and content, build its package, write its notes.

    Raises:
        NotPermittedError: the policy does not let this person open releases.
        ConflictError: there is a release of that version already.
        NotFoundError, UsageError: as :func:`plan`.
    """
    with refusals(house, "release", claim.person, component=component[:64]):
        return _open(house, component, claim, type_, version, at)


def _open(house: House, component: str, claim: Claim, type_: str, version: str, at: str) -> Opened:
    with house.database.read() as connection:
        book = policies.current(connection)
    demand_listed(book.policy, claim.person, "open")
    history, upcoming, number = _next(house, book.policy, component, version, at)
    kind = _type(book.policy, type_, history.current, number, upcoming.level)
    release_id = _release_id(component, number)
    proven = prove_act(house, book.policy, claim, Act.OPEN, component=component, release=release_id)
    demand_permit(book.policy, proven.actor, "open")
    now = house.now()
    repository = open_repository(house.root)
    sha256 = build(house, repository, book.policy, component, number, history.at)
    planned = _planned_item(book.policy, component, history, number, now)
    item = replace(planned, subject=_subject(repository, book.policy, component, history.at, sha256))
    release = Release(release_id, kind, ReleaseState.OPEN, (item,), now, proven.actor.person)
    notes = release_notes(Notes(component, number, now.astimezone(book.tz).date(), tuple(history.changes)))
    _record_opened(house, release, book, proven, sha256, notes)
    return Opened(release, sha256, notes)


def _release_id(component: str, number: Version) -> str:
    name = f"{component}-{number}"
    if len(name) > _LONGEST_ID:
        raise UsageError(
            f"the release would be called {name[:60]}..., which has {len(name)} characters; at most {_LONGEST_ID} fit",
            remedy="choose a shorter version, or a shorter name for the component",
        )
    return name


_LONGEST_ID = 120
"""Fits the columns of the store."""


def _record_opened(house: House, release: Release, book: Rulebook, proven: Proven, sha256: str, notes: str) -> None:
    (item,) = release.items
    with house.database.write() as connection:
        locks.lock_organization(connection)
        current = policies.current(connection)
        if current.digest != book.digest:
            raise ConflictError("another policy was adopted meanwhile", remedy="open the release again, under that one")
        demand_permit(current.policy, proven.actor, "open")
        releases.insert(
            connection,
            release,
            policy=book.digest,
            opened_by=proven.actor,
            packages={item.component: sha256},
            notes=notes,
        )
        now = house.now()
        say(connection, book.policy, Occasion.OPENED, release, now)
        data = {
            "version": item.to_version,
            "type": release.type,
            "commit": item.subject.commit,
            "package": sha256,
            "policy": book.digest,
            "artifact": book.policy.components[item.component].artifact.archive,
            **shown(spend(connection, proven, now), proven),
        }
        record(connection, Entry("release.opened", proven.actor, release.id, data), now)
        house.database.after_commit(connection, house.wake)


def build(house: House, repository: Repository, policy: Policy, component: str, number: Version, commit: str) -> str:
    """Build the component's package at a commit, reproducibly, into the store of packages; its SHA-256.

    Raises:
        StoreError: the package cannot be written.
    """

    def make(draft: Path) -> str:
        return build_package(repository, commit, policy.components[component].path, draft).digest

    return _into_packages(house, make)


def _into_packages(house: House, make: Callable[[Path], str]) -> str:
    """Have ``make`` write a package and say its digest, and keep it under that; nothing half-written stays."""
    draft = house.packages / f"draft-{nonce()}"
    try:
        house.packages.mkdir(mode=0o700, parents=True, exist_ok=True)
        sha256 = make(draft).removeprefix("sha256:")
        draft.replace(house.package_path(sha256))
    except OSError as error:
        raise StoreError(
            f"the package cannot be kept: {error.strerror or error}",
            where=str(house.packages),
            remedy="make room there, and see that it can be written",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return sha256


def _subject(repository: Repository, policy: Policy, component: str, commit: str, sha256: str) -> Subject:
    known = policy.components[component]
    return Subject(
        source=source_digest(repository, commit, [known.path, *known.shared]),
        artifacts=artifacts_digest(known, sha256),
        migrations=files_digest(repository, commit, known.migrations) if known.migrations else NOTHING,
        configuration={name: files_digest(repository, commit, path) for name, path in known.config.items()},
        targets=target_digests(policy, component),
        commit=commit,
    )


def artifacts_digest(component: Component, sha256: str) -> str:
    """The digest of a component's artifacts: their names and what they are."""
    return digest_of({component.artifact.archive: sha256})


def attach(house: House, release: str, package: Path, claim: Claim) -> str:
    """Take another package for a release, such as one that a CI built; every approval is void then. Its SHA-256.

    Whoever may open releases may do this, if they are as surely who they say as the policy asks of those who adopt it:
    evidence that speaks of the source alone holds for the new package, too.

    Raises:
        ConflictError: the release is not open.
        NotFoundError: there is no such release or file.
        NotPermittedError: this person may not open releases, and so may not change them.
        StoreError: the package cannot be kept.
        UsageError: the file is no ``.tar.gz`` that a target could unpack.
    """
    if not package.is_file():
        raise NotFoundError("there is no such package", where=str(package), remedy="build it, then name its file")
    with refusals(house, "release", claim.person, release):
        with house.database.read() as connection:
            releases.load(connection, release)
            demand_listed(policies.current(connection).policy, claim.person, "open")
        sha256 = _into_packages(house, lambda draft: _copy(package, draft))
        concerns = {"release": release, "subject": f"sha256:{sha256}"}
        proven = proven_by(house, claim, Act.ATTACH, **concerns)
        with house.database.write() as connection:
            _attach(connection, release, sha256, proven, concerns, house.now())
            house.database.after_commit(connection, house.wake)
    return sha256


def _copy(package: Path, draft: Path) -> str:
    before = digest_of_file(package)
    shutil.copyfile(package, draft)
    if digest_of_file(draft) != before:
        raise ConflictError("the package changed while it was read", where=str(package), remedy="attach it again")
    check_package(draft, str(package))
    return before


def _attach(
    connection: sa.Connection, release: str, sha256: str, proven: Proven, concerns: Mapping[str, str], now: datetime
) -> None:
    row, policy = _lock_open(connection, release, "what it is made of cannot change any more")
    actor = stands(policy, proven, Act.ATTACH, **concerns)
    demand_permit(policy, actor, "open", minimum=policy.assurance)
    item = row.facts.items[0]
    subject = replace(item.subject, artifacts=artifacts_digest(component_of(policy, item.component), sha256))
    releases.change_item(connection, release, item.component, subject=subject, package=sha256, now=now)
    requests.touch(connection, release, now)
    data = {
        "component": item.component,
        "package": sha256,
        "replaces": row.packages[item.component],
        **shown(spend(connection, proven, now), proven),
    }
    record(connection, Entry("artifact.attached", actor, release, data), now)


def _lock_open(connection: sa.Connection, release: str, otherwise: str) -> tuple[ReleaseRow, Policy]:
    """Lock a release that is to be changed, which only an open one can be; with it the active policy."""
    locks.lock_organization(connection)
    locks.lock_release(connection, release)
    row = releases.load(connection, release)
    if row.facts.state is not ReleaseState.OPEN:
        raise ConflictError(f"release {release} is {row.facts.state.value}: {otherwise}", remedy="open another release")
    return row, policies.current(connection).policy


def rebase(house: House, release: str, actor_claim: Claim) -> str:
    """Move a release to the current policy, if the one it is pinned to lets this person adopt policies. The digest.

    Raises:
        NotPermittedError: the pinned policy does not let them.
        ConflictError: the release is not open, or another policy was adopted meanwhile.
    """
    with refusals(house, "release", actor_claim.person, release):
        with house.database.read() as connection:
            row = releases.load(connection, release)
            pinned = policies.rulebook(connection, row.policy).policy
            current = policies.current(connection).digest
        demand_listed(pinned, actor_claim.person, "adopt")
        proven = prove_act(house, pinned, actor_claim, Act.REBASE, release=release, policy=current)
        demand_permit(pinned, proven.actor, "adopt")
        with house.database.write() as connection:
            now = house.now()
            held, policy = _lock_open(connection, release, "it stays under the policy that it went by")
            if (held.policy, policies.current(connection).digest) != (row.policy, current):
                raise ConflictError("another policy was adopted meanwhile", remedy="look at it, then rebase again")
            # Who has left may still be listed in the pinned policy; nobody acts whom the current one does not know.
            known(policy, Claim(proven.actor.person))
            releases.pin(connection, release, current)
            data = {"from": row.policy, "to": current, **shown(spend(connection, proven, now), proven)}
            requests.touch(connection, release, now)
            record(connection, Entry("release.rebased", proven.actor, release, data), now)
            house.database.after_commit(connection, house.wake)
    return current


def cancel(house: House, release: str, claim: Claim, reason: str) -> None:
    """Give a release up, and every start of it that waits.

    Raises:
        NotPermittedError: the policy does not let this person open releases, and so not give them up.
        TransitionError: a rollout of it is under way, or it is over.
    """
    with refusals(house, "release", claim.person, release):
        with house.database.read() as connection:
            releases.load(connection, release)
            demand_listed(policies.current(connection).policy, claim.person, "open")
        proven = proven_by(house, claim, Act.CANCEL, release=release, reason=reason)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            now = house.now()
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.CANCEL, release=release)
            demand_permit(policy, actor, "open", minimum=policy.assurance)
            releases.move(connection, release, ReleaseEvent.CANCELLED, now)
            requests.end_all(connection, release, now, "the release was cancelled")
            data = {"reason": reason, **shown(spend(connection, proven, now), proven)}
            record(connection, Entry("release.cancelled", actor, release, data), now)
