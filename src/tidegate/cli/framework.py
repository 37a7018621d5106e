"""What every command has in common: the options that are accepted anywhere, help with an example, lazy groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tidegate.cli.session import Session

SECTIONS = 2
"""Columns between an option and what it means."""


class GlobalOption(click.Option):
    """An option that every command takes, before and after its name; what is given last counts."""


def _take(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and value is not False and not context.resilient_parsing:
        context.find_root().obj.take(parameter.name, value)


def _global(*names: str, **settings: Any) -> GlobalOption:
    return GlobalOption(list(names), expose_value=False, callback=_take, is_eager=True, **settings)


def global_options() -> list[GlobalOption]:
    """New instances of the options that every command takes."""
    return [
        _global("-C", "--directory", metavar="DIR", help="Look for tidegate.yaml here and above."),
        _global("--as", "person", metavar="PERSON", help="Who is acting, as the policy calls them (TIDEGATE_PERSON)."),
        _global("--key", metavar="PATH", help="The SSH key with which they sign (TIDEGATE_KEY)."),
        _global("--json", "as_json", is_flag=True, help="Answer in JSON, errors too."),
        _global("--now", metavar="TIME", help="Ask as of this moment (RFC 3339); only where nothing is written."),
        _global("-v", "--verbose", is_flag=True, help="Say more; show the traceback of an unexpected failure."),
    ]


class _Helped(click.Command):
    """Help as every command of Tidegate gives it: a sentence, the consequence, the options, an example that runs."""

    examples: tuple[str, ...] = ()
    reads_at: bool = False

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the command itself, and where to find the others."""
        rows = []
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and not _is_told_elsewhere(context, parameter):
                rows.append(record)
        if rows:
            with formatter.section("Options"):
                formatter.write_dl(rows, col_spacing=SECTIONS)
        if isinstance(self, click.Group):
            self.format_commands(context, formatter)

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, and the options that every command takes."""
        if self.examples:
            with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
                for example in self.examples:
                    formatter.write("".join(f"{line}\n" for line in broken(example)))
        if context.parent is not None:
            formatter.write_paragraph()
            formatter.write_text("Every command also takes -C, --as, --key, --json, --now, -v: see tidegate --help.")


def _is_told_elsewhere(context: click.Context, parameter: click.Parameter) -> bool:
    # The usage line names the arguments; only `tidegate --help` lists the options that every command takes.
    return isinstance(parameter, click.Argument) or (isinstance(parameter, GlobalOption) and context.parent is not None)


def broken(example: str, width: int = 78) -> list[str]:
    """A command line as people can copy it: too long a one is broken between its options."""
    lines, line = [], " "
    for word in re.split(r" (?=-)", example):
        if len(line) + len(word) > width - 2:
            lines.append(f"{line} \\")
            line = "     "
        line = f"{line} {word}"
    return [*lines, line]


class Command(_Helped):
    """A command of Tidegate."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), reads_at: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())
        self.examples = examples
        self.reads_at = reads_at

    def invoke(self, context: click.Context) -> Any:
        """Run it with the session that the options before and after its name have made."""
        session = context.find_root().obj
        if session.now_given and not self.reads_at:
            only = "check, plan, calendar, status, train, policy check and policy diff"
            raise click.UsageError(f"--now sets the clock of commands that only read: {only}.", context)
        with _serving(session):
            return super().invoke(context)


class Group(_Helped, click.Group):
    """Commands that are imported when they are invoked; their one-line help is kept here."""

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]], examples: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        kwargs.setdefault("no_args_is_help", True)
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())
        self.lazy = lazy
        self.examples = examples

    def list_commands(self, context: click.Context) -> list[str]:
        """The names, in the order in which people need them."""
        return list(self.lazy)

    def get_command(self, context: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        from importlib import import_module

        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(f"tidegate.cli.commands.{module}"), attribute)
        return found

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click does, with a guess where there is no such command."""
        name = args[0] if args else ""
        if name not in self.lazy and not name.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(name, self.lazy, n=1)
            hint = f' Did you mean "{close[0]}"?' if close else f" Known: {', '.join(self.lazy)}."
            context.fail(f'There is no command "{name[:40]}".{hint}')
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The one-line helps, from the table: nothing is imported for them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in self.lazy.items()], col_spacing=SECTIONS)


_session: ContextVar[Session] = ContextVar("session")


def session() -> Session:
    """The session of the command that runs."""
    return _session.get()


@contextmanager
def _serving(current: Session) -> Iterator[None]:
    token = _session.set(current)
    try:
        yield
    finally:
        _session.reset(token)


F = TypeVar("F", bound=Callable[..., Any])


def command(
    name: str,
    *,
    help: str,  # noqa: A002  the word of Click
    examples: tuple[str, ...] | str = (),
    reads_at: bool = False,
) -> Callable[[F], Command]:
    """Make a command of a function.

    Args:
        help: a sentence, then the consequences.
        examples: command lines that run.
        reads_at: ``--now`` may set its clock.
    """
    several = (examples,) if isinstance(examples, str) else examples

    def make(function: F) -> Command:
        return click.command(name, cls=Command, help=help, examples=several, reads_at=reads_at)(function)

    return make
