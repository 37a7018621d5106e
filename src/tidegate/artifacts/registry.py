"""The kinds of artifact by the name that records call them. Adding one is its module and one line here."""

from __future__ import annotations

from collections.abc import Callable

from tidegate.artifacts.contract import ArtifactKind


def _archive() -> ArtifactKind:
    from tidegate.artifacts.archive import ArchiveKind

    return ArchiveKind()


def _image() -> ArtifactKind:
    from tidegate.artifacts.image.kind import ImageKind

    return ImageKind()


KINDS: dict[str, Callable[[], ArtifactKind]] = {
    "archive": _archive,
    "image": _image,
}


def kind_named(name: str) -> ArtifactKind:
    """The kind of that name; one that no record of ours can hold is a KeyError."""
    return KINDS[name]()
