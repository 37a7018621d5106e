"""Is it open: held against an oracle that walks minute by minute and reads the policy's words by the clock on the wall.

The oracle knows nothing of instants, spans or cadences. It walks through the minutes in UTC, looks at each at what the
clocks show, and remembers the latest time that they have ever shown: a civil time has come when they first showed it,
or had passed it.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, reduce
from itertools import accumulate
from operator import and_, or_
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.facts import DAY, HOUR, NOW, asked, compiled, facts, hold, item, question, release, rulebook
from tidegate.core.calendar import HORIZON
from tidegate.core.holiday import PublicHolidays
from tidegate.core.opening import Advice, Closer, Opening, schedule
from tidegate.core.verdict import Verdict

MINUTE = timedelta(minutes=1)
SHOWN_DAYS, ASKED_DAYS = 24, 6
EXAMPLES = int(os.environ.get("TIDEGATE_FUZZ_CALENDARS", "40"))

PLACES = [
    ("Europe/Vienna", date(2026, 3, 29)),
    ("Europe/Vienna", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("Pacific/Chatham", date(2026, 4, 5)),
    ("Pacific/Chatham", date(2026, 9, 27)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("UTC", date(2028, 2, 29)),
]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}


# ---- the oracle


@dataclass(frozen=True)
class Wall:
    """The minutes around a day, and at each the latest time that the clocks on the wall have shown."""

    first: datetime
    shown: list[datetime]

    def when(self, civil: datetime) -> int:
        """The first minute at which the clocks show a time or have passed it."""
        return bisect_left(self.shown, civil)

    def bits(self, spans: Iterable[tuple[int, int]]) -> bytearray:
        found = bytearray(len(self.shown))
        for start, end in spans:
            found[start:end] = b"\x01" * (min(end, len(self.shown)) - start)
        return found

    def days(self) -> list[date]:
        return [self.shown[0].date() + n * DAY for n in range(SHOWN_DAYS + 3)]


@cache
def wall(zone: str, middle: date) -> Wall:
    first = datetime.combine(middle, time(), UTC) - SHOWN_DAYS // 2 * DAY
    tz = ZoneInfo(zone)
    minutes = (first + MINUTE * n for n in range(SHOWN_DAYS * 1440))
    return Wall(first, list(accumulate((m.astimezone(tz).replace(tzinfo=None) for m in minutes), max)))


def clock(text: str) -> timedelta:
    return timedelta(hours=int(text[:2]), minutes=int(text[3:]))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def in_windows(of: Wall, windows: list[dict[str, str]]) -> bytearray:
    spans = []
    for day in of.days():
        for window in windows:
            if WEEKDAYS[day.weekday()] in window["days"].split(","):
                opens, closes = clock(window["from"]), clock(window["to"])
                closes += DAY if closes <= opens else timedelta(0)
                spans.append((of.when(midnight(day) + opens), of.when(midnight(day) + closes)))
    return of.bits(spans)


def in_days(of: Wall, first: date, last: date) -> bytearray:
    return of.bits([(of.when(midnight(first)), of.when(midnight(last + DAY)))])


def departs(every: str, starts: date, day: date) -> bool:
    words = every.split()
    number = int(words[0]) if words[0].isdigit() else 1
    unit = next(word for word in words if word.rstrip("s") in ("day", "week", "month")).rstrip("s")
    ahead = (day - starts).days
    if ahead < 0:
        return False
    if unit == "day":
        return ahead % number == 0
    if NAMES[day.weekday()] != words[-3]:
        return False
    if unit == "week":
        return ahead // 7 % number == 0
    months = (day.year - starts.year) * 12 + day.month - starts.month
    if words[-4] == "last":
        return months % number == 0 and (day + 7 * DAY).month != day.month
    return months % number == 0 and (day.day - 1) // 7 + 1 == ORDINALS[words[-4]]


def in_runs(of: Wall, run: Mapping[str, str]) -> bytearray:
    spans = []
    for day in of.days():
        if departs(run["every"], date.fromisoformat(run["from"]), day):
            opens = of.when(midnight(day) + clock(run["every"][-5:]))
            # To the end of its day: to where the next one begins.
            closes = opens + int(run["lasts"][:-1]) * 60 if "lasts" in run else of.when(midnight(day + DAY))
            spans.append((opens, closes))
    return of.bits(spans)


def outside(bits: bytearray) -> bytearray:
    return bits.translate(bytes([1, 0]) + bytes(254))


def together(some: Iterable[bytearray], how: Callable[[int, int], int]) -> bytearray:
    """Several sets of minutes as one: numbers of as many bytes as there are minutes."""
    known = list(some)
    return bytearray(reduce(how, (int.from_bytes(bits) for bits in known)).to_bytes(len(known[0])))


def rules_of(of: Wall, client: Wall, said: Mapping[str, Any]) -> list[tuple[str, bytearray]]:
    """The rules that the policy's words are, each with the minutes at which it holds."""
    found = [("blackout", outside(in_days(of, *days))) for days in said["blackouts"]]
    found += [("client.blackout.acme", outside(in_days(client, *days))) for days in said["client_blackouts"]]
    found += [("business.cycle", outside(in_runs(of, run))) for run in said["cycles"]]
    if said["holidays"] is not None:
        found.append(
            ("holiday", outside(together([of.bits(()), *(in_days(of, day, day) for day in said["holidays"])], or_)))
        )
    if said["trains"]:
        found.append(("train", together([in_runs(of, run) for run in said["trains"]], or_)))
    for rule, where, key in (
        ("windows", of, "windows"),
        ("maintenance", of, "maintenance"),
        ("client.windows.acme", client, "client_windows"),
    ):
        if said[key]:
            found.append((rule, in_windows(where, said[key])))
    return found


