"""A version is dated once."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.policy import DateOf

_SAME_DAY = (DateOf.RELEASE, DateOf.NOTES)
"""What of a version has the day of its release; its freeze and its announcement have days of their own."""


def _check(given: Given) -> Iterator[Found]:
    dates: dict[tuple[str, str], list[int]] = {}
    stated = given.policy.calendar.dates
    for index, entry in enumerate(stated):
        if entry.component and entry.version and entry.of in _SAME_DAY:
            dates.setdefault((entry.component, entry.version), []).append(index)
    for (component, version), entries in dates.items():
        days = {stated[index].date for index in entries}
        if len(days) > 1:
            said = listed(f"{stated[index].date} ({stated[index].of.value})" for index in entries)
            first, *others = (("calendar", "dates", index, "date") for index in entries)
            yield Found(
                first,
                f"{component} {version} is dated {len(days)} times: {said}",
                "keep one date of the version, or give the other one its own version",
                also=tuple(others),
            )


LINT = Lint("contradiction.dated-twice", "A version is dated once.", "7D-18", Severity.WARNING, _check)
