"""Mistakes in a policy file: where, what was found, what is expected, and how they are shown to people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from tidegate.errors import PolicyError

MAX_SHOWN = 50
"""How many mistakes of one file are reported; the rest are counted."""

_LONGEST_FOUND = 60
_MOST_GUESSED_FROM = 1_000
_GUESS = re.compile(r'; (did you mean "[^"\n]*"\?)$')


class Place(NamedTuple):
    """A place in a file; line and column count characters from 1. Without ``file``, the file that is spoken of."""

    line: int
    column: int
    file: str = ""

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


START = Place(1, 1)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake; ``what`` may end with ``; did you mean "..."?``. ``rule`` is that of ``policy check``."""

    place: Place
    what: str
    remedy: str
    rule: str = "shape"


def shown(value: object) -> str:
    """A value as a policy would write it, on one line, shortened: what strangers wrote cannot disturb a terminal."""
    text = printable(json.dumps(value if not isinstance(value, str) else value[:_LONGEST_FOUND], ensure_ascii=False))
    return text if len(text) <= _LONGEST_FOUND else f"{text[: _LONGEST_FOUND - 4]}...{text[-1]}"


def printable(text: str) -> str:
    """The text on one line, with an escape in place of each character that is not seen."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """``; did you mean "minor"?`` where something known is close to what was found, or nothing."""
    close = closest(found, known)
    return "" if close is None else f'; did you mean "{close}"?'


def closest(found: str, known: Iterable[str]) -> str | None:
    """What is known and is close to what was found; None: nothing is."""
    by_lower = {name.lower(): name for name in islice(known, _MOST_GUESSED_FROM)}
    from difflib import get_close_matches

    close = get_close_matches(found[:64].lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def policy_error(name: str, mistakes: Iterable[Mistake], more: int = 0) -> PolicyError:
    """The error that carries all ``mistakes``, by their place; itself it says the first.

    Args:
        name: the file that is spoken of; its mistakes come before those of the files that it builds on.
        more: how many further mistakes the caller has counted, but not described.
    """
    ordered = sorted(set(mistakes), key=lambda mistake: _order(name, mistake))
    errors = [_error(name, mistake) for mistake in ordered[:MAX_SHOWN]]
    more += max(0, len(ordered) - MAX_SHOWN)
    if more:
        errors.append(PolicyError(f"{more} more mistakes are not shown", where=name, remedy="correct these first"))
    first = errors[0]
    return PolicyError(first.what, remedy=first.remedy, where=first.where, rule=first.rule, mistakes=tuple(errors))


def _order(name: str, mistake: Mistake) -> tuple[bool, str, Mistake]:
    file = mistake.place.file or name
    return file != name, file, mistake


def _error(name: str, mistake: Mistake) -> PolicyError:
    where = f"{mistake.place.file or name}:{mistake.place}"
    return PolicyError(printable(mistake.what), remedy=printable(mistake.remedy), where=where, rule=mistake.rule)


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
