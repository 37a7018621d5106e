"""``tidegate db``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

db = Group(
    "db",
    lazy={
        "check": ("db:check", "Say whether the database is reachable, durable, private and whole."),
        "upgrade": ("db:upgrade", "Bring the tables to this version."),
        "backup": ("db:backup", "Write a copy of the database while it is in use."),
        "restored": ("db:restored", "Say that a backup was put back: what came after it is not known."),
    },
    help="Look after Tidegate's own database.",
)


@command(
    "check", help="Say whether the database is reachable, durable, private and whole.", examples="tidegate db check"
)
def check() -> int:
    """The command."""
    from tidegate.cli.text import bad, clean, columns, good, wrapped
    from tidegate.errors import NotFoundError
    from tidegate.store.database import open_database

    run = session()
    database = open_database(run.settings().database_url)
    if database.path is not None and not database.path.is_file():
        raise NotFoundError(
            "there is no database yet", where=str(database.path), remedy="the first command that decides makes it"
        )
    checks = database.checks()
    rows: list[tuple[str, ...]] = [
        (f"{good('✓') if one.ok else bad('✗')} {one.name}", clean(one.found)) for one in checks
    ]
    lines = columns(rows)
    for one in checks:
        if not one.ok and one.remedy:
            lines += wrapped(clean(one.remedy), "    ", first="  > ")
    run.answer(checks, lines)
    return 0 if all(one.ok for one in checks) else 1


@command(
    "upgrade",
    help="Bring the tables to this version of Tidegate. Every command does it; this one does nothing else.",
    examples="tidegate db upgrade",
)
def upgrade() -> int:
    """The command."""
    from tidegate.cli.text import good

    run = session()
    house = run.parts.build_house(run.settings())
    house.queue.migrate()
    run.answer(
        {"database": house.database.where}, [f"{good('✓')} the tables are of this version", f"  {house.database.where}"]
    )
    return 0


@command(
    "backup",
    help="Write a copy of the database to FILE while it is in use.\n\n"
    "An existing file is not overwritten. On PostgreSQL use pg_dump.",
    examples="tidegate db backup tidegate-backup.db",
)
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> int:
    """The command."""
    from tidegate.cli.backup import copy_sqlite
    from tidegate.cli.text import clean, good
    from tidegate.errors import UsageError
    from tidegate.store.database import open_database

    run = session()
    database = open_database(run.settings().database_url)
    if database.path is None:
        raise UsageError(
            "this database is PostgreSQL's", where=database.where, remedy="pg_dump --format=custom --file FILE"
        )
    size = copy_sqlite(database.path, file)
    run.answer({"file": str(file), "bytes": size}, [f"{good('✓')} {clean(file)}: {size:,} bytes"])
    return 0


@command(
    "restored",
    help="Say, signed, that a backup of the database was put back.\n\n"
    "Nothing in the database can tell it. From then on every token outranks all that were given out before; rollouts "
    "that were under way wait for a person, and starts that waited are ended. Stop the workers first.",
    examples="tidegate db restored --reason 'disk failure' --as rita --key ~/.ssh/id_ed25519",
)
@click.option("--reason", default="", metavar="TEXT", help="Why it was put back.")
def restored(reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import restore

    run = session()
    done = restore.restored(run.house(), run.claim(), reason)
    lines = [f"{good('✓')} the epoch is {done.epoch} now: what was begun before can do nothing any more"]
    lines += [f"  waits for you: tidegate rollout resume {clean(rollout)}" for rollout in done.paused]
    lines += [f"  waiting starts that were ended: {done.ended}"] if done.ended else []
    run.answer(done, lines)
    return 0
