"""Mistakes of shape: what the validation of the models finds, told in the words of the file and at its places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.core.policy import FORMAT
from tidegate.core.rulebook import dotted
from tidegate.policyfile.mistakes import MAX_SHOWN, Mistake, Place, did_you_mean, shown
from tidegate.policyfile.schema import expected, keys_of, members_of, section_at, type_at
from tidegate.policyfile.yaml import Document, Node, Path, Scalar, Sequence
from tidegate.policyfile.yaml import Mapping as MappingNode

Detail = Mapping[str, Any]


def language_mistake(document: Document) -> Mistake | None:
    """The one mistake to tell where the file is written in another version of the policy language."""
    node = document.node(("tidegate",))
    if not isinstance(node, Scalar) or node.value is None or (node.value == FORMAT and type(node.value) is int):
        return None
    what = f"the policy language has no version {shown(node.value)}; this version of Tidegate reads {FORMAT}"
    return Mistake(node.place, what, f"write `tidegate: {FORMAT}`, or install the version of Tidegate that it is for")


def empty_mistakes(document: Document) -> list[Mistake]:
    """A mistake for each key and each entry that has no value: it could mean nothing, everything or an oversight."""
    found: list[Mistake] = []
    pending: list[tuple[Place, Node, str]] = [(document.root.place, document.root, "the file")]
    # An anchored part stands in the file once, however often it is used.
    seen: set[int] = set()
    while pending:
        place, node, name = pending.pop()
        if isinstance(node, Scalar):
            if node.value is None:
                found.append(Mistake(place, f"{name} has no value", "write its value, or leave it out"))
        elif id(node) not in seen:
            seen.add(id(node))
            pending += _children(node)
    return found


def _children(node: Sequence | MappingNode) -> list[tuple[Place, Node, str]]:
    if isinstance(node, Sequence):
        return [(item.place, item, "an entry of the list") for item in node.items]
    return [(place, value, shown(key)) for key, (place, value) in node.items.items()]


def shape_mistakes(document: Document, error: ValidationError) -> tuple[list[Mistake], int]:
    """The mistakes that the validation found, the first of them in full, and how many more there are."""
    details = [(_path(document, detail["loc"]), detail) for detail in error.errors(include_url=False)]
    placed = [
        (_place(document, path, detail), path, detail) for path, detail in details if not _told(document, path, detail)
    ]
    placed.sort(key=lambda entry: entry[0])
    told = [Mistake(place, *_sentence(document, path, detail)) for place, path, detail in placed[:MAX_SHOWN]]
    return told, max(0, len(placed) - MAX_SHOWN)


def _path(document: Document, location: tuple[str | int, ...]) -> Path:
    """The path in the file: the location without what the validation adds to tell its own branches apart."""
    path: Path = ()
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if step != "[key]" and (document.node((*path, step)) is not None or (last and section_at(path) is not None)):
            path = (*path, step)
    return path


def _told(document: Document, path: Path, detail: Detail) -> bool:
    """Whether this only follows from what is told anyway: no value at all, or a list left empty by its bad entries."""
    node = document.node(path)
    if isinstance(node, Scalar):
        return node.value is None
    return detail["type"] == "too_short" and isinstance(node, Sequence) and bool(node.items)


def _place(document: Document, path: Path, detail: Detail) -> Place:
    if detail["type"] == "missing":
        return document.key_place(path[:-1])
    if detail["type"] == "extra_forbidden" or detail["loc"][-1:] == ("[key]",):
        return document.key_place(path)
    node = document.node(path)
    return document.place(path) if isinstance(node, Scalar) else document.key_place(path)


def _sentence(document: Document, path: Path, detail: Detail) -> tuple[str, str]:
    """What is wrong, and the remedy."""
    tell = _SENTENCES.get(detail["type"], _other_kind)
    return tell(path, document.node(path), detail)


Sentence = Callable[[Path, Node | None, Detail], tuple[str, str]]


def _name(path: Path) -> str:
    return dotted(path) or "the file"


def _found(path: Path, node: Node | None) -> str:
    if isinstance(node, Sequence):
        return "a list"
    if not isinstance(node, Scalar):
        return "a mapping"
    # What is written among the keys of a person may be a secret by mistake: it is never repeated.
    if len(path) > 2 and path[0] == "people" and path[2] == "keys":
        return "one value"
    if isinstance(node.value, bool):
        return f"the truth value {node.text}"
    if isinstance(node.value, (int, float)):
        return f"the number {shown(node.text)[1:-1]}"
    return f"the text {shown(node.text)}"


def _missing(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    return f'{_name(path[:-1])} has no key "{path[-1]}"', f"add {path[-1]}: with {expected(type_at(path))}"


def _unknown_key(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    section = section_at(path[:-1])
    known = list(keys_of(section)) if section else []
    key = str(path[-1])
    where = f" in {dotted(path[:-1])}" if path[:-1] else ""
    return f"unknown key {shown(key)}{where}{did_you_mean(key, known)}", f"use one of: {', '.join(known)}"


def _other_kind(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    wanted = expected(type_at(path))
    what = f"{_name(path)} is {_found(path, node)}, expected {wanted}"
    if isinstance(node, Scalar) and wanted == "a text":
        return what, f"quote it: {shown(node.text)}"
    if isinstance(node, Scalar) and wanted == "a list" and "one value" not in what:
        return what, f"write it as a list: [{shown(node.text)[1:-1]}]"
    return what, f"write {wanted}"


def _no_member(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    members = members_of(type_at(path))
    found = node.text if isinstance(node, Scalar) else ""
    what = f"{_name(path)} is {_found(path, node)}, expected {expected(type_at(path))}{did_you_mean(found, members)}"
    return what, f"write one of: {', '.join(members)}"


def _too_short(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    return f"{_name(path)} is empty", "write at least one entry" if isinstance(node, Sequence) else "write a text"


def _too_long(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    unit = "characters" if isinstance(node, Scalar) else "entries"
    return f"{_name(path)} has more than {detail['ctx']['max_length']:,} {unit}", "shorten it"


def _too_small(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    least = detail["ctx"]["ge"]
    return f"{_name(path)} is {_found(path, node)}, expected at least {least}", f"write {least} or more"


def _too_great(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    most = detail["ctx"]["le"]
    return f"{_name(path)} is {_found(path, node)}, expected at most {most}", f"write {most} or less"


def _value(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    said = str(detail["ctx"]["error"])
    what, _, remedy = said.partition("; ")
    if path == ("timezone",) and isinstance(node, Scalar):
        what += did_you_mean(node.text, _zones())
    name = _name(path[:-1] if detail["loc"][-1:] == ("[key]",) else path)
    return f"{name}: {what}", remedy or f"write {expected(type_at(path))}"


def _zones() -> list[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


_SENTENCES: dict[str, Sentence] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "enum": _no_member,
    "literal_error": _no_member,
    "too_short": _too_short,
    "string_too_short": _too_short,
    "too_long": _too_long,
    "string_too_long": _too_long,
    "greater_than_equal": _too_small,
    "less_than_equal": _too_great,
    "value_error": _value,
}
"""The sentences by the validation's name of the mistake; the names that are not here are those of other kinds."""
