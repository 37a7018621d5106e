"""Emergency releases: by which emergency they go, what they go without, and what they never go without."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.facts import (
    DAY,
    HOUR,
    NOW,
    asked,
    emergency,
    evidence,
    facts,
    found,
    hold,
    item,
    person,
    question,
    release,
    rulebook,
)
from tidegate.core.actor import Assurance
from tidegate.core.decision import Action, Decision
from tidegate.core.emergency import Emergency, emergency_for
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict

DECLARED = "emergency.declared"
ITEM = item(changes=())


def policy(**emergency_keys: Any) -> Any:
    keys = {"types": ["hotfix"], "declared_by": ["ops"], **emergency_keys}
    kind = {"criteria": ["Production down", "Security breach"], "gates": ["tests"], "skips": ["windows"]}
    production = {"gates": ["tests", "coverage"], "approvals": [{"from": "tech-leads"}], "after": [
        {"environment": "staging"}]}  # fmt: skip
    return rulebook(release_types={"hotfix": kind}, emergency=keys, environments={"production": production})


def decide(
    *known: Emergency,
    bypasses: tuple[str, ...] = (),
    by: Any = "olga",
    kind: str = "hotfix",
    said: str = "Production down",
    **more: Any,
) -> Decision:
    held = facts(
        release(ITEM, type=kind, criterion=said),
        emergencies=known,
        evidence=more.pop("evidence", (evidence(),)),
        **more,
    )
    return asked(held, policy(bypasses=list(bypasses)), question(by=by))


def test_without_a_declaration_it_does_not_go() -> None:
    finding = found(decide(), DECLARED)
    assert (finding.verdict, finding.time_only) == (Verdict.DENY, False)
    assert finding.message == "no emergency in force that hotfix releases of billing go by"
    assert finding.remedy == (
        "tidegate emergency declare --incident ID --reason TEXT --criterion 'Production down' --components billing, "
        "by olga"
    )


def test_what_is_to_be_declared_is_what_the_release_is_for() -> None:
    assert "--criterion 'Security breach' " in found(decide(said="Security breach"), DECLARED).remedy
    assert "--criterion 'Production down' " in found(decide(said="Boredom"), DECLARED).remedy


NOT_BY = {
    "ended": (emergency(ended_at=NOW - HOUR), "emergency-1 is over"),
    "at the very end of its time": (
        emergency(expires_at=NOW),
        "emergency-1 was in force until Tue 1 Dec 2026 10:00 PST",
    ),
    "declared in the future": (
        emergency(declared_at=NOW + HOUR),
        "emergency-1 says it was declared in the future",
    ),
    "of another component": (emergency(components=("identity",)), "emergency-1 is of identity alone"),
    "for something else": (emergency(criterion="Boredom"), 'emergency-1 is for "Boredom"'),
}


@pytest.mark.parametrize(("one", "why"), NOT_BY.values(), ids=NOT_BY)
def test_an_emergency_that_is_not_its_own_lets_nothing_go(one: Emergency, why: str) -> None:
    decision = decide(one, bypasses=("gates", "approvals", "after"))
    assert found(decision, DECLARED).message == f"no emergency in force that hotfix releases of billing go by ({why})"
    # And what it would have gone without is asked.
    assert {"gate.coverage", "approval.tech-leads", "after.staging"} <= {f.rule for f in decision.against()}


def test_a_type_without_criteria_never_goes() -> None:
    bare = rulebook(emergency={"types": ["hotfix"], "declared_by": ["ops"]})
    held = facts(release(ITEM, type="hotfix"), emergencies=(emergency(),), evidence=(evidence(),))
    finding = found(asked(held, bare), DECLARED)
    assert finding.message == "no emergency can be declared for hotfix releases: their type has no criteria"
    assert finding.remedy == "say what they are for: release_types.hotfix.criteria"


def test_by_an_emergency_it_goes_without_what_the_policy_says_and_tells_it() -> None:
    decision = decide(emergency(), bypasses=("gates", "approvals", "after"))
    assert decision.allowed, decision.against()
    assert found(decision, DECLARED).message == (
        "olga declared emergency-1 for INC-4711: Production down; checkout answers 500; in force until "
        "Wed 2 Dec 2026 09:00 PST"
    )
    assert found(decision, "emergency.skips").message == (
        "goes without: windows, staging before production, the gate coverage of production, "
        "1 from tech-leads for production"
    )
    # The type's own gate is asked although the environment has it, too.
    assert found(decision, "gate.tests").verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("bypassed", "left"),
    [
        ((), {"gate.coverage", "approval.tech-leads", "after.staging"}),
        (("gates",), {"approval.tech-leads", "after.staging"}),
        (("approvals",), {"gate.coverage", "after.staging"}),
        (("after",), {"gate.coverage", "approval.tech-leads"}),
    ],
)
def test_it_goes_without_no_more_than_the_policy_says(bypassed: tuple[str, ...], left: set[str]) -> None:
    assert {finding.rule for finding in decide(emergency(), bypasses=bypassed).against()} == left


def test_other_releases_go_without_nothing_while_it_is_in_force() -> None:
    decision = decide(emergency(), bypasses=("gates", "approvals", "after"), kind="minor")
    assert {finding.rule for finding in decision.against()} == {"gate.coverage", "approval.tech-leads", "after.staging"}
    assert not [finding for finding in decision.findings if finding.rule.startswith("emergency.")]


ALL = ("gates", "approvals", "after")


def test_it_never_goes_without_evidence_of_its_type() -> None:
    decision = decide(emergency(), bypasses=ALL, evidence=())
    assert [(f.rule, f.verdict) for f in decision.against()] == [("gate.tests", Verdict.CANNOT_TELL)]


def test_it_never_goes_with_evidence_of_another_subject() -> None:
    decision = decide(emergency(), bypasses=ALL, evidence=(evidence(bound={"source": "sha256:another"}),))
    assert [f.rule for f in decision.against()] == ["gate.tests"]


def test_it_never_goes_over_a_hold() -> None:
    assert [f.rule for f in decide(emergency(), bypasses=ALL, holds=(hold(),)).against()] == ["hold"]


def test_it_never_goes_started_by_somebody_who_may_not() -> None:
    assert [f.rule for f in decide(emergency(), bypasses=ALL, by="alice").against()] == ["actor.permitted"]


@pytest.mark.parametrize("assurance", [Assurance.ASSERTED, Assurance.TOKEN, Assurance.SESSION])
def test_it_never_goes_unsigned_whatever_the_environment_asks(assurance: Assurance) -> None:
    lax = rulebook(
        release_types={"hotfix": {"criteria": ["Production down"]}},
        emergency={"types": ["hotfix"], "declared_by": ["ops"]},
        environments={"production": {"assurance": "session"}},
    )
    held = facts(
        release(ITEM, type="hotfix", criterion="Production down"), emergencies=(emergency(),), evidence=(evidence(),)
    )
    finding = found(asked(held, lax, question(by=person("olga", assurance))), "emergency.signed")
    assert finding.verdict is Verdict.DENY
    assert finding.message == (
        f"olga is only {assurance.value}; an emergency release is started with a signature, whatever production asks"
    )
    assert asked(held, lax, question(by=person("olga", Assurance.PASSKEY))).allowed


def test_a_checkpoint_leaves_what_was_granted() -> None:
    over = emergency(ended_at=NOW - timedelta(minutes=1))
    book = policy(bypasses=list(ALL))
    rolling = release(ITEM, type="hotfix", state=ReleaseState.ROLLING)
    about = question(Action.CONTINUE, granted=rolling.subject_for("production"))
    assert [f.rule for f in asked(facts(rolling, emergencies=(over,)), book, about).against()] == []
    assert "approval.tech-leads" in {f.rule for f in asked(facts(rolling), book, about).against()}


def test_what_was_granted_goes_by_the_emergency_in_force_or_else_by_the_last() -> None:
    old = emergency(id="emergency-0", declared_at=NOW - 10 * DAY, expires_at=NOW - 9 * DAY)
    new, ended = emergency(), emergency(ended_at=NOW - timedelta(minutes=1))
    known = policy().policy
    for seen in ((old, new), (new, old), (old, ended), (ended, old)):
        found = emergency_for(known, "hotfix", ["billing"], seen, NOW, granted=True)
        assert found is not None
        assert found.id == "emergency-1"
    assert emergency_for(known, "hotfix", ["billing"], (old, ended), NOW) is None


def test_a_window_that_opens_after_its_time_needs_another_declaration() -> None:
    book = rulebook(
        release_types={"hotfix": {"criteria": ["Production down"]}},
        emergency={"types": ["hotfix"], "declared_by": ["ops"]},
        environments={"production": {"windows": [{"days": "thu", "from": "09:00", "to": "16:00"}]}},
    )
    held = facts(release(ITEM, type="hotfix"), emergencies=(emergency(),), evidence=(evidence(),))
    assert asked(held, book).next_possible is None
    longer = facts(
        release(ITEM, type="hotfix"), emergencies=(emergency(expires_at=NOW + 3 * DAY),), evidence=(evidence(),)
    )
    assert asked(longer, book).next_possible == NOW + 2 * DAY - HOUR


def test_of_several_it_goes_by_the_first() -> None:
    later = emergency(id="emergency-0", declared_at=NOW - timedelta(minutes=1))
    assert found(decide(later, emergency()), "emergency.skips").looked_at == ("emergency-1",)
