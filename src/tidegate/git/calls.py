"""Calls of the ``git`` command, behind guards.

The repository is hostile: whoever wrote its configuration wants us to run something. Each call therefore

* runs ``git`` with an argument list and without the ``GIT_*`` variables of our surroundings (a hook's ``GIT_DIR`` would
  point us to another repository), apart from those that say where the *user's* configuration is;
* disables what a repository can make Git execute while it reads: hooks, the file-system monitor, external diffs, text
  conversion, signature programs, and every transport (a partial clone fetches missing objects by itself);
* reads objects as they are: no replacement refs, no grafts, no mailmap;
* has a time limit.

What a command is sure to ask can be asked ahead (:func:`ask_ahead`): Git then answers while Python still imports.
Docs: docs/adr/0007-git-by-its-own-command.md.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from tidegate.core.plain import plain
from tidegate.errors import RepositoryError, TimedOutError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 120.0
"""Seconds one ``git`` call may take; the whole log of 50,000 commits takes half a second."""

_USERS_OWN = frozenset(
    (
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_COUNT",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH",
    )
)
_USERS_SETTINGS = ("GIT_CONFIG_KEY", "GIT_CONFIG_VALUE")
_SETTINGS = (
    "core.fsmonitor=false",
    # Our own empty graft file would be complained about, and silence is how Git says that it found nothing.
    "advice.graftFileDeprecated=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "color.ui=false",
    "log.showSignature=false",
    "log.showRoot=true",
    # Git refuses a file that is not there.
    "diff.orderFile=/dev/null",
)
_PIPE = 1 << 20
"""Bytes of an answer that Git can give before anybody reads it: what Linux lets everybody have."""
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


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if _is_harmless(name)}
    return ours | _GUARDS


def _is_harmless(name: str) -> bool:
    setting, _, number = name.rpartition("_")
    return not name.startswith("GIT_") or name in _USERS_OWN or (setting in _USERS_SETTINGS and number.isdecimal())


def _command(arguments: Sequence[str]) -> list[str]:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    return ["git", "--no-pager", *settings, *arguments]


def ask_git(arguments: Sequence[str], where: Path, timeout_s: float, *, may_find_nothing: bool = False) -> bytes:
    """What ``git`` answers on its standard output.

    Args:
        may_find_nothing: Git fails, silently, when it finds nothing; that is an answer.

    Raises:
        RepositoryError: Git failed; its own sentence is in ``what``.
        TimedOutError: as :func:`run_git`.
    """
    done = run_git(arguments, where, timeout_s)
    found_nothing = may_find_nothing and done.returncode == 1 and not done.stderr
    if done.returncode != 0 and not found_nothing:
        raise explain(done.stderr.decode(errors="replace"), where)
    return done.stdout


def run_git(
    arguments: Sequence[str],
    where: Path,
    timeout_s: float,
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    answers: IO[bytes] | int = subprocess.PIPE,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``git`` to its end behind the guards of this module, whatever it answers.

    Args:
        answers: a file that takes what Git answers, in place of the result.
        environment: variables that are set besides, or instead of, those of the guards.

    Raises:
        RepositoryError: Git is not installed.
        TimedOutError: it took longer than ``timeout_s``.
    """
    process = None
    if _ahead and not stdin and environment is None and answers == subprocess.PIPE:
        process = _ahead.pop(_key(arguments, where), None)
    if process is None:
        requests = subprocess.PIPE if stdin else subprocess.DEVNULL
        process = start_git(arguments, where, requests, answers, subprocess.PIPE, environment)
    with process:
        try:
            said, complained = process.communicate(stdin or None, timeout_s)
        except subprocess.TimeoutExpired as error:
            raise too_slow(where, timeout_s) from error
        finally:
            process.kill()  # whatever ended the waiting; what has ended already is left alone
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


_Key = tuple[str, tuple[str, ...]]
_ahead: dict[_Key, subprocess.Popen[bytes]] = {}


def ask_ahead(arguments: Sequence[str], where: Path | str) -> None:
    """Start a call; :func:`run_git` gives its answer, once, to whoever asks the same at the same place.

    Only for what nobody changes before it is asked. Where Git cannot be started nothing happens: whoever asks is told
    then.
    """
    try:
        key = _key(arguments, where)
        process = start_git(arguments, where, subprocess.DEVNULL, complaints=subprocess.PIPE)
    except (RepositoryError, OSError):
        return
    if process.stdout is not None:
        with suppress(OSError, AttributeError):  # what only Linux has, and not for everybody without end
            # Otherwise Git would stop at a sixteenth of that, and go on when it is asked.
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE)
    _ahead[key] = process


def hand_on(arguments: Sequence[str], where: Path | str, to: Sequence[str], there: Path | str) -> None:
    """Let what was asked ahead answer another call, of which the caller knows that it asks the same."""
    if process := _ahead.pop(_key(arguments, where), None):
        _ahead[_key(to, there)] = process


def _key(arguments: Sequence[str], where: Path | str) -> _Key:
    return os.path.realpath(where), tuple(arguments)


def _missing() -> RepositoryError:
    return RepositoryError("the git command is not installed", remedy="Install Git 2.31 or later.")


def too_slow(where: Path, timeout_s: float) -> TimedOutError:
    """Git took longer than it may."""
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
    import shlex

    for said, what, remedy in _EXPLANATIONS:
        if re.search(said, complaint, re.IGNORECASE):
            place = re.search(r"repository at '(.+)'", complaint)
            owned = shlex.quote(place[1] if place else str(where))
            return RepositoryError(what, where=str(where), remedy=remedy.format(where=owned))
    said = plain(complaint) or "no reason given"
    return RepositoryError(f"git failed: {said}", where=str(where), remedy="Check the repository with: git fsck")


def start_git(
    arguments: Sequence[str],
    where: Path | str,
    requests: IO[bytes] | int,
    answers: IO[bytes] | int = subprocess.PIPE,
    complaints: IO[bytes] | int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``git`` behind the guards of this module.

    Raises:
        RepositoryError: Git is not installed.
    """
    try:
        return subprocess.Popen(
            _command(arguments),
            cwd=where,
            env=_environment() | dict(environment or {}),
            stdin=requests,
            stdout=answers,
            stderr=complaints,
        )
    except FileNotFoundError as error:
        raise _missing() from error
