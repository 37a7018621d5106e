"""Any text file whose lines are marked with ``tidegate: version`` in a comment, however the file writes comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.core.plain import plain
from tidegate.errors import UsageError
from tidegate.versionfiles.contract import MADE_BYTES, Hints, Reading, Role, Value, refused
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT, PEP440, Spelling

_MARK = re.compile(r"(?<![\w.-])tidegate:[ \t]*version\b(?:[ \t]+(start|end)\b)?")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_START, _END = "start", "end"


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Characters in which the old version must stand: a line that is marked, or the lines between two marks."""

    start: int
    end: int


class MarkedLines:
    """The old version wherever it stands by itself on a marked line, or between ``version start`` and ``version end``.

    Nothing else in the file is looked at. A marked line, or a stretch between marks, without the old version is an
    error.
    """

    name = "marked"
    form = "a file with marked lines"
    spelling: Spelling = EXACT
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By a mark."""
        return b"tidegate:" in source.content and _MARK.search(source.content.decode("utf-8", "replace")) is not None

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The places at which the version stands; none where no version is looked for."""
        values, pieces, at = [], [], 0
        for stretch in _stretches(source) if wanted else ():
            found = tokens(source.text[stretch.start : stretch.end], *self._spellings(wanted))
            if not found:
                raise _lacks(source, stretch, wanted)
            for start, end in ((stretch.start + a, stretch.start + b) for a, b in found):
                values.append(
                    Value(source.at(start), source.at(end), source.text[start:end], "the marked line", Role.FOUND)
                )
                pieces.append(source.text[at:start])
                at = end
        return Reading(tuple(values), {}, (*pieces, source.text[at:]), "no line of it is marked")

    def _spellings(self, wanted: str) -> set[str]:
        try:
            return {wanted, self.spelling.write(wanted)}
        except UsageError:
            return {wanted}


class MarkedPython(MarkedLines):
    """The same in files that Python's tools read: the version stands there in PEP 440's spelling."""

    name = "marked-python"
    form = "a Python file with marked lines"
    spelling: Spelling = PEP440
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By a mark, in a file that Python's tools read."""
        python = source.base.endswith(".py") or source.base in ("setup.cfg", "pyproject.toml")
        return (python or "requirements" in source.name) and super().recognises(source)


# After a version: what makes it another one, such as the rest of 1.2.0-rc.1, 1.2.0.4 or 1.2.0+7.
_GOES_ON = r"(?:[0-9]|\.[0-9]|\+[0-9A-Za-z]|[-.]?(?:alpha|beta|rc|dev|pre|preview|post|snapshot|a|b|c)(?![A-Za-z]))"


def tokens(text: str, *versions: str) -> list[tuple[int, int]]:
    """Where a version stands by itself in a text: ``1.2.0`` in ``app-1.2.0.zip``, and not in ``11.2.0`` or ``1.2.0.4``.

    Nor in ``1.2.0-rc.1``, which is another version. ``versions`` are its spellings.
    """
    either = "|".join(re.escape(version) for version in versions if version)
    if not either:
        return []
    alone = rf"(?<![0-9])(?<![0-9]\.)(?<![0-9][+-])(?:{either})(?!(?i:{_GOES_ON}))"
    return [found.span() for found in re.finditer(alone, text)]


def _stretches(source: Source) -> Iterator[_Stretch]:
    opened = -1
    for line in _LINE.finditer(source.text):
        mark = _MARK.search(line[0])
        word = mark[1] if mark else None
        if word == _START:
            _demand(source, opened < 0, line.start(), "a second stretch begins before the first has ended")
            opened = line.end()
        elif word == _END:
            _demand(source, opened >= 0, line.start(), "a stretch ends that has not begun")
            yield _Stretch(opened, line.start())
            opened = -1
        elif mark and opened < 0:
            yield _Stretch(line.start(), line.end())
    _demand(source, opened < 0, max(opened - 1, 0), "the stretch that begins here does not end")


def _demand(source: Source, holds: bool, at: int, what: str) -> None:
    if not holds:
        raise refused(source, source.at(at), what, "write tidegate: version start and tidegate: version end in pairs")


def _lacks(source: Source, stretch: _Stretch, wanted: str) -> UsageError:
    said = " ".join(source.text[stretch.start : min(stretch.end, stretch.start + 200)].split())
    return refused(
        source,
        source.at(stretch.start),
        f"the marked line does not say {wanted}: {plain(said, 120)}",
        "mend the line, say with --from which version it comes from, or take the mark away",
    )
