"""What people write for the notes, taken apart into blocks: paragraphs, list items, numbered steps, code.

A small part of Markdown is understood, as data, and everything else is text: whoever sends a file into
``changelog.d/`` can neither open a section of the notes nor put HTML into them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from tidegate.core.notes.escaping import PROSE_LIMIT, escape, inline
from tidegate.core.notes.outline import without_comments
from tidegate.core.pattern import pattern
from tidegate.core.plain import plain

DEEPEST = 2
"""How far a list is indented at most, in levels below the first."""


class BlockKind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    ITEM = "item"
    STEP = "step"
    CODE = "code"


class Block(NamedTuple):
    """One block. Code keeps its lines; every other text is one line.

    ``by_hand``: written for the notes, so that its links and strong words are meant; a commit's text is text.
    """

    kind: BlockKind
    text: str
    by_hand: bool = True
    level: int = 0
    language: str = ""


_LISTED = frozenset({BlockKind.ITEM, BlockKind.STEP})
_FENCE = pattern(r"(?P<indent> {0,11})(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
_ITEM = pattern(r"(?P<indent> *)(?:[-*+]|(?P<number>[0-9]{1,9})[.)]) +(?P<text>\S.*)")
_HEADING = pattern(r" {0,3}#{1,6} +(?P<text>\S.*)$")


def blocks_of(text: str) -> tuple[Block, ...]:
    """The blocks of a hand-written text. Never fails: what is no list and no code is a paragraph.

    Comments are left out: they are notes to whoever edits the file. A heading is a paragraph in strong words, because
    the sections are those of the format.
    """
    lines = [_visible_line(line) for line in without_comments(text.replace("\r\n", "\n")).split("\n")]
    return tuple(_at_most_one_deeper(block for block in _read(lines) if block.text))


def _at_most_one_deeper(blocks: Iterable[Block]) -> Iterator[Block]:
    """Lists nested step by step: what is indented further than that would be code."""
    deepest = 0
    for block in blocks:
        found = block._replace(level=min(block.level, deepest))
        deepest = found.level + 1 if block.kind in _LISTED else found.level
        yield found


def _visible_line(line: str) -> str:
    """The line without control characters or marks of direction; its indentation stays."""
    expanded = line.expandtabs(4)
    indent = len(expanded) - len(expanded.lstrip(" "))
    inner = expanded[indent:].rstrip()
    return " " * indent + ("".join(_seen(inner)) if not inner.isprintable() else inner)


def _seen(text: str) -> Iterator[str]:
    # ``plain`` judges what may be seen; spaces inside code must not be folded, so it is asked letter by letter.
    return (character if character == " " else plain(character) for character in text)


def _read(lines: Sequence[str]) -> Iterator[Block]:
    number = 0
    below = False  # a paragraph, so that what is indented by four is code, as it is not at the start or in a list
    while number < len(lines):
        if below and _is_indented_code(lines[number]):
            end = _end_of_indented_code(lines, number + 1)
            yield Block(BlockKind.CODE, "\n".join(line[4:] for line in lines[number:end]).rstrip())
            number = end
            continue
        if fence := _FENCE.match(lines[number]):
            end = _end_of_code(lines, number + 1, fence["mark"])
            yield _code(lines[number + 1 : end], fence["info"], len(fence["indent"]))
            number = end + 1
        elif lines[number].strip():
            end = _end_of_text(lines, number + 1)
            block = _text_block(lines[number], lines[number + 1 : end])
            below = block.kind is BlockKind.PARAGRAPH and (below or not block.level)
            yield block
            number = end
        else:
            number += 1


def _is_indented_code(line: str) -> bool:
    return line.startswith("    ") and bool(line.strip()) and not _ITEM.match(line) and not _FENCE.match(line)


def _end_of_indented_code(lines: Sequence[str], start: int) -> int:
    """Behind the last line of it: empty ones are part of it where more of it follows."""
    end = start
    for number in range(start, len(lines)):
        if lines[number].startswith("    ") and lines[number].strip():
            end = number + 1
        elif lines[number].strip():
            break
    return end


def _end_of_code(lines: Sequence[str], start: int, mark: str) -> int:
    closing = re.compile(rf" *{re.escape(mark[0])}{{{len(mark)},}} *")
    return next((number for number in range(start, len(lines)) if closing.fullmatch(lines[number])), len(lines))


def _end_of_text(lines: Sequence[str], start: int) -> int:
    def ends(line: str) -> bool:
        return not line.strip() or any(form.match(line) for form in (_FENCE, _ITEM, _HEADING))

    return next((number for number in range(start, len(lines)) if ends(lines[number])), len(lines))


def _code(lines: Iterable[str], info: str, indent: int) -> Block:
    """Code is indented as its fence is: below an item it belongs to that."""
    language = re.match(r"[A-Za-z0-9+#.-]{0,20}", info.strip())
    inside = (line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in lines)
    return Block(
        BlockKind.CODE, "\n".join(inside).rstrip(), level=_depth(indent), language=language[0] if language else ""
    )


def _depth(indent: int) -> int:
    return min(indent // 2, DEEPEST)


def _text_block(first: str, more: Sequence[str]) -> Block:
    if heading := _HEADING.match(first):
        return Block(BlockKind.PARAGRAPH, _joined([f"**{heading['text'].rstrip(' #')}**", *more]))
    if item := _ITEM.match(first):
        kind = BlockKind.STEP if item["number"] else BlockKind.ITEM
        return Block(kind, _joined([item["text"], *more]), level=_depth(len(item["indent"])))
    return Block(BlockKind.PARAGRAPH, _joined([first, *more]), level=_depth(len(first) - len(first.lstrip(" "))))


def _joined(lines: Iterable[str]) -> str:
    return plain(" ".join(lines), PROSE_LIMIT)


def paragraph(text: str) -> Block:
    """A paragraph of what a commit says."""
    return Block(BlockKind.PARAGRAPH, text, by_hand=False)


def markdown_of(blocks: Iterable[Block], indent: str = "") -> str:
    """The blocks in Markdown, each line after ``indent``, without a line end at the end."""
    lines: list[str] = []
    before: Block | None = None
    for block, step in _numbered(blocks):
        if before is not None and not _stand_together(before, block):
            lines.append("")
        lines += [f"{indent}{line}".rstrip() for line in _lines(block, step)]
        before = block
    return "\n".join(lines)


def _numbered(blocks: Iterable[Block]) -> Iterator[tuple[Block, int]]:
    """Each block with its number among the steps of its level, which begin anew after a paragraph between lists."""
    counts = [0] * (DEEPEST + 1)
    for block in blocks:
        if block.kind is BlockKind.STEP:
            counts[block.level] += 1
            counts[block.level + 1 :] = [0] * (DEEPEST - block.level)
        elif block.kind is BlockKind.PARAGRAPH and not block.level:
            counts = [0] * (DEEPEST + 1)
        yield block, counts[block.level]


def _stand_together(before: Block, block: Block) -> bool:
    return before.kind in _LISTED and block.kind in _LISTED


def _lines(block: Block, step: int) -> list[str]:
    indent = "   " * block.level
    if block.kind is BlockKind.CODE:
        return [f"{indent}{line}" for line in fenced(block.text, block.language)]
    words = inline(block.text) if block.by_hand else escape(block.text, PROSE_LIMIT)
    mark = {BlockKind.ITEM: "- ", BlockKind.STEP: f"{step}. "}.get(block.kind, "")
    return [f"{indent}{mark}{words}"]


def fenced(code: str, language: str = "") -> list[str]:
    """Code between fences that nothing in it can close; no line of it can be taken for a mark of ours."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    inside = [f" {line}" if line.startswith("<!--") else line for line in code.split("\n")]
    return [f"{fence}{language}", *inside, fence]


def as_steps(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Paragraphs and items of the first level as steps."""
    loose = {BlockKind.PARAGRAPH, BlockKind.ITEM}
    return tuple(
        block._replace(kind=BlockKind.STEP) if block.kind in loose and not block.level else block for block in blocks
    )
