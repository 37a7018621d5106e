"""The lock of a version's images: which digest each image has that the version is made of.

A target that runs images is given this document as its package: the version, the archive of the component's files by
its SHA-256, and every image by digest. Two versions of the same files whose images differ are two packages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.core.canonical import canonical, digest
from tidegate.core.effect import Package
from tidegate.errors import UsageError

FORMAT = "tidegate/image-lock/1"


@dataclass(frozen=True, slots=True)
class ImageLock:
    """What a version consists of.

    ``archive`` is the SHA-256 of the component's package (64 hexadecimal digits); ``images`` has the digest
    (``sha256:...``) of each image, by registry and repository.
    """

    component: str
    version: str
    archive: str
    images: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The document."""
        return canonical(
            {
                "format": FORMAT,
                "component": self.component,
                "version": self.version,
                "archive": self.archive,
                "images": dict(self.images),
            }
        )

    @property
    def package(self) -> Package:
        """It as a package: its digest is that of the document."""
        return Package(self.version, digest(self.to_bytes()).removeprefix("sha256:"))


def read_image_lock(data: bytes) -> ImageLock:
    """The lock that these bytes hold.

    Raises:
        UsageError: they hold none.
    """
    try:
        record = json.loads(data)
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']!r}")
        images = {str(name): str(found) for name, found in record["images"].items()}
        return ImageLock(str(record["component"]), str(record["version"]), str(record["archive"]), images)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"this is no lock of images: {error}", remedy="start the rollout again") from error
