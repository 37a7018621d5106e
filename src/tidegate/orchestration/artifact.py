"""Build what the policy declares of a release's component, push its images, look whether all of it is whole.

To build is to change what is released: the digests join the subject, so that every approval given before is void, and
what is approved afterwards is these bytes. To push is an effect outside: it is written down before it begins and after
it was read back, and what is killed in between is pushed again, which sends nothing twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.artifacts.checksums import FILE, write
from tidegate.artifacts.contract import Built, Order
from tidegate.artifacts.image.login import login_of
from tidegate.artifacts.image.push import PushOrder, TagPushed, look
from tidegate.artifacts.image.push import push as push_image
from tidegate.artifacts.image.remote import Remote
from tidegate.artifacts.registry import kind_named
from tidegate.core.actor import Actor
from tidegate.core.canonical import digest_of
from tidegate.core.facts import Item
from tidegate.core.image import DOCKER_HUB, ImageName, parse_image_name, tags_of
from tidegate.core.policy import Artifact, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.statement import Act
from tidegate.core.version import parse_version
from tidegate.errors import ConflictError, NotFoundError, StoreError, TidegateError, UsageError
from tidegate.git.repository import open_repository
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    By,
    Proven,
    demand_listed,
    demand_permit,
    person_of,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.next_release import component_of
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.release import artifacts_digest, lock_open
from tidegate.store import artifacts, locks, policies, releases, requests
from tidegate.store.artifacts import ArtifactRow
from tidegate.store.releases import ReleaseRow

IMAGE = "image"
_LATEST_S = 4_102_444_800  # the year 2100
_OVER = frozenset({ReleaseState.CANCELLED, ReleaseState.ROLLED_BACK, ReleaseState.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class Declared:
    """An artifact that the release's policy declares, and what was built of it, if anything was."""

    component: str
    version: str
    artifact: Artifact
    row: ArtifactRow | None

    @property
    def label(self) -> str:
        """``image registry.example/shop``."""
        return f"{self.artifact.kind} {self.artifact.name}"


@dataclass(frozen=True, slots=True)
class Known:
    """A release with everything that is declared of it."""

    row: ReleaseRow
    policy: Policy
    declared: tuple[Declared, ...]

    @property
    def id(self) -> str:
        """The release's id."""
        return self.row.facts.id


def known(house: House, name: str) -> Known:
    """The release of that id, or the only open one of a component of that name, with what is declared of it.

    Raises:
        NotFoundError: there is none.
        UsageError: the component has several.
    """
    with house.database.read() as connection:
        return _known(connection, _release_named(connection, name))


def _release_named(connection: sa.Connection, name: str) -> str:
    if name not in policies.current(connection).policy.components:
        return name
    found = releases.open_of(connection, name)
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(f"no release of {name} is open", remedy=f"tidegate release open {name}")
    raise UsageError(f"{len(found)} releases of {name} are open", remedy=f"name one of: {', '.join(found[:10])}")


def _known(connection: sa.Connection, release: str) -> Known:
    row = releases.load(connection, release)
    policy = policies.rulebook(connection, row.policy).policy
    built = {(one.component, one.kind, one.name): one for one in artifacts.of(connection, release)}
    declared = tuple(
        Declared(item.component, item.to_version, artifact, built.get((item.component, artifact.kind, artifact.name)))
        for item in row.facts.items
        for artifact in component_of(policy, item.component).artifacts
    )
    return Known(row, policy, declared)


# Building.


@dataclass(frozen=True, slots=True)
class Building:
    """What building has come to: the release, what is new, and what was there before."""

    release: str
    built: tuple[ArtifactRow, ...]
    kept: tuple[ArtifactRow, ...]


def build(house: House, name: str, by: By, *, again: bool = False) -> Building:
    """Build what the policy that the release is pinned to declares, from its commit, and record it by digest.

    What was built before and is whole is not built again, unless ``again`` says so. Whoever may open releases may do
    this, if they are as surely who they say as the policy asks of those who adopt it.

    Raises:
        ConflictError: the release is not open, or has changed meanwhile.
        NotFoundError: there is no such release, it declares no artifacts, or there is nothing to build from.
        NotPermittedError: this person may not open releases.
        ArtifactError, TargetError, UsageError: an artifact cannot be built.
    """
    found = known(house, name)
    with refusals(house, "artifact", person_of(by), found.id):
        _demand_may(house, by)
        _demand_open(found)
        _demand_declared(found)
        kept = () if again else tuple(row for one in found.declared if (row := _whole(house, one)) is not None)
        missing = [one for one in found.declared if one.row not in kept]
        if not missing:
            return Building(found.id, (), kept)
        built = tuple(_build(house, found, one, person_of(by)) for one in missing)
        subject = digest_of({row.key: row.digest for row in (*built, *kept)})
        concerns = {"release": found.id, "subject": subject}
        proven = proven_by(house, by, Act.BUILD, **concerns)
        with house.database.write() as connection:
            _record_built(connection, house, found, built, proven, concerns)
            house.database.after_commit(connection, house.wake)
    return Building(found.id, built, kept)


