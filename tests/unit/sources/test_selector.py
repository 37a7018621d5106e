"""Selectors and label patterns: a small language, read whole or refused, matched in linear time."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.sources.label_pattern import compile_pattern
from tidegate.sources.selector import parse_selector


@pytest.mark.parametrize(
    ("selector", "accepted", "refused"),
    [
        ("http_requests_total", [{}, {"code": "200"}], []),
        ("m{}", [{}, {"code": "200"}], []),
        ('m{code="200"}', [{"code": "200"}, {"code": "200", "x": "y"}], [{}, {"code": "2000"}, {"Code": "200"}]),
        ('m{code!="200"}', [{}, {"code": "500"}], [{"code": "200"}]),
        ('m{code=~"5.."}', [{"code": "500"}], [{}, {"code": "5000"}, {"code": "1500"}]),
        ('m{code!~"5.."}', [{}, {"code": "200"}], [{"code": "503"}]),
        ('m{code=~"5..|429"}', [{"code": "429"}, {"code": "502"}], [{"code": "4295"}, {"code": "404"}]),
        (' m { code = "200" , verb != "GET" , } ', [{"code": "200"}], [{"code": "200", "verb": "GET"}]),
        ("m{path='/a\"b'}", [{"path": '/a"b'}], [{"path": "/a"}]),
        (r'm{path="a\\b\"\n"}', [{"path": 'a\\b"\n'}], [{"path": "ab"}]),
        (r'm{path=~"a\\.b"}', [{"path": "a.b"}], [{"path": "axb"}]),
        ('m{code=""}', [{}, {"code": ""}], [{"code": "1"}]),
        ('m{code=~"5..",code!~"503"}', [{"code": "500"}], [{"code": "503"}]),
    ],
)
def test_a_selector_accepts_what_it_says(
    selector: str, accepted: list[dict[str, str]], refused: list[dict[str, str]]
) -> None:
    read = parse_selector(selector)
    assert [labels for labels in accepted if not read.accepts(labels)] == []
    assert [labels for labels in refused if read.accepts(labels)] == []


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        ("", "the selector '' has the end at character 1, expected the name of a metric"),
        ('{code="200"}', "has '{' at character 1, expected the name of a metric"),
        ("5xx", "has '5' at character 1, expected the name of a metric"),
        ("m{code", "has the end at character 7, expected =, !=, =~ or !~"),
        ("m{code=200}", "has '2' at character 8, expected a quoted value"),
        ('m{code="200}', "has the end at character 13, expected the closing quote"),
        ('m{code="200"', "has the end at character 13, expected ',' or '}'"),
        ('m{code="200" verb="GET"}', "has 'v' at character 14, expected ',' or '}'"),
        ("m{,}", "has ',' at character 3, expected the name of a label"),
        ('m{code="1"}[5m]', "has '[' at character 12, expected the end"),
        ("rate(m[5m])", "has '(' at character 5, expected the end"),
        (r'm{code=~"\d"}', "has 'd' at character 11, expected one of"),
        ('m{__name__="x"}', "matches on __name__"),
        ("m{" + ",".join(f'a{n}="1"' for n in range(17)) + "}", "has 17 matchers"),
        ("m" * 1025, "a selector of 1025 characters"),
        ('m{code=~"(5"}', "the pattern '(5' does not close a group (at character 3)"),
    ],
)
def test_what_is_no_selector_is_refused_at_its_place(selector: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selector(selector)
    assert sentence in caught.value.what
    assert caught.value.remedy


@given(st.text(max_size=60))
def test_any_text_is_a_selector_or_a_usage_error(text: str) -> None:
    for whole in (text, f"m{{{text}}}", f'm{{a=~"{text}"}}'):
        with suppress(UsageError):
            assert parse_selector(whole).text == whole


# --- Patterns -----------------------------------------------------------------------------------------------------

atom = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\W", r"[0-9a-]", r"\.", "1", "-"])
pattern = st.recursive(
    atom,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}"])).map("({0[0]}){0[1]}".format),
    ),
    max_leaves=6,
)


@given(pattern, st.lists(st.text("ab1.-\n", max_size=8), min_size=1, max_size=8))
@settings(max_examples=200)
def test_a_pattern_matches_as_the_standard_library_does(text: str, values: list[str]) -> None:
    ours, theirs = compile_pattern(text), re.compile(text, re.ASCII)
    for value in values:
        assert ours.matches(value) is bool(theirs.fullmatch(value)), (text, value)


@pytest.mark.parametrize("text", ["(a*)*b", "(a|a)*b", "(a+)+b", "(.*)*(.*)*(.*)*x", "(a|aa)+b", "(()*)*b"])
def test_a_pattern_that_holds_a_backtracking_engine_is_answered(text: str) -> None:
    read = compile_pattern(text)
    assert not read.matches("a" * 2000)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("^5..", "has an anchor (at character 1)"),
        ("5..$", "has an anchor (at character 4)"),
        ("*", "has '*' where it means nothing (at character 1)"),
        ("a**", "repeats a repetition (at character 3)"),
        ("a*?", "repeats a repetition (at character 3)"),
        ("a{", "has no valid repetition"),
        ("a{2,1}", "has no valid repetition"),
        ("a{1000}", "has no valid repetition"),
        ("a)", "closes a group that it did not open (at character 2)"),
        ("(a", "does not close a group (at character 3)"),
        ("(?=a)", "has a group of an unknown kind"),
        ("(?i)a", "has a group of an unknown kind"),
        ("[a", "does not close a class (at character 3)"),
        ("[z-a]", "has the empty range z-a"),
        ("[[:alpha:]]", "has a named class"),
        ("a\\", "ends too early (at character 3)"),
        (r"\1", "has the unknown escape \\1"),
        (r"\bx", "has the unknown escape \\b"),
        ("((a{99}){99}){99}", "repeats too much"),
        ("(((((){999}){999}){999}){999}){999}", "repeats too much"),
        ("(" * 21 + ")" * 21, "nests too deep"),
        ("a" * 257, "a pattern of 257 characters"),
    ],
)
def test_what_is_no_pattern_is_refused_at_its_place(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_pattern(text)
    assert sentence in caught.value.what
    assert caught.value.remedy


@given(st.text(r"ab.*+?()[]{}|\^$,01-d:", max_size=20))
def test_any_text_is_a_pattern_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert compile_pattern(text).matches("ab01") in (True, False)
