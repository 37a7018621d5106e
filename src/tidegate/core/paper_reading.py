"""Read a document: whether it says anything, its headings, and whether it is more than its template.

Markdown is read by a CommonMark parser, so that what looks like a heading inside code or a comment is none. What is
not Markdown is only asked whether it is empty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import unescape
from typing import TYPE_CHECKING
from unicodedata import category

from tidegate.core.canonical import digest
from tidegate.core.paper import TO_BE_WRITTEN, Paper, Section, filled_in

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LIMIT_BYTES = 1 << 20
LIMIT_LINES = 10_000
"""A longer document is not read: nobody reads a megabyte of notes either."""

MOST_PLACEHOLDERS = 500
"""How many different placeholders of a template are looked for."""

_MARKDOWN = (".md", ".markdown", ".mdown")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,1000}>")
_PLACEHOLDERS = re.compile(
    r"\{\{[^{}\n]{1,80}\}\}|\{[A-Za-z][^{}\n]{0,79}\}"
    r"|<[A-Za-z](?=[^<>=/\n]{0,80}[ _-])[^<>=/\n]{1,80}>|\bTODO\b|\bTBD\b"
)


def read_paper(
    document: str,
    component: str,
    version: str,
    where: str,
    data: bytes,
    *,
    name: str = "",
    template: bytes | None = None,
    asks_for_template: bool = False,
) -> Paper:
    """What a document says, as a fact.

    Args:
        name: the file's name, which tells Markdown from other text; ``where`` if empty.
        template: what it was begun from, if that is known.
        asks_for_template: whether the policy names a template, so that it is unknown where ``template`` is None.
    """
    too_long = _too_long(data)
    if too_long:
        return Paper(document, component, where, digest(data), unknown=f"{where} has {too_long} are read")
    text, is_text = _text(data)
    markdown = is_text and (name or where).lower().endswith(_MARKDOWN)
    sections, says = _sections(text) if markdown else ((), bool(text.strip()))
    origin = None if template is None else _text(template[:LIMIT_BYTES])[0]
    return Paper(
        document,
        component,
        where,
        digest(data),
        empty=not says,
        markdown=markdown,
        sections=sections,
        unedited=_unedited(text, origin, component, version) if origin is not None or not asks_for_template else None,
        left=tuple(_left(text, origin or TO_BE_WRITTEN, component, version)),
    )


def _too_long(data: bytes) -> str:
    if len(data) > LIMIT_BYTES:
        return f"{len(data) >> 10} KiB, and at most {LIMIT_BYTES >> 10} KiB"
    lines = data.count(b"\n")
    return f"{lines} lines, and at most {LIMIT_LINES}" if lines > LIMIT_LINES else ""


def _text(data: bytes) -> tuple[str, bool]:
    """The text, and whether it is one."""
    try:
        return data.decode("utf-8-sig"), b"\x00" not in data
    except UnicodeDecodeError:
        return data.decode("latin-1"), False


def _unedited(text: str, template: str | None, component: str, version: str) -> bool:
    if template is None:
        return False
    own = " ".join(text.split())
    return own in (" ".join(template.split()), " ".join(filled_in(template, component, version).split()))


def _left(text: str, template: str, component: str, version: str) -> Sequence[str]:
    """The placeholders of the template that are still there; those that Tidegate fills in are looked for, too."""
    found = dict.fromkeys(_PLACEHOLDERS.findall(_COMMENT.sub("", template)))
    written = _COMMENT.sub("", text)
    return [placeholder for placeholder in list(found)[:MOST_PLACEHOLDERS] if placeholder in written][:20]


def _sections(text: str) -> tuple[tuple[Section, ...], bool]:
    """The headings of a Markdown text, each with whether something stands below it; and whether it says anything."""
    texts: list[str] = []
    filled: list[bool] = []
    above: list[tuple[int, int]] = []
    says = False
    tokens = _parser().parse(text)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            level = int(token.tag[1])
            while above and above[-1][0] >= level:
                above.pop()
            above.append((level, len(texts)))
            texts.append(tokens[index + 1].content)
            filled.append(False)
        elif not _is_title(tokens, index) and _says(token):
            says = True
            _fill(above, filled)
    return tuple(Section(name[:200], full) for name, full in zip(texts, filled, strict=True)), says


def _fill(above: Sequence[tuple[int, int]], filled: list[bool]) -> None:
    """What stands below a heading stands below each heading above it that it belongs to."""
    for _, index in reversed(above):
        if filled[index]:
            return
        filled[index] = True


def _is_title(tokens: Sequence[Token], index: int) -> bool:
    return index > 0 and tokens[index - 1].type == "heading_open" and tokens[index - 1].level == 0


def _says(token: Token) -> bool:
    """Whether a reader would see something of this block."""
    if token.type in ("fence", "code_block"):
        return bool(token.content.strip())
    if token.type in ("inline", "html_block"):
        return _is_visible(_TAG.sub("", _COMMENT.sub("", token.content))) or "<img" in token.content.lower()
    return False


def _is_visible(text: str) -> bool:
    """Whether anything but blanks is in a text, written as they are or as entities; of no width or of some."""
    return any(category(each)[0] not in "CZ" for each in unescape(text))


@cache
def _parser() -> MarkdownIt:
    # Loaded when the first document is read. Without inlines: only blocks matter, and hostile emphasis costs nothing.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable("inline")
