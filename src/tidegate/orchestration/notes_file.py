"""The file in which the notes of a release are kept: written, and written again around what people put into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.core.notes.regions import merge, signed, was_written
from tidegate.core.plain import plain
from tidegate.errors import ConflictError, NotFoundError
from tidegate.git.tree import normal_path
from tidegate.orchestration.files import read_text, write_text
from tidegate.orchestration.notes import Gathered


class Written(NamedTuple):
    """A file that was brought up to date: where it is, whether it changed, and what is to be said of it."""

    path: str
    changed: bool
    remarks: tuple[str, ...] = ()


def notes_path(gathered: Gathered) -> str:
    """Where the notes are kept, from the repository's root.

    Raises:
        NotFoundError: they have no version yet.
        UsageError: the policy's path is none inside the repository.
    """
    if not gathered.data.version:
        raise NotFoundError(
            f"nothing of {gathered.scope.component} asks for a release: {gathered.told.why}",
            remedy="name one with --version, or a tag with --to",
        )
    filled = gathered.scope.notes_path.replace("{component}", gathered.scope.component)
    return normal_path(filled.replace("{version}", gathered.data.version))


def existing_notes(gathered: Gathered) -> str:
    """The text of the file of the notes; empty where there is none."""
    return read_text(gathered.repository, notes_path(gathered)) or ""


def write_notes(gathered: Gathered, generated: str, *, force: bool = False) -> Written:
    """Write the notes into their file, or generate the file again around what people wrote.

    Args:
        force: overwrite what was changed outside the places for it.

    Raises:
        ConflictError: somebody changed what was generated, or wrote the file without Tidegate; nothing is written.
        UsageError: there is no work tree, or the path leads outside.
    """
    path = notes_path(gathered)
    existing = read_text(gathered.repository, path)
    if existing is None:
        return Written(path, write_text(gathered.repository, path, signed(generated), None))
    text, remarks = renewed(path, existing, generated, force=force)
    return Written(path, write_text(gathered.repository, path, text, existing), remarks)


def renewed(path: str, existing: str, generated: str, *, force: bool = False) -> tuple[str, tuple[str, ...]]:
    """Notes that are there, generated again around what people wrote; and what is to be said of it.

    Raises:
        ConflictError: as :func:`write_notes`.
    """
    if not was_written(existing) and not force:
        raise ConflictError(
            "the file is there, and Tidegate did not write it", where=path, remedy="Move it away, or add --force."
        )
    made = merge(existing, generated)
    if not force:
        _refuse_to_lose(path, made.by_hand, made.lost)
    remarks = [f"kept what was written by hand: {', '.join(made.kept)}"] if made.kept else []
    remarks += [f"something else would be generated now for: {', '.join(made.outdated)}"] if made.outdated else []
    return made.text, tuple(remarks)


def _refuse_to_lose(path: str, by_hand: Sequence[str], lost: Sequence[str]) -> None:
    if by_hand:
        shown = "; ".join(f'"{plain(line, 80)}"' for line in by_hand[:3])
        more = f"; and {len(by_hand) - 3} more" if len(by_hand) > 3 else ""
        raise ConflictError(
            f"text outside the places for it was changed by hand: {shown}{more}",
            where=path,
            remedy="Move it between the marks <!-- tidegate:edit ... -->, or overwrite it with --force.",
        )
    if lost:
        raise ConflictError(
            f"this format has no place for what was written by hand: {', '.join(lost)}",
            where=path,
            remedy="Use the format in which it was written, or drop it with --force.",
        )
