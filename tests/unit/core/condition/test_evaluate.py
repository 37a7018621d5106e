"""Three-valued judging: verdicts, absorption, missing and hostile values, explanation."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.condition.samples import SCHEMA, compiled, judge, values
from tidegate.core.condition import Condition, Outcome, engine, engine_version
from tidegate.core.condition.steps import MAX_STEPS
from tidegate.core.verdict import Verdict

ALLOW, DENY, CANNOT_TELL = Verdict.ALLOW, Verdict.DENY, Verdict.CANNOT_TELL


def reasons(outcome: Outcome) -> list[str]:
    return [clause.reason for clause in outcome.clauses if clause.reason]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("tests.total > 0 && tests.failed == 0", ALLOW),
        ("tests.total > 0 && tests.failed == 1", DENY),
        ("coverage.line >= 0.80", DENY),
        ("coverage.line >= 0", ALLOW),
        ("tests.total < 10.5", ALLOW),
        ("findings.critical == 0 || findings.waived", ALLOW),
        ("!findings.waived", DENY),
        ("!(findings.critical == 0 || findings.waived)", DENY),
        ("tests.passed + tests.skipped == tests.total", ALLOW),
        ("tests.total - tests.passed * 2 == -6", ALLOW),
        ("tests.total / 3 == 3 && tests.total % 3 == 1", ALLOW),
        ("-tests.total == -10 && --tests.total == 10", ALLOW),
        ("-coverage.line < 0.0", ALLOW),
        ("double(tests.passed) / double(tests.total) >= 0.8", ALLOW),
        ("int(coverage.line * 100.0) == 71", ALLOW),
        ("string(tests.total) + '%' == '10%'", ALLOW),
        ("tests.total in [1, 10]", ALLOW),
        ("'beta' in tests.names", ALLOW),
        ("tests.names == ['alpha', 'beta']", ALLOW),
        ("tests.names + ['x'] == ['alpha', 'beta', 'x']", ALLOW),
        ("tests.names[1].startsWith('be') && tests.names[1].endsWith('ta') && findings.tool.contains('gre')", ALLOW),
        ("findings.tool.matches('^sem[a-z]+$')", ALLOW),
        ("findings.tool.matches('^grep')", DENY),
        ("size(tests.names) == 2 && tests.names.size() == 2", ALLOW),
        ("size(findings.items) == 2 && size(findings.tool) == 7", ALLOW),
        ("findings.items.all(i, i.score >= 0)", ALLOW),
        ("findings.items.exists(i, i.severity == 'critical')", DENY),
        ("findings.items.exists_one(i, i.severity == 'high')", ALLOW),
        ("findings.items.filter(i, i.score > 5).map(i, i.rule.id) == ['R1']", ALLOW),
        ("findings.items.map(i, i.score > 5, i.rule.id)[0] == 'R1'", ALLOW),
        ("findings.items.all(i, tests.names.exists(n, size(n) > i.score - 5))", ALLOW),
        ("findings.items[0].rule.id == 'R1'", ALLOW),
        ("tests.names[tests.failed] == 'alpha'", ALLOW),
        ("findings.detail.level > 2", ALLOW),
        ("coverage.taken < timestamp('2026-03-01T10:00:01Z')", ALLOW),
        ("coverage.taken + coverage.lasted == timestamp('2026-03-01T12:00:00+01:00')", ALLOW),
        ("coverage.lasted <= duration('90m')", ALLOW),
        ("{'high': 8, 'low': 1}['high'] == findings.items[0].score", ALLOW),
        ("{'high': 8}.high == findings.items[0].score", ALLOW),
        ("findings.tool in {'semgrep': true}", ALLOW),
        ("findings.waived ? tests.failed == 0 : coverage.line > 0.9", ALLOW),
        ("(findings.waived ? 1 : 2) == 1", ALLOW),
        ("(findings.waived && tests.failed == 0) == true", ALLOW),
        ("has(tests.failed)", ALLOW),
        ("has(findings.detail)", ALLOW),
        ("has(findings.items[0].rule) && findings.items.all(i, has(i.score))", ALLOW),
    ],
)
def test_with_all_values_there_the_verdict_is_yes_or_no(text: str, verdict: Verdict) -> None:
    assert judge(text).verdict is verdict


@pytest.mark.parametrize(
    ("text", "absent", "verdict", "reason"),
    [
        # what the engine absorbs
        ("1 / tests.failed == 1 || findings.waived", "", CANNOT_TELL, ["division by zero"]),
        ("findings.waived || 1 / tests.failed == 1", "", CANNOT_TELL, ["division by zero"]),
        ("findings.waived || tests.failed == 0", "failed", CANNOT_TELL, ["tests.failed is missing"]),
        ("tests.failed == 0 || findings.waived", "failed", CANNOT_TELL, ["tests.failed is missing"]),
        ("!(!findings.waived && 1 / tests.failed == 1)", "", CANNOT_TELL, ["division by zero"]),
        ("!(tests.total < 0 && tests.failed == 0)", "failed", CANNOT_TELL, ["tests.failed is missing"]),
        ("(!findings.waived && 1 / tests.failed == 1) || tests.total > 0", "", CANNOT_TELL, ["division by zero"]),
        ("(tests.total > 0 || tests.failed == 0) == true", "failed", CANNOT_TELL, ["tests.failed is missing"]),
        ("findings.items.exists(i, i.score > 0 || 1 / tests.failed == 1)", "", CANNOT_TELL, ["division by zero"]),
        ("findings.items.exists(i, i.score == 8 || 8 / i.score == 1)", "", CANNOT_TELL, ["division by zero"]),
        ("findings.items.exists(i, 8 / i.score == 1)", "", CANNOT_TELL, ["division by zero"]),
        ("!findings.items.all(i, 8 / i.score == 2)", "", CANNOT_TELL, ["division by zero"]),
        ("size(findings.items.filter(i, i.score > 0 || 1 / i.score == 1)) > 0", "", CANNOT_TELL, ["division by zero"]),
        # at the top, deny wins over cannot tell
        ("tests.total < 0 && tests.failed == 0", "failed", DENY, ["tests.failed is missing"]),
        ("(tests.total > 0 && tests.failed == 0) && tests.total < 0", "failed", DENY, ["tests.failed is missing"]),
        ("tests.total > 0 && tests.failed == 0", "failed", CANNOT_TELL, ["tests.failed is missing"]),
        # a path in a branch that is not taken, or under a macro that goes over nothing, must be there all the same
        ("findings.waived ? tests.total > 0 : tests.failed == 0", "failed", CANNOT_TELL, ["tests.failed is missing"]),
        (
            "tests.names.filter(n, n == '').all(n, n == 'x' || tests.failed == 0)",
            "failed",
            CANNOT_TELL,
            ["tests.failed is missing"],
        ),
        # presence
        ("has(tests.failed)", "failed", DENY, []),
        ("!has(tests.failed)", "failed", ALLOW, []),
        ("has(tests.failed) ? tests.failed == 0 : true", "failed", ALLOW, []),
        ("has(tests.failed) ? tests.failed == 1 : true", "", DENY, []),
        ("!has(tests.failed) ? true : tests.failed == 0", "failed", ALLOW, []),
        ("has(tests.failed) ? true : tests.failed == 0", "failed", CANNOT_TELL, ["tests.failed is missing"]),
        ("has(tests.failed) && tests.failed == 0", "failed", DENY, ["tests.failed is missing"]),
        ("!has(tests.failed) || tests.failed == 0", "failed", CANNOT_TELL, ["tests.failed is missing"]),
    ],
)
def test_what_is_missing_or_fails_is_never_a_yes(text: str, absent: str, verdict: Verdict, reason: list[str]) -> None:
    outcome = judge(text, **({f"tests__{absent}": None} if absent else {}))
    assert (outcome.verdict, reasons(outcome)) == (verdict, reason)


@pytest.mark.parametrize(
    "text", ["tests.failed == 0", "has(tests.failed)", "!has(tests.failed)", "has(tests.failed) ? false : true"]
)
def test_without_evidence_of_a_kind_even_presence_cannot_be_told(text: str) -> None:
    assert compiled(text).evaluate({}).verdict is CANNOT_TELL


def test_presence_inside_what_is_missing_cannot_be_told() -> None:
    outcome = judge("!has(findings.detail.who)", findings__detail=None)
    assert (outcome.verdict, reasons(outcome)) == (CANNOT_TELL, ["findings.detail is missing"])


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("tests.failed == 0", {"tests__failed": "0"}, "tests.failed is str, expected int"),
        ("tests.failed == 0", {"tests__failed": False}, "tests.failed is bool, expected int"),
        ("tests.failed == 0", {"tests__failed": 0.0}, "tests.failed is float, expected int"),
        ("tests.failed < 1", {"tests__failed": -(2**63) - 1}, "tests.failed does not fit into 64 bits"),
        ("findings.waived", {"findings__waived": 1}, "findings.waived is int, expected bool"),
        ("findings.tool != 'x'", {"findings__tool": b"x"}, "findings.tool is bytes, expected string"),
        ("findings.tool != 'x'", {"findings__tool": "\ud800"}, "findings.tool is not valid Unicode"),
        (
            "findings.tool != 'x'",
            {"findings__tool": "a" * 65_537},
            "findings.tool has 65537 characters; at most 65536 are read",
        ),
        (
            "coverage.line > 0.5",
            {"coverage__line": float("inf")},
            "coverage.line is inf, which is no number to compare",
        ),
        (
            "coverage.line != 0.5",
            {"coverage__line": float("nan")},
            "coverage.line is nan, which is no number to compare",
        ),
        ("coverage.line > 0.5", {"coverage__line": 2**53 + 1}, "coverage.line is too large to be held exactly"),
        ("coverage.line > 0.5", {"coverage__line": True}, "coverage.line is bool, expected double"),
        (
            "coverage.taken != coverage.taken",
            {"coverage__taken": "yesterday"},
            "coverage.taken is no RFC 3339 time with an offset",
        ),
        (
            "coverage.taken != coverage.taken",
            {"coverage__taken": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)},
            "coverage.taken is a time without an offset, which names no instant",
        ),
        ("coverage.taken != coverage.taken", {"coverage__taken": 5}, "coverage.taken is int, expected timestamp"),
        ("coverage.lasted < duration('1h')", {"coverage__lasted": 5}, "coverage.lasted is int, expected duration"),
        ("tests.names == []", {"tests__names": "ab"}, "tests.names is str, expected list of string"),
        ("tests.names != []", {"tests__names": ["a", 1]}, "tests.names at [1] is int, expected string"),
        ("tests.names != []", {"tests__names": ["a", None]}, "tests.names has no value at [1]"),
        ("size(tests.names) > 1", {"tests__names": ["a"] * 501}, "tests.names has 501 elements; at most 500 are read"),
        ("tests.names[2] == 'x'", {}, "tests.names has 2 elements, none at index 2"),
        ("tests.names[-1] == 'beta'", {}, "tests.names has 2 elements, none at index -1"),
        (
            "findings.items.all(i, i.score > 0)",
            {"findings__items": [{"score": 1}, 5]},
            "findings.items at [1] is int, expected record",
        ),
        (
            "findings.items.all(i, i.score > 0)",
            {"findings__items": [{"score": "1"}]},
            "findings.items at [0] at .score is str, expected int",
        ),
        ("findings.items.all(i, i.score != 1)", {"findings__items": [{"severity": "x"}]}, "i.score is missing"),
        ("findings.items.all(i, i.score != 1)", {"findings__items": [{"score": None}]}, "i.score is missing"),
        ("findings.items[0].rule.id != 'x'", {"findings__items": [{}]}, "findings.items[0].rule is missing"),
        ("findings.detail.level > 0", {"findings__detail": 5}, "findings.detail.level is missing"),
        ("tests.total + 1 > 0", {"tests__total": 2**63 - 1}, "a number is out of range"),
        ("tests.total * 2 != 0", {"tests__total": 2**62}, "a number is out of range"),
        ("-tests.total < 0", {"tests__total": -(2**63)}, "a number is out of range"),
        ("tests.total % tests.failed == 0", {}, "division by zero"),
        (
            "tests.total > 0.5",
            {"tests__total": 2**53 + 1},
            "9007199254740993 is too large to be compared with a double",
        ),
        ("!(coverage.line / 0.0 < 1.0)", {}, "a result is inf, which is no number to compare"),
        (
            "!(coverage.line / coverage.line < 1.0)",
            {"coverage__line": 0.0},
            "a result is nan, which is no number to compare",
        ),
        ("coverage.line * 1e300 > 1.0", {"coverage__line": 1e300}, "a result is inf, which is no number to compare"),
        ("int(findings.tool) != 1", {}, "int() cannot convert the value"),
        ("double(findings.tool) != 1.0", {}, "double() cannot convert the value"),
        ("double(findings.tool) != 1.0", {"findings__tool": "NaN"}, "a result is nan, which is no number to compare"),
        ("timestamp(findings.tool) != coverage.taken", {}, "timestamp() cannot convert the value"),
        (
            "duration(findings.tool) != coverage.lasted",
            {"findings__tool": "9999999h"},
            "a duration is longer than 292 years",
        ),
        ("{'a': 1}[findings.tool] != 2", {}, "the engine answers: 'semgrep'"),
        (
            "size(tests.names + tests.names) > 1",
            {"tests__names": ["a"] * 300},
            "a list has 600 elements; at most 500 are read",
        ),
        (
            "size(findings.tool + findings.tool) > 1",
            {"findings__tool": "a" * 40_000},
            "a text has more than 65536 characters",
        ),
    ],
)
def test_a_value_that_is_none_says_why(text: str, changes: dict[str, Any], reason: str) -> None:
    outcome = judge(text, **changes)
    assert (outcome.verdict, reasons(outcome)) == (CANNOT_TELL, [reason])


def test_null_counts_as_missing() -> None:
    evidence = values()
    evidence["tests"]["failed"] = None
    outcome = compiled("tests.failed != 3").evaluate(evidence)
    assert (outcome.verdict, reasons(outcome)) == (CANNOT_TELL, ["tests.failed is missing"])


def test_every_path_that_is_missing_is_named() -> None:
    outcome = judge("tests.total == tests.failed", tests__failed=None, tests__total=None)
    assert reasons(outcome) == ["tests.total is missing; tests.failed is missing"]


def test_macros_stop_after_their_steps() -> None:
    outcome = judge("tests.names.all(a, tests.names.all(b, a == b))", tests__names=["a"] * 500)
    assert reasons(outcome) == [f"its macros go over more than {MAX_STEPS} elements"]


def test_a_string_has_as_many_characters_as_it_has_code_points() -> None:
    assert judge("size(findings.tool) == 2", findings__tool="\u00e9\U0001f600").verdict is ALLOW


@pytest.mark.parametrize(
    "taken",
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01T11:00:00+01:00",
        datetime(2026, 3, 1, 10, tzinfo=UTC),
        datetime(2026, 3, 1, 15, tzinfo=timezone(timedelta(hours=5))),
    ],
)
def test_an_instant_is_the_same_in_every_offset(taken: object) -> None:
    assert judge("coverage.taken == timestamp('2026-03-01T10:00:00Z')", coverage__taken=taken).verdict is ALLOW


def test_a_time_that_utc_cannot_hold_is_no_time() -> None:
    latest = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))
    outcome = judge("coverage.taken != coverage.taken", coverage__taken=latest)
    assert reasons(outcome) == ["coverage.taken is no RFC 3339 time with an offset"]


# -- explanation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "changes", "sentences"),
    [
        (
            "tests.total > 0 && tests.failed == 0",
            {"tests__failed": 3},
            [
                "tests.total > 0: allow (tests.total = 10)",
                "tests.failed == 0: deny (tests.failed = 3; needs tests.failed == 0)",
            ],
        ),
        (
            "coverage.line >= 0.80",
            {},
            ["coverage.line >= 0.80: deny (coverage.line = 0.71; needs coverage.line >= 0.80)"],
        ),
        (
            "0.80 <= coverage.line",
            {},
            ["0.80 <= coverage.line: deny (coverage.line = 0.71; needs coverage.line >= 0.80)"],
        ),
        (
            "tests.passed == tests.total",
            {},
            [
                (
                    "tests.passed == tests.total: deny"
                    " (tests.passed = 8; tests.total = 10; needs tests.passed == tests.total)"
                )
            ],
        ),
        (
            "findings.critical == 0 || findings.waived",
            {"findings__waived": False},
            [
                (
                    "findings.critical == 0 || findings.waived: deny (findings.critical = 1; findings.waived = false;"
                    " needs findings.critical == 0 or findings.waived == true)"
                )
            ],
        ),
        ("!findings.waived", {}, ["!findings.waived: deny (findings.waived = true; needs findings.waived == false)"]),
        (
            "tests.passed + 1 == tests.total",
            {},
            ["tests.passed + 1 == tests.total: deny (tests.passed = 8; tests.total = 10)"],
        ),
        (
            "tests.failed == 0",
            {"tests__failed": None},
            ["tests.failed == 0: cannot tell (tests.failed is missing; needs tests.failed == 0)"],
        ),
        ("has(tests.failed)", {"tests__failed": None}, ["has(tests.failed): deny (has(tests.failed) = false)"]),
        ("'x' in tests.names", {}, ["'x' in tests.names: deny (tests.names = [2 elements])"]),
        (
            "findings.tool == 'x'",
            {"findings__tool": 'a"\n\x1b[2J'},
            ["findings.tool == 'x': deny (findings.tool = \"a\\\"\\n\\u001b[2J\"; needs findings.tool == 'x')"],
        ),
        (
            "findings.tool == 'x'",
            {"findings__tool": "y" * 100},
            [f"findings.tool == 'x': deny (findings.tool = \"{'y' * 60}...\"; needs findings.tool == 'x')"],
        ),
        (
            "coverage.taken < timestamp('2026-01-01T00:00:00Z') || coverage.lasted > duration('2h')",
            {},
            [
                (
                    "coverage.taken < timestamp('2026-01-01T00:00:00Z') || coverage.lasted > duration('2h'): deny"
                    " (coverage.taken = 2026-03-01T10:00:00.000000Z; coverage.lasted = 1:00:00;"
                    " needs coverage.taken < timestamp('2026-01-01T00:00:00Z') or coverage.lasted > duration('2h'))"
                )
            ],
        ),
        ("tests.failed // none\n   == 1", {}, ["tests.failed == 1: deny (tests.failed = 0; needs tests.failed == 1)"]),
        ("(tests.failed + 1) * 2 == 1", {}, ["(tests.failed + 1) * 2 == 1: deny (tests.failed = 0)"]),
    ],
)
def test_each_conjunct_is_explained_in_a_sentence(text: str, changes: dict[str, Any], sentences: list[str]) -> None:
    assert [str(clause) for clause in judge(text, **changes).clauses] == sentences


def test_a_condition_names_the_paths_it_reads() -> None:
    condition = compiled("tests.total > 0 && findings.items.all(i, i.score < tests.total) && has(findings.detail.who)")
    assert condition.paths == ("tests.total", "findings.items", "has(findings.detail.who)")


# -- properties --------------------------------------------------------------------------------------------------------

_INTS = st.one_of(
    st.integers(-20, 20).map(str),
    st.sampled_from(
        ["tests.total", "tests.passed", "tests.failed", "size(tests.names)", "findings.items[0].score", "0x0f"]
    ),
)
_DOUBLES = st.sampled_from(["coverage.line", "0.71", "-1.5", "2e1", "double(tests.total)"])
_STRINGS = st.sampled_from(
    ["findings.tool", "'semgrep'", "tests.names[0]", "r'a\\b'", "findings.detail.who", '"""x"""']
)
_BOOLS = st.sampled_from(["findings.waived", "has(tests.failed)", "has(findings.detail)"])
_RELATIONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(" ".join)


_SUMS = st.recursive(
    _INTS,
    lambda inner: st.one_of(_joined(inner, st.sampled_from("+-*"), inner), inner.map(lambda text: f"({text})")),
    max_leaves=4,
)
_LEAVES = st.one_of(
    _joined(st.sampled_from(["tests.total", "findings.critical"]), _RELATIONS, _SUMS),
    _joined(_SUMS, _RELATIONS, st.just("tests.passed")),
    _joined(st.just("coverage.line"), _RELATIONS, st.one_of(_DOUBLES, _INTS)),
    _joined(st.just("findings.tool"), _RELATIONS, _STRINGS),
    _BOOLS,
    st.sampled_from(
        [
            "'beta' in tests.names",
            "tests.names.exists(n, n.startsWith('a'))",
            "findings.items.all(i, i.score > 0)",
            "findings.items.exists_one(i, i.severity == 'low' || i.score > 5)",
            "findings.items.filter(i, i.score > 0).map(i, i.rule.id) == ['R1']",
            "coverage.taken < timestamp('2026-03-02T00:00:00Z')",
            "coverage.lasted >= duration('60m')",
        ]
    ),
)
_CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        _joined(inner, st.sampled_from(["&&", "||"]), inner),
        inner.map(lambda text: f"!({text})"),
        inner.map(lambda text: f"({text})"),
        _joined(inner, st.just("? ("), inner, st.just(") :"), inner),
    ),
    max_leaves=6,
)


def _for_engine() -> dict[str, object]:
    """The sample as the engine takes it: it reads no text as an instant."""
    evidence = values()
    evidence["coverage"]["taken"] = datetime(2026, 3, 1, 10, tzinfo=UTC)
    return dict(evidence)


@given(_CONDITIONS)
def test_where_nothing_is_missing_or_fails_the_engine_says_the_same_of_the_whole(text: str) -> None:
    expected = engine.program(text).execute(_for_engine())
    assert judge(text).verdict is (ALLOW if expected else DENY)


_FIELDS = ["tests__total", "tests__passed", "coverage__line", "findings__waived", "findings__tool", "findings__items"]


@given(_CONDITIONS, st.sampled_from(_FIELDS))
def test_a_path_taken_away_never_leaves_a_yes(text: str, gone: str) -> None:
    condition = compiled(text)
    verdict = judge(text, **{gone: None}).verdict
    assert verdict is not ALLOW or gone.replace("__", ".") not in condition.paths


@given(_CONDITIONS)
def test_a_kind_of_evidence_taken_away_never_leaves_a_yes(text: str) -> None:
    condition = compiled(text)
    for root in SCHEMA:
        evidence = values()
        del evidence[root]
        if any(path.removeprefix("has(").startswith(f"{root}.") for path in condition.paths):
            assert condition.evaluate(evidence).verdict is not ALLOW


_JUNK: st.SearchStrategy[object] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=3),
        st.datetimes(),
        st.datetimes(timezones=st.just(UTC)),
        st.timedeltas(),
        st.just(object()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["score", "severity", "rule", "id", "who", "level"]), inner, max_size=3),
    ),
    max_leaves=5,
)
_ROOTS = {root: sorted(record.fields) for root, record in SCHEMA.items()}
_EVIDENCE = st.one_of(
    st.fixed_dictionaries(
        {}, optional={root: st.dictionaries(st.sampled_from(names), _JUNK) for root, names in _ROOTS.items()}
    ),
    st.dictionaries(st.sampled_from(sorted(_ROOTS)), _JUNK),
)
_BROAD = compiled(
    "tests.total > 0 && coverage.line > 0.5 && findings.waived && findings.tool.contains('a') && tests.names[0] == 'x'"
    " && coverage.taken + coverage.lasted > coverage.taken && 1 / tests.total > tests.total + 1"
    " && findings.items.all(i, i.score > 0 || i.rule.id == i.severity) && has(findings.detail.who) && -tests.failed < 1"
    " && coverage.line * coverage.line > 0.1 && findings.detail.level > 1"
)


@given(_EVIDENCE)
def test_any_values_are_judged_and_explained_without_an_exception(evidence: Any) -> None:
    outcome = _BROAD.evaluate(evidence)
    assert all(str(clause).isprintable() for clause in outcome.clauses)
    assert len(outcome.clauses) == 12


class _Failing(dict[str, object]):
    def get(self, key: str, default: object = None) -> object:
        raise RuntimeError(key)


def test_values_whose_own_methods_fail_have_no_value() -> None:
    outcome = compiled("tests.failed == 0").evaluate({"tests": _Failing()})
    assert reasons(outcome) == ["tests.failed cannot be read: RuntimeError"]


# -- the engine ----------------------------------------------------------------------------------------------------


def _in_a_new_process(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_conditions_imports_no_engine() -> None:
    found = _in_a_new_process(
        "import sys, tidegate.core.condition\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('cel', 'typer')])"
    )
    assert found == "[]"


def test_compiling_imports_the_engine_without_its_command_line() -> None:
    found = _in_a_new_process(
        "import sys; from tidegate.core.condition import *\n"
        "compile('a.b', {'a': Record({'b': Scalar.BOOL})}); compile('a.b == true', {'a': Record({'b': Scalar.BOOL})})\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('cel', 'typer', 'prompt_toolkit')))"
    )
    assert found == "['cel.cel']"


def test_the_engine_can_be_imported_as_usual_afterwards() -> None:
    found = _in_a_new_process(
        "from tidegate.core.condition import engine\nengine.program('1 + 1')\nimport cel; print(cel.evaluate('1 + 1'))"
    )
    assert found == "2"


def test_the_version_of_the_engine_is_that_of_its_package() -> None:
    assert engine_version().split(".")[:2] == ["0", "10"]


def test_threads_share_a_condition() -> None:
    condition: Condition = compiled("findings.items.all(i, i.score >= 0) && tests.total > 0")
    found: list[Verdict] = []
    threads = [threading.Thread(target=lambda: found.append(condition.evaluate(values()).verdict)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [ALLOW] * 8
