"""SQL cut into its statements, without understanding them: each with the line on which it begins.

Nothing here raises, whatever it is given: what has no end, such as an open string, reaches to the end of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NEXT = re.compile(
    r"--[^\n]*|/\*|\$(?:[A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$|[;'\"`#]|[Ee]'|[A-Za-z0-9_$\x80-\uffff]+|\n"
)
_WITHIN = re.compile(r"/\*|\*/")
_PLAIN_END = {quote: re.compile(re.escape(quote)) for quote in "'\"`"}
_ESCAPED_END = {quote: re.compile(rf"\\.|{quote}", re.DOTALL) for quote in "'\""}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its text without comments, and the line on which it begins (from 1).

    ``executes``: it holds a comment that MySQL executes, ``/*! … */``.
    """

    text: str
    line: int
    executes: bool = False


def statements(sql: str, dialect: str = "") -> Iterator[Statement]:
    """The statements of a text, in their order; what is only space or comment is none."""
    return _Cutter(sql, dialect).cut()


def code_of(statement: str, dialect: str = "") -> str:
    """A statement without what its strings say, of which the quotes stay; a quoted name is one of them."""
    return _Cutter(statement, dialect).code()


class _Cutter:
    def __init__(self, sql: str, dialect: str) -> None:
        self._sql = sql
        self._mysql = dialect == "mysql"
        self._dollars = dialect not in ("mysql", "sqlite")

    def cut(self) -> Iterator[Statement]:
        """The statements."""
        sql, at, parts, executes = self._sql, 0, [], False
        begun, line, counted = False, 1, 0
        while at < len(sql):
            match = _NEXT.search(sql, at)
            stop = match.start() if match else len(sql)
            if not begun and (lead := sql[at:stop]).strip():
                begun, start = True, at + len(lead) - len(lead.lstrip())
                line, counted = line + sql.count("\n", counted, start), start
            parts.append(sql[at:stop])
            if match is None:
                break
            word, end = match.group(), self._end(match)
            if word == ";":
                if begun:
                    yield Statement("".join(parts).strip(), line, executes)
                parts, executes, begun = [], False, False
            elif self._is_comment(word):
                runs = self._mysql and sql.startswith(("/*!", "/*M!"), match.start())
                if runs and not begun:
                    begun = True
                    line, counted = line + sql.count("\n", counted, match.start()), match.start()
                executes = executes or runs
                parts.append(sql[match.start() : end] if runs else " ")
            else:
                if not begun and not word.isspace():
                    begun = True
                    line, counted = line + sql.count("\n", counted, match.start()), match.start()
                parts.append(sql[match.start() : end])
            at = end
        if begun:
            yield Statement("".join(parts).strip(), line, executes)

    def code(self) -> str:
        """All of the text but what its strings say."""
        sql, at, parts = self._sql, 0, []
        while (match := _NEXT.search(sql, at)) is not None:
            word, end = match.group(), self._end(match)
            parts.append(sql[at : match.start()])
            is_string = word[-1] in "'\"`" or (word[0] == "$" and word[-1] == "$" and end > match.end())
            parts.append(word[-1] * 2 if is_string else " " if self._is_comment(word) else word)
            at = end
        return "".join(parts) + sql[at:]

    def _is_comment(self, word: str) -> bool:
        return word.startswith("--") or word == "/*" or (word == "#" and self._mysql)

    def _end(self, match: re.Match[str]) -> int:
        word, sql = match.group(), self._sql
        if word == "#" and self._mysql:
            found = sql.find("\n", match.end())
            return len(sql) if found < 0 else found
        if word == "/*":
            return self._end_of_comment(match.end())
        if word[-1] in "'\"`" and len(word) <= 2:
            return self._end_of_string(word, match.end())
        if word[0] == "$" and word[-1] == "$" and self._dollars:
            found = sql.find(word, match.end())
            return len(sql) if found < 0 else found + len(word)
        return match.end()

    def _end_of_string(self, word: str, at: int) -> int:
        quote = word[-1]
        escapes = quote != "`" and (self._mysql or len(word) == 2)
        ends = _ESCAPED_END[quote] if escapes else _PLAIN_END[quote]
        while (match := ends.search(self._sql, at)) is not None:
            at = match.end()
            if match.group() == quote:
                return at
        return len(self._sql)

    def _end_of_comment(self, at: int) -> int:
        """PostgreSQL's comments nest; those of the others do not."""
        depth = 1
        while depth and (match := _WITHIN.search(self._sql, at)) is not None:
            at = match.end()
            if match.group() == "*/":
                depth -= 1
            elif self._dollars:
                depth += 1
        return at if not depth else len(self._sql)
