"""A Git repository, read by the ``git`` command.

The repository is hostile: whoever wrote its configuration wants us to run something. Each call therefore

* runs ``git`` with an argument list and without the ``GIT_*`` variables of our surroundings (a hook's ``GIT_DIR`` would
  point us to another repository), apart from those that say where the *user's* configuration is;
* disables what a repository can make Git execute while it reads: hooks, the file-system monitor, external diffs, text
  conversion, signature programs, and every transport (a partial clone fetches missing objects by itself);
* reads objects as they are: no replacement refs, no grafts, no mailmap;
* has a time limit.

Revisions become full object names first (:meth:`Repository.resolve`); nothing a user wrote reaches another command.
Docs: docs/adr/0007-git-by-its-own-command.md.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tidegate.core.commit import Commit, Person, plain
from tidegate.errors import RepositoryError, TimedOutError

TIMEOUT_S = 120.0
"""Seconds one ``git`` call may take; the whole log of 50,000 commits takes half a second."""

_USERS_OWN = re.compile(
    r"GIT_(CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM|CONFIG_COUNT|CONFIG_(KEY|VALUE)_[0-9]+|CEILING_DIRECTORIES|"
    r"DISCOVERY_ACROSS_FILESYSTEM|EXEC_PATH)"
)
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "color.ui=false",
    "log.showSignature=false",
    "log.showRoot=true",
)
_GUARDS = {
    "LC_ALL": "C",
    "LANGUAGE": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_LITERAL_PATHSPECS": "1",
    # No protocol has this name, so that none is allowed, whatever the repository's configuration says.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
}
_OBJECT_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOG_FORMAT = "%x00%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%ct%x00%B"
_LOG_FIELDS = 8


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag by name, without ``refs/tags/``, and the object it leads to (a commit, or another tag)."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Log:
    """Commits of a range, children before parents, and the parents of *all* its commits, chosen or not."""

    commits: tuple[Commit, ...]
    parents: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Repository:
    """An opened repository; made by :func:`open_repository`.

    ``root`` is the top of the work tree, or the repository itself where there is none. ``object_format`` is ``sha1`` or
    ``sha256``.
    """

    root: Path
    git_dir: Path
    object_format: str
    is_shallow: bool
    is_bare: bool
    timeout_s: float = TIMEOUT_S

    def git(self, *arguments: str) -> bytes:
        """What ``git`` answers on its standard output.

        Raises:
            RepositoryError: Git failed; its own sentence is in ``what``.
            TimedOutError: it took longer than ``timeout_s``.
        """
        return _run(["--git-dir", str(self.git_dir), *arguments], self.git_dir, self.timeout_s)

    def head(self) -> str:
        """The commit that is checked out.

        Raises:
            RepositoryError: there is no commit yet.
        """
        return self.resolve("HEAD")

    def resolve(self, revision: str) -> str:
        """The full name of the commit that a revision (a branch, a tag, ``HEAD~2``, a short name) leads to.

        Raises:
            RepositoryError: it leads to no commit, or to several.
        """
        if not revision or revision[0] in "-^" or not revision.isprintable():
            raise self._unknown(revision)
        try:
            answer = self.git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
        except RepositoryError as error:
            raise self._unknown(revision) from error
        if not _OBJECT_NAME.fullmatch(answer):
            raise self._unknown(revision)
        return answer

    def _unknown(self, revision: str) -> RepositoryError:
        if revision == "HEAD":
            return RepositoryError("there is no commit yet", where=str(self.root), remedy="Make the first commit.")
        fetch = "git fetch --unshallow --tags" if self.is_shallow else "git fetch --tags"
        return RepositoryError(
            f'there is no commit "{plain(revision, 100)}" here',
            where=str(self.root),
            remedy=f"Name a commit, branch or tag that `git log` shows; fetch it first with: {fetch}",
        )

    def tags(self, pattern: str = "*", merged: str | None = None) -> tuple[Tag, ...]:
        """The tags whose names match a shell pattern; with ``merged``, those from which that commit descends."""
        reach = [f"--merged={_checked(merged)}"] if merged is not None else []
        form = "--format=%(refname:strip=2)%00%(objectname)%00%(*objectname)"
        lines = self.git("for-each-ref", form, *reach, f"refs/tags/{pattern}").decode(errors="replace").split("\n")[:-1]
        return tuple(Tag(name, peeled or target) for name, target, peeled in (line.split("\0") for line in lines))

    def commits(self, until: str, since: Sequence[str] = (), paths: Sequence[str] = (".",)) -> Log:
        """The commits that ``until`` descends from and none of ``since`` does.

        Args:
            until: a full commit name, as are those of ``since``.
            paths: only commits that change something there, in repository paths; ``.`` is everywhere. A merge counts
                by what it brings to its first parent, so that a title that stands in the merge alone is not lost. We
                filter by ourselves because Git's own path limit leaves out whole side branches.
        """
        everywhere = "." in paths
        names = [] if everywhere else ["--name-only", "--no-renames", "--diff-merges=first-parent"]
        plainly = ["--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none", "--no-relative"]
        bounds = [_checked(until), "--not", *(_checked(commit) for commit in since)]
        arguments = ["log", "-z", "--topo-order", "--root", f"--format={_LOG_FORMAT}", "--encoding=UTF-8"]
        return _read_log(self.git(*arguments, *plainly, *names, *bounds, "--"), () if everywhere else paths)

    def last_author(self, revision: str) -> Person:
        """Who wrote the commit that a revision leads to, as the commit claims."""
        return self.commit(revision).author

    def commit(self, revision: str) -> Commit:
        """The commit that a revision leads to."""
        name = self.resolve(revision)
        output = self.git("log", "-z", "--no-walk", f"--format={_LOG_FORMAT}", "--encoding=UTF-8", name, "--")
        return _read_log(output, ()).commits[0]

    def blobs(self, names: Iterable[str]) -> Iterator[bytes]:
        """The contents of files by object name, in that order, each checked against its name.

        Raises:
            RepositoryError: one is missing (a partial clone), or its content is not what its name says.
        """
        if wanted := list(names):
            yield from _stream_blobs(self, wanted)


def open_repository(path: Path, timeout_s: float = TIMEOUT_S) -> Repository:
    """Open the repository in which ``path`` (a folder) lies.

    Raises:
        RepositoryError: there is none, Git is not installed, or Git refuses it because another user owns it.
    """
    if not path.is_dir():
        raise RepositoryError(f"{path} is not a folder", remedy="Name the folder of a Git repository.")
    flags = ["--is-bare-repository", "--is-shallow-repository", "--show-object-format", "--is-inside-work-tree"]
    lines = _run(["rev-parse", *flags, "--absolute-git-dir"], path, timeout_s).decode(errors="surrogateescape")
    bare, shallow, object_format, inside, git_dir = lines.rstrip("\n").split("\n", 4)
    top = _run(["rev-parse", "--show-toplevel"], path, timeout_s) if inside == "true" else git_dir.encode()
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    return Repository(root, Path(git_dir), object_format, shallow == "true", bare == "true", timeout_s)


def committers(commits: Iterable[Commit]) -> tuple[Person, ...]:
    """Who put these commits into the history, each address once, as the commits claim."""
    people = {commit.committer.email.lower(): commit.committer for commit in commits}
    return tuple(people.values())


def _checked(name: str) -> str:
    """A full object name: what nobody resolved first must not reach a command line."""
    if not _OBJECT_NAME.fullmatch(name):
        raise RepositoryError(f'"{plain(name, 100)}" is no full commit name', remedy="Resolve the revision first.")
    return name


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if _is_harmless(name)}
    return ours | _GUARDS


def _is_harmless(name: str) -> bool:
    return not name.startswith("GIT_") or _USERS_OWN.fullmatch(name) is not None


def _command(arguments: Sequence[str]) -> list[str]:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    return ["git", "--no-pager", *settings, *arguments]


def _run(arguments: Sequence[str], where: Path, timeout_s: float) -> bytes:
    try:
        done = subprocess.run(
            _command(arguments),
            cwd=where,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise _missing() from error
    except subprocess.TimeoutExpired as error:
        raise _too_slow(where, timeout_s) from error
    if done.returncode != 0:
        raise explain(done.stderr.decode(errors="replace"), where)
    return done.stdout


def _missing() -> RepositoryError:
    return RepositoryError("the git command is not installed", remedy="Install Git 2.31 or later.")


def _too_slow(where: Path, timeout_s: float) -> TimedOutError:
    return TimedOutError(
        f"git did not answer within {timeout_s:g} s", where=str(where), remedy="Look at the disk, then try again."
    )


_EXPLANATIONS = (
    (
        r"not a git repository",
        "it is not inside a Git repository",
        "Go to the folder of the repository, or make one with: git init",
    ),
    (
        r"dubious ownership|unsafe repository",
        "Git refuses this repository because another user owns it",
        "If you trust its owner, run: git config --global --add safe.directory {where}",
    ),
    (
        r"promisor|missing (blob|tree|commit|object)|unable to read (tree|sha1|object)|lazy fetch|not allowed",
        "objects are missing here: this is a partial clone, and Tidegate fetches nothing by itself",
        "Fetch everything with: git fetch --refetch --no-filter --tags",
    ),
)


def explain(complaint: str, where: Path) -> RepositoryError:
    """Git's complaint as an error that says what to do."""
    for pattern, what, remedy in _EXPLANATIONS:
        if re.search(pattern, complaint, re.IGNORECASE):
            place = re.search(r"repository at '(.+)'", complaint)
            owned = shlex.quote(place[1] if place else str(where))
            return RepositoryError(what, where=str(where), remedy=remedy.format(where=owned))
    said = plain(complaint) or "no reason given"
    return RepositoryError(f"git failed: {said}", where=str(where), remedy="Check the repository with: git fsck")


