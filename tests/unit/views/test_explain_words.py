"""How the explanation words numbers, times, limits and conditions."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tidegate.core.evidence_kind import KINDS
from tidegate.views.explain import words
from tidegate.views.explain.conditions import COUNTS, FACTS, MEASURES, condition_in_words

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (7 * DAY, "7 days"),
        (DAY, "24 hours"),
        (DAY + HOUR, "1 day and 1 hour"),
        (90 * MINUTE, "1 hour and 30 minutes"),
        (15 * timedelta(seconds=1), "15 seconds"),
        (timedelta(milliseconds=1), "1 millisecond"),
        (timedelta(days=1, hours=2, minutes=3), "1 day, 2 hours and 3 minutes"),
        (timedelta(0), "no time"),
    ],
)
def test_a_length_of_time_is_said_exactly(length: timedelta, said: str) -> None:
    assert words.length(length) == said


@pytest.mark.parametrize(
    ("when", "said", "marked"),
    [
        (-7 * DAY, "7 days before it goes", "T-7 days"),
        (-DAY, "1 day before it goes", "T-1 day"),
        (0 * DAY, "when it goes", "T"),
        (DAY, "1 day after it went", "T+1 day"),
        (36 * HOUR, "1 day and 12 hours after it went", "T+1 day and 12 hours"),
    ],
)
def test_a_moment_is_counted_from_the_release(when: timedelta, said: str, marked: str) -> None:
    assert (words.offset(when), words.mark(when)) == (said, marked)


@pytest.mark.parametrize(
    ("written", "said", "due"),
    [
        ("2-4 weeks", "2 to 4 weeks", "between 2 and 4 weeks after it went"),
        ("0-24 hours", "up to 24 hours", "within 24 hours after it went"),
        ("0-1 hours", "up to 1 hour", "within 1 hour after it went"),
        ("1 day", "1 day", "within 1 day after it went"),
        ("1 - 7 days", "1 to 7 days", "between 1 and 7 days after it went"),
    ],
)
def test_a_range_of_time(written: str, said: str, due: str) -> None:
    assert (words.span(written), words.due(written)) == (said, due)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("monthly", "monthly"),
        ("every 2 weeks or as needed", "every 2 weeks or as needed"),
        ("emergency only", "in an emergency only"),
        ("monthly or emergency only", "monthly or in an emergency only"),
    ],
)
def test_how_often(written: str, said: str) -> None:
    assert words.frequency(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("mon-thu", "Monday to Thursday"),
        ("mon-sun", "every day"),
        ("tue", "Tuesday"),
        ("mon, wed ,fri", "Monday, Wednesday and Friday"),
        ("fri-mon", "Friday to Monday"),
    ],
)
def test_days(written: str, said: str) -> None:
    assert words.days(written) == said


@pytest.mark.parametrize(
    ("opens", "closes", "said"),
    [
        ("09:00", "16:00", "from 09:00 to 16:00"),
        ("22:00", "06:00", "from 22:00 to 06:00 of the next day"),
        ("00:00", "24:00", "all day"),
        ("09:00", "09:00", "from 09:00 to 09:00 of the next day"),
        ("09:00", "24:00", "from 09:00 to 24:00"),
    ],
)
def test_hours(opens: str, closes: str, said: str) -> None:
    assert words.hours(opens, closes) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("day at 10:00", "every day at 10:00"),
        ("2 weeks on tuesday at 10:00", "every 2 weeks on Tuesday at 10:00"),
        ("week on TUE at 10:00", "every week on Tuesday at 10:00"),
        ("month on first tuesday at 10:00", "every month on the first Tuesday at 10:00"),
        ("3 months on last fri at 00:00", "every 3 months on the last Friday at 00:00"),
    ],
)
def test_a_cadence(written: str, said: str) -> None:
    assert words.cadence(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("< 24h", "under 24 hours"),
        (">= 80%", "at least 80 %"),
        ("> 4.5/5", "above 4.5 of 5"),
        ("<= 90m", "at most 1 hour and 30 minutes"),
        ("< 200ms", "under 200 milliseconds"),
        ("= 0", "exactly 0"),
        ("> 1000", "above 1000"),
        ("daily", "daily or more often"),
        ("every 2 weeks", "every 2 weeks or more often"),
        ("undecided", "undecided"),
    ],
)
def test_a_limit(written: str, said: str) -> None:
    assert words.limit(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("> 2x baseline", "more than 2 times the baseline"),
        ("> 200ms", "more than 200 milliseconds"),
        (">3 s", "more than 3 seconds"),
    ],
)
def test_slow_answers(written: str, said: str) -> None:
    assert words.slower(written) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "no gates"), (1, "one gate"), (2, "two gates"), (12, "twelve gates"), (13, "13 gates")]
)
def test_a_number_of_things(count: int, said: str) -> None:
    assert words.counted(count, "gate") == said


def test_lists_times_shares_days_and_articles() -> None:
    assert [words.all_of("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert words.any_of("abc") == "a, b or c"
    assert [words.times(n) for n in range(4)] == ["never", "once", "twice", "three times"]
    assert [words.share(0.25), words.share(0.125), words.percent("5%")] == ["25 %", "12.5 %", "5 %"]
    assert words.weekday(date(2026, 2, 11)) == "Wednesday 11 February 2026"
    assert [words.article("minor release"), words.article("emergency release")] == [
        "a minor release",
        "an emergency release",
    ]
    assert [words.dot("a"), words.dot("a."), words.dot("a?")] == ["a.", "a.", "a?"]


# ---- conditions


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("coverage.line >= 0.80", "line coverage is at least 80 %"),
        ("0.8 <= coverage.line", "line coverage is at least 80 %"),
        ("coverage.branch > 0.725", "branch coverage is above 72.5 %"),
        ("tests.total > 0 && tests.failed == 0", "there is at least one test and there are no failed tests"),
        (
            "findings.critical == 0 && findings.high == 0 && findings.medium <= 3",
            "there are no critical findings, no high findings and there are at most three medium findings",
        ),
        ("reviews.approved >= 2", "there are at least two approving reviews"),
        ("reviews.approved >= 1", "there is at least one approving review"),
        ("reviews.approved == 1", "there is exactly one approving review"),
        ("tests.skipped < 1", "there are no skipped tests"),
        ("tests.skipped > 20", "there are more than 20 skipped tests"),
        ("backup.verified && backup.offsite", "the backup is verified and a copy of the backup is elsewhere"),
        ("!backup.offsite", "no copy of the backup is elsewhere"),
        ("command.ok == true", "the command succeeds"),
        ("command.ok != true", "the command does not succeed"),
        ("command.ok == false", "the command does not succeed"),
        ("performance.p95_ms < 200", "the response time of 95 % of the requests is under 200 milliseconds"),
        ("tests.duration_s <= 7200.0", "the time that the tests take is at most 2 hours"),
        ("drill.acknowledged_s < 0.0005", "the time until the drill is acknowledged is under 0.0005 seconds"),
        ("benchmark.worst_ratio <= 1.1", "the worst benchmark's ratio to the baseline is at most 1.1"),
        ("tests.passed == tests.total", "the number of passing tests is the same as the number of tests"),
        (
            "reviews.approved >= 2 || reviews.open == 0",
            "either there are at least two approving reviews or there are no open reviews",
        ),
        ("has(coverage.branch)", "the report gives branch coverage"),
    ],
)
def test_simple_conditions_are_said(condition: str, said: str) -> None:
    assert condition_in_words(condition) == said


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("tests.passed / tests.total >= 1", "`tests.passed / tests.total >= 1` holds"),
        (
            "tests.total > 0 && (tests.passed + 1) > tests.total",
            "there is at least one test and `(tests.passed + 1) > tests.total` holds",
        ),
        ("tests.failed == 0 ? command.ok : false", "`tests.failed == 0 ? command.ok : false` holds"),
        (
            "tests.failed == 0 || tests.total > 0 && command.ok",
            "`tests.failed == 0 || tests.total > 0 && command.ok` holds",
        ),
        ("tests.failed", "`tests.failed` holds"),
        ("nobody.knows == 1", "`nobody.knows == 1` holds"),
        ("tests.failed == 'none'", "`tests.failed == 'none'` holds"),
        ("tests.failed > 0.5", "`tests.failed > 0.5` holds"),
        ("this is no condition", "`this is no condition` holds"),
        ("true", "`true` holds"),
    ],
)
def test_everything_else_is_quoted_as_it_is_written(condition: str, said: str) -> None:
    assert condition_in_words(condition) == said


def test_every_field_of_every_kind_of_evidence_has_words() -> None:
    known = {*COUNTS, *FACTS, *MEASURES}
    assert {(kind.root, name) for kind in KINDS.values() for name in kind.fields} == known


def test_words_that_hold_for_numbers_do_not_hold_for_facts() -> None:
    fields = {(kind.root, name): scalar.value for kind in KINDS.values() for name, scalar in kind.fields.items()}
    assert {fields[path] for path in FACTS} == {"bool"}
    assert {fields[path] for path in COUNTS} == {"int"}
    assert {fields[path] for path in MEASURES} <= {"int", "double", "string"}
