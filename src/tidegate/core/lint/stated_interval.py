"""The stated releases of one train are as far apart as its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.stated_date import trains_of, what
from tidegate.core.policy import DateOf, Policy, StatedDate, Train
from tidegate.core.recurrence import Recurrence


def _by_train(policy: Policy) -> dict[str, list[tuple[int, StatedDate]]]:
    """The stated releases of each train, in the order of their days; what could be of several trains is of none."""
    found: dict[str, list[tuple[int, StatedDate]]] = {}
    for index, stated in enumerate(policy.calendar.dates):
        trains = trains_of(policy, stated)
        if stated.of is DateOf.RELEASE and len(trains) == 1:
            found.setdefault(next(iter(trains)), []).append((index, stated))
    return {name: sorted(entries, key=lambda entry: entry[1].date) for name, entries in found.items()}


def _fits(train: Train, days: int) -> bool:
    """Whether two runs can be so many days apart. Months are of different lengths: of them nobody can say."""
    cadence = train.cadence()
    return isinstance(cadence, Recurrence) or bool(cadence.months) or days % (cadence.days + 7 * cadence.weeks) == 0


def _pairs(name: str, train: Train, entries: Sequence[tuple[int, StatedDate]]) -> Iterator[Found]:
    for (before, first), (after, second) in pairwise(entries):
        days = (second.date - first.date).days
        if not _fits(train, days):
            yield Found(
                ("calendar", "dates", after, "date"),
                f"{what(first)} ({first.date}) and {what(second)} ({second.date}) are {_apart(days)} apart; the {name} "
                f"train runs every {train.every}",
                f"move one of the two by whole periods of trains.{name}",
                also=(("calendar", "dates", before, "date"), ("trains", name, "every")),
            )


def _apart(days: int) -> str:
    number, unit = (days // 7, "week") if days % 7 == 0 else (days, "day")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _check(given: Given) -> Iterator[Found]:
    for name, entries in _by_train(given.policy).items():
        yield from _pairs(name, given.policy.trains[name], entries)


LINT = Lint(
    "contradiction.stated-interval",
    "The stated releases of one train are as far apart as its runs.",
    "7D-18",
    Severity.WARNING,
    _check,
)
