"""Runs of trains: planned once, each step claimed, and who is aboard."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.train_run import IS_LOCKED, TRAIN_RUN, Passenger, Run, RunEvent, RunState, Standing
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, tables


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it is kept. ``due_at`` is when its next step is due; None once it is over."""

    run: Run
    state: RunState
    due_at: datetime | None
    because: str = ""

    @property
    def name(self) -> str:
        """What it is called where it is told: ``modules 2026-12-08T18:00:00Z``."""
        return f"{self.run.train} {self.run.departs_at:%Y-%m-%dT%H:%M:%SZ}"


def plan(connection: sa.Connection, run: Run) -> bool:
    """Record a run whose time has not come; one that is there already stays as it is. Whether it is new."""
    row = {**asdict(run), "state": RunState.PLANNED.value, "due_at": run.boards_at, "because": ""}
    return contents.insert_once(connection, tables.train_run, row)


def _is(run: Run) -> sa.ColumnElement[bool]:
    table = tables.train_run
    return sa.and_(table.c.train == run.train, table.c.departs_at == run.departs_at)


def _row(found: sa.Row[tuple[object, ...]]) -> RunRow:
    values = found._mapping
    run = Run(values["train"], values["departs_at"], values["boards_at"], values["locks_at"], values["closes_at"])
    return RunRow(run, RunState(values["state"]), values["due_at"], values["because"])


def load(connection: sa.Connection, train: str, departs_at: datetime) -> RunRow:
    """The run of a train that departs then.

    Raises:
        NotFoundError: there is none.
    """
    table = tables.train_run
    query = sa.select(table).where(table.c.train == train, table.c.departs_at == departs_at)
    found = connection.execute(query).first()
    if found is None:
        raise NotFoundError(f'no run of "{train[:64]}" departs then', remedy=f"tidegate train show {train[:64]}")
    return _row(found)


def of_train(connection: sa.Connection, train: str, limit: int = 50) -> list[RunRow]:
    """The runs of a train that were ever planned, the newest first."""
    table = tables.train_run
    query = sa.select(table).where(table.c.train == train).order_by(table.c.departs_at.desc()).limit(limit)
    return [_row(found) for found in connection.execute(query)]


def not_over(connection: sa.Connection) -> list[RunRow]:
    """All runs that are not over, the first to depart before the others."""
    table = tables.train_run
    over = [state.value for state in RunState if TRAIN_RUN.is_final(state)]
    query = sa.select(table).where(table.c.state.not_in(over)).order_by(table.c.departs_at, table.c.train)
    return [_row(found) for found in connection.execute(query)]


def due(connection: sa.Connection, now: datetime) -> list[RunRow]:
    """The runs of which a step is due, the longest due first."""
    table = tables.train_run
    query = sa.select(table).where(table.c.due_at.is_not(None), table.c.due_at <= now)
    return [_row(found) for found in connection.execute(query.order_by(table.c.due_at, table.c.train))]


def next_due(connection: sa.Connection) -> datetime | None:
    """When a step of a run is due next."""
    moment: datetime | None = connection.execute(sa.select(sa.func.min(tables.train_run.c.due_at))).scalar()
    return moment


def claim(connection: sa.Connection, run: Run, now: datetime, until: datetime) -> bool:
    """Claim a due step by moving its due time ahead; whether it was ours to claim."""
    table = tables.train_run
    where = sa.and_(_is(run), table.c.due_at.is_not(None), table.c.due_at <= now)
    return connection.execute(sa.update(table).where(where).values(due_at=until)).rowcount == 1


def keep_claim(connection: sa.Connection, run: Run, until: datetime, further: datetime) -> bool:
    """Hold a step that was claimed ``until`` a time for longer; whether it was still ours."""
    where = sa.and_(_is(run), tables.train_run.c.due_at == until)
    return connection.execute(sa.update(tables.train_run).where(where).values(due_at=further)).rowcount == 1


def failed(connection: sa.Connection, run: Run, because: str) -> None:
    """Record why a step could not be taken; it is tried again when its claim ends."""
    connection.execute(sa.update(tables.train_run).where(_is(run)).values(because=because[:2000]))