def _read_log(output: bytes, paths: Sequence[str]) -> Log:
    """Take the answer of ``git log -z`` apart.

    Each record begins with an empty token: no path is empty, and the number of fields before the paths is fixed, so
    that no message can pretend to be the next record.
    """
    chosen: list[Commit] = []
    parents: dict[str, tuple[str, ...]] = {}
    tokens = output.split(b"\0")
    position = 0
    while position + _LOG_FIELDS < len(tokens):
        fields = tokens[position + 1 : position + 1 + _LOG_FIELDS]
        end = _end_of_paths(tokens, position + 1 + _LOG_FIELDS)
        commit = _read_commit(fields)
        parents[commit.sha] = commit.parents
        if not paths or _touches(tokens[position + 1 + _LOG_FIELDS : end], paths):
            chosen.append(commit)
        position = end
    return Log(tuple(chosen), parents)


def _end_of_paths(tokens: Sequence[bytes], start: int) -> int:
    end = start
    while end < len(tokens) and tokens[end]:
        end += 1
    return end


def _read_commit(fields: Sequence[bytes]) -> Commit:
    sha, parents, author, author_email, committer, committer_email, time, message = (
        field.decode(errors="replace") for field in fields
    )
    return Commit(
        sha=sha,
        parents=tuple(parents.split()),
        author=Person(author, author_email),
        committer=Person(committer, committer_email),
        committed_s=int(time) if time.lstrip("-").isdigit() else 0,
        message=message,
    )


