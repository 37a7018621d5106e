"""When an environment is open for releases of a type, whatever release it is: the spans of a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.holiday import holidays_for
from tidegate.core.opening import schedule
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook

_MOST = 100_000
"""How many spans anybody is told of; a policy whose windows open more often than that in a quarter means something
else."""


@dataclass(frozen=True, slots=True)
class Open:
    """A half-open span of time in which a rollout may start."""

    environment: str
    opens: datetime
    closes: datetime


def ordinary_type(policy: Policy) -> str:
    """The release type that skips the least, of several the first by name; empty where there is none."""
    types = policy.release_types
    return min(types, key=lambda name: (len(types[name].skips), name), default="")


def openings(
    book: Rulebook, environment: str, start: datetime, end: datetime, *, type_: str = "", component: str = ""
) -> tuple[Open, ...]:
    """The spans in ``[start, end)`` in which a release of that type may start there.

    Args:
        type_: without it the one that skips the least.
        component: its trains are waited for as well.
    """
    kind, components = type_ or ordinary_type(book.policy), [component] if component else []
    hours = schedule(book, environment, kind, components, now=start, holidays=holidays_for((book.policy,), start))
    found: list[Open] = []
    moment = start
    while moment < end and len(found) < _MOST:
        here = hours.at(moment)
        if here.opens is None or here.opens >= end:
            break
        closes = min(end, here.closes) if here.closes is not None else end
        found.append(Open(environment, here.opens, closes))
        moment = closes
    return tuple(_joined(found))


def _joined(spans: list[Open]) -> Iterator[Open]:
    """The spans, with those that touch each other as one."""
    last: Open | None = None
    for span in spans:
        if last is not None and last.closes == span.opens:
            last = Open(span.environment, last.opens, span.closes)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last
