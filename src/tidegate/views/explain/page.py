"""An explanation as a page of its own: no script, no other file, light and dark, for a desk, a phone and paper."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from tidegate.core.plain import plain
from tidegate.views.explain.drawing import Drawing, matrix, road, timeline
from tidegate.views.explain.model import Explanation
from tidegate.views.explain.words import KEPT

TEMPLATE, STYLE = "page.html.jinja", "page.css"
_LONGEST = 100_000


def page_of(view: Explanation) -> str:
    """The page, as HTML."""
    # Our own file, not a stranger's text.
    style = Markup(_resource(STYLE))  # noqa: S704
    return _template().render(view=view, figures=list(_figures(view)), matrix=_matrix(view), style=style)


def _figures(view: Explanation) -> Iterator[tuple[Drawing, Drawing, str]]:
    """The pictures that stand at the beginning, each for a wide and for a narrow page, with what stands below it."""
    if view.road:
        more = "" if view.type else " What a release type asks for itself comes on top in production."
        caption = f"The way through the environments, with the soak time between them.{more}"
        yield road(view.road), road(view.road, narrow=True), caption
    if view.timeline:
        of = "" if view.type else " of all release types"
        caption = f"What happens before and after a release goes{of}. T is the moment at which it goes; not to scale."
        yield timeline(view.timeline), timeline(view.timeline, narrow=True), caption


def _matrix(view: Explanation) -> tuple[Drawing, Drawing] | None:
    return (matrix(view.matrix), matrix(view.matrix, narrow=True)) if view.matrix else None


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader({TEMPLATE: _resource(TEMPLATE)}),
    )
    environment.filters |= {"told": told, "clean": clean, "anchor": anchor}
    return environment.get_template(TEMPLATE)


def _resource(name: str) -> str:
    return files("tidegate.views.explain").joinpath(name).read_text("utf-8")


def clean(text: str) -> str:
    """The text without control characters and marks of direction, on one line."""
    return plain(text, _LONGEST)


def told(text: str) -> Markup:
    """A sentence: escaped, with the names of the file set apart, and numbers kept with their percent sign."""
    return _marked(r"`([^`]*)`", clean(text), Markup("<code>{}</code>"), _prose)


def _prose(text: str) -> Markup:
    return _marked(f"({KEPT})", text, Markup('<span class="kept">{}</span>'), escape)


def _marked(pattern: str, text: str, mark: Markup, rest: Callable[[str], Markup]) -> Markup:
    """The text with what the pattern's one group finds in the mark, and what is between it as the rest."""
    parts = re.split(pattern, text)
    return Markup("").join(mark.format(part) if place % 2 else rest(part) for place, part in enumerate(parts))


def anchor(text: str) -> str:
    """An id that an address can name; ``~`` is in no name of the policy, so that no two are the same."""
    return re.sub(r"[^A-Za-z0-9._~-]", "-", text)
