"""What a case can expect: each expectation met, and not met with the sentence that says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cases import ask, book, but, case

NO_TESTS = but(evidence={"tests": "none"})
BAD_TESTS = but(evidence={"tests": {"failed": 3}})
LATE = but(release={"announced": "-6d"})

EXPECTED: list[tuple[Any, Any, tuple[str, ...]]] = [
    ("ready", "allow", ()),
    ("ready", "deny", ("expected deny, and it is allow",)),
    ("ready", "cannot tell", ("expected cannot tell, and it is allow",)),
    ("ready", {"verdict": "allow"}, ()),
    ("ready", {"allow": True}, ()),
    ("ready", {"allow": False}, ("expected no allow, and it is allow",)),
    (NO_TESTS, "cannot tell", ()),
    (NO_TESTS, {"allow": False}, ()),
    (NO_TESTS, {"allow": True}, ("expected allow, and it is cannot tell",)),
    (NO_TESTS, "deny", ("expected deny, and it is cannot tell",)),
    (NO_TESTS, {"cannot tell": ["gate.tests"]}, ()),
    (NO_TESTS, {"cannot tell": "gate"}, ()),
    (
        NO_TESTS,
        {"deny": "gate.tests"},
        (
            "gate.tests was to deny, and it cannot tell",
            "gate.tests cannot tell, and nothing expected it",
        ),
    ),
    (BAD_TESTS, {"deny": "gate.tests"}, ()),
    (BAD_TESTS, {"deny": "gate"}, ()),
    (
        BAD_TESTS,
        {"cannot tell": "gate.tests"},
        (
            "gate.tests was to not be able to tell, and it denies",
            "gate.tests denies, and nothing expected it",
        ),
    ),
    (
        BAD_TESTS,
        {"deny": "windows"},
        ("windows was to deny, and it passes", "gate.tests denies, and nothing expected it"),
    ),
    (BAD_TESTS, {"deny": ["windows"], "others": True}, ("windows was to deny, and it passes",)),
    (BAD_TESTS, {"deny": ["hold", "gate.tests"]}, ("hold was to deny, and nothing asks it",)),
    (but(evidence={"tests": {"failed": 3}, "coverage": "none"}), {"deny": ["gate.tests"], "others": True}, ()),
    (
        but(evidence={"tests": {"failed": 3}, "coverage": "none"}),
        {"deny": ["gate.tests"]},
        ("gate.coverage cannot tell, and nothing expected it",),
    ),
    (
        but(evidence={"tests": {"failed": 3}, "coverage": "none"}),
        {"deny": "gate.tests", "cannot tell": "gate.coverage"},
        (),
    ),
    ("ready", {"passes": ["windows", "train", "gate.tests", "gate"]}, ()),
    (BAD_TESTS, {"passes": ["gate.tests"]}, ("gate.tests was to pass, and it denies",)),
    (BAD_TESTS, {"passes": ["gate"]}, ("gate was to pass, and it denies",)),
    ("ready", {"passes": "hold"}, ("hold was to pass, and nothing asks it",)),
    ("ready", {"says": "inside a window of production"}, ()),
    ("ready", {"says": "outside"}, ('no finding says "outside"',)),
    (BAD_TESTS, {"deny": "gate.tests", "says": ["tests.failed = 3", "needs tests.failed == 0"]}, ()),
    (BAD_TESTS, {"says": "inside a window"}, ('no finding in the way says "inside a window"',)),
    (BAD_TESTS, {"remedy": "tidegate evidence add billing-1.1.0 FILE"}, ()),
    (BAD_TESTS, {"remedy": ["wait"]}, ('no remedy says "wait"',)),
    (LATE, {"deny": "notice", "next_possible": "2026-12-08T10:00"}, ()),
    (LATE, {"deny": "notice", "next_possible": "+7d"}, ()),
    (
        LATE,
        {"deny": "notice", "next_possible": "2026-12-02T10:00"},
        ("next possible was to be Wed 2 Dec 2026 10:00 PST, and it is Tue 8 Dec 2026 10:00 PST",),
    ),
    (
        LATE,
        {"next_possible": "never"},
        ("next possible was to be never, and it is Tue 8 Dec 2026 10:00 PST",),
    ),
    (NO_TESTS, {"next_possible": "now"}, ()),
    ("ready", {"allow": True, "next_possible": "now"}, ()),
]


@pytest.mark.parametrize(("given", "expect", "problems"), EXPECTED)
def test_expectations(given: Any, expect: Any, problems: tuple[str, ...]) -> None:
    assert ask(case(expect, given)).problems == problems


def test_never_is_never() -> None:
    closed = book(environments={"production": {"windows": []}})
    assert ask(case({"deny": "windows", "next_possible": "never"}), closed).problems == ()
    found = ask(case({"deny": "windows", "next_possible": "now"}), closed).problems
    assert found == ("next possible was to be Tue 1 Dec 2026 10:00 PST, and it is never",)


def test_a_bundle_may_deny_and_not_be_able_to_tell_by_one_rule() -> None:
    given = [
        {
            "release": {
                "type": "minor",
                "items": [
                    {"component": "billing", "comes_from": ["main"]},
                    {"component": "identity", "version": "1.5.0", "comes_from": ["main"]},
                ],
            },
            "evidence": {
                "tests": {"component": "billing", "total": 1, "failed": 1},
                "coverage": {"line": 1.0},
            },
            "approvals": ["bob", "erin", "carol"],
        },
        {"release": {"announced": "-8d"}, "verified": {"staging": "-2d"}},
    ]
    assert ask(case({"deny": "gate.tests", "cannot tell": "gate.tests"}, given)).problems == ()
    found = ask(case({"deny": "gate.tests"}, given)).problems
    assert found == ("gate.tests cannot tell, and nothing expected it",)
