"""Public holidays: the days of a country or a part of it, as a value that a decision is made with and judged again by.

Which days are holidays is decided by governments, late and anew, and the library that knows them changes with it.
What a decision asks is therefore a fact: the days are taken from the library when facts are gathered, kept with the
decision, and read again from there. No rule asks the library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from tidegate.core.calendar import HORIZON
from tidegate.core.policy import Policy

Place: TypeAlias = tuple[str, str]
"""A country, and a part of it; the part is empty for the whole country."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """The public holidays of a place from its ``first`` to its ``last`` day, both included: names by ISO date.

    ``subdivision`` empty: of the whole country. ``unknown`` says why nobody can tell; else it is empty.
    """

    country: str
    subdivision: str
    first: date
    last: date
    days: Mapping[str, str] = field(default_factory=dict)
    unknown: str = ""

    @property
    def place(self) -> Place:
        """Where they hold."""
        return self.country, self.subdivision

    def covers(self, day: date) -> bool:
        """Whether it is known of the day what it is."""
        return not self.unknown and self.first <= day <= self.last


def said(place: Place) -> str:
    """``AT``, or ``US (TN)``."""
    return f"{place[0]} ({place[1]})" if place[1] else place[0]


def places(policy: Policy) -> list[Place]:
    """The places whose holidays a policy asks for, each once."""
    found = [(holidays.country, holidays.subdivision or "") for holidays in policy.calendar.holidays]
    return list(dict.fromkeys(found))


def holidays_for(policies: Iterable[Policy], now: datetime) -> tuple[PublicHolidays, ...]:
    """The holidays that a decision under these policies may look at: whole years, from now to the horizon."""
    asked = sorted({place for policy in policies for place in places(policy)})
    # Where it is not yet this year, or not any more, it is so for less than a day.
    first, last = (now - _DAY).year, (now + HORIZON + _DAY).year
    return tuple(public_holidays(place, first, last) for place in asked)


@lru_cache(maxsize=256)
def public_holidays(place: Place, first: int, last: int) -> PublicHolidays:
    """The holidays of a place, of whole years; ``unknown`` says why where nobody knows them."""
    country, subdivision = place
    days = (date(first, 1, 1), date(last, 12, 31))
    problem = mistake(place)
    if problem is not None:
        return PublicHolidays(country, subdivision, *days, unknown=problem[1])
    entity = _entity(country)
    known = range(max(first, entity.start_year), min(last, entity.end_year) + 1)
    if not known:
        unknown = f"the holidays of {country} are known from {entity.start_year} to {entity.end_year}"
        return PublicHolidays(country, subdivision, *days, unknown=unknown)
    found = dict(_days(place, range(known[0] - 1, known[-1] + 2)))
    days = (date(known[0], 1, 1), date(known[-1], 12, 31))
    names = {day.isoformat(): name for day, name in sorted(found.items()) if days[0] <= day <= days[1]}
    return PublicHolidays(country, subdivision, *days, names)


def _days(place: Place, years: range) -> Iterator[tuple[date, str]]:
    # The neighbouring years, too: a holiday on a weekend may be kept in the year before, or after.
    from holidays import country_holidays

    entity = _entity(place[0])
    # Without a language it would be that of whoever runs this.
    spoken = "en_US" if "en_US" in entity.supported_languages else entity.default_language
    yield from country_holidays(place[0], subdiv=place[1] or None, years=years, expand=False, language=spoken).items()


def mistake(place: Place) -> tuple[bool, str, str] | None:
    """Why nobody knows the holidays of a place, and what to do; None where they are known.

    Returns:
        Whether it is the subdivision that is wrong, what is wrong, and the remedy.
    """
    country, subdivision = place
    known = _countries()
    if country not in known:
        remedy = "write its two letters of ISO 3166, such as GB, or leave it out"
        return False, f'the holidays of "{country}" are not known', remedy
    parts = known[country]
    if not subdivision or subdivision in parts:
        return None
    if not parts:
        return True, f"the holidays of {country} are the same in all of it", "leave subdivision: out"
    few = parts if len(parts) <= _SHOWN else (*parts[:_SHOWN], f"{len(parts) - _SHOWN} more")
    remedy = f"write one of {', '.join(few)}{_near(subdivision, parts)}"
    return True, f'"{subdivision}" is no part of {country} whose holidays are known', remedy


_SHOWN = 12


def _near(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, tuple[str, ...]]:
    """The countries that the library knows, each with its subdivisions."""
    from holidays import list_supported_countries

    return {name: tuple(parts) for name, parts in list_supported_countries(include_aliases=False).items()}


def _entity(country: str) -> Any:
    from holidays import country_holidays

    return country_holidays(country)
