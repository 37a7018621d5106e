"""What the reader sees: headings, short sentences, and commands with what they print."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tidegate.demo.workspace import clean_environment
from tidegate.errors import InternalError

WIDTH = 80
PATIENCE_S = 180.0


class ShowError(InternalError):
    """Something did not go as the demo says it does."""


class Stage:
    """Shows the demo on this terminal, and runs the commands that it shows, in one directory."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = dict(environment)
        self._acts = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._color = False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
        self.width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)

    # ------------------------------------------------------------------------------------------ words

    def act(self, title: str) -> None:
        """A heading."""
        self._acts += 1
        head = f"{self._acts}. {title} "
        self._line()
        self._line(head + "─" * max(0, self.width - len(head)), fg="blue", bold=True)

    def say(self, *sentences: str) -> None:
        """A short paragraph."""
        self._line()
        for line in textwrap.wrap(" ".join(sentences), self.width, break_long_words=False, break_on_hyphens=False):
            self._line(line)

    def list(self, lines: Sequence[str]) -> None:
        """Lines as they are, indented."""
        self._line()
        for line in lines:
            self._line(f"  {line}")

    def diff(self, lines: Sequence[str]) -> None:
        """The lines of a diff."""
        self._line()
        for line in lines:
            self._line(line, fg={"+": "green", "-": "red"}.get(line[:1]))

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Lines with a head; what is too long goes on under its text."""
        self._line()
        for head, text in rows:
            first, *others = textwrap.wrap(text, max(20, self.width - len(head))) or [""]
            self._line(f"{head}{first}".rstrip())
            for other in others:
                self._line(" " * len(head) + other)

    def prompt(self, argv: Sequence[str]) -> None:
        """A command as it would be typed."""
        self._line()
        for line in folded(argv, self.width):
            self._line(line, bold=True)

    def text(self, output: str) -> None:
        """What a command printed."""
        if output:
            self._line(output.rstrip("\n"))

    def _line(self, text: str = "", **style: Any) -> None:
        click.secho(text, color=self._color, **style)

    # ------------------------------------------------------------------------------------------ commands

    def tidegate(self, *arguments: str, expect: int = 0) -> None:
        """Show a command of Tidegate, and run it on this terminal.

        Raises:
            ShowError: it ends with another exit code than expected.
        """
        self.prompt(("tidegate", *arguments))
        sys.stdout.flush()
        self._child = subprocess.Popen(
            [*command(), *arguments],
            cwd=self._directory,
            env=clean_environment(self._environment),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            code = self._child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise ShowError(
                f"tidegate {arguments[0]} took longer than {PATIENCE_S:g} s", remedy="see why, then run the demo again"
            ) from None
        if code != expect:
            raise ShowError(
                f"tidegate {' '.join(arguments)} ended with {code}, and {expect} was expected",
                remedy="see above why; run the demo again",
            )
        if expect:
            self._line(f"(exit code {code})", dim=True)

    def ask(self, *arguments: str, expect: Sequence[int] = (0,)) -> Any:
        """What a command of Tidegate answers with ``--json``, without showing it.

        Raises:
            ShowError: it ends with another exit code, or answers no JSON.
        """
        done = subprocess.run(
            [*command(), *arguments, "--json"],
            cwd=self._directory,
            env=clean_environment(self._environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        try:
            if done.returncode in expect:
                return json.loads(done.stdout)
        except ValueError:
            pass
        said = (done.stdout + done.stderr)[-2000:]
        raise ShowError(
            f"tidegate {' '.join(arguments)} --json ended with {done.returncode}: {said}",
            remedy="see why; run the demo again",
        )

    def interrupt(self) -> None:
        """End the command that runs, if one does; Ctrl-C has reached it already, a signal to us alone has not."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        for stop in (child.terminate, child.kill):
            try:
                child.wait(5.0)
                return
            except subprocess.TimeoutExpired:
                stop()
        child.wait()


def command() -> list[str]:
    """How the command line is started: the very one that is installed beside this Python."""
    installed = Path(sys.executable).with_name("tidegate")
    if installed.is_file() and os.access(installed, os.X_OK):
        return [str(installed)]
    return [sys.executable, "-c", "import sys; from tidegate.cli import main; sys.exit(main())"]


def folded(argv: Sequence[str], width: int) -> list[str]:
    """A command as lines that a shell reads as one command; an option stays with its value."""
    words = [shlex.quote(word) for word in argv]
    lines, line = [], "$"
    for number, word in enumerate(words):
        follows = words[number + 1] if number + 1 < len(words) else ""
        group = f"{word} {follows}" if word.startswith("--") and follows and not follows.startswith("--") else word
        if len(line) + 1 + len(group) + 2 > width and line.strip() not in ("$", ""):
            lines.append(line + " \\")
            line = "     "
        line += f" {word}"
    return [*lines, line]
