"""Tag a version, and find tags that were moved.

The record comes first: in one transaction the row of the tag, with the bytes of the tag object, and the leaf. Then the
tag is set. A process that dies in between has left a record without a tag, which ``tag verify`` tells and the same
command mends: the very object that was recorded is set, from its kept bytes. A tag is thus never there without its
record, and no two tries make two tags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from tidegate.core.facts import Release
from tidegate.core.release import ReleaseState
from tidegate.core.statement import Act
from tidegate.core.tag import SeenTag, TagFinding, TagRecord, hold_against, hold_against_here
from tidegate.core.version import Version
from tidegate.errors import ConflictError
from tidegate.git.pushing import Remote, remote_tags
from tidegate.git.refs import TAGS, read_ref
from tidegate.git.repository import Repository
from tidegate.git.tagging import NAMESPACE, seen_tags, tag_object
from tidegate.git.writing import Workshop, open_workshop
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, demand_permit, known, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.scene import Scene, open_scene, prove_work, push_and_read_back, same_precedence
from tidegate.signing import ssh
from tidegate.store import contents, locks, policies, releases, tags


@dataclass(frozen=True, slots=True)
class TagSet:
    """A tag that was set. ``found`` says what was there before: nothing, the tag, or its record alone."""

    component: str
    version: str
    tag: str
    object: str
    commit: str
    release: str
    annotated: bool
    signed: bool
    found: str = ""
    pushed_to: str = ""


def set_tag(house: House, component: str, version: str, claim: Claim, *, at: str = "", push_to: str = "") -> TagSet:
    """Tag a version of a component, and record what was tagged with its release.

    Args:
        at: the revision; without it the commit of the release of that version, or else ``HEAD``.
        push_to: the remote to which the tag is pushed, and from which it is read back; without it nothing is pushed.

    Raises:
        ConflictError: the version is there already, under another commit: as a tag, here or at the remote, as what was
            recorded, or as a release.
        NotPermittedError: the policy does not let this person.
        NotFoundError, RepositoryError, UsageError: the component, the revision, the version, the remote.
    """
    with refusals(house, "tag", claim.person, component=component[:64], version=version[:128]):
        scene = open_scene(house)
        scene.component(component)
        known(scene.policy, claim)
        wish = _wish(scene, component, scene.version(component, version), at)
        remote = scene.remote(push_to)
        with open_workshop(scene.repository) as workshop:
            if remote is not None:
                _demand_free_at(wish, remote, remote_tags(workshop, remote).get(wish.name))
            done = _set(scene, workshop, claim, wish)
            if remote is None:
                return done
            push_and_read_back(scene, workshop, remote, TAGS + done.tag, done.object)
            return replace(done, pushed_to=remote.name)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be tagged, and what is known of it."""

    component: str
    version: Version
    name: str
    commit: str
    release: Release | None
    record: TagRecord | None
    seen: SeenTag | None


def _wish(scene: Scene, component: str, version: Version, at: str) -> _Wish:
    with scene.house.database.read() as connection:
        record = tags.find(connection, component, str(version))
        release = _release(connection, component, str(version))
    commit = _commit(scene.repository, at, record, release)
    name = scene.tag_format(component).tag_for(version)
    ref = read_ref(scene.repository, TAGS + name)
    seen = SeenTag(ref.object, ref.commit) if ref is not None else None
    wish = _Wish(component, version, name, commit, release, record, seen)
    _demand_one_content(wish)
    for other, where in scene.tagged(component).items():
        if other != version and same_precedence(other, version):
            raise _exists(wish, f"{other} is the same version, and is tagged at {where[:12]}")
    return wish


def _release(connection: sa.Connection, component: str, version: str) -> Release | None:
    found = releases.of_version(connection, component, version)
    return releases.load(connection, found).facts if found else None


def _commit(repository: Repository, at: str, record: TagRecord | None, release: Release | None) -> str:
    if at:
        return repository.resolve(at)
    if record is not None:
        return record.commit
    return repository.resolve(release.items[0].subject.commit) if release is not None else repository.head()


