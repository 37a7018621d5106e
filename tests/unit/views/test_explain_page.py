"""The page of an explanation: escaped, self-contained, legible, and right in a real browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest

from tests.support.browser import look
from tests.support.whole_policy import TURNS, whole_policy_of
from tests.unit.policyfile.policies import GOOD
from tidegate.core.policy import Bump, Policy, ReleaseType
from tidegate.policyfile import load_policy
from tidegate.views.explain import explain
from tidegate.views.explain.drawing import folded
from tidegate.views.explain.page import page_of, told

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        named = dict(attrs)
        self.ids += [str(named["id"])] if "id" in named else []
        self.links += [str(named["href"])] if "href" in named else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def good() -> Policy:
    return load_policy(GOOD.encode()).policy


def risky() -> Policy:
    """A policy whose page has all three pictures."""
    more = """
changes:
  risk: {matrix: {high: {high: high}, medium: {medium: medium}, low: {low: low}}}
milestones:
  frozen: {title: Feature freeze, at: -14d}
tasks:
  look: {says: Look at the figures, due: 0-24 hours}
"""
    return load_policy((GOOD + more).encode()).policy


@pytest.mark.parametrize("turn", TURNS)
def test_the_page_of_any_policy_is_well_formed(turn: int) -> None:
    reader = read(page_of(explain(whole_policy_of(turn))))
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert reader.headings[0] == 1
    assert reader.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(reader.headings, reader.headings[1:], strict=False))


def test_names_that_end_like_a_part_of_another_keep_their_own_places() -> None:
    types = {name: ReleaseType(bump=Bump.MINOR, content=("x",)) for name in ("minor", "minor-is", "minor.is")}
    made = good().model_copy(update={"release_types": types})
    ids = read(page_of(explain(made))).ids
    assert {"type-minor~is", "type-minor-is", "type-minor.is"} <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = page_of(explain(risky()))
    reader = read(page)
    assert not reader.elements & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert not {name for name in reader.attributes if name.startswith("on") or name in ("src", "style")}
    assert all(link.startswith("#") for link in reader.links)
    assert not re.findall(r"url\((?!#)|@import|https?://", page)


HOSTILE = '</title><script>alert(1)</script>\u202e\x9b31m"><img src=x onerror=alert(1)>`<b>`&amp;'


SEAT = ({"from": "g"},)


def hostile() -> Policy:
    """A policy whose texts are a stranger's: every name and title wants to be more than a text."""
    least = {"tidegate": 1, "organization": HOSTILE, "timezone": "Europe/Vienna", "rehearsal": HOSTILE}
    return Policy.model_validate(
        {
            **least,
            "people": {"eve": {"name": HOSTILE, "groups": ("g",)}},
            "groups": {"g": {"title": HOSTILE, "duties": (HOSTILE,)}},
            "release_types": {"minor": {"bump": "minor", "title": HOSTILE, "content": (HOSTILE,), "approvals": SEAT}},
            "gates": {"t": {"title": HOSTILE, "evidence": ("junit",), "pass": HOSTILE}},
            "environments": {"production": {"purpose": "production", "title": HOSTILE, "gates": ("t",)}},
            "milestones": {"m": {"title": HOSTILE, "at": "-14d"}},
            "templates": {"x": {"title": HOSTILE, "text": f"{HOSTILE}\n{HOSTILE}"}},
            "communication": ({"at": "-7d", "to": ("slack:" + "<i>",), "say": "x"},),
            "targets": {"lead_time": {"limit": "< 24h", "title": HOSTILE}},
        },
        strict=False,
    )  # fmt: skip


def test_hostile_texts_stay_texts() -> None:
    page = page_of(explain(hostile(), file=HOSTILE))
    reader = read(page)
    assert not reader.elements & {"script", "img", "i"}
    assert not {name for name in reader.attributes if name.startswith("on")}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;/title&gt;" in page.partition("</title>")[0]
    assert not set(page) & set("\u202e\x9b\x1b")


def test_a_sentence_keeps_its_numbers_together_and_sets_names_apart() -> None:
    assert told("At least 80 % of `a<b`, at T-7 days.") == (
        'At least <span class="kept">80 %</span> of <code>a&lt;b</code>, at <span class="kept">T-7 days</span>.'
    )


# ---- colours


def tokens(scheme: str) -> dict[str, str]:
    """The colours of a scheme, by their names in the style sheet."""
    style = files("tidegate.views.explain").joinpath("page.css").read_text("utf-8")
    light, dark, paper = [part.partition("}")[0] for part in style.split(":root {")[1:]]
    chosen = {"light": light, "dark": light + dark, "print": light + paper}[scheme]
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6});", chosen))


