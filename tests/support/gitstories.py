"""Small Git histories, made fast: one ``git fast-import`` process per story, whatever its length.

with GitStory(folder) as story:
    first = story.commit("feat: begin", {"app.py": "1"})
    story.tag("v1.0.0", first)
    story.commit(f"Revert it\\n\\nThis reverts commit {first}.", {"app.py": None}, branch="topic", start=first)

Refs exist once the story has ended.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

Content = str | bytes | tuple[str, str | bytes] | None
"""What a file becomes: content, (mode, content or object name of a submodule), or None to delete it."""

START_S = 1_750_000_000
"""The time of the first commit; each later one comes a minute after the one before."""

ALICE = "Alice Example <alice@example.org>"


class GitStory:
    """Tells a history to ``git fast-import``, commit by commit; each answers with its full name."""

    def __init__(self, folder: Path, object_format: str = "sha1") -> None:
        command = ["git", "init", "-q", "-b", "main", "--template=", f"--object-format={object_format}", str(folder)]
        subprocess.run(command, check=True)
        self.folder = folder
        self._marks: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._importer = subprocess.Popen(
            ["git", "fast-import", "--quiet", "--done", "--cat-blob-fd=1"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._says = cast(IO[bytes], self._importer.stdin)
        self._hears = cast(IO[bytes], self._importer.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say("done\n")
        self._importer.communicate()
        assert kind is not None or self._importer.returncode == 0, "git fast-import failed"

    def commit(
        self,
        message: str | bytes,
        files: Mapping[str, Content] | None = None,
        *,
        branch: str = "main",
        start: str | None = None,
        merge: Sequence[str] = (),
        author: str = ALICE,
        committer: str | None = None,
        written: str | None = None,
        at_once: bool = False,
    ) -> str:
        """Commit on a branch (beginning it at ``start``); a merge takes over only the ``files`` it is given.

        Args:
            written: a commit in whose second this one was written, as a cherry-pick was.
            at_once: it was committed in the second in which it was written, too.
        """
        mark = len(self._marks) + 1
        time = START_S + 60 * mark
        author_time = self._written.get(written or "", time)
        time = author_time if at_once else time
        self._say(f"commit refs/heads/{branch}\nmark :{mark}\n")
        self._say(f"author {author} {author_time} +0000\ncommitter {committer or author} {time} +0000\n")
        self._data(message)
        if start is not None:
            self._say(f"from :{self._marks[start]}\n")
        for other in merge:
            self._say(f"merge :{self._marks[other]}\n")
        for path, content in (files or {}).items():
            self._change(path, content)
        self._say(f"\nget-mark :{mark}\n")
        self._says.flush()
        name = self._hears.readline().decode().strip()
        self._marks[name] = mark
        self._written[name] = author_time
        return name

    def tag(self, name: str, commit: str, annotated: bool = False) -> None:
        """Tag a commit."""
        if annotated:
            self._say(f"tag {name}\nfrom :{self._marks[commit]}\ntagger {ALICE} {START_S} +0000\n")
            self._data(f"release {name}")
        else:
            self._say(f"reset refs/tags/{name}\nfrom :{self._marks[commit]}\n\n")

    def _change(self, path: str, content: Content) -> None:
        quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        mode, body = content if isinstance(content, tuple) else ("100644", content)
        if body is None:
            self._say(f"D {quoted}\n")
        elif mode == "160000":
            self._say(f"M {mode} {body if isinstance(body, str) else body.decode()} {quoted}\n")
        else:
            self._say(f"M {mode} inline {quoted}\n")
            self._data(body)

    def _data(self, content: str | bytes) -> None:
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        self._say(f"data {len(raw)}\n")
        self._says.write(raw + b"\n")

    def _say(self, text: str) -> None:
        self._says.write(text.encode("utf-8", "surrogateescape"))


def checked_out(folder: Path) -> Path:
    """Put the files of ``main`` into the work tree."""
    subprocess.run(["git", "reset", "-q", "--hard", "main"], cwd=folder, check=True)
    return folder
