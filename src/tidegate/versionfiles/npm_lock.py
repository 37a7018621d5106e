"""``package-lock.json`` and ``npm-shrinkwrap.json``, versions 1 to 3: the versions of the package that they lock."""

from __future__ import annotations

from tidegate.versionfiles.contract import MADE_BYTES, Hints, Reading
from tidegate.versionfiles.json_text import JsonText, read_json
from tidegate.versionfiles.npm import own_version
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT


class NpmLock:
    """``version`` at the root and under ``packages[""]``; of a workspace, with its name as a hint, its own entry."""

    name = "package-lock.json"
    form = "an npm lock"
    spelling = EXACT
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base in ("package-lock.json", "npm-shrinkwrap.json")

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The versions of the package itself."""
        text = read_json(source, "version", "name")
        members = _members(text, hints)
        if members:
            values = tuple(v for key in members for v in own_version(text, f'packages["{key}"].version', _entry(key)))
        else:
            values = own_version(text, "version", ("version",)) + own_version(text, 'packages[""].version', _entry(""))
        return text.reading(values, "it has no version of the package itself")


def _entry(key: str) -> tuple[str, ...]:
    return ("packages", key, "version")


def _members(text: JsonText, hints: Hints) -> list[str]:
    """The keys of the workspace's members that are named. Installed packages lie under ``node_modules``."""
    return [
        str(leaf.path[1])
        for leaf in text.leaves
        if len(leaf.path) == 3
        and (leaf.path[0], leaf.path[2]) == ("packages", "name")
        and leaf.text in hints.packages
        and leaf.path[1]
        and "node_modules/" not in str(leaf.path[1])
    ]
