"""The pictures as shapes with their places: pure geometry, in units of a pixel at full size.

Each picture is drawn twice, for a wide page and for a narrow one. The width of a text is estimated, on the side of too
wide, so that nothing has to be measured where it is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tidegate.views.explain.changes import cell_text
from tidegate.views.explain.model import Cell, Matrix, Moment, Road, Stop, Stretch, Timeline
from tidegate.views.explain.words import all_of, plain, upper

WIDE, NARROW = 820, 340
_CHARACTER = 0.54
"""How wide a character is at most on average, as a share of the size of the type."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A ``rect``, a ``path`` or a line of ``text``; ``css`` names what it looks like."""

    kind: str
    css: str
    x: float = 0
    y: float = 0
    w: float = 0
    h: float = 0
    d: str = ""
    anchor: str = "start"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes on a canvas, with the words for those who cannot see it."""

    id: str
    title: str
    description: str
    width: float
    height: float
    shapes: tuple[Shape, ...]


@dataclass(slots=True)
class _Canvas:
    shapes: list[Shape] = field(default_factory=list)

    def rect(self, css: str, x: float, y: float, w: float, h: float) -> None:
        self.shapes.append(Shape("rect", css, x, y, w, h))

    def path(self, css: str, d: str) -> None:
        self.shapes.append(Shape("path", css, d=d))

    def text(self, css: str, x: float, y: float, text: str, anchor: str = "start") -> None:
        self.shapes.append(Shape("text", css, x, y, anchor=anchor, text=text))

    def lines(self, css: str, x: float, y: float, texts: Sequence[str], step: float, anchor: str = "start") -> float:
        """Several lines below each other; where the next one would stand."""
        for text in texts:
            self.text(css, x, y, text, anchor)
            y += step
        return y


def folded(text: str, width: float, size: float) -> list[str]:
    """The text in lines that fit the width."""
    most = max(4, int(width / (size * _CHARACTER)))
    lines, line = [], ""
    for piece in _pieces(text, most):
        if line and len(line) + len(piece.rstrip()) > most:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str, most: int) -> Iterator[str]:
    for found in _PIECES.findall(" ".join(text.split())):
        yield from (found[start : start + most] for start in range(0, len(found), most))


_PIECES = re.compile(r"[^\s:/@-]+[:/@-]* ?|[:/@-]+ ?")
"""Words, and the parts of an address, which may be broken after its signs."""


# -- the way through the environments ----------------------------------------------------------------------------------

_PAD, _STEP, _GAP, _SMALL_GAP = 14, 18, 78, 46
_MOST_COLUMNS = 4


def road(view: Road, *, narrow: bool = False) -> Drawing:
    """The environments as cards in their order, with what each asks for, and how long a release soaks between them."""
    columns = 1 if narrow or len(view.stops) > _MOST_COLUMNS else len(view.stops)
    drawn = _road_down(view, NARROW if narrow else WIDE) if columns == 1 else _road_across(view, columns)
    canvas, width, height = drawn
    title = "The way through the environments"
    return Drawing("road-narrow" if narrow else "road", title, _road_told(view), width, height, tuple(canvas.shapes))


def _road_told(view: Road) -> str:
    def told(stop: Stop) -> str:
        legs = [f"{leg.title}{f' for {leg.soak}' if leg.soak else ''}" for leg in stop.after]
        return f"{stop.title}{f' after {all_of(legs)}' if legs else ''}"

    return "; ".join(map(told, view.stops)) + "."


def _road_across(view: Road, columns: int) -> tuple[_Canvas, float, float]:
    canvas = _Canvas()
    soaks = any(leg.soak for stop in view.stops for leg in stop.after)
    card = min(250.0, (WIDE - (_GAP if soaks else _SMALL_GAP) * (columns - 1)) / columns)
    gap = (WIDE - card * columns) / (columns - 1) if columns > 1 else 0
    gap = min(gap, 150)
    top = 40.0 if _has_detours(view) else 4.0
    height = max(_card_height(stop, card) for stop in view.stops)
    left = (WIDE - card * columns - gap * (columns - 1)) / 2
    places = {stop.environment: left + place * (card + gap) for place, stop in enumerate(view.stops)}
    for place, stop in enumerate(view.stops):
        x = places[stop.environment]
        _card(canvas, stop, x, top, card, height)
        for leg in stop.after:
            if place and leg.environment == view.stops[place - 1].environment:
                _arrow_across(canvas, x - gap, x, top + 30, leg.soak)
            elif leg.environment in places:
                _detour(canvas, places[leg.environment] + card / 2, x + card / 2, top, leg.soak)
    return canvas, WIDE, top + height + 4


def _has_detours(view: Road) -> bool:
    before = dict(zip([stop.environment for stop in view.stops[1:]], view.stops, strict=False))
    return any(
        leg.environment != (before[stop.environment].environment if stop.environment in before else "")
        for stop in view.stops
        for leg in stop.after
    )


def _arrow_across(canvas: _Canvas, first: float, last: float, y: float, soak: str) -> None:
    canvas.path("arrow", f"M{first + 6:.1f} {y:.1f}H{last - 8:.1f}")
    canvas.path("head", f"M{last - 6:.1f} {y:.1f}l-8 -4.5v9z")
    if soak:
        middle = (first + last) / 2
        canvas.text("label", middle, y - 9, soak, "middle")
        canvas.text("small", middle, y + 17, "soak", "middle")


def _detour(canvas: _Canvas, first: float, last: float, top: float, soak: str) -> None:
    height = top - 22
    canvas.path("arrow", f"M{first:.1f} {top - 4:.1f}V{height:.1f}H{last + 20:.1f}V{top - 8:.1f}")
    canvas.path("head", f"M{last + 20:.1f} {top - 4:.1f}l-4.5 -8h9z")
    if soak:
        canvas.text("label", (first + last) / 2, height - 6, f"{soak} soak", "middle")


def _road_down(view: Road, width: float) -> tuple[_Canvas, float, float]:
    canvas = _Canvas()
    card = min(width - 2, 460.0)
    left, y = (width - card) / 2, 1.0
    for place, stop in enumerate(view.stops):
        if place:
            before = view.stops[place - 1].environment
            leg = next((leg for leg in stop.after if leg.environment == before), None)
            others = [leg for leg in stop.after if leg.environment != before]
            if leg is not None:
                canvas.path("arrow", f"M{width / 2:.1f} {y + 6:.1f}V{y + 36:.1f}")
                canvas.path("head", f"M{width / 2:.1f} {y + 40:.1f}l-4.5 -8h9z")
            text = f"{leg.soak} soak" if leg and leg.soak else ""
            more = all_of(f"{one.title}{f' for {one.soak}' if one.soak else ''}" for one in others)
            said = ", ".join(filter(None, (text, f"after {more}" if more else "")))
            canvas.text("label", width / 2 + 14, y + 27, said)
            y += 46
        height = _card_height(stop, card)
        _card(canvas, stop, left, y, card, height)
        y += height
    return canvas, width, y + 2


def _facts(stop: Stop) -> list[tuple[str, list[str]]]:
    known = [
        ("GATES", list(stop.gates)),
        ("YES OF", list(stop.approvals)),
        ("STARTS", [stop.opens] if stop.opens else []),
        ("HOSTS", [stop.strategy]),
    ]
    return [(head, texts) for head, texts in known if texts]


def _card_height(stop: Stop, width: float) -> float:
    inner = width - 2 * _PAD
    lines = sum(len(folded(text, inner - 12, 13)) for _, texts in _facts(stop) for text in texts)
    return 58 + lines * _STEP + len(_facts(stop)) * 25 + (len(folded(stop.title, inner, 16)) - 1) * 20


def _card(canvas: _Canvas, stop: Stop, x: float, y: float, width: float, height: float) -> None:
    canvas.rect("card last" if stop.purpose == "production" else "card", x, y, width, height)
    inner, left = width - 2 * _PAD, x + _PAD
    at = canvas.lines("title", left, y + 27, folded(stop.title, inner, 16), 20)
    canvas.text("small", left, at - 2, f"for {stop.purpose}")
    at += 22
    for head, texts in _facts(stop):
        canvas.text("head-text", left, at, head)
        at += _STEP
        for text in texts:
            for place, line in enumerate(folded(text, inner - 12, 13)):
                if not place:
                    canvas.path("tick", f"M{left + 1:.1f} {at - 4:.1f}h5")
                canvas.text("body", left + 12, at, line)
                at += _STEP
        at += 7


# -- the timeline ------------------------------------------------------------------------------------------------------

_GLYPHS = {
    "message": ("Message", "M{x} {y}m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z"),
    "milestone": ("Milestone", "M{x} {y}m0 -6l6 6l-6 6l-6 -6z"),
    "notice": ("Notice", "M{x} {y}m0 -6l6 11h-12z"),
    "task": ("Task due", "M{x} {y}m-5 -5h10v10h-10z"),
    "review": ("Look back", "M{x} {y}m-5 -5l10 10m0 -10l-10 10"),
}
_MOST_MOMENTS = 7


def timeline(view: Timeline, *, narrow: bool = False) -> Drawing:
    """What happens before and after a release: across, or down where it is narrow or much."""
    across = not narrow and _fits_across(view)
    canvas, width, height = _timeline_across(view) if across else _timeline_down(view, NARROW if narrow else WIDE)
    told = "; ".join(
        f"{moment.label}: {all_of(one.text for one in moment.happenings) or 'the release goes'}"
        for moment in view.moments
    )
    stretches = "".join(f" {stretch.text}." for stretch in view.stretches)
    name = "timeline-narrow" if narrow else "timeline"
    return Drawing(name, "What happens when", f"{told}.{stretches}", width, height, tuple(canvas.shapes))


def _fits_across(view: Timeline) -> bool:
    """Whether every word finds room in the column of its moment."""
    most = int(_room(view) / (13 * _CHARACTER))
    words = (word for moment in view.moments for one in moment.happenings for word in _PIECES.findall(one.text))
    return len(view.moments) <= _MOST_MOMENTS and all(len(word.rstrip()) <= most for word in words)


def _room(view: Timeline) -> float:
    return WIDE / len(view.moments) - 32


def _glyph(canvas: _Canvas, kind: str, x: float, y: float) -> None:
    canvas.path(f"glyph {kind}", _GLYPHS[kind][1].format(x=f"{x:.1f}", y=f"{y:.1f}"))


def _timeline_across(view: Timeline) -> tuple[_Canvas, float, float]:
    canvas = _Canvas()
    column = WIDE / len(view.moments)
    axis = 22.0 + 34 * len(view.stretches)
    places = [(moment.seconds, place * column + 14) for place, moment in enumerate(view.moments)]
    for row, stretch in enumerate(view.stretches):
        _bar_across(canvas, stretch, places, 4 + 34 * row)
    canvas.path("axis", f"M2 {axis:.1f}H{WIDE - 2}")
    bottom = axis
    for moment, (_, x) in zip(view.moments, places, strict=True):
        bottom = max(bottom, _moment_across(canvas, moment, x, axis, column))
    return canvas, WIDE, _legend(canvas, view, bottom + 26, WIDE) + 6


def _moment_across(canvas: _Canvas, moment: Moment, x: float, axis: float, column: float) -> float:
    goes = not moment.seconds
    canvas.path("now" if goes else "notch", f"M{x:.1f} {axis - (10 if goes else 5):.1f}v{20 if goes else 10}")
    at = axis + 28
    at = canvas.lines("label", x - 6, at, folded(moment.label, column - 16, 14), 17) + 4
    if goes:
        at = canvas.lines("body", x - 6, at, folded("The release goes.", column - 16, 13), 17) + 6
    for one in moment.happenings:
        _glyph(canvas, one.kind, x, at - 4)
        at = canvas.lines("body", x + 13, at, folded(upper(one.text), column - 32, 13), 17) + 6
    return at


def _x_of(seconds: float, places: Sequence[tuple[float, float]]) -> float:
    """Between two moments in proportion; outside of all at the edge."""
    for (before, left), (after, right) in pairwise(places):
        if before <= seconds <= after:
            return left + (right - left) * (seconds - before) / (after - before)
    return places[0][1] if seconds < places[0][0] else WIDE - 8


def _bar_across(canvas: _Canvas, stretch: Stretch, places: Sequence[tuple[float, float]], y: float) -> None:
    first, last = _x_of(stretch.first, places), _x_of(stretch.last, places)
    canvas.rect(f"bar {stretch.kind}", first, y + 17, max(last - first, 6), 10)
    # The words stand on the side where there is room.
    if first + len(stretch.text) * 13 * _CHARACTER < WIDE:
        canvas.text("body", first, y + 11, stretch.text)
    else:
        canvas.text("body", last, y + 11, stretch.text, "end")


def _timeline_down(view: Timeline, width: float) -> tuple[_Canvas, float, float]:
    canvas = _Canvas()
    line = 26.0 if width < WIDE else 60.0
    room = width - line - 36
    y, heights = 12.0, []
    for moment in view.moments:
        heights.append(y + 10)
        starts = [s for s in view.stretches if s.first == moment.seconds or (s.first == 0 == moment.seconds)]
        y = _moment_down(canvas, moment, starts, line, y, room) + 10
    canvas.path("axis", f"M{line:.1f} 8V{y:.1f}")
    rows = [(moment.seconds, height) for moment, height in zip(view.moments, heights, strict=True)]
    for place, stretch in enumerate(view.stretches):
        first, last = _y_of(stretch.first, rows, y), _y_of(stretch.last, rows, y)
        canvas.rect(f"bar {stretch.kind}", line - 14 - 10 * (place % 2), first, 8, max(last - first, 8))
    late = [s for s in view.stretches if s.first not in {m.seconds for m in view.moments}]
    for stretch in late:
        y = canvas.lines("body", line + 18, y + 18, folded(stretch.text, room, 13), 17)
    return canvas, width, _legend(canvas, view, y + 22, width) + 6


def _y_of(seconds: float, rows: Sequence[tuple[float, float]], bottom: float) -> float:
    for (before, above), (after, below) in pairwise(rows):
        if before <= seconds <= after:
            return above + (below - above) * (seconds - before) / (after - before)
    return rows[0][1] if seconds < rows[0][0] else bottom


def _moment_down(
    canvas: _Canvas, moment: Moment, starts: Iterable[Stretch], line: float, y: float, room: float
) -> float:
    goes = not moment.seconds
    canvas.path("now" if goes else "notch", f"M{line - 6:.1f} {y + 10:.1f}h12")
    label = f"{moment.label}: the release goes" if goes else moment.label
    at = canvas.lines("label", line + 14, y + 15, folded(label, room, 14), 17) + 4
    for stretch in starts:
        canvas.rect(f"bar {stretch.kind}", line + 14, at - 9, 12, 8)
        at = canvas.lines("body", line + 34, at, folded(stretch.text, room - 20, 13), 17) + 4
    for one in moment.happenings:
        _glyph(canvas, one.kind, line + 20, at - 4)
        at = canvas.lines("body", line + 34, at, folded(upper(one.text), room - 20, 13), 17) + 4
    return at


def _legend(canvas: _Canvas, view: Timeline, y: float, width: float) -> float:
    """What the signs mean; where the last line of it stands."""
    kinds = dict.fromkeys(one.kind for moment in view.moments for one in moment.happenings)
    x = 8.0
    for kind in (kind for kind in _GLYPHS if kind in kinds):
        word = _GLYPHS[kind][0]
        needs = 34 + len(word) * 12 * _CHARACTER
        if x > 8 and x + needs > width:
            x, y = 8.0, y + 20
        _glyph(canvas, kind, x, y - 4)
        canvas.text("small", x + 12, y, word)
        x += needs
    return y


# -- the risk matrix ---------------------------------------------------------------------------------------------------


def matrix(view: Matrix, *, narrow: bool = False) -> Drawing:
    """The grid of impact and probability with the level in each cell; what is undecided is hatched and says so."""
    canvas = _Canvas()
    side = 62.0 if narrow else 110.0
    width = max(NARROW if narrow else 700.0, side + 2 + 84 * len(view.probabilities))
    cell = (width - side - 2) / len(view.probabilities)
    words = [[_cell_words(one, cell - 14) for one in cells] for cells in view.rows]
    tall = max(70.0, *(34 + len(first) * 18 + len(more) * 15 for row in words for first, more in row))
    canvas.text("head-text", side, 14, "PROBABILITY →")
    canvas.text("head-text", 2, 64, "IMPACT")
    for column, probability in enumerate(view.probabilities):
        canvas.text("label", side + column * cell + cell / 2, 38, _short(probability, cell, 14), "middle")
    for row, cells in enumerate(view.rows):
        y = 50 + row * tall
        canvas.text("label", 2, y + tall / 2 + 5, _short(cells[0].impact, side - 4, 14))
        for column, one in enumerate(cells):
            _cell(canvas, view, one, words[row][column], (side + column * cell, y, cell - 4, tall - 4))
    height = 50 + len(view.rows) * tall + 2
    name = "matrix-narrow" if narrow else "matrix"
    return Drawing(name, "The risk matrix", _matrix_told(view), width, height, tuple(canvas.shapes))


def _matrix_told(view: Matrix) -> str:
    cells = (one for row in view.rows for one in row)
    told = (f"impact {plain(c.impact)} and probability {plain(c.probability)}: {cell_text(c)}" for c in cells)
    return f"{upper('; '.join(told))}."


def _cell_words(one: Cell, width: float) -> tuple[list[str], list[str]]:
    """The level in large lines, and what holds meanwhile in small ones."""
    first, _, rest = cell_text(one).partition("; ")
    return folded(upper(first), width, 15), folded(rest, width, 12) if rest else []


def _cell(
    canvas: _Canvas,
    view: Matrix,
    one: Cell,
    words: tuple[list[str], list[str]],
    box: tuple[float, float, float, float],
) -> None:
    (first, more), (x, y, wide, tall) = words, box
    canvas.rect(f"cell {_tint(view, one.level)}", x, y, wide, tall)
    height = len(first) * 18 + len(more) * 15
    top = y + (tall - height) / 2
    if one.undecided:
        canvas.rect("hatch", x, y, wide, tall)
        # A plain ground, so that the hatching does not run through the words.
        longest = max(max(map(len, first)) * 15, max(map(len, more), default=0) * 12) * _CHARACTER
        ground = min(longest + 10, wide - 4)
        canvas.rect("ground", x + (wide - ground) / 2, top - 4, ground, height + 8)
    below = canvas.lines("label", x + wide / 2, top + 14, first, 18, "middle")
    canvas.lines("small ink", x + wide / 2, below - 3, more, 15, "middle")


def _short(text: str, width: float, size: float) -> str:
    return folded(upper(plain(text)), width, size)[0]


def _tint(view: Matrix, level: str) -> str:
    """Which of three tints a level has, by its place among the levels."""
    if level not in view.levels:
        return "unknown"
    last = len(view.levels) - 1
    return f"tint{round(view.levels.index(level) * 2 / last) if last else 1}"
