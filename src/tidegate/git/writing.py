"""Writing objects without a work tree, an index, or the repository's configuration.

A *workshop* is a bare repository in a temporary directory, with a configuration of our own, that borrows the objects
of the real one. What Git does there reads nothing that a stranger has configured: no hooks, filters, merge or diff
drivers, attributes, signature programs, transports. New objects stay in the workshop until they are wanted
(:meth:`Workshop.keep`); what is given up leaves nothing behind.
Docs: docs/adr/0031-branches-are-written-without-a-work-tree.md.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import RepositoryError
from tidegate.git.calls import explain, run_git
from tidegate.git.repository import Repository

ISOLATED = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "0"}
"""The user's own configuration is theirs, but a merge must come out the same for everybody."""

_OBJECT_FILE = re.compile(r"[0-9a-f]{38}|[0-9a-f]{62}")
_SHARED = re.compile(r"[a-z]+|0?[0-7]{3,4}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes: the name and mail address that commits and tags carry; ``email`` may be empty."""

    name: str
    email: str

    @property
    def line(self) -> str:
        """``Alice Example <alice@example.org>``: what would end a name or a line early is left out."""
        return f"{self.plain_name} <{_harmless(self.email)}>"

    @property
    def plain_name(self) -> str:
        """The name as Git takes it; never empty."""
        return _harmless(self.name) or "unknown"


def _harmless(text: str) -> str:
    return re.sub(r"[<>\x00-\x20\x7f]+", " ", text).strip(" .,:;\"'")


@dataclass(frozen=True, slots=True)
class Workshop:
    """A temporary repository that borrows another's objects; made by :func:`open_workshop`."""

    repository: Repository
    directory: Path
    objects: Path

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What ``git`` answers in the workshop.

        Raises:
            RepositoryError: it failed.
        """
        return self.ask(*arguments, stdin=stdin, good=(0,))[1]

    def ask(
        self,
        *arguments: str,
        stdin: bytes = b"",
        good: Collection[int] = (0, 1),
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """The exit code, which must be one of ``good``, and the answer.

        Raises:
            RepositoryError: it failed.
        """
        more = ISOLATED | dict(environment or {})
        words = ["--git-dir", str(self.directory), *arguments]
        done = run_git(words, self.directory, self.repository.timeout_s, stdin=stdin, environment=more)
        if done.returncode not in good:
            raise explain(done.stderr.decode(errors="replace"), self.repository.root)
        return done.returncode, done.stdout

    def write(self, kind: str, content: bytes) -> str:
        """Write an object (``commit``, ``tag``) into the workshop; its name. Git checks that it is well-formed."""
        return self.git("hash-object", "-t", kind, "-w", "--stdin", stdin=content).decode().strip()

    def keep(self, *, without: Collection[str] = ()) -> None:
        """Put what was made here into the repository, ``without`` what was only scaffolding.

        Raises:
            RepositoryError: it cannot be written there.
        """
        names = sorted(set(self._made()) - set(without))
        if not names:
            return
        pack = self.git("pack-objects", "--stdout", "-q", stdin="".join(f"{name}\n" for name in names).encode())
        shared = self._shared()
        sharing = ("-c", f"core.sharedRepository={shared}") if shared else ()
        durable = ("-c", "core.fsync=committed", *sharing)
        there = {"GIT_OBJECT_DIRECTORY": str(self.objects)}
        self.ask(*durable, "unpack-objects", "-q", stdin=pack, good=(0,), environment=there)

    def _made(self) -> Iterator[str]:
        for folder in (self.directory / "objects").iterdir():
            if len(folder.name) == 2:
                yield from (folder.name + file.name for file in folder.iterdir() if _OBJECT_FILE.fullmatch(file.name))

    def _shared(self) -> str:
        """Who else may read the repository's files, as its configuration says; a word, so nothing can run by it."""
        words = ["--git-dir", str(self.repository.git_dir), "config", "--get", "core.sharedRepository"]
        done = run_git(words, self.repository.git_dir, self.repository.timeout_s)
        said = done.stdout.decode(errors="replace").strip()
        return said if done.returncode == 0 and _SHARED.fullmatch(said) else ""


@contextmanager
def open_workshop(repository: Repository) -> Iterator[Workshop]:
    """A workshop beside a repository; it is gone at the end of the block.

    Raises:
        RepositoryError: there is no room for it.
    """
    common, objects = _places(repository)
    try:
        directory = Path(tempfile.mkdtemp(prefix="tidegate-git-"))
    except OSError as error:
        raise RepositoryError(f"there is no room to work in: {error}", remedy="Make room in TMPDIR.") from error
    try:
        _furnish(directory, repository.object_format, common, objects)
        yield Workshop(repository, directory, objects)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _places(repository: Repository) -> tuple[Path, Path]:
    """The directory that all work trees of a repository share, and that of its objects."""
    ask = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--git-path", "objects"]
    # The paths may hold line breaks, but then both hold the same: the second begins with the first.
    answer = repository.git(*ask).removesuffix(b"\n")
    common = os.fsdecode(answer[: (len(answer) - len(b"\n/objects")) // 2])
    objects = os.fsdecode(answer)[len(common) + 1 :]
    if Path(objects) != Path(common) / "objects":
        raise RepositoryError(
            "it keeps its objects in another place than Git does by itself",
            where=str(repository.root),
            remedy="Make a clone of it, and work there.",
        )
    return Path(common), Path(objects)


def _furnish(directory: Path, object_format: str, common: Path, objects: Path) -> None:
    for folder in ("objects/info", "refs/heads"):
        (directory / folder).mkdir(parents=True)
    (directory / "HEAD").write_text("ref: refs/heads/none\n")
    version = 0 if object_format == "sha1" else 1
    extension = f"[extensions]\n\tobjectFormat = {object_format}\n" if version else ""
    (directory / "config").write_text(f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extension}")
    (directory / "objects" / "info" / "alternates").write_bytes(_quoted(os.fsencode(objects)) + b"\n")
    if (common / "shallow").is_file():
        shutil.copyfile(common / "shallow", directory / "shallow")


def _quoted(path: bytes) -> bytes:
    """A path as a line of ``alternates``: quoted as in C, since it may begin with ``#`` or contain a line break."""
    safe = b"".join(bytes([c]) if 0x20 <= c < 0x7F and c not in b'"\\' else b"\\%03o" % c for c in path)
    return b'"' + safe + b'"'
