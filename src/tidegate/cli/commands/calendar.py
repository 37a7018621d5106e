"""``tidegate calendar``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.views.calendar import CalendarView, Days


@command(
    "calendar",
    help="Show a month or a quarter: trains, windows, blackouts, holidays, stated dates, planned releases.\n\n"
    "Stated dates are held against the trains, and the difference is told; so is what each blackout blocks. --free "
    "says when something could go. --ics writes it for other calendars. Nothing is recorded.",
    examples=(
        "tidegate calendar",
        "tidegate calendar --quarter 2026-Q1",
        "tidegate calendar --month 2026-12 --component billing --free",
        "tidegate calendar --quarter 2026-Q1 --ics releases.ics",
    ),
    reads_at=True,
)
@click.option("--month", default="", metavar="YYYY-MM", help="This month; without it the present one.")
@click.option("--quarter", default="", metavar="YYYY-QN", help="This quarter, such as 2026-Q1.")
@click.option("--component", default="", metavar="COMPONENT", help="Only its trains, dates and releases.")
@click.option("--environment", default="", metavar="ENVIRONMENT", help="Only this environment.")
@click.option(
    "--type", "type_", default="", metavar="TYPE", help="What is free for this type; else for an ordinary one."
)
@click.option("--free", is_flag=True, help="Say when something could go, by environment.")
@click.option("--ics", default="", metavar="FILE", help="Write it as iCalendar into FILE; - is standard output.")
def calendar(month: str, quarter: str, component: str, environment: str, type_: str, free: bool, ics: str) -> int:
    """The command."""
    from tidegate.cli.render_calendar import calendar_lines
    from tidegate.views.calendar import calendar_view

    run = session()
    if ics == "-" and run.as_json:
        raise click.UsageError("--json and --ics - both write to standard output; leave out one of them")
    days = _days(month, quarter)
    view = calendar_view(run.house(), days, component=component, environment=environment, type_=type_)
    if ics:
        _write(view, ics)
    if ics != "-":
        run.answer(view, calendar_lines(view, free=free))
    return 0


def _days(month: str, quarter: str) -> Days | None:
    from tidegate.views.calendar import month_of, quarter_of

    if month and quarter:
        raise click.UsageError("--month and --quarter name two times; leave out one of them")
    if quarter:
        return quarter_of(quarter)
    return month_of(month) if month else None


_BEGIN = b"BEGIN:VCALENDAR"


def _may_be_written(file: Path) -> bool:
    """Whether nothing is lost: the file is not there, is empty, is a calendar, or is no plain file at all."""
    if not file.is_file():
        return True
    with file.open("rb") as there:
        begin = there.read(len(_BEGIN))
    return begin in (b"", _BEGIN)


def _write(view: CalendarView, file: str) -> None:
    """Write the feed.

    Raises:
        UsageError: the file cannot be written, or is there and no calendar: a slip must not cost a policy.
    """
    import sys

    from tidegate.cli.text import clean
    from tidegate.errors import UsageError
    from tidegate.views.calendar_feed import calendar_feed

    content = calendar_feed(view)
    if file == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        if not _may_be_written(Path(file)):
            raise UsageError(
                f"{clean(file)[:200]} is there and is no calendar, so that it is left alone",
                remedy="name a new file, or one that was written as a calendar before",
            )
        Path(file).write_bytes(content)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or "it is no name of a file"
        raise UsageError(
            f"{clean(file)[:200]} cannot be written: {why}", remedy="name a file in a directory"
        ) from error
    session().say(f"wrote {clean(file)}")