def luminance(colour: str) -> float:
    """Source: WCAG 2.1, relative luminance."""
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Source: WCAG 2.1, contrast ratio."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_contrast_is_computed_as_the_guideline_says() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


TEXTS = [
    *product(("ink", "muted", "accent"), ("paper", "card")),
    *product(("ink", "muted"), ("code",)),
    *product(("ink",), ("tint0", "tint1", "tint2")),
]
SIGNS = [*product(("accent", "strong-line", "freeze", "watch"), ("paper", "card")), ("watch", "watch-fill")]


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_texts_and_signs_can_be_seen(scheme: str) -> None:
    known = tokens(scheme)
    found = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in (*TEXTS, *SIGNS)}
    assert [(pair, ratio) for pair, ratio in found.items() if ratio < (4.5 if pair in TEXTS else 3)] == []


# ---- pictures


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("turn", TURNS)
def test_pictures_keep_to_their_canvas(turn: int, narrow: bool) -> None:
    from tidegate.views.explain import drawing

    view = explain(whole_policy_of(turn))
    assert view.road
    assert view.timeline
    assert view.matrix
    for one in (
        drawing.road(view.road, narrow=narrow),
        drawing.timeline(view.timeline, narrow=narrow),
        drawing.matrix(view.matrix, narrow=narrow),
    ):
        for shape in one.shapes:
            assert -1 <= shape.x <= one.width + 1, (one.id, shape)
            assert -1 <= shape.y <= one.height + 1, (one.id, shape)
            assert shape.x + shape.w <= one.width + 1, (one.id, shape)


def test_each_cell_of_the_matrix_has_words_and_undecided_ones_are_hatched() -> None:
    from tidegate.views.explain import drawing

    view = explain(risky())
    assert view.matrix
    shapes = drawing.matrix(view.matrix).shapes
    assert len([shape for shape in shapes if shape.css.startswith("cell ")]) == 9
    assert len([shape for shape in shapes if shape.css == "hatch"]) == 6
    assert [shape.text for shape in shapes if shape.text == "Undecided"] == ["Undecided"] * 6
    assert [shape.text for shape in shapes].count("high holds") == 4


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Announced to slack:#engineering", ["Announced to", "slack:", "#engineering"]),
        ("aaaaaaaaaaaaaaaaaaaa", ["aaaaaaaaaaaaaaa", "aaaaa"]),
        ("Post-release review", ["Post-release", "review"]),
        ("", [""]),
    ],
)
def test_words_of_a_picture_are_folded(text: str, lines: list[str]) -> None:
    assert folded(text, 110, 13) == lines


# ---- a real browser

LOOK = """
const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
const share = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * share(c[0]) + 0.7152 * share(c[1]) + 0.0722 * share(c[2]);
const ground = e => {
  for (; e; e = e.parentElement) {
    const c = rgb(window.getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
const faint = [];
let texts = 0;
const walker = document.createTreeWalker(document.body, 4);
while (walker.nextNode()) {
  const node = walker.currentNode, e = node.parentElement;
  if (!node.textContent.trim() || !e.getClientRects().length || e.closest("svg")) continue;
  const a = light(rgb(window.getComputedStyle(e).color)) + 0.05, b = light(ground(e)) + 0.05;
  texts += 1;
  if (Math.max(a, b) / Math.min(a, b) < 4.5) faint.push(node.textContent.trim().slice(0, 40));
}
const wide = [...document.querySelectorAll("body *")]
  .filter(e => e.getClientRects().length && !e.closest(".skip"))
  .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1)
  .map(e => e.tagName + "." + e.className);
const out = [...document.querySelectorAll("svg")].filter(s => s.getClientRects().length).flatMap(svg => {
  const box = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")];
  return texts.filter(t => t.getBoundingClientRect().right > box.right + 1).map(t => t.textContent);
});
return {width: window.innerWidth, scroll: document.documentElement.scrollWidth, texts, faint, wide, out,
        pictures: [...document.querySelectorAll("svg")].filter(s => s.getClientRects().length).length,
        ground: window.getComputedStyle(document.body).backgroundColor};
"""


@pytest.mark.parametrize(("dark", "ground"), [(False, "rgb(251, 250, 246)"), (True, "rgb(17, 23, 29)")])
def test_in_a_browser_nothing_overflows_and_everything_can_be_read(tmp_path: Path, dark: bool, ground: str) -> None:
    phone, desk = look(page_of(explain(risky())), LOOK, tmp_path, widths=(390, 1280), dark=dark)
    assert (phone["width"], desk["width"]) == (390, 1280)
    for seen in (phone, desk):
        assert seen["scroll"] <= seen["width"]
        assert seen["texts"] > 100
        assert (seen["faint"], seen["wide"], seen["out"]) == ([], [], [])
        assert seen["pictures"] == 3
        assert seen["ground"] == ground
