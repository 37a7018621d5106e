"""YAML as scalars that know where they stand, from the events of the parser: nothing is composed, no alias followed.

Events have no types, so that ``1.10`` is the text that it is, and a bomb of aliases stays as small as its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tidegate.versionfiles.contract import Form, Reading, Refusal, Role, Value, unreadable
from tidegate.versionfiles.source import Source

Path = tuple[str | int | None, ...]

MAX_DEPTH = 100
# What may stand before a value on its way from the key: an anchor and a tag, and comments between them.
_PROPERTIES = re.compile(r"(?:(?:[&!]\S*|#[^\n]*)\s*)*")
_KEY, _VALUE = True, False


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value: the number of its event, its path (the document's number first), its text, its characters from and to.

    ``plain`` is False where it is in quotes, ``literal`` where its characters are not its text.
    """

    number: int
    path: Path
    text: str
    start: int
    end: int
    plain: bool
    literal: bool

    @property
    def what(self) -> str:
        """The path for people: ``services.api.image``."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path[1:]).lstrip(".")


@dataclass(frozen=True)
class YamlText:
    """A YAML file: the scalars under the keys that were asked for, in the order of the file, and a digest of the rest.

    What an alias stands for stands at both paths.
    """

    source: Source
    scalars: tuple[Scalar, ...]
    form: str

    def reading(self, values: tuple[Value, ...], none: str) -> Reading:
        """The reading of the file with these versions in it."""
        return Reading(values, {scalar.number: scalar.text for scalar in self.scalars}, self.form, none)

    def value(
        self,
        scalar: Scalar,
        start: int,
        end: int,
        *,
        role: Role,
        what: str = "",
        whose: str = "",
        refusal: Refusal | None = None,
        part: bool = False,
    ) -> Value:
        """The version that a part of a scalar says, from one of its characters to another.

        ``part`` says that more stands around it, so that YAML takes it for a text.
        """
        if not scalar.literal:
            wrong = f"{what or scalar.what} is written with escapes or over several lines"
            refusal = refusal or Refusal(wrong, "write it on one line, without escapes")
        at = self.source.at
        return Value(
            at(scalar.start + start) if scalar.literal else at(scalar.start),
            at(scalar.start + end) if scalar.literal else at(scalar.start),
            scalar.text[start:end],
            what or scalar.what,
            role,
            scalar.number,
            prefix=scalar.text[:start],
            suffix=scalar.text[end:],
            whose=whose,
            refusal=refusal,
            unquoted=scalar.plain and not part,
        )

    def version(self, scalar: Scalar, role: Role, whose: str = "") -> Value:
        """The version that a whole scalar says, but for a ``v`` before it."""
        start = 1 if re.match(r"v[0-9]", scalar.text) else 0
        return self.value(scalar, start, len(scalar.text), role=role, whose=whose)


def read_yaml(source: Source, *keys: str) -> YamlText:
    """The scalars under some keys of a YAML file, wherever they stand in it.

    Raises:
        UsageError: it is no YAML, or nested too deeply.
    """
    import yaml  # type: ignore[import-untyped]

    walk = _Walk(source, frozenset(keys))
    try:
        for event in yaml.parse(source.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            walk.take(event, type(event).__name__)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise unreadable(source, line, "YAML", str(error.problem or error.context)) from error
    except yaml.YAMLError as error:
        raise unreadable(source, 0, "YAML", " ".join(str(error).split())) from error
    return YamlText(source, tuple(walk.scalars), walk.form.digest())


class _Walk:
    """Follows the events, and keeps the path at which each stands."""

    def __init__(self, source: Source, keys: frozenset[str]) -> None:
        self._source = source
        self._keys = keys
        self._number = 0
        self.scalars: list[Scalar] = []
        self.form = Form()
        # Of each open collection: its key or index now, and whether a mapping waits for a key.
        self._path: list[str | int | None] = [-1]
        self._waits: list[bool | None] = [None]
        self._anchored: dict[str, Scalar] = {}

    def take(self, event: Any, kind: str) -> None:
        """Take the next event."""
        self._number += 1
        if kind == "DocumentStartEvent":
            self._path, self._waits, self._anchored = [int(self._path[0] or 0) + 1], [None], {}
            self.form.add(kind)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._open(event, kind == "MappingStartEvent")
            self.form.add(kind, event.anchor, event.tag, event.flow_style)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._path.pop()
            self._waits.pop()
            self._next()
            self.form.add(kind)
        elif kind == "ScalarEvent":
            self._scalar(event)
        elif kind == "AliasEvent":
            self._alias(event.anchor)
            self.form.add(kind, event.anchor)

    def _open(self, event: Any, is_mapping: bool) -> None:
        if len(self._path) > MAX_DEPTH:
            raise unreadable(self._source, event.start_mark.line + 1, "YAML", "it is nested too deeply")
        if self._waits[-1] is _KEY:
            self._path[-1] = None
        self._path.append(None if is_mapping else 0)
        self._waits.append(_KEY if is_mapping else None)

    def _next(self) -> None:
        """Go on to the next key, value or entry of the collection that is open."""
        if len(self._path) == 1:
            return
        if self._waits[-1] is None:
            self._path[-1] = int(self._path[-1] or 0) + 1
        else:
            self._waits[-1] = not self._waits[-1]

    def _scalar(self, event: Any) -> None:
        is_value = self._waits[-1] is not _KEY
        kept = is_value and (event.anchor is not None or self._path[-1] in self._keys)
        self.form.add(event.anchor, event.tag, event.style, None if kept else event.value)
        if not is_value:
            self._path[-1] = event.value
        elif kept:
            found = _placed(self._source.text, event, self._number, tuple(self._path))
            self.scalars.append(found)
            if event.anchor is not None:
                self._anchored[event.anchor] = found
        self._next()

    def _alias(self, anchor: str) -> None:
        there = self._anchored.get(anchor)
        if self._waits[-1] is _KEY:
            self._path[-1] = there.text if there else None
        elif there is not None and self._path[-1] in self._keys:
            self.scalars.append(replace(there, path=tuple(self._path)))
        self._next()


def _placed(text: str, event: Any, number: int, path: Path) -> Scalar:
    start, end = event.start_mark.index, event.end_mark.index
    if event.anchor or event.tag:
        found = _PROPERTIES.match(text, start, end)
        start = found.end() if found else start
    quoted = event.style in ("'", '"')
    if quoted:
        start, end = start + 1, end - 1
    literal = event.style not in ("|", ">") and text[start:end] == event.value
    return Scalar(number, path, event.value, start, end, not event.style, literal)


def is_text(written: str) -> bool:
    """Whether YAML takes these plain characters for a text, and not for a number or anything else."""
    import yaml

    resolver = yaml.resolver.Resolver()
    return bool(resolver.resolve(yaml.nodes.ScalarNode, written, (True, False)) == "tag:yaml.org,2002:str")


def siblings(scalars: tuple[Scalar, ...]) -> Iterator[tuple[Path, dict[str, Scalar]]]:
    """The scalars of each mapping together, by their keys, in the order of the file."""
    found: dict[Path, dict[str, Scalar]] = {}
    for scalar in scalars:
        if isinstance(scalar.path[-1], str) and len(scalar.path) > 1:
            found.setdefault(scalar.path[:-1], {})[scalar.path[-1]] = scalar
    yield from found.items()
