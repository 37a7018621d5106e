"""A rollout to a client's production starts inside the client's own windows, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.policy import Skippable, WindowRule
from tidegate.core.rules.demands import clients_of, is_production, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _waiting(context: Context, client: str, windows: tuple[WindowRule, ...]) -> Waiting:
    hours = context.rulebook.hours
    inside = hours.windows("clients", client, windows)
    own = context.policy.clients[client].timezone
    zone = f" ({own})" if own else ""

    def reads(opens: datetime | None) -> str:
        if opens is None:
            return f"the client {client} has no window that ever opens"
        return f"outside the windows of the client {client}{zone}; the next opens {at(context, opens)}"

    return Waiting(
        f"{RULE.id}.{client}",
        inside.open_at,
        reads,
        lambda: f"inside a window of the client {client}",
        closes_at=inside.close_at,
        place=("clients", client, "windows"),
    )


def _check(context: Context) -> Iterator[Found]:
    if not is_production(context) or skips(context, Skippable.WINDOWS):
        return
    for client in clients_of(context):
        windows = context.policy.clients[client].windows
        if windows is not None:
            yield _waiting(context, client, windows)


RULE = Rule(
    "client.windows",
    "A rollout to a client's production starts inside the client's own windows, too.",
    "M1-05, M1-20",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("clients.{name}.windows",),
    of_the_calendar=True,
)
