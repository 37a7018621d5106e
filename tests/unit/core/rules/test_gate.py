from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.support.facts import (
    DAY,
    HOUR,
    NOW,
    Case,
    asked,
    evidence,
    facts,
    found,
    item,
    question,
    release,
    rulebook,
    subject,
    table,
)
from tidegate.core.decision import Action
from tidegate.core.evidence import Evidence
from tidegate.core.verdict import Verdict

ADD = "add a new junit report: tidegate evidence add billing-1.1.0 FILE --source ci"
PASSED = "tests.total > 0: allow (tests.total = 10), tests.failed == 0: allow (tests.failed = 0)"
FAILED = (
    "tests.total > 0: allow (tests.total = 10), tests.failed == 0: deny (tests.failed = 2; needs tests.failed == 0)"
)
BAD = {"failed": 2}


def case(
    name: str,
    verdict: Verdict | None,
    message: str,
    remedy: str,
    *pieces: Evidence,
    rule: str = "gate.tests",
    **gate: object,
) -> Case:
    policy = {"gates": {"tests": gate}} if gate else {}
    return Case(name, rule, verdict, message, remedy, policy, facts(evidence=pieces))


@table(
    case("passes", Verdict.ALLOW, f"junit from ci: {PASSED}", "", evidence()),
    case(
        "fails",
        Verdict.DENY,
        f"junit from ci: {FAILED}",
        f"reach tests.failed == 0, then {ADD}",
        evidence(values=BAD),
    ),
    case(
        "no evidence",
        Verdict.CANNOT_TELL,
        "there is no junit evidence for billing",
        "add a new junit report: tidegate evidence add billing-1.1.0 FILE",
    ),
    case(
        "none of this kind",
        Verdict.CANNOT_TELL,
        "there is no junit evidence for billing",
        "add a new junit report: tidegate evidence add billing-1.1.0 FILE",
        evidence("coverage"),
    ),
    case(
        "none of this component",
        Verdict.CANNOT_TELL,
        "there is no junit evidence for billing",
        "add a new junit report: tidegate evidence add billing-1.1.0 FILE",
        evidence(of=item("identity")),
    ),
    case(
        "none of the source that the gate asks for",
        Verdict.CANNOT_TELL,
        "there is no junit evidence from nightly for billing",
        "add a new junit report: tidegate evidence add billing-1.1.0 FILE --source nightly",
        evidence(),
        source="nightly",
    ),
    case(
        "of the source that the gate asks for, whatever others say",
        Verdict.ALLOW,
        f"junit from nightly: {PASSED}",
        "",
        evidence(values=BAD),
        evidence(source="nightly"),
        source="nightly",
    ),
    case(
        "a field is missing",
        Verdict.CANNOT_TELL,
        "junit from ci: tests.total > 0: cannot tell (tests.total is missing; needs tests.total > 0), "
        "tests.failed == 0: allow (tests.failed = 0)",
        f"reach tests.total > 0, then {ADD}",
        evidence(values={"total": None}),
    ),
    case(
        "a value is of another type",
        Verdict.CANNOT_TELL,
        "junit from ci: tests.total > 0: allow (tests.total = 10), "
        "tests.failed == 0: cannot tell (tests.failed is str, expected int; needs tests.failed == 0)",
        f"reach tests.failed == 0, then {ADD}",
        evidence(values={"failed": "0"}),
    ),
    case(
        "a value is no number",
        Verdict.CANNOT_TELL,
        "junit from ci: tests.duration_s < 60.0: cannot tell (tests.duration_s is nan, which is no number to compare; "
        "needs tests.duration_s < 60.0)",
        f"reach tests.duration_s < 60.0, then {ADD}",
        evidence(values={"duration_s": math.nan}),
        **{"pass": "tests.duration_s < 60.0"},
    ),
    case(
        "of another source tree",
        Verdict.CANNOT_TELL,
        "junit from ci is of another source",
        ADD,
        evidence(of=item(subject=subject(source="sha256:x"))),
    ),
    case(
        "bound to nothing",
        Verdict.CANNOT_TELL,
        "junit from ci does not say of which source it is",
        ADD,
        evidence(bound={}),
    ),
    case(
        "bound to a part that its kind does not speak of",
        Verdict.CANNOT_TELL,
        "junit from ci does not say of which source it is",
        ADD,
        evidence(bound={"artifacts": item().subject.artifacts}),
    ),
    case(
        "bound to a part that nobody knows",
        Verdict.CANNOT_TELL,
        "junit from ci is of another weather",
        ADD,
        evidence(bound={"source": item().subject.source, "weather": "sunny"}),
    ),
    case(
        "bound to more, and all of it is so",
        Verdict.ALLOW,
        f"junit from ci: {PASSED}",
        "",
        evidence(bound={"source": item().subject.source, "artifacts": item().subject.artifacts}),
    ),
    case(
        "taken in the future",
        Verdict.CANNOT_TELL,
        "junit from ci says it was taken in the future",
        ADD,
        evidence(taken_at=NOW + HOUR),
    ),
    case("taken now", Verdict.ALLOW, f"junit from ci: {PASSED}", "", evidence(taken_at=NOW)),
    case(
        "exactly as old as it may be",
        Verdict.ALLOW,
        f"junit from ci: {PASSED}",
        "",
        evidence(taken_at=NOW - DAY),
        fresh="1d",
    ),
    case(
        "too old",
        Verdict.CANNOT_TELL,
        "junit from ci is older than 1d",
        ADD,
        evidence(taken_at=NOW - DAY - HOUR),
        fresh="1d",
    ),
    case(
        "for another environment",
        Verdict.CANNOT_TELL,
        "there is no junit evidence for billing",
        "add a new junit report: tidegate evidence add billing-1.1.0 FILE",
        evidence(environment="staging"),
    ),
    case("for this environment", Verdict.ALLOW, f"junit from ci: {PASSED}", "", evidence(environment="production")),
    case(
        "the newest counts, and it is bad",
        Verdict.DENY,
        f"junit from ci: {FAILED}",
        f"reach tests.failed == 0, then {ADD}",
        evidence(values=BAD, taken_at=NOW - HOUR),
        evidence(taken_at=NOW - 2 * HOUR),
    ),
    case(
        "the newest counts, and it is good",
        Verdict.ALLOW,
        f"junit from ci: {PASSED}",
        "",
        evidence(values=BAD, taken_at=NOW - 2 * HOUR),
        evidence(taken_at=NOW - HOUR),
    ),
    case(
        "the newest counts even where it is of another subject",
        Verdict.CANNOT_TELL,
        "junit from ci is of another source",
        ADD,
        evidence(taken_at=NOW - 2 * HOUR),
        evidence(of=item(subject=subject(source="sha256:x"))),
    ),
    case(
        "what is newer for another environment does not count here",
        Verdict.DENY,
        f"junit from ci: {FAILED}",
        f"reach tests.failed == 0, then {ADD}",
        evidence(values=BAD, taken_at=NOW - 2 * HOUR),
        evidence(environment="staging"),
    ),
    case(
        "every source must pass; what stands in the way comes first",
        Verdict.DENY,
        f"junit from nightly: {FAILED}; junit from ci: {PASSED}",
        "reach tests.failed == 0, then "
        "add a new junit report: tidegate evidence add billing-1.1.0 FILE --source nightly",
        evidence(),
        evidence(source="nightly", values=BAD),
    ),
    case(
        "a gate that nobody asks for",
        None,
        "",
        "",
        evidence(),
        rule="gate.coverage",
    ),
)
def test_the_table(case: Case) -> None:
    case.hold()


