"""JSON as leaves that know where they stand. Python's parser judges the text; the scan only finds the places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidegate.errors import InternalError
from tidegate.versionfiles.contract import Reading, Refusal, Role, Value, refused, unreadable
from tidegate.versionfiles.source import Source

Path = tuple[str | int, ...]

_TOKEN = re.compile(r'[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^ \t\r\n{}\[\]:,"]+)', re.DOTALL)
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text under a key that was asked for: its path, what it holds, and its characters from and to.

    ``text`` is None where the value is no text.
    """

    number: int
    path: Path
    start: int
    end: int
    text: str | None


@dataclass(frozen=True, slots=True)
class JsonText:
    """A JSON file: the values under the keys that were asked for, and the tree of the rest."""

    source: Source
    leaves: tuple[Leaf, ...]
    form: object

    def at(self, *path: str) -> tuple[Leaf, ...]:
        """The leaves at a path; more than one where a key is written twice."""
        return tuple(leaf for leaf in self.leaves if leaf.path == path)

    def reading(self, values: tuple[Value, ...], none: str) -> Reading:
        """The reading of the file with these versions in it."""
        return Reading(values, {leaf.number: leaf.text for leaf in self.leaves}, self.form, none)

    def version(self, leaf: Leaf, what: str, role: Role = Role.OWN) -> Value:
        """The version that a leaf says.

        Raises:
            UsageError: it is no plain text.
        """
        source, start, end = self.source, self.source.at(leaf.start), self.source.at(leaf.end)
        if leaf.text is None:
            raise refused(source, start, f"{what} is no text", "write the version in quotes")
        refusal = None
        if source.text[leaf.start + 1 : leaf.end - 1] != leaf.text:
            refusal = Refusal(f"{what} is written with escapes", "write the version without escapes")
        return Value(start + 1, end - 1, leaf.text, what, role, leaf.number, refusal=refusal)


def read_json(source: Source, *keys: str) -> JsonText:
    """The values under some keys of a JSON file, wherever they stand in it.

    Raises:
        UsageError: it is no JSON, or nested too deeply.
    """
    asked, kept = frozenset(keys), list[str]()

    def pairs(members: list[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
        # Each key as often as it is written. A text that may be a version is any text to the tree.
        texts = [value for key, value in members if key in asked and isinstance(value, str)]
        kept.extend(texts)
        return (
            tuple((k, _ANY_TEXT if k in asked and isinstance(v, str) else v) for k, v in members)
            if texts
            else tuple(members)
        )

    try:
        # A number is kept as it is written, apart from texts: nothing of it is lost, whatever its length.
        tree = json.loads(source.text, object_pairs_hook=pairs, parse_int=_number, parse_float=_number)
    except json.JSONDecodeError as error:
        raise unreadable(source, source.line(source.at(error.pos)), "JSON", error.msg) from error
    except RecursionError as error:
        raise unreadable(source, 0, "JSON", "it is nested too deeply") from error
    leaves = tuple(_leaves(source, asked))
    if sorted(kept) != sorted(leaf.text for leaf in leaves if leaf.text is not None):
        raise InternalError(
            "the places in a JSON file are not where its values are", remedy="report this, with the file"
        )
    return JsonText(source, leaves, tree)


_ANY_TEXT = ("text",)


def _number(written: str) -> tuple[str, str]:
    return ("number", written)


def _leaves(source: Source, keys: frozenset[str]) -> Iterator[Leaf]:
    """The values under the keys. The text is JSON already; what is left is to follow keys and indices."""
    path: list[str | int] = []
    number, is_key = 0, False
    for found in _TOKEN.finditer(source.text):
        word = found[1]
        if word in ("{", "["):
            if len(path) >= MAX_DEPTH:
                raise unreadable(source, source.line(source.at(found.start(1))), "JSON", "it is nested too deeply")
            path.append("" if word == "{" else 0)
            is_key = word == "{"
        elif word in ("}", "]"):
            path.pop()
            is_key = False
        elif word == ",":
            is_key = isinstance(path[-1], str)
            path[-1] = path[-1] if isinstance(path[-1], str) else path[-1] + 1
        elif is_key:
            path[-1], is_key = _decoded(word), False
        elif word != ":" and path and path[-1] in keys:
            text = _decoded(word) if word[0] == '"' else None
            yield Leaf(number, tuple(path), found.start(1), found.end(1), text)
            number += 1


def _decoded(written: str) -> str:
    return str(json.loads(written)) if "\\" in written else written[1:-1]
