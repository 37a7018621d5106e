"""The calendar as iCalendar (RFC 5545), for the calendars of people: one event for each thing that is told.

Times are UTC, so that no calendar needs to know the zone; days are days. An event keeps its UID whenever it is written
again, so that whoever subscribes sees it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tidegate.clock import to_text
from tidegate.core.canonical import digest_of
from tidegate.core.plain import plain
from tidegate.core.spoken import listed
from tidegate.views.calendar import CalendarView

if TYPE_CHECKING:
    from icalendar import Event

_LONGEST = 2_000
_DAY = timedelta(days=1)


def calendar_feed(view: CalendarView) -> bytes:
    """The events of a calendar, as a file."""
    from icalendar import Calendar, vText

    made = Calendar()
    made.add("prodid", "-//Tidegate//tidegate calendar//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    # Named as text: what the library does not know it would write as it is, with its commas and semicolons.
    made.add("x-wr-calname", vText(plain(f"{view.organization}: releases", _LONGEST)))
    made.add("x-wr-timezone", vText(view.timezone))
    seen: dict[str, int] = {}
    for event in _events(view):
        # What is written twice in a policy is two events.
        uid = str(event["uid"])
        seen[uid] = seen.get(uid, 0) + 1
        if seen[uid] > 1:
            event["uid"] = f"{seen[uid]}-{uid}"
        made.add_component(event)
    return bytes(made.to_ical())


def _events(view: CalendarView) -> Iterator[Event]:
    for run in view.departures:
        blocked = f"Blocked by {listed(run.blocked_by)}. " if run.blocked_by else ""
        aboard = f"Rides it: {listed(run.components)}." if run.components else ""
        key: tuple[str, ...] = ("train", run.train, run.environment, to_text(run.opens))
        told = f"{run.train} train to {run.environment}{' (blocked)' if run.blocked_by else ''}"
        yield _event(view, key, told, run.opens, run.closes, f"{blocked}{aboard}", closed=bool(run.blocked_by))
    for window in view.windows:
        key = ("window", window.environment, to_text(window.opens))
        yield _event(view, key, f"window of {window.environment}", window.opens, window.closes, "")
    for blackout in view.blackouts:
        key = ("blackout", blackout.name, str(blackout.starts), str(blackout.ends))
        where = f"Nothing goes to {listed(blackout.environments)}. {blackout.because}"
        yield _event(view, key, f"blackout: {blackout.name}", blackout.starts, blackout.ends + _DAY, where)
    for holiday in view.holidays:
        key = ("holiday", holiday.country, str(holiday.day), holiday.name)
        yield _event(view, key, holiday.name, holiday.day, holiday.day + _DAY, f"Holiday in {holiday.country}.")
    for name, named in (("cycle", view.business_cycles), ("maintenance", view.maintenance)):
        for one in named:
            yield _event(view, (name, one.name, to_text(one.opens)), one.name, one.opens, one.closes, "")
    for stated in view.dates:
        key = ("date", str(stated.day), stated.of, stated.what)
        off = f"{stated.difference}. " if stated.difference else ""
        told = f"{stated.what} ({'stated' if stated.of == 'release' else stated.of})"
        yield _event(view, key, told, stated.day, stated.day + _DAY, f"{off}{' '.join(stated.findings)}")
    for release in view.releases:
        # Its moment may move: the UID is the release, and whoever subscribes sees it move.
        yield _event(view, ("release", release.release), f"{release.release} ({release.type})", release.at, None, "")


def _event(
    view: CalendarView,
    key: tuple[str, ...],
    title: str,
    starts: date | datetime,
    ends: date | datetime | None,
    description: str,
    *,
    closed: bool = False,
) -> Any:
    from icalendar import Event

    event = Event()
    event.add("uid", f"{digest_of([view.organization, *key]).removeprefix('sha256:')[:40]}@tidegate")
    event.add("dtstamp", view.decided_at.replace(microsecond=0))
    event.add("dtstart", starts)
    if ends is not None:
        event.add("dtend", ends)
    event.add("summary", plain(title, _LONGEST))
    if description.strip():
        event.add("description", plain(description.strip(), _LONGEST))
    event.add("status", "CANCELLED" if closed else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    return event
