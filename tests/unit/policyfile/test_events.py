from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.policyfile.policies import GOOD
from tidegate.policyfile import yaml
from tidegate.policyfile.events import UnreadableError, UnsureError, events, quick_events
from tidegate.policyfile.tree import Document


def quickly(text: str) -> Document | None:
    return yaml._quickly(text, "p.yaml")


def judged(text: str) -> Document | None:
    try:
        return yaml._Composer(text, "p.yaml").compose(events(text))
    except UnreadableError:
        return None


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "# a comment\n---\na: 1 # another\n",
        "a: |\n  x\n\n  y\nb: >-\n  x\n  y\n\nc: 'it''s'\nd: \"\\u00e4\\\n  b\"\n",
        "a: &x [1, &y {b: c}]\nd: [*x, *y]\ne: *x\n",
        "ä: {ü: [ö, '€', \"\\U0001F600\"]}\nb: http://example.org/a#b\n",
        "a: [b c, d:e, {f: g}]\n? b\n: c\n",
        'a: {"b":1}\n',
        "a: ~\r\nb:\r\n  - c\r\n",
        "a:\n- b\n- - c\n  - d\n",
    ],
)
def test_what_is_plain_is_read_quickly_and_the_same(text: str) -> None:
    found = quickly(text)
    assert found is not None
    assert found == judged(text)


@pytest.mark.parametrize(
    "text",
    [
        "a:\t1",
        "a: 1\rb: 2",
        "a: |# no comment",
        "a: 1\n...\n",
        "a:",
        "a: [b, , c]",
        "a: !!str 1",
        "a: ! 1",
        "a: !x [1]",
        "a: &x: 1",
        "a: &x 1\nb: *x: y",
        "%YAML 1.2\n---\na: 1",
        "%TAG ! x\n---\na: 1",
        "a: >\n",
        "a: [",
        "a: 1\na: 2",
        "<<: {a: 1}",
        "[a]: b",
        "- a",
        "a",
        "",
    ],
)
def test_what_is_rare_or_a_mistake_is_left_to_the_judge(text: str) -> None:
    assert quickly(text) is None


def test_without_the_quick_parser_the_judge_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml._yaml", None)
    with pytest.raises(UnsureError):
        list(quick_events("a: 1"))
    assert yaml.read_yaml(b"a: 1", "p.yaml") == judged("a: 1")


def test_a_bomb_is_not_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "events", lambda text: pytest.fail("read again"))
    with pytest.raises(yaml.PolicyError, match="inside each other"):
        yaml.read_yaml(b"a: " + b"[" * 100, "p.yaml")


PIECES = [
    *("a", "b: ", "- ", "\n", "  ", "\n  ", "\n- ", ": ", ":", "? ", "'x'", '"y"', "{", "}", "[", "]", ", ", ",", "#c"),
    *(" # c\n", "&a ", "*a", "*a ", "!t ", "!!str ", "|\n", "|-\n", ">\n", ">+2\n", "---\n", "...\n", "%YAML 1.2\n"),
    *("x:y", "http://x.y/z", "a#b", "-", "--", "?", ":x", "-x", "?x", "~", "\\", '"\\/"', '"a\\\n b"', "'a\n\n b'"),
    *(
        "é",
        "1",
        "a b",
        "\r\n",
        "\r",
        "\t",
        "&&",
        "@",
        "`",
        "%",
        "<<",
        "=",
        "\\x",
        "0x1f",
        "1.10",
        "\u00a0",
        "\U0001f600",
    ),
]
BEGINNINGS = ["", "a: ", "a:\n  b: ", "a: {b: ", "a: [", "a:\n- ", "a: &a ", "a: 'b' "]


@settings(max_examples=1_000, deadline=None)
@given(
    st.sampled_from(BEGINNINGS),
    st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=14),
)
def test_what_is_read_quickly_is_what_the_judge_reads(beginning: str, pieces: list[str]) -> None:
    text = beginning + "".join(pieces)
    if yaml._FORBIDDEN.search(text) is None:
        found = quickly(text)
        assert found is None or found == judged(text)


LINES = GOOD.splitlines()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(LINES) - 1), st.integers(0, 60), st.lists(st.sampled_from(PIECES), min_size=1, max_size=3))
def test_so_is_a_spoiled_policy(line: int, column: int, pieces: list[str]) -> None:
    lines = [*LINES]
    lines[line] = lines[line][:column] + "".join(pieces) + lines[line][column:]
    text = "\n".join(lines)
    found = quickly(text)
    assert found is None or found == judged(text)
