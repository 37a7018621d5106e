"""XML as elements that know where their text stands. expat gives the bytes; entities are refused before they grow."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from tidegate.versionfiles.contract import Form, Reading, Refusal, Role, Value, refused, unreadable
from tidegate.versionfiles.source import Source

MAX_DEPTH = 100
_HEAD_BYTES = 65536


@dataclass(slots=True)
class Element:
    """An element: its path of names, its text, its bytes from and to.

    ``branch`` counts the child of the root in which it stands, or which it is. ``whole`` is False where other elements
    or comments stand between its characters.
    """

    number: int
    branch: int
    path: tuple[str, ...]
    start: int
    end: int = 0
    text: str = ""
    whole: bool = True

    @property
    def what(self) -> str:
        """The path for people: ``extension/version``."""
        return "/".join(self.path)


@dataclass(frozen=True)
class XmlText:
    """An XML file: the elements of the names that were asked for, and a digest of the rest."""

    source: Source
    elements: tuple[Element, ...]
    form: str

    def at(self, *path: str) -> tuple[Element, ...]:
        """The elements at a path of names."""
        return tuple(element for element in self.elements if element.path == path)

    def reading(self, values: tuple[Value, ...], none: str) -> Reading:
        """The reading of the file with these versions in it."""
        return Reading(values, {element.number: element.text for element in self.elements}, self.form, none)

    def version(self, element: Element, start: int, end: int, role: Role, refusal: Refusal | None = None) -> Value:
        """The version that a part of an element's text says, from one of its characters to another."""
        written = self.source.content[element.start : element.end].decode()
        text = element.text
        if not element.whole or written != text:
            refusal = refusal or Refusal(
                f"{element.what} is written with entities, comments or other elements", "write the version alone"
            )
            return Value(element.start, element.end, text.strip(), element.what, role, refusal=refusal)
        first = element.start + len(text[:start].encode())
        return Value(
            first,
            first + len(text[start:end].encode()),
            text[start:end],
            element.what,
            role,
            element.number,
            prefix=text[:start],
            suffix=text[end:],
            refusal=refusal,
        )

    def named_version(self, element: Element, version: str, role: Role) -> Value | None:
        """The first place at which an element's text names a version by itself, in entities and CDATA too.

        None where it does not.
        """
        from tidegate.versionfiles.marked import tokens

        raw = self.source.content[element.start : element.end].decode()
        in_raw, in_text = tokens(raw, version), tokens(element.text, version)
        if not in_text:
            return None
        if len(in_raw) != len(in_text):
            refusal = Refusal(f"{element.what} is written in pieces", "write it in one piece, without comments")
            return Value(element.start, element.end, version, element.what, role, refusal=refusal)
        start, end = (element.start + len(raw[:character].encode()) for character in in_raw[0])
        before, after = element.text[: in_text[0][0]], element.text[in_text[0][1] :]
        return Value(start, end, version, element.what, role, element.number, prefix=before, suffix=after)

    def whole_version(self, element: Element, role: Role, refusal: Refusal | None = None) -> Value:
        """The version that an element's text says, without the spaces around it."""
        text = element.text
        start = len(text) - len(text.lstrip())
        return self.version(element, start, max(start, len(text.rstrip())), role, refusal)


def read_xml(source: Source, *names: str) -> XmlText:
    """The elements of some names of an XML file; nothing outside it is read.

    Raises:
        UsageError: it is no XML, nested too deeply, or declares entities.
    """
    source.text  # noqa: B018  refuses what is no text in UTF-8, whatever the file declares
    walk = _Walk(source, frozenset(names))
    try:
        walk.parser.Parse(source.content, True)
    except expat.ExpatError as error:
        raise unreadable(source, error.lineno, "XML", expat.ErrorString(error.code)) from error
    except (LookupError, ValueError) as error:
        raise unreadable(source, 1, "XML", f"its encoding is not known: {error}") from error
    return XmlText(source, tuple(walk.elements), walk.form.digest())


def root_of(content: bytes) -> str:
    """The name of the first element, or what the document type says that it is; empty: there is none. Never raises."""
    found: list[str] = []

    def first(name: str, *_: object) -> None:
        found.append(name)
        raise _FoundError

    parser = expat.ParserCreate()
    parser.StartElementHandler = first
    # A document type comes before anything that it could make grow.
    parser.StartDoctypeDeclHandler = first
    with contextlib.suppress(expat.ExpatError, _FoundError, LookupError, ValueError):
        parser.Parse(content[:_HEAD_BYTES], False)
    return found[0] if found else ""


class _FoundError(Exception):
    """What was looked for is found; the rest need not be read."""


class _Walk:
    """Follows expat, and keeps where each element's text stands."""

    def __init__(self, source: Source, names: frozenset[str]) -> None:
        self.source = source
        self.elements: list[Element] = []
        self.form = Form()
        self._names = names
        self._path: list[str] = []
        self._branch = 0
        # Of each open element: itself where it was asked for, and its text.
        self._open: list[tuple[Element, list[str]] | None] = []
        self.parser: Any = self._parser()

    def _parser(self) -> Any:
        parser: Any = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.buffer_text = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = self._other("comment")
        parser.ProcessingInstructionHandler = self._other("instruction")
        parser.StartCdataSectionHandler = self._other("CDATA")
        parser.EntityDeclHandler = self._entity
        parser.SkippedEntityHandler = self._entity
        parser.ExternalEntityRefHandler = self._external
        return parser

    def _start(self, name: str, attributes: list[str]) -> None:
        if len(self._path) >= MAX_DEPTH:
            raise unreadable(self.source, self.parser.CurrentLineNumber, "XML", "it is nested too deeply")
        self.form.add("start", name, attributes)
        self._interrupt()
        self._path.append(name)
        self._branch += len(self._path) == 2
        if name in self._names:
            element = Element(len(self.elements), self._branch, tuple(self._path), -1)
            self.elements.append(element)
            self._open.append((element, []))
        else:
            self._open.append(None)

    def _interrupt(self) -> None:
        """Something else than text stands in the element that is open."""
        if self._open and self._open[-1] is not None:
            self._open[-1][0].whole = False

    def _end(self, name: str) -> None:
        self.form.add("end", name)
        self._path.pop()
        closed = self._open.pop()
        if closed is not None:
            element, texts = closed
            element.text = "".join(texts)
            element.end = self.parser.CurrentByteIndex
            element.start = element.end if element.start < 0 else element.start

    def _characters(self, text: str) -> None:
        opened = self._open[-1]
        if opened is None:
            # expat cuts long texts where it likes; the digest must not tell.
            self.form.extend(text)
            return
        element, texts = opened
        element.start = self.parser.CurrentByteIndex if element.start < 0 else element.start
        texts.append(text)

    def _other(self, kind: str) -> Any:
        def take(*parts: str) -> None:
            self.form.add(kind, parts)
            self._interrupt()

        return take

    def _external(self, *_: object) -> int:
        self._entity()
        return 0

    def _entity(self, *_: object) -> None:
        raise refused(
            self.source,
            self.parser.CurrentByteIndex,
            "it declares or uses entities of its own, which are not read",
            "take the declaration out of the file",
        )
