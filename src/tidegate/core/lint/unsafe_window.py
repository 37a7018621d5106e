"""A window ends at another time than it begins."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.naming import Path
from tidegate.core.policy import Policy
from tidegate.core.policy.time import MaintenanceWindow, WindowRule


def _check(given: Given) -> Iterator[Found]:
    for path, what, rule in _windows(given.policy):
        if rule.opens == rule.closes:
            yield Found(
                path,
                f"{what} begins and ends at {rule.opens}: it is open for a whole day, until then on the next one",
                'write the time at which it ends; for whole days from: "00:00" and to: "24:00"',
            )


def _windows(policy: Policy) -> Iterator[tuple[Path, str, WindowRule | MaintenanceWindow]]:
    of_places = (("environments", policy.environments), ("clients", policy.clients), ("components", policy.components))
    for section, places in of_places:
        for name, place in places.items():
            for index, rule in enumerate(place.windows or ()):
                yield (section, name, "windows", index), f"a window of {name}", rule
    for index, window in enumerate(policy.calendar.maintenance):
        yield ("calendar", "maintenance", index), f'the maintenance window "{window.name}"', window


LINT = Lint("unsafe.window", "A window ends at another time than it begins.", "M1-05", Severity.WARNING, _check)
