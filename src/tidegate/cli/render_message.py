"""Messages as lines: what became of each, and what a person has to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime, tzinfo

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, wrapped
from tidegate.store.outbox import NEEDS_SOMEBODY, MessageRow, MessageState
from tidegate.views.moments import civil, distance


def message_state(row: MessageRow, tz: tzinfo, now: datetime, longest: int = 0) -> str:
    """What became of a message; ``longest`` cuts why it was not delivered."""
    why = clean(row.error)[:longest] if longest else ""
    if row.delivered_at:
        return good(f"✓ {civil(row.delivered_at, tz)}")
    if row.state == MessageState.SETTLED:
        return faint("- settled: not delivered")
    if row.state == MessageState.UNKNOWN:
        return doubtful("? nobody can tell whether it arrived")
    if row.state == MessageState.UNDELIVERABLE:
        return bad(f"✗ undeliverable{': ' + why if why else ''}")
    if row.state == MessageState.SENDING:
        return doubtful("• being sent")
    if row.error:
        again = f"tried again {distance(row.due_at, now)}" if row.due_at and row.due_at > now else "tried again now"
        return doubtful(f"• {again}{': ' + why if why else ''}")
    return doubtful(f"• due {distance(row.due_at, now)}" if row.due_at and row.due_at > now else "• not sent yet")


def message_lines(rows: Iterable[MessageRow], tz: tzinfo, now: datetime) -> list[str]:
    """Messages in a list; below what failed why, and below what waits for a person what they can type."""
    lines: list[str] = []
    for row in rows:
        lines += columns([(clean(row.occasion), clean(row.channel), message_state(row, tz, now))])
        if row.error and not row.delivered_at:
            tries = f" (attempt {row.attempts})" if row.attempts > 1 else ""
            lines += wrapped(clean(row.error) + tries, "    ")
        if row.state in NEEDS_SOMEBODY:
            key = shlex.quote(clean(row.key))
            if row.due_at is not None:
                lines.append(faint("    > set what is missing for the worker; it is tried again by itself"))
            lines.append(faint(f"    > tidegate notice resend {key} --reason TEXT"))
            lines.append(faint(f"    > tidegate notice settle {key} --delivered --reason TEXT"))
    return lines
