"""``tidegate notice``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

notice = Group(
    "notice",
    lazy={"list": ("notice:list_", "List the messages, of a release or those not delivered.")},
    help="Look at the messages.",
)


@command(
    "list",
    help="List the messages about RELEASE; without one, those that are not delivered yet.",
    examples="tidegate notice list billing-1.1.0",
)
@click.argument("release", required=False)
def list_(release: str | None) -> int:
    """The command."""
    from tidegate.cli.text import bad, clean, columns, doubtful, good
    from tidegate.store import outbox, policies, releases
    from tidegate.views.moments import civil

    run = session()
    with run.house().database.read() as connection:
        if release:
            releases.load(connection, release)
        found = outbox.of_release(connection, release) if release else outbox.undelivered(connection)
        tz = policies.current(connection).tz
    rows: list[tuple[str, ...]] = []
    for message in found:
        if message.delivered_at:
            state = good(f"✓ {civil(message.delivered_at, tz)}")
        else:
            state = bad(f"✗ {clean(message.error)[:60]}") if message.error else doubtful("• not sent yet")
        rows.append((clean(message.occasion), clean(message.channel), state))
    run.answer(found, columns(rows) or ["no messages" if release else "every message is delivered"])
    return 0