def _touches(names: Sequence[bytes], paths: Sequence[str]) -> bool:
    """Git puts one line end before the first name of a record."""
    wanted = [os.fsencode(path) for path in paths]
    touched = (name.removeprefix(b"\n") if number == 0 else name for number, name in enumerate(names))
    return any(name == path or name.startswith(path + b"/") for name in touched for path in wanted)


def _stream_blobs(repository: Repository, names: list[str]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as requests:
        # From a file: a pipe filled by us while Git waits for us to empty the other one would stop both.
        requests.write("".join(f"{_checked(name)}\n" for name in names).encode())
        requests.seek(0)
        command = _command(["--git-dir", str(repository.git_dir), "cat-file", "--batch", "--buffer"])
        process = _start(command, repository.git_dir, requests)
        alarm = threading.Timer(repository.timeout_s, process.kill)
        alarm.start()
        answers = cast(IO[bytes], process.stdout)
        try:
            for name in names:
                yield _read_blob(answers, name, repository)
        except RepositoryError as error:
            if alarm.finished.is_set():
                raise _too_slow(repository.root, repository.timeout_s) from error
            raise
        finally:
            alarm.cancel()
            process.kill()
            process.communicate()


def _start(command: list[str], where: Path, requests: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command, cwd=where, env=_environment(), stdin=requests, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise _missing() from error


def _read_blob(answers: IO[bytes], name: str, repository: Repository) -> bytes:
    header = answers.readline().decode(errors="replace").split()
    if len(header) != 3 or header[1] != "blob":
        raise explain(f"missing object {name}", repository.root)
    content = answers.read(int(header[2]))
    answers.read(1)
    if blob_name(content, repository.object_format) != name:
        raise RepositoryError(
            f"the object {name} is damaged: its content has another name",
            where=str(repository.root),
            remedy="Check the repository with: git fsck",
        )
    return content


def blob_name(content: bytes, object_format: str) -> str:
    """The object name of a file's content. Source: ``git help hash-object``; the object's header is hashed with it."""
    digest = hashlib.new(object_format, usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()
