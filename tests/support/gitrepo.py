"""Small Git repositories of which every commit is the same each time: author, dates and configuration are fixed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

FIRST_COMMIT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BETWEEN_COMMITS = timedelta(minutes=1)

# What a machine, a user or a hook that runs the tests may have set, and what would change what Git does.
ISOLATED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Alice Example",
    "GIT_AUTHOR_EMAIL": "alice@example.org",
    "GIT_COMMITTER_NAME": "Alice Example",
    "GIT_COMMITTER_EMAIL": "alice@example.org",
}
UNSET = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CEILING_DIRECTORIES", "GIT_PREFIX")


def isolated_environment() -> dict[str, str]:
    """The environment of this process without what would change what Git does, and with a fixed identity."""
    return {k: v for k, v in os.environ.items() if k not in UNSET} | ISOLATED


class GitRepository:
    """A repository with a work tree; each commit is a minute after the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next = FIRST_COMMIT
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str, at: datetime | None = None) -> str:
        """Run Git in the work tree; what it printed, without the last line end.

        Raises:
            subprocess.CalledProcessError: Git said no.
        """
        environment = isolated_environment()
        date = (at or self._next).isoformat()
        environment |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        command = ["git", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", *words]
        done = subprocess.run(command, cwd=self.path, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.removesuffix("\n")

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files into the work tree, with their directories."""
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(
        self, message: str, files: Mapping[str, str | bytes] | None = None, *, at: datetime | None = None
    ) -> str:
        """Commit the whole work tree after writing ``files`` (an empty commit is one too); its object name."""
        self.write(files or {})
        moment = at or self._next
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message, at=moment)
        self._next = moment + BETWEEN_COMMITS
        return self.head()

    def tag(self, name: str, *, message: str | None = None) -> None:
        """Tag the current commit, with a tag object where there is a message."""
        self.git("tag", *(("--annotate", "--message", message) if message is not None else ()), name)

    def branch(self, name: str) -> None:
        """Make a branch here and switch to it."""
        self.git("switch", "--quiet", "--create", name)

    def switch(self, name: str) -> None:
        """Switch to a branch that exists."""
        self.git("switch", "--quiet", name)

    def merge(self, name: str, message: str) -> str:
        """Merge a branch with a merge commit of its own; its object name."""
        self.git("merge", "--quiet", "--no-ff", "--message", message, name)
        self._next += BETWEEN_COMMITS
        return self.head()

    def head(self) -> str:
        """The object name of the current commit."""
        return self.git("rev-parse", "HEAD")
