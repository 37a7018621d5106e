"""Pushing branches and tags, when a person asks for it, and reading back what became of it.

The repository's configuration is asked for one thing, the address of a remote, and that is looked at before it is used.
The push itself runs in a workshop, so that no command that the repository names for a connection, a credential or a
hook is run; the user's own configuration holds. Only ``file``, ``ssh`` and ``https`` are spoken.

A push to a path runs the hooks that lie there, as whoever pushes. A path must therefore be named by the person; one
that the repository's configuration names must at least be absolute and lie outside the repository.

Nothing is ever forced: what Git refuses stays refused. An exit code is no proof in either direction: what counts is
what the remote says afterwards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.plain import plain
from tidegate.core.tag import SeenTag
from tidegate.errors import ConflictError, NotFoundError, RepositoryError, TidegateError, UsageError
from tidegate.git.calls import explain, run_git
from tidegate.git.refs import BRANCHES, TAGS, demand_unprotected
from tidegate.git.repository import Repository
from tidegate.git.writing import Workshop

PROTOCOLS = "file:ssh:https"
_SSH_URL = re.compile(r"ssh://(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9\[][A-Za-z0-9.:\]-]*/.+")
_SSH_SHORT = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!:|//).+")
_HTTPS = re.compile(r"https://[^\s/]+/.*")
_USERS_CONNECTION = ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSH_VARIANT", "GIT_ASKPASS")


@dataclass(frozen=True, slots=True)
class Remote:
    """A place that can be pushed to: its name, for people, and its address, which is safe to give to Git."""

    name: str
    address: str

    @property
    def is_path(self) -> bool:
        """Whether it is a folder of this machine."""
        return not _is_url(self.address)

    @property
    def path(self) -> Path:
        """Its folder, where it is one."""
        return Path(self.address.removeprefix("file://"))


def find_remote(repository: Repository, name: str) -> Remote:
    """The remote of that name, or the address itself where a person gives one.

    Raises:
        NotFoundError: there is no remote of that name.
        UsageError: its address is none that is pushed to.
    """
    configured = _configured(repository, name)
    if configured:
        address = configured[-1]
        return Remote(name, _demand_outside(repository, name, _checked(address, f"the remote {plain(name, 60)}")))
    if "/" in name or ":" in name:
        address = str(Path.cwd() / name) if _is_local(name) else name
        return Remote(_without_secret(name), _checked(address, ""))
    raise NotFoundError(
        f"there is no remote {plain(name, 60)}",
        where=str(repository.root),
        remedy="name one that `git remote` lists, or give its address: --remote ADDRESS",
    )


def _configured(repository: Repository, name: str) -> list[str]:
    if not name.isprintable() or not name:
        return []
    for key in ("pushurl", "url"):
        words = ["--git-dir", str(repository.git_dir), "config", "-z", "--get-all", f"remote.{name}.{key}"]
        done = run_git(words, repository.git_dir, repository.timeout_s)
        found = [value for value in done.stdout.decode(errors="replace").split("\0") if value]
        if done.returncode == 0 and found:
            return found
    return []


def _is_url(address: str) -> bool:
    return not address.startswith("file://") and not _is_local(address)


def _is_local(address: str) -> bool:
    """As Git tells a path from ``host:path``: by a slash before the first colon, or no colon at all."""
    head, colon, _ = address.partition(":")
    return not colon or "/" in head


def _checked(address: str, whose: str) -> str:
    seen = plain(_without_secret(address), 200)
    shown = f"{whose} leads to {seen}, which" if whose else f'"{seen}"'
    known = (_SSH_URL, _SSH_SHORT, _HTTPS)
    path = address.removeprefix("file://")
    fits = _is_local(path) or ("::" not in address and any(form.fullmatch(address) for form in known))
    if not address or address.startswith("-") or not address.isprintable() or not fits:
        raise UsageError(
            f"{shown} is no address that Tidegate pushes to",
            remedy="give a path, an ssh or an https address: --remote ADDRESS",
        )
    return address


def _demand_outside(repository: Repository, name: str, address: str) -> str:
    """A path that only the configuration names must not lead to hooks that came with the repository."""
    if _is_url(address):
        return address
    path = Path(address.removeprefix("file://"))
    inside = any(_holds(place, path) for place in (repository.root, repository.git_dir))
    if not path.is_absolute() or inside:
        raise UsageError(
            f"the remote {plain(name, 60)} is the folder {plain(str(path), 200)}, which may have come with the "
            "repository; a push would run the hooks that lie there",
            remedy="if you trust it, name the folder yourself: --remote PATH",
        )
    return address


def _holds(place: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(place.resolve())


def list_remote(workshop: Workshop, remote: Remote, *patterns: str) -> dict[str, str]:
    """What a remote has: the objects by their full ref name; a peeled tag under ``NAME^{}``.

    Raises:
        RepositoryError: it cannot be reached, or does not answer.
    """
    done = _connected(workshop, remote, "ls-remote", "--", remote.address, *patterns)
    if done[0] != 0:
        raise RepositoryError(
            f"the remote {plain(remote.name, 100)} does not answer: {_reason(workshop, done[2])}",
            remedy="see that you can reach it: git ls-remote " + plain(remote.name, 100),
        )
    lines = (line.split("\t", 1) for line in done[1].decode(errors="replace").split("\n") if "\t" in line)
    return {name: target for target, name in lines}


def remote_tags(workshop: Workshop, remote: Remote) -> dict[str, SeenTag]:
    """The tags of a remote by name, without ``refs/tags/``."""
    found = list_remote(workshop, remote, f"{TAGS}*")
    names = (name for name in found if name.startswith(TAGS) and not name.endswith("^{}"))
    return {name.removeprefix(TAGS): SeenTag(found[name], found.get(f"{name}^{{}}", found[name])) for name in names}


def push(workshop: Workshop, remote: Remote, ref: str, target: str, protected: Callable[[str], bool]) -> None:
    """Push an object to a ref of a remote, without force, and read it back.

    Raises:
        NotPermittedError: the ref is a protected branch.
        ConflictError: the remote refused it, and has something else there.
        RepositoryError: nobody can tell whether it arrived.
    """
    if ref.startswith(BRANCHES):
        demand_unprotected(ref.removeprefix(BRANCHES), protected)
    plainly = ("--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no", "--porcelain")
    try:
        code, _, complaint = _connected(workshop, remote, "push", *plainly, "--", remote.address, f"{target}:{ref}")
        said = _reason(workshop, complaint) if code else ""
        there = list_remote(workshop, remote, ref).get(ref, "")
    except TidegateError as error:
        raise _unknown(ref, remote, error) from error
    if there == target:
        return
    raise ConflictError(
        f"{plain(remote.name, 100)} did not take {_short(ref)}: {said or 'it says that it did, and has not'}; "
        f"it has {there[:12] or 'nothing'} there",
        remedy=f"look at what is there: git ls-remote {plain(remote.name, 100)} {ref}",
    )


def _unknown(ref: str, remote: Remote, error: TidegateError) -> RepositoryError:
    return RepositoryError(
        f"nobody can tell whether {_short(ref)} arrived at {plain(remote.name, 100)}: {error.what}",
        remedy=f"when it answers again, look: git ls-remote {plain(remote.name, 100)} {ref}",
    )


def _connected(workshop: Workshop, remote: Remote, verb: str, *words: str) -> tuple[int, bytes, str]:
    """Run Git with a connection to the remote, in the workshop, with the user's own configuration."""
    allowed: Mapping[str, str] = {
        "GIT_ALLOW_PROTOCOL": PROTOCOLS,
        **{name: os.environ[name] for name in _USERS_CONNECTION if name in os.environ},
    }
    place = workshop.directory
    command = ["--git-dir", str(place), verb, *words]
    done = run_git(command, place, workshop.repository.timeout_s, environment=allowed)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")


_TELLING = re.compile(r"^(?:remote: (?P<remote>.*)|! *\t?(?P<refused>[^\n]*)|fatal: (?P<fatal>.*))$", re.MULTILINE)


def _reason(workshop: Workshop, complaint: str) -> str:
    """What the remote, or Git, says of a refusal, on one line."""
    found = list(_TELLING.finditer(complaint))
    remote = " ".join(match["remote"].strip() for match in found if match["remote"])
    others = " ".join(str(match["refused"] or match["fatal"] or "").strip() for match in found)
    said = remote or others or explain(complaint, workshop.repository.root).what
    return plain(_without_secret(said), 400) or "no reason given"


def _without_secret(text: str) -> str:
    """The text without names and passwords in addresses."""
    return re.sub(r"://[^/\s@]*@", "://", text)


def _short(ref: str) -> str:
    noun = "the tag" if ref.startswith(TAGS) else "the branch"
    return f"{noun} {plain(ref.removeprefix(BRANCHES).removeprefix(TAGS), 100)}"
