"""Times as cases write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.policytest.times import read_time, resolved, skipped

TZ = ZoneInfo("America/Los_Angeles")
AT = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T10:00", datetime(2026, 12, 1, 18, 0, tzinfo=UTC)),
        ("2026-12-01 10:00", datetime(2026, 12, 1, 18, 0, tzinfo=UTC)),
        ("2026-12-01T10:00:30", datetime(2026, 12, 1, 18, 0, 30, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 12, 1, 8, 0, tzinfo=UTC)),
        ("2026-12-01T10:00Z", datetime(2026, 12, 1, 10, 0, tzinfo=UTC)),
        ("2026-12-01T10:00:00.5+01:00", datetime(2026, 12, 1, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("now", AT),
        ("0d", AT),
        ("-7d", AT - timedelta(days=7)),
        ("+1h30m", AT + timedelta(minutes=90)),
        # The clocks are set forward at 02:00 on 8 March and back at 02:00 on 1 November.
        ("2026-03-08T02:30", datetime(2026, 3, 8, 10, 0, tzinfo=UTC)),
        ("2026-11-01T01:30", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_what_a_time_says(text: str, moment: datetime) -> None:
    assert resolved(text, TZ, AT) == moment


@pytest.mark.parametrize(
    ("text", "forward"),
    [
        ("2026-03-08T02:30", datetime(2026, 3, 8, 10, 0, tzinfo=UTC)),
        ("2026-03-08 02:00", datetime(2026, 3, 8, 10, 0, tzinfo=UTC)),
        ("2026-03-08T03:00", None),
        ("2026-03-08T02:30Z", None),
        ("2026-03-08", None),
        ("2026-11-01T01:30", None),
        ("-7d", None),
        ("2026-13-08T02:30", None),
        ("any text", None),
    ],
)
def test_a_civil_time_that_the_clocks_skip(text: str, forward: datetime | None) -> None:
    assert skipped(text, TZ) == forward


def test_a_day_begins_where_its_midnight_is_skipped() -> None:
    cairo = ZoneInfo("Africa/Cairo")
    assert skipped("2026-04-24", cairo) is None
    assert skipped("2026-04-24T00:30", cairo) == datetime(2026, 4, 23, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", '"" is not a time; write 2026-12-01T10:00 (in the policy\'s zone) or 2026-12-01T18:00:00Z'),
        ("never", '"never" is not a time; write 2026-12-01T10:00'),
        ("7d", '"7d" is not a time; write 2026-12-01T10:00'),
        ("-7", '"-7" is not a time; write -7d for before the case, +2h for after it'),
        ("-99999d", '"-99999d" is not a time; write -7d for before the case, +2h for after it'),
        ("2026-02-29", '"2026-02-29" is no day or time that there is; write 2026-12-01T10:00'),
        ("2026-12-01T25:00", '"2026-12-01T25:00" is no day or time that there is; write 2026-12-01T10:00'),
        ("1969-12-31", "1969-12-31 is out of reach; write a day from 1970-01-01 to 2999-12-31"),
    ],
)
def test_what_is_no_time_is_told(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="; write ") as caught:
        read_time(text)
    assert str(caught.value).startswith(says)


@given(
    st.one_of(st.text(max_size=30), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}Z?)?", fullmatch=True))
)
def test_a_text_is_a_time_that_can_be_resolved_or_none(text: str) -> None:
    try:
        read_time(text)
    except ValueError as error:
        assert "; write " in str(error)  # noqa: PT017
        return
    assert resolved(text, TZ, AT).tzinfo is UTC
