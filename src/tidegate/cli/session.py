"""One run of the command: who asks, where, how the answer is to be given; the house, opened when it is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from tidegate.errors import NotFoundError, TidegateError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.clock import Clock
    from tidegate.orchestration.house import House
    from tidegate.orchestration.identity import Claim


class Session:
    """What the global options have said, and the ways to answer: results to stdout, talk to stderr."""

    def __init__(self, parts: Callable[[], Any], *, as_json: bool) -> None:
        self.as_json = as_json
        self.verbose = False
        self.now_given = ""
        self.color = False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
        self._parts = parts
        self._directory = ""
        self._person = os.environ.get("TIDEGATE_PERSON", "")
        self._key = os.environ.get("TIDEGATE_KEY", "")
        self._house: House | None = None

    def take(self, name: str, value: Any) -> None:
        """Take a global option."""
        match name:
            case "directory":
                self._directory = value
            case "person":
                self._person = value
            case "key":
                self._key = value
            case "as_json":
                self.as_json = True
            case "now":
                self._set_now(value)
            case "verbose":
                self.verbose = True

    def _set_now(self, text: str) -> None:
        from tidegate.cli.text import clean
        from tidegate.clock import read_moment

        try:
            read_moment(text)
        except ValueError as error:
            raise UsageError(
                f'--now "{clean(text)[:60]}" names no moment', remedy="write it as 2026-12-01T18:00:00Z"
            ) from error
        self.now_given = text

    @property
    def person(self) -> str:
        """Who says that they are acting; empty where nobody says."""
        return self._person

    @property
    def key(self) -> Path | None:
        """The key with which they can prove it."""
        from pathlib import Path

        return Path(self._key).expanduser() if self._key else None

    def claim(self) -> Claim:
        """Who is acting, for the use cases."""
        from tidegate.orchestration.identity import Claim

        return Claim(self._person, self.key)

    @property
    def directory(self) -> Path:
        """Where the command was called, or what ``--directory`` says.

        Raises:
            NotFoundError: it is no directory.
        """
        from pathlib import Path

        from tidegate.cli.text import clean

        directory = Path(self._directory or ".").expanduser()
        if not directory.is_dir():
            raise NotFoundError("there is no such directory", where=clean(str(directory)), remedy="mend --directory")
        return directory

    @property
    def parts(self) -> Any:
        """The module that joins the parts: ``tidegate.app``."""
        return self._parts()

    def settings(self) -> Any:
        """Where things are; see ``tidegate.app.Settings``.

        Raises:
            NotFoundError: there is no policy file here or above.
        """
        return self.parts.find_settings(self.directory)

    @property
    def clock(self) -> Clock:
        """The machine's clock, or the moment that ``--now`` names."""
        from tidegate.clock import from_text, system_clock

        if self.now_given:
            moment = from_text(self.now_given)
            return lambda: moment
        return system_clock

    def house(self, *, executes: bool = False, adopts: bool = False) -> House:
        """The house, opened: the journal is home, a policy is active, and what nobody minds was said on stderr."""
        if self._house is None:
            from tidegate.cli.opening import open_house

            self._house = open_house(self, executes=executes, adopts=adopts)
        return self._house

    def close(self) -> None:
        """Close what was opened."""
        if self._house is not None:
            self._house.database.close()

    # The answers.

    def answer(self, value: Any, lines: Iterable[str] = ()) -> None:
        """Give the result: ``value`` with ``--json``, else ``lines`` for people."""
        if self.as_json:
            self.print_json(value)
            return
        # At once: a changelog has tens of thousands of lines, and each call looks at the terminal anew.
        told = [guarded(line) for line in lines]
        if told:
            click.echo("\n".join(told), color=self.color)

    def print_json(self, value: Any) -> None:
        """Print a value as JSON, in ASCII: no terminal can be disturbed by it."""
        import json

        from tidegate.views.plain import plain_value

        click.echo(json.dumps(plain_value(value), indent=2))

    def say(self, sentence: str) -> None:
        """Talk, on stderr."""
        click.echo(guarded(sentence), err=True, color=self.color)

    def progress(self, sentence: str) -> None:
        """Report progress, on stderr, to a person who watches; nobody reads it where it is piped."""
        if self.shows_progress:
            self.say(sentence)

    @property
    def shows_progress(self) -> bool:
        """Whether a person watches."""
        return sys.stderr.isatty() or bool(os.environ.get("TIDEGATE_PROGRESS"))

    def fail(self, error: TidegateError) -> int:
        """Say what went wrong, and the exit code for it."""
        from tidegate.cli.failing import error_lines, error_record

        if self.as_json:
            import json

            click.echo(json.dumps(error_record(error), indent=2))
        else:
            for line in error_lines(error):
                self.say(line)
        return error.exit_code


def guarded(text: str) -> str:
    """The text without control characters, but for line breaks and our own colours: the last guard of the terminal."""
    if text.isprintable():
        return text
    from tidegate.cli.text import guard

    return guard(text)
