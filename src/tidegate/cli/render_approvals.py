"""The approvals of a release, as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped

if TYPE_CHECKING:
    from tidegate.views.approvals import ApprovalsView, DemandView, SeatTaken

_SHOWN = 8


def approvals_lines(view: ApprovalsView, tz: tzinfo) -> list[str]:
    """The demands for one environment, one below the other, then what does not count and who stops it."""
    mark = good("✓") if view.complete else bad("✗")
    lines = [f"{mark} {strong(clean(view.release))} for {clean(view.environment)}"]
    if not view.demands:
        lines.append("  no approval is asked for")
    lines += columns([_row(demand) for demand in view.demands], indent="  ")
    for demand in view.demands:
        for text in _below(demand, tz):
            lines += wrapped(text, indent="      ", first="    ")
    lines += [f"  {bad('✗')} {clean(who)} said no: it stops until taken back" for who in view.stopped_by]
    lines += [f"  {doubtful('?')} {clean(who)} said no, and has no veto" for who in view.objections]
    for why in view.void:
        lines += wrapped(f"does not count: {clean(why)}", indent="    ", first="  ")
    return lines


def _row(demand: DemandView) -> tuple[str, ...]:
    mark = good("✓") if demand.missing <= 0 else bad("✗")
    role = f" as {clean(demand.role)}" if demand.role else ""
    policy = f" ({demand.policy} policy)" if demand.policy else ""
    who = ", ".join(_who(seat) for seat in demand.given[:_SHOWN])
    more = f" and {len(demand.given) - _SHOWN} more" if len(demand.given) > _SHOWN else ""
    return (
        f"{mark} {clean(demand.group or 'owners')}{role}{policy}",
        f"{len(demand.given)} of {demand.seats}",
        f"{who}{more}" or "nobody yet",
    )


def _who(seat: SeatTaken) -> str:
    return clean(f"{seat.person} for {seat.speaks_for}" if seat.speaks_for else seat.person)


def _below(demand: DemandView, tz: tzinfo) -> Iterator[str]:
    """What is to be known of a demand besides who sits where."""
    name = clean(demand.name)
    ends = [seat.until for seat in demand.given if seat.until is not None]
    if ends:
        yield faint(f"{name}: counts until {min(ends).astimezone(tz):%Y-%m-%d %H:%M %Z}")
    if demand.waits_for:
        yield f"{name}: waits for {', '.join(map(clean, demand.waits_for))}"
    if demand.missing > 0:
        people = ", ".join(map(clean, demand.open_to[:_SHOWN])) or "nobody: add people to the group in the policy"
        more = f" and {len(demand.open_to) - _SHOWN} more" if len(demand.open_to) > _SHOWN else ""
        yield f"{name}: open to {people}{more}"
    if demand.lacks_minutes:
        yield f"{name}: {clean(demand.lacks_minutes)}"
    for why in demand.not_counted:
        yield f"{name}: not counted: {clean(why)}"
