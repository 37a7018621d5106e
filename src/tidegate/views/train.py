"""Trains for people: when they depart next, who is aboard and what stands in its way, who missed a run and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tidegate.core.rulebook import Rulebook
from tidegate.core.train_run import (
    BY_HAND,
    TRAIN_RUN,
    Passenger,
    RunState,
    Standing,
    departure_after,
    riders,
    run_of,
)
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration.house import House
from tidegate.orchestration.train import decision_for, open_of
from tidegate.store import policies, releases, trains
from tidegate.store.trains import RunRow

SHOWN_DEPARTURES = 3
SHOWN_RUNS = 10


@dataclass(frozen=True, slots=True)
class PassengerView:
    """What a component has aboard a run.

    ``because`` says what stands in its way, or why it was not opened, or missed the run. ``later`` counts the changes
    at the main line that it does not have. ``next_run`` is the departure that takes it along, where it missed this one.
    """

    component: str
    release: str
    version: str
    state: str
    standing: str
    because: tuple[str, ...]
    opened_by_train: bool
    later: int
    next_run: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run of a train. ``opens_at`` is None where people open its releases."""

    departs_at: datetime
    opens_at: datetime | None
    locks_at: datetime
    closes_at: datetime
    state: str
    because: str
    passengers: tuple[PassengerView, ...]