def _demand_one_content(wish: _Wish) -> None:
    """The version is nowhere under another commit."""
    here = f"you ask for {wish.commit[:12]}"
    if wish.record is not None and wish.record.commit != wish.commit:
        raise _exists(wish, f"it was tagged at {wish.record.commit[:12]}, and {here}")
    if wish.seen is not None and wish.seen.commit != wish.commit:
        raise _exists(wish, f"the tag {wish.name} is at {wish.seen.commit[:12]}, and {here}")
    if wish.record is not None and wish.seen is not None and wish.seen.object != wish.record.object:
        raise _exists(wish, f"the tag {wish.name} is another one than was set: it was rewritten")
    if wish.release is not None:
        _demand_of_release(wish, wish.release)


def _demand_of_release(wish: _Wish, release: Release) -> None:
    commit = next(item.subject.commit for item in release.items if item.component == wish.component)
    if release.state is ReleaseState.CANCELLED:
        raise _exists(wish, f"the release {release.id} was given up, and its version with it")
    if release.state is ReleaseState.SUPERSEDED:
        raise _exists(wish, f"the release {release.id} was superseded, and its version with it")
    if commit != wish.commit:
        raise _exists(wish, f"the release {release.id} is of {commit[:12]}, and you ask for {wish.commit[:12]}")


def _exists(wish: _Wish, because: str) -> ConflictError:
    return ConflictError(
        f"{wish.component} {wish.version} is there already: {because}",
        remedy=f"one version is one content for ever: name another version, or look: tidegate tag verify "
        f"{wish.component}",
    )


def _demand_free_at(wish: _Wish, remote: Remote, there: SeenTag | None) -> None:
    if there is not None and there.commit != wish.commit:
        raise _exists(wish, f"{remote.name} has the tag {wish.name} at {there.commit[:12]}")
    if there is not None and wish.seen is None and wish.record is None:
        raise ConflictError(
            f"{remote.name} has the tag {wish.name} already, at this very commit, and it is not here",
            remedy=f"fetch it, then record it: git fetch {remote.name} tag {wish.name}",
        )


def _set(scene: Scene, workshop: Workshop, claim: Claim, wish: _Wish) -> TagSet:
    if wish.record is not None:
        return _as_recorded(scene, workshop, claim, wish, wish.record)
    said = f"{wish.name} at {wish.commit}"
    proven = prove_work(scene, claim, Act.TAG, "open", component=wish.component, reason=said)
    now = scene.house.now()
    content = _content(scene, claim, wish, now)
    name = wish.seen.object if wish.seen is not None else workshop.write("tag", content)
    # The object is in the repository before anything says that it is; unnamed, nobody sees it.
    workshop.keep()
    made = _record(scene, proven, wish, said, name, content)
    if wish.seen is None:
        scene.writer(claim.person).create_tag(wish.name, name, f"tidegate: tag {said}")
    return _told(made, content, "the tag, set by other means" if wish.seen is not None else "")


def _content(scene: Scene, claim: Claim, wish: _Wish, now: datetime) -> bytes:
    """The bytes of the tag object: of the tag that is there, or of a new one; nothing where it names the commit."""
    if wish.seen is not None:
        plain_tag = wish.seen.object == wish.seen.commit
        return b"" if plain_tag else scene.repository.git("cat-file", "tag", wish.seen.object)
    message = f"{wish.component} {wish.version}"
    if wish.release is not None:
        message += f"\n\nTidegate-Release: {wish.release.id}"
    sign: Callable[[bytes], str] | None = partial(_signed, claim) if claim.key is not None else None
    return tag_object(wish.name, wish.commit, scene.identity(claim.person), now, message, sign)


def _signed(claim: Claim, payload: bytes) -> str:
    assert claim.key is not None  # noqa: S101  only asked for where there is a key
    return ssh.sign(payload, claim.key, NAMESPACE)


