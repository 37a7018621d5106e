"""TOML as values that know where they stand. Python's parser judges the text; the scan only finds the places."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.versionfiles.contract import Form, Reading, Refusal, Role, Value, refused, unreadable
from tidegate.versionfiles.source import Source

Path = tuple[str | int, ...]

MAX_DEPTH = 100
MAX_DOTS = 300
_LONG = re.compile(r"[\w.\"' \t-]{600,}")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_OTHER = re.compile(r"[^,\]}#\r\n]+")


@dataclass(frozen=True, slots=True)
class Text:
    """A value that is no table and no list: its path, and its characters from and to, quotes included."""

    path: Path
    start: int
    end: int


@dataclass(frozen=True)
class TomlText:
    """A TOML file: its tree, the places of what may be versions, the strings among these, and a digest of the rest."""

    source: Source
    places: dict[Path, Text]
    values: dict[Path, str]
    form: str
    tree: dict[str, object]

    def get(self, *path: str) -> object:
        """The value at a path; None where there is none."""
        below: object = self.tree
        for key in path:
            if not isinstance(below, dict) or key not in below:
                return None
            below = below[key]
        return below

    def reading(self, values: tuple[Value, ...], none: str) -> Reading:
        """The reading of the file with these versions in it."""
        return Reading(values, self.values, self.form, none)

    def line_start(self, *path: str | int) -> int:
        """The byte of the first value at or below a path; 0 where there is none."""
        for text in self.places.values():
            if text.path[: len(path)] == path:
                return self.source.at(text.start)
        return 0

    def version(self, path: Path, what: str, role: Role = Role.OWN) -> Value:
        """The version that the string at a path says.

        Raises:
            UsageError: it is no string.
        """
        found = self.places.get(path)
        if found is None or path not in self.values:
            raise refused(self.source, self.line_start(*path), f"{what} is no text", "write the version in quotes")
        said = self.values[path]
        width = 3 if self.source.text.startswith(('"""', "'''"), found.start) else 1
        refusal = None
        if self.source.text[found.start + width : found.end - width] != said:
            refusal = Refusal(f"{what} is written with escapes", "write the version without escapes")
        start, end = self.source.at(found.start) + width, self.source.at(found.end) - width
        return Value(start, end, said, what, role, path, refusal=refusal)


def read_toml(source: Source) -> TomlText:
    """The values of a TOML file.

    Raises:
        UsageError: it is no TOML, or nested too deeply.
    """
    for run in _LONG.finditer(source.text):
        # Python's parser takes time by the square of a dotted key's length.
        if run[0].count(".") > MAX_DOTS:
            raise unreadable(source, source.line(source.at(run.start())), "TOML", "it is nested too deeply")
    try:
        tree = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line ([0-9]+)", str(error))
        raise unreadable(source, int(line[1]) if line else 0, "TOML", str(error)) from error
    except RecursionError as error:
        raise unreadable(source, 0, "TOML", "it is nested too deeply") from error
    places = {text.path: text for text in _Scan(source).values() if _matters(text.path)}
    form, values = _form(tree)
    return TomlText(source, places, values, form, tree)


_MATTER = frozenset({"version", "dynamic", "dependencies"})


def _matters(path: Path) -> bool:
    """Whether a string there can say a version, or where one comes from."""
    return not _MATTER.isdisjoint(path[-2:])


def _form(tree: dict[str, object]) -> tuple[str, dict[Path, str]]:
    """A digest of all but the strings that matter, and these by their paths."""
    form, kept = Form(), dict[Path, str]()
    waiting: list[tuple[Path, object]] = [((), tree)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            form.add(path[-1:], "table", len(value))
            waiting += [((*path, key), below) for key, below in value.items()]
        elif isinstance(value, list):
            form.add(path[-1:], "list", len(value))
            waiting += [((*path, index), below) for index, below in enumerate(value)]
        elif isinstance(value, str) and _matters(path):
            form.add(path[-1:], "text")
            kept[path] = value
        else:
            form.add(path[-1:], value)
    return form.digest(), kept


class _Scan:
    """Follows the keys of a text that is TOML already."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._at = 0
        self._lists: dict[Path, int] = {}

    def values(self) -> Iterator[Text]:
        """The values, in the order of the file."""
        table: Path = ()
        while self._skip(_SPACE) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                keys = self._keys("=")
                yield from self._value((*table, *keys), 0)

    def _skip(self, what: re.Pattern[str]) -> int:
        found = what.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _header(self) -> Path:
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        path = self._keys("]")
        self._at += 1 if is_list else 0
        inside = self._inside(path[:-1]) + path[-1:]
        if is_list:
            self._lists[inside] = self._lists.get(inside, -1) + 1
        return self._inside(path)

    def _inside(self, path: Path) -> Path:
        """The path with the index of the entry that is being written, for each list of tables on the way."""
        full: Path = ()
        for key in path:
            full = (*full, key)
            if full in self._lists:
                full = (*full, self._lists[full])
        return full

    def _keys(self, end: str) -> Path:
        keys: list[str] = []
        while True:
            self._skip(_BLANK)
            found = _STRING.match(self._text, self._at) or _BARE.match(self._text, self._at)
            if found is None:
                raise unreadable(self._source, self._source.line(self._source.at(self._at)), "TOML", "a key is missing")
            keys.append(_key(found[0]))
            self._at = found.end()
            self._skip(_BLANK)
            self._at += 1
            if self._text[self._at - 1] == end:
                return tuple(keys)

    def _value(self, path: Path, depth: int) -> Iterator[Text]:
        if depth > MAX_DEPTH:
            raise unreadable(
                self._source, self._source.line(self._source.at(self._at)), "TOML", "it is nested too deeply"
            )
        self._skip(_BLANK)
        found = _STRING.match(self._text, self._at)
        if found:
            self._at = found.end()
            yield Text(path, found.start(), found.end())
        elif self._text[self._at] in "[{":
            yield from self._collection(path, depth)
        else:
            start = self._at
            yield Text(path, start, self._skip(_OTHER))

    def _collection(self, path: Path, depth: int) -> Iterator[Text]:
        is_list, index = self._text[self._at] == "[", 0
        self._at += 1
        while self._text[self._skip(_SPACE)] not in "]}":
            below: Path = (index,) if is_list else self._keys("=")
            yield from self._value((*path, *below), depth + 1)
            index += 1
            if self._text[self._skip(_SPACE)] == ",":
                self._at += 1
        self._at += 1


def _key(written: str) -> str:
    if written[0] not in "\"'":
        return written
    return str(next(iter(tomllib.loads(f"{written} = 0"))))
