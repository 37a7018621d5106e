"""A clock that was set back: what expired would count again, so that nobody answers by it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.errors import ConflictError
from tidegate.store import log

TOLERATED = timedelta(minutes=1)
"""How far the clocks of two machines that write to one log may be apart."""


def demand_clock(connection: sa.Connection, now: datetime) -> None:
    """The clock does not lie before what was recorded last.

    Raises:
        ConflictError: it does, by more than a minute.
    """
    last = log.last_at(connection)
    if last is not None and now < last - TOLERATED:
        raise ConflictError(
            f"the clock was set back: it says {to_text(now)}, and the log was last written {to_text(last)}",
            remedy="set the clock of this machine right, then repeat",
        )
