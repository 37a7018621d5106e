"""An explanation as lines for a terminal of 80 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from tidegate.cli.render import rehearsal_lines
from tidegate.cli.text import WIDTH, clean, faint, strong, wrapped
from tidegate.views.explain.model import Explanation, Item, Paragraph, Table, Topic
from tidegate.views.explain.words import KEPT

_SPACE = "\N{NO-BREAK SPACE}"


def explanation_lines(view: Explanation) -> list[str]:
    """The whole explanation: headings, wrapped sentences, lists and tables."""
    lines = [*rehearsal_lines(view.rehearsal), strong(_told(view.organization)), _told(view.title)]
    for topic in view.topics:
        lines += ["", *_topic(topic, 1)]
    return lines


def _topic(topic: Topic, level: int) -> Iterator[str]:
    title = clean(topic.title)
    key = faint(f"  {clean(topic.key)}") if topic.key and topic.key.lower() != title.lower() else ""
    if level == 1:
        yield from (strong(line) for line in wrapped(title.upper()))
        yield faint("─" * WIDTH)
    else:
        yield strong(title) + key
    for number, paragraph in enumerate(topic.paragraphs):
        if number and not _is_tight(topic.paragraphs[number - 1], paragraph):
            yield ""
        yield from _paragraph(paragraph)
    for number, inner in enumerate(topic.topics):
        if number or topic.paragraphs or level == 1:
            yield ""
        yield from _topic(inner, level + 1)
    if topic.not_yet:
        yield ""
        yield from (faint(line) for line in _wrapped(topic.not_yet, "  ", first="† "))


def _is_tight(before: Paragraph, after: Paragraph) -> bool:
    """Whether two paragraphs are both sentences alone, which read on."""
    return not any((before.items, before.table, before.quote, after.items, after.table, after.quote))


def _paragraph(paragraph: Paragraph) -> Iterator[str]:
    if paragraph.sentences:
        yield from _wrapped(" ".join(paragraph.sentences))
    for number, item in enumerate(paragraph.items, start=1):
        first = f"  {number:>2}. " if paragraph.ordered else "  • "
        yield from _wrapped(_item(item), " " * len(first), first=first)
    if paragraph.table:
        yield from _table(paragraph.table)
    for line in paragraph.quote.splitlines():
        yield from (faint(part) for part in wrapped(clean(line), "  | "))


def _item(item: Item) -> str:
    key = f" ({item.key})" if item.key and item.key.lower() != item.name.lower() else ""
    if not item.name:
        return f"{item.text}{key}"
    return f"{item.name}{key}: {item.text}" if item.text else f"{item.name}{key}"


def _told(text: str) -> str:
    """A text cleaned; only what has several words, such as a command, keeps the marks that set it apart."""
    return re.sub(r"`([^\s`]*)`", r"\1", clean(text))


def _wrapped(text: str, indent: str = "", first: str | None = None) -> list[str]:
    kept = re.sub(KEPT, lambda found: found[0].replace(" ", _SPACE), _told(text))
    return [line.replace(_SPACE, " ") for line in wrapped(kept, indent, first)]


def _table(table: Table) -> Iterator[str]:
    """The table with its cells wrapped to the terminal; under each other where it has too many columns for that."""
    rows = [tuple(map(_told, row)) for row in table.rows]
    widths = _widths(table.head, rows)
    if sum(widths) + 2 * (len(widths) - 1) + 2 > WIDTH:
        yield from _stacked(table.head, rows)
        return
    yield from (faint(line) for line in _row(table.head, widths))
    for row in rows:
        yield from _row(row, widths)


def _widths(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[int]:
    """As wide as each column's content, the widest made narrower until all fit; no word is broken."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    least = [max(len(word) for cell in column for word in [*cell.split(), ""]) for column in columns]
    while sum(widths) + 2 * (len(widths) - 1) + 2 > WIDTH:
        room = [width - low for width, low in zip(widths, least, strict=True)]
        if max(room) <= 0:
            break
        widest = max(range(len(widths)), key=lambda i: (room[i] > 0, widths[i]))
        widths[widest] -= 1
    return [max(width, 1) for width in widths]


def _row(cells: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    folded = [
        textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for line in range(max(map(len, folded))):
        parts = [(cell[line] if line < len(cell) else "").ljust(w) for cell, w in zip(folded, widths, strict=True)]
        yield "  " + "  ".join(parts).rstrip()


def _stacked(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in rows:
        named = [f"{name}: {cell}" for name, cell in zip(head[1:], row[1:], strict=True) if cell]
        yield from _wrapped(f"{row[0]}. " + "; ".join(named), "    ", first="  • ")
