"""Open a release, change an artifact of it, move it to the current policy, give it up."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Actor
from tidegate.core.canonical import digest_of
from tidegate.core.decision import Policies
from tidegate.core.facts import Facts, Release
from tidegate.core.policy import Component, Occasion, Policy
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rulebook import Rulebook
from tidegate.core.statement import Act
from tidegate.core.subject import NOTHING, Subject
from tidegate.core.version import Version
from tidegate.errors import ConflictError, NotFoundError, StoreError, UsageError
from tidegate.git.archive import build_package, check_package, digest_of_file
from tidegate.git.history import History
from tidegate.git.repository import Repository, open_repository
from tidegate.git.tree import files_digest, source_digest
from tidegate.orchestration import afterwards, timeline
from tidegate.orchestration.checkpoint import stands_in
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
from tidegate.orchestration.next_release import (
    component_of,
    history_of,
    number_of,
    planned_item,
    refuse_excess,
    tagged_version,
    type_of,
)
from tidegate.orchestration.notes import release_notes, scope_in
from tidegate.orchestration.promotion import promote
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.restrictions import holds_in_force
from tidegate.orchestration.running import running
from tidegate.orchestration.superseding import (
    contained,
    content_since,
    demand_let_in,
    going_as,
    locks_on,
    older_than,
    supersede,
)
from tidegate.store import artifacts, locks, notices, policies, releases, requests, rollouts
from tidegate.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A release that was opened: what it is, the package of each component, its notes, and the older ones that it
    superseded."""

    release: Release
    packages: Mapping[str, str]
    notes: str
    superseded: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The package of the first component; mostly there is one."""
        return self.packages[self.release.items[0].component]


@dataclass(frozen=True, slots=True)
class Intent:
    """What people say of a release: for when it is planned, why there is one, and whether systems stand still.

    ``template`` is the one from which it is opened, and is said only then.
    """

    planned_at: datetime | None = None
    reason: str = ""
    criterion: str = ""
    downtime: bool | None = None
    template: str = ""

    def said(self) -> dict[str, Any]:
        """What was said of it; what was not is left out."""
        found = {
            "planned_at": self.planned_at,
            "reason": self.reason,
            "criterion": self.criterion,
            "template": self.template,
        }
        return {name: value for name, value in found.items() if value} | (
            {} if self.downtime is None else {"downtime": self.downtime}
        )

    def told(self) -> dict[str, str]:
        """As a leaf keeps it."""
        return {
            name: to_text(value) if isinstance(value, datetime) else str(value) for name, value in self.said().items()
        }


SAID_NOTHING = Intent()


def open_release(
    house: House,
    component: str,
    claim: Claim,
    *,
    type_: str = "",
    version: str = "",
    at: str = "HEAD",
    tag: str = "",
    intent: Intent = SAID_NOTHING,
) -> Opened:
    """Open a release of a component: fix its version and content, build its package, write its notes.

    Args:
        tag: a tag of the component that is there already, as one that was pushed: its version and commit are released.
        intent: what is said of it from the beginning; :func:`amend` says it later.

    Raises:
        NotPermittedError: the policy does not let this person open releases.
        ConflictError: there is a release of that version already.
        NotFoundError, UsageError: as :func:`plan`.
    """
    with refusals(house, "release", claim.person, component=component[:64]):
        return _open(house, component, claim, type_, version, at, tag, intent)


def _open(
    house: House, component: str, claim: Claim, type_: str, version: str, at: str, tag: str, intent: Intent
) -> Opened:
    with house.database.read() as connection:
        book = policies.current(connection)
    demand_listed(book.policy, claim.person, "open", now=house.now())
    if tag:
        version, at = tagged_version(book.policy, component, tag), f"refs/tags/{tag}"
    history = history_of(house, book.policy, component, at, without=tag)

    def prove(release: str) -> Proven:
        proven = prove_act(house, book.policy, claim, Act.OPEN, component=component, release=release)
        demand_permit(book.policy, proven.actor, "open", now=house.now())
        return proven

    wanted = Wanted(component, history, version, lambda current, number: type_of(book.policy, type_, current, number))
    return _open_as(house, book, wanted, prove, intent)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A release that is to be opened: what is unreleased of a component, and how version and type are chosen.

    ``as_of`` is since when its content is fixed; None: since it is opened.
    """

    component: str
    history: History
    version: str
    type_of: Callable[[Version | None, Version], str]
    as_of: datetime | None = None


