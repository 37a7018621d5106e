"""YAML 1.2 as a tree that knows where everything stands, read within limits.

The parsers only yield events (``events.py``); scalars are resolved here, by the core schema of YAML 1.2: ``NO`` is a
text, ``on`` is a key, ``2026-02-10`` is a text. What the file may cost is bounded before and while it is read: bytes,
nesting, and nodes and characters *with every alias expanded*, so that a bomb is refused when its first charge is
counted, not when it has gone off.

What no parser could go on after is raised at once; other mistakes are collected, so that they are all told together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.errors import PolicyError
from tidegate.policyfile.events import Event, Kind, UnreadableError, UnsureError, events, quick_events
from tidegate.policyfile.mistakes import START, Mistake, Place, policy_error, shown
from tidegate.policyfile.tree import Document, Mapping, Node, Path, Plain, Scalar, Sequence, plain_value

MAX_BYTES = 4 * 1024 * 1024
"""The size of a policy file, and of its texts with all aliases expanded (bytes, characters)."""

MAX_NODES = 500_000
"""Mappings, lists and values, with all aliases expanded."""

MAX_DEPTH = 32
"""Mappings and lists inside each other."""

MAX_INT = 2**53 - 1
"""The greatest whole number that canonical JSON can write (RFC 8785, section 3.2.2.3)."""


_BEGIN = "begin with `tidegate: 1`, or run `tidegate init`"


def read_yaml(content: bytes, name: str, begin: str = _BEGIN) -> Document:
    """The one document that ``content`` holds; ``name`` is what mistakes call the file.

    Args:
        begin: how to begin a file that is empty.

    Raises:
        PolicyError: it is too large, not UTF-8, or cannot be read as YAML 1.2 any further.
    """
    try:
        text = _text_of(content)
        return _quickly(text, name) or _Composer(text, name, begin).compose(events(text))
    except UnreadableError as error:
        raise policy_error(name, [error.mistake]) from error.__cause__


def _mistake(place: Place, what: str, remedy: str) -> Mistake:
    return Mistake(place, what, remedy, rule="yaml")


def _quickly(text: str, name: str) -> Document | None:
    """The document as the quick parser reads it; None: there may be a mistake in it, which the other one tells."""
    try:
        document = _Composer(text, name).compose(quick_events(text))
    except _LimitError:
        raise
    except (UnsureError, UnreadableError):
        return None
    return document if isinstance(document.root, Mapping) and not document.mistakes else None


class _LimitError(UnreadableError):
    """The text costs more than it may, whoever reads it."""


def too_large(size: int) -> Mistake:
    """What is said of a file of ``size`` bytes, which is above the limit."""
    return _mistake(
        START,
        f"the file has {size:,} bytes; a policy has at most {MAX_BYTES:,}",
        "name the policy itself; data belongs into evidence",
    )


_BOM = b"\xef\xbb\xbf"
# Also what only some programs take for the end of a line, and what makes a line read otherwise than it is stored.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def _text_of(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        mistake = too_large(len(content))
        raise UnreadableError(mistake.place, mistake.what, mistake.remedy)
    written = content.removeprefix(_BOM)
    try:
        text = written.decode("utf-8")
    except UnicodeDecodeError as error:
        before = written[: error.start].decode("utf-8")
        found = f"byte 0x{written[error.start]:02x} is not UTF-8"
        raise UnreadableError(_place_after(before), found, "save the file as UTF-8") from error
    control = _FORBIDDEN.search(text)
    if control:
        place = _place_after(text[: control.start()])
        found = f"the invisible character U+{ord(control[0]):04X} has no place in a policy"
        raise UnreadableError(place, found, "delete the character")
    return text


def _place_after(text: str) -> Place:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


@dataclass(slots=True)
class _Open:
    """A collection that is still being read, with its weight so far: nodes, characters and height."""

    node: Sequence | Mapping
    anchor: str | None
    wants_key: bool
    key: str = ""
    key_place: Place = START
    nodes: int = 1
    characters: int = 0
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: Node
    nodes: int
    characters: int
    height: int


class _Composer:
    """Builds the tree from the parser's events, weighing it as it grows."""

    def __init__(self, text: str, name: str, begin: str = _BEGIN) -> None:
        self._text = text
        self._name = name
        self._begin = begin
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._mistakes: list[Mistake] = []
        self._root: Node | None = None
        self._nodes = 0
        self._characters = 0
        self._empty = False

    def compose(self, source: Iterable[Event]) -> Document:
        for event in source:
            kind = event.kind
            if kind is Kind.SCALAR:
                self._on_scalar(event)
            elif kind is Kind.END:
                self._on_end()
            elif kind is Kind.ALIAS:
                self._on_alias(event)
            elif kind is Kind.DOCUMENT:
                self._on_document(event)
            else:
                self._on_start(event)
        if self._root is None:
            raise UnreadableError(START, "the file is empty", self._begin)
        return Document(self._root, tuple(self._mistakes), self._nodes, self._characters, self._empty)

    def _place(self, event: Event) -> Place:
        return Place(event.line + 1, event.column + 1, self._name)

    def _on_document(self, event: Event) -> None:
        if self._root is not None:
            raise UnreadableError(
                self._place(event), "a second document begins", "keep one policy in a file: remove what follows `---`"
            )
        if event.text not in ("", "1.2"):
            raise UnreadableError(
                self._place(event), "the file says that it is not YAML 1.2", "remove the line that begins with %YAML"
            )

    def _on_scalar(self, event: Event) -> None:
        place = self._place(event)
        text, style = event.text, event.style
        # The file itself has no control characters, but an escape such as "\0" makes one.
        if style == '"' and self._forbidden_inside(text, place):
            scalar = Scalar(place, "", text)
        else:
            value = text if style and event.tag is None else self._value(event, place)
            scalar = Scalar(place, value, text, self._inside(event))
        self._weigh(place, 1, len(text))
        above = self._open[-1] if self._open else None
        if above is not None and above.wants_key:
            self._on_key(above, scalar, quoted=style != "")
            return
        self._empty = self._empty or scalar.value is None
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(scalar, 1, len(text), 0)
        self._add(scalar, 1, len(text), 0)

    def _value(self, event: Event, place: Place) -> Plain:
        tag = None if event.tag is None else _core_tag(event, place)
        plain = not event.style if tag is None else tag != "str"
        value = self._resolve(event.text, place) if plain else event.text
        if tag is not None and _TYPE_NAMES.get(tag) is not type(value):
            raise UnreadableError(
                place, f"{shown(event.text)} is no !!{tag}", f"remove !!{tag}, and quote what is a text"
            )
        return value

    def _inside(self, event: Event) -> int | None:
        _, _, column, offset, text, style, _, _ = event
        if "\n" in text:
            return None
        # After a quotation mark; a plain text may have a tag or an anchor before it.
        skipped = 1 if style in ("'", '"') else 0
        return column + 1 + skipped if self._text.startswith(text, offset + skipped) else None

    def _resolve(self, text: str, place: Place) -> Plain:
        value = _resolve(text)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._bounded(value, text, place)
        return value

    def _bounded(self, value: int | float, text: str, place: Place) -> Plain:
        if math.isfinite(value) and (isinstance(value, float) or abs(value) <= MAX_INT):
            return value
        self._mistakes.append(
            _mistake(place, f"{shown(text)[1:-1]} is not a number that a policy can hold", "quote it if it is a text")
        )
        return 1

    def _forbidden_inside(self, text: str, place: Place) -> bool:
        found = _FORBIDDEN.search(text)
        if found:
            what = f"the text contains the control character U+{ord(found[0]):04X}"
            self._mistakes.append(_mistake(place, what, "remove the escape sequence"))
        return found is not None

    def _on_key(self, mapping: _Open, scalar: Scalar, *, quoted: bool) -> None:
        place, value, key, _ = scalar
        mapping.key, mapping.key_place, mapping.wants_key = key, place, False
        # A key is a node and has a weight as a value has.
        mapping.nodes += 1
        mapping.characters += len(key)
        if key == "<<" and not quoted:
            remedy = "write the keys out, or use an alias for a whole value"
            self._mistakes.append(_mistake(place, "the merge key << is not part of YAML 1.2", remedy))
        elif not key:
            self._mistakes.append(_mistake(place, "a key is missing before the colon", "write the key"))
        elif not isinstance(value, str):
            what = f"the key {shown(key)[1:-1]} is not a text"
            self._mistakes.append(_mistake(place, what, f"quote it: {shown(key)}"))
        if isinstance(mapping.node, Mapping) and key in mapping.node.items:
            what = f"the key {shown(key)} is written twice; the first is at {mapping.node.items[key][0]}"
            self._mistakes.append(_mistake(place, what, "keep one of the two"))

    def _on_start(self, event: Event) -> None:
        place = self._place(event)
        mapping = event.kind is Kind.MAPPING
        tag = None if event.tag is None else _core_tag(event, place)
        if tag not in (None, "map" if mapping else "seq"):
            raise UnreadableError(place, f"a collection is no !!{tag}", f"remove !!{tag}")
        if self._open and self._open[-1].wants_key:
            raise UnreadableError(
                place, "a list or mapping stands where a key is expected", "write a name before the colon"
            )
        self._check_depth(place, 1)
        self._weigh(place, 1, 0)
        self._open.append(_Open(Mapping(place) if mapping else Sequence(place), event.anchor, mapping))

    def _on_end(self) -> None:
        done = self._open.pop()
        if done.anchor is not None:
            self._anchors[done.anchor] = _Anchored(done.node, done.nodes, done.characters, done.height)
        self._add(done.node, done.nodes, done.characters, done.height)

    def _on_alias(self, event: Event) -> None:
        place, name = self._place(event), event.text
        found = self._anchors.get(name)
        if self._open and self._open[-1].wants_key:
            raise UnreadableError(place, "an alias stands where a key is expected", "write the key out")
        if any(collection.anchor == name for collection in self._open):
            raise UnreadableError(
                place, f"*{shown(name)[1:-1]} contains itself", "write out what is meant instead of the alias"
            )
        if found is None:
            raise UnreadableError(
                place,
                f"there is no &{shown(name)[1:-1]} before this *{shown(name)[1:-1]}",
                'define the anchor before its use, or quote the text: "*..."',
            )
        self._check_depth(place, found.height)
        self._weigh(place, found.nodes, found.characters)
        self._add(found.node, found.nodes, found.characters, found.height)

    def _check_depth(self, place: Place, more: int) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise _LimitError(
                place, f"more than {MAX_DEPTH} mappings and lists inside each other", "no policy is so deep: flatten it"
            )

    def _weigh(self, place: Place, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > MAX_NODES or self._characters > MAX_BYTES:
            raise _LimitError(
                place,
                f"with its aliases expanded the file has more than {MAX_NODES:,} values or {MAX_BYTES:,} characters",
                "use fewer or smaller aliases",
            )

    def _add(self, node: Node, nodes: int, characters: int, height: int) -> None:
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.nodes += nodes
        parent.characters += characters
        if height >= parent.height:
            parent.height = height + 1
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        else:
            parent.node.items.setdefault(parent.key, (parent.key_place, node))
            parent.wants_key = True


_CORE = "tag:yaml.org,2002:"
_TYPE_NAMES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "null": type(None)}


def _core_tag(event: Event, place: Place) -> str | None:
    tag = event.tag or ""
    name = tag.removeprefix(_CORE)
    if tag == "!":
        return "str" if event.kind is Kind.SCALAR else None
    if name != tag and name in {*_TYPE_NAMES, "map", "seq"}:
        return name
    raise UnreadableError(place, f"the tag {shown(tag)[1:-1]} is not known", "remove the tag: a policy is plain data")


# YAML 1.2.2, section 10.3.2.
_WORDS: dict[str, Plain] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS.update({"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False})
_BEGINS_NUMBER = frozenset("-+.0123456789")
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<special>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)


def _resolve(text: str) -> Plain:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEGINS_NUMBER:
        return text
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    if number["float"]:
        return float(text)
    # Longer ones are out of bounds anyway, and reading them would take quadratic time.
    if number["special"] or len(text) > 40:
        return math.inf
    if number["octal"]:
        return int(number["octal"], 8)
    return int(number["hex"], 16) if number["hex"] else int(text)


__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "Document",
    "Mapping",
    "Node",
    "Path",
    "PolicyError",
    "Scalar",
    "Sequence",
    "plain_value",
    "read_yaml",
    "too_large",
]
