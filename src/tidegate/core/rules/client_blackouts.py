"""No rollout starts during a blackout of a client whose components are released."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import Skippable
from tidegate.core.rules.blackouts import holds_here, waiting
from tidegate.core.rules.demands import clients_of, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule


def _check(context: Context) -> Iterator[Found]:
    if skips(context, Skippable.BLACKOUTS):
        return
    for client in clients_of(context):
        tz = context.rulebook.hours.zone_of("clients", client)
        for number, blackout in enumerate(context.policy.clients[client].blackouts):
            if holds_here(context, blackout):
                path = ("clients", client, "blackouts", number)
                whose = f" of the client {client}"
                yield waiting(context, f"{RULE.id}.{client}", path, blackout, tz, whose)


RULE = Rule(
    "client.blackout",
    "No rollout starts during a blackout of a client whose components are released.",
    "M1-05, M1-20",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("clients.{name}.blackouts",),
    of_the_calendar=True,
)
