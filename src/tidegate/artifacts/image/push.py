"""Push an image: the tags that are set once first, then those that move, each read back.

What is there already is not sent again, so a push that was killed is repeated whole. The tag of a version is refused
where it leads to another digest. A tag that moves only goes forward: it belongs to the newest final version that the
registry has, by its own list. No registry knows "set this tag unless it is there": between looking and setting,
somebody else may push. That is seen by looking again, and said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.artifacts.image.kind import manifest_of
from tidegate.artifacts.image.manifest import MEDIA_TYPE, Manifest
from tidegate.artifacts.image.remote import Remote, other_content
from tidegate.artifacts.store import ArtifactStore
from tidegate.core.image import Tags, newest_for, tags_of, versions_among
from tidegate.core.version import Version
from tidegate.errors import ConflictError


@dataclass(frozen=True, slots=True)
class TagPushed:
    """One tag: ``set``, ``kept`` (it led there already) or ``left`` (it belongs to ``newer``).

    ``before`` is the digest that it led to when we looked; empty where there was none.
    """

    tag: str
    outcome: str
    before: str = ""
    newer: str = ""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push has done: the reference to deploy by, how many blobs were sent, and each tag."""

    reference: str
    blobs_sent: int
    tags: tuple[TagPushed, ...]


@dataclass(frozen=True, slots=True)
class PushOrder:
    """Which image, as which version, under which of the policy's tags."""

    digest: str
    version: Version
    templates: tuple[str, ...]
    say: Callable[[str], None]


def look(remote: Remote, order: PushOrder) -> tuple[TagPushed, ...]:
    """What :func:`push` would do to each tag, by what the registry has now. Nothing is written.

    Raises:
        ConflictError: the tag of the version leads to another digest.
    """
    tags = tags_of(order.templates, order.version)
    return (*_look_at_fixed(remote, tags, order), *(_look_at_moving(remote, t, tag, order) for t, tag in tags.moving))


def push(remote: Remote, order: PushOrder, store: ArtifactStore) -> Pushed:
    """Push it, and read every tag back.

    Raises:
        ConflictError: the tag of the version leads to another digest, or did so after we set it.
        ArtifactError, NotPermittedError, TimedOutError: the registry does not answer usefully, or not in time.
        NotFoundError, DamagedRecordError: the image is not whole in the store.
    """
    manifest = manifest_of(order.digest, store)
    tags = tags_of(order.templates, order.version)
    done = list(_look_at_fixed(remote, tags, order))
    sent = _send_blobs(remote, manifest, store, order) if any(tag.outcome == "set" for tag in done) else 0
    for tag in done:
        if tag.outcome == "set":
            _set(remote, tag.tag, manifest, order)
    for template, name in tags.moving:
        tag = _look_at_moving(remote, template, name, order)
        if tag.outcome == "set":
            _set(remote, name, manifest, order)
            tag = _look_again(remote, template, tag, order)
        done.append(tag)
    return Pushed(remote.name.pinned(order.digest), sent, tuple(done))


def _look_at_fixed(remote: Remote, tags: Tags, order: PushOrder) -> tuple[TagPushed, ...]:
    found = []
    for tag in tags.fixed:
        there = remote.digest_at(tag)
        if there is not None and there != order.digest:
            raise other_content(remote.name, tag, there, order.digest)
        found.append(TagPushed(tag, "set" if there is None else "kept", there or ""))
    return tuple(found)


def _look_at_moving(remote: Remote, template: str, tag: str, order: PushOrder) -> TagPushed:
    newest = newest_for(template, order.version, versions_among(order.templates, remote.tags()))
    there = remote.digest_at(tag) or ""
    if newest != order.version:
        return TagPushed(tag, "left", there, str(newest))
    return TagPushed(tag, "kept" if there == order.digest else "set", there)


def _send_blobs(remote: Remote, manifest: Manifest, store: ArtifactStore, order: PushOrder) -> int:
    sent = 0
    for blob in manifest.blobs:
        new = remote.upload(blob.digest, blob.size, lambda digest=blob.digest: store.read(digest))  # type: ignore[misc]
        sent += new
        order.say(f"{blob.digest[:19]} {blob.size} bytes {'sent' if new else 'is there already'}")
    return sent


def _set(remote: Remote, tag: str, manifest: Manifest, order: PushOrder) -> None:
    remote.put(tag, manifest.to_bytes(), MEDIA_TYPE)
    there = remote.digest_at(tag)
    if there != order.digest:
        raise ConflictError(
            f"{remote.name}:{tag} is {there or 'nothing'} after it was set to {order.digest}: "
            "somebody else set it, too",
            where=remote.name.host,
            remedy="see who else pushes there, then push again",
        )
    order.say(f"{remote.name}:{tag} is {order.digest}, read back")


def _look_again(remote: Remote, template: str, tag: TagPushed, order: PushOrder) -> TagPushed:
    """After a tag was moved: a newer version that came meanwhile gets it back."""
    known = versions_among(order.templates, remote.tags())
    newest = newest_for(template, order.version, known)
    if newest == order.version:
        return tag
    owner = remote.manifest(known[newest])
    if owner is not None:
        remote.put(tag.tag, owner.data, owner.media_type)
        order.say(f"{remote.name}:{tag.tag} goes to {newest}, which came meanwhile")
    return TagPushed(tag.tag, "left", tag.before, str(newest))