@pytest.mark.parametrize("action", [Action.CONTINUE, Action.ROLLBACK])
def test_it_is_asked_at_the_start_alone(action: Action) -> None:
    decision = asked(facts(evidence=()), about=question(action))
    assert not [f for f in decision.findings if f.rule.startswith("gate.")]


def test_every_kind_must_be_there() -> None:
    # Two gates in place of one: no path can be of both kinds.
    policy = rulebook(environments={"production": {"gates": ["tests", "smoke"]}})
    known = facts(evidence=(evidence(values=BAD),))
    decision = asked(known, policy)
    assert found(decision, "gate.tests").verdict is Verdict.DENY
    assert found(decision, "gate.smoke").verdict is Verdict.CANNOT_TELL
    assert decision.verdict is Verdict.DENY


def test_what_the_type_asks_for_is_asked_in_production() -> None:
    policy = rulebook(release_types={"minor": {"gates": ["coverage", "tests"]}})
    assert [f.rule for f in asked(policy=policy).findings if f.rule.startswith("gate.")] == [
        "gate.tests",
        "gate.coverage",
    ]
    staging = asked(policy=policy, about=question(environment="staging"))
    assert [f.rule for f in staging.findings if f.rule.startswith("gate.")] == ["gate.tests"]


def test_each_component_must_pass() -> None:
    two = release(item("identity"), item("billing"))
    known = facts(two, evidence=(evidence(), evidence(of=item("identity"), values=BAD)))
    said = [(f.verdict, f.rule) for f in asked(known).findings if f.rule == "gate.tests"]
    assert said == [(Verdict.ALLOW, "gate.tests"), (Verdict.DENY, "gate.tests")]


def test_it_tells_what_it_looked_at() -> None:
    pieces = (evidence(report="sha256:b"), evidence(report="sha256:a", source="nightly"))
    assert found(asked(facts(evidence=pieces)), "gate.tests").looked_at == ("sha256:b", "sha256:a")


def test_a_changed_artifact_voids_what_bound_it_and_nothing_else() -> None:
    policy = rulebook(environments={"production": {"gates": ["tests", "smoke"]}})
    rebuilt = item(subject=subject(artifacts="sha256:rebuilt"))
    decision = asked(facts(release(rebuilt), evidence=(evidence(), evidence("smoke"))), policy)
    assert found(decision, "gate.tests").verdict is Verdict.ALLOW
    smoke = found(decision, "gate.smoke")
    assert (smoke.verdict, smoke.message) == (Verdict.CANNOT_TELL, "smoke from ci is of another artifacts")


def test_a_rulebook_without_the_gate_or_its_condition_lets_nothing_through() -> None:
    whole = rulebook()
    lost = replace(whole, conditions={})
    finding = found(asked(policy=lost), "gate.tests")
    assert (finding.verdict, finding.message) == (Verdict.CANNOT_TELL, "its condition is not compiled")
    nameless = replace(whole, policy=whole.policy.model_copy(update={"gates": {}}))
    finding = found(asked(policy=nameless), "gate.tests")
    assert (finding.verdict, finding.message, finding.remedy) == (
        Verdict.DENY,
        'the policy has no gate "tests"',
        "declare gates.tests",
    )
