"""``Cargo.toml``: the version of a crate or a workspace, and of its members where others ask for them by path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeGuard

from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Role, Value, refused
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT
from tidegate.versionfiles.toml_text import TomlText, read_toml

_KINDS = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")
_ASKED = re.compile(r"\s*(?:\^|~|=|>=)?\s*")


class CargoManifest:
    """``package.version``, ``workspace.package.version``, and versions of dependencies that have a ``path`` too."""

    name = "Cargo.toml"
    form = "a Cargo manifest"
    spelling = EXACT
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base == "Cargo.toml"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The versions of the crate, the workspace and its members."""
        text = read_toml(source)
        values = (*_own(text), *_members(text, hints))
        if not values and text.get("package", "version", "workspace") is True:
            raise refused(
                source,
                text.line_start("package"),
                "package.version is that of the workspace",
                "name the workspace's Cargo.toml in its place",
            )
        name = text.get("package", "name")
        reading = text.reading(values, "it has neither package.version nor workspace.package.version")
        return replace(reading, name=name if isinstance(name, str) else "")


def _own(text: TomlText) -> Iterator[Value]:
    if text.get("workspace", "package", "version") is not None:
        yield text.version(("workspace", "package", "version"), "workspace.package.version")
    if isinstance(text.get("package", "version"), str):
        yield text.version(("package", "version"), "package.version")


def _members(text: TomlText, hints: Hints) -> Iterator[Value]:
    """The versions that are asked of crates that lie in the repository: they follow, where they are the old one.

    With names as hints, of those alone; the crates of a workspace that has one version follow it by the version.
    """
    in_step = text.get("workspace", "package", "version") is not None
    names = set(hints.names) if in_step else set(hints.packages)
    for table in _tables(text):
        crates = text.get(*table)
        for crate, asked in crates.items() if isinstance(crates, dict) else ():
            if _is_here(asked) and (not names or {crate, asked.get("package")} & names):
                path = (*table, crate, "version")
                yield _number(text.version(path, ".".join(map(str, path)), Role.FOUND))


def _is_here(asked: object) -> TypeGuard[dict[str, object]]:
    return isinstance(asked, dict) and isinstance(asked.get("path"), str) and isinstance(asked.get("version"), str)


def _tables(text: TomlText) -> Iterator[tuple[str, ...]]:
    yield ("workspace", "dependencies")
    yield from ((kind,) for kind in _KINDS)
    targets = text.get("target")
    for target in targets if isinstance(targets, dict) else ():
        yield from (("target", target, kind) for kind in _KINDS)


def _number(value: Value) -> Value:
    """The version without its operator: ``1.2.3`` of ``^1.2.3``."""
    found = _ASKED.match(value.text)
    operator = found[0] if found else ""
    return replace(value, start=value.start + len(operator.encode()), text=value.text[len(operator) :], prefix=operator)
