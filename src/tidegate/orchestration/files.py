"""Files of the work tree that people and Tidegate both write: read as they are, replaced whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tidegate.core.plain import plain
from tidegate.errors import UsageError, WorldError
from tidegate.git.repository import Repository


def read_text(repository: Repository, path: str) -> str | None:
    """The text of a file; None where there is none. Bytes that are no UTF-8 are lone surrogates, so that they stay.

    Raises:
        UsageError: the repository has no work tree, or the path leads elsewhere by a link.
        WorldError: it cannot be read.
    """
    place = _place(repository, path)
    try:
        return place.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorldError(f"it cannot be read: {error.strerror}", where=path, remedy="Look at its rights.") from error


def _place(repository: Repository, path: str) -> Path:
    """Where a file lies on the disk; never outside the repository, whatever links are there."""
    if repository.is_bare:
        raise UsageError("this repository has no work tree to write to", remedy="Go to a clone that has one.")
    root = repository.root.resolve()
    place = root / path
    if place.resolve() != place or place.is_dir() or place.is_relative_to(root / ".git"):
        raise UsageError(
            f'"{plain(path, 200)}" is a folder, or leads elsewhere by a link',
            where=str(root),
            remedy="Name a file of the repository.",
        )
    return place


def write_text(repository: Repository, path: str, text: str, before: str | None) -> bool:
    """Replace a file; False where it says that already.

    Args:
        before: what it says; None where there is no file.

    Raises:
        UsageError, WorldError: as :func:`read_text`.
    """
    if text == before:
        return False
    place = _place(repository, path)
    draft = place.with_name(f".{place.name}.{os.getpid()}.tidegate")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # Exclusively: what lies there already may be a link to anywhere.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
        if before is not None:
            draft.chmod(place.stat().st_mode & 0o777)
        draft.replace(place)
    except OSError as error:
        raise WorldError(
            f"it cannot be written: {error.strerror}", where=path, remedy="Make room there, and look at its rights."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return True