def _demand_may(house: House, by: By) -> None:
    with house.database.read() as connection:
        demand_listed(policies.current(connection).policy, person_of(by), "open", now=house.now())


def _demand_open(found: Known) -> None:
    if found.row.facts.state is not ReleaseState.OPEN:
        raise ConflictError(
            f"release {found.id} is {found.row.facts.state.said}: what it is made of cannot change any more",
            remedy="open another release",
        )


def _demand_declared(found: Known) -> None:
    if not found.declared:
        component = found.row.facts.items[0].component
        raise NotFoundError(
            f"the policy of {found.id} declares no artifacts of {component}",
            remedy=f"declare them under components.{component}.artifacts, adopt, and move the release to that policy: "
            f"tidegate release rebase {found.id}",
        )


def _whole(house: House, one: Declared) -> ArtifactRow | None:
    """What was built before, if it is still there and is what its digest says."""
    if one.row is None:
        return None
    with suppress(NotFoundError, StoreError):
        kind_named(one.row.kind).check(one.row.digest, house.artifacts)
        return one.row
    return None


def _build(house: House, found: Known, one: Declared, person: str) -> ArtifactRow:
    item = _item(found, one.component)
    repository = open_repository(house.root)
    commit = repository.commit(item.subject.commit)
    house.say(f"building {one.label}")
    built: Built = kind_named(one.artifact.kind).build(
        Order(
            artifact=one.artifact,
            version=one.version,
            repository=repository,
            commit=commit.sha,
            committed_at=_moment(commit.committed_s),
            folder=one.artifact.context or found.policy.components[one.component].path,
            say=house.say,
        ),
        house.artifacts,
    )
    return ArtifactRow(
        one.component, one.artifact.kind, one.artifact.name, built.digest, built.size, built.file, house.now(), person
    )


