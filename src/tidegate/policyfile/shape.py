"""Mistakes of shape: what the validation of the models finds, told in the words of the file and at its places."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.core.policy import FORMAT, NEVER, Policy, Section
from tidegate.core.rulebook import dotted
from tidegate.policyfile.mistakes import MAX_SHOWN, Mistake, Place, did_you_mean, shown
from tidegate.policyfile.schema import choices_of, expected, keys_of, members_of, section_at, type_at
from tidegate.policyfile.tree import Document, Node, Path, Scalar, Sequence
from tidegate.policyfile.tree import Mapping as MappingNode

Detail = Mapping[str, Any]
"""What the validation says of a mistake; ``root`` is the model of the whole file."""


def language_mistake(document: Document) -> Mistake | None:
    """The one mistake to tell where the file is written in another version of the policy language."""
    node = document.node(("tidegate",))
    if not isinstance(node, Scalar) or node.value is None or (node.value == FORMAT and type(node.value) is int):
        return None
    what = f"the policy language has no version {shown(node.value)}; this version of Tidegate reads {FORMAT}"
    return Mistake(node.place, what, f"write `tidegate: {FORMAT}`, or install the version of Tidegate that it is for")


def root_mistakes(document: Document) -> list[Mistake]:
    """A mistake where a file holds something else than keys; one that holds nothing is told as empty."""
    root = document.root
    if isinstance(root, MappingNode) or (isinstance(root, Scalar) and root.value is None):
        return []
    return [Mistake(root.place, *_other_kind((), root, {"root": Policy}))]


def empty_mistakes(document: Document) -> list[Mistake]:
    """A mistake for each key and each entry that has no value: it could mean nothing, everything or an oversight."""
    if not document.empty:
        return []
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


def shape_mistakes(
    document: Document, error: ValidationError, root: type[Section] = Policy
) -> tuple[list[Mistake], int]:
    """The mistakes that the validation found, the first of them in full, and how many more there are.

    Args:
        root: the model of the file.
    """
    found = error.errors(include_url=False)
    details = _one_of_a_choice([(_path(document, d["loc"], root), {**d, "root": root}) for d in found])
    placed = [
        (_place(document, path, detail), path, detail) for path, detail in details if not _told(document, path, detail)
    ]
    # A text that could not be read is there as an empty one: that it is empty is not what is wrong with it.
    unread = {mistake.place for mistake in document.mistakes}
    placed = sorted((entry for entry in placed if entry[0] not in unread), key=lambda entry: entry[0])
    told = [Mistake(place, *_sentence(document, path, detail)) for place, path, detail in placed[:MAX_SHOWN]]
    return told, max(0, len(placed) - MAX_SHOWN)


def _one_of_a_choice(details: list[tuple[Path, Detail]]) -> list[tuple[Path, Detail]]:
    """The mistakes, of a value that may be of several kinds only one: that of the kind which it nearly is."""
    nearest: dict[Path, Detail] = {}
    for path, detail in details:
        if len(choices_of(_kind(path, detail))) > 1 and (path not in nearest or detail["type"] in _SENTENCES):
            nearest[path] = detail
    return [(path, detail) for path, detail in details if nearest.get(path, detail) is detail]


def _path(document: Document, location: tuple[str | int, ...], root: type[Section]) -> Path:
    """The path in the file: the location without what the validation adds to tell its own branches apart."""
    path: Path = ()
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if step != "[key]" and (
            document.node((*path, step)) is not None or (last and section_at(path, root) is not None)
        ):
            path = (*path, step)
    return path


def _told(document: Document, path: Path, detail: Detail) -> bool:
    """Whether this only follows from what is told anyway: no value at all, or a list left empty by its bad entries.

    One entry may be written without its list.
    """
    node = document.node(path)
    if isinstance(node, Scalar):
        return node.value is None or (detail["type"] == "too_short" and node.value != "")
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
    return tell(path, _node(document, path), detail)


def _node(document: Document, path: Path) -> Node | None:
    """The node of a path; where a text stands for a section, the text is that of its one key."""
    above = document.node(path[:-1])
    return above if path and isinstance(above, Scalar) else document.node(path)


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


def _kind(path: Path, detail: Detail) -> Any:
    return type_at(path, detail["root"])


def _wanted(path: Path, detail: Detail) -> str:
    return expected(_kind(path, detail))


def _missing(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    return f'{_name(path[:-1])} has no key "{path[-1]}"', f"add {path[-1]}: with {_wanted(path, detail)}"


def _unknown_key(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    section = section_at(path[:-1], detail["root"])
    known = list(keys_of(section)) if section else []
    key = str(path[-1])
    where = f" in {dotted(path[:-1])}" if path[:-1] else ""
    return f"unknown key {shown(key)}{where}{did_you_mean(key, known)}", f"use one of: {_listed(known, detail)}"


def _listed(known: list[str], detail: Detail) -> str:
    page = "policy" if detail["root"] is Policy else "policy-tests"
    more = f" and {len(known) - _MOST_LISTED} more: see docs/reference/{page}.md" if len(known) > _MOST_LISTED else ""
    return ", ".join(known[:_MOST_LISTED]) + more


_MOST_LISTED = 12


def _other_kind(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    wanted = _wanted(path, detail)
    what = f"{_name(path)} is {_found(path, node)}, expected {wanted}"
    if isinstance(node, Scalar) and wanted == "a text":
        return what, f"quote it: {shown(node.text)}"
    if isinstance(node, Scalar) and wanted == "a list" and "one value" not in what:
        entry = node.text if _PLAIN.fullmatch(node.text) else shown(node.text)
        return what, f"write it as a list: [{entry}]"
    return what, f"write {wanted}"


_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9_$./-]{0,60}")
"""Texts that stand in a list without quotes."""


def _no_member(path: Path, node: Node | None, detail: Detail) -> tuple[str, str]:
    members = members_of(_kind(path, detail))
    found = node.text if isinstance(node, Scalar) else ""
    if found in NEVER and {"skips", "bypasses"}.intersection(path):
        return f"{_name(path)} is {_found(path, node)}, and nothing ever goes without {NEVER[found]}", "take it out"
    what = f"{_name(path)} is {_found(path, node)}, expected {_wanted(path, detail)}{did_you_mean(found, members)}"
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
    return f"{name}: {what}", remedy or f"write {_wanted(path, detail)}"


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
