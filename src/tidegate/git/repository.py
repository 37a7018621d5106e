"""A Git repository, read by the ``git`` command.

Every call goes by way of :mod:`tidegate.git.calls`, which guards against what a hostile repository would have us run.
Revisions become full object names first (:meth:`Repository.resolve`); nothing a user wrote reaches another command.
Docs: docs/adr/0007-git-by-its-own-command.md.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

from tidegate.core.change import Commit, Person
from tidegate.core.plain import plain
from tidegate.errors import RepositoryError, RevisionError
from tidegate.git.ahead import ALL_TAGS, HEAD_AND_TAGS, OPENING
from tidegate.git.calls import TIMEOUT_S, ask_git, explain, hand_on, run_git, start_git, too_slow
from tidegate.git.log import LOG_FORMAT, Log, read_log, read_named_log, read_raw, seconds
from tidegate.git.moved import touching

_OBJECT_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PIECE = 1 << 18
_MOMENT_S = 0.004
"""How long is waited for more of an answer, where all that was written is read."""
_NAMES_AT_ONCE = 500
"""Commits named in one call, so that the arguments stay far below what a system takes."""


class Tag(NamedTuple):
    """A tag by name, without ``refs/tags/``, and the object that it leads to in the end, mostly a commit.

    ``made_s`` is when it was made, in seconds since 1970, where that was asked for.
    """

    name: str
    target: str
    made_s: int | None = None


class Repository(NamedTuple):
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
        return ask_git(["--git-dir", str(self.git_dir), *arguments], self.git_dir, self.timeout_s)

    def _found(self, *arguments: str) -> bytes:
        """What ``git`` answers where it fails, silently, when it finds nothing."""
        asked = ["--git-dir", str(self.git_dir), *arguments]
        return ask_git(asked, self.git_dir, self.timeout_s, may_find_nothing=True)

    def _in_pieces(self, *arguments: str) -> Iterator[bytes]:
        """What ``git`` answers, in pieces, while it still answers.

        By way of a file: through a pipe the two would wait for each other twenty thousand times in a long log, which
        costs more than to read it.

        Raises:
            RepositoryError, TimedOutError: as :meth:`git`; after pieces were given, where it failed later.
        """
        import tempfile
        import time

        with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as complaints:
            command = ["--git-dir", str(self.git_dir), *arguments]
            process = start_git(command, self.git_dir, subprocess.DEVNULL, answers=answers, complaints=complaints)
            given, until = 0, time.monotonic() + self.timeout_s
            try:
                while True:
                    # Asked before the file is looked at: what it wrote last is then there.
                    ended = process.poll() is not None
                    # At a place of our own: Git writes at the one that the file has in common.
                    while piece := os.pread(answers.fileno(), _PIECE, given):
                        if len(piece) < _PIECE and not ended:
                            break
                        given += len(piece)
                        yield piece
                    if ended:
                        break
                    if time.monotonic() > until:
                        raise too_slow(self.root, self.timeout_s)
                    time.sleep(_MOMENT_S)
            finally:
                process.kill()
                process.wait()
            if process.returncode != 0:
                complaints.seek(0)
                raise explain(complaints.read().decode(errors="replace"), self.git_dir)

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

    def _unknown(self, revision: str) -> RevisionError:
        if revision == "HEAD":
            return RevisionError("there is no commit yet", where=str(self.root), remedy="Make the first commit.")
        fetch = "git fetch --unshallow --tags" if self.is_shallow else "git fetch --tags"
        return RevisionError(
            f'there is no commit "{plain(revision, 100)}" here',
            where=str(self.root),
            remedy=f"Name a commit, branch or tag that `git log` shows; fetch it first with: {fetch}",
        )

    def all_tags(self) -> tuple[Tag, ...]:
        """All tags; read from the list of references alone, so that twelve thousand take a tenth of a second."""
        return _tags_in(self._references(ALL_TAGS))

    def commit_and_tags(self, revision: str) -> tuple[str, tuple[Tag, ...]]:
        """The commit that a revision leads to, and all tags; by one call of Git, where it is ``HEAD`` or a tag's name.

        A tag may lead to what is no commit; then so does the answer, and :meth:`resolve` says what is wrong.

        Raises:
            RepositoryError: as :meth:`resolve`.
        """
        listed = self._references(HEAD_AND_TAGS)
        first, _, rest = listed.partition("\n")
        commit, _, name = first.partition(" ")
        tags = _tags_in(rest if name == "HEAD" else listed)
        if revision != "HEAD":
            return self.resolve_among(tags, revision), tags
        if name != "HEAD" or not _OBJECT_NAME.fullmatch(commit):
            raise self._unknown(revision)
        return commit, tags

    def resolve_among(self, tags: Iterable[Tag], revision: str) -> str:
        """The same as :meth:`resolve`, without asking Git where the revision is the name of one of all tags."""
        name = revision.removeprefix("refs/tags/")
        # Before it looks at the tags Git looks for a bare name among its own, such as `FETCH_HEAD` and `stash`, and for
        # one with a slash among all references. None of these looks like a version.
        is_plain = name != revision or ("." in name and "/" not in name)
        target = next((tag.target for tag in tags if tag.name == name), "") if is_plain else ""
        return target or self.resolve(revision)

    def _references(self, which: Sequence[str]) -> str:
        return os.fsdecode(self._found(*which))

    def dated_tags(self, prefix: str) -> tuple[Tag, ...]:
        """The tags whose names begin with a text, each with the time when it was made; reads each tag's object."""
        form = "--format=%(refname:strip=2)%00%(objectname)%00%(*objectname)%00%(*objecttype)%00%(creatordate:unix)"
        output = os.fsdecode(self.git("for-each-ref", form, f"refs/tags/{prefix}*" if prefix else "refs/tags"))
        lines = [line.split("\0") for line in output.split("\n")[:-1]]
        # A tag of a tag: Git up to 2.44 follows the first alone.
        nested = any(kind == "tag" for _, _, _, kind, _ in lines)
        ends = {tag.name: tag.target for tag in self.all_tags()} if nested else {}
        return tuple(
            Tag(name, ends.get(name, peeled or target), seconds(made)) for name, target, peeled, _, made in lines
        )

    def merged(self, commit: str, names: Sequence[str], *, every: bool = False) -> frozenset[str]:
        """Those of the named tags from which a commit descends.

        Args:
            every: there may be more names than a command line holds, so all tags are asked for.
        """
        if not names:
            return frozenset()
        patterns = ["refs/tags"] if every else [f"refs/tags/{name}" for name in names]
        form = "--format=%(refname:strip=2)"
        output = os.fsdecode(self.git("for-each-ref", form, f"--merged={_checked(commit)}", *patterns))
        return frozenset(output.split("\n")).intersection(names)

    def common_ancestors(self, commits: Sequence[str]) -> tuple[str, ...]:
        """The best common ancestors of all these commits; none where they have none."""
        output = self._found("merge-base", "--all", "--octopus", *(_checked(commit) for commit in commits))
        return tuple(output.decode().split())

    def as_of(self, commit: str, at_s: int) -> str | None:
        """The newest commit of a line that is not later than a time; None: all are.

        A line is a commit with its first parents: what was merged counts from the merge on. The times are those that
        the committers' clocks claimed, in seconds since 1970.
        """
        found = self._found("rev-list", "--max-count=1", "--first-parent", f"--min-age={at_s}", _checked(commit), "--")
        return found.decode().strip() or None

    def commits(
        self, until: str, since: Sequence[str] = (), paths: Sequence[str] = (".",), *, names: bool = False
    ) -> Log:
        """The commits that ``until`` descends from and none of ``since`` does.

        Args:
            until: a full commit name, as are those of ``since``.
            paths: only commits that change something there, in repository paths; ``.`` is everywhere. What a folder's
                former name had counts too (:mod:`tidegate.git.moved`). A merge counts
                by what it brings to its first parent, so that a title that stands in the merge alone is not lost. We
                filter by ourselves because Git's own path limit leaves out whole side branches.
            names: what each commit changes is wanted too.
        """
        everywhere = "." in paths
        wanted = ["--name-status", "--no-renames", "--diff-merges=first-parent"] if names or not everywhere else []
        plainly = ["--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none", "--no-relative"]
        bounds = [_checked(until), "--not", *(_checked(commit) for commit in since)]
        form = ["--root", f"--format={LOG_FORMAT}", "--encoding=UTF-8"]
        call = ["log", "-z", "--topo-order", *form, *plainly, *wanted, *bounds, "--"]
        if not wanted:
            # What came since a release is mostly little.
            return read_log([self.git(*call)] if since else self._in_pieces(*call))
        log = read_named_log(self.git(*call))
        return log if everywhere else log._replace(commits=self.of_paths(log, paths))

    def has_more_than(self, most: int, until: str, since: Sequence[str]) -> bool:
        """Whether there are more commits than so many that ``until`` descends from and none of ``since`` does."""
        bounds = [_checked(until), "--not", *(_checked(commit) for commit in since)]
        return self.git("rev-list", f"--max-count={most + 1}", *bounds, "--").count(b"\n") > most

    def of_paths(self, log: Log, paths: Sequence[str]) -> tuple[Commit, ...]:
        """The commits of a log with names that change something under some paths, or under what these were before."""

        def is_gone(commit: str, former: str) -> bool:
            return not self.git("ls-tree", "--name-only", "--full-tree", commit, "--", former)

        chosen = touching(log.parents, log.touched, log.moves, paths, is_gone)
        return tuple(commit for commit in log.commits if commit.sha in chosen)

    def saying(self, texts: Sequence[str], heads: Sequence[str], since_s: int) -> tuple[Commit, ...]:
        """The commits that one of ``heads`` has, committed at a time or later, whose messages have one of the texts."""
        search = ["--fixed-strings", *(f"--grep={text}" for text in texts), f"--max-age={max(since_s, 0)}"]
        bounds = [_checked(head) for head in heads]
        output = self.git("log", "-z", *search, f"--format={LOG_FORMAT}", "--encoding=UTF-8", *bounds, "--")
        return read_log([output]).commits

    def recent(self, heads: Sequence[str], since_s: int) -> tuple[Commit, ...]:
        """The commits that one of ``heads`` has, committed at a time or later, children before parents."""
        bounds = [f"--max-age={max(since_s, 0)}", *(_checked(head) for head in heads)]
        output = self.git("log", "-z", "--topo-order", f"--format={LOG_FORMAT}", "--encoding=UTF-8", *bounds, "--")
        return read_log([output]).commits

    def without(self, commits: Sequence[str], heads: Sequence[str]) -> frozenset[str]:
        """Those of some commits that none of ``heads`` has; what is no commit here is left out."""
        return self._listed(commits, [f"^{_checked(head)}" for head in heads])

    def there(self, commits: Sequence[str]) -> frozenset[str]:
        """Those of some names that are commits here, whether or not anything leads to them."""
        return self._listed(commits, [], "--no-walk")

    def _listed(self, commits: Sequence[str], bounds: Sequence[str], *how: str) -> frozenset[str]:
        if not commits:
            return frozenset()
        wanted = [name for name in commits if _OBJECT_NAME.fullmatch(name)]
        names = "".join(f"{name}\n" for name in (*wanted, *bounds))
        asked = ["--git-dir", str(self.git_dir), "rev-list", "--ignore-missing", *how, "--stdin"]
        done = run_git(asked, self.git_dir, self.timeout_s, stdin=names.encode())
        if done.returncode != 0:
            raise explain(done.stderr.decode(errors="replace"), self.git_dir)
        return frozenset(done.stdout.decode().split()).intersection(commits)

    def last_author(self, revision: str) -> Person:
        """Who wrote the commit that a revision leads to, as the commit claims."""
        return self.commit(revision).author

    def commit(self, revision: str) -> Commit:
        """The commit that a revision leads to."""
        name = self.resolve(revision)
        output = self.git("log", "-z", "--no-walk", f"--format={LOG_FORMAT}", "--encoding=UTF-8", name, "--")
        return read_log([output]).commits[0]

    def commits_named(self, names: Sequence[str]) -> tuple[Commit, ...]:
        """These commits, by their full names, in that order."""
        found: list[Commit] = []
        for at in range(0, len(names), _NAMES_AT_ONCE):
            some = [_checked(name) for name in names[at : at + _NAMES_AT_ONCE]]
            output = self.git(
                "log", "-z", "--no-walk=unsorted", f"--format={LOG_FORMAT}", "--encoding=UTF-8", *some, "--"
            )
            found += read_log([output]).commits
        return tuple(found)

    def objects_changed(self, names: Iterable[str]) -> dict[str, dict[str, tuple[str, str]]]:
        """The files that each of these commits changes against its first parent, with their objects before and after.

        No object is read but trees, so that a clone without blobs answers the same.
        """
        wanted = ["--raw", "--no-abbrev", "--no-renames", "--root", "--diff-merges=first-parent"]
        plainly = ["--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none", "--no-relative"]
        asked = ["--git-dir", str(self.git_dir), "log", "-z", "--no-walk=unsorted", "--format=%x00%H", "--stdin"]
        done = run_git(
            [*asked, *wanted, *plainly],
            self.git_dir,
            self.timeout_s,
            stdin="".join(f"{_checked(name)}\n" for name in names).encode(),
        )
        if done.returncode != 0:
            raise explain(done.stderr.decode(errors="replace"), self.git_dir)
        return read_raw(os.fsdecode(done.stdout).split("\0"))

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
    lines = os.fsdecode(ask_git(OPENING, path, timeout_s))
    bare, shallow, object_format, inside, places = lines.split("\n", 4)
    # The way up is only dots and slashes, or a configured work tree's path; without a work tree it is left out.
    git_dir, _, up = places.removesuffix("\n").rpartition("\n")
    if inside != "true" and not (git_dir and Path(git_dir).is_dir()):
        git_dir = places.removesuffix("\n")  # bare: no way up is told
    root = Path(os.path.realpath(path / up)) if inside == "true" else Path(git_dir)
    hand_on(HEAD_AND_TAGS, path, ["--git-dir", git_dir, *HEAD_AND_TAGS], git_dir)
    return Repository(root, Path(git_dir), object_format, shallow == "true", bare == "true", timeout_s)


