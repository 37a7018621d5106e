"""Which series are meant: a metric's name and matchers of its labels, as in ``http_requests_total{code=~"5.."}``.

    selector := name [ '{' [ matcher { ',' matcher } [ ',' ] ] '}' ]
    matcher  := label ( '=' | '!=' | '=~' | '!~' ) string
    string   := '"' ... '"' or "'" ... "'", with \\\\ \\" \\' \\n \\t

A label that a series does not have is the empty text, as in Prometheus: ``{code!="200"}`` also means series without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidegate.errors import UsageError
from tidegate.sources.label_pattern import LabelPattern, compile_pattern

MAX_SELECTOR = 1024
MAX_MATCHERS = 16

# None of these can backtrack: each alternative begins with another character.
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_SPACE = re.compile(r"[ \t\r\n]*")
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}


class Operator(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    UNEQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label."""

    label: str
    operator: Operator
    value: str
    pattern: LabelPattern | None

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels fulfils the condition."""
        found = labels.get(self.label, "")
        equal = self.pattern.matches(found) if self.pattern else found == self.value
        return equal is (self.operator in (Operator.EQUAL, Operator.MATCHES))


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric's name and the conditions on its labels, all of which must be fulfilled."""

    text: str
    name: str
    matchers: tuple[Matcher, ...]

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series of the metric with these labels is meant."""
        return all(matcher.accepts(labels) for matcher in self.matchers)


def parse_selector(text: str) -> Selector:
    """Read a selector.

    Raises:
        UsageError: it is not in the language, is too long, or has a pattern that is.
    """
    if len(text) > MAX_SELECTOR:
        raise UsageError(f"a selector of {len(text)} characters", remedy=f"use {MAX_SELECTOR} characters at most")
    return _Reader(text).selector()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def selector(self) -> Selector:
        name = self._expect(_NAME, "the name of a metric")
        matchers = self._matchers() if self._skip("{") else ()
        self._space()
        if self._at < len(self._text):
            raise self._fail("the end")
        return Selector(self._text, name, matchers)

    def _matchers(self) -> tuple[Matcher, ...]:
        found: list[Matcher] = []
        while not self._skip("}"):
            if found and not self._skip(","):
                raise self._fail("',' or '}'")
            if found and self._skip("}"):
                break
            found.append(self._matcher())
        if len(found) > MAX_MATCHERS:
            raise UsageError(
                f"the selector {self._text!r} has {len(found)} matchers", remedy=f"use {MAX_MATCHERS} at most"
            )
        return tuple(found)

    def _matcher(self) -> Matcher:
        label = self._expect(_LABEL, "the name of a label")
        operator = Operator(self._expect(_OPERATOR, "=, !=, =~ or !~"))
        value = self._string()
        if label == "__name__":
            raise UsageError(
                f"the selector {self._text!r} matches on __name__", remedy="write the metric's name before the {"
            )
        regular = operator in (Operator.MATCHES, Operator.MATCHES_NOT)
        return Matcher(label, operator, value, compile_pattern(value) if regular else None)

    def _string(self) -> str:
        self._space()
        quote = self._text[self._at : self._at + 1]
        if quote not in ('"', "'"):
            raise self._fail("a quoted value")
        self._at += 1
        parts: list[str] = []
        while (character := self._take()) != quote:
            parts.append(self._escape() if character == "\\" else character)
        return "".join(parts)

    def _escape(self) -> str:
        sign = self._take()
        if sign not in _ESCAPES:
            self._at -= 1
            raise self._fail("one of \\\\, \\\", \\', \\n, \\t (a backslash of a pattern is written twice)")
        return _ESCAPES[sign]

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise self._fail("the closing quote")
        self._at += 1
        return self._text[self._at - 1]

    def _expect(self, form: re.Pattern[str], what: str) -> str:
        self._space()
        found = form.match(self._text, self._at)
        if found is None:
            raise self._fail(what)
        self._at = found.end()
        return found.group()

    def _skip(self, sign: str) -> bool:
        self._space()
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) * found
        return found

    def _space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _fail(self, expected: str) -> UsageError:
        found = repr(self._text[self._at]) if self._at < len(self._text) else "the end"
        return UsageError(
            f"the selector {self._text!r} has {found} at character {self._at + 1}, expected {expected}",
            remedy='write it like http_requests_total{code=~"5.."}',
        )
