"""XML that may be hostile, handed on element by element, so that the size of a report never becomes memory.

No document type, no entity but the five that XML has itself, nothing from outside. Where a format has the habit of
naming its DTD, that one declaration is blanked before anything is parsed: what it would declare is then not declared.

Expat itself is driven, and not a parser above it: each of those calls a Python function of its own per element, which
alone takes longer than everything that a reader does with the element.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from tidegate.readers.contract import unreadable
from tidegate.readers.sniff import HEAD_BYTES, describe, is_html

DEPTH_LIMIT = 64
_CHUNK_BYTES = 1 << 16
_LITERAL = rb"""(?:"[^"<>]{0,300}"|'[^'<>]{0,300}')"""
_DOCTYPE = re.compile(
    rb"(?s)\A(?:\xef\xbb\xbf)?\s*(?:<\?xml\s[^>]{0,200}\?>)?\s*(?:<!--(?:(?!-->).){0,2000}-->\s*)*"
    rb"(<!DOCTYPE\s+[A-Za-z][\w.-]{0,60}\s+(?:SYSTEM\s+"
    + _LITERAL
    + rb"|PUBLIC\s+"
    + _LITERAL
    + rb"\s+"
    + _LITERAL
    + rb")\s*>)"
)

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class XmlForm:
    """How a form of XML report is refused: its name, what to do, and who writes no document type in it."""

    name: str
    remedy: str
    writer: str
    names_dtd: bool = False

    def refuse(self, because: str, remedy: str = "") -> NoReturn:
        """Refuse the report.

        Raises:
            UsageError: always.
        """
        raise unreadable(self.name, because, remedy or self.remedy)


def parse(data: bytes, form: XmlForm, start: Start, end: End) -> None:
    """Parse ``data``, calling ``start`` with name and attributes, and ``end`` with the name, of every element.

    Names in a namespace are given as ``uri}name``. Text, comments and instructions are passed over. The depth is not
    limited here: both functions know it already.

    Raises:
        UsageError: it is empty, a web page, no well-formed XML, or has a document type; or what ``start`` raised.
    """
    # Imported here: most commands read no report.
    from pyexpat import ExpatError, ParserCreate

    data = _blanked(data) if form.names_dtd else data
    parser = ParserCreate(namespace_separator="}")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    _forbid(parser, form)
    try:
        for at in range(0, len(data), _CHUNK_BYTES):
            parser.Parse(data[at : at + _CHUNK_BYTES], False)
        parser.Parse(b"", True)
    except ExpatError as error:
        what = describe(data[:HEAD_BYTES])
        seems = "" if what.startswith("XML") else f"; it seems to be {what}"
        form.refuse(f"it is not well-formed XML: {error}{seems}")
    except (ValueError, LookupError) as error:
        form.refuse(f"its encoding cannot be read: {error}", "write it in UTF-8")


def demand_report(data: bytes, form: XmlForm, *, claims: bool) -> None:
    """Refuse what is no report at all: nothing, or a web page that does not claim to be one.

    Raises:
        UsageError: it is one of these.
    """
    if is_html(data[:HEAD_BYTES]) and not claims:
        form.refuse("it is an HTML page", "see whether the address or the login was right, and give the report itself")
    if not data.strip():
        form.refuse("it is empty", f"see whether the tool could write it: {form.remedy}")


def local(tag: str) -> str:
    """The name of an element without its namespace."""
    return tag.rpartition("}")[2]


def _forbid(parser: object, form: XmlForm) -> None:
    """No document type, and no entity: each of the events that would come of one ends the parse."""

    def forbidden(*_: object) -> int:
        form.refuse(f"it declares a document type or entities, which no {form.writer} does")

    for event in (
        "StartDoctypeDeclHandler",
        "EntityDeclHandler",
        "UnparsedEntityDeclHandler",
        "ExternalEntityRefHandler",
        "SkippedEntityHandler",
    ):
        setattr(parser, event, forbidden)


def _blanked(data: bytes) -> bytes:
    """The document with spaces where it names its DTD; one with declarations of its own is left to be refused."""
    found = _DOCTYPE.match(data[:HEAD_BYTES])
    if found is None:
        return data
    start, end = found.span(1)
    return data[:start] + b" " * (end - start) + data[end:]
