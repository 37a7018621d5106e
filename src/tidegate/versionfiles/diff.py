"""An edit as a unified diff, as people and ``patch`` read it."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.versionfiles.plan import Edit
from tidegate.versionfiles.source import Source

CONTEXT = 3
_NO_END = "\\ No newline at end of file"


def unified(edit: Edit) -> tuple[str, ...]:
    """The lines of the diff, without their ends; empty where nothing changes.

    An edit keeps the lines of its file, so that none has to be searched for.
    """
    if not edit.changes:
        return ()
    before, after = Source(edit.path, edit.before), Source(edit.path, edit.after)
    lines = [f"--- a/{edit.path}", f"+++ b/{edit.path}"]
    for first, last, changed in _hunks(sorted({place.line for place in edit.places}), _count(before)):
        length = last - first + 1
        lines.append(f"@@ -{first},{length} +{first},{length} @@")
        lines += _hunk(before, after, first, last, changed)
    return tuple(lines)


def _hunk(before: Source, after: Source, first: int, last: int, changed: set[int]) -> Iterator[str]:
    number = first
    while number <= last:
        run = number
        while run <= last and (run in changed) == (number in changed):
            run += 1
        if number in changed:
            yield from _told("-", before, range(number, run))
            yield from _told("+", after, range(number, run))
        else:
            yield from _told(" ", before, range(number, run))
        number = run


def _told(sign: str, source: Source, numbers: range) -> Iterator[str]:
    for number in numbers:
        line = source.line_of(number)
        yield sign + line.rstrip(b"\r\n").decode("utf-8", "replace")
        if not line.endswith((b"\n", b"\r")):
            yield _NO_END


def _count(source: Source) -> int:
    """How many lines there are; what follows the last line end is none where it is empty."""
    starts = source.line_starts
    return len(starts) - (1 if starts[-1] == len(source.content) else 0)


def _hunks(lines: list[int], count: int) -> Iterator[tuple[int, int, set[int]]]:
    """First and last line of each hunk, and which of its lines change: those near each other are in one."""
    hunk: set[int] = set()
    for line in lines:
        if hunk and line - max(hunk) > 2 * CONTEXT:
            yield _bounds(hunk, count)
            hunk = set()
        hunk.add(line)
    if hunk:
        yield _bounds(hunk, count)


def _bounds(hunk: set[int], count: int) -> tuple[int, int, set[int]]:
    return max(1, min(hunk) - CONTEXT), min(count, max(hunk) + CONTEXT), hunk
