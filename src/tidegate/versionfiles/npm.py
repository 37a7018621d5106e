"""``package.json``: the version of an npm package."""

from __future__ import annotations

from dataclasses import replace

from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Value, refused
from tidegate.versionfiles.json_text import JsonText, read_json
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT

TWICE = "it is written twice, and tools read one or the other"


class NpmManifest:
    """``version`` of the package. Versions of dependencies are left alone."""

    name = "package.json"
    form = "an npm manifest"
    spelling = EXACT
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base == "package.json"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version of the package."""
        text = read_json(source, "version", "name")
        reading = text.reading(own_version(text, "version", path=("version",)), 'it has no "version"')
        return replace(reading, name=next((leaf.text or "" for leaf in text.at("name")), ""))


def own_version(text: JsonText, what: str, path: tuple[str, ...]) -> tuple[Value, ...]:
    """The one version at a path, or none."""
    found = text.at(*path)
    if len(found) > 1:
        raise refused(text.source, text.source.at(found[1].start), f"{what}: {TWICE}", "take one of them out")
    return tuple(text.version(leaf, what) for leaf in found)
