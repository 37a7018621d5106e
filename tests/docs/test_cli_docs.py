"""The reference of the command line is what the commands are, its examples can be typed, and its errors are ours."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import tidegate
from tidegate.cli.framework import Command, Group
from tidegate.cli.reference import PAGE_FILE, commands, page
from tidegate.cli.root import root
from tidegate.cli.session import Session
from tidegate.errors import TidegateError

PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = dict(commands())
ERRORS = (PROJECT / "docs" / "reference" / "exit-codes.md").read_text("utf-8")


def parse(line: str) -> str:
    """Parse a command line as the command would, without running it; the command's whole name.

    Raises:
        click.UsageError: it cannot be typed like that.
    """
    words = shlex.split(line.replace("\\\n", " "), comments=True)
    assert words[0] == "tidegate"
    context = root.make_context("tidegate", words[1:], obj=Session(lambda: None, as_json=False))
    command: click.Command = root
    while isinstance(command, Group):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command, context = found, found.make_context(name, rest, parent=context)
    return context.command_path


def test_the_reference_is_up_to_date() -> None:
    remedy = "run: python -m tidegate.cli.reference"
    assert (PROJECT / PAGE_FILE).read_text("utf-8") == page(), remedy


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_shows_it(name: str) -> None:
    command = COMMANDS[name]
    first, *_ = (command.help or "").split("\n\n")
    assert first.rstrip().endswith(".")
    assert command.examples
    for example in command.examples:
        assert parse(example) == name
    for option in command.params:
        if isinstance(option, click.Option):
            assert (option.help or "").endswith("."), option.name


def groups(group: Group, path: str = "tidegate") -> Iterator[tuple[str, Group]]:
    yield path, group
    for name in group.lazy:
        found = group.get_command(click.Context(group), name)
        if isinstance(found, Group):
            yield from groups(found, f"{path} {name}")


def test_the_tables_of_commands_name_what_they_import() -> None:
    for path, group in groups(root):
        for name, (_, help_) in group.lazy.items():
            found = group.get_command(click.Context(group), name)
            assert isinstance(found, Command | Group), f"{path} {name}"
            assert found.name == name
            assert help_.endswith(".")
            assert len(help_) <= 66, "the listing must fit 80 columns"


def test_only_commands_that_read_take_a_moment() -> None:
    assert {name for name, command in COMMANDS.items() if command.reads_at} == {
        "tidegate plan",
        "tidegate calendar",
        "tidegate check",
        "tidegate status",
        "tidegate train list",
        "tidegate train show",
        "tidegate policy check",
        "tidegate policy diff",
        "tidegate notice timeline",
        "tidegate notice preview",
    }


def typed_in(text: str) -> Iterator[str]:
    """The command lines of a page's console blocks."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^\$ (tidegate (?:.*\\\n)*.*)$", block, re.MULTILINE)


PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_command_line_of_the_docs_can_be_typed(path: Path) -> None:
    for line in typed_in(path.read_text("utf-8")):
        assert parse(line), line


def test_a_command_line_that_cannot_be_typed_is_found() -> None:
    for words in ("chekc", "check billing-1.1.0", "status now", "release list --all"):
        with pytest.raises(click.UsageError):
            parse(f"tidegate {words}")


REMEDY = re.compile(r"\btidegate ([a-z]+(?: [a-z]+(?:-[a-z]+)*)?)")
PROSE = {"directory", "by"}
"""Words that follow our name where it is no command."""


def named_by(text: str) -> Iterator[str]:
    """The commands that the remedies in a source file name."""
    for remedy in re.findall(r'(?:remedy=|> |see:? |[Rr]un:? |with: )f?"?([^"\n]*)"', text):
        yield from (said for said in REMEDY.findall(remedy) if said.split()[0] not in PROSE)


def is_command(said: str) -> bool:
    """Whether one or two words name a command; after the name of a lone command any word may follow."""
    noun = said.split(maxsplit=1)[0]
    found = root.get_command(click.Context(root), noun)
    if isinstance(found, Group):
        return f"tidegate {said}" in COMMANDS
    return found is not None


def test_remedies_name_commands_that_exist() -> None:
    named = {
        (path.name, said) for path in (PROJECT / "src").rglob("*.py") for said in named_by(path.read_text("utf-8"))
    }
    assert len(named) > 20
    assert [(name, said) for name, said in sorted(named) if not is_command(said)] == []


def errors() -> Iterator[type[TidegateError]]:
    """Every error that a command may end with."""
    for module in pkgutil.walk_packages(tidegate.__path__, "tidegate."):
        if not module.name.startswith(("tidegate.demo", "tidegate.__main__", "tidegate.store.migrations")):
            importlib.import_module(module.name)
    found = [TidegateError]
    for kind in found:
        found += kind.__subclasses__()
    yield from (kind for kind in found if kind.__module__.startswith("tidegate.") and ".demo" not in kind.__module__)


ABSTRACT = {"tidegate", "request", "world"}


def test_every_error_is_listed_with_its_exit_code() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", ERRORS, re.MULTILINE))
    real = {kind.__new__(kind).kind: kind for kind in errors()}
    expected = {name: str(kind.exit_code) for name, kind in real.items() if name not in ABSTRACT}
    assert listed == expected


def test_every_exit_code_is_in_the_table() -> None:
    table = set(re.findall(r"^\| (\d+) \|", ERRORS, re.MULTILINE))
    assert {str(kind.exit_code) for kind in errors()} | {"0", "10", "75", "130"} == table
