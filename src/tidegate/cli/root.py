"""The command ``tidegate``: its table of commands, how it ends, and how it says what went wrong."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from tidegate import __version__
from tidegate.cli.framework import Group
from tidegate.cli.session import Session
from tidegate.errors import InternalError, NotFoundError, TidegateError, UsageError, WorldError

INTERRUPTED = 130

COMMANDS = {
    "init": ("init:init", "Write a small policy file to start from."),
    "policy": ("policy:policy", "Adopt, show and check the policy."),
    "plan": ("plan:plan", "Say the next version, why, and when it could go."),
    "calendar": ("calendar:calendar", "Show a month or a quarter, and when something could go."),
    "version": ("version:version", "Say which version a component is at, and which is next."),
    "version-files": ("version_files:version_files", "Write a version into the files that carry it."),
    "notes": ("notes:notes", "Print or write release notes, from commits and fragments."),
    "changelog": ("notes:changelog", "Keep CHANGELOG.md up to date."),
    "release": ("release:release", "Open releases, look at them, change them."),
    "branch": ("branch:branch", "Cut branches of releases, judge, pick, bring back, lock."),
    "hotfix": ("branch:hotfix", "Make a hotfix branch from what runs in production."),
    "tag": ("tag:tag", "Tag versions, and find tags that were moved."),
    "artifact": ("artifact:artifact", "Build, push and verify images and archives."),
    "migration": ("migration:migration", "Judge the migrations of databases."),
    "change": ("change:change", "Ask for changes, assess their risk, decide on them."),
    "check": ("check:check", "Say whether a release may go, why not, and when."),
    "evidence": ("evidence:evidence", "Add reports to a release."),
    "backup": ("backup:backup", "Take backups, verify them, restore them for a test."),
    "document": ("document:document", "Write, attach and review the documents of releases."),
    "checklist": ("checklist:checklist", "Tick what must be true before a release goes."),
    "waive": ("waive:waive", "Ask that a gate be passed nevertheless, or agree."),
    "waivers": ("waive:waivers", "List the waivers, in force and of before."),
    "train": ("train:train", "Look at the release trains, and who is aboard."),
    "approve": ("approval:approve", "Approve a release for an environment, signed."),
    "reject": ("approval:reject", "Say no to a release for an environment, signed."),
    "revoke": ("approval:revoke", "Take your own answer back."),
    "approvals": ("approvals:approvals", "Show who has approved, what is open, and to whom."),
    "delegate": ("delegate:delegate", "Hand your voice to somebody for a time."),
    "board": ("board:board", "Call a board, and record its minutes."),
    "pipeline": ("pipeline:pipeline", "Take a release through the stages of a pipeline."),
    "deploy": ("deploy:deploy", "Roll a release out to an environment, and follow it."),
    "rollback": ("rollback:rollback", "Take back what stands in an environment."),
    "rollout": ("rollout:rollout", "Look at rollouts; pause and resume them."),
    "status": ("status:status", "Say what runs where, and what waits for whom."),
    "emergency": ("emergency:emergency", "Declare an emergency, acknowledge it, end it."),
    "incident": ("incident:incident", "Look at incidents, write them up, close them."),
    "drill": ("drill:drill", "Rehearse rollbacks and emergencies, and measure it."),
    "debt": ("debt:debt", "Look at what is owed afterwards, and settle it."),
    "task": ("task:task", "Look at what is done after releases, and say it is done."),
    "review": ("review:review", "Look back, and follow what was decided to its end."),
    "success": ("success:success", "Judge afterwards whether a release was a success."),
    "feedback": ("feedback:feedback", "Record what users say of releases."),
    "environment": ("environment:environment", "Compare an environment's settings with the policy."),
    "hold": ("hold:hold", "Stop the line, and let it go on."),
    "adopt": ("adopt:adopt", "Record what runs today as a version to return to."),
    "worker": ("worker:worker", "Carry rollouts, watch them and deliver messages."),
    "notice": ("notice:notice", "Look at the messages."),
    "audit": ("audit:audit", "Read the log, verify it, judge its decisions again."),
    "db": ("db:db", "Look after Tidegate's own database."),
    "completion": ("completion:completion", "Print the completion script of a shell."),
    "demo": ("demo:demo", "Run real releases on this machine, and show everything."),
}


def _show_version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"tidegate {__version__}")
        context.exit()


root = Group(
    "tidegate",
    lazy=COMMANDS,
    help="Runs your releases by your policy: planned, gated, approved, rolled out, watched, taken back, proved.",
    examples=("tidegate plan billing", "tidegate check billing-1.1.0 --for production"),
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Print the version of Tidegate.",
        )
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def run(arguments: Sequence[str], parts: Callable[[], Any]) -> int:
    """Run a command line; the exit code.

    Args:
        parts: gives the module ``tidegate.app`` when a command first needs what it joins.
    """
    session = Session(parts, as_json="--json" in arguments)
    _speak_any_encoding()
    try:
        _demand_text(arguments)
        code = _code(root.main(list(arguments), prog_name="tidegate", standalone_mode=False, obj=session))
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()  # what cannot be written is told, too
        return code
    except TidegateError as error:
        return session.fail(error)
    except click.ClickException as error:
        return session.fail(_usage(error))
    except (KeyboardInterrupt, click.Abort):
        session.say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return _hung_up()
    except Exception as error:  # noqa: BLE001  never a traceback: the last edge before the person
        return session.fail(_own_fault(error, session))
    finally:
        session.close()


def _code(result: object) -> int:
    return result if isinstance(result, int) else 0


def _demand_text(arguments: Sequence[str]) -> None:
    for number, argument in enumerate(arguments, start=1):
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"argument {number} is no text in UTF-8", remedy="write it in UTF-8") from error


def _speak_any_encoding() -> None:
    # A terminal without our symbols gets question marks, not a failure.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _usage(error: click.ClickException) -> TidegateError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tidegate"
    return UsageError(error.format_message().rstrip("."), remedy=f"{path} --help")


def _own_fault(error: Exception, session: Session) -> TidegateError:
    if session.verbose:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        remedy = "go to another, or name one with --directory"
        return NotFoundError("the directory in which this was called is gone", remedy=remedy)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        _drop_what_cannot_be_written()
        where = str(error.filename or "")
        return WorldError("there is no space left to write to", where=where, remedy="make room, then try again")
    said = str(error) or "no reason given"
    failed = InternalError(
        f"Tidegate failed: {type(error).__name__}: {said}",
        remedy="report this; --verbose shows where it happened",
    )
    failed.__cause__ = error
    return failed


def _is_nowhere() -> bool:
    from pathlib import Path

    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _hung_up() -> int:
    # Whoever read our output has closed it, as `head` does: nobody is left to tell.
    _drop_what_cannot_be_written()
    return 1


def _drop_what_cannot_be_written() -> None:
    """Without this Python tries once more as it ends, and says that in its own words."""
    import os

    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
