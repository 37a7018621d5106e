"""PHP as tokens that know where they stand: strings, comments and heredocs are what they are to PHP.

The scanner covers what decides where a string begins and ends. It judges no grammar; ``dolibarr.py`` looks for one
statement among the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.versionfiles.contract import unreadable
from tidegate.versionfiles.source import Source

_OPEN = re.compile(r"<\?(?:php(?=[\s]|\Z)|=)", re.IGNORECASE)
_WORD = r"[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*"
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<close>\?>)"
    r"|(?P<comment>/\*.*?\*/|(?://|\#(?!\[))(?:(?!\?>)[^\r\n])*)"
    r"|(?P<single>'[^'\\]*(?:\\.[^'\\]*)*')"
    r"|(?P<heredoc><<<[ \t]*(?P<quote>['\"]?)(?P<label>" + _WORD + r")(?P=quote)(?:\r\n|\r|\n))"
    r"|(?P<quoted>[\"`])"
    r"|(?P<name>\$?" + _WORD + r")"
    r"|(?P<arrow>->|\?->|::)"
    r"|(?P<other>[^\s])",
    re.DOTALL,
)
_INSIDE = re.compile(r"[^\"`\\{$]+|\\.|[{$]", re.DOTALL)
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is ``name``, ``string`` (single or double quotes), ``comment``, ``heredoc`` or ``other``."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The character after it."""
        return self.start + len(self.text)


def tokens_of(source: Source) -> Iterator[Token]:
    """The tokens of a PHP file; what is outside ``<?php`` is passed over.

    Raises:
        UsageError: a string, a comment or a heredoc does not end.
    """
    text, at = source.text, 0
    while opened := _OPEN.search(text, at):
        at = opened.end()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                break
            kind, start = found.lastgroup, at
            at = _end(source, found)
            if kind == "close":
                break
            if kind != "space":
                yield Token(_KINDS.get(kind, kind), text[start:at], start)


_KINDS = {"single": "string", "quoted": "string", "arrow": "other", "label": "heredoc"}


def _end(source: Source, found: re.Match[str]) -> int:
    if found["quoted"]:
        return _end_of_quoted(source, found.start(), 0)
    if found["label"]:
        return _end_of_heredoc(source, found)
    if found["other"] == "'" or (source.text.startswith("/*", found.start()) and not found["comment"]):
        raise _endless(source, found.start(), "a string" if found["other"] == "'" else "a comment")
    return found.end()


def _end_of_quoted(source: Source, start: int, depth: int) -> int:
    """The end of a string in which ``{$...}`` may hold code with strings of its own."""
    text, quote, at = source.text, source.text[start], start + 1
    while at < len(text) and text[at] != quote:
        if text.startswith(("{$", "${"), at):
            at = _end_of_code(source, at, depth + 1)
        else:
            found = _INSIDE.match(text, at)
            at = found.end() if found else at + 1
    if at >= len(text):
        raise _endless(source, start, "a string")
    return at + 1


def _end_of_code(source: Source, start: int, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise unreadable(source, source.line(source.at(start)), "PHP", "it is nested too deeply")
    text, at, braces = source.text, start, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            break
        if found["quoted"]:
            at = _end_of_quoted(source, at, depth)
            continue
        braces += {"{": 1, "}": -1}.get(found["other"] or "", 0)
        at = found.end()
        if braces == 0 and found["other"] == "}":
            return at
    raise _endless(source, start, "a string")


def _end_of_heredoc(source: Source, found: re.Match[str]) -> int:
    """Its label ends it, at the beginning of a line but for spaces, and not as a part of a longer word."""
    label = re.escape(found["label"])
    end = re.compile(rf"(?:^|(?<=[\r\n]))[ \t]*{label}(?![\w\x80-\U0010ffff])").search(source.text, found.end())
    if end is None:
        raise _endless(source, found.start(), "a heredoc")
    return end.end()


def _endless(source: Source, at: int, what: str) -> Exception:
    return unreadable(source, source.line(source.at(at)), "PHP", f"{what} begins here and does not end")
