"""Mistakes in a policy file: where, what was found, what is expected, and how they are shown to people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

from tidegate.errors import PolicyError

MAX_SHOWN = 50
"""How many mistakes of one file are reported; the rest are counted."""

_LONGEST_FOUND = 60
_MOST_GUESSED_FROM = 1_000
_GUESS = re.compile(r'; (did you mean "[^"\n]*"\?)$')


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; line and column count characters from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


START = Place(1, 1)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake; ``what`` may end with ``; did you mean "..."?``."""

    place: Place
    what: str
    remedy: str


def shown(value: object) -> str:
    """A value as a policy would write it, on one line, shortened: what strangers wrote cannot disturb a terminal."""
    text = printable(json.dumps(value if not isinstance(value, str) else value[:_LONGEST_FOUND], ensure_ascii=False))
    return text if len(text) <= _LONGEST_FOUND else f"{text[: _LONGEST_FOUND - 4]}...{text[-1]}"


def printable(text: str) -> str:
    """The text on one line, with an escape in place of each character that is not seen."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """``; did you mean "minor"?`` where something known is close to what was found, or nothing."""
    sought = found[:64]
    names = list(islice(known, _MOST_GUESSED_FROM))
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(sought.lower(), list(by_lower), n=1, cutoff=0.6)
    return f'; did you mean "{by_lower[close[0]]}"?' if close else ""


def policy_error(name: str, mistakes: Iterable[Mistake], more: int = 0) -> PolicyError:
    """The error that carries all ``mistakes`` of the file ``name``, by their place; itself it says the first.

    Args:
        more: how many further mistakes the caller has counted, but not described.
    """
    ordered = sorted(set(mistakes))
    errors = [_error(name, mistake) for mistake in ordered[:MAX_SHOWN]]
    more += max(0, len(ordered) - MAX_SHOWN)
    if more:
        errors.append(PolicyError(f"{more} more mistakes are not shown", where=name, remedy="correct these first"))
    first = errors[0]
    return PolicyError(first.what, remedy=first.remedy, where=first.where, mistakes=tuple(errors))


def _error(name: str, mistake: Mistake) -> PolicyError:
    return PolicyError(printable(mistake.what), remedy=printable(mistake.remedy), where=f"{name}:{mistake.place}")


def explain_mistake(mistake: PolicyError) -> str:
    """One mistake for people: where and what, then the guess, then the remedy, each on its line."""
    guess = _GUESS.search(mistake.what)
    what = mistake.what[: guess.start()] if guess else mistake.what
    lines = [f"{mistake.where}: {what}" if mistake.where else what]
    if guess:
        lines.append(f"    {guess[1]}")
    lines.append(f"    remedy: {mistake.remedy}")
    return "\n".join(lines)


def explain_mistakes(error: PolicyError) -> str:
    """All mistakes of a file for people, one after the other."""
    return "\n".join(explain_mistake(mistake) for mistake in error.mistakes)
