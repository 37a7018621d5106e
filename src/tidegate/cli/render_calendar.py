"""The calendar as lines: a month as a large grid with its hours, a quarter as three small ones, and what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise, zip_longest

from tidegate.cli.render import rehearsal_lines
from tidegate.cli.text import bad, clean, doubtful, faint, good, strong, wrapped
from tidegate.core.calendar import instant, zone
from tidegate.core.calendar_page import Stated, weekdays_apart
from tidegate.core.openness import Open
from tidegate.core.plain import plain
from tidegate.core.spoken import DAYS, MONTHS, listed, short_day
from tidegate.views.calendar import CalendarView
from tidegate.views.moments import counted

_DAY = timedelta(days=1)
_SLOTS = 8
"""How many parts a day has in the bar of its hours: three hours each."""

_MOST = 60
"""How many entries are told one by one."""

TRAIN, STATED, RELEASE, BLACKOUT, HOLIDAY, CYCLE = "▲", "◆", "★", "✗", "H", "~"
_PAINT: dict[str, Callable[[str], str]] = {
    TRAIN: good,
    STATED: doubtful,
    RELEASE: strong,
    BLACKOUT: bad,
    HOLIDAY: bad,
    CYCLE: doubtful,
}
_MEANS = {
    TRAIN: "a train departs",
    STATED: "a stated date",
    RELEASE: "a planned release",
    BLACKOUT: "a blackout",
    HOLIDAY: "a holiday",
    CYCLE: "a business cycle",
}


@dataclass
class _Marks:
    """What is on which day: the marks, and the entries that are told below the grid."""

    by_day: dict[date, list[str]] = field(default_factory=dict)
    told: list[tuple[date, str, str, str]] = field(default_factory=list)

    def mark(self, day: date, sign: str) -> None:
        """Mark a day, with each sign once."""
        signs = self.by_day.setdefault(day, [])
        if sign not in signs:
            signs.append(sign)

    def tell(self, day: date, at: str, sign: str, text: str) -> None:
        """Mark a day, and tell why."""
        self.mark(day, sign)
        self.told.append((day, at, sign, text))


def calendar_lines(view: CalendarView, *, free: bool) -> list[str]:
    """The grid, what its signs mean, what is on which day, the stated dates, the blackouts, and what is free."""
    marks = _marks(view)
    months = list(_months(view))
    grid = _large(view, marks) if len(months) == 1 else _small(view, marks, months)
    return [
        *rehearsal_lines(view.rehearsal),
        strong(clean(view.title)),
        *(faint(line) for line in wrapped(f"{clean(view.organization)}, times of {clean(view.timezone)}")),
        "",
        *grid,
        "",
        *_legend(view, marks, with_hours=len(months) == 1),
        *_entries(marks),
        *_stated(view),
        *_blackouts(view),
        *(_free(view) if free else []),
    ]


def _marks(view: CalendarView) -> _Marks:
    marks = _Marks()
    for run in view.departures:
        local = run.opens.astimezone(view.tz)
        blocked = f", blocked by {listed(map(clean, run.blocked_by))}" if run.blocked_by else ""
        text = f"{clean(run.train)} train to {clean(run.environment)}{blocked}"
        marks.tell(local.date(), f"{local:%H:%M}", TRAIN, text)
    for release in view.releases:
        local = release.at.astimezone(view.tz)
        marks.tell(local.date(), f"{local:%H:%M}", RELEASE, f"{clean(release.release)} ({clean(release.type)})")
    for stated in view.dates:
        what = "" if stated.of == "release" else f" ({stated.of})"
        marks.tell(stated.day, "", STATED, f"stated: {clean(stated.what)}{what}")
    for holiday in view.holidays:
        marks.tell(holiday.day, "", HOLIDAY, f"{clean(holiday.name)} ({clean(holiday.country)})")
    for cycle in view.business_cycles:
        local = cycle.opens.astimezone(view.tz)
        for day in _days_of(cycle.opens, cycle.closes, view):
            marks.mark(day, CYCLE)
        marks.told.append((local.date(), f"{local:%H:%M}", CYCLE, clean(cycle.name)))
    for blackout in view.blackouts:
        day = max(blackout.starts, view.first)
        marks.told.append((day, "", BLACKOUT, f"{clean(blackout.name)} to {short_day(blackout.ends)}"))
        while day <= min(blackout.ends, view.last):
            marks.mark(day, BLACKOUT)
            day += _DAY
    marks.told.sort(key=lambda entry: (entry[0], entry[1]))
    return marks


def _days_of(opens: datetime, closes: datetime, view: CalendarView) -> Iterator[date]:
    day, last = opens.astimezone(view.tz).date(), (closes - timedelta(seconds=1)).astimezone(view.tz).date()
    while day <= last:
        if view.first <= day <= view.last:
            yield day
        day += _DAY


def _months(view: CalendarView) -> Iterator[tuple[date, date]]:
    first = view.first
    while first <= view.last:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        yield first, following - _DAY
        first = following


def _weeks(first: date, last: date) -> Iterator[list[date | None]]:
    day = first - timedelta(days=first.weekday())
    while day <= last:
        week = [day + timedelta(days=number) for number in range(7)]
        yield [one if first <= one <= last else None for one in week]
        day += timedelta(days=7)


# The grids.


def _large(view: CalendarView, marks: _Marks) -> list[str]:
    """One month: each day with its signs, and below it a bar of its hours."""
    lines = ["  " + "".join(f"{name[:3]:<11}" for name in DAYS).rstrip()]
    spans = _shown_spans(view)
    for week in _weeks(view.first, view.last):
        lines.append(("  " + "".join(_padded(_head(view, marks, day), 11) for day in week)).rstrip())
        lines.append(("  " + "".join(_padded(_bar(view, marks, spans, day), 11) for day in week)).rstrip())
    return lines


def _head(view: CalendarView, marks: _Marks, day: date | None) -> tuple[str, str]:
    """A day's number and signs: as it looks, and as wide as it is."""
    if day is None:
        return "", ""
    number = f"{day.day:>2}"
    signs = marks.by_day.get(day, [])[:6]
    shown = strong(number) if day == view.today else number
    if day == view.today:
        shown, number = strong(f"[{day.day}]"), f"[{day.day}]"
    return f"{shown} {''.join(_PAINT[sign](sign) for sign in signs)}", f"{number} {''.join(signs)}"


