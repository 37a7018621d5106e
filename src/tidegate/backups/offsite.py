"""Copies elsewhere, by ``rclone``; what counts is what is found there afterwards.

rclone ends with 0 when it has done what it could. So the remote is asked: exactly one object of that name (Google Drive
lets several have one), its size, and its hash. A remote that says no hash that we rely on (``crypt``, and many others)
proves nothing: then the object is read back whole, and hashed here.

Source: rclone's documentation: ``copyto``, ``lsjson``, ``hashsum --download``; the overview of features of remotes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidegate.backups.contract import LONG, Look
from tidegate.backups.keeping import hash_file
from tidegate.core.backup import bytes_text
from tidegate.drivers.command import Completed, Limits, environment, run
from tidegate.errors import TargetError, UsageError

_PROOFS = ("sha256", "sha1", "md5")
"""The hashes of remotes that we rely on, best first; a checksum of four bytes proves nothing."""

_LISTING = Limits(timeout_s=600.0, silence_s=600.0, output=16 << 20)
_ABSENT = 3
"""rclone's exit code for a directory that is not there."""


class Offsite:
    """A directory on a remote."""

    def __init__(self, to: str, where: str) -> None:
        """``to`` is as rclone writes it: ``remote:path``; ``where`` is its key, for errors.

        Raises:
            UsageError: it is no remote.
        """
        remote, colon, path = to.partition(":")
        if not colon or not remote or remote.startswith("-") or "/" in remote:
            raise UsageError(
                f"{to[:80]!r} is no remote of rclone",
                where=where,
                remedy="write it as remote:path, such as gdrive:backups",
            )
        self._to, self._where = f"{remote}:{path.rstrip('/')}", where

    def place(self, file: str) -> str:
        """Where a file is there."""
        return f"{self._to}{'' if self._to.endswith(':') else '/'}{file}"

    def copy(self, path: Path) -> None:
        """Copy a file there, under its own name.

        Raises:
            TargetError: rclone says that it could not, or is not there.
        """
        done = self._run(["copyto", "--", str(path), self.place(path.name)], LONG)
        if done.status != 0:
            raise self._failed("copied", done)

    def look(self, path: Path) -> Look:
        """Whether exactly one object is there, with the size and the hash of ``path``; None where nobody can tell."""
        place = self.place(path.name)
        try:
            found = self._found(path.name)
        except TargetError as error:
            return Look(None, error.what)
        if len(found) != 1:
            what = "nothing is" if not found else f"{len(found)} objects are"
            return Look(False, f"{what} at {place}; exactly one must be")
        size, theirs = found[0].get("Size"), _hashes(found[0])
        ours = path.stat().st_size
        if size != ours:
            return Look(False, f"what is at {place} has {_size(size)}, and must have {bytes_text(ours)}")
        for name in _PROOFS:
            if name in theirs:
                return self._judged(place, path, name, theirs[name], "the remote says it")
        return self._read_back(place, path)

    def _read_back(self, place: str, path: Path) -> Look:
        done = self._run(["hashsum", "sha256", "--download", "--", place], LONG)
        said = done.stdout.decode("utf-8", "replace").split()
        if done.status != 0 or not said or len(said[0]) != 64:
            return Look(None, f"the remote says no hash of {place}, and it cannot be read back: {_ended(done)}")
        return self._judged(place, path, "sha256", said[0], "the remote says none, so it was read back whole")

    def _judged(self, place: str, path: Path, name: str, theirs: str, how: str) -> Look:
        if hash_file(path, name)[1] != theirs.lower():
            return Look(False, f"what is at {place} has another {name.upper()} than the backup; {how}")
        return Look(True, f"one object is at {place}, with its size and its {name.upper()}; {how}")

    def _found(self, name: str) -> list[dict[str, Any]]:
        words = ["lsjson", "--hash", "--files-only", "--max-depth", "1", "--include", f"/{name}", "--", self._to]
        done = self._run(words, _LISTING)
        if done.status == _ABSENT:
            return []
        if done.status != 0:
            raise self._failed("listed", done)
        try:
            listed = json.loads(done.stdout)
            return [entry for entry in listed if entry["Name"] == name]
        except (ValueError, TypeError, KeyError) as error:
            raise TargetError(
                f"rclone lists {self._to} in a form that is not known",
                where=self._where,
                remedy="use a version of rclone from 1.53 on",
            ) from error

    def _run(self, words: Sequence[str], limits: Limits) -> Completed:
        env = environment() | {name: value for name, value in os.environ.items() if name.startswith("RCLONE_")}
        try:
            return run(["rclone", *words], (), limits, where=self._where, env=env | _PATIENCE)
        except TargetError as error:
            if error.what.startswith("cannot start"):
                raise TargetError(
                    "rclone is not installed on this machine", where=self._where, remedy="install rclone"
                ) from error
            raise

    def _failed(self, what: str, done: Completed) -> TargetError:
        return TargetError(
            f"{self._to} cannot be {what}: rclone ended with {_ended(done)}",
            where=self._where,
            remedy="mend the remote, and repeat the command",
        )


_PATIENCE = {"RCLONE_ASK_PASSWORD": "false", "RCLONE_RETRIES": "2", "RCLONE_LOW_LEVEL_RETRIES": "3"}


def _hashes(entry: dict[str, Any]) -> dict[str, str]:
    found = entry.get("Hashes")
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(name).lower().replace("-", ""): str(value) for name, value in pairs if value}


def _size(size: Any) -> str:
    return bytes_text(size) if isinstance(size, int) and size >= 0 else "no size that it says"


def _ended(done: Completed) -> str:
    said = " ".join(done.stderr.split())[-400:]
    return f"{done.status}: {said}" if said else str(done.status)