# ---- the policies


times = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
windows = st.lists(
    st.fixed_dictionaries(
        {"days": st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=5, unique=True).map(",".join)}
        | {"from": times, "to": times}
    ),
    max_size=2,
)
cadences = st.one_of(
    st.builds("{} days at {}".format, st.integers(1, 5), times),
    st.builds("{} weeks on {} at {}".format, st.integers(1, 2), st.sampled_from(NAMES), times),
    st.builds("month on {} {} at {}".format, st.sampled_from([*ORDINALS, "last"]), st.sampled_from(NAMES), times),
)


def runs(middle: date, *, lasting: bool) -> st.SearchStrategy[dict[str, str]]:
    starts = st.integers(0, 40).map(lambda ago: (middle - ago * DAY).isoformat())
    lasts = st.integers(1, 60).map("{}h".format)
    keys: dict[str, st.SearchStrategy[str]] = {"every": cadences, "from": starts}
    if lasting:
        return st.fixed_dictionaries({**keys, "lasts": lasts})
    return st.fixed_dictionaries(keys, optional={"lasts": lasts})


@st.composite
def stories(draw: st.DrawFn) -> tuple[str, date, str, dict[str, Any], list[int]]:
    """A zone and a day in it, the zone of the client, what the policy says, and the minutes asked about."""
    zone, middle = draw(st.sampled_from(PLACES))
    of_client = draw(st.sampled_from(["Asia/Tokyo", "Europe/London", zone]))
    near = st.integers(-4, 5).map(lambda n: middle + n * DAY)
    spans = st.lists(st.builds(lambda day, more: (day, day + more * DAY), near, st.integers(0, 2)), max_size=2)
    said = {
        "windows": draw(windows),
        "maintenance": draw(st.one_of(st.just([]), windows)),
        "client_windows": draw(st.one_of(st.just([]), windows)),
        "blackouts": draw(spans),
        "client_blackouts": draw(st.one_of(st.just([]), spans)),
        "trains": draw(st.lists(runs(middle, lasting=False), max_size=2)),
        "cycles": draw(st.lists(runs(middle, lasting=True), max_size=1)),
        "holidays": draw(st.none() | st.lists(near, max_size=3, unique=True)),
    }
    first = (SHOWN_DAYS - ASKED_DAYS) // 2 * 1440
    minutes = draw(st.lists(st.integers(first, first + ASKED_DAYS * 1440), min_size=4, max_size=12))
    return zone, middle, of_client, said, minutes