def _moment(seconds: int) -> datetime:
    """When a commit was made, as it claims; a clock that was far off gives the nearest moment of this age."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LATEST_S), UTC)


def _item(found: Known, component: str) -> Item:
    return next(item for item in found.row.facts.items if item.component == component)


def _record_built(
    connection: sa.Connection,
    house: House,
    found: Known,
    built: Sequence[ArtifactRow],
    proven: Proven,
    concerns: Mapping[str, str],
) -> None:
    row, policy = lock_open(connection, found.id, "what it is made of cannot change any more")
    if row.policy != found.row.policy or row.facts.items != found.row.facts.items:
        raise ConflictError("the release has changed while it was built", remedy=f"tidegate artifact build {found.id}")
    actor = stands(policy, proven, Act.BUILD, **concerns)
    demand_permit(policy, actor, "open", minimum=policy.assurance, now=house.now())
    now = house.now()
    artifacts.replace(connection, found.id, built)
    for component in sorted({one.component for one in built}):
        _bind(connection, found, row, component)
    requests.touch(connection, found.id, now)
    data = {
        "built": {one.key: one.digest for one in built},
        "commits": {item.component: item.subject.commit for item in row.facts.items},
        **shown(spend(connection, proven, now), proven),
    }
    record(connection, Entry("artifact.built", actor, found.id, data), now)


def _bind(connection: sa.Connection, found: Known, row: ReleaseRow, component: str) -> None:
    """The digests of all that was built of a component become part of its subject.

    Its content is what it was: it is built from the same commit, and what rides a train is built after its freeze.
    """
    item = next(item for item in row.facts.items if item.component == component)
    package = row.packages[component]
    others = {one.key: one.digest for one in artifacts.of(connection, found.id) if one.component == component}
    digest = artifacts_digest(component_of(found.policy, component), package, others)
    if digest != item.subject.artifacts:
        subject = replace(item.subject, artifacts=digest)
        releases.change_item(connection, found.id, component, subject=subject, package=package)


def export(house: House, rows: Iterable[ArtifactRow], folder: Path) -> tuple[str, ...]:
    """Write what was built as files into a folder, with ``SHA256SUMS`` beside them; the names of the files.

    Images are left out: they are in the store as blobs, and in their registry.

    Raises:
        StoreError: the folder cannot be written.
        NotFoundError, DamagedRecordError: an artifact is not whole in the store.
    """
    files = {row.file: row.digest for row in rows if row.file}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in files.items():
            house.artifacts.size(digest)
            shutil.copyfile(house.artifacts.path(digest), folder / name)
        if files:
            (folder / FILE).write_text(write(files))
    except OSError as error:
        raise StoreError(
            f"the artifacts cannot be written: {error.strerror or error}",
            where=str(folder),
            remedy="name a directory that can be written",
        ) from error
    return tuple(sorted(files))


# Pushing.


@dataclass(frozen=True, slots=True)
class ImagePushed:
    """What pushing an image has come to, or would: the reference to deploy by, and each tag."""

    component: str
    name: str
    digest: str
    reference: str
    blobs_sent: int
    tags: tuple[TagPushed, ...]

    @property
    def changed(self) -> bool:
        """Whether a tag was set, or would be."""
        return any(tag.outcome == "set" for tag in self.tags)


def push(house: House, name: str, by: By, *, only_looks: bool = False) -> tuple[ImagePushed, ...]:
    """Push the images of a release under their tags, each read back, and record it.

    Args:
        only_looks: say what would be done to each tag, and do nothing.

    Raises:
        ConflictError: an image is not built, the release is given up or taken back, or the tag of the version leads to
            another digest.
        NotFoundError: there is no such release, or it declares no image.
        NotPermittedError: this person may not open releases, or the registry does not let us in.
        ArtifactError, TimedOutError: the registry does not answer usefully, or not in time.
    """
    found = known(house, name)
    with refusals(house, "artifact", person_of(by), found.id):
        _demand_may(house, by)
        images = _images(found)
        if only_looks:
            return tuple(_look(house, found, one, row) for one, row in images)
        subject = digest_of({row.key: row.digest for _, row in images})
        concerns = {"release": found.id, "subject": subject}
        proven = proven_by(house, by, Act.PUSH, **concerns)
        actor = _record_intent(house, found, images, proven, concerns)
        return tuple(_push(house, found, one, row, actor) for one, row in images)


def _images(found: Known) -> tuple[tuple[Declared, ArtifactRow], ...]:
    if found.row.facts.state in _OVER:
        raise ConflictError(
            f"release {found.id} is {found.row.facts.state.value.replace('_', ' ')}: nothing of it is pushed any more",
            remedy="open another release",
        )
    images = [one for one in found.declared if one.artifact.kind == IMAGE]
    if not images:
        raise NotFoundError(
            f"the policy of {found.id} declares no image",
            remedy="declare one under components.COMPONENT.artifacts; archives are written by: "
            f"tidegate artifact build {found.id} --output DIR",
        )
    for one in images:
        if one.row is None:
            raise ConflictError(f"the {one.label} is not built", remedy=f"tidegate artifact build {found.id}")
    return tuple((one, one.row) for one in images if one.row is not None)


def _record_intent(
    house: House,
    found: Known,
    images: Sequence[tuple[Declared, ArtifactRow]],
    proven: Proven,
    concerns: Mapping[str, str],
) -> Actor:
    """Before anything is sent: who wants what pushed. If this cannot be written, nothing happens."""
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, found.id)
        policy = policies.current(connection).policy
        actor = stands(policy, proven, Act.PUSH, **concerns)
        demand_permit(policy, actor, "open", minimum=policy.assurance, now=house.now())
        if _images(_known(connection, found.id)) != tuple(images):
            raise ConflictError("the release has changed meanwhile", remedy=f"tidegate artifact push {found.id}")
        now = house.now()
        wanted = {row.name: row.digest for _, row in images}
        data = {"images": wanted, **shown(spend(connection, proven, now), proven)}
        record(connection, Entry("artifact.push_started", actor, found.id, data), now)
    return actor


def _push(house: House, found: Known, one: Declared, row: ArtifactRow, actor: Actor) -> ImagePushed:
    told: dict[str, Any] = {"image": row.name, "digest": row.digest}
    try:
        done = push_image(remote_of(house, found.policy, row.name), _order(house, one, row), house.artifacts)
    except TidegateError as error:
        with suppress(StoreError), house.database.write() as connection:
            data = {**told, "error": error.kind, "what": error.what}
            record(connection, Entry("artifact.push_failed", actor, found.id, data), house.now())
        raise
    tags = [asdict(tag) for tag in done.tags]
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, found.id)
        now = house.now()
        if not artifacts.pushed(connection, found.id, row, tags, now):
            raise ConflictError(
                f"the {one.label} was built anew while it was pushed", remedy=f"tidegate artifact push {found.id}"
            )
        requests.touch(connection, found.id, now)
        data = {**told, "reference": done.reference, "tags": tags}
        record(connection, Entry("artifact.pushed", actor, found.id, data), now)
        house.database.after_commit(connection, house.wake)
    return ImagePushed(one.component, row.name, row.digest, done.reference, done.blobs_sent, done.tags)


def _look(house: House, found: Known, one: Declared, row: ArtifactRow) -> ImagePushed:
    remote = remote_of(house, found.policy, row.name)
    tags = look(remote, _order(house, one, row))
    return ImagePushed(one.component, row.name, row.digest, remote.name.pinned(row.digest), 0, tags)


def _order(house: House, one: Declared, row: ArtifactRow) -> PushOrder:
    return PushOrder(row.digest, parse_version(one.version), one.artifact.tags, house.say)


def remote_of(house: House, policy: Policy, image: str) -> Remote:
    """The registry of an image, as the policy says that it is spoken to.

    A registry on this machine that the policy does not name is spoken to without encryption.

    Raises:
        UsageError: the name has no registry in it.
    """
    name = parse_image_name(image)
    if name.host == DOCKER_HUB and name.repository.startswith("library/"):
        raise UsageError(
            f'the image "{image}" names no registry to push to',
            remedy=f"name it with its registry, such as registry.example/{image}, and adopt",
        )
    settings = policy.registries.get("docker.io" if name.host == DOCKER_HUB else name.host)
    return Remote(
        name,
        login_of(settings, _called(name), house.root),
        plain_http=settings.plain_http if settings else name.is_loopback,
        ca=str(house.root / Path(settings.ca).expanduser()) if settings and settings.ca else "",
    )


def _called(name: ImageName) -> str:
    return "docker.io" if name.host == DOCKER_HUB else name.host


def pinned_images(connection: sa.Connection, release: str) -> dict[str, str]:
    """The images of a release that are pushed, by name, each with the reference that names exactly its bytes.

    This is what drivers are given: a tag may lead elsewhere tomorrow, ``name@sha256:...`` may not.
    """
    return {
        row.name: parse_image_name(row.name).pinned(row.digest)
        for row in artifacts.of(connection, release)
        if row.kind == IMAGE and row.pushed_at is not None
    }


# Looking.


@dataclass(frozen=True, slots=True)
class Checked:
    """An artifact, and what is wrong with it; nothing where ``problem`` is empty."""

    label: str
    digest: str
    where: str
    problem: str = ""


def verify(house: House, name: str) -> tuple[Checked, ...]:
    """Read everything that was built of a release again: every byte in the store, every tag that was set in a registry.

    Raises:
        NotFoundError: there is no such release, or nothing of it was built.
    """
    found = known(house, name)
    checked: list[Checked] = []
    for one in found.declared:
        if one.row is not None:
            checked.append(_checked_store(house, one, one.row))
            if one.row.pushed_at is not None:
                checked.append(_checked_remote(house, found, one, one.row))
    if not checked:
        raise NotFoundError(f"nothing of {found.id} was built", remedy=f"tidegate artifact build {found.id}")
    return tuple(checked)


def _checked_store(house: House, one: Declared, row: ArtifactRow) -> Checked:
    return _tried(one, row, "the store", lambda: _check_store(house, row))


def _check_store(house: House, row: ArtifactRow) -> str:
    size = kind_named(row.kind).check(row.digest, house.artifacts)
    return "" if size == row.size else f"it has {size} bytes, and {row.size} were recorded"


def _checked_remote(house: House, found: Known, one: Declared, row: ArtifactRow) -> Checked:
    return _tried(one, row, "the registry", lambda: _check_remote(house, found, one, row))


def _check_remote(house: House, found: Known, one: Declared, row: ArtifactRow) -> str:
    remote = remote_of(house, found.policy, row.name)
    for tag in tags_of(one.artifact.tags, parse_version(one.version)).fixed:
        there = remote.digest_at(tag)
        if there != row.digest:
            return f"{tag} leads to {there or 'nothing'}"
    return ""


def _tried(one: Declared, row: ArtifactRow, where: str, look: Callable[[], str]) -> Checked:
    try:
        problem = look()
    except TidegateError as error:
        problem = error.what
    return Checked(one.label, row.digest, where, problem)
