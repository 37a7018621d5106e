"""What ``docker image save`` wrote, taken apart: the config as it is, each layer compressed, and the manifest.

Nothing in the file is believed: the config must have the id that the engine named, and each layer the digest that the
config gives for its uncompressed bytes (``rootfs.diff_ids``). So the engine's own id covers every byte that is kept.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tidegate.artifacts.image.manifest import LIMIT_BYTES, MOST_LAYERS, Blob, Manifest
from tidegate.artifacts.store import ArtifactStore
from tidegate.core.canonical import digest, is_digest
from tidegate.errors import ArtifactError

_PIECE = 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Saved:
    """An image in the store, and what its config says."""

    manifest: Manifest
    config: Mapping[str, Any]


def take_apart(file: Path, image: str, store: ArtifactStore) -> Saved:
    """Keep the image of that id, which the engine saved into ``file``.

    Raises:
        ArtifactError: the file holds another image, or a layer is not what the config says.
    """
    try:
        with tarfile.open(file, "r:") as tar:
            return _kept(tar, image, store)
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError, RecursionError, zlib.error) as error:
        raise _strange(f"{type(error).__name__}: {str(error)[:200]}") from error


def _kept(tar: tarfile.TarFile, image: str, store: ArtifactStore) -> Saved:
    entries = json.loads(_small(tar, "manifest.json"))
    if not isinstance(entries, list) or len(entries) != 1:
        raise _strange("it does not hold exactly one image")
    config = _small(tar, entries[0]["Config"])
    if digest(config) != image and not _lists(tar, image):
        raise _strange(f"its config is {digest(config)}, and the image is {image}")
    value = json.loads(config)
    expected, names = value["rootfs"]["diff_ids"], entries[0]["Layers"]
    if len(expected) != len(names) or len(names) > MOST_LAYERS or not all(map(is_digest, expected)):
        raise _strange("the layers of its config are not those of the file")
    layers = tuple(_layer(tar, name, wanted, store) for name, wanted in zip(names, expected, strict=True))
    kept, size = store.keep([config])
    manifest = Manifest(Blob(kept, size), layers)
    store.keep([manifest.to_bytes()])
    return Saved(manifest, value)


def _lists(tar: tarfile.TarFile, image: str) -> bool:
    """Whether the file's OCI index names the image: with the containerd store its id is that of the manifest."""
    if "index.json" not in tar.getnames():
        return False
    listed = json.loads(_small(tar, "index.json"))["manifests"]
    return any(entry["digest"] == image for entry in listed)


def _small(tar: tarfile.TarFile, name: str) -> bytes:
    with _member(tar, name) as file:
        data = file.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        raise _strange(f"{name[:80]!r} has more than {LIMIT_BYTES} bytes")
    return data


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name)
    if file is None:
        raise _strange(f"{name[:80]!r} is no file")
    return file


def _layer(tar: tarfile.TarFile, name: str, wanted: str, store: ArtifactStore) -> Blob:
    found = hashlib.sha256()
    with _member(tar, name) as file:
        head = file.read(4)
        file.seek(0)
        if head == _ZSTD:
            raise _strange("a layer is compressed by zstd")
        pieces = _through(file, found) if head.startswith(_GZIP) else _compressed(file, found)
        kept, size = store.keep(pieces)
    if f"sha256:{found.hexdigest()}" != wanted:
        raise _strange(f"the layer {name[:80]!r} is sha256:{found.hexdigest()}, and its config says {wanted}")
    return Blob(kept, size)


def _compressed(file: IO[bytes], found: Any) -> Iterator[bytes]:
    """The bytes as gzip without a time. What the compressor makes of them is kept, so it need not be made again."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    while piece := file.read(_PIECE):
        found.update(piece)
        yield packer.compress(piece)
    yield packer.flush()


def _through(file: IO[bytes], found: Any) -> Iterator[bytes]:
    """What is compressed already, as it is; the digest is that of the uncompressed bytes."""
    reader = zlib.decompressobj(31)
    while piece := file.read(_PIECE):
        waiting = piece
        while waiting:
            found.update(reader.decompress(waiting, _PIECE))
            waiting = reader.unconsumed_tail
        yield piece
    found.update(reader.flush())
    if not reader.eof or reader.unused_data:
        raise _strange("a compressed layer does not end where its file does")


def _strange(because: str) -> ArtifactError:
    return ArtifactError(
        f"what the engine saved is not the image that it built: {because}",
        remedy="build again; if it stays so, report it with the engine's version (docker version)",
    )
