"""Paths and types: what is held against the schema when the policy is loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.condition.samples import SCHEMA, compiled
from tidegate.core.condition import ConditionError, compile, engine  # noqa: A004
from tidegate.core.condition.check import FUNCTIONS, METHODS
from tidegate.errors import PolicyError

_NO_EVIDENCE = "reads no evidence, so that it is always the same"


@pytest.mark.parametrize(
    ("text", "offset", "sentence"),
    [
        # paths
        ("tests.fialed == 0", 6, 'unknown field "fialed" of tests; did you mean "failed"?'),
        ("test.failed == 0", 0, 'unknown name "test"; did you mean "tests"?'),
        ("nonsense.x == 0", 0, 'unknown name "nonsense"'),
        ("findings.detail.whom == 'x'", 16, 'unknown field "whom" of findings.detail; did you mean "who"?'),
        ("has(tests.fialed)", 10, 'unknown field "fialed" of tests; did you mean "failed"?'),
        ("findings.items[0].scor > 1", 18, 'unknown field "scor"; did you mean "score"?'),
        ("findings.items.all(i, i.scor > 1)", 24, 'unknown field "scor" of i; did you mean "score"?'),
        ("findings.items.all(i, i.score > 1) && i.score > 1", 38, 'unknown name "i"'),
        ("tests.failed.count == 0", 13, '"count" is asked of int, which has no fields'),
        ("tests == 1", 0, "a record is no value in a condition"),
        ("findings.detail", 0, "a record is no value in a condition"),
        ("findings.items[0] == findings.items[1]", 0, "a record is no value in a condition"),
        # operands
        ("tests.failed", 0, "the condition is int, expected bool"),
        ("tests.failed == '0'", 13, "int == string is not possible: the types do not fit"),
        ("findings.tool < 3", 14, "string < int is not possible: the types do not fit"),
        ("findings.waived + findings.waived == 1", 16, "bool + bool is not possible: the types do not fit"),
        ("coverage.line + 1 > 2.0", 14, "double + int is not possible: the types do not fit"),
        ("coverage.line % 2.0 > 1.0", 14, "double % double is not possible: the types do not fit"),
        (
            "coverage.taken + coverage.taken > coverage.taken",
            15,
            "timestamp + timestamp is not possible: the types do not fit",
        ),
        ("coverage.taken > '2026-01-01T00:00:00Z'", 15, "timestamp > string is not possible: the types do not fit"),
        ("tests.names == ['a', 'b'] + [1]", 26, "list of string + list of int is not possible: the types do not fit"),
        ("findings.waived < true", 16, "values of type bool have no order"),
        ("tests.names < tests.names", 12, "values of type list of string have no order"),
        ("tests.failed && findings.waived", 0, "an operand of && is int, expected bool"),
        ("findings.waived || tests.failed", 19, "an operand of || is int, expected bool"),
        ("!tests.failed", 1, "the operand of ! is int, expected bool"),
        ("-findings.tool == 'x'", 1, "the operand of - is string, expected int or double"),
        ("tests.failed ? findings.waived : findings.waived", 0, "the test of ? : is int, expected bool"),
        ("findings.waived ? 1 : findings.waived", 22, "the values of ? : are int and bool, expected two of one type"),
        ("tests.failed in 3", 16, "found int behind in, expected a list"),
        ("tests.failed in ['a']", 13, "int in list of string is not possible: the types do not fit"),
        ("tests.failed in [1, 'a']", 20, "the elements of a list are int and string, expected one type"),
        ("{1: 2, 'a': 3}[1] == tests.failed", 7, "the keys of a map are int and string, expected one type"),
        ("{1: 2, 1: 3}[1] == tests.failed", 0, "a map needs different literal keys"),
        ("{1: 2}['a'] == tests.failed", 7, "the key of this map is string, expected int"),
        ("{'a': 1, 'b': 'c'}['a'] == tests.failed", 14, "the values of a map are int and string, expected one type"),
        ("tests.names['a'] == 'b'", 12, "the index of a list is string, expected int"),
        ("tests.failed[0] == 1", 0, "found an index of int, expected one of a list"),
        ("tests.failed == null", 16, "null is no value in a condition: what is null counts as missing"),
        ("has({'a': 1}.a) && findings.waived", 0, "has() asks for a field of the evidence"),
        # functions and macros
        ("lenght(tests.names) == 1", 0, 'unknown function "lenght"'),
        ("findings.tool.startWith('a')", 14, 'unknown function "startWith"; did you mean "startsWith"?'),
        ("min(tests.failed, 1) == 1", 0, 'unknown function "min"; did you mean "int"?'),
        ("startsWith(findings.tool, 'a')", 0, '"startsWith" is a method of a string'),
        ("tests.failed.string() == '1'", 13, '"string" is a function'),
        ("all(tests.names, n, n == 'a')", 0, "all takes a variable and a condition"),
        ("tests.names.all(n)", 12, "all takes a variable and a condition"),
        ("findings.tool.contains(1)", 23, "what contains takes is int, expected string"),
        ("tests.failed.contains('a')", 0, "what contains is asked of is int, expected string"),
        ("findings.tool.contains('a', 'b')", 14, "contains is given 2 values, expected 1"),
        ("findings.tool.matches(findings.tool)", 22, "the pattern of matches is computed"),
        ("size(tests.failed) == 1", 5, "found the size of int"),
        ("int(findings.waived) == 1", 4, "int() is given bool, expected double or int or string or uint"),
        ("timestamp(tests.failed) > coverage.taken", 10, "timestamp() is given int, expected string or timestamp"),
        ("tests.failed.all(x, x > 0)", 0, "all goes over int, expected a list"),
        ("tests.names.all(tests, tests == 'a')", 16, 'the name "tests" is taken'),
        ("tests.names.all(n, tests.names.all(n, n == 'a'))", 35, 'the name "n" is taken'),
        ("tests.names.all(n, 1)", 19, "the condition of all is int, expected bool"),
        ("tests.names.map(n, 1, n) == tests.names", 19, "the condition of map is int, expected bool"),
        # what cannot be false
        ("true", 0, f"the condition {_NO_EVIDENCE}"),
        ("1 == 1", 0, f"the condition {_NO_EVIDENCE}"),
        ("[1].all(x, x > 0)", 0, f"the condition {_NO_EVIDENCE}"),
        ("tests.failed == 0 && 1 == 1", 21, f"an operand of && {_NO_EVIDENCE}"),
        ("tests.failed == 0 || true", 21, f"an operand of || {_NO_EVIDENCE}"),
        ("1/0 == 1 || findings.waived", 0, f"an operand of || {_NO_EVIDENCE}"),
        ("true ? findings.waived : findings.waived", 0, f"the test of ? : {_NO_EVIDENCE}"),
        ("tests.names.all(n, true)", 19, f"the condition of all {_NO_EVIDENCE}"),
        # literals that never have a value
        (
            "coverage.lasted > duration('1x')",
            18,
            "duration('1x') never has a value: duration() cannot convert the value",
        ),
        (
            "coverage.lasted > duration('99999999999h')",
            18,
            "duration('99999999999h') never has a value: a duration is longer than 292 years",
        ),
        (
            "double('inf') > coverage.line",
            0,
            "double('inf') never has a value: a result is inf, which is no number to compare",
        ),
    ],
)
def test_a_mistake_is_answered_with_its_place_and_sentence(text: str, offset: int, sentence: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compiled(text)
    assert (caught.value.what, caught.value.offset) == (sentence, offset)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("tests.fialed == 0", "use one of: failed, names, passed, skipped, total"),
        ("tests == 1", "name one of its fields: failed, names, passed, skipped, total"),
        ("coverage.line + 1 > 2.0", "write 1.0 for the double 1, or convert with double()"),
        ("coverage.taken > 'x'", 'convert the text, as in timestamp("2026-01-31T00:00:00Z")'),
        ("coverage.lasted > '1h'", 'convert the text, as in duration("24h")'),
        ("tests.failed == '0'", "use two values of one type"),
        ("tests.failed", "compare it, as in tests.failed == 0"),
        ("true", "name a path of the evidence, such as tests.failed, or remove it"),
        ("tests.failed == null", "ask with has() whether the field is there"),
    ],
)
def test_the_remedy_says_what_to_write(text: str, remedy: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compiled(text)
    assert caught.value.remedy == remedy


def test_without_any_evidence_the_remedy_is_a_kind_of_evidence() -> None:
    with pytest.raises(ConditionError, match='unknown name "tests"') as caught:
        compile("tests.failed == 0", {})
    assert caught.value.remedy == "the gate names no evidence; give it a kind of evidence"


def test_a_pattern_that_is_none_is_a_mistake_of_the_policy() -> None:
    with pytest.raises(ConditionError, match="never has a value: the pattern is no regular expression") as caught:
        compiled("findings.tool.matches('(')")
    assert caught.value.offset == 0


def test_a_condition_error_is_a_policy_error_without_a_place() -> None:
    with pytest.raises(PolicyError) as caught:
        compiled("tests.failed")
    assert caught.value.where == ""
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", [*sorted(FUNCTIONS), *sorted(METHODS)])
def test_the_engine_has_every_function_that_is_allowed(name: str) -> None:
    samples = {"timestamp": "'2026-01-01T00:00:00Z'", "duration": "'1h'"}
    text = f"'1'.{name}('1')" if name in METHODS else f"{name}({samples.get(name, repr('1'))})"
    assert engine.program(text).execute({}) is not None


def _mistake(text: str) -> ConditionError | None:
    try:
        compile(text, SCHEMA)
    except ConditionError as error:
        return error
    return None


@given(st.text(max_size=60))
def test_any_text_compiles_or_is_a_condition_error(text: str) -> None:
    mistake = _mistake(text)
    assert mistake is None or 0 <= mistake.offset <= len(text)


_WORDS = (
    *("tests.failed", "coverage.line", "findings.waived", "findings.tool", "findings.items", "tests.names"),
    *("findings.items[0]", ".score", "tests.names.all(n,", "findings.items.exists(i,", ".map(n,", "n", "i.score"),
    *("size(", "int(", "has(findings.detail.who)", "'a'", "1", "2.5", "2u", "true", "null"),
    *("(", ")", "[", "]", "{", "}", ",", ":", "?", "!", "-", "+", "*", "/", "%"),
    *("<", "==", "!=", ">=", "in", "&&", "||"),
)


@given(st.lists(st.sampled_from(_WORDS), max_size=12))
def test_any_words_compile_or_are_a_condition_error(words: list[str]) -> None:
    mistake = _mistake(" ".join(words))
    assert mistake is None or (mistake.what and mistake.remedy)
