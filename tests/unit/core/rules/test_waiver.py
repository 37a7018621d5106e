from __future__ import annotations

from typing import Any

from tests.support.facts import (
    DAY,
    HOUR,
    NOW,
    Case,
    asked,
    both,
    evidence,
    facts,
    found,
    item,
    mark,
    question,
    release,
    rulebook,
    subject,
    table,
)
from tidegate.core.decide import decide
from tidegate.core.facts import Facts
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.verdict import Verdict

ALLOW, DENY, CANNOT_TELL = Verdict.ALLOW, Verdict.DENY, Verdict.CANNOT_TELL
BAD = (evidence(values={"failed": 1}),)
SAID = (
    "junit from ci: tests.total > 0: allow (tests.total = 10), tests.failed == 0: deny (tests.failed = 1; "
    "needs tests.failed == 0)"
)
FIX = "reach tests.failed == 0, then add a new junit report: tidegate evidence add billing-1.1.0 FILE --source ci"
ASK = "; or ask for a waiver: tidegate waive billing-1.1.0 tests --reason TEXT --until DATE"
AGREE = "tidegate waive billing-1.1.0 tests --agree"


def waivable(**waiver: Any) -> dict[str, Any]:
    return {"gates": {"tests": {"waiver": {"by": {"from": "tech-leads"}, "lasts": "2d"} | waiver}}}


def waiver(by: str = "olga", **changes: Any) -> Mark:
    return mark(MarkKind.WAIVER, "tests", "", by, **{"until": NOW + DAY, "reason": "TG-12", **changes})


def yes(by: str = "carol", to: str = "waiver--olga", **changes: Any) -> Mark:
    return mark(MarkKind.WAIVER_YES, "tests", to, by, **changes)


def given(*marks: Mark, **more: Any) -> Facts:
    return facts(**{"evidence": BAD, "marks": marks, **more})


UNTIL = "Wed 2 Dec 2026 10:00 PST"
HOLDS_NOT = f"{SAID}; the waiver that olga asked for does not hold: "


@table(
    Case("not asked for", "gate.tests", DENY, SAID, FIX + ASK, waivable(), given()),
    Case("nobody may waive", "gate.tests", DENY, SAID, FIX, {}, given(waiver(), yes())),
    Case(
        "waived",
        "gate.tests",
        ALLOW,
        f'waived until {UNTIL}: olga asked and carol agreed: "TG-12"; without the waiver: it does not pass: {SAID}',
        policy=waivable(),
        facts=given(waiver(), yes()),
    ),
    Case(
        "waived, although nobody can tell",
        "gate.tests",
        ALLOW,
        f'waived until {UNTIL}: olga asked and carol agreed: "TG-12"; without the waiver: nobody can tell: '
        "there is no junit evidence for billing",
        policy=waivable(),
        facts=given(waiver(), yes(), evidence=()),
    ),
    Case(
        "nobody agreed",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}1 more must agree, of carol",
        f"{FIX}; or have carol agree to the waiver: {AGREE}",
        waivable(),
        given(waiver()),
    ),
    Case(
        "agreed by who asked",
        "gate.tests",
        DENY,
        f"{SAID}; the waiver that carol asked for does not hold: 1 more must agree, of nobody",
        FIX + ASK,
        waivable(),
        given(waiver("carol"), yes("carol", "waiver--carol")),
    ),
    Case(
        "agreed by an author",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}1 more must agree, of alice",
        f"{FIX}; or have alice agree to the waiver: {AGREE}",
        waivable(by={"from": "module-team"}),
        given(waiver(), yes("bob")),
    ),
    Case(
        "one of two agreed, twice",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}1 more must agree, of bob",
        f"{FIX}; or have bob agree to the waiver: {AGREE}",
        waivable(by={"from": "module-team", "count": 2, "author_may": True}),
        given(waiver(), yes("alice"), yes("alice", id="again")),
    ),
    Case(
        "agreed to another",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}1 more must agree, of carol",
        f"{FIX}; or have carol agree to the waiver: {AGREE}",
        waivable(),
        given(waiver(), yes(to="another")),
    ),
    Case(
        "over",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}it was over Tue 1 Dec 2026 10:00 PST",
        FIX + ASK,
        waivable(),
        given(waiver(until=NOW), yes()),
    ),
    Case(
        "longer than the policy lets",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}it was over Tue 1 Dec 2026 09:00 PST",
        FIX + ASK,
        waivable(),
        given(waiver(at=NOW - 2 * DAY - HOUR, until=NOW + 9 * DAY), yes()),
    ),
    Case(
        "of another subject",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}olga said it before something changed",
        FIX + ASK,
        waivable(),
        given(waiver(subject="sha256:before"), yes()),
    ),
    Case(
        "taken back",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}olga took it back",
        FIX + ASK,
        waivable(),
        given(waiver(ended_at=NOW), yes()),
    ),
    Case(
        "by somebody who left",
        "gate.tests",
        DENY,
        f"{SAID}; the waiver that zoe asked for does not hold: zoe may not",
        FIX + ASK,
        waivable(),
        given(waiver("zoe"), yes(to="waiver--zoe")),
    ),
    Case(
        "of which the signature fails",
        "gate.tests",
        DENY,
        f"{HOLDS_NOT}1 more must agree, of carol",
        f"{FIX}; or have carol agree to the waiver: {AGREE}",
        waivable(),
        given(waiver(), yes(invalid="no such key")),
    ),
)
def test_a_waiver(case: Case) -> None:
    case.hold()