def open_by_policy(house: House, book: Rulebook, wanted: Wanted, actor: Actor) -> Opened:
    """Open a release that nobody asked for, because the policy says so, by the very rules of what people open.

    Raises:
        ConflictError, NotFoundError, UsageError: as :func:`open_release`.
    """
    return _open_as(house, book, wanted, lambda _: Proven(actor), SAID_NOTHING)


def _open_as(house: House, book: Rulebook, wanted: Wanted, prove: Callable[[str], Proven], intent: Intent) -> Opened:
    policy, component, history = book.policy, wanted.component, wanted.history
    repository = open_repository(house.root)
    kind = wanted.type_of(history.current, number_of(house, policy, component, history, wanted.version)[1])
    found = going_as(policy, kind, contained(house, repository, component, history.at))
    ending = [one.items[0].to_version for one in found]
    _, number = number_of(house, policy, component, history, wanted.version, ending)
    now = house.now()
    planned = planned_item(policy, component, history, number, wanted.as_of or now)
    refuse_excess(policy, planned, kind)
    release_id = _release_id(component, number)
    older = older_than(number, found, policy.components[component].versions)
    with house.database.read() as connection:
        content_since(connection, policy, older, planned.changes)
    proven = prove(release_id)
    sha256 = build(house, repository, policy, component, number, history.at)
    item = replace(planned, subject=subject_of(repository, policy, component, history.at, sha256))
    release = Release(release_id, kind, ReleaseState.OPEN, (item,), now, proven.actor.person, **intent.said())
    day = now.astimezone(book.tz).date()
    notes = release_notes(repository, scope_in(policy, component), history, number, day)
    texts = timeline.texts_in_files(house, policy, kind, release.items)
    return record_opened(house, Opened(release, {component: sha256}, notes), book, proven, older, texts)


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


def record_opened(
    house: House,
    opened: Opened,
    book: Rulebook,
    proven: Proven,
    older: Sequence[Release],
    texts: Mapping[str, bytes],
) -> Opened:
    """Record a release that was opened, under the very policy under which it was prepared.

    Raises:
        ConflictError: another policy was adopted meanwhile, or a component was released at its version already.
        NotPermittedError: who opens it may not any more.
    """
    release = opened.release
    changes = [change for item in release.items for change in item.changes]
    with house.database.write() as connection:
        locks.lock_organization(connection)
        current = policies.current(connection)
        if current.digest != book.digest:
            raise ConflictError("another policy was adopted meanwhile", remedy="open the release again, under that one")
        if not proven.actor.is_automation:
            demand_permit(current.policy, proven.actor, "open", now=house.now())
        since = content_since(connection, book.policy, older, changes)
        if since is not None:
            release = replace(release, items=tuple(replace(item, content_at=since) for item in release.items))
        _demand_new(connection, release)
        releases.insert(
            connection,
            release,
            policy=book.digest,
            opened_by=proven.actor,
            packages=opened.packages,
            notes=opened.notes,
        )
        now = house.now()
        superseded = supersede(connection, book.policy, older, release, proven.actor, now)
        # Planned before it is announced: an announcement tells the day, where one is known.
        timeline.begin(connection, release, book.policy, _moment(connection, release, book, now), texts, now)
        say(connection, book.policy, Occasion.OPENED, release, now)
        data = {
            "type": release.type,
            "policy": book.digest,
            **_made_of(opened, book.policy),
            **_intent_of(release).told(),
            **({"supersedes": superseded} if superseded else {}),
            **shown(spend(connection, proven, now), proven),
        }
        record(connection, Entry("release.opened", proven.actor, release.id, data), now)
        promote(connection, current.policy, release, now)
        house.database.after_commit(connection, house.wake)
    return replace(opened, release=release, superseded=tuple(superseded))


def _demand_new(connection: sa.Connection, release: Release) -> None:
    """No other release has a component at the same version: a version is released once."""
    for item in release.items:
        other = releases.of_version(connection, item.component, item.to_version)
        if other not in (None, release.id):
            raise ConflictError(
                f"{item.component} {item.to_version} is in the release {other} already",
                remedy=f"look at it (tidegate release show {other}); a version is released once, so name another one",
            )


def _made_of(opened: Opened, policy: Policy) -> dict[str, Any]:
    """What a release is made of, as its leaf keeps it; of several components, each by its name."""
    each = {
        item.component: {
            "version": item.to_version,
            "commit": item.subject.commit,
            "package": opened.packages[item.component],
            "artifact": policy.components[item.component].artifact.archive,
        }
        for item in opened.release.items
    }
    return next(iter(each.values())) if len(each) == 1 else {"components": each}


