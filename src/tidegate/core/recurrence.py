"""The days on which something recurs by a rule of iCalendar: ``FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2;BYHOUR=10``.

Of RFC 5545 what a train needs: days, weeks, months and years, the days in them, and which of those days. A train goes
on, at one time of the day and on days that are named, so that COUNT, UNTIL, several hours, and days that follow from
where the rule begins are refused; so are weeks and days counted through the year.

Source: RFC 5545, section 3.3.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cached_property, lru_cache
from itertools import islice, pairwise

_DAY = timedelta(days=1)
_REACH = timedelta(days=366 * 9)
"""How long the longest wait may be: for 29 February, around a year that is none of four."""

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_PARTS = ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR", "BYMINUTE", "BYSECOND", "WKST")
_BYDAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}")


@dataclass(frozen=True)
class Recurrence:
    """A rule, read. ``days`` are pairs of a place in the month, 0 for each, and a weekday; Monday is 0."""

    freq: str
    at: time
    interval: int = 1
    days: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    week_starts: int = 0

    @property
    def needs_start(self) -> bool:
        """Whether nobody can tell its periods without the day from which they are counted."""
        return self.interval > 1

    @property
    def longest(self) -> timedelta:
        """No two days are further apart."""
        return _REACH

    @cached_property
    def least(self) -> timedelta:
        """The least time between two days."""
        return min(self._gaps())

    @cached_property
    def usual(self) -> timedelta:
        """How far apart two days are on the whole."""
        gaps = self._gaps()
        return sum(gaps, timedelta(0)) / len(gaps)

    def _gaps(self) -> list[timedelta]:
        days = list(islice(self.dates(date(2024, 1, 1), date(2024, 1, 1)), 60))
        return [after - before for before, after in pairwise(days)] or [_REACH]

    def dates(self, start: date, since: date) -> Iterator[date]:
        """The days on or after both, in order; none that is not reached within nine years of the one before."""
        seen = first = max(start, since)
        for period in self._periods(start, first):
            if period[0] - seen > _REACH:
                return
            for day in self._of(period):
                if day >= first:
                    seen = day
                    yield day

    def _periods(self, start: date, first: date) -> Iterator[tuple[date, date]]:
        """Each period as its first day and the one after its last; the first reaches up to ``first`` or before it."""
        if self.freq in ("DAILY", "WEEKLY"):
            length = timedelta(days=1 if self.freq == "DAILY" else 7)
            begins = start if self.freq == "DAILY" else start - (start.weekday() - self.week_starts) % 7 * _DAY
            step = self.interval * length
            begins += max(0, (first - begins) // step) * step
            while begins <= date.max - step - length:
                yield begins, begins + length
                begins += step
            return
        length_months = 1 if self.freq == "MONTHLY" else 12
        step_months = self.interval * length_months
        index = start.year * 12 + (start.month - 1 if self.freq == "MONTHLY" else 0)
        ahead = first.year * 12 + first.month - 1 - index
        index += max(0, ahead // step_months) * step_months
        while (index + length_months) // 12 < date.max.year:
            yield _month(index), _month(index + length_months)
            index += step_months

    def _of(self, period: tuple[date, date]) -> list[date]:
        """The days of a period, in order; of those that fit, the ones at the places that are named."""
        begins, ends = period
        found = [
            day
            for day in (begins + n * _DAY for n in range((ends - begins).days))
            if (not self.months or day.month in self.months)
            and (not self.month_days or self._is_month_day(day))
            and (not self.days or self._is_weekday(day))
        ]
        if not self.places:
            return found
        named = {place - 1 if place > 0 else len(found) + place for place in self.places}
        return [day for n, day in enumerate(found) if n in named]

    def _is_month_day(self, day: date) -> bool:
        return day.day in self.month_days or day.day - _length(day) - 1 in self.month_days

    def _is_weekday(self, day: date) -> bool:
        from_start, from_end = (day.day - 1) // 7 + 1, -((_length(day) - day.day) // 7 + 1)
        return any(day.weekday() == weekday and nth in (0, from_start, from_end) for nth, weekday in self.days)

    def spoken(self) -> str:
        """``2 weeks on Monday and Thursday at 10:00``."""
        unit = _UNITS[self.freq]
        said = unit if self.interval == 1 else f"{self.interval} {unit}s"
        on = []
        if self.places:
            on.append(f"the {_listed(_ordinal(place) for place in self.places)} of")
        if self.days:
            on.append(_listed(f"the {_ordinal(nth)} {_NAMES[day]}" if nth else _NAMES[day] for nth, day in self.days))
        if self.month_days:
            on.append(f"{'when it is ' if self.days else ''}the {_listed(map(_ordinal_day, self.month_days))}")
        where = f" in {_listed(_MONTHS[month - 1] for month in self.months)}" if self.months else ""
        return f"{said}{' on ' + ' '.join(on) if on else ''}{where} at {self.at:%H:%M}"


def is_rule(text: str) -> bool:
    """Whether a text is meant as a rule of iCalendar."""
    return "FREQ=" in text.upper()


@lru_cache(maxsize=1024)
def parse_rule(text: str) -> Recurrence:
    """Read a rule.

    Raises:
        ValueError: it is none, or says what cannot be kept; the message names the part.
    """
    parts = _parts(text)
    freq = parts.get("FREQ", "")
    if freq not in _UNITS:
        raise ValueError(f'"{freq[:20]}" is no frequency of a rule; write FREQ= with one of {", ".join(_UNITS)}')
    hours, minutes = _numbers(parts, "BYHOUR", 0, 23), _numbers(parts, "BYMINUTE", 0, 59)
    if len(hours) != 1 or len(minutes) > 1 or _numbers(parts, "BYSECOND", 0, 59) not in ((), (0,)):
        raise ValueError(f'"{text[:60]}" does not say one time of the day; write it as BYHOUR=10;BYMINUTE=30')
    found = Recurrence(
        freq=freq,
        at=time(hours[0], minutes[0] if minutes else 0),
        interval=(_numbers(parts, "INTERVAL", 1, 366) or (1,))[0],
        days=_days(parts, freq),
        month_days=_signed(parts, "BYMONTHDAY", 31),
        months=_numbers(parts, "BYMONTH", 1, 12),
        places=_signed(parts, "BYSETPOS", 366),
        week_starts=_WEEKDAYS.index(parts["WKST"]) if parts.get("WKST") in _WEEKDAYS else 0,
    )
    _check(found, text, parts)
    return found


def _parts(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for part in text.upper().strip().removeprefix("RRULE:").rstrip(";").split(";"):
        name, sign, value = part.strip().partition("=")
        if name in ("COUNT", "UNTIL"):
            raise ValueError(f"a rule that ends is none for this ({name}); it goes on until the policy is changed")
        if not sign or name not in _PARTS:
            raise ValueError(f'"{part.strip()[:30]}" is not understood in a rule; its parts are {", ".join(_PARTS)}')
        if name in found:
            raise ValueError(f"a rule says {name} once")
        found[name] = value.strip()
    return found


def _numbers(parts: Mapping[str, str], name: str, least: int, most: int) -> tuple[int, ...]:
    if name not in parts:
        return ()
    words = parts[name].split(",")
    if not all(_NUMBER.fullmatch(word) and least <= int(word) <= most for word in words):
        raise ValueError(f"{name}={parts[name][:30]} is not understood; write a number from {least} to {most}")
    return tuple(sorted({int(word) for word in words}))


def _signed(parts: Mapping[str, str], name: str, most: int) -> tuple[int, ...]:
    found = _numbers(parts, name, -most, most)
    if 0 in found:
        raise ValueError(f"{name} counts from 1, or from -1 backwards")
    return found


def _days(parts: Mapping[str, str], freq: str) -> tuple[tuple[int, int], ...]:
    if "BYDAY" not in parts:
        return ()
    found = [_BYDAY.fullmatch(word) for word in parts["BYDAY"].split(",")]
    if not all(found):
        raise ValueError(f"BYDAY={parts['BYDAY'][:30]} is not understood; write days such as MO,WE or 2TU or -1FR")
    days = {(int(match[1] or 0), _WEEKDAYS.index(match[2])) for match in found if match}
    by_month = freq == "MONTHLY" or (freq == "YEARLY" and "BYMONTH" in parts)
    if not by_month and any(nth for nth, _ in days):
        raise ValueError("the second Tuesday is one of a month; write FREQ=MONTHLY, or FREQ=YEARLY with BYMONTH")
    return tuple(sorted(days, key=lambda each: (each[1], each[0])))


def _check(rule: Recurrence, text: str, parts: Mapping[str, str]) -> None:
    if parts.get("WKST", "MO") not in _WEEKDAYS:
        raise ValueError(f"WKST={parts['WKST'][:20]} is not understood; write a day such as MO")
    if rule.freq == "WEEKLY" and rule.month_days:
        raise ValueError("a week has no day of the month; take BYMONTHDAY out")
    if rule.freq != "DAILY" and not (rule.days or rule.month_days):
        raise ValueError(f'"{text[:60]}" does not say on which day; add BYDAY or BYMONTHDAY')
    if rule.freq == "YEARLY" and not rule.months and not rule.places and rule.month_days == ():
        raise ValueError(f'"{text[:60]}" does not say in which month; add BYMONTH')
    if next(rule.dates(date(2024, 1, 1), date(2024, 1, 1)), None) is None:
        raise ValueError(f'"{text[:60]}" never comes')


def _month(index: int) -> date:
    return date(index // 12, index % 12 + 1, 1)


def _length(day: date) -> int:
    """How many days the month of a day has."""
    return (_month(day.year * 12 + day.month) - _DAY).day


def _listed(words: Iterator[str] | map[str]) -> str:
    *more, last = words
    return f"{', '.join(more)} and {last}" if more else last


def _ordinal(number: int) -> str:
    words = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}
    return words.get(number) or (f"{number}th" if number > 0 else f"{-number}th from the end")


def _ordinal_day(number: int) -> str:
    if number < 0:
        return f"{_ordinal(number)} day"
    ending = "th" if 10 < number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