def _bar(view: CalendarView, marks: _Marks, spans: Sequence[Open], day: date | None) -> tuple[str, str]:
    """The hours of a day in eight parts: full where a rollout may start in some of it."""
    if day is None:
        return "", ""
    tz = zone(view.timezone)
    edges = [instant(day, time(3 * slot), tz) for slot in range(_SLOTS)] + [instant(day + _DAY, time(0), tz)]
    here = [span for span in spans if span.opens < edges[-1] and span.closes > edges[0]]
    text = ""
    for starts, ends in pairwise(edges):
        text += "█" if any(span.opens < ends and span.closes > starts for span in here) else "·"
    closed = bad if BLACKOUT in marks.by_day.get(day, []) else faint
    return "".join(good(sign) if sign == "█" else closed(sign) for sign in text), text


def _padded(cell: tuple[str, str], width: int) -> str:
    shown, text = cell
    return shown + " " * max(1, width - len(text)) if text else " " * width


def _shown_spans(view: CalendarView) -> list[Open]:
    """What the bars show: the first of the environments for which there are any, all that ride to it together."""
    where = _shown_environment(view)
    return [span for one in view.free if one.environment == where for span in one.spans]


def _shown_environment(view: CalendarView) -> str:
    # The last one is where releases end up; others lead there.
    return view.environments[-1] if view.environments else ""


def _small(view: CalendarView, marks: _Marks, months: Sequence[tuple[date, date]]) -> list[str]:
    """Months side by side: each day with the sign that matters most."""
    columns = []
    for first, last in months:
        name = f"{MONTHS[first.month - 1]} {first.year}"
        column = [(strong(name), name), ("Mo Tu We Th Fr Sa Su", "Mo Tu We Th Fr Sa Su")]
        column += [_small_week(view, marks, week) for week in _weeks(first, last)]
        columns.append(column)
    rows = zip_longest(*columns, fillvalue=("", ""))
    return [("  " + "".join(_padded_to(cell, 26) for cell in row)).rstrip() for row in rows]


def _small_week(view: CalendarView, marks: _Marks, week: Sequence[date | None]) -> tuple[str, str]:
    shown, text = "", ""
    for day in week:
        number = f"{day.day:>2}" if day else "  "
        sign = next((one for one in _PAINT if day and one in marks.by_day.get(day, [])), " ")
        if day and BLACKOUT in marks.by_day.get(day, []):
            sign = BLACKOUT
        painted = _PAINT[sign](sign) if sign != " " else " "
        shown += (strong(number) if day == view.today else number) + painted
        text += number + sign
    return shown, text


def _padded_to(cell: tuple[str, str], width: int) -> str:
    shown, text = cell
    return shown + " " * (width - len(text))


def _legend(view: CalendarView, marks: _Marks, *, with_hours: bool) -> list[str]:
    used = {sign for signs in marks.by_day.values() for sign in signs}
    parts = [(f"{_PAINT[sign](sign)} {_MEANS[sign]}", f"{sign} {_MEANS[sign]}") for sign in _PAINT if sign in used]
    where = plain(_shown_environment(view), 30)
    if with_hours and where:
        parts.append((f"{good('█')} {where} is open, by 3 hours", f"█ {where} is open, by 3 hours"))
    lines, width = [""], 0
    for shown, text in parts:
        if width and width + len(text) > 76:
            lines.append("")
            width = 0
        lines[-1] += ("  " if not width else "   ") + shown
        width += len(text) + 3
    return lines if parts else []


