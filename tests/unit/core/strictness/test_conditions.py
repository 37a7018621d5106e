"""Two conditions: which lets less evidence pass; each row also the other way round, and held against evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.condition import Record, Scalar
from tidegate.core.condition import compile as compile_condition
from tidegate.core.strictness.conditions import condition_direction
from tidegate.core.strictness.difference import Direction
from tidegate.core.verdict import Verdict

STRICTER, LOOSER, OTHER = Direction.STRICTER, Direction.LOOSER, Direction.OTHER

ROWS = [
    ("x.a >= 1", "x.a >= 2", STRICTER),
    ("x.a >= 1", "x.a > 1", STRICTER),
    ("x.a < 5", "x.a < 3", STRICTER),
    ("x.a <= 5", "x.a < 5", STRICTER),
    ("5 > x.a", "3 > x.a", STRICTER),
    ("x.a <= 2", "x.a == 0", STRICTER),
    ("x.a >= 0", "x.a == 0", STRICTER),
    ("x.a == 0", "x.a == 1", OTHER),
    ("x.a != 0", "x.a != 1", OTHER),
    ("x.d >= 0.8", "x.d >= 0.80", OTHER),
    ("x.a > 0", "x.a > 0 && x.b > 0", STRICTER),
    ("x.a > 0", "x.b == 0 && x.a > 1", STRICTER),
    ("x.a > 0 && x.b > 0", "x.b > 0 && x.a > 0", OTHER),
    ("x.a > 0 && (x.b > 0 && x.d > 0.5)", "x.b > 0 && x.d > 0.6 && x.a > 0", STRICTER),
    ("x.a > 1 && x.b > 1", "x.a > 2 && x.b > 0", OTHER),
    ("x.a > 1 && x.b > 1", "x.a > 2", OTHER),
    ("x.a > 0 && x.a < 5", "x.a > 1 && x.a < 4", STRICTER),
    ("x.a > 0 && x.a < 5", "x.a > 1 && x.a < 6", OTHER),
    ("x.a > 1 || x.b > 1", "x.a > 2 || x.b > 1", STRICTER),
    ("x.a > 1 || x.b > 1", "x.a > 2 || x.b > 0", OTHER),
    ("x.a > 1 && x.b > 0", "x.a > 1 && x.b > 0 || x.b > 3", LOOSER),
    ("x.a > 1 || x.a == 0", "x.a > 1", STRICTER),
    ("tests.failed == 0", "tests.failed == 0 || tests.total < 3", LOOSER),
    # What is missing makes the whole cannot tell, and only the second asks for it.
    ("x.a > 1", "x.a > 1 || x.b > 1", OTHER),
    ("x.a > 1 || x.b > 1", "x.b > 1", OTHER),
    ("coverage.line > 0.8", "coverage.line > 0.8 || coverage.branch > 0.9", OTHER),
    ("x.a > 1 || x.b > 1", "x.b > 1 || x.a > 1", OTHER),
    ("x.a > 1", "x.a > 2 || x.b > 1", OTHER),
    ("!(x.a > 1)", "!(x.a > 2)", OTHER),
    ("x.a + 1 > 2", "x.a + 2 > 2", OTHER),
    ("x.a + 1 > 2", "x.a + 1 > 3", STRICTER),
    ("x.a > x.b", "x.a >= x.b", OTHER),
    ("x.t == 'a'", "x.t == 'b'", OTHER),
    ("x.f", "x.f && x.a > 0", STRICTER),
    ("x.a in [1, 2]", "x.a in [1]", OTHER),
]


@pytest.mark.parametrize(("was", "now", "direction"), ROWS)
def test_which_lets_less_pass(was: str, now: str, direction: Direction) -> None:
    assert condition_direction(was, now) is direction
    assert condition_direction(now, was) is direction.reversed


def test_what_is_no_condition_nobody_can_compare() -> None:
    assert condition_direction("x.a > 0", "x.a >") is OTHER


SCHEMA = {"x": Record({"a": Scalar.INT, "b": Scalar.INT, "d": Scalar.DOUBLE})}
operators = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
comparisons = st.builds(
    lambda name, operator, number: f"x.{name} {operator} {number}", st.sampled_from("ab"), operators, st.integers(0, 3)
) | st.builds(lambda operator, number: f"x.d {operator} {number}", operators, st.sampled_from(["0.0", "0.5", "1.0"]))
clauses = comparisons | st.lists(comparisons, min_size=2, max_size=2).map(lambda two: f"({' || '.join(two)})")
conjunctions = st.lists(clauses, min_size=1, max_size=3).map(" && ".join)
conditions = st.lists(conjunctions, min_size=1, max_size=2).map(" || ".join)
reports = st.fixed_dictionaries(
    {}, optional={"a": st.integers(0, 3), "b": st.integers(0, 3), "d": st.sampled_from([0.0, 0.25, 0.5, 1.0])}
)


@given(conditions, conditions, st.lists(reports, min_size=1, max_size=20))
def test_what_is_stricter_lets_nothing_pass_that_the_other_stops(
    was: str, now: str, seen: list[dict[str, object]]
) -> None:
    direction = condition_direction(was, now)
    assert condition_direction(now, was) is direction.reversed
    if direction is OTHER:
        return
    looser, stricter = (was, now) if direction is STRICTER else (now, was)
    one, other = compile_condition(looser, SCHEMA), compile_condition(stricter, SCHEMA)
    for values in seen:
        if other.evaluate({"x": values}).verdict is Verdict.ALLOW:
            assert one.evaluate({"x": values}).verdict is Verdict.ALLOW
