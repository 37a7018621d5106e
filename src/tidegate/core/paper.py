"""What is written for a release, as rules see it: where it lies, its digest, its headings, and what is still missing.

A paper is a document of the policy as it was found for one component: in the commit that is released, or attached to
the release. What was found is a fact; what is wrong with it is worked out here, against the document that a policy
asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.core.policy import Document

NOTES = "release-notes"
"""The document that, without a path and with nothing attached, is the notes that Tidegate wrote with the release."""

ATTACHED = "attached"
"""In place of a path: it is kept with the release."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and whether something stands below it."""

    text: str
    filled: bool


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it was found for one component.

    ``where`` is its path in the repository, or :data:`ATTACHED`; ``digest`` is empty where there is none. ``markdown``
    says whether its headings could be read. ``unedited``: whether it is its template, None where the template is not
    there. ``left`` are the placeholders of the template that it still has. ``unknown`` says why nobody can tell, else
    it is empty.
    """

    document: str
    component: str
    where: str
    digest: str = ""
    empty: bool = False
    markdown: bool = True
    sections: tuple[Section, ...] = ()
    unedited: bool | None = False
    left: tuple[str, ...] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Migrates:
    """Whether a release changes the migrations of a component; None where nobody can tell, and why."""

    component: str
    changes: bool | None
    because: str = ""


class Kind(StrEnum):
    """In which way a document is not what it must be."""

    UNKNOWN = "unknown"
    MISSING = "missing"
    EMPTY = "empty"
    UNEDITED = "unedited"
    ABSENT_SECTION = "absent section"
    EMPTY_SECTION = "empty section"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a document, in words, and what to do about it."""

    kind: Kind
    said: str
    remedy: str


def faults(paper: Paper, document: Document) -> tuple[Fault, ...]:
    """What is wrong with a paper, held against the document that is asked for; empty when nothing is."""
    return tuple(_faults(paper, document))


def _faults(paper: Paper, document: Document) -> Iterator[Fault]:
    where = "what is attached" if paper.where == ATTACHED else paper.where
    if paper.unknown:
        yield Fault(Kind.UNKNOWN, paper.unknown, "ask where the repository is, with its whole history")
    elif not paper.digest:
        yield Fault(Kind.MISSING, _not_there(paper), "")
    elif paper.empty:
        yield Fault(Kind.EMPTY, f"{where} says nothing", "write it")
    elif paper.unedited:
        yield Fault(Kind.UNEDITED, f"{where} is its template, unedited", "fill it in")
    else:
        yield from _in_part(paper, document, where)


def _in_part(paper: Paper, document: Document, where: str) -> Iterator[Fault]:
    if paper.unedited is None:
        said = f"its template {document.template} is not there, so nobody can tell whether {where} was edited"
        yield Fault(Kind.UNKNOWN, said, f"commit the template {document.template}, and open the release again")
    if paper.left:
        shown = ", ".join(paper.left[:3]) + (f" and {len(paper.left) - 3} more" if len(paper.left) > 3 else "")
        yield Fault(Kind.UNEDITED, f"{where} still has {shown} of its template", "fill it in")
    if not paper.markdown:
        return
    there: dict[str, bool] = {}
    for section in paper.sections:
        name = heading_name(section.text)
        there[name] = there.get(name, False) or section.filled
    for wanted in document.sections:
        filled = there.get(heading_name(wanted))
        if filled is None:
            yield Fault(Kind.ABSENT_SECTION, f'{where} has no heading "{wanted}"', f'add the heading "{wanted}"')
        elif not filled:
            yield Fault(Kind.EMPTY_SECTION, f'nothing stands below "{wanted}"', f'write something below "{wanted}"')


def _not_there(paper: Paper) -> str:
    if paper.where == ATTACHED:
        return "nothing is attached"
    return f"{paper.where} is not in the commit that is released"


_MARKUP = re.compile(r"[*_`#]+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_LEAD = re.compile(r"^(?:(?:[0-9]+[.)]|[0-9]+(?:\.[0-9]+)+[.)]?)\s+)?[^\w]*")


def heading_name(text: str) -> str:
    """A heading as it is compared: without markup, numbering, and what decorates it; in any case of letters."""
    plain = _MARKUP.sub("", _LINK.sub(r"\1", text))
    return " ".join(_LEAD.sub("", plain).rstrip(" :.!").split()).casefold()


def path_of(document: Document, component: str, version: str) -> str:
    """Where a document lies for a component at a version; empty where it is attached."""
    return filled_in(document.path or "", component, version)


def filled_in(text: str, component: str, version: str) -> str:
    """A text with ``{component}`` and ``{version}`` put in."""
    return text.replace("{component}", component).replace("{version}", version)


def skeleton(document: Document) -> str:
    """What a document without a template is begun from: its title and its headings."""
    lines = [f"# {document.title}", ""]
    for section in document.sections:
        lines += [f"## {section}", "", TO_BE_WRITTEN, ""]
    return "\n".join(lines if document.sections else [*lines, TO_BE_WRITTEN, ""])


TO_BE_WRITTEN = "{to be written}"
"""What stands where something is to be written; a document that still has it is not written."""
