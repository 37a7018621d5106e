"""``Cargo.lock``: the versions of the crates that lie in the repository. Those of registries are left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tidegate.core.plain import plain
from tidegate.versionfiles.contract import MADE_BYTES, Hints, Reading, Role, Value
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT
from tidegate.versionfiles.toml_text import Path, TomlText, read_toml


class CargoLock:
    """``version`` of each package without a ``source``, and where other packages name it with its version."""

    name = "Cargo.lock"
    form = "a Cargo lock"
    spelling = EXACT
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base == "Cargo.lock"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The versions of the own crates; with names as hints, of those alone."""
        text = read_toml(source)
        packages = text.get("package")
        listed = [p for p in packages if isinstance(p, dict)] if isinstance(packages, list) else []
        here = {(str(p.get("name")), str(p.get("version"))) for p in listed if _is_own(p)}
        named = {name for name, _ in here} & hints.packages
        own = {pair for pair in here if not named or pair[0] in named}
        values = [value for n, p in enumerate(listed) for value in _package(text, n, p, own, bool(named))]
        return text.reading(tuple(values), "it has no package without a source")


def _is_own(package: Mapping[str, object]) -> bool:
    return "source" not in package and isinstance(package.get("version"), str)


def _package(
    text: TomlText, number: int, package: Mapping[str, object], own: set[tuple[str, str]], named: bool
) -> Iterator[Value]:
    name = str(package.get("name"))
    if _is_own(package) and (name, package.get("version")) in own:
        role = Role.OWN if named else Role.FOUND
        yield text.version(("package", number, "version"), f"package {plain(name, 120)}", role)
    asked = package.get("dependencies")
    for index, dependency in enumerate(asked if isinstance(asked, list) else ()):
        # Cargo writes `name 1.2.3` where the name alone is not clear, and the source behind it where there is one.
        words = tuple(dependency.split(" ")) if isinstance(dependency, str) else ()
        if words in own:
            yield _dependency(text, ("package", number, "dependencies", index), words[0])


def _dependency(text: TomlText, path: Path, name: str) -> Value:
    value = text.version(path, f"dependency {plain(name, 120)}", Role.FOUND)
    before = f"{name} "
    return replace(value, start=value.start + len(before.encode()), text=value.text[len(before) :], prefix=before)
