"""The headings of a Markdown file, with the places where they stand.

Only what CommonMark takes for a heading is one: lines inside fenced code, comments and HTML are not. A whole parser
would build a tree of the file; a changelog of thirty thousand lines is looked through here in one pass instead. That
this and a real parser find the same headings is a property of the tests.
Source: CommonMark 0.31.2, sections 4.2 (ATX headings), 4.3 (setext headings), 4.5 (fenced code), 4.6 (HTML blocks).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tidegate.core.pattern import pattern


class Heading(NamedTuple):
    """A heading: its level, its text as it is written, the index of its first line and of the line after it."""

    level: int
    text: str
    start: int
    end: int


_ATX = pattern(r" {0,3}(#{1,6})(?:[ \t](.*))?$")
_UNDERLINE = pattern(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = pattern(r"( *)(?:(`{3,})[^`]*|(~{3,}).*)$")
_ITEM = pattern(r"( {0,3})([-+*]|[0-9]{1,9}[.)])( {1,4}(?=\S)| *$| +)")
_RULE = pattern(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_QUOTE = pattern(r" {0,3}>")
_NO_PARAGRAPH = pattern(r" {0,3}(?:#{1,6}(?:[ \t]|$)|>)| {4}|\t")
_BLOCK_TAGS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|"
    "fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|html|iframe|legend|li|link|"
    "main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|"
    "title|tr|track|ul"
)
_RAW = "script|pre|style|textarea"
_HTML = (
    (pattern(rf" {{0,3}}<(?:{_RAW})(?:[ \t>]|$)", re.IGNORECASE), pattern(rf"</(?:{_RAW})>", re.IGNORECASE)),
    (pattern(r" {0,3}<!--"), pattern(r"-->")),
    (pattern(r" {0,3}<\?"), pattern(r"\?>")),
    (pattern(r" {0,3}<!\[CDATA\["), pattern(r"\]\]>")),
    (pattern(r" {0,3}<![A-Za-z]"), pattern(r">")),
    (pattern(rf" {{0,3}}</?(?:{_BLOCK_TAGS})(?:[ \t]|/?>|$)", re.IGNORECASE), pattern(r"^[ \t]*$")),
)
"""How blocks of HTML begin and end. Source: CommonMark 0.31.2, section 4.6, conditions 1 to 6."""


def headings_of(lines: Sequence[str]) -> Iterator[Heading]:
    """The headings of a text that was split at its line ends; a ``\\r`` at the end of a line is not looked at."""
    return _Scan(lines).headings()


class _Scan:
    """One pass over the lines: what block a line is in, and where the paragraph before it begins."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._item_indent = 0
        self._paragraph: int | None = None
        self._may_continue = False
        self._is_quoted = False
        self._is_hollow = False

    def headings(self) -> Iterator[Heading]:
        number = 0
        while number < len(self._lines):
            line = self._line(number)
            if line.strip():
                self._leave_list(line)
            elif self._is_hollow:
                self._item_indent = 0  # an item without a word ends at once
            self._is_hollow = False
            if (end := self._end_of_block(number, line)) is not None:
                self._begin_anew()
                number = end
                continue
            if found := self._heading(number, line):
                self._item_indent = 0
                yield found
            if found or not line.strip():
                self._begin_anew()
            else:
                self._take_text(number, line)
            number += 1

    def _begin_anew(self) -> None:
        self._paragraph, self._may_continue, self._is_quoted = None, False, False

    def _line(self, number: int) -> str:
        line = self._lines[number].removesuffix("\r")
        return line.expandtabs(4) if "\t" in line[:4] else line

    def _leave_list(self, line: str) -> None:
        indent = len(line) - len(line.lstrip(" "))
        # A line of text may continue the paragraph of an item without being indented as it is.
        if indent < self._item_indent and not (self._may_continue and not self._interrupts(line)):
            self._item_indent = 0

    def _is_paragraph(self, line: str) -> bool:
        """Whether what stands in a line, or in the item that it begins, is text that may go on in the next line."""
        _, inside = _inside_items(line)
        return bool(inside) and not _NO_PARAGRAPH.match(inside) and not self._interrupts(inside)

    def _interrupts(self, line: str) -> bool:
        forms = (_FENCE, _ATX, _RULE, _QUOTE, _ITEM, *(start for start, _ in _HTML))
        return any(form.match(line) for form in forms)

    def _end_of_block(self, number: int, line: str) -> int | None:
        """The index after the code or HTML that begins here, if need be in an item; None: none does."""
        column, inside = _inside_items(line)
        if inside[:1] not in {"`", "~", "<"}:
            return None  # as most lines
        begins_item = column > len(line) - len(line.lstrip(" "))
        if fence := _FENCE.match(inside):
            if begins_item:
                self._item_indent = column
            elif column - self._item_indent not in range(4):
                return None
            return self._end_of_code(number, fence[2] or fence[3])
        for begin, end in _HTML if not begins_item else ():
            if begin.match(line):
                return self._end_of_html(number, end)
        return None

    def _end_of_code(self, number: int, mark: str) -> int:
        closing = re.compile(rf" {{0,{self._item_indent + 3}}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
        for later in range(number + 1, len(self._lines)):
            line = self._line(later)
            if line.strip() and len(line) - len(line.lstrip(" ")) < self._item_indent:
                return later  # the list item ends, and its code with it
            if closing.match(line):
                return later + 1
        return len(self._lines)

    def _end_of_html(self, number: int, end: re.Pattern[str]) -> int:
        for later in range(number, len(self._lines)):
            if end.search(self._line(later)):
                return later + 1
        return len(self._lines)

    def _heading(self, number: int, line: str) -> Heading | None:
        if self._item_indent and len(line) - len(line.lstrip(" ")) >= self._item_indent:
            return None  # it is part of a list's item
        if found := _ATX.match(line):
            return Heading(len(found[1]), _without_closing((found[2] or "").strip()), number, number + 1)
        begun = self._paragraph
        if begun is not None and (under := _UNDERLINE.match(line)):
            text = " ".join(self._line(index).strip() for index in range(begun, number))
            return Heading(1 if under[1].startswith("=") else 2, text, begun, number + 1)
        return None

    def _take_text(self, number: int, line: str) -> None:
        """A line of text, of a list, of a quotation, or a rule: whether it may become a heading by its underline."""
        if (item := _ITEM.match(line)) and not _RULE.match(line):
            marked = len(item[1]) + len(item[2])
            self._item_indent = marked + (len(item[3]) if 1 <= len(item[3]) <= 4 else 1)
            self._paragraph, self._is_quoted = None, False
            self._may_continue = self._is_paragraph(line)
            self._is_hollow = not line[item.end() :].strip()
            return
        is_text = not (_NO_PARAGRAPH.match(line) or _RULE.match(line))
        indented = line.startswith(("    ", "\t"))
        if (quote := _QUOTE.match(line)) or (self._is_quoted and (is_text or indented)):
            self._is_quoted = bool(quote is None or line[quote.end() :].strip())
            self._paragraph = None
            return
        self._is_quoted = False
        if self._item_indent:
            self._may_continue = self._is_paragraph(line)
        elif is_text and self._paragraph is None:
            self._paragraph = number
        elif not is_text and not (indented and self._paragraph is not None):
            self._paragraph = None


def _inside_items(line: str) -> tuple[int, str]:
    """The column and the text of what a line says, past the marks of the items that it begins."""
    column = len(line) - len(line.lstrip(" "))
    while column < 100 and (item := _ITEM.match(line[column:])) and not _RULE.match(line[column:]):
        column += item.end()
    return column, line[column:]


def _without_closing(text: str) -> str:
    """A heading's text without the signs that may close it: ``A`` for ``A ##``, and ``C#`` for ``C#``."""
    start = text.rstrip("#")
    return text if start and start[-1] not in " \t" else start.rstrip()


def without_comments(text: str) -> str:
    """The text without comments; one without an end stays."""
    pieces, done = [], 0
    while (start := text.find("<!--", done)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        pieces.append(text[done:start])
        done = end + 3
    return "".join([*pieces, text[done:]])
