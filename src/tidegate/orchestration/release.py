"""Plan a release, open it, change an artifact of it, move it to the current policy, give it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

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
from tidegate.core.version import Level, TagFormat, Version, level_between, parse_version
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.git.archive import build_package, digest_of_file
from tidegate.git.history import History, unreleased
from tidegate.git.repository import Repository, open_repository
from tidegate.git.tree import files_digest, source_digest
from tidegate.orchestration.facts import target_digests
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_permit, nonce, prove_act
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.store import locks, policies, releases, requests

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
    return history, upcoming, upcoming.version


def _type(policy: Policy, asked: str, current: Version | None, number: Version, content: Level) -> str:
    """The release type: the one that is asked for, else the first that raises what the version raises.

    Source: HD-01: a release whose content exceeds its type is refused.
    """
    raised = level_between(current, number) if current is not None else Level.MINOR
    wanted = _BUMP.get(max(raised, Level.PATCH), Bump.PATCH)
    if not asked:
        for name, kind in policy.release_types.items():
            if kind.bump is wanted:
                return name
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
    by_mail = {person.email.lower(): i for i, person in policy.people.items() if person.email}
    mails = {author.email.lower() for change in history.changes for author in change.authors}
    mails |= {commit.author.email.lower() for commit in history.commits}
    mails |= {commit.committer.email.lower() for commit in history.commits}
    return tuple(sorted(by_mail.get(mail, mail) for mail in mails))


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
    with house.database.read() as connection:
        book = policies.current(connection)
    actor = _opener(house, book.policy, claim, component)
    history, upcoming, number = _next(house, book.policy, component, version, at)
    kind = _type(book.policy, type_, history.current, number, upcoming.level)
    now = house.now()
    repository = open_repository(house.root)
    sha256 = build(house, repository, book.policy, component, number, history.at)
    planned = _planned_item(book.policy, component, history, number, now)
    item = replace(planned, subject=_subject(repository, book.policy, component, history.at, sha256))
    release = Release(f"{component}-{number}", kind, ReleaseState.OPEN, (item,), now, actor.person)
    known = book.policy.components[component]
    notes = release_notes(Notes(component, number, now.astimezone(book.tz).date(), tuple(history.changes)))
    with house.database.write() as connection:
        locks.lock_organization(connection)
        demand_permit(policies.current(connection).policy, actor, "open")
        releases.insert(
            connection,
            release,
            policy=book.digest,
            opened_by=actor,
            packages={component: sha256},
            notes=notes,
        )
        say(connection, book.policy, Occasion.OPENED, release, now)
        data = {
            "version": str(number),
            "type": kind,
            "commit": history.at,
            "package": sha256,
            "policy": book.digest,
            "artifact": known.artifact.archive,
        }
        record(connection, Entry("release.opened", actor, release.id, data), now)
        house.database.after_commit(connection, house.wake)
    return Opened(release, sha256, notes)


def _opener(house: House, policy: Policy, claim: Claim, component: str) -> Actor:
    actor = prove_act(house, policy, claim, Act.OPEN, component=component).actor
    demand_permit(policy, actor, "open")
    return actor


def build(house: House, repository: Repository, policy: Policy, component: str, number: Version, commit: str) -> str:
    """Build the component's package at a commit, reproducibly, into the store of packages; its SHA-256."""
    house.packages.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = house.packages / f"{component}-{number}.draft-{nonce()[:8]}"
    try:
        package = build_package(repository, commit, policy.components[component].path, draft)
        sha256 = package.digest.removeprefix("sha256:")
        draft.replace(house.package_path(sha256))
    finally:
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

    Raises:
        ConflictError: the release is not open.
        NotFoundError: there is no such release or file.
        NotPermittedError: this person may not open releases, and so may not change them.
    """
    import shutil

    if not package.is_file():
        raise NotFoundError("there is no such package", where=str(package), remedy="build it, then name its file")
    sha256 = digest_of_file(package).removeprefix("sha256:")
    house.packages.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = house.packages / f"attach-{nonce()}.draft"
    shutil.copyfile(package, draft)
    if digest_of_file(draft).removeprefix("sha256:") != sha256:
        draft.unlink()
        raise ConflictError("the package changed while it was read", where=str(package), remedy="attach it again")
    draft.replace(house.package_path(sha256))
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        now = house.now()
        row = releases.load(connection, release)
        if row.facts.state is not ReleaseState.OPEN:
            raise ConflictError(
                f"release {release} is {row.facts.state.value}: what it is made of cannot change any more",
                remedy="open another release",
            )
        item = row.facts.items[0]
        actor = _opener(house, policy, claim, item.component)
        subject = replace(item.subject, artifacts=artifacts_digest(policy.components[item.component], sha256))
        releases.change_item(connection, release, item.component, subject=subject, package=sha256, now=now)
        requests.touch(connection, release, now)
        data = {"component": item.component, "package": sha256, "replaces": row.packages[item.component]}
        record(connection, Entry("artifact.attached", actor, release, data), now)
    return sha256


def rebase(house: House, release: str, actor_claim: Claim) -> str:
    """Move a release to the current policy, if the one it is pinned to lets this person adopt policies. The digest.

    Raises:
        NotPermittedError: the pinned policy does not let them.
        ConflictError: the release is over.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        pinned = policies.rulebook(connection, row.policy)
        current = policies.current(connection)
    proven = prove_act(house, pinned.policy, actor_claim, Act.REBASE, release=release, policy=current.digest)
    demand_permit(pinned.policy, proven.actor, "adopt")
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        now = house.now()
        row = releases.load(connection, release)
        if row.facts.state is not ReleaseState.OPEN:
            raise ConflictError(f"release {release} is {row.facts.state.value}", remedy="only open releases are moved")
        releases.pin(connection, release, current.digest)
        data = {"from": row.policy, "to": current.digest, "signature": proven.signature}
        record(connection, Entry("release.rebased", proven.actor, release, data), now)
        requests.touch(connection, release, now)
    return current.digest


def cancel(house: House, release: str, claim: Claim, reason: str) -> None:
    """Give a release up.

    Raises:
        NotPermittedError: the policy does not let this person open releases, and so not give them up.
        TransitionError: a rollout of it is under way, or it is over.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        row = releases.load(connection, release)
    actor = _opener(house, policy, claim, row.facts.items[0].component)
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        now = house.now()
        releases.move(connection, release, ReleaseEvent.CANCELLED, now)
        for request in requests.waiting(connection, release):
            requests.end(connection, request.id, now, because="the release was cancelled")
        record(connection, Entry("release.cancelled", actor, release, {"reason": reason}), now)
