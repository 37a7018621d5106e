"""Moments as people type them: a day or a time in the policy's zone, an instant, or a length of time from now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tidegate.orchestration.house import House

HOW = "a day, a time in the policy's zone, or a length of time from now: 2026-12-05, 2026-12-05T16:00, 7d"


def moment(house: House, text: str, option: str) -> datetime:
    """The moment that a text names, in UTC; a day alone is its beginning.

    Raises:
        UsageError: it names none.
    """
    from tidegate.core.duration import parse_duration
    from tidegate.core.policytest.times import absolute, read_moment, skipped
    from tidegate.store import policies

    try:
        return house.now() + parse_duration(text)
    except (ValueError, OverflowError):
        pass
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    forward = skipped(text, tz)
    if forward is not None:
        from tidegate.cli.text import clean

        raise click.UsageError(
            f'{option} "{clean(text)[:40]}" does not exist in {tz.key}: the clocks are set forward over it, '
            f"to {forward.astimezone(tz):%H:%M}; write that, or a time with an offset"
        )
    try:
        return absolute(read_moment(text), tz)
    except (ValueError, OverflowError) as error:
        from tidegate.cli.text import clean

        raise click.UsageError(f'{option} "{clean(text)[:40]}" names no moment; write {HOW}') from error


def moment_to_come(house: House, text: str, option: str) -> datetime:
    """The moment that a text names, in UTC, of today or later.

    Raises:
        UsageError: it names none, or one before today.
    """
    from tidegate.store import policies

    named = moment(house, text, option)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    today = house.now().astimezone(tz).date()
    if named.astimezone(tz).date() < today:
        from tidegate.cli.text import clean

        raise click.UsageError(f'{option} "{clean(text)[:40]}" lies before today, {today.isoformat()}')
    return named