def _tags_in(listed: str) -> tuple[Tag, ...]:
    # What an annotated tag leads to stands on a line of its own, after the tag's. A name may have white space of all
    # kinds in it, but no space, no line end and no caret.
    words = listed.replace("^{}\n", "\n").replace("\n", " ").split(" ")
    targets = dict(zip(words[1::2], words[:-1:2], strict=True))
    return tuple([Tag(name.removeprefix("refs/tags/"), target) for name, target in targets.items()])


def committers(commits: Iterable[Commit]) -> tuple[Person, ...]:
    """Who put these commits into the history, each address once, as the commits claim."""
    people = {commit.committer.email.lower(): commit.committer for commit in commits}
    return tuple(people.values())


def _checked(name: str) -> str:
    """A full object name: what nobody resolved first must not reach a command line."""
    if not _OBJECT_NAME.fullmatch(name):
        raise RepositoryError(f'"{plain(name, 100)}" is no full commit name', remedy="Resolve the revision first.")
    return name


def _stream_blobs(repository: Repository, names: list[str]) -> Iterator[bytes]:
    # Contents are read by few commands; versions and notes are told without these.
    import tempfile
    import threading

    with tempfile.TemporaryFile() as requests:
        # From a file: a pipe filled by us while Git waits for us to empty the other one would stop both.
        requests.write("".join(f"{_checked(name)}\n" for name in names).encode())
        requests.seek(0)
        command = ["--git-dir", str(repository.git_dir), "cat-file", "--batch", "--buffer"]
        process = start_git(command, repository.git_dir, requests)
        alarm = threading.Timer(repository.timeout_s, process.kill)
        alarm.start()
        answers = cast(IO[bytes], process.stdout)
        try:
            for name in names:
                yield _read_blob(answers, name, repository)
        except RepositoryError as error:
            if alarm.finished.is_set():
                raise too_slow(repository.root, repository.timeout_s) from error
            raise
        finally:
            alarm.cancel()
            process.kill()
            process.communicate()


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
    import hashlib

    digest = hashlib.new(object_format, usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()
