"""Drills as lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from tidegate.cli.text import bad, clean, columns, good, strong, wrapped
from tidegate.orchestration.drill import BACK, FORWARD, Standing
from tidegate.store.drills import DrillRow
from tidegate.views.moments import length, moment


def standing_rows(found: Iterable[Standing], tz: tzinfo, now: datetime) -> list[str]:
    """The drills of the policy."""
    lines: list[str] = []
    for one in found:
        sign = bad("✗") if one.overdue else good("✓")
        last = f"held {moment(one.last_at, tz, now)}" if one.last_at else "never held with success"
        due = f", due {moment(one.due_at, tz, now)}" if one.due_at else ""
        late = ", overdue" if one.overdue else ""
        blocks = " and blocks production" if one.overdue and one.blocks else ""
        lines.append(f"{sign} {strong(clean(one.name))}  {clean(one.title)}")
        lines += wrapped(f"{last}{due}{late}{blocks}", "    ")
        lines += wrapped(clean(f"{one.of}, {one.every}{f', by {one.by}' if one.by else ''}"), "    ")
    return lines


def held_rows(found: Iterable[DrillRow], tz: tzinfo, now: datetime) -> list[str]:
    """Rehearsals that were held, the newest first."""
    rows: list[tuple[str, ...]] = [
        (
            clean(row.id),
            clean(row.name),
            _word(row),
            _took(row),
            f"{moment(row.began_at, tz, now)} by {clean(row.began_by)}",
        )
        for row in found
    ]
    return ["", strong("held"), *columns(rows, indent="  ")] if rows else []


def _word(row: DrillRow) -> str:
    return {None: "not over", True: "succeeded", False: "failed"}[row.succeeded]


def _took(row: DrillRow) -> str:
    return length(timedelta(seconds=row.seconds)) if row.seconds is not None else "-"


def ended_lines(row: DrillRow) -> list[str]:
    """How one ended, and what was measured."""
    sign = good("✓") if row.succeeded else bad("✗")
    how = "succeeded" if row.succeeded else "failed"
    lines = [f"{sign} the drill {clean(row.name)} {how} ({clean(row.id)})"]
    if row.of == "emergency":
        limit = length(row.due_at - row.began_at) if row.due_at else ""
        late = "" if row.succeeded or not limit else ", too late"
        lines.append(f"  acknowledged after {_took(row)}{late}{f'; the policy asks for {limit}' if limit else ''}")
    elif BACK in row.measured:
        lines.append(f"  taken back in {length(timedelta(seconds=row.measured[BACK]))}")
        if FORWARD in row.measured:
            lines.append(f"  forward again in {length(timedelta(seconds=row.measured[FORWARD]))}")
    elif row.seconds is not None:
        lines.append(f"  it took {_took(row)}")
    if "abandoned" in row.measured:
        lines.append(f"  given up: {clean(str(row.measured['abandoned']))}")
    return lines
