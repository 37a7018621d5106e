"""The calendar for people: a month or a quarter, with what is planned in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from tidegate.core.calendar import zone
from tidegate.core.calendar_page import Blocked, Free, Holiday, Named, Page, Run, Stated, page
from tidegate.core.openness import Open
from tidegate.core.policy import Policy
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration.house import House
from tidegate.store import policies, releases

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"([0-9]{4})-?[Qq]([1-4])")
_YEARS = range(1971, 2998)
"""The years that a policy's days reach, with the neighbours that a page looks at."""


@dataclass(frozen=True, slots=True)
class PlannedRelease:
    """An open release and when it is planned for."""

    release: str
    type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CalendarView:
    """What ``tidegate calendar`` answers: the days from ``first`` to ``last``, both included."""

    organization: str
    title: str
    first: date
    last: date
    environments: tuple[str, ...]
    departures: tuple[Run, ...]
    windows: tuple[Open, ...]
    blackouts: tuple[Blocked, ...]
    holidays: tuple[Holiday, ...]
    business_cycles: tuple[Named, ...]
    maintenance: tuple[Named, ...]
    dates: tuple[Stated, ...]
    releases: tuple[PlannedRelease, ...]
    free: tuple[Free, ...]
    today: date
    decided_at: datetime
    timezone: str
    rehearsal: str

    @property
    def tz(self) -> tzinfo:
        """The zone of its days."""
        return zone(self.timezone)


@dataclass(frozen=True, slots=True)
class Days:
    """What is looked at: the first and the last day, and what people call it."""

    title: str
    first: date
    last: date


_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)


def month_of(text: str) -> Days:
    """The days of ``2026-12``.

    Raises:
        UsageError: that is no month.
    """
    found = _MONTH.fullmatch(text)
    if not found or int(found[1]) not in _YEARS:
        raise UsageError(f'"{text[:40]}" is not a month', remedy="write it as 2026-12")
    return _months(int(found[1]), int(found[2]), 1, f"{_MONTHS[int(found[2]) - 1]} {found[1]}")


def quarter_of(text: str) -> Days:
    """The days of ``2026-Q1``.

    Raises:
        UsageError: that is no quarter.
    """
    found = _QUARTER.fullmatch(text)
    if not found or int(found[1]) not in _YEARS:
        raise UsageError(f'"{text[:40]}" is not a quarter', remedy="write it as 2026-Q1")
    number = int(found[2])
    names = f"{_MONTHS[3 * number - 3]} to {_MONTHS[3 * number - 1]}"
    return _months(int(found[1]), 3 * number - 2, 3, f"{found[1]}, quarter {number}: {names}")


def _months(year: int, month: int, count: int, title: str) -> Days:
    index = year * 12 + month - 1 + count
    return Days(title, date(year, month, 1), date(index // 12, index % 12 + 1, 1) - timedelta(days=1))


def calendar_view(
    house: House, days: Days | None, *, component: str = "", environment: str = "", type_: str = ""
) -> CalendarView:
    """The calendar of some days; of this month where none are named.

    Raises:
        NotFoundError: the policy knows no such component, environment or type.
    """
    now = house.now()
    with house.database.read() as connection:
        book = policies.current(connection)
        open_ = [releases.load(connection, name).facts for name in releases.list_ids(connection)]
    _demand_known(book.policy, component, environment, type_)
    today = now.astimezone(book.tz).date()
    wanted = days or month_of(f"{today.year:04d}-{today.month:02d}")
    places = (environment,) if environment else ()
    found = page(book, wanted.first, wanted.last, now, component=component, environments=places, type_=type_)
    planned = tuple(
        PlannedRelease(one.id, one.type, one.planned_at)
        for one in open_
        if one.state.value == "open"
        and one.planned_at is not None
        and wanted.first <= one.planned_at.astimezone(book.tz).date() <= wanted.last
        and (not component or any(item.component == component for item in one.items))
    )
    return view_of(book.policy, found, wanted, planned, now)


def view_of(policy: Policy, found: Page, days: Days, planned: Sequence[PlannedRelease], now: datetime) -> CalendarView:
    """The view of a page, with what is planned on it."""
    return CalendarView(
        organization=policy.organization,
        title=days.title,
        first=found.first,
        last=found.last,
        environments=found.environments,
        departures=found.runs,
        windows=found.windows,
        blackouts=found.blackouts,
        holidays=found.holidays,
        business_cycles=found.cycles,
        maintenance=found.maintenance,
        dates=found.stated,
        releases=tuple(sorted(planned, key=lambda one: (one.at, one.release))),
        free=found.free,
        today=now.astimezone(zone(policy.timezone)).date(),
        decided_at=now,
        timezone=policy.timezone,
        rehearsal=policy.rehearsal or "",
    )


def _demand_known(policy: Policy, component: str, environment: str, type_: str) -> None:
    asked = (
        ("component", component, policy.components),
        ("environment", environment, policy.environments),
        ("release type", type_, policy.release_types),
    )
    for noun, name, known in asked:
        if name and name not in known:
            raise NotFoundError(
                f'the policy knows no {noun} "{name[:80]}"',
                remedy=f"name one of: {', '.join(sorted(known)) or 'none is declared'}",
            )
