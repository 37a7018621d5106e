"""The parsers, as sources of one kind of event.

Two parsers read YAML here. ruamel's is written in Python and for YAML 1.2: it is the judge. libyaml's takes a thirtieth
of its time, is meant for YAML 1.1, and differs from the judge on rare texts. So it reads first, and gives up on
everything that the two may see differently and on everything that is a mistake anyway; then the judge reads. What was
read quickly is what the judge would have read: ``tests/unit/policyfile/test_events.py`` holds one to the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from tidegate.policyfile.mistakes import START, Mistake, Place


class Kind(Enum):
    """What a parser has come upon."""

    DOCUMENT = "the beginning of a document"
    SCALAR = "a scalar"
    ALIAS = "an alias"
    MAPPING = "the beginning of a mapping"
    SEQUENCE = "the beginning of a list"
    END = "the end of a mapping or list"


class Event(NamedTuple):
    """What a parser has come upon, and where: line, column and offset count characters from 0.

    ``text`` is what a scalar holds, the name of an alias, and the version that a document claims to be written in.
    ``style`` is ``'"'``, ``"'"``, ``"|"`` or ``">"``; empty for a plain scalar.
    """

    kind: Kind
    line: int
    column: int
    offset: int
    text: str = ""
    style: str = ""
    tag: str | None = None
    anchor: str | None = None


class UnreadableError(Exception):
    """Nothing after this place can be read."""

    def __init__(self, place: Place, what: str, remedy: str) -> None:
        super().__init__(what)
        self.mistake = Mistake(place, what, remedy, rule="yaml")


class UnsureError(Exception):
    """The quick parser leaves this text to the other one."""


# ---- the quick parser

# A tab, a line that ends without a line feed, a block scalar whose header runs into a comment, the end of a document.
_RARE = re.compile(r"\t|\r(?!\n)|[|>][-+0-9]*#|^\.\.\.", re.MULTILINE)

_AFTER_ANCHOR = frozenset(" \r\n")
_AFTER_ALIAS = frozenset(" \r\n,]}")


def quick_events(text: str) -> Iterator[Event]:
    """libyaml's events.

    Raises:
        UnsureError: it finds a mistake, is not installed, or meets what the other parser may read otherwise.
    """
    try:
        import yaml  # type: ignore[import-untyped]
        from yaml._yaml import CParser  # type: ignore[import-untyped]
    except ImportError as error:
        raise UnsureError from error
    if _RARE.search(text):
        raise UnsureError
    parser = CParser(text)
    try:
        while (event := parser.get_event()) is not None:
            made = _QUICK.get(type(event).__name__)
            if made is not None:
                yield made(event, text)
    except yaml.YAMLError as error:
        raise UnsureError from error


def _quick_scalar(event: Any, text: str) -> Event:
    value, style, mark = event.value, event.style, event.start_mark
    # Where nothing stands, the two disagree about the place; an empty block is told from a comment differently.
    if event.tag is not None or not (value or style in ("'", '"')) or (style in ("|", ">") and not value.strip()):
        raise UnsureError
    if event.anchor is not None:
        _check_name(text, mark.index, event.anchor, _AFTER_ANCHOR)
    return Event(Kind.SCALAR, mark.line, mark.column, mark.index, value, style, None, event.anchor)


def _quick_collection(kind: Kind) -> Callable[[Any, str], Event]:
    def make(event: Any, text: str) -> Event:
        mark = event.start_mark
        if event.tag is not None:
            raise UnsureError
        if event.anchor is not None:
            _check_name(text, mark.index, event.anchor, _AFTER_ANCHOR)
        return Event(kind, mark.line, mark.column, mark.index, anchor=event.anchor)

    return make


def _quick_alias(event: Any, text: str) -> Event:
    mark = event.start_mark
    _check_name(text, mark.index, event.anchor, _AFTER_ALIAS)
    return Event(Kind.ALIAS, mark.line, mark.column, mark.index, event.anchor)


def _quick_document(event: Any, text: str) -> Event:
    if event.version or event.tags:
        raise UnsureError
    mark = event.start_mark
    return Event(Kind.DOCUMENT, mark.line, mark.column, mark.index)


def _check_name(text: str, index: int, name: str, followed_by: frozenset[str]) -> None:
    """The two have other characters in the names of anchors: only where both see its end, they see the same."""
    end = index + 1 + len(name)
    if text[end : end + 1] not in followed_by and end < len(text):
        raise UnsureError


_END = Event(Kind.END, 0, 0, 0)

_QUICK: dict[str, Callable[[Any, str], Event]] = {
    "ScalarEvent": _quick_scalar,
    "AliasEvent": _quick_alias,
    "MappingStartEvent": _quick_collection(Kind.MAPPING),
    "SequenceStartEvent": _quick_collection(Kind.SEQUENCE),
    "MappingEndEvent": lambda event, text: _END,
    "SequenceEndEvent": lambda event, text: _END,
    "DocumentStartEvent": _quick_document,
}
"""By the names of the parser's events; the names that are not here begin and end what is read as a whole."""


