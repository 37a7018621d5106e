"""Which runs of trains there are: planned when a policy is adopted, and each time that a run is boarded or missed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.afterwards import next_look_back
from tidegate.core.debt import DebtKind
from tidegate.core.rulebook import Rulebook
from tidegate.core.train_run import MOST_DEPARTURES, Run, RunEvent, RunState, departure_after, run_of
from tidegate.orchestration.afterwards import plan_reviews
from tidegate.orchestration.house import House
from tidegate.orchestration.record import Entry, record
from tidegate.store import debts, locks, policies, trains
from tidegate.store.trains import RunRow


def next_run(book: Rulebook, train: str, after: datetime) -> Run | None:
    """The first run of a train that departs after a moment; None: there is none within the horizon."""
    departure = departure_after(book.timetables[train], after)
    return run_of(book.policy, train, departure) if departure else None


def _first_run(book: Rulebook, train: str, after: datetime, now: datetime) -> Run | None:
    """The first run after a moment whose boarding is still to come: a train that is new has opened nothing before."""
    run = next_run(book, train, after)
    for _ in range(MOST_DEPARTURES):
        if run is None or run.boards_at > now:
            return run
        run = next_run(book, train, run.departs_at)
    return None


def plan_runs(connection: sa.Connection, book: Rulebook, now: datetime) -> None:
    """Plan the next run of each train of a policy, in the transaction that adopts it.

    Runs that are planned or under way stay as they are where the policy still has them. The others are given up.
    """
    kept = [row for row in trains.not_over(connection) if _still_there(book, row)]
    gone = trains.withdraw(connection, {(row.run.train, row.run.departs_at) for row in kept})
    for train in book.policy.trains:
        mine = [row for row in kept if row.run.train == train]
        if any(row.state is RunState.PLANNED for row in mine):
            continue
        upcoming = _first_run(book, train, max([now, *(row.run.departs_at for row in mine)]), now)
        if upcoming is not None:
            trains.plan(connection, upcoming)
    # Last: the head of the log is locked after all rows.
    for row in gone:
        _give_up(connection, row, now)


def _still_there(book: Rulebook, row: RunRow) -> bool:
    """Whether a run is one of the policy's, too: what is only planned with all its times, else its departure alone."""
    if row.run.train not in book.timetables:
        return False
    departure = book.timetables[row.run.train].departure_at_or_after(row.run.departs_at)
    if departure is None or departure.opens != row.run.departs_at:
        return False
    # Whoever has boarded keeps what was promised.
    return row.state is not RunState.PLANNED or run_of(book.policy, row.run.train, departure) == row.run


def _give_up(connection: sa.Connection, row: RunRow, now: datetime) -> None:
    because = "the policy has no such departure any more"
    event = RunEvent.CLOSED if row.state is RunState.DEPARTED else RunEvent.WITHDRAWN
    if trains.move(connection, row, event, None, because) is not None:
        data = {"train": row.run.train, "departs_at": f"{row.run.departs_at:%Y-%m-%dT%H:%M:%SZ}", "because": because}
        record(connection, Entry("train.withdrawn", Actor.automation("policy"), data=data), now)


def ensure_planned(house: House) -> None:
    """Plan what the active policy's trains and reviews lack: a store that an earlier version wrote has no runs."""
    with house.database.read() as connection:
        if policies.active(connection) is None:
            return
        book = policies.current(connection)
        known = {row.run.train for row in trains.not_over(connection)}
        planned = {row.debt.name for row in debts.everything(connection, [DebtKind.LOOK_BACK])}
    now = house.now()
    lacking = [name for name in book.policy.trains.keys() - known if _first_run(book, name, now, now)]
    lacking += [n for n in book.policy.reviews.keys() - planned if next_look_back(book.policy, n, book.tz, now)]
    if not lacking:
        return
    with house.database.write() as connection:
        locks.lock_organization(connection)
        book = policies.current(connection)
        plan_runs(connection, book, house.now())
        plan_reviews(connection, book, house.now())
