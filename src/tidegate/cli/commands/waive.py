"""``tidegate waive`` and ``tidegate waivers``."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "waive",
    help="Ask that RELEASE pass the gate GATE that it does not pass, until a date, signed; or agree to that.\n\n"
    "It passes once as many others agree as the policy asks. The waiver holds for what is released as it is now, is "
    "counted, and is shown wherever the gate is, with what the gate says.",
    examples=(
        "tidegate waive billing-1.1.0 coverage --reason 'see TG-12' --until 3d --as rita --key ~/.ssh/id_ed25519",
        "tidegate waive billing-1.1.0 coverage --agree --as carol --key ~/.ssh/id_ed25519",
    ),
)
@click.argument("release")
@click.argument("gate")
@click.option("--reason", default="", metavar="TEXT", help="Why; everybody who looks at the gate reads it.")
@click.option("--until", default="", metavar="DATE", help="Until then: 2026-12-05, 2026-12-05T16:00, or 3d.")
@click.option("--agree", is_flag=True, help="Agree to the waiver that somebody asks for.")
@click.option("--end", is_flag=True, help="Take the waiver back.")
def waive(release: str, gate: str, reason: str, until: str, agree: bool, end: bool) -> int:
    """The command."""
    if agree and end:
        raise click.UsageError("--agree and --end cannot be said at once")
    if (agree or end) and until:
        raise click.UsageError("--until is for who asks for a waiver; leave it out")
    if end:
        return _end(release, gate, reason)
    return _agree(release, gate, reason) if agree else _ask(release, gate, reason, until)


def _ask(release: str, gate: str, reason: str, until: str) -> int:
    from tidegate.cli.text import clean, good
    from tidegate.cli.times import moment
    from tidegate.clock import to_text
    from tidegate.orchestration import waiver as use_case
    from tidegate.store import policies
    from tidegate.views.moments import civil

    if not reason or not until:
        raise click.UsageError("to ask for a waiver, say --reason TEXT and --until DATE; to agree to one, --agree")
    run = session()
    house = run.house()
    mark = use_case.ask(house, release, gate, run.claim(), reason=reason, until=moment(house, until, "--until"))
    ends = mark.until or mark.at
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    record = {"release": release, "gate": gate, "waiver": mark.id, "until": to_text(ends), "reason": reason}
    lines = [
        f"{good('✓')} {clean(mark.actor.person)} asks for a waiver of {clean(gate)} until {civil(ends, tz)}",
        f"  others agree by: tidegate waive {clean(release)} {clean(gate)} --agree",
    ]
    run.answer(record, lines)
    return 0


def _agree(release: str, gate: str, reason: str) -> int:
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import waiver as use_case

    run = session()
    mark = use_case.agree(run.house(), release, gate, run.claim(), reason=reason)
    record = {"release": release, "gate": gate, "waiver": mark.part, "person": mark.actor.person}
    lines = [
        f"{good('✓')} {clean(mark.actor.person)} agrees to the waiver of {clean(gate)} for {clean(release)}",
        f"  see how it stands: tidegate waivers {clean(release)}",
    ]
    run.answer(record, lines)
    return 0


def _end(release: str, gate: str, reason: str) -> int:
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import waiver as use_case

    run = session()
    ids = use_case.end(run.house(), release, gate, run.claim(), reason=reason)
    record = {"release": release, "gate": gate, "ended": ids}
    run.answer(record, [f"{good('✓')} the waiver of {clean(gate)} for {clean(release)} is taken back"])
    return 0


@command(
    "waivers",
    help="List the waivers of all releases, or of RELEASE: those in force and those of before, with their reasons.\n\n"
    "They are counted: a gate that is waived often asks for too much, or for what nobody does.",
    examples=("tidegate waivers", "tidegate waivers billing-1.1.0"),
)
@click.argument("release", required=False, default="")
def waivers(release: str) -> int:
    """The command."""
    from tidegate.cli.render_papers import waiver_lines
    from tidegate.orchestration import waiver as use_case
    from tidegate.store import policies

    run = session()
    house = run.house()
    found = use_case.all_waivers(house, release)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    counts: dict[str, int] = {}
    for line in found:
        counts[line.gate] = counts.get(line.gate, 0) + 1
    record = {"waivers": found, "in_force": sum(line.holds for line in found), "by_gate": counts}
    run.answer(record, waiver_lines(found, counts, tz) or ["no waiver was ever asked for"])
    return 0
