"""How rules say a time to people: in the policy's zone, with the zone's name."""

from __future__ import annotations

from datetime import datetime

from tidegate.core.rules.rule import Context


def at(context: Context, moment: datetime) -> str:
    """``Tue 1 Dec 2026 10:00 PST``; with seconds where they are not zero."""
    return civil(moment, context)


def civil(moment: datetime, context: Context) -> str:
    """The civil time of ``moment`` in the policy's zone."""
    local = moment.astimezone(context.rulebook.tz)
    seconds = ":%S" if local.second else ""
    return local.strftime(f"%a {local.day} %b %Y %H:%M{seconds} %Z")
