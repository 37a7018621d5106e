"""A container image, as a kind of artifact: built by the engine, from the files of a commit and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tidegate.artifacts.contract import Built, Order
from tidegate.artifacts.image.engine import BuildOrder, Engine
from tidegate.artifacts.image.manifest import Manifest, read_manifest
from tidegate.artifacts.image.saved import take_apart
from tidegate.artifacts.store import ArtifactStore
from tidegate.core.image import tags_of
from tidegate.core.version import parse_version
from tidegate.errors import ArtifactError, DamagedRecordError, NotFoundError
from tidegate.git.archive import build_package
from tidegate.git.tree import entries_at

REVISION = "org.opencontainers.image.revision"
VERSION = "org.opencontainers.image.version"
CREATED = "org.opencontainers.image.created"
TITLE = "org.opencontainers.image.title"
_PIECE = 1 << 20


class ImageKind:
    """Built by Docker, or an engine that answers as it does."""

    name = "image"
    is_reproducible = False

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine or Engine()

    def build(self, order: Order, store: ArtifactStore) -> Built:
        """Build it, have the engine save it, take what it saved apart, and compare it with what was asked for."""
        labels = _labels(order)
        with store.room() as room:
            context = room / "context.tar.gz"
            _demand_dockerfile(order)
            self._engine.demand_presence()
            build_package(order.repository, order.commit, order.folder, context)
            built = self._engine.build(_order(order, labels), _pieces(context), room, order.say)
            saved = room / "image.tar"
            self._engine.save(built["Id"], saved)
            image = take_apart(saved, built["Id"], store)
        found = (image.config.get("config") or {}).get("Labels") or {}
        if wrong := [name for name, value in labels.items() if found.get(name) != value]:
            raise ArtifactError(
                f"the image that was built says {ascii(found.get(wrong[0]))[:80]} as its {wrong[0]}, "
                f"and {labels[wrong[0]]} was asked for",
                remedy="see that the Dockerfile does not set this label",
            )
        manifest = image.manifest
        return Built(manifest.digest, sum(blob.size for blob in manifest.blobs))

    def check(self, digest: str, store: ArtifactStore) -> int:
        """Read the manifest, and every blob that it names."""
        manifest = manifest_of(digest, store)
        for blob in manifest.blobs:
            if (size := store.size(blob.digest)) != blob.size:
                raise DamagedRecordError(
                    f"{blob.digest} has {size} bytes, and the manifest {digest} says {blob.size}",
                    remedy="build the image again",
                )
        return sum(blob.size for blob in manifest.blobs)


def manifest_of(digest: str, store: ArtifactStore) -> Manifest:
    """The manifest of an image in the store.

    Raises:
        NotFoundError: it is not there.
        DamagedRecordError: it is none.
    """
    return read_manifest(store.small(digest))


def _labels(order: Order) -> dict[str, str]:
    """What the image says of itself. The address of the repository is not in it: it may hold a secret."""
    return {
        REVISION: order.commit,
        VERSION: order.version,
        CREATED: order.committed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        TITLE: order.artifact.name.rpartition("/")[2],
    }


def _order(order: Order, labels: dict[str, str]) -> BuildOrder:
    tags = tags_of(order.artifact.tags, parse_version(order.version)).fixed
    # BuildKit takes the times of its layers from it (reproducible-builds.org); the classic builder knows it not.
    arguments = {"SOURCE_DATE_EPOCH": str(int(order.committed_at.timestamp()))}
    names = tuple(f"{order.artifact.name}:{tag}" for tag in tags)
    return BuildOrder(order.artifact.dockerfile or "Dockerfile", labels, arguments, names)


def _demand_dockerfile(order: Order) -> None:
    """Say it here, in our words, before an engine is asked."""
    name = order.artifact.dockerfile or "Dockerfile"
    path = name if order.folder == "." else f"{order.folder}/{name}"
    try:
        entries_at(order.repository, order.commit, [path])
    except NotFoundError as error:
        raise NotFoundError(
            f'there is no file "{path}" at commit {order.commit[:10]}',
            where=str(order.repository.root),
            remedy="commit one, or name it: dockerfile, and context where it is built from another directory",
        ) from error


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece
