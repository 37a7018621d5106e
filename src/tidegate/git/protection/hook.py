"""Locking by a server-side hook: a list of locked refs in the repository, and an ``update`` hook that reads it.

Everything is done by one script in POSIX sh, on this machine or over SSH, so that there is one way to do it. The list
is written before the hook is set, and each file is put in its place by a rename: there is no moment at which a push
finds half of either. A hook that was there is kept beside ours, and asked after it. Git reads ``core.hooksPath`` of the
account that receives pushes; where it is set, a hook in the repository would never run, and we say so instead.

Facts of Git: receive-pack runs ``hooks/update REF OLD NEW`` once for each ref, in the repository, with GIT_DIR set, and
follows symbolic refs after the hook has been asked; so the hook looks where a ref leads. Source: ``git help githooks``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass

from tidegate.core.branch import checked_name
from tidegate.core.plain import plain
from tidegate.errors import ConflictError, RepositoryError, TimedOutError
from tidegate.git.protection.contract import Lock
from tidegate.git.refs import BRANCHES

TIMEOUT_S = 60.0

HOOK = r"""#!/bin/sh
# Set by `tidegate branch lock`: refuses pushes to the refs that tidegate/locked-refs lists.
# A hook that was here before is kept as update.before-tidegate, and asked after this one.
locked="$(git rev-parse --git-common-dir)/tidegate/locked-refs"
if [ ! -r "$locked" ]; then
    echo "tidegate: the list of locked branches cannot be read, so nothing is taken" >&2
    exit 1
fi
name=$1
steps=0
while :; do
    while read -r ref by at; do
        if [ "$ref" = "$name" ]; then
            echo "tidegate: ${name#refs/heads/} is locked by $by since $at" >&2
            exit 1
        fi
    done < "$locked"
    # A ref may only be another name for one that is locked.
    next=$(git symbolic-ref -q "$name") && [ "$steps" -lt 5 ] || break
    name=$next
    steps=$((steps + 1))
done
if [ -x "$0.before-tidegate" ]; then
    exec "$0.before-tidegate" "$@"
fi
exit 0
"""

_SCRIPT = r"""
set -eu
umask 022
path=$1 act=$2 ref=$3 note=$4 hook=$5
say() { printf 'tidegate: %s\n' "$1" >&2; exit "$2"; }
unset GIT_DIR GIT_WORK_TREE GIT_CONFIG_PARAMETERS
cd -- "$path" 2>/dev/null || say "there is no folder there that can be entered" 4
dir=$(git rev-parse --path-format=absolute --git-common-dir 2>&1) || say "Git cannot use it: $dir" 4
cd -- "$dir"
list=tidegate/locked-refs
ours=no
if [ -f hooks/update ] && head -n 2 hooks/update | grep -q '^# Set by `tidegate branch lock`'; then ours=yes; fi
stands() { [ -x hooks/update ] && [ "$(cat hooks/update)" = "$(printf '%s' "$hook")" ]; }
if [ "$act" = list ]; then
    if [ -e "$list" ] || [ "$ours" = yes ]; then cat -- "$list"; fi
    if [ -s "$list" ] && ! stands; then say "it lists locked branches, and its hook is not there" 5; fi
    exit 0
fi
other=$(git config --get core.hooksPath || :)
[ -z "$other" ] || say "its hooks are read from another place (core.hooksPath)" 3
[ -d hooks ] || mkdir hooks
mkdir -p tidegate
draft=tidegate/draft.$$
lock=$list.lock
if ! ( set -C; : > "$lock" ) 2>/dev/null; then say "somebody else changes its locks right now ($lock)" 3; fi
rest=tidegate/rest.$$
trap 'rm -f -- "$draft" "$rest" "$lock"' EXIT
trap 'exit 1' HUP INT TERM
printf '%s' "$hook" > "$draft"
if [ "$act" = lock ]; then
    if [ "$ours" = no ] && { [ -e hooks/update ] || [ -L hooks/update ]; }; then
        [ ! -d hooks/update ] || say "hooks/update is a folder" 3
        kept=hooks/update.before-tidegate
        if { [ -e "$kept" ] || [ -L "$kept" ]; } && ! cmp -s hooks/update "$kept"; then
            say "it has an update hook, and hooks/update.before-tidegate is there as well" 3
        fi
        cp -P -p -- hooks/update "$kept"
    fi
fi
if [ "$act" = unlock ] && [ ! -e "$list" ]; then exit 0; fi
[ -e "$list" ] || : > "$list"
kept=$(while read -r found more; do [ "$found" != "$ref" ] || printf '%s %s\n' "$found" "$more"; done < "$list")
while read -r found more; do [ "$found" = "$ref" ] || printf '%s %s\n' "$found" "$more"; done < "$list" > "$rest"
if [ "$act" = lock ]; then printf '%s\n' "${kept:-$ref $note}" >> "$rest"; fi
mv -f -- "$rest" "$list"
if [ "$act" = lock ]; then
    chmod 755 "$draft"
    mv -f -- "$draft" hooks/update
    stands || say "the hook is not as it was set" 5
fi
cat -- "$list"
"""
"""Exit codes: 3 something is in the way, 4 there is no such repository, 5 it is not as it was set; else it failed."""

_SSH_ADDRESS = re.compile(r"ssh://((?:[A-Za-z0-9._-]+@)?[A-Za-z0-9.\[\]:-]+?)(?::([0-9]{1,5}))?(/.+)")
_SSH_SHORT = re.compile(r"((?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*):((?!//).+)")


@dataclass(frozen=True, slots=True)
class HookProtection:
    """The locks of a repository in a folder, of this machine or where ``command`` leads; see the contract."""

    name: str
    path: str
    command: tuple[str, ...] = ()

    def lock(self, branch: str, by: str, at: str) -> Lock:
        """Lock a branch."""
        note = f"{re.sub(r'[^A-Za-z0-9._@-]', '_', by) or 'somebody'} {at}"
        found = _read(self._run("lock", BRANCHES + checked_name(branch), note))
        made = next((lock for lock in found if lock.branch == branch), None)
        return made or self._not_as_asked(branch, "locked")

    def unlock(self, branch: str) -> None:
        """Unlock a branch."""
        self._run("unlock", BRANCHES + checked_name(branch), "")
        if any(lock.branch == branch for lock in self.locks()):
            self._not_as_asked(branch, "unlocked")

    def locks(self) -> tuple[Lock, ...]:
        """The locked branches."""
        return _read(self._run("list", "", ""))

    def _not_as_asked(self, branch: str, word: str) -> Lock:
        raise RepositoryError(
            f"{plain(branch, 100)} was to be {word} at {self.name}, and is not",
            remedy="look at tidegate/locked-refs in that repository",
        )

    def _run(self, act: str, ref: str, note: str) -> str:
        words = ["sh", "-c", _SCRIPT, "tidegate", self.path, act, ref, note, HOOK]
        # ssh hands one string to the shell of the host: it is quoted for that shell, and nothing of it is expanded.
        command = [*self.command, shlex.join(words)] if self.command else words
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise TimedOutError(
                f"{self.name} did not answer within {TIMEOUT_S:g} s", remedy="look at it, then try again"
            ) from error
        except OSError as error:
            raise RepositoryError(f"{command[0]} cannot be run: {error}", remedy="install it") from error
        if done.returncode != 0:
            raise self._failed(done.returncode, done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def _failed(self, code: int, complaint: str) -> ConflictError | RepositoryError:
        lines = [line.removeprefix("tidegate: ") for line in complaint.splitlines() if line.startswith("tidegate: ")]
        said = plain(" ".join(lines) or complaint, 300) or "no reason given"
        if code == 3:
            return ConflictError(
                f"branches cannot be locked at {self.name}: {said}",
                where=self.path,
                remedy="take it out of the way, or protect the branch there by other means",
            )
        return RepositoryError(
            f"branches cannot be locked at {self.name}: {said}",
            where=self.path,
            remedy="see that the repository is there, and that you may write into it",
        )


def _read(listed: str) -> tuple[Lock, ...]:
    parts = (line.split(" ", 2) for line in listed.splitlines() if line.startswith(BRANCHES))
    found = (Lock(name.removeprefix(BRANCHES), *[*more, "", ""][:2]) for name, *more in parts)
    return tuple(sorted(found, key=lambda lock: lock.branch))


def reached_by_ssh(address: str) -> tuple[tuple[str, ...], str] | None:
    """The command that reaches the host of an SSH address, and the path there; None for another address.

    ``GIT_SSH_COMMAND`` of the user is obeyed, as words: no shell reads it.
    """
    port, host, path = "", "", ""
    if found := _SSH_ADDRESS.fullmatch(address):
        host, port, path = found[1], found[2] or "", found[3]
    elif found := _SSH_SHORT.fullmatch(address):
        host, path = found[1], found[2]
    if not path or "://" in path or address.startswith(("https:", "http:", "file:")):
        return None
    base = shlex.split(os.environ.get("GIT_SSH_COMMAND", "")) or ["ssh"]
    return (*base, "-o", "BatchMode=yes", *(("-p", port) if port else ()), "--", host), path