# What is on which day.


def _entries(marks: _Marks) -> list[str]:
    if not marks.told:
        return []
    lines = ["", strong("Days")]
    before: date | None = None
    for day, at, sign, text in marks.told[:_MOST]:
        label = f"{short_day(day):<10}" if day != before else " " * 10
        start = f"  {label}  {at:<5}  "
        told = wrapped(text, " " * (len(start) + 2), first=start + "x ")
        told[0] = told[0].replace(f"{start}x ", f"{start}{_PAINT[sign](sign)} ", 1)
        lines += told
        before = day
    if len(marks.told) > _MOST:
        lines.append(faint(f"  and {len(marks.told) - _MOST} more"))
    return lines


def _stated(view: CalendarView) -> list[str]:
    dates = [one for one in view.dates if one.trains]
    if not dates:
        return []
    held = [one for one in dates if one.fits is not None]
    off = [one for one in held if not one.fits]
    verdict = good("all on their trains") if not off else bad(f"{len(off)} of {len(held)} not on their trains")
    lines = ["", f"{strong('Stated dates, beside the trains')}: {verdict}"]
    if explained := weekdays_apart(off):
        lines += wrapped(clean(explained), "  ")
    for one in sorted(dates, key=lambda stated: (stated.day, stated.of)):
        lines += _one_stated(one)
    return lines


def _one_stated(one: Stated) -> list[str]:
    sign, paint = ("✓", good) if one.fits else ("✗", bad) if one.fits is False else ("·", faint)
    what = f"{short_day(one.day)}  {clean(one.what)}" + ("" if one.of == "release" else f" ({one.of})")
    lines = wrapped(f"{what}: {clean(one.difference) or 'as the train departs'}", "    ", first="  x ")
    if one.fits is None:
        lines = wrapped(what, "    ", first="  x ")
    lines[0] = lines[0].replace("  x ", f"  {paint(sign)} ", 1)
    # The difference tells the first of them already: the day on which the train departs.
    for finding in one.findings[1:] if one.fits is False else one.findings:
        lines += [faint(line) for line in wrapped(f"- {clean(finding)}", "      ", first="    ")]
    return lines


def _blackouts(view: CalendarView) -> list[str]:
    if not view.blackouts:
        return []
    lines = ["", strong("What blackouts block")]
    for one in view.blackouts:
        span = f"{short_day(one.starts)} to {short_day(one.ends)}"
        blocked = [f"the {clean(run.train)} train of {_on(run.opens, view.tz)}" for run in one.runs]
        if one.windows:
            blocked.append(counted(len(one.windows), "window"))
        exempt = f"; {listed(map(clean, one.exempt))} may go" if one.exempt else ""
        whose = f", for {listed(map(clean, one.components))} alone" if one.components else ""
        said = f"{clean(one.name)}, {span}{whose}: {listed(blocked) or 'no train and no window'}{exempt}"
        told = wrapped(said, "    ", first="  x ")
        told[0] = told[0].replace("  x ", f"  {bad(BLACKOUT)} ", 1)
        lines += told
        if one.because:
            lines += [faint(line) for line in wrapped(clean(one.because), "    ")]
    return lines


def _on(moment: datetime, tz: tzinfo) -> str:
    return short_day(moment.astimezone(tz).date())


def _free(view: CalendarView) -> list[str]:
    lines = ["", strong("Free")]
    for one in view.free:
        rides = f", on the {listed(map(clean, one.rides), 'or')} train" if one.rides else ""
        rides += f", for {listed(map(clean, one.components))}" if one.components else ""
        ahead = [span for span in one.spans if span.closes > view.decided_at]
        lines.append(f"  {clean(one.environment)}{rides}: {counted(len(ahead), 'slot') if ahead else bad('none')}")
        lines += [f"    {good('█')} {_slot(span, view)}" for span in ahead[:_MOST]]
        if len(ahead) > _MOST:
            lines.append(faint(f"    and {len(ahead) - _MOST} more"))
    return lines


def _slot(span: Open, view: CalendarView) -> str:
    opens = max(span.opens, view.decided_at).astimezone(view.tz)
    closes = span.closes.astimezone(view.tz)
    same = closes.date() == opens.date()
    until = f"{closes:%H:%M}" if same else f"{short_day(closes.date())} {closes:%H:%M}"
    return f"{short_day(opens.date())} {opens:%H:%M} to {until}"
