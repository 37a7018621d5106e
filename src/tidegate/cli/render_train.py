"""Trains as lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from tidegate.cli.render import state_word
from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.recurrence import is_rule, parse_rule
from tidegate.views.moments import civil, counted, moment
from tidegate.views.train import PassengerView, RunLine, RunView, TrainLine, TrainView

MOST_REASONS = 6
_MARKS = {
    "aboard": good("✓"),
    "may go": good("✓"),
    "went": good("✓"),
    "held up": bad("✗"),
    "missed": bad("✗"),
    "not opened": doubtful("!"),
}


def train_rows(found: Sequence[TrainLine], tz: tzinfo, now: datetime) -> list[str]:
    """A few lines for each train."""
    lines: list[str] = []
    for line in found:
        lines += [""] if lines else []
        lines += [f"{strong(clean(line.train))}  {_every(line.every)}, to {clean(line.to)}"]
        rows: list[tuple[str, ...]] = [("departs", _departs(line, tz, now)), *_next(line, tz, now)]
        aboard = ", ".join(line.aboard) or "nobody yet"
        rows.append(("aboard", clean(aboard)))
        rows.append(("components", clean(", ".join(line.components)) or "none rides it"))
        if line.last_missed:
            rows.append(("missed", clean(f"the last run: {line.last_missed}")))
        lines += columns(rows, indent="  ")
    return lines


def _departs(line: TrainLine, tz: tzinfo, now: datetime) -> str:
    if not line.departures:
        return "not within 400 days"
    first, *others = line.departures
    then = f"; then {', '.join(_day(one, tz) for one in others)}" if others else ""
    return f"{moment(first, tz, now)}{then}"


def _day(at: datetime, tz: tzinfo) -> str:
    local = at.astimezone(tz)
    return f"{local:%a} {local.day} {local:%b}"


def _next(line: TrainLine, tz: tzinfo, now: datetime) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    if line.state == "planned":
        opens = moment(line.opens_at, tz, now) if line.opens_at else "by hand: tidegate release open COMPONENT"
        rows.append(("opens", opens))
    if line.state in ("planned", "boarded") and line.locks_at and line.locks_at not in line.departures:
        rows.append(("locks", moment(line.locks_at, tz, now)))
    if line.state in ("locked", "departed"):
        rows.append(("stands", line.state))
    return rows


def train_page(view: TrainView, tz: tzinfo, now: datetime) -> list[str]:
    """One train, one of its runs, and the runs of before."""
    lines = [f"{strong(clean(view.train))}  {_every(view.every)}, to {clean(view.to)}"]
    departures = ", ".join(civil(one, tz) for one in view.departures) or "not within 400 days"
    rows: list[tuple[str, ...]] = [
        ("components", clean(", ".join(view.components)) or "none rides it"),
        ("departs", departures),
    ]
    lines += columns(rows, indent="  ")
    lines += _run(view.run, tz, now) if view.run else ["", "  no run is planned: nothing has looked yet"]
    if view.before:
        lines += ["", strong("runs of before"), *columns([_before(run, tz) for run in view.before], indent="  ")]
    return lines


def _run(run: RunView, tz: tzinfo, now: datetime) -> list[str]:
    lines = ["", f"{strong(f'run of {civil(run.departs_at, tz)}')}  {run.state}"]
    opens = moment(run.opens_at, tz, now) if run.opens_at else "by hand"
    rows: list[tuple[str, ...]] = [("opens", opens)]
    if run.locks_at != run.departs_at:
        rows.append(("locks", moment(run.locks_at, tz, now)))
    rows += [("departs", moment(run.departs_at, tz, now)), ("closes", moment(run.closes_at, tz, now))]
    if run.because:
        rows.append(("because", clean(run.because)))
    lines += columns(rows, indent="  ")
    if not run.passengers:
        return [*lines, "", f"  {'nobody was aboard' if run.state in ('closed', 'missed') else 'nobody is aboard yet'}"]
    lines += ["", strong("aboard")]
    for one in run.passengers:
        lines += _passenger(one, tz)
    return lines


def _passenger(one: PassengerView, tz: tzinfo) -> list[str]:
    mark = _MARKS.get(one.standing, "")
    if one.standing == "aboard" and one.because:
        mark = bad("✗")
    name = one.release or one.component
    told = [one.standing]
    if one.state and one.standing not in ("went", "not opened"):
        told.append(state_word(one.state))
    if one.opened_by_train:
        told.append("opened by the train")
    lines = [f"  {mark} {strong(clean(name))}  {', '.join(told)}"]
    for reason in one.because[:MOST_REASONS]:
        lines += wrapped(clean(reason), "      ", first="    - ")
    if len(one.because) > MOST_REASONS:
        lines.append(faint(f"    and {len(one.because) - MOST_REASONS} more"))
    if one.later:
        lines += wrapped(
            f"{counted(one.later, 'change')} came later, and waits for the next run", "      ", first="    ~ "
        )
    if one.next_run:
        lines.append(f"    taken along on {civil(one.next_run, tz)}")
    return lines


def _before(run: RunLine, tz: tzinfo) -> tuple[str, ...]:
    if run.state == "missed":
        return (_day(run.departs_at, tz), bad("✗ missed"), clean(run.because))
    went = f"went: {', '.join(run.went)}" if run.went else "nobody went"
    missed = f"; missed it: {', '.join(run.missed)}" if run.missed else ""
    return (_day(run.departs_at, tz), "closed", clean(f"{went}{missed}"))


def _every(text: str) -> str:
    """When a train departs: as the policy says it, a rule of iCalendar in words."""
    return parse_rule(text).spoken() if is_rule(text) else clean(text)
