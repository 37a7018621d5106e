"""Release notes and changelog sections in their formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.core.notes import markdown
from tidegate.core.notes.data import Entry, NotesData
from tidegate.core.notes.escaping import PROSE_LIMIT, escape
from tidegate.core.notes.prose import Block, as_steps
from tidegate.core.plain import plain
from tidegate.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from tidegate.templates.sandbox import Sandbox

STYLES = ("7d", "helpdesk", "moko", "towne-park", "keepachangelog")
"""The formats that are shipped. Source: 7D-13, HD-09, M2-06, TP-14, keepachangelog.com 1.1.0."""

CHANGELOG = "keepachangelog"
_FILES = Path(__file__).with_name("files")


def render(data: NotesData, style: str = "7d", template: Path | None = None) -> str:
    """The notes in a format, with the marks of the places that people may edit.

    Args:
        template: an organisation's own template, in place of the style.

    Raises:
        UsageError: there is no such style, or the template is wrong.
        NotFoundError: there is no such template.
    """
    sandbox = _sandbox()
    if template is not None:
        name = plain(str(template), 200)
        return markdown.tidy(sandbox.show(_own(template, name), name, {"notes": data}))
    return markdown.tidy(sandbox.shown_by(_shipped(style), style, {"notes": data}))


def styles_with(sections: Iterable[str]) -> Iterator[str]:
    """The styles that have all these headings, in their order."""
    wanted = {_bare(section) for section in sections}
    return (style for style in STYLES if wanted <= {_bare(heading) for heading in headings(style)})


def style_for(sections: Iterable[str]) -> str:
    """The first style that has these sections; that of 7D where none has them all."""
    return next(styles_with(sections), STYLES[0])


def headings(style: str) -> tuple[str, ...]:
    """The sections that a style always has."""
    lines = re.sub(r"{% if (?:(?!{% endif).)*?\n## (?:(?!{% endif).)*{% endif %}", "", _source(style), flags=re.DOTALL)
    return tuple(re.findall(r"^## (.*)$", lines, re.MULTILINE))


def _bare(title: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", title.casefold()))


def _own(template: Path, name: str) -> str:
    try:
        return template.read_bytes().decode()
    except FileNotFoundError as error:
        raise NotFoundError("there is no such template", where=name, remedy="Mend --template.") from error
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise UsageError(f"the template cannot be read: {said}", where=name, remedy="Mend --template.") from error


def _source(style: str) -> str:
    if style not in STYLES:
        raise UsageError(f'there is no style "{plain(style, 60)}"', remedy=f"Name one of: {', '.join(STYLES)}.")
    # Not by importlib.resources, whose import takes longer than a rendering.
    return _FILES.joinpath(f"{style}.md.j2").read_text("utf-8")


@cache
def _shipped(style: str) -> Any:
    from jinja2.bccache import bc_version

    from tidegate.templates import compiled

    if bc_version == compiled.FORMAT and style in STYLES:
        return _sandbox().ready(import_module(f"{compiled.__name__}.{style}"))
    # A later Jinja writes another Python.
    return _sandbox().compiled(_source(style), style)


def python_of(style: str) -> str:
    """A shipped style as the module in Python that stands in ``templates/compiled``."""
    return _sandbox().python_of(_source(style), style)


@cache
def _sandbox() -> Sandbox:
    from tidegate.templates.sandbox import Rendered, Sandbox

    def rendered(text: str) -> Rendered:
        return Rendered(text)

    return Sandbox(
        lambda text: escape(text, PROSE_LIMIT),
        {
            "entries": lambda told: rendered(markdown.entries(_flat(told))),
            "changes": lambda told: rendered(markdown.entries(_flat(told), mark_breaking=True)),
            "blocks": lambda told: rendered(markdown.blocks(_flat(told))),
            "steps": lambda told: as_steps(_flat(told)),
            "requirements": lambda told: rendered(markdown.requirements(told)),
            "contacts": lambda told: rendered(markdown.contacts(told)),
            "names": lambda told: rendered(markdown.names(told)),
        },
    )


def _flat(told: Iterable[Any]) -> Iterator[Any]:
    """Entries or blocks, given as one sequence or as several."""
    return chain.from_iterable((one,) if isinstance(one, Entry | Block) else one for one in told)