def _moment(connection: sa.Connection, release: Release, book: Rulebook, now: datetime) -> timeline.Moment:
    """For when a release that is opened is planned, or when time alone would let it go."""
    if release.planned_at is not None:
        return timeline.Moment(release.planned_at, notices.PLANNED)
    components = [item.component for item in release.items]
    facts = Facts(
        release,
        running=running(connection, release.items, book.policy),
        holds=holds_in_force(connection, now),
        done=rollouts.done(connection, components),
    )
    found = timeline.foreseen(Policies(book, book), facts, now)
    return timeline.Moment(found, notices.FORESEEN) if found else timeline.NOT_KNOWN


def _intent_of(release: Release) -> Intent:
    return Intent(release.planned_at, release.reason, release.criterion, release.downtime, release.template)


@dataclass(frozen=True, slots=True)
class FilledIn:
    """What a template fills in of a release: its components, in their order, and its type."""

    components: tuple[str, ...]
    type: str


def fill_in(house: House, template: str, components: Sequence[str], type_: str) -> FilledIn:
    """What is opened from a template of the active policy.

    Args:
        components: those that were named; a template that says its own needs none.
        type_: the type that was named, or empty.

    Raises:
        NotFoundError: the policy has no such template.
        UsageError: other components or another type are named than those of the template, or it takes components.
    """
    with house.database.read() as connection:
        known = policies.current(connection).policy.release_templates
    found = known.get(template)
    if found is None:
        raise NotFoundError(
            f'the policy has no release template "{template[:64]}"',
            remedy=f"name one of: {', '.join(known)}" if known else "declare one under release_templates",
        )
    if type_ not in ("", found.type):
        raise UsageError(
            f"the template {template} opens {found.type} releases, and none of type {type_[:64]}",
            remedy="leave --type out, or --template",
        )
    if not (components or found.components):
        raise UsageError(
            f"the template {template} says no components",
            remedy=f"name them: tidegate release open COMPONENT --template {template}",
        )
    if found.components and components and set(components) != set(found.components):
        raise UsageError(
            f"the template {template} is of {', '.join(found.components)}",
            remedy="name those, or none",
        )
    return FilledIn(tuple(components or found.components), found.type)


def amend(house: House, release: str, claim: Claim, intent: Intent) -> None:
    """Say of an open release for when it is planned, why there is one, or whether it has downtime.

    Raises:
        UsageError: nothing is said.
        NotPermittedError: the policy does not let this person open releases.
        ConflictError: the release is not open.
        NotFoundError: there is no such release.
    """
    if not intent.said():
        raise UsageError("nothing is said of the release", remedy="say --planned, --criterion, --reason or --downtime")
    told = intent.told()
    concerns = {"release": release, "reason": "; ".join(f"{name}: {value}" for name, value in told.items())}
    with refusals(house, "release", claim.person, release):
        with house.database.read() as connection:
            releases.load(connection, release)
            demand_listed(policies.current(connection).policy, claim.person, "open", now=house.now())
        proven = proven_by(house, claim, Act.AMEND, **concerns)
        with house.database.write() as connection:
            now = house.now()
            row, policy = lock_open(connection, release, "what was said of it stays")
            if intent.planned_at is not None or intent.downtime is not None:
                _demand_unlocked(connection, policy, row.facts)
            actor = stands(policy, proven, Act.AMEND, **concerns)
            demand_permit(policy, actor, "open", minimum=policy.assurance, now=now)
            releases.amend(connection, release, intent.said())
            if intent.planned_at is not None:
                planned = replace(row, facts=replace(row.facts, planned_at=intent.planned_at))
                timeline.set_planned(connection, planned, intent.planned_at, now)
            requests.touch(connection, release, now)
            data = {**told, **shown(spend(connection, proven, now), proven)}
            record(connection, Entry("release.amended", actor, release, data), now)
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


def subject_of(repository: Repository, policy: Policy, component: str, commit: str, sha256: str) -> Subject:
    known = policy.components[component]
    return Subject(
        source=source_digest(repository, commit, [known.path, *known.shared]),
        artifacts=artifacts_digest(known, sha256),
        migrations=files_digest(repository, commit, known.migrations) if known.migrations else NOTHING,
        configuration={name: files_digest(repository, commit, path) for name, path in known.config.items()},
        targets=target_digests(policy, component),
        commit=commit,
    )


