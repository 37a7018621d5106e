"""``tidegate backup``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.core.backup import BackupEntry

backup = Group(
    "backup",
    lazy={
        "take": ("backup:take", "Take a backup, read it back, and copy it elsewhere."),
        "verify": ("backup:verify", "Read the newest backup back, and look at its copy."),
        "copy": ("backup:copy", "Copy the newest backup elsewhere."),
        "restore": ("backup:restore", "Restore it into a scratch place, and compare."),
        "list": ("backup:list_", "List the backups, and how each stands."),
    },
    help="Take backups, read them back, copy them elsewhere, and restore them for a test. What is found counts in "
    "every release that asks for the backup.",
)

_FOR = click.option(
    "--for", "environment", default="", metavar="ENVIRONMENT", help="Of which environment, where it is of several."
)


def _answer(done: Sequence[BackupEntry]) -> int:
    from tidegate.cli.render_backup import act_lines

    session().answer({"backup": done[0].backup, "acts": list(done)}, act_lines(done))
    return 0 if all(entry.outcome for entry in done) else 1


@command(
    "take",
    help="Take the backup NAME, read it back from the disk, and copy it to where the policy says; signed.\n\n"
    "It is written under another name, brought to the disk, and renamed: a command that is killed leaves no half "
    "backup that counts. Older ones that the policy no longer keeps are removed. Exits with 1 when it was taken and is "
    "not good.",
    examples="tidegate backup take database --for production --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("name")
@_FOR
def take(name: str, environment: str) -> int:
    """The command."""
    from tidegate.orchestration import backup as use_case

    run = session()
    return _answer(use_case.take(run.house(), name, run.claim(), environment))


@command(
    "verify",
    help="Read the newest backup NAME back: its bytes, its contents, its size beside those before, and its copy "
    "elsewhere; signed.\n\n"
    "One that has less than half of what the last ones have is not verified, unless you say why it is smaller.",
    examples="tidegate backup verify database --for production --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("name")
@_FOR
@click.option("--smaller-because", default="", metavar="TEXT", help="Why it is rightly much smaller; kept with it.")
def verify(name: str, environment: str, smaller_because: str) -> int:
    """The command."""
    from tidegate.orchestration import backup as use_case

    run = session()
    done = use_case.verify(run.house(), name, run.claim(), environment, smaller_because=smaller_because)
    return _answer(done)


@command(
    "copy",
    help="Copy the newest backup NAME to the remote that the policy names, and look whether it is there; signed.\n\n"
    "rclone copies it. What counts is that exactly one object is there, with its size and its hash; where the remote "
    "says no hash it is read back whole.",
    examples="tidegate backup copy database --for production --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("name")
@_FOR
def copy(name: str, environment: str) -> int:
    """The command."""
    from tidegate.orchestration import backup as use_case

    run = session()
    return _answer([use_case.copy(run.house(), name, run.claim(), environment)])


@command(
    "restore",
    help="Restore the newest backup NAME to a scratch place, and compare it with what was backed up; signed.\n\n"
    "Nothing is restored over anything: a database or a directory that is there already is refused. It is removed "
    "afterwards, unless --leave is given. Without --compare nobody can tell whether it is what was backed up.",
    examples=(
        "tidegate backup restore database --to scratch_1 --compare --as rita --key ~/.ssh/id_ed25519",
        "tidegate backup restore uploads --to /tmp/uploads --compare --leave",
    ),
)
@click.argument("name")
@_FOR
@click.option("--to", "scratch", required=True, metavar="SCRATCH", help="A database or a directory that is not there.")
@click.option("--compare", is_flag=True, help="Compare it, table by table or file by file.")
@click.option("--leave", is_flag=True, help="Leave what was restored, to look at it.")
def restore(name: str, environment: str, scratch: str, compare: bool, leave: bool) -> int:
    """The command."""
    from tidegate.orchestration import backup as use_case

    run = session()
    done = use_case.restore(run.house(), name, run.claim(), scratch, environment, compare=compare, leave=leave)
    return _answer([done])


@command(
    "list",
    help="List the backups of the policy, and how the newest of each stands.",
    examples="tidegate backup list",
)
def list_() -> int:
    """The command."""
    from tidegate.cli.render_backup import listed
    from tidegate.views.backups import backups_view

    run = session()
    view = backups_view(run.house())
    run.answer({"backups": view.backups}, listed(view) or ["the policy has no backup"])
    return 0
