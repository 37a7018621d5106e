"""``pyproject.toml``: the version of a Python project, as PEP 621 or Poetry have it."""

from __future__ import annotations

from tidegate.core.plain import plain
from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, refused
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import PEP440
from tidegate.versionfiles.toml_text import TomlText, read_toml

_PLACES = (("project", "version"), ("tool", "poetry", "version"))
_MARK = "name the file that says it, and mark the line there with: # tidegate: version"


class PyProject:
    """``project.version`` and ``tool.poetry.version``."""

    name = "pyproject.toml"
    form = "a Python project file"
    spelling = PEP440
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base == "pyproject.toml"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version of the project."""
        text = read_toml(source)
        there = [path for path in _PLACES if text.get(*path) is not None]
        if not there:
            _refuse_dynamic(text)
        return text.reading(
            tuple(text.version(path, ".".join(path)) for path in there),
            "it has no project.version",
        )


def _refuse_dynamic(text: TomlText) -> None:
    """Say where the version comes from, as far as the file tells."""
    dynamic = text.get("project", "dynamic")
    if not isinstance(dynamic, list) or "version" not in dynamic:
        return
    at = text.line_start("project", "dynamic")
    path = text.get("tool", "hatch", "version", "path")
    attr = text.get("tool", "setuptools", "dynamic", "version", "attr")
    file = text.get("tool", "setuptools", "dynamic", "version", "file")
    if isinstance(path, str):
        remedy = f"name {plain(path, 200)} in its place"
    elif isinstance(attr, str):
        remedy = f"name the file of {plain(attr, 200)} in its place"
    elif file is not None:
        named = file[0] if isinstance(file, list) and file else file
        remedy = f"name {plain(str(named), 200)} in its place, and mark its line with: tidegate: version"
    else:
        remedy = _MARK
    raise refused(text.source, at, "project.version is dynamic: another file says it", remedy)
