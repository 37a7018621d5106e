"""A policy file as lines: what it says, and on the right where it says so."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator

from tidegate.cli.text import WIDTH, clean, faint, strong
from tidegate.policyfile.load import LoadedPolicy
from tidegate.policyfile.origins import DEFAULT, children, is_leaf
from tidegate.policyfile.tree import Mapping, Node, Scalar, Sequence

_NARROWEST = 30
_PLAIN = re.compile(r"[\w$./<>=~+(-](?:[^:#\n]|:(?! |$)|(?<! )#)*")


def origin_lines(loaded: LoadedPolicy, keys: tuple[str, ...], node: Node) -> list[str]:
    """What a policy says at some keys and below, after the names of the files of which it is made."""
    files = [clean(name) for name in loaded.files]
    above = f", on {', '.join(reversed(files[:-1]))}" if files[:-1] else ""
    lines = [strong(files[-1]) + above, f"  {loaded.digest}", ""]
    lines += [f"{'  ' * depth}{clean(key)}:" for depth, key in enumerate(keys[:-1])]
    if not keys:
        return [*lines, *_below("", node)]
    return [*lines, *_entry("  " * (len(keys) - 1), f"{clean(keys[-1])}:", node)]


def _entry(indent: str, label: str, node: Node) -> Iterator[str]:
    """A key or a dash, with what stands there: on its line, or below it."""
    if is_leaf(node):
        yield from _line(f"{indent}{label} {_text(node)}", len(indent) + 2, _origin(node))
    else:
        yield f"{indent}{label}"
        yield from _below(indent + "  ", node)


def _below(indent: str, node: Node) -> Iterator[str]:
    if is_leaf(node):
        yield from _line(indent + _text(node), len(indent), _origin(node))
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _item(indent, item)
    else:
        for key, value in children(node):
            yield from _entry(indent, f"{clean(key)}:", value)


def _item(indent: str, node: Node) -> Iterator[str]:
    """An entry of a list: its first line begins with a dash."""
    first, *rest = _below(indent + "  ", node)
    yield f"{indent}- {first[len(indent) + 2 :]}"
    yield from rest


def _line(text: str, hanging: int, origin: str) -> Iterator[str]:
    """A line with its origin on the right; what is too long goes on below."""
    room = WIDTH - len(origin) - 2
    if room < max(_NARROWEST, hanging + 10):
        yield from _wrapped(text, hanging, WIDTH)
        yield faint(origin.rjust(WIDTH))
        return
    first, *rest = _wrapped(text, hanging, room)
    yield f"{first.ljust(room)}  {faint(origin)}"
    yield from rest


def _wrapped(text: str, hanging: int, width: int) -> list[str]:
    start = len(text) - len(text.lstrip())
    lines = textwrap.wrap(text.strip(), width, initial_indent=" " * start, subsequent_indent=" " * hanging)
    return lines or [text]


def _text(node: Node) -> str:
    if isinstance(node, Sequence):
        return f"[{', '.join(map(_text, node.items))}]"
    if isinstance(node, Mapping):
        return "{}"
    return _scalar(node)


def _scalar(node: Scalar) -> str:
    if not isinstance(node.value, str):
        return clean(node.text if node.place != DEFAULT else json.dumps(node.value))
    said = clean(node.value)
    return said if _PLAIN.fullmatch(said) else json.dumps(said, ensure_ascii=False)


def _origin(node: Node) -> str:
    line, _, file = node.place
    return file if node.place == DEFAULT else f"{clean(file)}:{line}"
