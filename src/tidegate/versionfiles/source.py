"""A version file as it lies there: its bytes, its text, and which byte stands on which line."""

from __future__ import annotations

import bisect
import itertools
import re
from dataclasses import dataclass
from functools import cached_property

from tidegate.core.plain import plain
from tidegate.errors import UsageError

BOM = b"\xef\xbb\xbf"
_STEP = 1000
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class Source:
    """A file by the name that people call it by, and its bytes."""

    name: str
    content: bytes

    @property
    def base(self) -> str:
        """The last part of its name."""
        return self.name.replace("\\", "/").rpartition("/")[2]

    @property
    def shown(self) -> str:
        """The name as it may stand in a sentence."""
        return plain(self.name, 300)

    @cached_property
    def text(self) -> str:
        """The text, without a byte order mark.

        Raises:
            UsageError: it is not text in UTF-8.
        """
        body = self.content.removeprefix(BOM)
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            at = len(self.content) - len(body) + error.start
            raise UsageError(
                f"byte 0x{body[error.start]:02x} is not UTF-8", where=self.where(at), remedy="save the file as UTF-8"
            ) from error
        if "\0" in text:
            at = self.content.index(b"\0")
            raise UsageError("it holds a NUL byte, so it is no text", where=self.where(at), remedy="name a text file")
        return text

    @cached_property
    def _before(self) -> int:
        return len(BOM) if self.content.startswith(BOM) else 0

    @cached_property
    def _is_ascii(self) -> bool:
        return self.text.isascii()

    @cached_property
    def _steps(self) -> tuple[int, ...]:
        """The byte at which each thousandth character begins, so that no place costs the whole text."""
        pieces = (self.text[at : at + _STEP] for at in range(0, len(self.text), _STEP))
        return (0, *itertools.accumulate(len(piece.encode()) for piece in pieces))

    def at(self, character: int) -> int:
        """The byte at which a character of the text begins."""
        if self._is_ascii:
            return self._before + character
        step = character // _STEP
        return self._before + self._steps[step] + len(self.text[step * _STEP : character].encode())

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """The byte at which each line begins."""
        return (0, *(end.end() for end in _LINE_END.finditer(self.content)))

    def line(self, offset: int) -> int:
        """The number of the line in which a byte stands, from 1."""
        return bisect.bisect_right(self.line_starts, offset)

    def line_of(self, number: int) -> bytes:
        """The bytes of a line, with its end."""
        starts = self.line_starts
        return self.content[starts[number - 1] : starts[number] if number < len(starts) else len(self.content)]

    def where(self, offset: int) -> str:
        """``file:line`` of a byte."""
        return f"{self.shown}:{self.line(offset)}"
