"""Entries, blocks and requirements of the notes in Markdown: what every format is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from tidegate.core.notes.data import Contact, Entry, Reference, Requirement
from tidegate.core.notes.escaping import PROSE_LIMIT, escape, inline
from tidegate.core.notes.prose import Block, BlockKind, markdown_of

INDENT = "  "


def entries(told: Iterable[Entry], mark_breaking: bool = False) -> str:
    """A list with an item for each entry; empty where there is none.

    Args:
        mark_breaking: say before each entry that breaks something that it does; for formats without a section for it.
    """
    return "\n".join(_item(entry, mark_breaking) for entry in told)


def _item(entry: Entry, mark_breaking: bool) -> str:
    words = inline(entry.text) if entry.by_hand else escape(entry.text)
    lead = _lead(entry, mark_breaking) if entry.scope or entry.breaking else ""
    start = f"- {lead}{_titled(words if lead else capital(words), entry)}{_references(entry.references)}"
    if not (entry.breaks or entry.details or entry.removed_in):
        return start  # as most entries
    broken = [f"{INDENT}{escape(note)}" for note in entry.breaks] if mark_breaking else []
    return "\n".join([start, *broken, *_below(entry)])


def _lead(entry: Entry, mark_breaking: bool) -> str:
    """``**Breaking, api:** ``, or as much of it as there is."""
    mark = ("Breaking",) if mark_breaking and entry.breaking else ()
    parts = (*mark, *((_scope(entry.scope),) if entry.scope else ()))
    return f"**{', '.join(parts)}:** " if parts else ""


@lru_cache(maxsize=1_000)
def _scope(scope: str) -> str:
    """A scope stands before many entries."""
    return escape(scope)


def capital(words: str) -> str:
    """The words with a capital, where they begin with a plain word: ``setup.py`` and ``iOS`` are names."""
    first, space, _ = words.partition(" ")
    is_word = (space or len(first) > 1) and first.isascii() and first.isalpha() and first.islower()
    return words[0].upper() + words[1:] if is_word else words


def _titled(words: str, entry: Entry) -> str:
    """What is explained below stands in strong words, as 7D writes features. Source: 7D-13."""
    if not entry.details:
        return words
    explained = entry.details[0].kind is BlockKind.PARAGRAPH and not entry.scope
    return f"**{words}**" if explained and "**" not in words and not words.endswith("\\") else words


def _below(entry: Entry) -> list[str]:
    lines = [f"{INDENT}Will be removed in v{escape(entry.removed_in)}{_when(entry)}"] if entry.removed_in else []
    if entry.details:
        separate = entry.details[0].kind is BlockKind.CODE
        lines += ([""] if separate else []) + [markdown_of(entry.details, INDENT)]
    return lines


def _when(entry: Entry) -> str:
    return f" ({escape(entry.removed_when)})" if entry.removed_when else ""


def _references(references: Sequence[Reference]) -> str:
    return f" ({', '.join([_reference(reference) for reference in references])})" if references else ""


def _reference(reference: Reference) -> str:
    return f"[{escape(reference.text)}]({reference.url})" if reference.url else escape(reference.text)


def requirements(required: Iterable[Requirement]) -> str:
    """``- Requires platform v3.1.0+``, as 7D writes it; empty where there is none. Source: 7D-13."""
    return "\n".join(f"- Requires {escape(one.component)} {escape(constraint(one.versions))}" for one in required)


def constraint(versions: str) -> str:
    """``v3.1.0+`` for ``>=3.1.0``; other conditions as they are."""
    at_least = re.fullmatch(r">=\s*([0-9][0-9A-Za-z.+-]*)", versions)
    return f"v{at_least[1]}+" if at_least else versions


def contacts(known: Iterable[Contact]) -> str:
    """``- Issues: https://...``; an address of the web is a link."""
    return "\n".join(f"- {escape(contact.title)}: {_reach(contact.reach)}" for contact in known)


def _reach(reach: str) -> str:
    address = re.fullmatch(r"https?://[^\s()<>\[\]\\`\"']+", reach)
    return f"<{reach}>" if address else escape(reach)


def blocks(told: Iterable[Block]) -> str:
    """Paragraphs, lists and code; empty where there is nothing."""
    return markdown_of(told)


def names(people: Iterable[str]) -> str:
    """``Alice, Bob``."""
    return ", ".join(escape(name, PROSE_LIMIT) for name in people)


def tidy(text: str) -> str:
    """The text with no more than one empty line in a row outside code, and one line end at its end."""
    lines: list[str] = []
    fence = ""
    for line in text.strip("\n").split("\n"):
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        if line.strip() or fence or (lines and lines[-1].strip()):
            lines.append(line)
    return "\n".join(lines) + "\n"