def policy_of(zone: str, of_client: str, said: Mapping[str, Any]) -> dict[str, Any]:
    def blackouts(key: str) -> list[dict[str, str]]:
        return [{"name": f"b{n}", "from": str(a), "to": str(b)} for n, (a, b) in enumerate(said[key])]

    client: dict[str, Any] = {"title": "Acme", "timezone": of_client, "blackouts": blackouts("client_blackouts")}
    if said["client_windows"]:
        client["windows"] = said["client_windows"]
    production: dict[str, Any] = {"purpose": "production", "gates": ["g"]}
    if said["windows"]:
        production["windows"] = said["windows"]
    year: dict[str, Any] = {
        "blackouts": blackouts("blackouts"),
        "business_cycles": [{"name": f"c{n}", "closed": True, **run} for n, run in enumerate(said["cycles"])],
        "maintenance": [{"name": f"m{n}", **window} for n, window in enumerate(said["maintenance"])],
        "holidays": [] if said["holidays"] is None else [{"country": "AT"}],
    }
    return {
        "tidegate": 1,
        "organization": "Oracle",
        "timezone": zone,
        "components": {"billing": {"kind": "module", "client": "acme"}},
        "clients": {"acme": client},
        "trains": {f"t{n}": {"of": {"kind": "module"}, **run} for n, run in enumerate(said["trains"])},
        "calendar": year,
        "gates": {"g": {"evidence": "junit", "pass": "tests.failed == 0"}},
        "release_types": {"minor": {"bump": "minor"}},
        "environments": {"production": production},
    }


def known_holidays(said: Mapping[str, Any], middle: date) -> tuple[PublicHolidays, ...]:
    days = {day.isoformat(): f"Feast {n}" for n, day in enumerate(sorted(said["holidays"] or ()))}
    return (PublicHolidays("AT", "", date(middle.year - 1, 1, 1), date(middle.year + 2, 12, 31), days),)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_open_closed_opens_and_closes_are_what_the_minutes_say(
    story: tuple[str, date, str, dict[str, Any], list[int]],
) -> None:
    zone, middle, of_client, said, minutes = story
    of = wall(zone, middle)
    rules = rules_of(of, wall(of_client, middle), said)
    holds = together([outside(of.bits(())), *(bits for _, bits in rules)], and_)
    book = compiled(policy_of(zone, of_client, said))
    known = known_holidays(said, middle)
    asking = schedule(book, "production", "minor", ["billing"], now=of.first, holidays=known)
    for minute in minutes:
        at = of.first + MINUTE * minute
        answer = asking.at(at)
        closed = sorted(rule for rule, bits in rules if not bits[minute])
        assert sorted(one.rule for one in answer.closed_by) == closed, at
        assert answer.open is (not closed)
        opens = holds.find(1, minute)
        closes = holds.find(0, opens) if opens >= 0 else -1
        assert told(of, answer.opens) == opens, (at, answer)
        assert told(of, answer.closes) == closes, (at, answer)
        for one in answer.closed_by:
            first = min(bits.find(1, minute) for rule, bits in rules if rule == one.rule and not bits[minute])
            assert one.opens is None or told(of, one.opens) >= min(first, len(of.shown)) or first < 0


# ---- what is said


def test_open_says_until_when() -> None:
    office = {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}
    answer = schedule(rulebook(environments={"production": office}), "production", "minor", ["billing"], now=NOW).at(
        NOW
    )
    assert answer == Opening(NOW, (), NOW, NOW + 6 * HOUR)
    assert answer.open


def test_closed_says_which_rules_and_where_the_policy_says_so() -> None:
    train = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10", "lasts": "2h"}
    year_end = {"name": "year end", "from": "2026-12-18", "to": "2027-01-04"}
    book = rulebook(trains={"modules": train}, calendar={"blackouts": [year_end]})
    stopped = hold(environment="production", expires_at=NOW + 22 * DAY)
    at = NOW + 20 * DAY
    answer = schedule(book, "production", "minor", ["billing"], now=NOW, holds=[stopped]).at(at)
    assert not answer.open
    assert answer.closed_by == (
        Closer(
            "hold",
            "olga stopped the line until Wed 23 Dec 2026 10:00 PST: the database is being moved",
            (),
            NOW + 22 * DAY,
            "tidegate hold lift hold-1",
        ),
        Closer(
            "train",
            "billing rides the modules train, which departs Tue 22 Dec 2026 10:00 PST",
            ("trains", "modules"),
            NOW + 21 * DAY,
        ),
        Closer(
            "blackout",
            'the blackout "year end" lasts until Tue 5 Jan 2027 00:00 PST',
            ("calendar", "blackouts", 0),
            NOW + 34 * DAY + 14 * HOUR,
        ),
    )
    assert (answer.opens, answer.closes) == (NOW + 35 * DAY, NOW + 35 * DAY + 2 * HOUR)