def _record(scene: Scene, proven: Proven, wish: _Wish, said: str, name: str, content: bytes) -> TagRecord:
    house = scene.house
    with house.database.write() as connection:
        locks.lock_organization(connection)
        policy = policies.current(connection).policy
        actor = stands(policy, proven, Act.TAG, component=wish.component, reason=said)
        demand_permit(policy, actor, "open", now=house.now())
        found = _release(connection, wish.component, str(wish.version))
        if found is not None:
            locks.lock_release(connection, found.id)
            _demand_of_release(wish, found)
        now = house.now()
        made = TagRecord(
            component=wish.component,
            version=str(wish.version),
            name=wish.name,
            object=name,
            commit=wish.commit,
            release=found.id if found is not None else "",
            at=now,
            by=actor.person,
            content=contents.keep(connection, content) if content else "",
        )
        tags.insert(connection, made, actor)
        data = {
            "component": made.component,
            "version": made.version,
            "tag": made.name,
            "object": made.object,
            "commit": made.commit,
            "content": made.content,
            **shown(spend(connection, proven, now), proven),
        }
        record(connection, Entry("version.tagged", actor, made.release, data), now)
    return made


def _as_recorded(scene: Scene, workshop: Workshop, claim: Claim, wish: _Wish, known_as: TagRecord) -> TagSet:
    """Set a tag again as it was recorded, where it is gone; else it is there already."""
    with scene.house.database.read() as connection:
        content = contents.fetch(connection, known_as.content) if known_as.content else b""
    if wish.seen is not None:
        return _told(known_as, content, "the tag, as it was recorded")
    prove_work(scene, claim, Act.TAG, "open", component=wish.component, reason=f"{wish.name} at {wish.commit}")
    if content and workshop.write("tag", content) != known_as.object:
        raise ConflictError(
            f"the tag {wish.name} was recorded as {known_as.object[:12]}, and what was kept of it is another object",
            remedy="tidegate audit verify",
        )
    workshop.keep()
    scene.writer(claim.person).create_tag(wish.name, known_as.object, "tidegate: set again as it was recorded")
    return _told(known_as, content, "its record; it is set again, as it was")


def _told(made: TagRecord, content: bytes, found: str) -> TagSet:
    return TagSet(
        component=made.component,
        version=made.version,
        tag=made.name,
        object=made.object,
        commit=made.commit,
        release=made.release,
        annotated=bool(content),
        signed=b"-----BEGIN SSH SIGNATURE-----" in content or b"-----BEGIN PGP SIGNATURE-----" in content,
        found=found,
    )


def verify(house: House, component: str = "", remote: str = "") -> tuple[TagFinding, ...]:
    """Hold the tags against what was recorded, and against a remote's where one is named.

    Raises:
        NotFoundError: there is no such component or remote.
        RepositoryError: the remote does not answer.
    """
    scene = open_scene(house)
    if component:
        scene.component(component)
    with house.database.read() as connection:
        recorded = tags.of_component(connection, component)
    here = seen_tags(scene.repository)
    found = [hold_against(one, here.get(one.name), "here") for one in recorded]
    place = scene.remote(remote)
    if place is None:
        return tuple(found)
    with open_workshop(scene.repository) as workshop:
        there = remote_tags(workshop, place)
    found += [hold_against(one, there.get(one.name), place.name) for one in recorded]
    return (*found, *_unrecorded(scene, component, recorded, here, there, place.name))


def _unrecorded(
    scene: Scene,
    component: str,
    recorded: tuple[TagRecord, ...],
    here: dict[str, SeenTag],
    there: dict[str, SeenTag],
    where: str,
) -> tuple[TagFinding, ...]:
    """The tags of the components that nobody recorded, here against a remote: Git alone can tell that they differ."""
    done = {one.name for one in recorded}
    found = []
    for name in [component] if component else scene.policy.components:
        form = scene.tag_format(name)
        for tag, seen in here.items():
            version = form.match(tag)
            if version is not None and tag not in done:
                found.append(hold_against_here(name, str(version), tag, seen, there.get(tag), where))
    return tuple(found)
