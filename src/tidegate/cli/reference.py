"""The reference page of the command line, made from the commands.

``python -m tidegate.cli.reference`` writes it into the project in the working directory; a test holds it up to date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

import click

from tidegate.cli.framework import Command, GlobalOption, Group, broken
from tidegate.cli.root import root

PAGE_FILE = Path("docs/reference/cli.md")

_INTRODUCTION = """\
# The command line

<!-- Made by `python -m tidegate.cli.reference` from src/tidegate/cli. Do not edit. -->

`tidegate` is one command with nouns and verbs. Results go to standard output, talk and progress to standard error;
progress is shown only to a person at a terminal. How a command ends is in [exit-codes.md](exit-codes.md).

The first command that needs a policy adopts `tidegate.yaml`; from then on the file is a proposal, and every command
says so on standard error when it differs from the active policy. Every command that opens the database also says what
is overdue or unwatched because nobody executes.
"""

_VARIABLES = (
    ("TIDEGATE_PERSON", "Who is acting, where `--as` does not say it."),
    ("TIDEGATE_KEY", "The SSH key with which they sign, where `--key` does not say it."),
    ("TIDEGATE_DATABASE", "The URL of the database; without it, the SQLite file `.tidegate/tidegate.db`."),
    (
        "TIDEGATE_CACHE",
        "Where policy files are kept once read, or `off`; without it `$XDG_CACHE_HOME/tidegate`, `~/.cache/tidegate`.",
    ),
    (
        "TIDEGATE_SMTP_..., TIDEGATE_SLACK_..., TIDEGATE_WEBHOOK_...",
        "The settings of channels, where messages are delivered; see [channels](../channels/index.md).",
    ),
    ("TIDEGATE_PROGRESS", "If set, progress is shown where it is piped, too."),
    ("NO_COLOR", "If set, nothing is coloured. No answer is ever given by colour alone."),
)


def commands() -> Iterator[tuple[str, Command]]:
    """Every command, by its whole name, in the order of the help."""
    yield from _below("tidegate", root)


def _below(path: str, group: Group) -> Iterator[tuple[str, Command]]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, Group):
            yield from _below(f"{path} {name}", found)
        elif isinstance(found, Command):
            yield f"{path} {name}", found


def page() -> str:
    """The page, in Markdown."""
    parts = [_INTRODUCTION, *_everywhere(), "## Commands\n"]
    for name, command in commands():
        parts.append("\n".join(_command(name, command)))
    return "\n".join(parts)


def _everywhere() -> Iterator[str]:
    yield "## Options of every command\n"
    yield "They are taken before and after the command's name; what is given last counts.\n"
    context = click.Context(root, info_name="tidegate")
    options = [p for p in root.get_params(context) if isinstance(p, GlobalOption)]
    yield "\n".join(_table("option", (option.get_help_record(context) or ("", "") for option in options)))
    yield "## Environment\n"
    yield "\n".join(_table("variable", _VARIABLES))


def _table(noun: str, rows: Iterator[tuple[str, str]] | tuple[tuple[str, str], ...]) -> Iterator[str]:
    yield f"| {noun} | meaning |"
    yield "|---|---|"
    for name, meaning in rows:
        yield f"| `{name}` | {meaning} |"
    yield ""


def _command(name: str, command: Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context)[1:])
    yield f"### `{name}`\n"
    yield "```text"
    yield f"{name} [OPTIONS] {usage}".rstrip()
    yield "```\n"
    for paragraph in (command.help or "").split("\n\n"):
        yield "\n".join(wrap(paragraph, 118, break_on_hyphens=False)) + "\n"
    options = [p for p in command.params if isinstance(p, click.Option) and not isinstance(p, GlobalOption)]
    if options:
        yield from _table("option", tuple(option.get_help_record(context) or ("", "") for option in options))
    yield "```console"
    for example in command.examples:
        yield "\n".join(["$ " + broken(example)[0].strip(), *broken(example)[1:]])
    yield "```\n"


def main() -> None:
    """Write the page."""
    PAGE_FILE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
