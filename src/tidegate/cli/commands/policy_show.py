"""``tidegate policy show``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tidegate.cli.framework import command, session


@command(
    "show",
    help="Show the active policy, resolved.\n\nWith --json: the stored form that the digest names, and, where "
    "tidegate.yaml still means that policy, the origin of each value. With FILE, --file or --origin: a policy file "
    "laid on all that it builds on, each value with the place that says it; nothing is adopted, and no database is "
    "opened.",
    examples=(
        "tidegate policy show",
        "tidegate policy show tidegate.yaml",
        "tidegate policy show --origin --path release_types.major",
        "tidegate policy show --file tidegate.yaml --defaults --json",
    ),
)
@click.argument("named", required=False, metavar="[FILE]")
@click.option(
    "--file",
    "file",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[FILE]",
    help="Show a policy file instead, by default tidegate.yaml.",
)
@click.option("--origin", is_flag=True, help="Show tidegate.yaml with the origin of every value; the same as --file.")
@click.option("--path", metavar="PATH", help="Of the file, show only what stands there: release_types.major.")
@click.option("--defaults", is_flag=True, help="Of the file, show also what nobody wrote.")
def show(named: str | None, file: str | None, origin: bool, path: str | None, defaults: bool) -> int:
    """The command."""
    file = file or named or file
    if file is None and not (origin or path is not None or defaults):
        return _active()
    return _file(Path(file) if file else None, path or "", defaults)


def _active() -> int:
    from tidegate.cli.render_policy import policy_lines
    from tidegate.store import contents, policies

    run = session()
    house = run.house()
    with house.database.read() as connection:
        book = policies.current(connection)
        adoption = policies.active(connection)
        resolved = contents.fetch(connection, book.digest)
    if run.as_json:
        import json

        run.print_json(
            {
                "digest": book.digest,
                "adopted_at": adoption.adopted_at if adoption else None,
                "adopted_by": adoption.adopted_by if adoption else None,
                "policy": json.loads(resolved),
                "origins": _origins(book.digest),
            }
        )
        return 0
    run.answer(None, policy_lines(book, adoption, house.now()))
    if _origins(book.digest) is not None:
        run.answer(None, ["", "each value with its origin: tidegate policy show --origin"])
    return 0


def _origins(digest: str) -> list[Any] | None:
    """Where the file says each value of the active policy; None where it means another policy by now, or none."""
    from tidegate.errors import TidegateError
    from tidegate.policyfile.load import FILE_NAME, load_policy
    from tidegate.policyfile.origins import origins, shown_tree

    try:
        loaded = load_policy(session().settings().root / FILE_NAME, FILE_NAME)
    except TidegateError:
        return None
    return list(origins(*shown_tree(loaded, "", defaults=False))) if loaded.digest == digest else None


def _file(file: Path | None, path: str, defaults: bool) -> int:
    from tidegate.cli.render_origins import origin_lines
    from tidegate.policyfile.load import FILE_NAME, load_policy
    from tidegate.policyfile.origins import origins, shown_tree

    run = session()
    where = run.settings().root / FILE_NAME if file is None else file
    loaded = load_policy(where, FILE_NAME if file is None else str(file))
    keys, node = shown_tree(loaded, path, defaults=defaults)
    record = None
    if run.as_json:
        values = list(origins(keys, node))
        record = {"file": loaded.name, "digest": loaded.digest, "files": loaded.files, "values": values}
    run.answer(record, origin_lines(loaded, keys, node))
    return 0
