"""What all readers of JSON refuse, and the sentences in which they do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.json_report import DEPTH_LIMIT, OPENINGS_LIMIT, WHOLE, JsonForm, outer_names, shown

FORM = JsonForm("a report of the tide", "ask the moon")
NO_TEXT = "it is no JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        act()
    assert caught.value.remedy == "ask the moon"
    return caught.value.what.removeprefix("this is not a report of the tide that can be relied on: ")


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"", "it is no JSON: Expecting value: line 1 column 1 (char 0); it seems to be an empty file"),
        (b"{} {}", "it is no JSON: Extra data: line 1 column 4 (char 3)"),
        (b'{"a": 1', "it is no JSON: Expecting ',' delimiter: line 1 column 8 (char 7)"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "it is no JSON: the member 'c' is in it twice"),
        (b'{"a": 1, "\\u0061": 2}', "it is no JSON: the member 'a' is in it twice"),
        (b'{"a": NaN}', "it is no JSON: NaN is no JSON"),
        (b'{"a": -Infinity}', "it is no JSON: -Infinity is no JSON"),
        ('{"a": 1}'.encode("utf-16"), f"{NO_TEXT}; it seems to be text in UTF-16"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is no JSON: a number in it has too many digits"),
        (b"[]", "the report is [], and must be an object"),
        (b"null", "the report is null, and must be an object"),
        (b'"x"', "the report is 'x', and must be an object"),
        (b"[1]", "the report is a list, and must be an object"),
        (b"[" * 100_000, "it is nested more than 100 deep"),
        (b'{"a":' * 100 + b"{}" + b"}" * 100, "it is nested more than 100 deep"),
        (b"[[],{" * (OPENINGS_LIMIT // 2), "it has more than 4000000 objects and lists"),
    ],
)
def test_what_is_no_report(data: bytes, because: str) -> None:
    assert refused(lambda: FORM.report(data)) == because


def test_what_is_one() -> None:
    assert FORM.report(b'\xef\xbb\xbf{"a": [1, null]}') == {"a": [1, None]}
    FORM.report(b'{"a":' * (DEPTH_LIMIT - 1) + b"{}" + b"}" * (DEPTH_LIMIT - 1))


def test_the_limit_of_depth_does_not_depend_on_the_caller() -> None:
    data = b"[" * 101 + b"]" * 101

    def deeper(levels: int) -> str:
        return deeper(levels - 1) if levels else refused(lambda: FORM.parse(data))

    assert deeper(0) == deeper(300) == "it is nested more than 100 deep"


FOUND: dict[str, Any] = {"n": 3, "f": 0.5, "t": "x", "b": True, "l": [1], "o": {"a": 1}, "null": None, "-": -1}
FOUND |= {"huge": 10**400, "inf": float("inf"), "big": 2**53}


def test_members_of_their_types() -> None:
    assert (FORM.count(FOUND, "n", WHOLE), FORM.number(FOUND, "f", WHOLE), FORM.number(FOUND, "-", WHOLE)) == (
        3,
        0.5,
        -1.0,
    )
    assert (FORM.text(FOUND, "t", WHOLE), FORM.flag(FOUND, "b", WHOLE)) == ("x", True)
    assert (FORM.items(FOUND, "l", WHOLE), FORM.members(FOUND, "o", WHOLE)) == ([1], {"a": 1})


@pytest.mark.parametrize("name", ["null", "none"])
def test_what_is_absent_is_what_the_caller_says(name: str) -> None:
    assert FORM.count(FOUND, name, WHOLE, absent=0) == 0
    assert FORM.number(FOUND, name, WHOLE, absent=0.0) == 0.0
    assert FORM.text(FOUND, name, WHOLE, absent="") == ""
    assert FORM.flag(FOUND, name, WHOLE, absent=False) is False
    assert FORM.items(FOUND, name, WHOLE, absent=[]) == []
    assert FORM.members(FOUND, name, WHOLE, absent={}) == {}


@pytest.mark.parametrize(
    ("act", "name", "because"),
    [
        (FORM.count, "none", "the report has no 'none'"),
        (FORM.count, "null", "the report has null as null, which is no count"),
        (FORM.count, "b", "the report has true as b, which is no count"),
        (FORM.count, "f", "the report has 0.5 as f, which is no count"),
        (FORM.count, "-", "the report has -1 as -, which is no count"),
        (FORM.count, "big", "the report has 9007199254740992 as big, which is no count"),
        (FORM.count, "huge", f"the report has 1{'0' * 39} as huge, which is no count"),
        (FORM.number, "none", "the report has no 'none'"),
        (FORM.number, "b", "the report has true as b, which is no number"),
        (FORM.number, "inf", "the report has inf as inf, which is no number"),
        (FORM.number, "huge", f"the report has 1{'0' * 39} as huge, which is no number"),
        (FORM.number, "t", "the report has 'x' as t, which is no number"),
        (FORM.text, "n", "the report has 3 as n, which is no text"),
        (FORM.flag, "n", "the report has 3 as n, which is neither true nor false"),
        (FORM.items, "o", "the report has an object as o, which is no list"),
        (FORM.members, "l", "the report has a list as l, which is no object"),
        (FORM.members, "none", "the report has no 'none'"),
    ],
)
def test_anything_else_is_refused_by_name(act: Callable[..., object], name: str, because: str) -> None:
    assert refused(lambda: act(FOUND, name, WHOLE)) == because
    if name != "none" and name != "null":
        assert refused(lambda: act(FOUND, name, WHOLE, absent=0)) == because


def test_what_is_shown_is_short_and_printable() -> None:
    assert shown("\x1b[2J" + "é" * 100) == "'\\x1b[2J" + "\\xe9" * 36 + "'"
    assert len(shown(10**4000)) == 40


@pytest.mark.parametrize(
    ("head", "names"),
    [
        (b'\xef\xbb\xbf {"a": {"b": 1}, "c": ["d", {"e": 2}], "f" : "\\"g\\": {", "h":', {"a", "c", "f", "h"}),
        (b'{"a": "never ends {\\"b\\": 1}, \\"c\\": 2', {"a"}),
        (b'[{"a": 1}]', set()),
        (b'"a": 1', set()),
        (b"", set()),
    ],
)
def test_the_outermost_names_of_a_head(head: bytes, names: set[str]) -> None:
    assert outer_names(head) == names


TRICKY = st.text(alphabet='ab{}[]:, é"', max_size=6)


@given(st.dictionaries(TRICKY, TRICKY | st.dictionaries(TRICKY, TRICKY, max_size=2) | st.lists(TRICKY, max_size=2)))
def test_the_outermost_names_are_those_that_json_sees(document: dict[str, Any]) -> None:
    data = json.dumps(document, ensure_ascii=False).encode()[:4096]
    assert {name.replace('\\"', '"') for name in outer_names(data)} <= document.keys()
    assert len(data) == 4096 or len(outer_names(data)) == len(document)