# ---- the judge


def events(text: str) -> Iterator[Event]:
    """ruamel's events.

    Raises:
        UnreadableError: it is not YAML from somewhere on, in one sentence of ours.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    source = YAML(typ="safe", pure=True).parse(text)
    last = START
    while True:
        try:
            event = next(source)
        except StopIteration:
            return
        except MarkedYAMLError as error:
            raise _syntax(error) from error
        except (YAMLError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError) as error:
            # The parser stumbles over some malformed escapes, tags and directives without saying so.
            what = "this is not YAML from here on"
            raise UnreadableError(last, what, "quote or correct what stands here") from error
        last = Place(event.end_mark.line + 1, event.end_mark.column + 1)
        made = _JUDGED.get(type(event).__name__)
        if made is not None:
            yield made(event)


def _judged_scalar(event: Any) -> Event:
    mark = event.start_mark
    tag = None if event.ctag is None else str(event.tag)
    return Event(Kind.SCALAR, mark.line, mark.column, mark.index, event.value, event.style or "", tag, event.anchor)


def _judged_collection(kind: Kind) -> Callable[[Any], Event]:
    def make(event: Any) -> Event:
        mark = event.start_mark
        tag = None if event.ctag is None else str(event.tag)
        return Event(kind, mark.line, mark.column, mark.index, tag=tag, anchor=event.anchor)

    return make


def _judged_alias(event: Any) -> Event:
    mark = event.start_mark
    return Event(Kind.ALIAS, mark.line, mark.column, mark.index, event.anchor)


def _judged_document(event: Any) -> Event:
    mark = event.start_mark
    version = ".".join(map(str, event.version)) if event.version else ""
    return Event(Kind.DOCUMENT, mark.line, mark.column, mark.index, version)


_JUDGED: dict[str, Callable[[Any], Event]] = {
    "ScalarEvent": _judged_scalar,
    "AliasEvent": _judged_alias,
    "MappingStartEvent": _judged_collection(Kind.MAPPING),
    "SequenceStartEvent": _judged_collection(Kind.SEQUENCE),
    "MappingEndEvent": lambda event: _END,
    "SequenceEndEvent": lambda event: _END,
    "DocumentStartEvent": _judged_document,
}
"""By the names of the parser's events."""

_SYNTAX: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", "a colon stands where no key can be", "quote the text, or mend the indentation"),
    ("could not find expected ':'", "a key has no colon", "write a colon and a space after the key"),
    ("'\\t' that cannot start", "a tab is used to indent", "indent with spaces"),
    ("that cannot start any token", "a text begins with a character that means something in YAML", "quote the text"),
    ("expected <block end>", "the indentation does not fit what is above it", "align the line with its neighbours"),
    ("sequence entries are not allowed", "a list entry stands where none can be", "begin it on a line of its own"),
    ("mapping keys are not allowed", "a key stands where none can be", "begin it on a line of its own"),
    ("expected ',' or '}'", "the { before this is not closed", "write a comma or } here"),
    ("expected ',' or ']'", "the [ before this is not closed", "write a comma or ] here"),
    ("unexpected end of stream", "a quoted text is not closed", "close the quotation mark"),
    ("unexpected document separator", "a quoted text is not closed", "close the quotation mark"),
    ("unknown escape character", "a backslash in a double-quoted text begins no escape", "use single quotes"),
    ("escape sequence", "an escape in a double-quoted text is incomplete", "use single quotes"),
    ("undefined tag handle", "a tag is not known", "remove the tag, or quote the text that begins with `!`"),
    ("incompatible YAML document", "the file says that it is not YAML 1.2", "remove the line that begins with %YAML"),
    ("<document start>", "this does not belong to what is above it", "mend the indentation"),
    ("node content", "a value is missing", "write the value, or quote it"),
)


def _syntax(error: Any) -> UnreadableError:
    problem = str(error.problem or error.context or "")
    # Where a quotation mark is never closed, its beginning says more than the end of the file.
    unclosed = "unexpected" in problem and error.context_mark is not None
    mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else START
    for fragment, what, remedy in _SYNTAX:
        if fragment in problem:
            return UnreadableError(place, f"this is not YAML: {what}", remedy)
    return UnreadableError(place, "this is not YAML", "quote or correct what stands here")
