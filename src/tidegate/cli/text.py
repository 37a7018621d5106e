"""Texts for the terminal: cleaned, marked, wrapped. What strangers wrote goes through :func:`clean` first."""

from __future__ import annotations

import re

import click

WIDTH = 80
_OURS = re.compile(r"(\x1b\[[0-9;]{0,12}m)")


def clean(text: object) -> str:
    """The text on one line, without control characters or marks of direction, whatever its length."""
    from tidegate.core.plain import plain

    return plain(str(text), 10_000)


def guard(text: str) -> str:
    """The text without anything that moves the cursor or rings the bell; line breaks and colours stay."""
    return "".join(
        part if _OURS.fullmatch(part) else "".join(c for c in part if c == "\n" or _visible(c))
        for part in _OURS.split(text)
    )


def _visible(character: str) -> bool:
    return not (
        character < " "
        or "\x7f" <= character <= "\x9f"
        or "\u202a" <= character <= "\u202e"
        or "\u2066" <= character <= "\u2069"
    )


def good(text: str) -> str:
    """Something as it should be."""
    return click.style(text, fg="green")


def bad(text: str) -> str:
    """Something that stands in the way, or went wrong."""
    return click.style(text, fg="red")


def doubtful(text: str) -> str:
    """Something that nobody can tell, or that waits."""
    return click.style(text, fg="yellow")


def strong(text: str) -> str:
    """What the eye should find first."""
    return click.style(text, bold=True)


def faint(text: str) -> str:
    """What can be passed over."""
    return click.style(text, dim=True)


def wrapped(text: str, indent: str = "", first: str | None = None) -> list[str]:
    """The text in lines of at most 80 columns; long words, such as digests, stay whole."""
    start = indent if first is None else first
    if text and len(start) + len(text) <= WIDTH and text.isprintable() and text == text.strip():
        return [start + text]  # as most are
    import textwrap

    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first or indent]


def columns(rows: list[tuple[str, ...]], gap: int = 2, indent: str = "") -> list[str]:
    """The rows with their cells under each other; what of the last cell goes beyond the terminal is wrapped.

    A first cell that is too long for its row, such as the name of a rollback, has a line for itself.
    """
    if not rows:
        return []
    widths = [max(_length(row[i]) for row in rows if i < len(row)) for i in range(max(len(r) for r in rows))]
    left = WIDTH - len(indent) - sum(widths[1:]) - gap * (len(widths) - 1)
    alone = [len(widths) > 2 and _NARROWEST_FIRST <= left < _length(row[0]) for row in rows]
    widths[0] = max((_length(row[0]) for row, apart in zip(rows, alone, strict=True) if not apart), default=gap)
    lines = []
    for row, apart in zip(rows, alone, strict=True):
        lines += [f"{indent}{row[0]}"] if apart else []
        said = ("", *row[1:]) if apart else row
        cells = [cell + " " * (widths[i] - _length(cell) + gap) for i, cell in enumerate(said[:-1])]
        lines += _row(indent + "".join(cells), said[-1])
    return lines


_NARROWEST = 24
_NARROWEST_FIRST = 8


def _row(start: str, last: str) -> list[str]:
    whole = (start + last).rstrip()
    left = WIDTH - _length(start)
    if _length(whole) <= WIDTH or "\x1b" in last or left < _NARROWEST:
        return [whole]
    import textwrap

    first, *more = textwrap.wrap(last, left, break_long_words=False, break_on_hyphens=False)
    return [start + first, *(" " * (WIDTH - left) + line for line in more)]


def _length(text: str) -> int:
    return len(click.unstyle(text))
