"""The time rules of one policy as sets of moments: compiled once with the policy, computed where somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from tidegate.core.calendar import Timetable, zone
from tidegate.core.holiday import PublicHolidays
from tidegate.core.moments import Fixed, Openings, Outside, of_days, of_runs, of_windows
from tidegate.core.naming import Path
from tidegate.core.policy import Blackout, Policy, WindowRule


class Hours:
    """The windows, runs, blackouts and business cycles of a policy, each by where the policy says it.

    What was computed is kept with the policy: nobody changes either.
    """

    def __init__(self, policy: Policy, tz: ZoneInfo, timetables: Mapping[str, Timetable]) -> None:
        self._policy = policy
        self._tz = tz
        self._timetables = timetables
        self._kept: dict[Path, Openings] = {}
        self._holidays: dict[Path, tuple[PublicHolidays, Openings]] = {}

    def zone_of(self, section: str, name: str) -> ZoneInfo:
        """The zone in which windows of an environment, a client or a component, or a client's blackouts, are meant."""
        policy = self._policy
        zones = {
            "environments": lambda: policy.environments[name].timezone,
            "clients": lambda: policy.clients[name].timezone,
            "components": lambda: policy.components[name].timezone,
        }
        timezone = zones[section]()
        return zone(timezone) if timezone else self._tz

    def windows(self, section: str, name: str, rules: Sequence[WindowRule]) -> Openings:
        """When a window of an environment or a client is open."""
        return self._keep(
            (section, name, "windows"),
            lambda: of_windows([rule.window() for rule in rules], self.zone_of(section, name)),
        )

    def maintenance(self, numbers: tuple[int, ...]) -> Openings:
        """When any of some maintenance windows is open."""
        known = self._policy.calendar.maintenance
        return self._keep(
            ("calendar", "maintenance", *numbers),
            lambda: of_windows([known[number].window() for number in numbers], self._tz),
        )

    def trains(self, names: tuple[str, ...]) -> Openings:
        """When a run of any of some trains can be boarded."""
        return self._keep(("trains", *names), lambda: of_runs([self._timetables[name] for name in names]))

    def outside_blackout(self, path: Path, blackout: Blackout, tz: ZoneInfo) -> Openings:
        """When a blackout is not."""
        return self._keep(path, lambda: Outside(Fixed([of_days(blackout.starts, blackout.ends, tz)])))

    def outside_holidays(self, path: Path, known: PublicHolidays) -> Openings:
        """When none of the holidays is that are known of a place; other days take the place of those before."""
        kept = self._holidays.get(path)
        if kept is None or kept[0] != known:
            days = map(date.fromisoformat, known.days)
            kept = self._holidays[path] = (known, Outside(Fixed(of_days(day, day, self._tz) for day in days)))
        return kept[1]

    def cycle(self, number: int) -> Openings:
        """When a business cycle is."""
        cycle = self._policy.calendar.business_cycles[number]
        return self._keep(
            ("calendar", "business_cycles", number),
            lambda: of_runs([Timetable(cycle.cadence(), cycle.starts, self._tz, cycle.lasts)]),
        )

    def _keep(self, path: Path, make: Callable[[], Openings]) -> Openings:
        found = self._kept.get(path)
        if found is None:
            found = self._kept[path] = make()
        return found
