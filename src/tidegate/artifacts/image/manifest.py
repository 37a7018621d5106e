"""The manifest of an image: config and layers by digest. Its own digest is what the image is known by.

Source: OCI Image Format Specification 1.1, "Image Manifest".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.canonical import digest, is_digest
from tidegate.errors import DamagedRecordError

MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
LIMIT_BYTES = 4 << 20
"""As large as registries take a manifest. Source: distribution specification 1.1, "Pushing Manifests"."""

MOST_LAYERS = 1000


@dataclass(frozen=True, slots=True)
class Blob:
    """A part of an image: its digest and its size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an image is made of."""

    config: Blob
    layers: tuple[Blob, ...]

    def to_bytes(self) -> bytes:
        """The bytes that the digest is of: the same for the same parts, always."""
        value = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE,
            "config": _described(CONFIG, self.config),
            "layers": [_described(LAYER, layer) for layer in self.layers],
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """What the image is known by."""
        return digest(self.to_bytes())

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Every part once, layers first: a config without its layers would be of no use to anybody."""
        return tuple(dict.fromkeys((*self.layers, self.config)))


def _described(media_type: str, blob: Blob) -> dict[str, object]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}


def read_manifest(data: bytes) -> Manifest:
    """A manifest that :meth:`Manifest.to_bytes` wrote.

    Raises:
        DamagedRecordError: it is none of ours.
    """
    try:
        value = json.loads(data)
        found = Manifest(_blob(value["config"]), tuple(_blob(layer) for layer in _layers(value)))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged() from error
    if found.to_bytes() != data:
        raise _damaged()
    return found


def _layers(value: Mapping[str, Any]) -> Sequence[Any]:
    layers = value["layers"]
    if not isinstance(layers, list) or len(layers) > MOST_LAYERS:
        raise ValueError("layers")
    return layers


def _blob(value: Mapping[str, Any]) -> Blob:
    found, size = value["digest"], value["size"]
    if not isinstance(found, str) or not is_digest(found) or type(size) is not int or size < 0:
        raise ValueError("blob")
    return Blob(found, size)


def _damaged() -> DamagedRecordError:
    return DamagedRecordError(
        "the image's manifest in the store is none of ours", remedy="remove the file, and build the image again"
    )