def move(
    connection: sa.Connection, row: RunRow, event: RunEvent, due_at: datetime | None, because: str = ""
) -> RunState | None:
    """Take a run to the state that ``event`` leads to; None: somebody else has.

    Raises:
        TransitionError: its state does not take this event; nothing has changed.
    """
    following = TRAIN_RUN.next(row.state, event)
    changed = connection.execute(
        sa.update(tables.train_run)
        .where(_is(row.run), tables.train_run.c.state == row.state.value)
        .values(state=following.value, due_at=due_at, because=because[:2000])
    )
    return following if changed.rowcount == 1 else None


def put_aboard(connection: sa.Connection, run: Run, passengers: Iterable[Passenger]) -> None:
    """Record who is aboard a run; what was recorded of the same components before is replaced."""
    table = tables.passenger
    for one in passengers:
        row = {**asdict(one), "standing": one.standing.value, "because": list(one.because)}
        where = sa.and_(
            table.c.train == run.train, table.c.departs_at == run.departs_at, table.c.component == one.component
        )
        connection.execute(sa.delete(table).where(where))
        connection.execute(sa.insert(table).values(train=run.train, departs_at=run.departs_at, **row))


def passengers(connection: sa.Connection, run: Run) -> list[Passenger]:
    """Who is aboard a run, by component."""
    table = tables.passenger
    query = sa.select(table).where(table.c.train == run.train, table.c.departs_at == run.departs_at)
    return [_passenger(row) for row in connection.execute(query.order_by(table.c.component))]


def _passenger(row: sa.Row[tuple[object, ...]]) -> Passenger:
    values = row._mapping
    return Passenger(
        values["component"],
        values["release"],
        values["version"],
        Standing(values["standing"]),
        tuple(values["because"]),
        values["opened"],
        values["later"],
    )


def withdraw(connection: sa.Connection, keep: Collection[tuple[str, datetime]]) -> list[RunRow]:
    """Take away the planned runs that are not among those to be kept; those of the others that have passengers."""
    gone = [row for row in not_over(connection) if (row.run.train, row.run.departs_at) not in keep]
    for row in gone:
        if row.state is RunState.PLANNED:
            connection.execute(sa.delete(tables.train_run).where(_is(row.run)))
    return [row for row in gone if row.state is not RunState.PLANNED]


def locked_runs_of(connection: sa.Connection, release: str) -> list[RunRow]:
    """The runs that a release is aboard of and whose passengers are fixed, the first to depart before the others."""
    run, aboard = tables.train_run, tables.passenger
    joined = run.join(aboard, sa.and_(run.c.train == aboard.c.train, run.c.departs_at == aboard.c.departs_at))
    query = (
        sa.select(run)
        .select_from(joined)
        .where(aboard.c.release == release, run.c.state.in_([state.value for state in IS_LOCKED]))
        .order_by(run.c.departs_at, run.c.train)
    )
    return [_row(found) for found in connection.execute(query)]


def runs_of(connection: sa.Connection, release: str) -> list[tuple[RunRow, Passenger]]:
    """The runs that a release was or is aboard of, with how it stands there; the first to depart before the others."""
    run, aboard = tables.train_run, tables.passenger
    joined = run.join(aboard, sa.and_(run.c.train == aboard.c.train, run.c.departs_at == aboard.c.departs_at))
    query = sa.select(run).select_from(joined).where(aboard.c.release == release).order_by(run.c.departs_at)
    rows = [_row(found) for found in connection.execute(query)]
    return [(row, one) for row in rows for one in passengers(connection, row.run) if one.release == release]


def replace_release(connection: sa.Connection, older: str, newer: str, version: str) -> None:
    """Put a newer release where an older one is aboard a run that is not over."""
    run, aboard = tables.train_run, tables.passenger
    over = [state.value for state in RunState if TRAIN_RUN.is_final(state)]
    known = sa.exists().where(
        run.c.train == aboard.c.train, run.c.departs_at == aboard.c.departs_at, run.c.state.not_in(over)
    )
    connection.execute(
        sa.update(aboard).where(aboard.c.release == older, known).values(release=newer, version=version, later=0)
    )


def demand_moved(state: RunState | None, run: Run) -> RunState:
    """The state that :func:`move` led to.

    Raises:
        ConflictError: somebody else has taken the step.
    """
    if state is None:
        raise ConflictError(f"the {run.train} train was moved by somebody else", remedy="look again")
    return state