def artifacts_digest(component: Component, sha256: str, built: Mapping[str, str] | None = None) -> str:
    """The digest of a component's artifacts: their names and what they are.

    Args:
        sha256: of the package.
        built: the digests of what else was built, by kind and name: ``image:registry.example/shop``.
    """
    return digest_of({component.artifact.archive: sha256, **(built or {})})


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
            demand_listed(policies.current(connection).policy, claim.person, "open", now=house.now())
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
    row, policy = lock_open(connection, release, "what it is made of cannot change any more")
    actor = stands(policy, proven, Act.ATTACH, **concerns)
    demand_permit(policy, actor, "open", minimum=policy.assurance, now=now)
    _demand_unlocked(connection, policy, row.facts)
    item = row.facts.items[0]
    others = {
        built.key: built.digest for built in artifacts.of(connection, release) if built.component == item.component
    }
    known = component_of(policy, item.component)
    subject = replace(item.subject, artifacts=artifacts_digest(known, sha256, others))
    releases.change_item(connection, release, item.component, subject=subject, package=sha256, content_at=now)
    requests.touch(connection, release, now)
    data = {
        "component": item.component,
        "package": sha256,
        "replaces": row.packages[item.component],
        **shown(spend(connection, proven, now), proven),
    }
    record(connection, Entry("artifact.attached", actor, release, data), now)


def lock_open(connection: sa.Connection, release: str, otherwise: str) -> tuple[ReleaseRow, Policy]:
    """Lock a release that is to be changed, which only an open one can be; with it the active policy."""
    locks.lock_organization(connection)
    locks.lock_release(connection, release)
    row = releases.load(connection, release)
    if row.facts.state is not ReleaseState.OPEN:
        raise ConflictError(f"release {release} is {row.facts.state.said}: {otherwise}", remedy="open another release")
    return row, policies.current(connection).policy


def _demand_unlocked(connection: sa.Connection, policy: Policy, release: Release) -> None:
    """The release is not locked aboard a train, or is made of what its freeze lets in.

    Raises:
        ConflictError: it is locked.
    """
    changes = [change for item in release.items for change in item.changes]
    demand_let_in(locks_on(connection, policy, release.id), release.id, changes)


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
            newer = policies.current(connection).policy
        texts = timeline.texts_in_files(house, newer, row.facts.type, row.facts.items)
        demand_listed(pinned, actor_claim.person, "adopt", now=house.now())
        proven = prove_act(house, pinned, actor_claim, Act.REBASE, release=release, policy=current)
        demand_permit(pinned, proven.actor, "adopt", now=house.now())
        with house.database.write() as connection:
            now = house.now()
            held, policy = lock_open(connection, release, "it stays under the policy that it went by")
            if (held.policy, policies.current(connection).digest) != (row.policy, current):
                raise ConflictError("another policy was adopted meanwhile", remedy="look at it, then rebase again")
            # Who has left may still be listed in the pinned policy; nobody acts whom the current one does not know.
            known(policy, Claim(proven.actor.person))
            releases.pin(connection, release, current)
            timeline.begin_again(connection, held.facts, newer, texts, now)
            data = {"from": row.policy, "to": current, **shown(spend(connection, proven, now), proven)}
            requests.touch(connection, release, now)
            record(connection, Entry("release.rebased", proven.actor, release, data), now)
            house.database.after_commit(connection, house.wake)
    return current


def cancel(house: House, release: str, claim: Claim, reason: str) -> ReleaseState:
    """Give a release up, and every start of it that waits; what it is then.

    One that stands in production, in some of its regions, goes to no further one, and is released.

    Raises:
        NotPermittedError: the policy does not let this person open releases, and so not give them up.
        TransitionError: a rollout of it is under way, or it is over.
    """
    with refusals(house, "release", claim.person, release):
        with house.database.read() as connection:
            releases.load(connection, release)
            demand_listed(policies.current(connection).policy, claim.person, "open", now=house.now())
        proven = proven_by(house, claim, Act.CANCEL, release=release, reason=reason)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            now = house.now()
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.CANCEL, release=release)
            demand_permit(policy, actor, "open", minimum=policy.assurance, now=house.now())
            row = releases.load(connection, release)
            stands_there = stands_in(connection, policy, row.facts) if row.facts.state is ReleaseState.OPEN else []
            event = ReleaseEvent.COMPLETED if stands_there else ReleaseEvent.CANCELLED
            state = releases.move(connection, release, event, now)
            requests.end_all(connection, release, now, "the release was cancelled")
            if stands_there:
                afterwards.open_for(connection, row, stands_there[-1], now)
            timeline.settle(connection, releases.load(connection, release).facts, now)
            proof = shown(spend(connection, proven, now), proven)
            data = {"reason": reason, **({"stands": stands_there} if stands_there else {}), **proof}
            record(connection, Entry("release.cancelled", actor, release, data), now)
    return state