def test_what_planning_keeps_clear_of_closes_nothing() -> None:
    books = {"name": "books", "every": "month on first tuesday at 00:00", "from": "2026-01-06", "lasts": "3d"}
    book = rulebook(calendar={"business_cycles": [books]})
    known = schedule(book, "production", "minor", ["billing"], now=NOW)
    answer, ends = known.at(NOW), NOW + 2 * DAY + 14 * HOUR
    assert (answer.open, answer.opens, answer.closes) == (True, NOW, None)
    said = '"books" is now, until Fri 4 Dec 2026 00:00 PST'
    assert answer.keep_clear == (Advice("business.cycle", said, ("calendar", "business_cycles", 0), ends),)
    assert known.first_clear(NOW) == ends
    assert known.at(ends).keep_clear == ()
    assert known.at(ends - timedelta(microseconds=1)).keep_clear == answer.keep_clear


@pytest.mark.parametrize(
    ("environment", "kind", "rule", "says"),
    [
        ("prod", "minor", "environment.known", 'the policy knows no environment "prod"'),
        ("production", "huge", "release.ready", 'the policy knows no release type "huge"'),
    ],
)
def test_what_the_policy_does_not_know_never_opens(environment: str, kind: str, rule: str, says: str) -> None:
    known = schedule(rulebook(), environment, kind, ["billing"], now=NOW)
    answer = known.at(NOW)
    assert (answer.open, answer.opens, answer.closes, known.first_clear(NOW)) == (False, None, None, None)
    assert [(one.rule, one.opens) for one in answer.closed_by] == [(rule, None)]
    assert says in answer.closed_by[0].says


def test_holidays_that_nobody_knows_never_open() -> None:
    book = rulebook(calendar={"holidays": [{"country": "US"}]})
    answer = schedule(book, "production", "minor", ["billing"], now=NOW).at(NOW)
    assert [(one.rule, one.opens) for one in answer.closed_by] == [("holiday", None)]
    assert answer.opens is None


def test_rules_that_never_meet_never_open() -> None:
    train = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"}
    book = rulebook(trains={"t": train}, environments={"production": {"windows": [{"days": "fri"}]}})
    answer = schedule(book, "production", "minor", ["billing"], now=NOW).at(NOW)
    assert [one.rule for one in answer.closed_by] == ["windows"]
    assert (answer.opens, answer.closes) == (None, None)


def test_a_train_before_its_start_says_when_it_first_departs() -> None:
    train = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2027-01-07"}
    answer = schedule(rulebook(trains={"t": train}), "production", "minor", ["billing"], now=NOW).at(NOW)
    assert answer.closed_by[0].says == "billing rides the t train, which departs Tue 12 Jan 2027 10:00 PST"
    assert answer.opens == datetime(2027, 1, 12, 18, tzinfo=UTC)


def test_what_lies_beyond_the_horizon_is_seen_a_day_after_it_comes_near() -> None:
    far = {"of": {"kind": "module"}, "every": "day at 10:00", "from": "2028-01-07"}
    known = schedule(rulebook(trains={"t": far}), "production", "minor", ["billing"], now=NOW)
    departs = datetime(2028, 1, 7, 18, tzinfo=UTC)
    assert known.at(departs - HORIZON - 2 * DAY).opens is None
    assert known.at(departs - HORIZON).opens == departs


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_it_is_what_decide_says(story: tuple[str, date, str, dict[str, Any], list[int]]) -> None:
    """The same rules, the same words, the same moments."""
    zone, middle, of_client, said, minutes = story
    book = compiled(policy_of(zone, of_client, said))
    known = facts(release(item()), holidays=known_holidays(said, middle))
    first = wall(zone, middle).first
    asking = schedule(book, "production", "minor", ["billing"], now=first, holidays=known.holidays)
    for minute in minutes[:4]:
        at = first + MINUTE * minute
        answer = asking.at(at)
        decision = asked(known, book, question(), at)
        timed = [f for f in decision.findings if f.time_only and f.verdict is Verdict.DENY]
        assert [(c.rule, c.says, c.opens) for c in answer.closed_by] == [(f.rule, f.message, f.opens_at) for f in timed]
        assert answer.opens == decision.next_possible


# ---- the oracle's minutes


def told(of: Wall, moment: datetime | None) -> int:
    """A moment as the oracle would tell it: as a minute, or not seen."""
    if moment is None or moment >= of.first + len(of.shown) * MINUTE:
        return -1
    minute, rest = divmod(moment - of.first, MINUTE)
    assert not rest
    return minute
