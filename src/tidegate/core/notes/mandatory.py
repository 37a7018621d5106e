"""Which sections that the policy demands are missing from notes, empty, or not written yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tidegate.core.notes.data import NotesData
from tidegate.core.notes.outline import Heading, headings_of, without_comments
from tidegate.core.plain import plain

NOT_WRITTEN = "Not written yet"
"""How a sentence begins that stands in place of something that people still have to write."""


class Gap(NamedTuple):
    """A section that is not as it must be: what is wrong with it, and what to do."""

    section: str
    what: str
    remedy: str


def gaps(text: str, demanded: Iterable[str], data: NotesData | None = None) -> tuple[Gap, ...]:
    """The demanded sections that the notes lack, in their order.

    A heading counts whatever signs stand before it (``🎉 New Features``) and however it is capitalised. ``None`` is an
    answer; nothing, a comment, and what says that it is not written yet are none. Source: 7D-13, HD-09, M2-06.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    found = list(headings_of(lines))
    bodies = {_bare(heading.text): _body(lines, found, index) for index, heading in enumerate(found)}
    wanted = list(dict.fromkeys(demanded))
    told = [gap for section in wanted if (gap := _gap(section, bodies.get(_bare(section)))) is not None]
    if data is not None and any(_bare(section) == "deprecations" for section in wanted):
        told += [_unremoved(entry.text) for entry in data.deprecations if not entry.removed_in]
    return tuple(told)


def sections_of(text: str) -> tuple[str, ...]:
    """The sections that notes have: what is demanded of them where no policy says it."""
    return tuple(heading.text for heading in headings_of(text.split("\n")) if heading.level == 2)


def _bare(title: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", title.casefold()))


def _body(lines: Sequence[str], headings: Sequence[Heading], index: int) -> str:
    """What stands below a heading, up to the next one that is not below it."""
    this = headings[index]
    after = (heading.start for heading in headings[index + 1 :] if heading.level <= this.level)
    body = "\n".join(lines[this.end : next(after, len(lines))])
    return without_comments(body).strip()


def _gap(section: str, body: str | None) -> Gap | None:
    name = plain(section, 100)
    if body is None:
        return Gap(name, "is not there", _ways(section, f'or give the template a heading "{name}"'))
    if not body:
        return Gap(name, "is empty", _ways(section, "or write None where there is nothing to say"))
    if body.startswith(NOT_WRITTEN):
        return Gap(name, "is not written yet", _ways(section, "or write it between its marks in the file"))
    return None


_REMEDIES = {
    "highlights": ("NAME.highlight.md", "Highlight"),
    "migration guide": ("NAME.migration.md", "Migration"),
    "migration notes": ("NAME.migration.md", "Migration"),
    "upgrade instructions": ("NAME.upgrade.md", "Upgrade-Step"),
    "known issues": ("NAME.known-issue.md", "Known-Issue"),
    "deprecations": ("NAME.deprecated.md", "Deprecated"),
    "support": ("NAME.support.md", ""),
    "documentation": ("NAME.documentation.md", ""),
}


def _ways(section: str, otherwise: str) -> str:
    file, footer = _REMEDIES.get(_bare(section), ("", ""))
    if not file:
        return f"Write it into the file that --write makes, {otherwise}."
    by_footer = f", or a commit with the footer {footer}:" if footer else ""
    return f"Add changelog.d/+{file}{by_footer}, {otherwise}."


def _unremoved(text: str) -> Gap:
    what = f'does not say which version removes "{plain(text, 80)}"'
    return Gap("Deprecations", what, "Say it in its footer or fragment: ..., removed in 3.0.0.")
