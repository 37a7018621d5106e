"""The version files of a component on the disk: read within limits, planned together, written one by one as a whole.

The only module here that touches the world. All files are planned and proved before the first is written; each is
replaced by a rename, so that whoever reads it meanwhile sees the old file or the new one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tidegate.core.plain import plain
from tidegate.errors import ConflictError, NotFoundError, TidegateError, UsageError, WorldError
from tidegate.versionfiles.contract import MADE_BYTES, NO_HINTS, Hints, Role
from tidegate.versionfiles.plan import Edit, plan, read_source
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT, PEP440, version_text


def repository_root(start: Path) -> Path:
    """The directory in which or above which ``.git`` lies, without asking Git; ``start`` itself where there is none."""
    here = start.resolve()
    for directory in (here, *here.parents):
        if (directory / ".git").exists():
            return directory
    return here


def plan_edits(root: Path, paths: Iterable[str], old: str, new: str, hints: Hints = NO_HINTS) -> tuple[Edit, ...]:
    """The edits by which the files say ``new`` where they say ``old``. Nothing is written.

    Args:
        root: the repository, out of which no path leads.
        paths: the files, from there.

    Raises:
        NotFoundError: there is no such file.
        UsageError: a file leads out of the repository, is too large, or does not say the old version.
    """
    version_text(new)
    version_text(old)
    files = _read_all(root, paths)
    known = replace(hints, own=_own_names(files, hints))
    return tuple(plan(source.name, source.content, old, new, known) for source in files)


def _own_names(files: Iterable[Source], hints: Hints) -> tuple[str, ...]:
    """What the manifests call the component, for the locks of a workspace, which hold the versions of many."""
    manifests = [source for source in files if source.base in ("package.json", "Cargo.toml")]
    names = (read_source(source, hints)[1].name for source in manifests)
    return tuple(name for name in names if name)


def said_version(root: Path, paths: Iterable[str], hints: Hints = NO_HINTS) -> str:
    """The one version that the files say of themselves.

    Files that only name the versions of many things, such as images and pins, are not asked.

    Raises:
        UsageError: none of them says one, or they differ.
    """
    said: dict[Role, dict[str, str]] = {Role.OWN: {}, Role.STATED: {}, Role.FOUND: {}}
    exact: set[str] = set()
    files = _read_all(root, paths)
    known = replace(hints, own=_own_names(files, hints))
    for source in files:
        form, reading = read_source(source, known)
        for value in reading.values:
            if value.text and value.refusal is None and not value.whose:
                said[value.role].setdefault(value.text, f"{plain(value.text, 80)} ({source.where(value.start)})")
                exact |= {value.text} if form.spelling is EXACT else set()
    found = said[Role.OWN] or said[Role.STATED]
    # What only Python's spelling says, 1.2.0rc1, may stand for the other spelling of another file.
    apart = [text for text in found if text in exact or not any(PEP440.same(text, other) for other in exact)]
    remedy = "say with --from which version it is before"
    if not apart:
        raise UsageError("none of the files says by itself which version the component is at", remedy=remedy)
    if len(apart) > 1:
        raise UsageError(f"the files say different versions: {', '.join(found[text] for text in apart)}", remedy=remedy)
    return version_text(apart[0])


def write(root: Path, edits: Sequence[Edit]) -> tuple[str, ...]:
    """Write the files that change; their paths. Modes are kept, and so are symbolic links inside the repository.

    Raises:
        ConflictError: a file is no longer what was planned on; nothing was written.
        WorldError: the disk refuses; says what was written before.
    """
    changing = [edit for edit in edits if edit.changes]
    drafts: list[_Draft] = []
    written: list[str] = []
    path = ""
    try:
        for edit in changing:
            path = edit.path
            drafts.append(_drafted(root, edit))
        for draft in drafts:
            path = draft.path
            draft.draft.replace(draft.target)
            written.append(draft.path)
            _sync_folder(draft.target.parent)
    except OSError as error:
        raise _unwritable(path, written, error) from error
    finally:
        for draft in drafts:
            draft.draft.unlink(missing_ok=True)
    return tuple(written)


@dataclass(frozen=True, slots=True)
class _Draft:
    path: str
    target: Path
    draft: Path


def _drafted(root: Path, edit: Edit) -> _Draft:
    """The new content beside the file, durable, with the file's mode and, as far as we may, its owner."""
    target = _inside(root, edit.path)
    content, status = _content(target, edit.path)
    if content != edit.before:
        raise ConflictError(
            "the file was changed while its edit was planned, and nothing was written",
            where=plain(edit.path, 300),
            remedy="try again",
        )
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "it is not writable")
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.tidegate")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(edit.after)
            file.flush()
            with suppress(PermissionError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return _Draft(edit.path, target, draft)


def _read_all(root: Path, paths: Iterable[str]) -> list[Source]:
    sources: list[Source] = []
    seen: dict[Path, str] = {}
    for path in paths:
        target = _inside(root, path)
        if target in seen:
            both = f"{plain(seen[target], 200)} and {plain(path, 200)}"
            raise UsageError(f"{both} are one file", remedy="name it once")
        seen[target] = path
        sources.append(Source(path, _content(target, path)[0]))
    return sources


def _inside(root: Path, path: str) -> Path:
    """The file itself, behind every symbolic link.

    Raises:
        UsageError: it lies outside the repository.
    """
    top = root.resolve()
    try:
        target = (top / path).resolve()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            "its symbolic links lead in a circle", where=plain(path, 300), remedy="mend the links"
        ) from error
    if not target.is_relative_to(top):
        raise UsageError(
            f"it leads out of the repository, to {plain(str(target), 300)}",
            where=plain(path, 300),
            remedy="name a file inside the repository",
        )
    return target


def _content(target: Path, path: str) -> tuple[bytes, os.stat_result]:
    """The bytes of a file, and its status.

    Raises:
        NotFoundError: there is none.
        UsageError: it is no regular file, or too large.
        WorldError: it cannot be read.
    """
    where = plain(path, 300)
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError("it is no file of data", where=where, remedy="name a file")
            content = file.read(MADE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            "there is no such file", where=where, remedy="mend its name in the version files"
        ) from error
    except IsADirectoryError as error:
        raise UsageError("it is a directory", where=where, remedy="name the file in it") from error
    except OSError as error:
        raise WorldError(f"it cannot be read: {error.strerror}", where=where, remedy="make it readable") from error
    if len(content) > MADE_BYTES:
        raise UsageError(
            f"the file has more than {MADE_BYTES:,} bytes", where=where, remedy="name the file that people write"
        )
    return content, status


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: str, written: Sequence[str], error: OSError) -> TidegateError:
    done = (
        f"; written before: {', '.join(plain(name, 200) for name in written)}" if written else "; nothing was written"
    )
    return WorldError(
        f"it cannot be written: {error.strerror}{done}",
        where=plain(path, 300),
        remedy="make it and its directory writable, then repeat: what is written already stays as it is",
    )
