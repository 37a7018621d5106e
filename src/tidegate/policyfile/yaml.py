"""YAML 1.2 as a tree that knows where everything stands, read within limits.

The parser only yields events; scalars are resolved here, by the core schema of YAML 1.2: ``NO`` is a text, ``on`` is a
key, ``2026-02-10`` is a text. What the file may cost is bounded before and while it is read: bytes, nesting, and nodes
and characters *with every alias expanded*, so that a bomb is refused when its first charge is counted, not when it has
gone off.

What no parser could go on after is raised at once; other mistakes are collected, so that they are all told together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from tidegate.errors import PolicyError
from tidegate.policyfile.mistakes import START, Mistake, Place, policy_error, shown

MAX_BYTES = 4 * 1024 * 1024
"""The size of a policy file, and of its texts with all aliases expanded (bytes, characters)."""

MAX_NODES = 200_000
"""Mappings, lists and values, with all aliases expanded."""

MAX_DEPTH = 32
"""Mappings and lists inside each other."""

MAX_INT = 2**53 - 1
"""The greatest whole number that canonical JSON can write (RFC 8785, section 3.2.2.3)."""

Plain: TypeAlias = str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, truth value or nothing. ``text`` is how it is written, without quotes.

    ``inside`` is the column at which ``text`` itself begins, where it stands in the file letter by letter on one line.
    """

    place: Place
    value: Plain
    text: str
    inside: int | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, each with its place, and their values."""

    place: Place
    items: dict[str, tuple[Place, Node]] = field(default_factory=dict)


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, and the mistakes that did not keep it from being read."""

    root: Node
    mistakes: tuple[Mistake, ...]

    def node(self, path: Path) -> Node | None:
        """The node at the end of a path of keys and indices; None: there is none."""
        node: Node | None = self.root
        for step in path:
            node = _child(node, step)
        return node

    def place(self, path: Path) -> Place:
        """Where the value of a path stands, or of as much of the path as there is."""
        node: Node = self.root
        for step in path:
            child = _child(node, step)
            if child is None:
                break
            node = child
        return node.place

    def key_place(self, path: Path) -> Place:
        """Where the key that ends a path stands; for an entry of a list, where its value stands."""
        parent = self.node(path[:-1]) if path else None
        if isinstance(parent, Mapping) and path[-1] in parent.items:
            return parent.items[str(path[-1])][0]
        return self.place(path)


