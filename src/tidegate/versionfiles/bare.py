"""A file that holds the version and nothing else: ``VERSION``, which has no place for a comment."""

from __future__ import annotations

import re

from tidegate.core.plain import plain
from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Value, refused
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT

_NAMES = frozenset({"version", "version.txt", ".version"})
_BARE = re.compile(r"(\s*v?)([0-9][0-9A-Za-z.+-]*)(\s*)")


class BareVersion:
    """The one word of the file, in front of which a ``v`` may stand."""

    name = "bare"
    form = "a file that holds the version alone"
    spelling = EXACT
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name, in any case."""
        return source.base.lower() in _NAMES

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version, and what stands around it."""
        found = _BARE.fullmatch(source.text)
        if found is None:
            raise refused(
                source,
                0,
                _fault(source.text.strip()),
                "leave the version alone in it, or mark its line with: tidegate: version",
            )
        before, version, after = found.groups()
        start = source.at(len(before))
        value = Value(start, source.at(len(before) + len(version)), version, "the file")
        return Reading((value,), {}, (before, after))


def _fault(text: str) -> str:
    return f"it says more than a version: {plain(text, 80)}" if text else "it says nothing, so no version"
