"""A stated date is one on which its train departs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import islice

from tidegate.core.lint.asked import production
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed, long_day, weekday
from tidegate.core.naming import Path
from tidegate.core.policy import Blackout, DateOf, Policy, Skippable, StatedDate, Train

_REACH = timedelta(days=800)
"""How far back the departure before a date is looked for; the longest period that anybody states dates for."""


def trains_of(policy: Policy, stated: StatedDate) -> dict[str, Train]:
    """The trains that a stated date can be of, by name: the one it names, or those of its component."""
    if stated.train is not None:
        return {stated.train: policy.trains[stated.train]}
    return policy.trains_of(stated.component or "")


def departs(train: Train, day: date) -> bool:
    """Whether it departs on that day."""
    return next(iter(train.cadence().dates(train.first_day(), day)), None) == day


def what(stated: StatedDate) -> str:
    """What the date is of, for people: ``billing 2.1.0``."""
    named = " ".join(word for word in (stated.component, stated.version) if word)
    return named or stated.event or f"the {stated.train} train"


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    for index, stated in enumerate(policy.calendar.dates):
        trains = trains_of(policy, stated)
        if stated.of is not DateOf.RELEASE or not trains:
            continue
        path: Path = ("calendar", "dates", index, "date")
        if not any(departs(train, stated.date) for train in trains.values()):
            yield _found(path, stated, trains)
        elif (closed := _closed(policy, stated.date, trains)) is not None:
            yield _in_blackout(path, stated, policy.calendar.blackouts[closed], closed)
        if stated.train and stated.component and stated.train not in policy.trains_of(stated.component):
            yield _not_ridden(("calendar", "dates", index, "train"), stated, policy.trains_of(stated.component))


def _closed(policy: Policy, day: date, trains: Mapping[str, Train]) -> int | None:
    """The blackout by which no release that rides one of its trains goes on that day."""
    riders = [name for name, kind in policy.release_types.items() if Skippable.TRAIN not in kind.skips]
    stopped = [name for name in riders if Skippable.BLACKOUTS not in policy.release_types[name].skips]
    places = {train.to for train in trains.values() if departs(train, day)}
    for index, blackout in enumerate(policy.calendar.blackouts):
        held = set(production(policy) if blackout.environments is None else blackout.environments)
        nobody = riders == stopped and set(riders).isdisjoint(blackout.exempt)
        if riders and nobody and blackout.starts <= day <= blackout.ends and places <= held:
            return index
    return None


def _in_blackout(path: Path, stated: StatedDate, blackout: Blackout, index: int) -> Found:
    return Found(
        path,
        f"{what(stated)} is dated {stated.date}, and nothing that rides a train goes from {blackout.starts} to "
        f"{blackout.ends} ({blackout.name})",
        "choose a departure outside the blackout, or name under its except: the types that may go",
        also=(("calendar", "blackouts", index),),
    )


def _not_ridden(path: Path, stated: StatedDate, ridden: Mapping[str, Train]) -> Found:
    rides = f"it rides {listed(ridden)}" if ridden else "it rides none"
    return Found(
        path,
        f"{what(stated)} is dated by the train {stated.train}, which {stated.component} does not ride: {rides}",
        f"name a train that it rides, or let trains.{stated.train} be of it",
        also=(("trains", stated.train or "", "of"),),
    )


def _found(path: Path, stated: StatedDate, trains: dict[str, Train]) -> Found:
    nearest = sorted(day for train in trains.values() for day in around(train, stated.date))
    names = listed(trains, "or")
    every = next(iter(trains.values())).every
    departures = f"the {names} train runs every {every}: {listed(map(long_day, nearest)) or 'never'}"
    return Found(
        path,
        f"{what(stated)} is dated {stated.date}, a {weekday(stated.date)}; {departures}",
        f"write {listed((day.isoformat() for day in nearest), 'or')}, or change trains.{next(iter(trains))}"
        if nearest
        else f"change trains.{next(iter(trains))}, or leave the date out",
        also=tuple(("trains", name, "every") for name in trains),
    )


def around(train: Train, day: date) -> list[date]:
    """The departures before and after a day."""
    first = train.first_day()
    before: date | None = None
    for departure in islice(train.cadence().dates(first, max(first, day - _REACH)), 1_000):
        if departure >= day:
            return [found for found in (before, departure) if found is not None]
        before = departure
    return [before] if before else []


LINT = Lint(
    "contradiction.stated-date",
    "A stated date is one on which its train departs.",
    "7D-14",
    Severity.ERROR,
    _check,
)
