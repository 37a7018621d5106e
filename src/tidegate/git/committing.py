"""One commit that changes files, made without a work tree and without anybody's index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tidegate.git.tree import FILE
from tidegate.git.writing import Identity, Workshop


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file as a commit is to have it: its path from the root, its bytes, its mode as Git writes it."""

    path: str
    content: bytes
    mode: str = FILE


def commit_files(
    workshop: Workshop, parent: str, files: Iterable[NewFile], who: Identity, message: str, now: datetime
) -> str:
    """The name of a new commit on top of ``parent`` in which these files are so, and all others as they were.

    It lies in the workshop: :meth:`Workshop.keep` puts it into the repository.

    Raises:
        RepositoryError: Git refuses; a path is a folder there, for one.
    """
    index = {"GIT_INDEX_FILE": str(workshop.directory / "index")}
    workshop.ask("read-tree", parent, good=(0,), environment=index)
    entries = [_entry(workshop, file) for file in files]
    workshop.ask("update-index", "-z", "--index-info", stdin=b"".join(entries), good=(0,), environment=index)
    tree = workshop.ask("write-tree", good=(0,), environment=index)[1].decode().strip()
    stamp = f"{who.line} {int(now.timestamp())} +0000"
    lines = [f"tree {tree}", f"parent {parent}", f"author {stamp}", f"committer {stamp}", "", message, ""]
    return workshop.write("commit", "\n".join(lines).encode())


def _entry(workshop: Workshop, file: NewFile) -> bytes:
    """A line of ``--index-info``, ended by a zero byte, so that a path may hold anything that a path may hold."""
    name = workshop.write("blob", file.content)
    return f"{file.mode} {name}\t".encode() + file.path.encode(errors="surrogateescape") + b"\0"
