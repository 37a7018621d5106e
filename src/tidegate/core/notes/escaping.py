"""A stranger's text as Markdown in which nothing of it is markup.

Two degrees. What a commit says (:func:`escape`) keeps single code spans alone, because titles are full of them and
nothing inside one is markup. What people wrote for the notes into files of the repository (:func:`inline`) also keeps
links to the web and strong words. No text becomes a heading, a list, a quotation, an image, HTML or a line of its own.
"""

from __future__ import annotations

import re

from tidegate.core.pattern import pattern
from tidegate.core.plain import plain

PROSE_LIMIT = 4000
"""Characters of one paragraph that people wrote by hand."""

# A pair of single backticks: no backtick beside either, none inside, and no backslash before the first one.
_CODE = r"(?<![`\\])`[^`]+`(?!`)"
_CODE_SPAN = pattern(rf"({_CODE})")
_SIGN = pattern(r"[\\`*_\[\]<>&~|$#!{}^]")
_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>&~|$#!{}^"})
# What begins a list, a quotation, a heading or a rule; entries stand at the start of a line of their own.
_OPENING = pattern(r"(?P<number>[0-9]{1,9})(?P<mark>[.)])(?=\s|$)|(?P<sign>[-+=:])")
_LINK = r"(?<![!\\\]])\[(?P<label>[^\[\]`\\]+)\]\((?P<address>https?://[^\s()<>\[\]\\`\"']+)\)"
_STRONG = r"(?<![*\\])\*\*(?P<strong>[^\s*`\[\]\\](?:[^*`\[\]\\]*[^\s*`\[\]\\])?)\*\*(?!\*)"
_KEPT = pattern(rf"(?P<code>{_CODE})|{_LINK}|{_STRONG}")


def escape(text: str, limit: int = 400) -> str:
    """A stranger's text as one line of Markdown in which nothing is markup but single code spans."""
    line = plain(text, limit)
    if "`" not in line:
        return _escape_text(line)
    pieces = _CODE_SPAN.split(line)
    escaped = (piece if number % 2 else _escape_text(piece, begins=not number) for number, piece in enumerate(pieces))
    return "".join(escaped)


def inline(text: str, limit: int = PROSE_LIMIT) -> str:
    """One paragraph that people wrote for the notes, on one line: code spans, links and strong words are kept."""
    line, done, pieces = plain(text, limit), 0, []
    for found in _KEPT.finditer(line):
        pieces += [_escape_text(line[done : found.start()], begins=not done), _kept(found)]
        done = found.end()
    return "".join([*pieces, _escape_text(line[done:], begins=not done)])


def _kept(found: re.Match[str]) -> str:
    if found["code"]:
        return found["code"]
    if found["strong"]:
        return f"**{_escape_text(found['strong'])}**"
    return f"[{_escape_text(found['label'])}]({found['address']})"


def _escape_text(text: str, *, begins: bool = True) -> str:
    """A piece without markup; ``begins``: it is the first of its line, where a list or a heading could begin."""
    # To translate a text looks up each of its characters, and most texts have nothing to escape.
    escaped = text.translate(_SPECIAL) if _SIGN.search(text) else text
    # Most texts begin with a letter.
    opens = begins and not escaped[:1].isalpha() and _OPENING.match(escaped)
    return _OPENING.sub(_escape_opening, escaped, count=1) if opens else escaped


def _escape_opening(match: re.Match[str]) -> str:
    return f"{match['number']}\\{match['mark']}" if match["mark"] else f"\\{match['sign']}"
