"""Writing branches and tags of a repository: the only place that does.

Each write says what it expects to find, so that whoever was faster wins, and nothing is overwritten unseen. A branch
that is protected, checked out in a work tree, or only another name for a branch is never written. Neither the work
tree nor the index is touched, and no hook runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.core.branch import checked_name
from tidegate.core.plain import plain
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, RepositoryError
from tidegate.git.calls import explain, run_git
from tidegate.git.repository import Repository
from tidegate.git.writing import ISOLATED, Identity

BRANCHES, TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or tag: its full name, the object it names, the commit that leads to; ``alias`` where it is one."""

    name: str
    object: str
    commit: str
    alias: str = ""


def read_ref(repository: Repository, name: str) -> Ref | None:
    """The ref of that full name (``refs/heads/main``); None where there is none."""
    return next((ref for ref in read_refs(repository, name) if ref.name == name), None)


def read_refs(repository: Repository, below: str) -> tuple[Ref, ...]:
    """The refs of that name, below it where it ends in a slash, or whose names match it where it has a ``*``."""
    form = "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(symref)"
    found = repository.git("for-each-ref", form, below).decode(errors="surrogateescape").split("\n")[:-1]
    parts = (line.split("\0") for line in found)
    return tuple(Ref(name, target, peeled or target, alias) for name, target, peeled, alias in parts)


def read_branch(repository: Repository, name: str) -> Ref:
    """The branch of that name.

    Raises:
        UsageError: it is no branch name.
        NotFoundError: there is none.
    """
    ref = read_ref(repository, BRANCHES + checked_name(name))
    if ref is None:
        raise NotFoundError(
            f"there is no branch {plain(name, 100)}",
            where=str(repository.root),
            remedy="name one that `git branch` lists, or fetch it: git fetch origin NAME:NAME",
        )
    return ref


def demand_unprotected(name: str, protected: Callable[[str], bool]) -> str:
    """The name, of a branch to which Tidegate may write.

    Raises:
        UsageError: it is no branch name.
        NotPermittedError: the branch is protected.
    """
    if protected(checked_name(name)):
        raise NotPermittedError(
            f"the branch {plain(name, 100)} is protected: Tidegate never writes to it",
            remedy="open a pull request, and let people merge it",
        )
    return name


@dataclass(frozen=True, slots=True)
class RefWriter:
    """Writes branches and tags for somebody; ``protected`` says which branches it must leave alone."""

    repository: Repository
    identity: Identity
    protected: Callable[[str], bool]

    def create_branch(self, name: str, commit: str, why: str) -> None:
        """Make a branch at a commit.

        Raises:
            NotPermittedError: it is protected.
            ConflictError: there is one of that name.
        """
        ref = BRANCHES + demand_unprotected(name, self.protected)
        self._demand_not_checked_out(name)
        self._create(ref, commit, why, "branch")

    def move_branch(self, name: str, old: str, new: str, why: str) -> None:
        """Move a branch on, from the commit where it was read.

        Raises:
            NotPermittedError: it is protected.
            ConflictError: somebody else has moved it, or it is checked out, or is another name for a branch.
        """
        self.demand_movable(name)
        try:
            self._update("update", BRANCHES + name, new, old, why)
        except RepositoryError as error:
            there = read_ref(self.repository, BRANCHES + name)
            if there is not None and there.object == old:
                raise
            raise ConflictError(
                f"the branch {plain(name, 100)} was moved by somebody else", remedy="look at it, then repeat"
            ) from error

    def demand_movable(self, name: str) -> None:
        """Whether this branch could be moved.

        Raises:
            NotPermittedError: it is protected.
            ConflictError: it is checked out, or another name for a branch.
        """
        demand_unprotected(name, self.protected)
        self._demand_own_name(name)
        self._demand_not_checked_out(name)

    def take_back_branch(self, name: str, new: str, old: str, why: str) -> None:
        """Undo what this writer has just done, as long as nobody has gone on from it; ``old`` empty: it is deleted."""
        ref = BRANCHES + demand_unprotected(name, self.protected)
        if old:
            self._update("update", ref, old, new, why)
        else:
            self._update("delete", ref, "", new, why)

    def create_tag(self, name: str, target: str, why: str) -> None:
        """Make a tag that names an object.

        Raises:
            ConflictError: there is one of that name.
        """
        self._create(TAGS + checked_name(name), target, why, "tag")

    def _create(self, ref: str, target: str, why: str, noun: str) -> None:
        try:
            self._update("create", ref, target, "", why)
        except RepositoryError as error:
            there = read_ref(self.repository, ref)
            if there is not None:
                raise ConflictError(
                    f"there is a {noun} {_short(ref)} already, at {there.commit[:12]}",
                    remedy=f"name another version, or go on with that {noun}",
                ) from error
            if "cannot lock ref" in error.what:
                raise ConflictError(
                    f"the {noun} {_short(ref)} cannot be made: another one stands where its name needs a folder",
                    where=str(self.repository.root),
                    remedy="list them with: git for-each-ref",
                ) from error
            raise

    def _update(self, verb: str, ref: str, new: str, old: str, why: str) -> None:
        values = [new] if verb == "create" else [old] if verb == "delete" else [new, old]
        stdin = b"\0".join(os.fsencode(part) for part in (f"{verb} {ref}", *values)) + b"\0"
        words = ["--git-dir", str(self.repository.git_dir), "update-ref", "--no-deref", "-m", why, "--stdin", "-z"]
        who = {"GIT_COMMITTER_NAME": self.identity.plain_name, "GIT_COMMITTER_EMAIL": self.identity.email}
        place, limit = self.repository.git_dir, self.repository.timeout_s
        done = run_git(words, place, limit, stdin=stdin, environment=ISOLATED | who)
        if done.returncode != 0:
            raise explain(done.stderr.decode(errors="replace"), self.repository.root)

    def _demand_own_name(self, name: str) -> None:
        ref = read_ref(self.repository, BRANCHES + name)
        if ref is not None and ref.alias:
            raise ConflictError(
                f"the branch {plain(name, 100)} is only another name for {_short(ref.alias)}",
                remedy="name that branch itself",
            )

    def _demand_not_checked_out(self, name: str) -> None:
        place = checked_out_at(self.repository, name)
        if place:
            raise ConflictError(
                f"the branch {plain(name, 100)} is checked out in {plain(place, 200)}: "
                "Tidegate moves no branch under a work tree",
                remedy="switch that work tree to another branch, or detach it: git switch --detach",
            )


def checked_out_at(repository: Repository, name: str) -> str:
    """The work tree in which a branch is checked out; empty where it is in none."""
    place = ""
    for line in repository.git("worktree", "list", "--porcelain", "-z").decode(errors="replace").split("\0"):
        place = line.removeprefix("worktree ") if line.startswith("worktree ") else place
        if line == "bare":
            place = ""
        if line == f"branch {BRANCHES}{name}" and place:
            return place
    return ""


def _short(ref: str) -> str:
    return plain(ref.removeprefix(BRANCHES).removeprefix(TAGS), 100)
