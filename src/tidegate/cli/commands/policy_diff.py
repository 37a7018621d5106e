"""``tidegate policy diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session
from tidegate.errors import NotFoundError, StoreError

if TYPE_CHECKING:
    from tidegate.cli.session import Session
    from tidegate.orchestration.house import House
    from tidegate.views.policy_diff import PolicyDiffView

DIFFERENT = 10
"""The exit code of ``--exit-code`` where there are differences."""


@command(
    "diff",
    help="Say what becomes stricter and what looser from policy A to policy B, and for which open releases the "
    "answer changes.\n\n"
    "A and B are each a file, active, adopted:N (a number of tidegate policy history), or the first 12 or more digits "
    "of a digest. One alone is B, and the active policy is A; none is the active policy against tidegate.yaml. "
    "Nothing is written. A file that is called like a digest is named with ./ before it.",
    examples=(
        "tidegate policy diff",
        "tidegate policy diff tidegate.yaml",
        "tidegate policy diff adopted:1 active --exit-code",
    ),
    reads_at=True,
)
@click.argument("first", required=False, metavar="[A]")
@click.argument("second", required=False, metavar="[B]")
@click.option("--exit-code", is_flag=True, help="Exit with 10 where there are differences.")
def diff(first: str | None, second: str | None, exit_code: bool) -> int:
    """The command."""
    from tidegate.cli.render_policy_diff import policy_diff_lines

    run = session()
    view = _compared(run, first, second)
    run.answer(view.as_dict(), policy_diff_lines(view))
    return DIFFERENT if exit_code and view.differs else 0


def _compared(run: Session, first: str | None, second: str | None) -> PolicyDiffView:
    from functools import partial

    from tidegate.clock import system_clock
    from tidegate.orchestration.policy_diff import ACTIVE, compare_sources, find_source
    from tidegate.orchestration.seen import look_at
    from tidegate.views.policy_diff import policy_diff_view

    two = (ACTIVE, proposal(run) if first is None else first) if second is None else (first or "", second)
    house = _store(run, two)
    if house is None:
        before, after = (find_source(name, None) for name in two)
        return policy_diff_view(compare_sources(before, after, None, system_clock()), system_clock())
    try:
        now = house.now()
        with house.database.read() as connection:
            before, after = (find_source(name, connection) for name in two)
            found = compare_sources(before, after, connection, now, run.person, partial(look_at, house))
            return policy_diff_view(found, now)
    finally:
        house.database.close()


def proposal(run: Session) -> str:
    """The policy file of the directory, as somebody would type it here."""
    import os.path

    from tidegate.policyfile.load import FILE_NAME

    return str(os.path.relpath(run.settings().root / FILE_NAME))


def _store(run: Session, names: tuple[str, ...]) -> House | None:
    """The house where there is one to look at, as it is; where there is none, that is said on stderr.

    Raises:
        TidegateError: there is none, and a policy of it is named.
    """
    from tidegate.cli.text import clean, wrapped
    from tidegate.orchestration.policy_diff import is_of_store

    try:
        return _look(run)
    except (NotFoundError, StoreError) as error:
        if any(map(is_of_store, names)):
            raise
        for line in wrapped(f"note: no open release was asked about: {clean(error.what)}", "  ", first=""):
            run.say(line)
    return None


def _look(run: Session) -> House:
    from tidegate.store import schema

    house: House = run.parts.build_house(run.settings(), only_looks=True)
    found = schema.revision(house.database)
    if found is None:
        raise NotFoundError(
            "there is no store yet", where=house.database.where, remedy="adopt a policy, or compare two files"
        )
    if found != schema.HEAD:
        raise StoreError(
            f"the store is of another version of Tidegate (schema {found})",
            where=house.database.where,
            remedy="tidegate db upgrade",
        )
    return house
