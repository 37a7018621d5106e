"""An organisation's own commands. They are believed only as far as what they write and print."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tidegate.backups.contract import LONG, Look, NotWholeError
from tidegate.core.backup import Figures
from tidegate.core.policy import CommandCopy
from tidegate.drivers.command import Completed, environment, run
from tidegate.errors import ConflictError, TargetError, UsageError

_LINES = 10_000
_LINE = 200


class CommandBackup:
    """What four commands say it is. ``{file}`` and ``{to}`` are put into their arguments; no shell reads them."""

    name = "command"
    suffix = ".backup"

    def __init__(self, commands: CommandCopy, root: Path, where: str = "") -> None:
        self._commands, self._root, self._where = commands, root, where

    def take(self, file: Path) -> Figures:
        """As the contract says; figures that differ before and after it cannot be told."""
        before = self._figures("")
        self._demand("take", self._run(self._commands.take, file, ""))
        if not file.is_file() or file.stat().st_size == 0:
            raise TargetError(
                "the command take ended with 0 and wrote nothing to {file}",
                where=self._where,
                remedy="correct of.command.take",
            )
        after = self._figures("")
        return {name: before.get(name) if before.get(name) == after.get(name) else None for name in before | after}

    def look(self, file: Path, figures: Figures) -> Look:
        """Run ``verify``."""
        if not self._commands.verify:
            return Look(None, "of.command says no verify, so nobody can tell whether it is whole")
        done = self._run(self._commands.verify, file, "")
        return Look(done.status == 0, f"the command verify ended with {_ended(done)}")

    def demand_free(self, scratch: str, figures: Figures) -> None:
        """There are commands to restore and to compare; a path that is named is not there yet."""
        if not self._commands.restore:
            raise UsageError("of.command says no restore", where=self._where, remedy="add of.command.restore")
        if not scratch or scratch.startswith("-") or not scratch.isprintable():
            raise UsageError(f"{scratch[:80]!r} is no scratch place", where=self._where, remedy="name another: --to")
        if "/" in scratch and Path(scratch).exists():
            raise ConflictError(
                f"{scratch} is there already, and nothing is restored over it",
                where=self._where,
                remedy="name one that does not exist",
            )

    def make(self, scratch: str, figures: Figures) -> None:
        """The command ``restore`` makes it."""

    def restore(self, file: Path, scratch: str) -> None:
        """Run ``restore``."""
        done = self._run(self._commands.restore, file, scratch)
        if done.status != 0:
            raise NotWholeError(
                f"the command restore ended with {_ended(done)}",
                where=self._where,
                remedy="take a new backup, and look why",
            )

    def measure(self, scratch: str) -> Figures:
        """What ``figures`` prints, line by line."""
        return self._figures(scratch)

    def remove(self, scratch: str) -> None:
        """Run ``remove``, where there is one."""
        if self._commands.remove:
            self._demand("remove", self._run(self._commands.remove, None, scratch))

    def _figures(self, scratch: str) -> dict[str, str | None]:
        if not self._commands.figures:
            return {}
        done = self._run(self._commands.figures, None, scratch)
        self._demand("figures", done)
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        if len(lines) > _LINES:
            whole = hashlib.sha256(done.stdout).hexdigest()
            return {"all lines": f"{len(lines)} lines, {whole[:32]}"}
        return {f"line {number}": line[:_LINE] for number, line in enumerate(lines, start=1)}

    def _run(self, words: Sequence[str], file: Path | None, scratch: str) -> Completed:
        given = {"{file}": str(file or ""), "{to}": scratch}
        argv = [_filled(word, given) for word in words]
        return run(argv, (), LONG, where=self._where, env=environment(), cwd=self._root)

    def _demand(self, name: str, done: Completed) -> None:
        if done.status != 0:
            raise TargetError(
                f"the command {name} ended with {_ended(done)}",
                where=self._where,
                remedy="run it by hand, and look",
            )


def _filled(word: str, given: dict[str, str]) -> str:
    """One pass, so that what is put in is not looked at again."""
    for name, value in given.items():
        if name in word:
            before, _, after = word.partition(name)
            return before + value + _filled(after, given)
    return word


def _ended(done: Completed) -> str:
    said = " ".join(done.stderr.split())[-400:]
    return f"{done.status}: {said}" if said else str(done.status)
