"""``tidegate notice``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

notice = Group(
    "notice",
    lazy={
        "list": ("notice:list_", "List the messages, of a release or those not delivered."),
        "resend": ("notice:resend", "Send a message again that nobody could deliver."),
        "settle": ("notice:settle", "Say what became of a message that nobody could deliver."),
        "timeline": ("notice_timeline:timeline", "Show all that a release tells, and when."),
        "preview": ("notice_timeline:preview", "Show what a release would tell."),
        "acknowledge": ("notice_timeline:acknowledge", "Say that you have read a notice, signed."),
    },
    help="Look at the messages and at what is to come, say that you have read one, settle those that did not arrive.",
)


@command(
    "list",
    help="List the messages about RELEASE; without one, those that are not delivered yet.\n\n"
    "What needs a person comes first: what is undeliverable, and what may or may not have arrived.",
    examples="tidegate notice list billing-1.1.0",
)
@click.argument("release", required=False)
def list_(release: str | None) -> int:
    """The command."""
    from tidegate.cli.render_message import message_lines
    from tidegate.store import outbox, policies, releases

    run = session()
    house = run.house()
    with house.database.read() as connection:
        if release:
            releases.load(connection, release)
        found = outbox.of_release(connection, release) if release else outbox.undelivered(connection)
        tz = policies.current(connection).tz
    lines = message_lines(found, tz, house.now())
    if not release and len(found) == outbox.MOST_LISTED:
        lines.append(f"these are the first {len(found)}; there may be more")
    run.answer(found, lines or ["no messages" if release else "every message is delivered"])
    return 0


@command(
    "resend",
    help="Send the message KEY again: one that is undeliverable, or of which nobody can tell whether it arrived; "
    "signed, with a reason.\n\n"
    "It is sent at once, with the same id as before, and tried again as if it were new. Who got it already gets it "
    "twice. `tidegate notice list` shows the keys.",
    examples='tidegate notice resend "$KEY" --reason "the mail server is mended" --as rita --key ~/.ssh/id_ed25519',
)
@click.argument("message", metavar="KEY")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the log.")
def resend(message: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import delivery

    run = session()
    row = delivery.resend(run.house(), run.claim(), message, reason)
    run.answer(row, [f"{good('✓')} it is sent again to {clean(row.channel)} as soon as somebody executes"])
    return 0


@command(
    "settle",
    help="Say of the message KEY that it arrived, or that nobody sends it any more; signed, with a reason.\n\n"
    "It is not sent again. With --delivered it counts as delivered from now on: where it announces a release, the "
    "notice period begins now.",
    examples='tidegate notice settle "$KEY" --delivered --reason "Jo has it" --as rita --key ~/.ssh/id_ed25519',
)
@click.argument("message", metavar="KEY")
@click.option("--delivered/--not-delivered", "delivered", default=None, help="What is the case.")
@click.option("--reason", required=True, metavar="TEXT", help="How you know; kept in the log.")
def settle(message: str, delivered: bool | None, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import delivery

    if delivered is None:
        raise click.UsageError("say which: --delivered or --not-delivered")
    run = session()
    row = delivery.settle(run.house(), run.claim(), message, reason, delivered=delivered)
    what = "counts as delivered" if delivered else "is not sent any more"
    run.answer(row, [f"{good('✓')} the message to {clean(row.channel)} {what}"])
    return 0
