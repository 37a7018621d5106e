"""``tidegate board``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

board = Group(
    "board",
    lazy={
        "call": ("board:call", "Call a meeting, with its agenda."),
        "minutes": ("board:minutes", "Record the minutes of a meeting."),
        "list": ("board:list_", "List the meetings."),
    },
    help="The meetings of a board, such as a change advisory board: an agenda of releases as they are, and minutes. An "
    "approval that the policy asks with minutes: true counts only with them.",
)


@command(
    "call",
    help="Call a meeting of BOARD about releases as they are now, signed by a member.\n\n"
    "Each POINT is a release and an environment. What is decided is about the release as it is on the agenda: when "
    "something of it changes, it needs another meeting.",
    examples="tidegate board call cab billing-1.1.0:production --at 2026-12-01T14:00 --as carol "
    "--key ~/.ssh/id_ed25519",
)
@click.argument("board")
@click.argument("points", nargs=-1, required=True, metavar="POINT...")
@click.option("--at", "at", default="", metavar="TIME", help="When it meets, in the policy's zone; else now.")
def call(board: str, points: tuple[str, ...], at: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.cli.times import moment
    from tidegate.orchestration import board as use_case
    from tidegate.store import policies

    run = session()
    house = run.house()
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    wanted = [_point(text) for text in points]
    made = use_case.call(house, run.claim(), board, wanted, moment(house, at, "--at") if at else house.now())
    lines = [
        f"{good('✓')} {clean(board)} meets {made.at.astimezone(tz):%Y-%m-%d %H:%M %Z}: {made.id}",
        *(f"  {clean(point.release)} for {clean(point.environment)}" for point in made.agenda),
        f"  afterwards: tidegate board minutes {made.id} FILE --attended PERSON --approved POINT",
    ]
    run.answer(_shown(made), lines)
    return 0


def _point(text: str) -> tuple[str, str]:
    release, colon, environment = text.rpartition(":")
    if not colon or not release or not environment:
        raise click.UsageError(f'"{text[:80]}" is no point of an agenda; write RELEASE:ENVIRONMENT')
    return release, environment


def _shown(meeting: object) -> object:
    from dataclasses import fields

    hidden = ("statement", "signature")
    return {f.name: getattr(meeting, f.name) for f in fields(meeting) if f.name not in hidden}  # type: ignore[arg-type]


@command(
    "minutes",
    help="Record the minutes of MEETING from FILE, signed by a member.\n\n"
    "The file is kept by its digest. What of the agenda is not named as approved was not approved. Minutes are "
    "recorded once.",
    examples="tidegate board minutes meeting-1a2b3c4d5e6f minutes.md --attended carol --attended dana "
    "--approved billing-1.1.0:production --as carol --key ~/.ssh/id_ed25519",
)
@click.argument("meeting")
@click.argument("file")
@click.option("--attended", multiple=True, required=True, metavar="PERSON", help="Who was there; repeatable.")
@click.option("--approved", multiple=True, metavar="POINT", help="What was approved, RELEASE:ENVIRONMENT; repeatable.")
def minutes(meeting: str, file: str, attended: tuple[str, ...], approved: tuple[str, ...]) -> int:
    """The command."""
    from tidegate.cli.text import bad, clean, good
    from tidegate.orchestration import board as use_case

    run = session()
    path = run.directory / file
    made = use_case.minutes(run.house(), run.claim(), meeting, path, attended, approved)
    lines = [f"{good('✓')} the minutes of {clean(made.id)} are recorded, by {clean(run.person)}"]
    lines += [f"  {good('✓')} {clean(p.release)} for {clean(p.environment)} was approved" for p in made.approved]
    lines += [f"  {bad('✗')} {clean(p.release)} for {clean(p.environment)} was not" for p in made.rejected]
    run.answer(_shown(made), lines)
    return 0


@command("list", help="List the meetings, the newest first.", examples="tidegate board list")
def list_() -> int:
    """The command."""
    from tidegate.cli.text import clean, columns
    from tidegate.store import meetings, policies

    run = session()
    house = run.house()
    with house.database.read() as connection:
        found = meetings.every(connection)
        tz = policies.current(connection).tz
    rows: list[tuple[str, ...]] = [
        (
            clean(each.id),
            clean(each.board),
            f"{each.at.astimezone(tz):%Y-%m-%d %H:%M %Z}",
            "minutes" if each.recorded_at else "no minutes yet",
            clean(", ".join(f"{point.release}:{point.environment}" for point in each.agenda)),
        )
        for each in found
    ]
    run.answer([_shown(each) for each in found], columns(rows) or ["no board has been called"])
    return 0
