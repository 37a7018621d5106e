"""The descriptor of a Dolibarr module: ``$this->version = '1.2.0';`` in its class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Refusal, Role, Value
from tidegate.versionfiles.php_text import Token, tokens_of
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT

_NAME = re.compile(r"mod[A-Z0-9]\w*\.class\.php")
_BASE = "dolibarrmodules"
_ASSIGNED = ("$this", "->", "version", "=")
_COMPUTED = Refusal(
    "the module's version is computed", "write $this->version = '1.2.0'; or mark the line that says the version"
)


class DolibarrDescriptor:
    """The string that the descriptor's class assigns to its ``version``."""

    name = "dolibarr"
    form = "a Dolibarr module descriptor"
    spelling = EXACT
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name, such as ``modMyModule.class.php``, or by the class that it extends."""
        if not source.base.endswith(".php"):
            return False
        return _NAME.fullmatch(source.base) is not None or b"DolibarrModules" in source.content

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version of the module."""
        tokens = [token for token in tokens_of(source) if token.kind != "comment"]
        values = tuple(_values(source, tokens))
        return Reading(
            values,
            {number: token.text for number, token in enumerate(tokens)},
            tuple(token.kind for token in tokens),
            "no class of it that extends DolibarrModules assigns a $this->version",
        )


def _values(source: Source, tokens: Sequence[Token]) -> Iterator[Value]:
    for first, last in _bodies(tokens):
        for number in range(first, last):
            if tokens[number].text != "$this":
                continue
            after = number + len(_ASSIGNED)
            assigns = tuple(token.text for token in tokens[number:after]) == _ASSIGNED
            # Two tokens of `==` or `=>` are no assignment.
            if assigns and after < len(tokens) and tokens[after].text not in ("=", ">"):
                yield _value(source, tokens, after)


def _bodies(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """From where to where the body of each class that extends DolibarrModules goes."""
    for number, token in enumerate(tokens):
        extends = token.kind == "name" and token.text.lower() == "extends"
        if not extends or _BASE not in _base(tokens, number + 1):
            continue
        depth, at = 0, number
        while at < len(tokens):
            depth += {"{": 1, "}": -1}.get(tokens[at].text, 0)
            at += 1
            if depth == 0 and tokens[at - 1].text == "}":
                break
        yield number, at


def _base(tokens: Sequence[Token], at: int) -> str:
    """The class that is extended, without its namespace."""
    name = ""
    while at < len(tokens) and (tokens[at].kind == "name" or tokens[at].text == "\\"):
        if tokens[at].text.lower() == "implements":
            break
        name = tokens[at].text.lower()
        at += 1
    return name


def _value(source: Source, tokens: Sequence[Token], at: int) -> Value:
    token = tokens[at]
    follows = tokens[at + 1].text if at + 1 < len(tokens) else ""
    said = token.text[1:-1]
    if token.kind != "string" or token.text[0] == "`" or follows != ";" or re.search(r"[\\${}]", said):
        shown = token.text if token.kind != "string" else said
        start, end = source.at(token.start), source.at(token.end)
        return Value(start, end, shown, "$this->version", Role.OWN, refusal=_COMPUTED)
    start, end = source.at(token.start + 1), source.at(token.end - 1)
    quote = token.text[0]
    return Value(start, end, said, "$this->version", Role.OWN, at, prefix=quote, suffix=quote)