def _child(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        entry = node.items.get(step)
        return entry[1] if entry else None
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def plain_value(node: Node) -> object:
    """The tree as dicts, lists and scalars, every alias a copy."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain_value(item) for item in node.items]
    return {key: plain_value(value) for key, (_, value) in node.items.items()}


def read_yaml(content: bytes, name: str) -> Document:
    """The one document that ``content`` holds; ``name`` is what mistakes call the file.

    Raises:
        PolicyError: it is too large, not UTF-8, or cannot be read as YAML 1.2 any further.
    """
    try:
        return _Composer(_text_of(content)).compose()
    except _UnreadableError as error:
        raise policy_error(name, [error.mistake]) from error.__cause__


class _UnreadableError(Exception):
    """Nothing after this place can be read."""

    def __init__(self, place: Place, what: str, remedy: str) -> None:
        super().__init__(what)
        self.mistake = Mistake(place, what, remedy)


def too_large(size: int) -> Mistake:
    """What is said of a file of ``size`` bytes, which is above the limit."""
    return Mistake(
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
        raise _UnreadableError(mistake.place, mistake.what, mistake.remedy)
    try:
        text = content.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].removeprefix(_BOM).decode("utf-8")
        found = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise _UnreadableError(_place_after(before), found, "save the file as UTF-8") from error
    control = _FORBIDDEN.search(text)
    if control:
        place = _place_after(text[: control.start()])
        found = f"the invisible character U+{ord(control[0]):04X} has no place in a policy"
        raise _UnreadableError(place, found, "delete the character")
    return text


def _place_after(text: str) -> Place:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


@dataclass(slots=True)
class _Open:
    """A collection that is still being read, with its weight so far: nodes, characters and height."""

    node: Sequence | Mapping
    anchor: str | None
    key: tuple[str, Place] | None = None
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

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._mistakes: list[Mistake] = []
        self._root: Node | None = None
        self._nodes = 0
        self._characters = 0

    def compose(self) -> Document:
        for event in _events(self._text):
            if isinstance(event, ScalarEvent):
                self._on_scalar(event)
            elif isinstance(event, CollectionStartEvent):
                self._on_start(event)
            elif isinstance(event, CollectionEndEvent):
                self._on_end()
            elif isinstance(event, AliasEvent):
                self._on_alias(event)
            elif isinstance(event, DocumentStartEvent):
                self._on_document(event)
        if self._root is None:
            raise _UnreadableError(START, "the file is empty", "begin with `tidegate: 1`, or run `tidegate init`")
        return Document(self._root, tuple(self._mistakes))

    def _on_document(self, event: DocumentStartEvent) -> None:
        if self._root is not None:
            raise _UnreadableError(
                _place(event), "a second document begins", "keep one policy in a file: remove what follows `---`"
            )
        if event.version and tuple(event.version) != (1, 2):
            raise _UnreadableError(
                _place(event), "the file says that it is not YAML 1.2", "remove the line that begins with %YAML"
            )

    def _on_scalar(self, event: ScalarEvent) -> None:
        place = _place(event)
        quoted = event.style is not None
        if self._forbidden_inside(event.value, place):
            scalar = Scalar(place, "", event.value)
        else:
            scalar = self._scalar(event, place, quoted)
        if self._wants_key():
            self._on_key(scalar, quoted)
            return
        self._weigh(place, 1, len(event.value))
        self._add(_Anchored(scalar, 1, len(event.value), 0), event.anchor)

    def _scalar(self, event: ScalarEvent, place: Place, quoted: bool) -> Scalar:
        tag = _core_tag(event, place)
        value: Plain = event.value
        if tag != "str" and not (quoted and tag is None):
            value = self._resolve(event.value, place)
        if tag is not None and _TYPE_NAMES.get(tag) is not type(value):
            raise _UnreadableError(
                place, f"{shown(event.value)} is no !!{tag}", f"remove !!{tag}, and quote what is a text"
            )
        return Scalar(place, value, event.value, self._inside(event))

    def _inside(self, event: ScalarEvent) -> int | None:
        mark = event.start_mark
        if "\n" in event.value:
            return None
        for skipped in (0, 1):
            if self._text.startswith(event.value, mark.index + skipped):
                return int(mark.column) + 1 + skipped
        return None

    def _resolve(self, text: str, place: Place) -> Plain:
        value = _resolve(text)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._bounded(value, text, place)
        return value

    def _bounded(self, value: int | float, text: str, place: Place) -> Plain:
        if math.isfinite(value) and (isinstance(value, float) or abs(value) <= MAX_INT):
            return value
        self._mistakes.append(
            Mistake(place, f"{shown(text)[1:-1]} is not a number that a policy can hold", "quote it if it is a text")
        )
        return 1

    def _forbidden_inside(self, text: str, place: Place) -> bool:
        # The file itself has none, but an escape such as "\0" makes one.
        found = _FORBIDDEN.search(text)
        if found:
            what = f"the text contains the control character U+{ord(found[0]):04X}"
            self._mistakes.append(Mistake(place, what, "remove the escape sequence"))
        return found is not None

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].node, Mapping) and self._open[-1].key is None

    def _on_key(self, scalar: Scalar, quoted: bool) -> None:
        mapping, key = self._open[-1], scalar.text
        mapping.key = (key, scalar.place)
        # A key is a node and has a weight as a value has.
        self._weigh(scalar.place, 1, len(key))
        mapping.nodes += 1
        mapping.characters += len(key)
        if key == "<<" and not quoted:
            remedy = "write the keys out, or use an alias for a whole value"
            self._mistakes.append(Mistake(scalar.place, "the merge key << is not part of YAML 1.2", remedy))
        elif not key:
            self._mistakes.append(Mistake(scalar.place, "a key is missing before the colon", "write the key"))
        elif not isinstance(scalar.value, str):
            what = f"the key {shown(key)[1:-1]} is not a text"
            self._mistakes.append(Mistake(scalar.place, what, f"quote it: {shown(key)}"))
        if isinstance(mapping.node, Mapping) and key in mapping.node.items:
            what = f"the key {shown(key)} is written twice; the first is at {mapping.node.items[key][0]}"
            self._mistakes.append(Mistake(scalar.place, what, "keep one of the two"))

    def _on_start(self, event: CollectionStartEvent) -> None:
        place = _place(event)
        tag = _core_tag(event, place)
        mapping = isinstance(event, MappingStartEvent)
        if tag not in (None, "map" if mapping else "seq"):
            raise _UnreadableError(place, f"a collection is no !!{tag}", f"remove !!{tag}")
        if self._wants_key():
            raise _UnreadableError(
                place, "a list or mapping stands where a key is expected", "write a name before the colon"
            )
        self._check_depth(place, 1)
        self._weigh(place, 1, 0)
        self._open.append(_Open(Mapping(place) if mapping else Sequence(place), event.anchor))

    def _on_end(self) -> None:
        done = self._open.pop()
        self._add(_Anchored(done.node, done.nodes, done.characters, done.height), done.anchor)

    def _on_alias(self, event: AliasEvent) -> None:
        place = _place(event)
        found = self._anchors.get(event.anchor)
        if self._wants_key():
            raise _UnreadableError(place, "an alias stands where a key is expected", "write the key out")
        if any(collection.anchor == event.anchor for collection in self._open):
            raise _UnreadableError(
                place, f"*{shown(event.anchor)[1:-1]} contains itself", "write out what is meant instead of the alias"
            )
        if found is None:
            raise _UnreadableError(
                place,
                f"there is no &{shown(event.anchor)[1:-1]} before this *{shown(event.anchor)[1:-1]}",
                'define the anchor before its use, or quote the text: "*..."',
            )
        self._check_depth(place, found.height)
        self._weigh(place, found.nodes, found.characters)
        self._add(found, None)

    def _check_depth(self, place: Place, more: int) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise _UnreadableError(
                place, f"more than {MAX_DEPTH} mappings and lists inside each other", "no policy is so deep: flatten it"
            )

    def _weigh(self, place: Place, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > MAX_NODES or self._characters > MAX_BYTES:
            raise _UnreadableError(
                place,
                f"with its aliases expanded the file has more than {MAX_NODES:,} values or {MAX_BYTES:,} characters",
                "use fewer or smaller aliases",
            )

    def _add(self, done: _Anchored, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = done
        if not self._open:
            self._root = done.node
            return
        parent = self._open[-1]
        parent.nodes += done.nodes
        parent.characters += done.characters
        parent.height = max(parent.height, done.height + 1)
        if isinstance(parent.node, Sequence):
            parent.node.items.append(done.node)
        elif parent.key is not None:
            key, place = parent.key
            parent.node.items.setdefault(key, (place, done.node))
            parent.key = None


_CORE = "tag:yaml.org,2002:"
_TYPE_NAMES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "null": type(None)}


def _core_tag(event: ScalarEvent | CollectionStartEvent, place: Place) -> str | None:
    if event.ctag is None:
        return None
    tag = str(event.tag)
    name = tag.removeprefix(_CORE)
    if tag == "!":
        return "str" if isinstance(event, ScalarEvent) else None
    if name != tag and name in {*_TYPE_NAMES, "map", "seq"}:
        return name
    raise _UnreadableError(place, f"the tag {shown(tag)[1:-1]} is not known", "remove the tag: a policy is plain data")


# YAML 1.2.2, section 10.3.2.
_WORDS: dict[str, Plain] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS.update({"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False})
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<special>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)


def _resolve(text: str) -> Plain:
    if text in _WORDS:
        return _WORDS[text]
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


def _place(event: Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1)


def _events(text: str) -> Iterator[Event]:
    """The parser's events; whatever it raises becomes one sentence of ours."""
    events = YAML(typ="safe", pure=True).parse(text)
    last = START
    while True:
        try:
            event = next(events)
        except StopIteration:
            return
        except MarkedYAMLError as error:
            raise _syntax(error) from error
        except (YAMLError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError) as error:
            # The parser stumbles over some malformed escapes, tags and directives without saying so.
            what = "this is not YAML from here on"
            raise _UnreadableError(last, what, "quote or correct what stands here") from error
        last = Place(event.end_mark.line + 1, event.end_mark.column + 1)
        yield event


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


def _syntax(error: MarkedYAMLError) -> _UnreadableError:
    problem = str(error.problem or error.context or "")
    # Where a quotation mark is never closed, its beginning says more than the end of the file.
    unclosed = "unexpected" in problem and error.context_mark is not None
    mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else START
    for fragment, what, remedy in _SYNTAX:
        if fragment in problem:
            return _UnreadableError(place, f"this is not YAML: {what}", remedy)
    return _UnreadableError(place, "this is not YAML", "quote or correct what stands here")


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
