"""The kinds of evidence: fields of one type each, and nothing that is not declared."""

from __future__ import annotations

import math

import pytest

from tidegate.core.condition import Record
from tidegate.core.condition import compile as compile_condition
from tidegate.core.condition.types import Scalar
from tidegate.core.evidence_kind import KINDS, EvidenceKind, typed_values
from tidegate.core.subject import Part
from tidegate.errors import UsageError

TESTS = {"total": 3, "passed": 2, "failed": 1, "errors": 0, "skipped": 0, "duration_s": 0.5}
COVERAGE = {"line": 0.5, "lines_total": 4, "lines_covered": 2}


def test_what_the_kinds_say_and_bind() -> None:
    assert all(name == kind.name for name, kind in KINDS.items())
    assert {name for name, kind in KINDS.items() if kind.root == "findings"} == {
        "sarif",
        "npm-audit",
        "pip-audit",
        "image-scan",
    }
    assert (KINDS["junit"].root, KINDS["coverage"].root, KINDS["smoke"].root) == ("tests", "coverage", "smoke")
    assert KINDS["junit"].fields["duration_s"] is Scalar.DOUBLE
    assert KINDS["coverage"].optional == {"branch"}
    assert KINDS["junit"].binds == KINDS["coverage"].binds == {Part.SOURCE}
    assert KINDS["smoke"].binds == {Part.SOURCE, Part.ARTIFACTS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_field_can_stand_in_a_condition(kind: EvidenceKind) -> None:
    for field in kind.fields:
        compile_condition(f"{kind.root}.{field} == {kind.root}.{field}", {kind.root: Record(kind.fields)})


def test_values_of_their_types_are_taken() -> None:
    assert typed_values(KINDS["junit"], TESTS) == TESTS
    assert typed_values(KINDS["coverage"], COVERAGE) == COVERAGE
    found = typed_values(KINDS["coverage"], COVERAGE | {"branch": 1})
    assert type(found["branch"]) is float


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        (
            {"fialed": 0},
            "has no field 'fialed'; its fields are total, passed, failed, errors, skipped, duration_s",
        ),
        ({"failed": ...}, "needs 'failed', and it is not given"),
        ({"failed": "0"}, "has failed as int, and '0' is given"),
        ({"failed": True}, "has failed as int, and True is given"),
        ({"failed": 0.0}, "has failed as int, and 0.0 is given"),
        ({"failed": None}, "has failed as int, and None is given"),
        ({"failed": -1}, "has failed as a number from 0, and -1 is given"),
        ({"total": 2**53}, "has total as a number from 0, and 9007199254740992 is given"),
        ({"duration_s": math.nan}, "has duration_s as a number from 0, and nan is given"),
        ({"duration_s": math.inf}, "has duration_s as a number from 0, and inf is given"),
        ({"duration_s": True}, "has duration_s as double, and True is given"),
    ],
)
def test_anything_else_is_refused(changes: dict[str, object], because: str) -> None:
    values = {name: value for name, value in {**TESTS, **changes}.items() if value is not ...}
    with pytest.raises(UsageError) as caught:
        typed_values(KINDS["junit"], values)
    assert caught.value.what == f"evidence of kind junit {because}"
    assert caught.value.remedy == (
        "give total (int), passed (int), failed (int), errors (int), skipped (int), duration_s (double)"
    )
