"""A template shows data, and can do nothing else: not to Python, not to memory, not to time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tidegate.core.notes.data import NotesData
from tidegate.core.notes.escaping import escape
from tidegate.errors import NotFoundError, UsageError
from tidegate.templates.notes import render
from tidegate.templates.sandbox import Rendered, Sandbox


class Thing(NamedTuple):
    """Something to show."""

    name: str = "*a*"
    names: tuple[str, ...] = ("b", "c")
    nothing: None = None

    def method(self) -> str:
        return "called"


def show(source: str) -> str:
    sandbox = Sandbox(escape, {"marked": lambda text: Rendered(f"**{escape(text)}**")})
    return sandbox.show(source, "own.j2", {"thing": Thing(), "many": tuple(range(2_000))})


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("# {{ thing.name }}", "# \\*a\\*"),
        ("{{ thing.name | marked }}", "**\\*a\\***"),
        (
            "{% for name in thing.names %}{{ loop.index }}{{ name }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1b, 2c",
        ),
        ("{% set x = thing.names | join(', ') %}{{ x | upper }}", "B, C"),
        ("{{ thing.nothing or 'none' }} {{ 1 + 2 }} {{ thing.names | length }}", "none 3 2"),
        ("{{ '<b>' }} {{ thing.name | marked | upper }}", "\\<b\\> \\*\\*\\\\\\*A\\\\\\*\\*\\*"),
    ],
)
def test_what_a_template_may_do(source: str, shown: str) -> None:
    assert show(source) == shown


CALLED = "this cannot be rendered: nothing is called in a template of notes; use a filter"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (
            "{{ thing.absent }}",
            "this cannot be rendered: 'tests.unit.templates.test_sandbox.Thing object' has no",
        ),
        ("{{ absent }}", "this cannot be rendered: 'absent' is undefined"),
        ("{{ thing.nothing }}", "this cannot be rendered: there is nothing to show; say what stands in its place: "),
        ("{{ thing.names }}", "this cannot be rendered: a tuple is no text; choose one of its fields, or a filter"),
        ("{{ thing.method() }}", CALLED),
        ("{{ thing.__class__.__mro__ }}", "this cannot be rendered: "),
        ("{{ thing.name.upper() }}", CALLED),
        ("{{ thing.name.format }}", "this cannot be rendered: "),
        ("{{ thing['__class__'] }}", "this cannot be rendered: "),
        ("{{ range(10) }}", CALLED),
        ("{{ lipsum() }}", CALLED),
        ("{{ thing.name | safe }}", "this is no template: No filter named 'safe'"),
        ("{{ thing.name | attr('x') }}", "this is no template: No filter named 'attr'"),
        ("{{ thing.name | replace('a', 'b') }}", "this is no template: No filter named 'replace'"),
        ("{{ thing.name | center(1000000000) }}", "this is no template: No filter named 'center'"),
        ("{{ 'a' * 1000000000 }}", 'this cannot be rendered: "*" is for small numbers alone'),
        ("{{ 'a' + 'b' }}", 'this cannot be rendered: "+" is for small numbers alone'),
        ("{{ '%1000000000d' % 1 }}", 'this cannot be rendered: "%" is for small numbers alone'),
        ("{{ 9999999999999 * 2 }}", 'this cannot be rendered: "*" is for small numbers alone'),
        ("{{ 9 ** 9 }}", 'this is no template: "**" has no place in a template of notes'),
        ("{{ 1 / 0 }}", "this cannot be rendered: ZeroDivisionError: division by zero"),
        ("{{ 'a' ~ 'b' }}", 'this is no template: "~" has no place in a template of notes'),
        ("{% macro a() %}{% endmacro %}", 'this is no template: "macro" has no place in a template of notes'),
        ("{% include 'x' %}", 'this is no template: "include" has no place in a template of notes'),
        ("{% import 'x' as y %}", 'this is no template: "import" has no place in a template of notes'),
        ("{% extends 'x' %}", 'this is no template: "extends" has no place in a template of notes'),
        ("{% block a %}{% endblock %}", 'this is no template: "block" has no place in a template of notes'),
        ("{% set a %}x{% endset %}", 'this is no template: "set ... endset" has no place in a template of notes'),
        ("{% filter upper %}x{% endfilter %}", 'this is no template: "filter" has no place in a template of notes'),
        ("{% for a in many recursive %}{% endfor %}", 'this is no template: "recursive" has no place in a template of'),
        ("{{ loop(1) }}", CALLED),
        ("{% if %}", "this is no template: Expected an expression, got 'end of statement block'"),
        ("{{ a", "this is no template: unexpected end of template, expected 'end of print statement'"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "this is no template: "),
        ("x" * 300_000, "the template has 300000 characters; at most 262144 are read"),
    ],
)
def test_what_no_template_may_do(source: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        show(source)
    assert caught.value.what.startswith(what) or (len(source) > 5_000 and "cannot be rendered" in caught.value.what)
    assert caught.value.where.startswith("own.j2")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (
            "{% for a in many %}{% for b in many %}{% endfor %}{% endfor %}",
            "this cannot be rendered: its loops turn more than 1000000 times",
        ),
        (
            "{% for a in many %}{% for b in many %}" + "x" * 1000 + "{% endfor %}{% endfor %}",
            "this cannot be rendered: it makes more than 16777216 characters",
        ),
        (
            "{% set x0 = 'aaaaaaaaaa' %}"
            + "".join(f"{{% set x{n + 1} = [x{n}, x{n}] | join %}}" for n in range(40))
            + "{{ x40 }}",
            "this cannot be rendered: it joins more than 1048576 characters",
        ),
    ],
)
def test_what_would_never_end_is_stopped(source: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        show(source)
    assert caught.value.what == what


def test_a_mistake_is_told_with_its_line() -> None:
    with pytest.raises(UsageError) as caught:
        show("a\nb\n{{ thing.absent }}\n")
    assert caught.value.where == "own.j2:3"
    with pytest.raises(UsageError) as caught:
        show("a\n{% if %}\n")
    assert caught.value.where == "own.j2:2"


def test_an_organisations_own_template_shows_the_data(tmp_path: Path) -> None:
    own = tmp_path / "own.md.j2"
    own.write_text("{{ notes.title }}: {{ notes.features | entries or 'nothing' }}\n{% raw %}{{ x }}{% endraw %}\n")
    data = NotesData("billing", "Billing *1*", "1.0.0", "", None)
    assert render(data, template=own) == "Billing \\*1\\*: nothing\n{{ x }}\n"


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    data = NotesData("billing", "Billing", "1.0.0", "", None)
    with pytest.raises(NotFoundError, match="there is no such template"):
        render(data, template=tmp_path / "absent.j2")
    (tmp_path / "bytes.j2").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="the template cannot be read: it is no text in UTF-8"):
        render(data, template=tmp_path / "bytes.j2")
    with pytest.raises(UsageError, match='there is no style "x"'):
        render(data, "x")