def test_it_holds_to_the_moment_before_it_is_over() -> None:
    late = given(waiver(until=NOW + HOUR), yes())
    policy = rulebook(**waivable())
    assert found(asked(late, policy, now=NOW + HOUR - DAY / 86_400_000_000), "gate.tests").verdict is ALLOW
    assert found(asked(late, policy, now=NOW + HOUR), "gate.tests").verdict is DENY


def test_both_policies_must_let_it_be_waived() -> None:
    decision = asked(given(waiver(), yes()), rulebook(**waivable()), pinned=rulebook())
    assert [(f.policy, f.verdict) for f in decision.findings if f.rule == "gate.tests"] == [
        ("pinned", DENY),
        ("current", ALLOW),
    ]


def test_rules_of_before_know_no_waivers_and_no_types() -> None:
    policy = rulebook(**waivable(), environments={"production": {"gates": ["tests"], "documents": []}})
    of_before = decide(question(), both(policy), given(waiver(), yes()), NOW, version=2)
    assert (found(of_before, "gate.tests").message, found(of_before, "gate.tests").remedy) == (SAID, FIX)
    typed = rulebook(gates={"tests": {"types": ["hotfix"]}})
    assert found(decide(question(), both(typed), given(), NOW, version=2), "gate.tests").verdict is DENY


@table(
    Case("of another type", "gate.tests", policy={"gates": {"tests": {"types": ["hotfix"]}}}, facts=given()),
    Case("of this type", "gate.tests", DENY, SAID, FIX, {"gates": {"tests": {"types": ["minor"]}}}, given()),
    Case(
        "nothing is left to ask",
        "requirement.present",
        DENY,
        "production asks for nothing of a minor release, and is closed for that",
        "add gates:, approvals: or after: to environments.production",
        {"gates": {"tests": {"types": ["hotfix"]}}},
        given(),
    ),
)
def test_a_gate_of_some_types(case: Case) -> None:
    case.hold()


def test_a_changed_release_needs_its_waiver_anew() -> None:
    rebuilt = release(item(subject=subject(artifacts="sha256:rebuilt")))
    known = facts(rebuilt, evidence=BAD, marks=(waiver(), yes()))
    assert "said it before something changed" in found(asked(known, rulebook(**waivable())), "gate.tests").message
