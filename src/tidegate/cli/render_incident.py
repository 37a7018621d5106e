"""Incidents as lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from tidegate.cli.text import bad, clean, columns, good, strong, wrapped
from tidegate.views.incident import IncidentLine, IncidentView
from tidegate.views.moments import length, moment


def incident_rows(found: Iterable[IncidentLine], tz: tzinfo, now: datetime) -> list[str]:
    """Incidents in a list."""
    lines: list[str] = []
    for one in found:
        lines += columns([(strong(one.id), one.state, moment(one.opened_at, tz, now))], indent="  ")
        lines += wrapped(clean(one.title), "    ")
    return lines


def incident_page(view: IncidentView, tz: tzinfo, now: datetime) -> list[str]:
    """One incident: the facts, the times, and what is missing before it can be closed."""
    lines = [*wrapped(clean(view.title), "  ", first=f"{strong(view.id)}  ")]
    rows: list[tuple[str, ...]] = [("what", f"{clean(view.component)} in {clean(view.environment)}")]
    if view.release:
        rows.append(("release", clean(view.release)))
    if view.rollback:
        rows += [("versions", f"{clean(view.facts['from'])} -> {clean(view.facts['to'])}")]
        rows += [("rollout", clean(view.reverses)), ("rollback", clean(view.rollback))]
    rows += [("opened", f"{moment(view.opened_at, tz, now)} by {clean(view.opened_by)}")]
    if view.began_at:
        rows.append(("began", moment(view.began_at, tz, now)))
    rows.append(("detected", moment(view.detected_at, tz, now) + _after(view.detected_after_s, "began")))
    if view.rollback or view.restored_at:
        restored = moment(view.restored_at, tz, now) if view.restored_at else "not yet"
        rows.append(("restored", restored + _after(view.restored_after_s, "detected")))
    if view.closed_at:
        rows.append(("closed", f"{moment(view.closed_at, tz, now)} by {clean(view.closed_by)}"))
    lines += columns(rows, indent="  ")
    for name, text in (("because", view.facts.get("because", "")), ("watch", _watch(view)), ("outcome", view.outcome)):
        lines += wrapped(clean(str(text)), "      ", first=f"  {name}: ") if text else []
    units: list[tuple[str, ...]] = [
        (clean(unit["unit"]), clean(unit["state"]), clean(unit["detail"])[:50]) for unit in view.facts.get("units", ())
    ]
    lines += ["", strong("units"), *columns(units, indent="  ")] if units else []
    papers: list[tuple[str, ...]] = [
        (clean(p.name), clean(p.file), f"{moment(p.at, tz, now)} by {clean(p.by)}") for p in view.papers
    ]
    lines += ["", strong("attached"), *columns(papers, indent="  ")] if papers else []
    return lines + (_demands(view) if not view.closed_at else [])


def _after(seconds: int | None, what: str) -> str:
    return (
        ""
        if seconds is None
        else f", {length(timedelta(seconds=seconds))} after it {'was ' * (what == 'detected')}{what}"
    )


def _watch(view: IncidentView) -> str:
    watch = view.facts.get("watch") or {}
    return f"wave {watch['wave']}: {watch['said']}" if watch.get("said") else ""


def _demands(view: IncidentView) -> list[str]:
    lines = ["", strong("before it is closed")]
    for demand in view.demands:
        sign = good("✓") if demand.met else bad("✗")
        lines += wrapped(clean(f"{demand.what}: {demand.said}"), "    ", first=f"  {sign} ")
        lines += wrapped(clean(demand.remedy), "        ", first="      > ") if demand.remedy else []
    ready = all(demand.met for demand in view.demands)
    return [*lines, *([f"  close it: tidegate incident close {clean(view.id)} --outcome TEXT"] if ready else [])]
