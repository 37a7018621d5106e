"""A repository that wants something run: every hook, and every program that its configuration can name, sets a trap."""

from __future__ import annotations

import subprocess
from pathlib import Path

HOOKS = (
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-auto-gc",
    "post-rewrite",
    "reference-transaction",
    "fsmonitor-watchman",
    "post-index-change",
)

ATTRIBUTES = "* merge=trap diff=trap filter=trap\n"


class Traps:
    """The traps of a repository; ``sprung`` are those that were run."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.directory = repository.parent / f"{repository.name}-traps"
        self.directory.mkdir()
        self._git_dir = repository / ".git" if (repository / ".git").exists() else repository
        self._configure()
        self._set_hooks()

    @property
    def sprung(self) -> list[str]:
        """The names of the traps that were run, in order."""
        return sorted(path.name.removeprefix("ran-") for path in self.directory.glob("ran-*"))

    def _program(self, name: str) -> str:
        program = self.directory / name
        program.write_text(f'#!/bin/sh\n: > "{self.directory}/ran-{name}"\nexit 0\n')
        program.chmod(0o755)
        return str(program)

    def _set_hooks(self) -> None:
        hooks = self._git_dir / "hooks"
        hooks.mkdir(exist_ok=True)
        for name in HOOKS:
            hook = hooks / name
            hook.write_text(f'#!/bin/sh\n: > "{self.directory}/ran-hook-{name}"\nexit 0\n')
            hook.chmod(0o755)

    def _configure(self) -> None:
        info = self._git_dir / "info"
        info.mkdir(exist_ok=True)
        (info / "attributes").write_text(ATTRIBUTES)
        for key in (
            "core.fsmonitor",
            "core.sshCommand",
            "core.editor",
            "core.pager",
            "core.askPass",
            "sequence.editor",
            "gpg.program",
            "gpg.ssh.program",
            "gpg.ssh.defaultKeyCommand",
            "diff.external",
            "diff.trap.command",
            "diff.trap.textconv",
            "filter.trap.clean",
            "filter.trap.smudge",
            "filter.trap.process",
            "credential.helper",
            "interactive.diffFilter",
            "trailer.trap.command",
            "uploadpack.packObjectsHook",
        ):
            self._set(key, self._program(key))
        self._set("merge.trap.driver", f"{self._program('merge.trap.driver')} %O %A %B")
        for verb in ("push", "ls-remote", "merge-tree", "update-ref", "hash-object", "tag"):
            self._set(f"alias.{verb}", f"!{self._program(f'alias.{verb}')}")
        for key in ("commit.gpgSign", "tag.gpgSign", "tag.forceSignAnnotated", "push.followTags"):
            self._set(key, "true")
        self._set("gpg.format", "ssh")
        self._set("user.signingKey", "nobody")

    def _set(self, key: str, value: str) -> None:
        subprocess.run(["git", "config", "--file", str(self._git_dir / "config"), key, value], check=True)
