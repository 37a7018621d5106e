"""Cherry-picks and merges without a work tree.

``git merge-tree --write-tree`` (Git 2.38) merges two commits in memory. It takes the base from the history, and an
option to name another one came only with Git 2.40, so for a cherry-pick we give it two commits of our own: one with the
tree of the branch, one with that of the picked commit, both children of the picked commit's parent. Their merge base is
then that parent, which is what a cherry-pick is. They stay in the workshop and are never seen.

The commit itself is written by us: author and message are the bytes of the original, so that nothing is recoded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.plain import plain
from tidegate.errors import ConflictError, UsageError
from tidegate.git.repository import Repository
from tidegate.git.writing import Identity, Workshop

_ORIGIN = re.compile(rb"\(cherry picked from commit ([0-9a-f]{40}|[0-9a-f]{64})\)")
_TRAILER = re.compile(rb"[A-Za-z0-9-]+: .*|\(cherry picked from commit [0-9a-f]+\)")
_SCAFFOLD = b"tree %s\n%sauthor t <t> 0 +0000\ncommitter t <t> 0 +0000\n\nscaffold\n"

_WORDS = {
    "contents": "both sides changed the same lines",
    "binary": "both sides changed it, and it is no text",
    "add/add": "both sides added it, differently",
    "modify/delete": "one side changed it, the other deleted it",
    "rename/delete": "one side renamed it, the other deleted it",
    "rename/rename": "both sides renamed it, differently",
    "file/directory": "it is a file on one side and a folder on the other",
    "distinct modes": "its kind is different on the two sides",
    "submodule": "both sides moved the submodule",
}


@dataclass(frozen=True, slots=True)
class FileConflict:
    """A file that two sides changed differently, and how."""

    path: str
    what: str


class MergeConflictError(ConflictError):
    """Two sides changed the same; nothing was written. ``files`` says which files, and how."""

    def __init__(self, what: str, files: Sequence[FileConflict], *, remedy: str) -> None:
        super().__init__(what, remedy=remedy)
        self.files = tuple(files)


@dataclass(frozen=True, slots=True)
class RawCommit:
    """The parts of a commit as its bytes have them: headers that are carried on, and the message."""

    parents: tuple[str, ...]
    author: bytes
    encoding: bytes
    message: bytes

    @property
    def origins(self) -> tuple[str, ...]:
        """The commits that it says it was picked from, the nearest last."""
        return tuple(name.decode() for name in _ORIGIN.findall(self.message))


def read_raw(repository: Repository, commit: str) -> RawCommit:
    """The parts of a commit, by its full name."""
    head, _, message = repository.git("cat-file", "commit", commit).partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if not line.startswith(b" ")]
    headers = [(name, value) for name, _, value in (line.partition(b" ") for line in lines)]
    return RawCommit(
        parents=tuple(value.decode() for name, value in headers if name == b"parent"),
        author=next((value for name, value in headers if name == b"author"), b"unknown <> 0 +0000"),
        encoding=next((value for name, value in headers if name == b"encoding"), b""),
        message=message,
    )


class Picker:
    """Picks and merges in a workshop, one after the other; what it made is kept when all have succeeded."""

    def __init__(self, workshop: Workshop, committer: Identity, now: datetime) -> None:
        self._workshop = workshop
        self._stamp = f"{committer.line} {int(now.timestamp())} +0000".encode()
        self._scaffold: set[str] = set()

    def pick(self, tip: str, commit: str, branch: str) -> str:
        """Put what a commit changes on top of ``tip``; the new commit, or ``tip`` where it would change nothing.

        Args:
            branch: what the tip is called, for the error.

        Raises:
            UsageError: it is a merge: what it changes depends on the side.
            MergeConflictError: it does not fit there.
        """
        raw = read_raw(self._workshop.repository, commit)
        if len(raw.parents) > 1:
            raise UsageError(
                f"{commit[:12]} is a merge, and a merge cannot be picked",
                remedy=f"pick what it brought: git log --oneline {commit[:12]}^1..{commit[:12]}^2",
            )
        base = raw.parents[0] if raw.parents else self._root()
        ours, theirs = self._on(base, tip), self._on(base, commit)
        what = f"{commit[:12]} does not fit on {plain(branch, 100)}"
        tree = self._merged(ours, theirs, what, _by_hand(branch, f"git cherry-pick -x {commit[:12]}"))
        if tree == self._tree(tip):
            return tip
        return self._commit(tree, [tip], raw.author, _with_origin(raw.message, commit), raw.encoding)

    def merge(self, into: str, branch: str, tips: tuple[str, str]) -> str:
        """Merge the second of two tips into the first; the merge commit.

        Raises:
            MergeConflictError: both sides changed the same.
        """
        name = plain(branch, 100)
        what = f"{name} does not merge into {plain(into, 100)}"
        tree = self._merged(*tips, what, _by_hand(into, f"git merge --no-ff {name}"))
        message = f"Merge branch '{name}' into {plain(into, 100)}\n".encode()
        return self._commit(tree, list(tips), self._stamp, message, b"")

    def keep(self) -> None:
        """Put what was made into the repository."""
        self._workshop.keep(without=self._scaffold)

    def _merged(self, ours: str, theirs: str, what: str, remedy: str) -> str:
        code, answer = self._workshop.ask("merge-tree", "--write-tree", "--messages", "-z", "--name-only", ours, theirs)
        tree, _, rest = answer.partition(b"\0")
        if code == 0:
            return tree.decode().strip()
        raise MergeConflictError(what, _conflicts(rest), remedy=remedy)

    def _commit(self, tree: str, parents: Sequence[str], author: bytes, message: bytes, encoding: bytes) -> str:
        lines = [f"tree {tree}".encode(), *(f"parent {parent}".encode() for parent in parents)]
        lines += [b"author " + author, b"committer " + self._stamp]
        lines += [b"encoding " + encoding] if encoding else []
        return self._workshop.write("commit", b"\n".join(lines) + b"\n\n" + message)

    def _on(self, base: str, commit: str) -> str:
        return self._scaffolded(self._tree(commit), base)

    def _root(self) -> str:
        """A commit of nothing: the parent of a first commit."""
        empty = self._workshop.git("hash-object", "-t", "tree", "-w", "--stdin").decode().strip()
        self._scaffold.add(empty)
        return self._scaffolded(empty, "")

    def _scaffolded(self, tree: str, parent: str) -> str:
        head = f"parent {parent}\n".encode() if parent else b""
        name = self._workshop.write("commit", _SCAFFOLD % (tree.encode(), head))
        self._scaffold.add(name)
        return name

    def _tree(self, commit: str) -> str:
        return self._workshop.git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").decode().strip()


def _by_hand(branch: str, command: str) -> str:
    return f"do it by hand, in a work tree of {plain(branch, 100)}: {command}; resolve the files, and push"


def _conflicts(rest: bytes) -> list[FileConflict]:
    """What ``merge-tree -z --name-only`` says after the tree: paths, an empty one, then messages."""
    tokens = [token.decode(errors="replace") for token in rest.split(b"\0")]
    end = tokens.index("") if "" in tokens else len(tokens)
    said: dict[str, str] = {}
    position = end + 1
    while position < len(tokens) and tokens[position].strip().isdigit():
        number = int(tokens[position])
        paths, kind = tokens[position + 1 : position + 1 + number], tokens[position + 1 + number]
        if kind.startswith("CONFLICT"):
            said.update({path: _in_words(kind) for path in paths if path not in said})
        position += number + 3
    return [FileConflict(path, said.get(path, "both sides changed it")) for path in dict.fromkeys(tokens[:end])]


def _in_words(kind: str) -> str:
    inner = kind.partition("(")[2].rstrip(")")
    return next((words for name, words in _WORDS.items() if inner.startswith(name)), plain(inner or kind, 100))


def _with_origin(message: bytes, commit: str) -> bytes:
    """The message with its origin as the last line, in a paragraph of trailers, as ``git cherry-pick -x`` writes it."""
    body = message.rstrip(b"\n")
    before, _, last = body.rpartition(b"\n\n")
    is_trailer = bool(before) and all(_TRAILER.fullmatch(line) for line in last.split(b"\n"))
    between = b"\n" if is_trailer else b"\n\n" if body else b""
    return body + between + f"(cherry picked from commit {commit})\n".encode()


def patch_ids(workshop: Workshop, commits: Sequence[str]) -> dict[str, str]:
    """What each of some commits changes, as a name that does not depend on where it changes it; merges have none."""
    if not commits:
        return {}
    plainly = ("--root", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--full-index", "--binary")
    stdin = "".join(f"{name}\n" for name in commits).encode()
    patches = workshop.git("diff-tree", "--stdin", "-p", "-r", *plainly, stdin=stdin)
    lines = workshop.git("patch-id", "--stable", stdin=patches).decode().split("\n")
    return {commit: patch for patch, _, commit in (line.partition(" ") for line in lines if line)}


def equal_to_some_of(workshop: Workshop, line: str, branch: str) -> frozenset[str]:
    """The commits that ``branch`` has and ``line`` has not, but that change what a commit of ``line`` changes, too."""
    marks = ("--cherry-mark", "--right-only", "--no-merges")
    answer = workshop.git("rev-list", *marks, f"{line}...{branch}", "--").decode().split()
    return frozenset(name[1:] for name in answer if name.startswith("="))
