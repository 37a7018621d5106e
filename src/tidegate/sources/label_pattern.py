"""Regular expressions over label values in time linear in the value, whatever the pattern and whoever wrote either.

A backtracking engine can be held for hours by a short pattern and a long label. Here all ways of matching advance
together, one character at a time (Thompson 1968), as in the RE2 library that Prometheus uses. The language is the part
of RE2 that selectors need: literals, ``.``, classes, ``\\d \\w \\s`` and their opposites, groups, ``|``, and the
repetitions ``* + ? {m} {m,} {m,n}``. A pattern must match the whole value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.errors import UsageError

MAX_PATTERN = 256
MAX_PROGRAM = 1000
MAX_VISITS = 10 * MAX_PROGRAM
MAX_DEPTH = 20

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Step:
    """Takes one character that passes ``test``; without a test, goes on at every one of ``to`` for free."""

    test: Test | None
    to: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LabelPattern:
    """A compiled pattern."""

    text: str
    steps: tuple[_Step, ...]
    first: int
    """Where matching begins; step 0 is where it ends."""

    def matches(self, value: str) -> bool:
        """Whether the whole of ``value`` matches."""
        live = self._reach([self.first])
        for character in value:
            passed = [self.steps[at] for at in live]
            live = self._reach([step.to[0] for step in passed if step.test is not None and step.test(character)])
            if not live:
                return False
        return 0 in live

    def _reach(self, start: list[int]) -> set[int]:
        """All steps that can be reached without taking a character."""
        found, todo = set[int](), start
        while todo:
            at = todo.pop()
            if at not in found:
                found.add(at)
                step = self.steps[at]
                todo.extend(step.to if step.test is None else ())
        return found


def compile_pattern(text: str) -> LabelPattern:
    """Read a pattern.

    Raises:
        UsageError: it is too long, too deep or too large, or is not in the language.
    """
    if len(text) > MAX_PATTERN:
        raise UsageError(
            f"a pattern of {len(text)} characters", remedy=f"use {MAX_PATTERN} characters at most, or several matchers"
        )
    reader = _Reader(text)
    first = _Builder(reader).build(reader.whole())
    return LabelPattern(text, first[0], first[1])


# The tree: a node is built backwards, from where it leads to where it begins, so that every target exists already.
@dataclass(frozen=True, slots=True)
class _One:
    test: Test


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Either:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Node
    least: int
    most: int | None


_Node = _One | _Sequence | _Either | _Repeat


class _Builder:
    """Turns a tree into steps."""

    def __init__(self, reader: _Reader) -> None:
        self._fail = reader.fail
        self._steps: list[_Step] = [_Step(None, ())]
        self._visits = 0

    def build(self, node: _Node) -> tuple[tuple[_Step, ...], int]:
        """The steps, and the one to begin at."""
        first = self._add(node, 0)
        return tuple(self._steps), first

    def _add(self, node: _Node, then: int) -> int:
        # Counted apart from the steps: an empty group that is repeated adds none, and nested it would never end.
        self._visits += 1
        if self._visits > MAX_VISITS:
            raise self._too_large()
        match node:
            case _One(test):
                return self._step(_Step(test, (then,)))
            case _Sequence(parts):
                for part in reversed(parts):
                    then = self._add(part, then)
                return then
            case _Either(parts):
                return self._step(_Step(None, tuple(self._add(part, then) for part in parts)))
            case _Repeat(part, least, most):
                return self._repeat(part, least, most, then)

    def _repeat(self, part: _Node, least: int, most: int | None, then: int) -> int:
        if most is None:
            loop = self._step(_Step(None, ()))
            self._steps[loop] = _Step(None, (self._add(part, loop), then))
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self._step(_Step(None, (self._add(part, then), end)))
        for _ in range(least):
            then = self._add(part, then)
        return then

    def _step(self, step: _Step) -> int:
        if len(self._steps) >= MAX_PROGRAM:
            raise self._too_large()
        self._steps.append(step)
        return len(self._steps) - 1

    def _too_large(self) -> UsageError:
        return self._fail("repeats too much", f"keep the pattern below {MAX_PROGRAM} steps when written out")


_CLASSES: dict[str, Test] = {
    "d": lambda c: "0" <= c <= "9",
    "w": lambda c: c == "_" or (c.isascii() and c.isalnum()),
    "s": lambda c: c in "\t\n\f\r ",
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
_SPECIAL = ".*+?()[]{}|\\^$"


class _Reader:
    """Reads a pattern by recursive descent: either > sequence > repeated > atom."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def fail(self, what: str, remedy: str) -> UsageError:
        """The error that names the pattern and the place in it."""
        return UsageError(f"the pattern {self._text!r} {what} (at character {self._at + 1})", remedy=remedy)

    def whole(self) -> _Node:
        """The whole pattern."""
        node = self._either()
        if self._at < len(self._text):
            raise self.fail("closes a group that it did not open", "remove the ) or write \\)")
        return node

    def _either(self) -> _Node:
        parts = [self._sequence()]
        while self._skip("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _Either(tuple(parts))

    def _sequence(self) -> _Node:
        parts = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        return _Sequence(tuple(parts))

    def _repeated(self) -> _Node:
        node, bounds = self._atom(), self._bounds()
        if bounds is not None:
            node = _Repeat(node, *bounds)
        if self._peek() in ("*", "+", "?", "{"):
            raise self.fail("repeats a repetition", "put the inner repetition into a group")
        return node

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._skip(sign):
                return bounds
        return self._braces() if self._skip("{") else None

    def _braces(self) -> tuple[int, int | None]:
        least = self._number()
        most: int | None = least
        if self._skip(","):
            most = None if self._peek() == "}" else self._number()
        if not self._skip("}") or (most is not None and most < least):
            raise self.fail("has no valid repetition", "write {2}, {2,} or {2,5}; a literal brace is \\{")
        return least, most

    def _number(self) -> int:
        start = self._at
        while self._peek() in tuple("0123456789"):
            self._at += 1
        digits = self._text[start : self._at]
        if not 0 < len(digits) <= 3:
            raise self.fail("has no valid repetition", "write {2}, {2,} or {2,5}; a literal brace is \\{")
        return int(digits)

    def _atom(self) -> _Node:
        if self._skip("("):
            return self._group()
        if self._skip("["):
            return _One(self._class())
        if self._skip("."):
            return _One(lambda c: c != "\n")
        if self._skip("\\"):
            return _One(self._escape())
        if self._peek() in ("^", "$"):
            raise self.fail("has an anchor", "leave it out: a pattern always matches the whole value")
        if self._peek() in _SPECIAL:
            raise self.fail(f"has {self._peek()!r} where it means nothing", f"write \\{self._peek()} for the character")
        return _One(_equal(self._take()))

    def _group(self) -> _Node:
        if self._skip("?") and not self._skip(":"):
            raise self.fail("has a group of an unknown kind", "use (...) or (?:...)")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.fail("nests too deep", f"nest {MAX_DEPTH} groups at most")
        node = self._either()
        if not self._skip(")"):
            raise self.fail("does not close a group", "add the missing )")
        self._depth -= 1
        return node

    def _escape(self) -> Test:
        sign = self._take()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign.lower() in _CLASSES:
            return _opposite(_CLASSES[sign.lower()])
        return _equal(self._escaped(sign))

    def _escaped(self, sign: str) -> str:
        if sign in _CONTROLS:
            return _CONTROLS[sign]
        if sign and not sign.isalnum():
            return sign
        raise self.fail(f"has the unknown escape \\{sign}", "use \\d, \\w, \\s, \\n, \\t, or \\ before a sign")

    def _class(self) -> Test:
        negated, tests = self._skip("^"), list[Test]()
        while not tests or self._peek() != "]":
            if self._peek() == "":
                raise self.fail("does not close a class", "add the missing ]")
            tests.append(self._member())
        self._at += 1
        return _none_of(tests) if negated else _any_of(tests)

    def _member(self) -> Test:
        low = self._take()
        if low == "[" and self._peek() == ":":
            raise self.fail("has a named class", "write its characters, such as [a-zA-Z]")
        if low == "\\":
            sign = self._peek()
            if sign.lower() in _CLASSES:
                return self._escape()
            low = self._escaped(self._take())
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return _equal(low)
        self._at += 1
        high = self._take()
        high = self._escaped(self._take()) if high == "\\" else high
        if high < low:
            raise self.fail(f"has the empty range {low}-{high}", "put the lower end first")
        return lambda c: low <= c <= high

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._peek()
        if character == "":
            raise self.fail("ends too early", "complete it")
        self._at += 1
        return character

    def _skip(self, expected: str) -> bool:
        found = self._peek() == expected
        self._at += found
        return found


def _equal(expected: str) -> Test:
    return lambda c: c == expected


def _any_of(tests: list[Test]) -> Test:
    return lambda c: any(test(c) for test in tests)


def _none_of(tests: list[Test]) -> Test:
    return lambda c: not any(test(c) for test in tests)


def _opposite(test: Test) -> Test:
    return lambda c: not test(c)
