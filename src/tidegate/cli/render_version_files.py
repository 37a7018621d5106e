"""A change of version files, for the terminal: the difference, then what became of it."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.cli.text import bad, clean, faint, good, strong
from tidegate.orchestration.version_files import VersionChange
from tidegate.versionfiles.diff import unified
from tidegate.views.moments import counted

LONGEST = 200
"""Columns of a line of the difference; what is longer is no text for people."""
_TAB = 4


def change_lines(change: VersionChange, *, dry_run: bool) -> Iterator[str]:
    """The difference of each file, and one line about all."""
    for edit in change.edits:
        if edit.changes:
            yield from (_diff_line(line) for line in unified(edit))
        else:
            yield f"{clean(edit.path)} says {change.new} already"
    count = sum(edit.changes for edit in change.edits)
    steps = f"{clean(change.old)} -> {clean(change.new)}"
    if not count:
        yield "nothing was written"
    elif dry_run:
        yield f"{counted(count, 'file')} would change: {steps}; nothing was written"
    else:
        yield f"{good('✓')} {counted(count, 'file')} written: {steps}"


def _diff_line(line: str) -> str:
    # The first column is the difference's own: tabs stop where they do in the file.
    aligned = line[:1] + line[1:].expandtabs(_TAB)
    text = "".join(c if c.isprintable() else "?" for c in aligned)
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    if line.startswith(("--- ", "+++ ")):
        return strong(shown)
    if line.startswith("@@"):
        return faint(shown)
    return {"-": bad, "+": good}.get(line[:1], str)(shown)
