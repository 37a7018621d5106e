"""How long "is it open" takes, by a policy that was compiled before, at moments all over a year in any order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import cycle

from bench.decision import POLICY
from bench.measure import Row, Sizes, calls_in_turns, us
from tidegate.core.calendar import windows_open_at
from tidegate.core.canonical import digest
from tidegate.core.holiday import PublicHolidays
from tidegate.core.opening import Schedule, schedule
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook, compile_policy, resolved_of

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES_OF_A_YEAR = 365 * 1440
STEP = 200_003
"""Prime to the minutes of a year: the moments jump about, and no two of them are the same."""
GOAL_US = 20

YEAR = {
    "blackouts": [{"name": "year end", "from": "2026-12-18", "to": "2027-01-04"}],
    "holidays": [{"country": "US", "subdivision": "CA"}],
    "business_cycles": [
        {
            "name": "books",
            "every": "month on last friday at 18:00",
            "from": "2026-01-30",
            "lasts": "3d",
            "closed": True,
        }
    ],
}
DAYS = [(1, 1), (1, 19), (2, 16), (5, 25), (6, 19), (7, 3), (9, 7), (11, 11), (11, 26), (11, 27), (12, 25)]


def case() -> tuple[Rulebook, Schedule]:
    """A train, windows, a blackout, the holidays of a state and a business cycle, compiled."""
    policy = Policy.model_validate({**POLICY, "calendar": YEAR}, strict=False)
    rulebook = compile_policy(policy, digest(resolved_of(policy)), stored=True)
    days = {f"{year}-{month:02d}-{day:02d}": "Holiday" for year in (2025, 2026, 2027) for month, day in DAYS}
    known = PublicHolidays("US", "CA", date(2025, 1, 1), date(2027, 12, 31), days)
    return rulebook, schedule(rulebook, "production", "minor", ["billing"], now=START, holidays=[known])


def rows(sizes: Sizes) -> Iterator[Row]:
    """One answer beside the next opening of the windows alone, not compiled, in turns.

    Raises:
        RuntimeError: it is open always or never, so that something else than meant would be measured.
    """
    rulebook, known = case()
    moments = [START + timedelta(minutes=n * STEP % MINUTES_OF_A_YEAR) for n in range(5_000)]
    answers = [known.at(moment).open for moment in moments]
    if all(answers) or not any(answers):
        raise RuntimeError("the calendar has no two sides")
    windows = [rule.window() for rule in rulebook.policy.environments["production"].windows or ()]
    ours, bare = cycle(moments), cycle(moments)
    taken, beside = calls_in_turns(
        sizes.rounds,
        sizes.calls,
        lambda: known.at(next(ours)),
        lambda: windows_open_at(windows, rulebook.tz, next(bare)),
    )
    yield Row(
        "hours: is it open, why not, until when",
        us(taken),
        "us CPU",
        f"the next opening of its windows alone, computed anew ({us(beside):.0f} us)",
        taken / beside,
        goal=GOAL_US,
        note=f"{len(moments):,} moments of a year; a train, windows, a blackout, holidays, a business cycle",
    )
