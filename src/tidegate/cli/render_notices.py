"""The timeline of a release in the terminal: each notice with its time, its state, its words and whom it reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from tidegate.cli.text import WIDTH, bad, clean, doubtful, faint, good, strong, wrapped
from tidegate.core.calendar import zone
from tidegate.core.release import ReleaseState
from tidegate.views.moments import civil, distance
from tidegate.views.notices import NoticeView, TimelineView

_INDENT = "    "
_SHOWN = 12
_LONGEST = 40
"""Lines of a text that are shown; the rest is counted."""


def timeline_page(view: TimelineView, now: datetime) -> list[str]:
    """The whole timeline, for people."""
    tz = zone(view.timezone)
    lines = [*_head(view, tz, now)]
    for notice in view.notices:
        lines += ["", *_notice(notice, tz, now)]
    if not view.notices:
        lines += ["", "The policy says nothing of it to anybody."]
    return lines


def _head(view: TimelineView, tz: ZoneInfo, now: datetime) -> Iterator[str]:
    yield from wrapped(f"{clean(view.release)} ({clean(view.type)}) {_when(view, tz, now)}")
    if view.opened and view.announced_at:
        yield f"announced to its whole audience {civil(view.announced_at, tz)}"


def _when(view: TimelineView, tz: ZoneInfo, now: datetime) -> str:
    if view.planned_for is None:
        amend = f"tidegate release amend {clean(view.release)} --planned DATE"
        say = f"say one: {amend}" if view.opened and view.state is ReleaseState.OPEN else "say one: --planned DATE"
        over = view.state not in (ReleaseState.OPEN, ReleaseState.ROLLING)
        return f"is {view.state.value.replace('_', ' ')}" if over else f"has no time yet; {say}"
    at = civil(view.planned_for, tz)
    match view.basis:
        case "done":
            return f"was released {at}"
        case "foreseen":
            return f"could go {at} ({distance(view.planned_for, now)}) at the earliest; nobody has planned it"
    return f"{'is' if view.opened else 'would be'} planned for {at} ({distance(view.planned_for, now)})"


def _notice(notice: NoticeView, tz: ZoneInfo, now: datetime) -> Iterator[str]:
    number = f"{notice.number:>2}" if notice.number else "  "
    at = civil(notice.at, tz) if notice.at else ""
    start = f"{number}  {notice.when:<10} {at}".rstrip()
    yield from _stated(start, *_state(notice, now))
    yield from wrapped(clean(notice.title), _INDENT)
    yield from _text(notice)
    yield from _to(notice)
    for does in notice.does:
        yield from wrapped(clean(does), f"{_INDENT}      ", f"{_INDENT}also  ")
    if notice.acknowledge:
        yield from _read(notice, tz)


def _stated(start: str, plain: str, shown: str) -> Iterator[str]:
    """The first line, with the state at its end, or below where it has no room."""
    gap = "  "
    if len(start) + len(gap) + len(plain) <= WIDTH:
        yield f"{strong(start)}{gap}{shown}"
        return
    yield strong(start)
    yield from (shown if line == plain else line for line in wrapped(plain, _INDENT))


def _state(notice: NoticeView, now: datetime) -> tuple[str, str]:
    """How it stands, without and with its colour."""
    match notice.state:
        case "sent":
            arrived = sum(to.delivered_at is not None for to in notice.to)
            whole = arrived == len(notice.to)
            text = "✓ delivered" if whole else f"• sent, {arrived} of {len(notice.to)} delivered"
            return text, good(text) if whole else doubtful(text)
        case "planned":
            text = f"• {distance(notice.at, now)}" if notice.at else "• has no time yet"
            return text, doubtful(text)
        case "on occasion":
            text = "• if it comes to that" if notice.when in ("taken back", "rejected") else "• when it comes to that"
            return text, doubtful(text)
    text = f"✗ {notice.state}: {clean(notice.because)}"
    return text, bad(text)


def _text(notice: NoticeView) -> Iterator[str]:
    lines = notice.text.splitlines()
    for line in lines[:_LONGEST]:
        yield from (faint(part) for part in wrapped(clean(line), f"{_INDENT}| ")) if line.strip() else [f"{_INDENT}|"]
    if len(lines) > _LONGEST:
        yield f"{_INDENT}| and {len(lines) - _LONGEST} more lines"
    if notice.lacks_text:
        said = f"its text {clean(notice.lacks_text)} could not be read; this is said in its place"
        yield from (bad(line) for line in wrapped(said, _INDENT))


def _to(notice: NoticeView) -> Iterator[str]:
    some = any(to.delivered_at for to in notice.to) and not all(to.delivered_at for to in notice.to)
    named = [f"{clean(to.channel)}{' ✓' if some and to.delivered_at else ''}" for to in notice.to[:_SHOWN]]
    more = f" and {len(notice.to) - _SHOWN} more" if len(notice.to) > _SHOWN else ""
    if named:
        yield from wrapped(f"{', '.join(named)}{more}", f"{_INDENT}      ", f"{_INDENT}to    ")
    for to in notice.to:
        if to.error and not to.delivered_at:
            said = f"{clean(to.channel)}: {clean(to.error)}"
            yield from (bad(line) for line in wrapped(said, f"{_INDENT}      "))
    if notice.unreached:
        said = f"not reached, for want of an address: {', '.join(map(clean, notice.unreached))}"
        yield from (bad(line) for line in wrapped(said, f"{_INDENT}      "))
    elif not notice.to and notice.state != "skipped":
        yield bad(f"{_INDENT}to    nobody")


def _read(notice: NoticeView, tz: ZoneInfo) -> Iterator[str]:
    for person, at in (notice.read_by or {}).items():
        yield f"{_INDENT}read  {good('✓')} {clean(person)}, {civil(at, tz)}"
    if notice.unread:
        said = f"not yet by {', '.join(map(clean, notice.unread))}"
        yield from wrapped(said, f"{_INDENT}      ", f"{_INDENT}read  ")
    elif not notice.read_by:
        yield f"{_INDENT}read  by nobody yet; whoever is told says so"
