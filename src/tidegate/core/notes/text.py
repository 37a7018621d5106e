"""The notes as plain text, for a terminal or a mail: what there is, and nothing else."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from tidegate.core.notes.data import Entry, NotesData
from tidegate.core.notes.markdown import capital, constraint
from tidegate.core.notes.prose import Block, BlockKind

WIDTH = 78
_LINK = re.compile(r"\[([^\[\]]+)\]\((https?://[^\s()]+)\)")


def notes_text(data: NotesData) -> str:
    """The notes with their sections in the order of 7D-13, without those that are empty, ending with a line end."""
    title = f"{data.title} {data.name}"
    lines = [title, "=" * min(len(title), WIDTH)]
    if data.released_on is not None:
        lines += [
            "",
            f"Released on {data.released_on.isoformat()}" + (f", after {data.previous}" if data.previous else ""),
        ]
    for heading, body in _sections(data):
        if body:
            lines += ["", heading, "-" * len(heading), *body]
    return "\n".join(lines) + "\n"


def _sections(data: NotesData) -> Iterator[tuple[str, list[str]]]:
    yield "Highlights", _entries(data.highlights)
    yield "Security", _entries(data.security)
    yield "Breaking changes", _entries(data.breaking)
    yield "Features", _entries(data.features)
    yield "Fixes", _entries(data.fixes)
    yield "Performance", _entries(data.performance)
    yield "Improvements", _entries(data.improvements)
    yield "Removed", _entries(data.removed)
    yield "Deprecations", _entries(data.deprecations)
    yield "Migration guide", _blocks(data.migration_guide)
    yield "Upgrade steps", _blocks(data.upgrade_steps)
    required = [f"Requires {one.component} {constraint(one.versions)}" for one in data.requires]
    yield "Dependencies", [line for text in required for line in _wrapped(text, "- ")] + _entries(data.dependencies)
    yield "Documentation", _entries(data.documentation)
    yield "Known issues", _entries(data.known_issues)
    reached = [line for contact in data.contacts for line in _wrapped(f"{contact.title}: {contact.reach}", "- ")]
    yield "Support", reached + _entries(data.support)
    yield "Other changes", _entries((*data.other, *data.unconventional))
    yield "Contributors", _wrapped(", ".join(data.contributors), "") if data.contributors else []


def _entries(told: Iterable[Entry]) -> list[str]:
    return [line for entry in told for line in _entry(entry)]


def _entry(entry: Entry) -> Iterator[str]:
    scope = f"{entry.scope}: " if entry.scope else ""
    references = f" ({', '.join(r.text for r in entry.references)})" if entry.references else ""
    words = _said(entry.text, entry.by_hand)
    yield from _wrapped(f"{scope}{words if scope else capital(words)}{references}", "- ")
    if entry.removed_in:
        when = f" ({entry.removed_when})" if entry.removed_when else ""
        yield from _wrapped(f"Will be removed in v{entry.removed_in}{when}", "  ")
    yield from _blocks(entry.details, "  ")


def _said(text: str, by_hand: bool) -> str:
    """Links with their addresses, and words without stars, where these were meant."""
    return _LINK.sub(r"\1 <\2>", text).replace("**", "") if by_hand else text


def _blocks(told: Iterable[Block], indent: str = "") -> list[str]:
    lines: list[str] = []
    step = 0
    for block in told:
        step = step + 1 if block.kind is BlockKind.STEP else step
        mark = {BlockKind.ITEM: "- ", BlockKind.STEP: f"{step}. "}.get(block.kind, "")
        if block.kind is BlockKind.CODE:
            lines += [f"{indent}    {line}".rstrip() for line in block.text.split("\n")]
        else:
            lines += _wrapped(_said(block.text, block.by_hand), f"{indent}{'  ' * block.level}{mark}")
    return lines


def _wrapped(text: str, start: str) -> list[str]:
    indent = " " * len(start)
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
