"""A difference of two policies: where, what it was, what it is, and which of the two asks for more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tidegate.core.naming import Path
from tidegate.core.rulebook import dotted


class Direction(Enum):
    """Which way a policy was changed."""

    STRICTER = "stricter"
    """The later policy asks for more: what it lets start, the earlier one let start too."""
    LOOSER = "looser"
    """The later policy asks for less: what the earlier one let start, it lets start too."""
    OTHER = "other"
    """Nobody can say which of the two asks for more, or it asks for nothing at all."""

    @property
    def reversed(self) -> Direction:
        """The direction of the change back."""
        return _REVERSED[self]


_REVERSED = {
    Direction.STRICTER: Direction.LOOSER,
    Direction.LOOSER: Direction.STRICTER,
    Direction.OTHER: Direction.OTHER,
}


class Kind(Enum):
    """What a difference is about."""

    RULE = "rule"
    """What is asked of a release."""
    PEOPLE = "people"
    """Who may do it: who is there, and in which groups."""
    SCOPE = "scope"
    """What there is: components, environments, release types."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``was`` and ``now`` are as the file would write them; None: it was, or is, not there.

    ``before`` and ``after`` are the paths in the two policies, of as much as there is of it.
    """

    before: Path
    after: Path
    was: Any
    now: Any
    direction: Direction
    sentence: str
    kind: Kind = Kind.RULE

    @property
    def path(self) -> Path:
        """Where it is; of what is gone, where it was."""
        return self.after if len(self.after) >= len(self.before) else self.before

    @property
    def what(self) -> str:
        """The sentence without its direction, for where that is said already."""
        return self.sentence.removesuffix(f": {self.direction.value}")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in both policies; ``label`` calls it as people do, with names in place of the indices of lists."""

    before: Path = ()
    after: Path = ()
    label: str = ""

    def key(self, name: str) -> Spot:
        """The place of a key below."""
        return Spot((*self.before, name), (*self.after, name), dotted((name,)) if not self.label else self._below(name))

    def _below(self, name: str) -> str:
        return f"{self.label}.{name}"

    def only(self, name: str | int, *, after: bool) -> Spot:
        """The place of a key or an index that is in one of the policies only."""
        if after:
            return Spot(self.before, (*self.after, name), self.label)
        return Spot((*self.before, name), self.after, self.label)

    def entry(self, before: int, after: int, name: str) -> Spot:
        """The place of an entry of a list, by its indices and its name."""
        return Spot((*self.before, before), (*self.after, after), f"{self.label}[{name}]")

    def changed(self, was: Any, now: Any, direction: Direction, kind: Kind = Kind.RULE, more: str = "") -> Difference:
        """The difference of what became another; ``more`` is what else is to be said of it."""
        if was is None or now is None:
            said = f"{written(now if was is None else was)} was {'added' if was is None else 'removed'}"
        else:
            said = f"{written(was)} became {written(now)}"
        return self.said(f"{said}; {more}" if more else said, was, now, direction, kind)

    def said(self, said: str, was: Any, now: Any, direction: Direction, kind: Kind = Kind.RULE) -> Difference:
        """The difference, in words of its own."""
        end = "" if direction is Direction.OTHER else f": {direction.value}"
        return Difference(self.before, self.after, was, now, direction, f"{self.label}: {said}{end}", kind)


_LONGEST = 100


def written(value: Any) -> str:
    """A value as a line of the file could write it; a long one is cut."""
    text = _flow(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _flow(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(member)}' for key, member in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    return str(value) if value != "" else '""'


def joined(words: Iterable[str], most: int = 4) -> str:
    """``a, b and c``; of many the first few, and how many more."""
    found = list(words)
    if len(found) > most:
        return f"{', '.join(found[:most])} and {len(found) - most} more"
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def together(directions: Iterable[Direction]) -> Direction:
    """The direction of several changes that are one; OTHER where they point different ways, or there are none."""
    found = set(directions)
    return found.pop() if len(found) == 1 else Direction.OTHER
