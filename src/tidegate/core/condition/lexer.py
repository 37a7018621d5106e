"""The words of CEL: tokens with their offsets.

Source: the lexical part of the CEL language definition, "Syntax". The text of a number or of a string is read here, so
that the rest of Tidegate and the engine cannot understand a literal in two ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from tidegate.core.condition.errors import ConditionError
from tidegate.core.condition.types import Scalar

MAX_LENGTH = 2000
"""Characters in a condition."""

KEYWORDS = frozenset({"true", "false", "null", "in"})
RESERVED = frozenset(
    {
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    }
)


class Kind(Enum):
    """What a token is."""

    IDENT = auto()
    LITERAL = auto()
    OPERATOR = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One word; for a literal, ``scalar`` and ``value`` say which. A whole number has not been held to 64 bits yet."""

    kind: Kind
    text: str
    start: int
    end: int
    scalar: Scalar | None = None
    value: int | float | str | bytes | None = None


_GAP = re.compile(r"(?:[ \t\n\f\r]+|//[^\r\n]*)+")
_STRING = re.compile(r"""([bB]?)([rR]?)(\"\"\"|'''|"|')""")
_DOUBLE = re.compile(r"[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")
_WHOLE = re.compile(r"(0x[0-9a-fA-F]+|[0-9]+)([uU]?)")
_IDENT = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r"&&|\|\||==|!=|<=|>=|[<>+\-*/%!?:.,()\[\]{}]")
_HINTS = {
    "=": "write == to compare",
    "&": "write && for and",
    "|": "write || for or",
    "`": "name the field without backquotes",
}


def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a condition, with one of kind END behind them.

    Raises:
        ConditionError: the text is too long, or has a character, number or string that CEL does not know.
    """
    if len(text) > MAX_LENGTH:
        raise ConditionError(
            f"the condition has {len(text)} characters; at most {MAX_LENGTH} are read",
            offset=MAX_LENGTH,
            remedy="split it into several gates",
        )
    found: list[Token] = []
    at = _skip(text, 0)
    while at < len(text):
        found.append(_token(text, at))
        at = _skip(text, found[-1].end)
    return (*found, Token(Kind.END, "", len(text), len(text)))


def _skip(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _token(text: str, at: int) -> Token:
    if match := _STRING.match(text, at):
        return _string(text, match)
    if match := _DOUBLE.match(text, at):
        return _number(text, match, Scalar.DOUBLE, float(match[0]))
    if match := _WHOLE.match(text, at):
        return _number(text, match, Scalar.UINT if match[2] else Scalar.INT, _whole(match[1]))
    if match := _IDENT.match(text, at):
        return Token(Kind.IDENT, match[0], at, match.end())
    if match := _OPERATOR.match(text, at):
        return Token(Kind.OPERATOR, match[0], at, match.end())
    remedy = _HINTS.get(text[at], "remove it, or put text in quotes")
    raise ConditionError(f"the character {text[at]!a} means nothing here", offset=at, remedy=remedy)


def _whole(digits: str) -> int:
    return int(digits, 16) if digits.startswith("0x") else int(digits)


def _number(text: str, match: re.Match[str], scalar: Scalar, value: int | float) -> Token:
    if _IDENT.match(text, match.end()):
        raise ConditionError(
            "the number runs into a letter",
            offset=match.end(),
            remedy="put an operator or a space between them",
        )
    if value == float("inf"):
        raise ConditionError("the number is too large for a double", offset=match.start(), remedy="write a smaller one")
    return Token(Kind.LITERAL, match[0], match.start(), match.end(), scalar, value)


def _string(text: str, opening: re.Match[str]) -> Token:
    """A string or bytes literal: reads pieces until the closing quotes."""
    binary, raw, quote = bool(opening[1]), bool(opening[2]), opening[3]
    pieces: list[str] = []
    at = opening.end()
    while not text.startswith(quote, at):
        if at >= len(text) or (len(quote) == 1 and text[at] in "\r\n"):
            raise ConditionError(
                "the string has no closing quote", offset=opening.start(), remedy=f"close it with {quote}"
            )
        piece, at = _piece(text, at, raw=raw, binary=binary)
        pieces.append(piece)
    at += len(quote)
    return _literal("".join(pieces), text, opening.start(), at, binary=binary)


def _literal(content: str, text: str, start: int, end: int, *, binary: bool) -> Token:
    if binary:
        # Pieces of a bytes literal are already one character per octet.
        return Token(Kind.LITERAL, text[start:end], start, end, Scalar.BYTES, content.encode("latin-1"))
    if any("\ud800" <= character <= "\udfff" for character in content):
        raise ConditionError("the string holds half of a surrogate pair", offset=start, remedy="write the character")
    return Token(Kind.LITERAL, text[start:end], start, end, Scalar.STRING, content)


def _piece(text: str, at: int, *, raw: bool, binary: bool) -> tuple[str, int]:
    """One character of a string's content, and where the next begins."""
    if text[at] != "\\" or raw:
        return (_octets(text[at], at) if binary else text[at]), at + 1
    return _escape(text, at, binary=binary)


def _octets(character: str, at: int) -> str:
    try:
        return character.encode("utf-8").decode("latin-1")
    except UnicodeEncodeError as error:
        raise ConditionError(
            "the string holds half of a surrogate pair", offset=at, remedy="write the character"
        ) from error


_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"} | {c: c for c in "\\?\"'`"}
_CODES = (
    (re.compile(r"[xX]([0-9a-fA-F]{2})"), 16, True),
    (re.compile(r"([0-3][0-7]{2})"), 8, True),
    (re.compile(r"u([0-9a-fA-F]{4})"), 16, False),
    (re.compile(r"U([0-9a-fA-F]{8})"), 16, False),
)


def _escape(text: str, at: int, *, binary: bool) -> tuple[str, int]:
    simple = _SIMPLE.get(text[at + 1 : at + 2])
    if simple is not None:
        return simple, at + 2
    for pattern, base, in_bytes in _CODES:
        match = pattern.match(text, at + 1)
        if match and (in_bytes or not binary) and _is_character(int(match[1], base)):
            return chr(int(match[1], base)), match.end()
    raise ConditionError(
        f"the escape {text[at : at + 2]!a} is not one of CEL",
        offset=at,
        remedy="write \\\\ for a backslash, or r'...' for a string without escapes",
    )


def _is_character(code: int) -> bool:
    return code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
