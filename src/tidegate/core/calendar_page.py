"""A month or a quarter of a policy: departures, windows, blackouts, holidays, stated dates, and what blocks what.

Everything is computed from the policy. What people have stated is held against the trains by the rules of
``policy check``, so that the calendar and the check never say two things.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tidegate.core.calendar import Timetable, Weekday, Window, instant, parse_cadence, parse_time
from tidegate.core.holiday import places, public_holidays
from tidegate.core.lint import dated_twice, stated_date, stated_interval
from tidegate.core.lint.lint import Given
from tidegate.core.openness import Open, openings
from tidegate.core.policy import Blackout, DateOf, Policy, Purpose, StatedDate
from tidegate.core.policy.base import days_of
from tidegate.core.rulebook import Rulebook
from tidegate.core.spoken import DAYS, listed, short_day

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Run:
    """A departure of a train, who rides it, and in which blackouts, holidays and closed business cycles it falls."""

    train: str
    environment: str
    opens: datetime
    closes: datetime
    components: tuple[str, ...]
    blocked_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A span of time with a name: a business cycle, a time kept for maintenance."""

    name: str
    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Blocked:
    """A blackout and what it blocks of the time that is looked at: departures, and windows wholly or in part.

    ``ends`` is its last day, included. ``components`` are those for which alone it holds; without any it holds for all.
    """

    name: str
    starts: date
    ends: date
    because: str
    environments: tuple[str, ...]
    exempt: tuple[str, ...]
    runs: tuple[Run, ...]
    windows: tuple[Open, ...]
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stated:
    """A date that somebody published, beside the trains.

    ``fits`` is whether its train departs on it (None: no train is meant); ``departs`` are the departures nearest to it,
    ``difference`` how far off they are, in words, and ``findings`` what ``policy check`` says of it.
    """

    day: date
    of: str
    what: str
    trains: tuple[str, ...]
    component: str
    version: str
    fits: bool | None
    departs: tuple[date, ...]
    difference: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Free:
    """When something could go to an environment: what rides these trains, or what rides none.

    ``components`` are told where others that ride the same wait for something else, as for their client's windows.
    """

    environment: str
    rides: tuple[str, ...]
    spans: tuple[Open, ...]
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday of a country of the policy."""

    day: date
    name: str
    country: str


@dataclass(frozen=True, slots=True)
class Page:
    """The days from ``first`` to ``last``, both included; moments are UTC, days those of the policy's zone.

    ``windows`` are the windows of the environments as the policy has them; ``free`` when a rollout could start, with
    everything counted that closes it.
    """

    first: date
    last: date
    environments: tuple[str, ...]
    runs: tuple[Run, ...]
    windows: tuple[Open, ...]
    blackouts: tuple[Blocked, ...]
    holidays: tuple[Holiday, ...]
    cycles: tuple[Named, ...]
    maintenance: tuple[Named, ...]
    stated: tuple[Stated, ...]
    free: tuple[Free, ...] = ()


def page(
    book: Rulebook,
    first: date,
    last: date,
    now: datetime,
    *,
    component: str = "",
    environments: Collection[str] = (),
    type_: str = "",
) -> Page:
    """The page of some days.

    Args:
        component: only its trains and dates; what is free is when it could go.
        environments: only these; without any, those that a train goes to, that have windows, or are for production.
        type_: whose free times; without it those of the type that skips the least.
    """
    policy, tz = book.policy, book.tz
    start, end = instant(first, time(0), tz), instant(last + _DAY, time(0), tz)
    places = tuple(name for name in policy.environments if name in (environments or _places(policy)))
    runs = tuple(sorted(_runs(book, start, end, component, places), key=lambda run: (run.opens, run.train)))
    windows = tuple(span for name in places for span in _windows(book, name, first, last))
    shown = [
        blackout
        for blackout in policy.calendar.blackouts
        if blackout.starts <= last and blackout.ends >= first
        if not (component and blackout.components) or component in blackout.components
    ]
    return Page(
        first,
        last,
        places,
        runs,
        windows,
        tuple(_blocked(book, blackout, runs, windows) for blackout in shown),
        tuple(holidays_of(policy, first, last)),
        tuple(_cycles(book, start, end)),
        tuple(_maintenance(book, first, last)),
        tuple(_stated(book, first, last, now, component)),
        tuple(one for name in places for one in _free(book, name, start, end, type_, component)),
    )


def _free(
    book: Rulebook, environment: str, start: datetime, end: datetime, type_: str, component: str
) -> Iterator[Free]:
    """One for all that ride the same trains, are of the same client, are named by the same blackouts, and have no
    windows of their own: what they wait for differs by nothing else.
    """
    policy = book.policy
    groups: dict[tuple[tuple[str, ...], str, tuple[int, ...], str], list[str]] = {}
    for name in [component] if component else policy.components:
        trains = policy.trains_of(name)
        rides = tuple(sorted(n for n, train in trains.items() if train.to == environment))
        named = tuple(n for n, blackout in enumerate(policy.calendar.blackouts) if name in blackout.components)
        own = "" if policy.components[name].windows is None else name
        groups.setdefault((rides, policy.components[name].client or "", named, own), []).append(name)
    riding = [rides for rides, *_ in groups]
    for (rides, *_), names in sorted(groups.items()) or [(((), "", (), ""), [""])]:
        spans = openings(book, environment, start, end, type_=type_, component=names[0])
        yield Free(environment, rides, spans, tuple(names) if riding.count(rides) > 1 else ())


def _places(policy: Policy) -> set[str]:
    reached = {train.to for train in policy.trains.values()}
    return {
        name
        for name, where in policy.environments.items()
        if name in reached or where.windows is not None or where.purpose is Purpose.PRODUCTION
    }


def _runs(book: Rulebook, start: datetime, end: datetime, component: str, places: Collection[str]) -> Iterator[Run]:
    policy = book.policy
    for name, train in policy.trains.items():
        if train.to not in places or (component and name not in policy.trains_of(component)):
            continue
        riders = tuple(one for one in policy.components if name in policy.trains_of(one))
        whose = {component} if component else set(riders)
        closed = list(_closed(book, train.to, start, end))
        for opens, closes in _departures(book.timetables[name], start, end):
            blocked = [b.name for b in policy.calendar.blackouts if _covers(book, b, train.to, opens, closes, whose)]
            blocked += [one.name for one in closed if one.opens <= opens and closes <= one.closes]
            yield Run(name, train.to, opens, closes, riders, tuple(dict.fromkeys(blocked)))


def _closed(book: Rulebook, environment: str, start: datetime, end: datetime) -> Iterator[Named]:
    """The holidays, and the business cycles that are closed, on which nothing goes to an environment."""
    policy, tz = book.policy, book.tz
    if policy.environments[environment].purpose is not Purpose.PRODUCTION:
        return
    shut = {cycle.name for cycle in policy.calendar.business_cycles if cycle.closed}
    yield from (cycle for cycle in _cycles(book, start, end) if cycle.name in shut)
    for holiday in holidays_of(policy, start.astimezone(tz).date(), end.astimezone(tz).date()):
        name = f"{holiday.name} ({holiday.country})"
        yield Named(name, instant(holiday.day, time(0), tz), instant(holiday.day + _DAY, time(0), tz))


def _departures(table: Timetable, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    moment = start
    while (run := table.departure_at_or_after(moment)) is not None and run.opens < end:
        if run.opens >= start:
            yield run.opens, run.closes
        moment = max(run.closes, run.opens + timedelta(seconds=1))


def _windows(book: Rulebook, environment: str, first: date, last: date) -> Iterator[Open]:
    rules = book.policy.environments[environment].windows
    tz = book.hours.zone_of("environments", environment)
    for rule in rules or ():
        for opens, closes in _recurring(book, rule.window(), first, last, tz):
            yield Open(environment, opens, closes)


def _recurring(
    book: Rulebook, window: Window, first: date, last: date, tz: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """The spans of a window, meant in ``tz``, that have a part in these days, which are those of the policy's zone.

    The day before may reach into the first of them; in another zone it may be two days before, or the day after.
    """
    start, end = instant(first, time(0), book.tz), instant(last + _DAY, time(0), book.tz)
    for number in range(-2, (last - first).days + 2):
        day = first + timedelta(days=number)
        opens, closes = window.span(day, tz)
        if Weekday(day.weekday()) in window.days and closes > max(opens, start) and opens < end:
            yield opens, closes


def _held(policy: Policy, blackout: Blackout) -> tuple[str, ...]:
    """Where a blackout holds."""
    if blackout.environments is not None:
        return tuple(blackout.environments)
    return tuple(n for n, where in policy.environments.items() if where.purpose is Purpose.PRODUCTION)


def _span(book: Rulebook, blackout: Blackout) -> tuple[datetime, datetime]:
    return instant(blackout.starts, time(0), book.tz), instant(blackout.ends + _DAY, time(0), book.tz)


def _covers(
    book: Rulebook, blackout: Blackout, environment: str, opens: datetime, closes: datetime, riders: Collection[str]
) -> bool:
    """Whether a whole run lies in a blackout that holds for all of its riders, so that nobody boards it."""
    starts, ends = _span(book, blackout)
    if blackout.components and not set(riders) <= set(blackout.components):
        return False
    return environment in _held(book.policy, blackout) and starts <= opens and closes <= ends


def _blocked(book: Rulebook, blackout: Blackout, runs: Sequence[Run], windows: Sequence[Open]) -> Blocked:
    starts, ends = _span(book, blackout)
    held = _held(book.policy, blackout)
    return Blocked(
        blackout.name,
        blackout.starts,
        blackout.ends,
        blackout.because or "",
        held,
        tuple(blackout.exempt),
        tuple(run for run in runs if blackout.name in run.blocked_by),
        tuple(one for one in windows if one.environment in held and one.opens < ends and one.closes > starts),
        tuple(blackout.components),
    )


def _cycles(book: Rulebook, start: datetime, end: datetime) -> Iterator[Named]:
    for cycle in book.policy.calendar.business_cycles:
        table = Timetable(parse_cadence(cycle.every), cycle.starts, book.tz, cycle.lasts)
        # One that began before may reach into the time that is looked at.
        for opens, closes in _departures(table, start - cycle.lasts, end):
            if closes > start:
                yield Named(cycle.name, opens, closes)


def _maintenance(book: Rulebook, first: date, last: date) -> Iterator[Named]:
    for rule in book.policy.calendar.maintenance:
        until = None if rule.closes == "24:00" else parse_time(rule.closes)
        window = Window(days_of(rule.days), parse_time(rule.opens), until)
        for opens, closes in _recurring(book, window, first, last, book.tz):
            yield Named(rule.name, opens, closes)


def holidays_of(policy: Policy, first: date, last: date) -> Iterator[Holiday]:
    """The public holidays of the places that the policy names."""
    found = {
        (date.fromisoformat(day), name, "-".join(filter(None, place)))
        for place in places(policy)
        for day, name in public_holidays(place, first.year, last.year).days.items()
        if first <= date.fromisoformat(day) <= last
    }
    return (Holiday(*one) for one in sorted(found))


# What was stated.


def _stated(book: Rulebook, first: date, last: date, now: datetime, component: str) -> Iterator[Stated]:
    findings = _findings(book, now)
    for index, stated in enumerate(book.policy.calendar.dates):
        if first <= stated.date <= last and (not component or _concerns(book.policy, stated, component)):
            yield _held_against(book.policy, stated, tuple(findings.get(index, ())))


def _concerns(policy: Policy, stated: StatedDate, component: str) -> bool:
    return stated.component == component or (stated.component is None and stated.train in policy.trains_of(component))


def _held_against(policy: Policy, stated: StatedDate, findings: tuple[str, ...]) -> Stated:
    trains = stated_date.trains_of(policy, stated)
    nearest = sorted({day for train in trains.values() for day in stated_date.around(train, stated.date)})
    held = bool(trains) and stated.of is DateOf.RELEASE
    fits = any(stated_date.departs(train, stated.date) for train in trains.values()) if held else None
    return Stated(
        stated.date,
        stated.of.value,
        stated_date.what(stated),
        tuple(trains),
        stated.component or "",
        stated.version or "",
        fits,
        tuple(nearest),
        _difference(stated.date, trains, nearest) if held and not fits else "",
        findings,
    )


def _difference(day: date, trains: Mapping[str, object], nearest: Sequence[date]) -> str:
    """``8 days after the platform train of Tue 3 Feb, 20 days before that of Tue 3 Mar``."""
    name = listed(trains, "or")
    told: list[str] = []
    for departure in nearest:
        days = abs((day - departure).days)
        way = "after" if departure < day else "before"
        whose = f"the {name} train" if not told else "that"
        told.append(f"{days} {'day' if days == 1 else 'days'} {way} {whose} of {short_day(departure)}")
    return ", ".join(told) or f"the {name} train does not depart"


def weekdays_apart(off: Sequence[Stated]) -> str:
    """What explains stated dates that all miss their trains: they were written for another day of the week.

    Empty where that does not explain them.
    """
    stated = {one.day.weekday() for one in off}
    departs = {day.weekday() for one in off for day in one.departs}
    if len(off) < 2 or len(stated) != 1 or len(departs) != 1 or stated == departs:
        return ""
    return f"all of them are {DAYS[stated.pop()]}s, and the trains depart on {DAYS[departs.pop()]}s"


def _findings(book: Rulebook, now: datetime) -> dict[int, list[str]]:
    """What ``policy check`` says of each stated date, by its number."""
    found: dict[int, list[str]] = {}
    for lint in (stated_date.LINT, stated_interval.LINT, dated_twice.LINT):
        for one in lint.check(Given(book.policy, book, now)):
            for path in (one.path, *one.also):
                if path[:2] == ("calendar", "dates") and isinstance(path[2], int):
                    found.setdefault(path[2], []).append(one.message)
    return found
