"""Emergencies and debts as lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.views.emergency import CallView, DebtView, EmergencyView, Standing
from tidegate.views.moments import length, moment

_MARKS = {
    Standing.CALLING: bad("! calling"),
    Standing.ACKNOWLEDGED: doubtful("~ acknowledged"),
    Standing.EXPIRED: faint("- expired"),
    Standing.ENDED: good("✓ ended"),
}


def emergency_rows(found: Sequence[EmergencyView]) -> list[str]:
    """One line for each."""
    rows: list[tuple[str, ...]] = [
        (_MARKS[one.standing], strong(one.id), clean(one.incident)[:24], _elapsed(one), clean(one.criterion))
        for one in found
    ]
    return columns(rows)


def _elapsed(one: EmergencyView) -> str:
    lasted = length(timedelta(seconds=one.elapsed_s))
    return f"lasted {lasted}" if one.ended_at else f"{lasted} ago"


def emergency_page(one: EmergencyView, tz: tzinfo, now: datetime) -> list[str]:
    """Everything about one."""
    declared = f"by {clean(one.declared_by)}, {moment(one.declared_at, tz, now)}"
    rows: list[tuple[str, ...]] = [
        ("incident", clean(one.incident)),
        ("criterion", clean(one.criterion)),
        ("reason", clean(one.reason)),
        ("components", clean(", ".join(one.components))),
        ("declared", declared),
        ("in force", _until(one, tz, now)),
        ("acknowledged", _acknowledged(one, tz, now)),
        ("releases", clean(", ".join(one.types)) or "the policy has no type for it any more"),
        ("go without", clean(", ".join(one.skips)) or "nothing"),
    ]
    if one.ended_at:
        rows.append(("ended", f"by {clean(one.ended_by)}, {moment(one.ended_at, tz, now)}: {clean(one.outcome)}"))
    lines = [f"{_MARKS[one.standing]} {strong(one.id)}", *columns(rows, indent="  ")]
    if one.calls:
        lines += ["", strong("called"), *columns([_call(call, one, tz, now) for call in one.calls], indent="  ")]
    if one.steps and one.ended_at is None:
        lines += ["", strong("what is done")]
        for number, step in enumerate(one.steps, start=1):
            lines += wrapped(clean(step), "     ", first=f"  {number}. ")
    if one.debts:
        lines += ["", strong("owed"), *(f"  {clean(debt)}" for debt in one.debts)]
    return [*lines, *_next(one)]


def _until(one: EmergencyView, tz: tzinfo, now: datetime) -> str:
    if one.ended_at is not None:
        return "no"
    word = "until" if one.expires_at > now else "was, until"
    return f"{word} {moment(one.expires_at, tz, now)}"


def _acknowledged(one: EmergencyView, tz: tzinfo, now: datetime) -> str:
    if one.acknowledged_at is not None:
        after = length(timedelta(seconds=one.acknowledged_after_s or 0))
        return f"by {clean(one.acknowledged_by)}, after {after}{', too late' if one.late else ''}"
    if one.ended_at is not None:
        return "never"
    if one.acknowledge_by is None:
        return "not yet"
    return f"not yet; {'overdue since' if one.late else 'due'} {moment(one.acknowledge_by, tz, now)}"


def _call(call: CallView, one: EmergencyView, tz: tzinfo, now: datetime) -> tuple[str, ...]:
    over = one.acknowledged_at is not None or one.ended_at is not None
    at = moment(call.at, tz, now)
    when = f"called, due {at}" if call.called else ("not called" if over else f"will be called {at}")
    return (clean(call.title), clean(call.reach)[:40], when)


def _next(one: EmergencyView) -> list[str]:
    if one.standing is Standing.CALLING:
        return ["", f"  acknowledge it: tidegate emergency acknowledge {one.id}"]
    if one.standing is Standing.ACKNOWLEDGED:
        return ["", f"  end it: tidegate emergency end {one.id} --outcome TEXT"]
    return []


def debt_rows(found: Sequence[DebtView], tz: tzinfo, now: datetime) -> list[str]:
    """Two lines for each: what, and until when."""
    lines: list[str] = []
    for debt in found:
        lines += [f"{_debt_mark(debt)} {strong(clean(debt.id))}"]
        lines += wrapped(f"{clean(debt.what)}; {_due(debt, tz, now)}", "    ")
    return lines


def _debt_mark(debt: DebtView) -> str:
    if debt.settled_at is not None:
        return good("✓")
    return bad("✗") if debt.overdue else doubtful("~")


def _due(debt: DebtView, tz: tzinfo, now: datetime) -> str:
    due = moment(debt.due_at, tz, now)
    if debt.settled_at is not None:
        return f"settled by {clean(debt.settled_by)}{' too late' if debt.overdue else ''}; it was due {due}"
    return f"overdue since {due}" if debt.overdue else f"due {due}"


def debt_page(debt: DebtView, tz: tzinfo, now: datetime) -> list[str]:
    """Everything about one debt."""
    rows: list[tuple[str, ...]] = [
        ("owed", clean(debt.what)),
        ("by", clean(", ".join(debt.teams)) or "whoever may open releases"),
        ("stands", _due(debt, tz, now)),
    ]
    if debt.emergency:
        rows.append(("emergency", debt.emergency))
    if debt.document:
        rows.append(("document", debt.document))
    if debt.settled_at is None:
        rows.append(("settled by", clean(", ".join(debt.may_settle)) or "nobody is left who may"))
        attach = "" if debt.kind == "approval" else " --document FILE"
        rows.append(("settle it", f"tidegate debt settle {clean(debt.id)}{attach}"))
    return [f"{_debt_mark(debt)} {strong(clean(debt.id))}", *columns(rows, indent="  ")]
