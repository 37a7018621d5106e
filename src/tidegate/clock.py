"""What time it is: the only place that asks the machine.

Everything below the shell is *given* the time; a clock is passed in, so that tests and ``--now`` can set it.
Instants are aware datetimes in UTC. Civil time exists only inside ``core/calendar.py``, in the policy's zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The current instant, in UTC, with microseconds."""
    return datetime.now(UTC)


def to_text(instant: datetime) -> str:
    """RFC 3339 in UTC with microseconds and ``Z``; its text sorts as its time does.

    Raises:
        ValueError: ``instant`` is naive, so that nobody knows which moment it names.
    """
    if instant.tzinfo is None:
        raise ValueError(f"a naive datetime names no instant: {instant!r}")
    # A tenth of what strftime takes; of a wave, a hundred times are written.
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """The instant that ``to_text`` wrote; also reads any RFC 3339 time with an offset.

    Raises:
        ValueError: the text is no time, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"a time without an offset names no instant: {text!r}")
    return instant.astimezone(UTC)


def read_moment(text: str) -> datetime:
    """The instant that a person names, as :func:`from_text`; one that calendars can count from and to.

    Raises:
        ValueError: it names none, or lies before 1971 or after 9000.
    """
    try:
        found = from_text(text)
    except OverflowError as error:
        raise ValueError(str(error)) from error
    if not 1971 <= found.year <= 9000:
        raise ValueError(f"{found.year} is beyond every calendar")
    return found