@dataclass(frozen=True, slots=True)
class TrainLine:
    """A train in a list: its next departures, how its next run stands, how many are aboard."""

    train: str
    every: str
    to: str
    components: tuple[str, ...]
    departures: tuple[datetime, ...]
    state: str
    opens_at: datetime | None
    locks_at: datetime | None
    aboard: tuple[str, ...]
    last_missed: str


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run of before."""

    departs_at: datetime
    state: str
    went: tuple[str, ...]
    missed: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class TrainView:
    """What ``tidegate train show`` answers."""

    train: str
    every: str
    to: str
    components: tuple[str, ...]
    departures: tuple[datetime, ...]
    run: RunView | None
    before: tuple[RunLine, ...]


def train_lines(house: House) -> list[TrainLine]:
    """All trains, the one that departs first before the others."""
    with house.database.read() as connection:
        book = policies.current(connection)
        rows = {name: trains.of_train(connection, name) for name in book.policy.trains}
    found = [_line(house, book, name, rows[name]) for name in book.policy.trains]
    return sorted(found, key=lambda line: (not line.departures, line.departures[:1], line.train))


def _line(house: House, book: Rulebook, name: str, rows: list[RunRow]) -> TrainLine:
    now = house.now()
    train = book.policy.trains[name]
    current = _current(rows, now)
    ahead = _departures(book, name, now)
    planned = (
        run_of(book.policy, name, departure) if (departure := departure_after(book.timetables[name], now)) else None
    )
    run = current.run if current else planned
    missed = next((row for row in rows if TRAIN_RUN.is_final(row.state)), None)
    return TrainLine(
        train=name,
        every=train.every,
        to=train.to,
        components=tuple(riders(book.policy, name)),
        departures=ahead,
        state=(current.state if current else RunState.PLANNED).value,
        opens_at=run.boards_at if run and train.opens != BY_HAND else None,
        locks_at=run.locks_at if run else None,
        aboard=tuple(one.release for one in _aboard(house, book, name, current) if one.release),
        last_missed=missed.because if missed and missed.state is RunState.MISSED else "",
    )


def _departures(book: Rulebook, name: str, now: datetime) -> tuple[datetime, ...]:
    found, moment = [], now
    for _ in range(SHOWN_DEPARTURES):
        departure = departure_after(book.timetables[name], moment)
        if departure is None:
            break
        found.append(departure.opens)
        moment = departure.opens
    return tuple(found)


def _current(rows: list[RunRow], now: datetime) -> RunRow | None:
    """The run that is under way, or else the next one: the first to depart of those that are not over."""
    left = [row for row in rows if not TRAIN_RUN.is_final(row.state) and row.run.closes_at > now]
    return min(left, key=lambda row: row.run.departs_at, default=None)


def _aboard(house: House, book: Rulebook, name: str, row: RunRow | None) -> list[Passenger]:
    """Who is aboard a run as it was recorded; of one whose time has not come, who would be."""
    with house.database.read() as connection:
        if row is not None and row.state is not RunState.PLANNED:
            return trains.passengers(connection, row.run)
        found = {component: open_of(connection, book, component) for component in riders(book.policy, name)}
    return [
        Passenger(component, there[0].id, there[0].items[0].to_version, Standing.ABOARD)
        for component, there in found.items()
        if there
    ]


def train_view(house: House, name: str, day: str = "") -> TrainView:
    """One train, and one of its runs: that of a day, or the one that is under way or comes next.

    Raises:
        NotFoundError: the policy knows no such train, or none of its runs departs on that day.
        UsageError: the day is none.
    """
    with house.database.read() as connection:
        book = policies.current(connection)
        rows = trains.of_train(connection, name)
    train = book.policy.trains.get(name)
    if train is None:
        raise NotFoundError(
            f'the policy knows no train "{name[:64]}"',
            remedy=f"name one of: {', '.join(book.policy.trains) or 'none is declared'}",
        )
    row = _on(book, rows, day) if day else _current(rows, house.now())
    return TrainView(
        train=name,
        every=train.every,
        to=train.to,
        components=tuple(riders(book.policy, name)),
        departures=_departures(book, name, house.now()),
        run=_run(house, book, row) if row else None,
        before=tuple(_before(house, row) for row in rows if TRAIN_RUN.is_final(row.state))[:SHOWN_RUNS],
    )


def _on(book: Rulebook, rows: list[RunRow], text: str) -> RunRow:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f'"{text[:40]}" is no day', remedy="write it as 2026-12-08") from error
    found = next((row for row in rows if row.run.departs_at.astimezone(book.tz).date() == day), None)
    if found is None:
        known = ", ".join(f"{row.run.departs_at.astimezone(book.tz).date()}" for row in rows[:5])
        raise NotFoundError(
            f"no run that is known departs on {day}", remedy=f"name one of: {known}" if known else "none is known yet"
        )
    return found


def _run(house: House, book: Rulebook, row: RunRow) -> RunView:
    run = row.run
    train = book.policy.trains[run.train]
    found = _aboard(house, book, run.train, row)
    following = departure_after(book.timetables[run.train], run.departs_at)
    taken = following.opens if following and row.state is RunState.CLOSED else None
    return RunView(
        departs_at=run.departs_at,
        opens_at=None if train.opens == BY_HAND else run.boards_at,
        locks_at=run.locks_at,
        closes_at=run.closes_at,
        state=row.state.value,
        because=row.because,
        passengers=tuple(_passenger(house, book, row, one, train.to, taken) for one in found),
    )


def _passenger(
    house: House, book: Rulebook, row: RunRow, one: Passenger, to: str, taken: datetime | None
) -> PassengerView:
    state, because = "", one.because
    if one.release:
        with house.database.read() as connection:
            state = releases.load(connection, one.release).facts.state.value
    if one.standing is Standing.ABOARD and state == "open":
        # As of the departure: until then time itself stands in nobody's way.
        at = max(house.now(), row.run.departs_at)
        decision = decision_for(house, book, one.release, to, at)
        because += tuple(dict.fromkeys(finding.message for finding in decision.against()))
    missed = one.standing is Standing.MISSED and state == "open"
    return PassengerView(
        component=one.component,
        release=one.release,
        version=one.version,
        state=state,
        standing=one.standing.value,
        because=because,
        opened_by_train=one.opened,
        later=one.later,
        next_run=taken if missed else None,
    )


def _before(house: House, row: RunRow) -> RunLine:
    with house.database.read() as connection:
        found = trains.passengers(connection, row.run)
    return RunLine(
        departs_at=row.run.departs_at,
        state=row.state.value,
        went=tuple(one.release for one in found if one.standing is Standing.WENT),
        missed=tuple(one.release or one.component for one in found if one.standing is not Standing.WENT),
        because=row.because,
    )
