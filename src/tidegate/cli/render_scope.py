"""A release's scope as lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import PurePath

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.plain import plain
from tidegate.core.spoken import listed, short_day
from tidegate.views.moments import civil, counted, length
from tidegate.views.scope import PlannedFeature, ScopeView

_WIDEST_NAME, _WIDEST_SAYS = 16, 28


def scope_lines(view: ScopeView, earliest: datetime | None, tz: tzinfo) -> list[str]:
    """The features, when all is complete, and what that does to the date."""
    left = [feature for feature in view.features if feature.state == "open"]
    head = f"{counted(len(view.features), 'feature')}, {len(left)} to be done, {_days(view.days)} of work"
    name = plain(PurePath(view.file).name, 30)
    lines = ["", *wrapped(f"{strong('Scope')} ({name}): {head}", "  ", first="")]
    for objective in view.objectives:
        lines += [faint(line) for line in wrapped(f"for: {clean(objective)}", "    ", first="  ")]
    lines += columns([_row(feature, tz) for feature in _ordered(view.features)], indent="  ")
    buffer = f", {view.buffer:g} % buffer included" if view.buffer and left else ""
    if view.complete_at is None:
        return [*lines, f"  {bad('✗')} feature complete: not within five years"]
    lines.append(f"  feature complete: {strong(civil(view.complete_at, tz))}{buffer}" if left else "  feature complete")
    if view.if_done != earliest:
        lines += _effect(view, earliest, tz)
    if view.unassigned:
        names = listed([clean(name) for name in view.unassigned])
        text = f"nobody is named for {names}: the date holds only if somebody begins now"
        lines += _pointed(doubtful("!"), text)
    return lines


def _effect(view: ScopeView, earliest: datetime | None, tz: tzinfo) -> list[str]:
    """By how much what is left moves the date, and what could be left out."""
    if earliest is not None and view.if_done is not None:
        by = f"{length(earliest - view.if_done)} later than if all were done: {civil(view.if_done, tz)}"
    else:
        by = "it would go if all were done" if view.if_done is not None else "it does not go either way"
    lines = _pointed(doubtful("!"), by)
    for feature in view.features:
        if feature.late:
            lines += wrapped(f"without {clean(feature.name)}: {_when(feature.without, tz)}", "      ", first="    ")
    for cut in view.cuts:
        what = " and ".join(f'"{priority}"' for priority in cut.without)
        lines += wrapped(f"without all of {what}: {_when(cut.earliest, tz)}", "      ", first="    ")
    return lines


def _ordered(features: Sequence[PlannedFeature]) -> list[PlannedFeature]:
    rank = {"must": 0, "should": 1, "could": 2}
    return sorted(features, key=lambda feature: rank[feature.priority])


def _row(feature: PlannedFeature, tz: tzinfo) -> tuple[str, ...]:
    if feature.state == "done":
        when = good("✓ done")
    elif feature.state == "dropped":
        when = faint("dropped")
    elif feature.done_at is None:
        when = bad("years away")
    else:
        day = f"{short_day(feature.done_at.astimezone(tz).date())}"
        when = f"{doubtful('!') if feature.late else faint('·')} {day}"
    days = f"{feature.days:g}d" if feature.days is not None else ""
    name = plain(feature.name, _WIDEST_NAME)
    return (
        feature.priority,
        name,
        plain(", ".join(feature.by), 18) or "-",
        days,
        when,
        plain(feature.says, _WIDEST_SAYS),
    )


def _days(days: float) -> str:
    return f"{days:g} {'day' if days == 1 else 'days'}"


def _when(moment: datetime | None, tz: tzinfo) -> str:
    return civil(moment, tz) if moment else "never"


def _pointed(symbol: str, text: str) -> list[str]:
    lines = wrapped(text, "    ", first="  x ")
    lines[0] = lines[0].replace("  x ", f"  {symbol} ", 1)
    return lines
