"""Change requests: none, not ready, for another subject, not decided, too risky; and all that lets one count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.facts import (
    ASSESSMENT,
    CHANGES,
    DAY,
    NOW,
    Case,
    against,
    asked,
    change_request,
    facts,
    found,
    item,
    merged,
    question,
    release,
    rulebook,
    subject,
    table,
)
from tidegate.core.approval import Answer
from tidegate.core.change_request import ActKind, Assessment, ChangeRequest, ChangeState
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Policies
from tidegate.core.facts import Facts
from tidegate.core.risk import RiskFacts
from tidegate.core.rules.change import told
from tidegate.core.verdict import Verdict

DENY, ALLOW, CANNOT_TELL = Verdict.DENY, Verdict.ALLOW, Verdict.CANNOT_TELL
OPEN_ANY = "tidegate change open billing-1.1.0 --category CATEGORY --title TEXT --reason TEXT"
ASSESS = "tidegate change assess CR-1 --impact LEVEL --probability LEVEL --downtime TEXT --data TEXT --rollback TEXT"
OPEN = "tidegate change open billing-1.1.0 --category normal --title TEXT --reason TEXT"


def policy(**changes: Any) -> dict[str, Any]:
    return {"changes": merged(CHANGES, changes)}


def known(*requests: ChangeRequest) -> Facts:
    return facts(change_requests=requests)


def row(
    name: str, rule: str, verdict: Verdict, message: str, remedy: str, *requests: ChangeRequest, **more: Any
) -> Case:
    return Case(name, f"change.{rule}", verdict, message, remedy, policy(**more), known(*requests))


OTHER = release(item(subject=subject(source="sha256:other")))
STANDARD: dict[str, Any] = {"category": "standard", "entry": "Update the translations", "answers": ()}
HIGH = replace(ASSESSMENT, impact="high")


@table(
    Case("no one asks", "change.request", policy={}, facts=known()),
    row("there is none", "request", DENY, "production asks for a change request, and billing-1.1.0 has none", OPEN_ANY),
    row(
        "it is open", "request", DENY, "CR-1 is not submitted yet", "tidegate change submit CR-1",
        change_request(state=ChangeState.OPEN),
    ),
    row(
        "it is open and not assessed", "request", DENY, "CR-1 is not submitted yet",
        f"{ASSESS}, then submit it",
        change_request(state=ChangeState.OPEN, assessment=None),
    ),
    row(
        "it is open and half assessed", "request", DENY, "CR-1 is not submitted yet", f"{ASSESS}, then submit it",
        change_request(state=ChangeState.OPEN, assessment=replace(ASSESSMENT, data="", rollback="")),
    ),
    row(
        "it is open, and a step before its decision is not done", "request", DENY, "CR-1 is not submitted yet",
        "tidegate change step CR-1 validation --note TEXT, by alice, bob, then submit it",
        change_request(state=ChangeState.OPEN), workflow=[
            {"name": "validation", "says": "Look at staging", "by": "module-team"},
            {"name": "approval", "says": "Decide", "kind": "decision"},
        ],
    ),
    row("it is closed", "request", DENY, "CR-1 is closed", OPEN, change_request(state=ChangeState.CLOSED)),
    row(
        "it was for another subject", "request", DENY,
        "CR-1 was submitted before something changed, or for other environments",
        "submit it as it is now: tidegate change submit CR-1", change_request(OTHER),
    ),
    row(
        "nobody submitted it", "request", DENY, "nobody who still counts has submitted CR-1 as it is",
        "tidegate change submit CR-1", change_request(acts=()),
    ),
    row(
        "an unknown category", "category", DENY,
        "CR-1 is of category colossal, and the policy knows major, normal, standard",
        "tidegate change open billing-1.1.0 --category CATEGORY --title TEXT --reason TEXT",
        change_request(category="colossal"),
    ),
    row(
        "it counts", "request", ALLOW, 'CR-1 "Pay by card" (normal) is for this release as it is', "", change_request(),
    ),
    row("it is assessed", "assessment", ALLOW, "alice assessed its impact: billing", "", change_request()),
    row(
        "not assessed", "assessment", DENY, "the impact of CR-1 is not assessed",
        ASSESS, change_request(assessment=None),
    ),
    row(
        "half assessed", "assessment", DENY, "the assessment of CR-1 leaves out data, rollback",
        "tidegate change assess CR-1 with --data and --rollback",
        change_request(assessment=replace(ASSESSMENT, data="", rollback="")),
    ),
    row(
        "steps are done", "steps", ALLOW,
        "the steps before it goes are done: request (olga), impact (alice), testing (alice)", "", change_request(),
    ),
    row(
        "a step is not done", "steps", DENY, "1 step of CR-1 is not done: testing",
        "tidegate change step CR-1 testing --note TEXT, by alice, bob", change_request(steps=()),
    ),
    row(
        "approved", "approval.tech-leads", ALLOW, "CR-1 approved by carol", "", change_request(),
    ),
    row(
        "not approved", "approval.tech-leads", DENY, "CR-1 needs 1 approval from tech-leads, none given",
        "tidegate change approve CR-1, by carol", change_request(answers=()),
    ),
    row(
        "somebody else approved", "approval.tech-leads", DENY,
        "CR-1 needs 1 approval from tech-leads, none given; not counted: the policy knows no mallory",
        "tidegate change approve CR-1, by carol", change_request(answers=("mallory",)),
    ),
    row(
        "who asks for it approved", "approval.tech-leads", DENY, "CR-1 needs 1 approval from tech-leads, none given",
        "nobody is left who may: add people to tech-leads in the policy, then tidegate change approve CR-1",
        change_request(opened_by="carol"),
    ),
    row(
        "a category that asks nobody", "approval", DENY,
        "the category normal asks for nobody's yes and is not approved beforehand",
        "add approvals: or a board: to changes.categories.normal", change_request(),
        categories={"normal": {"title": "Normal", "approvals": []}},
    ),
    row(
        "due", "approval.tech-leads", DENY,
        "CR-1 needs 1 approval from tech-leads, none given; the decision is due by Wed 2 Dec 2026 08:00 PST",
        "tidegate change approve CR-1, by carol", change_request(answers=()), categories={"normal": {"within": "24h"}},
    ),
    row(
        "overdue", "approval.tech-leads", DENY,
        "CR-1 needs 1 approval from tech-leads, none given; the decision is overdue since Tue 1 Dec 2026 09:00 PST",
        "tidegate change approve CR-1, by carol", change_request(answers=()), categories={"normal": {"within": "1h"}},
    ),
    row(
        "a board without minutes", "approval.tech-leads", DENY,
        "CR-1 needs 1 approval from tech-leads, none given; not counted: carol names no minutes",
        "tidegate change approve CR-1 --minutes FILE, by carol", change_request(category="major"),
    ),
    row(
        "a board with minutes", "approval.tech-leads", ALLOW, "CR-1 approved by carol, with minutes", "",
        change_request(category="major", minutes="minutes of Monday"),
    ),
    row(
        "a standard change", "standard", ALLOW, 'approved beforehand: "Update the translations"', "",
        change_request(**STANDARD),
    ),
    row(
        "not in the catalogue", "standard", DENY,
        'CR-1 is no standard change: "Rewrite it all" is not in the catalogue',
        "open one of a category that is approved each time: tidegate change open billing-1.1.0",
        change_request(**{**STANDARD, "entry": "Rewrite it all"}),
    ),
    row(
        "no entry", "standard", DENY, "CR-1 is no standard change: it names no entry of the catalogue",
        "open one of a category that is approved each time: tidegate change open billing-1.1.0",
        change_request(**{**STANDARD, "entry": ""}),
    ),
    row(
        "a standard change with a migration and a break", "standard", DENY,
        "CR-1 is no standard change: it has 1 migration; 2 of its commits are breaking",
        "open one of a category that is approved each time: tidegate change open billing-1.1.0",
        change_request(**STANDARD, facts=RiskFacts(migrations=1, breaking=2, days_since_deploy=1)),
    ),
    row(
        "a risky standard change", "standard", DENY,
        "CR-1 is no standard change: its risk is high, and a pre-approved change's is low",
        "open one of a category that is approved each time: tidegate change open billing-1.1.0",
        change_request(**STANDARD, assessment=HIGH),
    ),
    row(
        "risk", "risk", ALLOW, "the risk of CR-1 is low: low as stated, low from facts: nothing counts against it", "",
        change_request(),
    ),
    row(
        "an undecided cell", "risk", ALLOW,
        "the risk of CR-1 is high: high as stated, a cell that the matrix leaves undecided, low from facts: nothing "
        "counts against it", "", change_request(assessment=HIGH),
    ),
    row(
        "risk that nobody can tell", "risk", CANNOT_TELL,
        "the risk of CR-1 cannot be told: impact and probability are not among the policy's levels",
        "tidegate change assess CR-1 --impact LEVEL --probability LEVEL, each one of: high, low, medium",
        change_request(assessment=replace(ASSESSMENT, impact="dire")),
    ),
    row(
        "facts that could not be counted", "risk", CANNOT_TELL,
        "the risk of CR-1 cannot be told: what it changes could not be counted: billing: this is a shallow clone",
        "fetch what is missing, then submit it again: tidegate change submit CR-1",
        change_request(facts=RiskFacts(unknown=("billing: this is a shallow clone",))), risk={"facts": "raise"},
    ),
    row(
        "mitigated", "mitigation", ALLOW, "what low risk demands is shown: Basic testing: done (olga)", "",
        change_request(),
    ),
    row(
        "not mitigated", "mitigation", DENY,
        "high risk demands what CR-1 does not show: Extensive testing; Phased rollout",
        "tidegate change mitigate CR-1 1 --how TEXT", change_request(assessment=HIGH),
    ),
)  # fmt: skip
def test_what_it_says(case: Case) -> None:
    case.hold()


def test_with_everything_nothing_stands_in_the_way() -> None:
    assert against(asked(known(change_request()), rulebook(**policy()))) == []


def test_one_that_has_everything_is_enough() -> None:
    unready = change_request(id="CR-2", state=ChangeState.OPEN)
    assert against(asked(known(unready, change_request()), rulebook(**policy()))) == []
    assert against(asked(known(unready), rulebook(**policy()))) == ["change.request"]


def test_of_several_the_one_that_lacks_least_is_told() -> None:
    much, little = change_request(id="CR-1", answers=(), steps=(), mitigations=()), change_request(id="CR-2", steps=())
    assert against(asked(known(much, little), rulebook(**policy()))) == ["change.steps"]
    over, early = (change_request(id=f"CR-{s}", state=s) for s in (ChangeState.REJECTED, ChangeState.OPEN))
    for several in ((over, early, much), (much, early, over)):
        assert len(against(asked(known(*several), rulebook(**policy())))) == 3
    assert "CR-open" in found(asked(known(over, early), rulebook(**policy())), "change.request").message


def test_the_type_asks_for_its_category_in_production_alone() -> None:
    asks = policy(required=[]) | {"release_types": {"minor": {"change": "major"}}}
    decision = asked(known(change_request()), rulebook(**asks))
    finding = found(decision, "change.category")
    assert finding.message == "CR-1 is of category normal, and a minor release asks for major"
    assert finding.remedy == "tidegate change open billing-1.1.0 --category major --title TEXT --reason TEXT"
    elsewhere = asked(known(), rulebook(**asks), question(environment="staging"))
    assert [f for f in elsewhere.findings if f.rule.startswith("change")] == []


def test_a_rejection_denies_whoever_else_said_yes() -> None:
    request = change_request()
    no = replace(request.answers[0], approval=replace(request.answers[0].approval, id="no", answer=Answer.REJECT))
    both = replace(request, answers=(*request.answers, no))
    assert found(asked(known(both), rulebook(**policy())), "change.rejected").message == "carol said no to CR-1"
    over = replace(both, state=ChangeState.REJECTED)
    assert found(asked(known(over), rulebook(**policy())), "change.request").message == "CR-1 was rejected by carol"


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Pay by anything"},
        {"reason": "because"},
        {"assessment": replace(ASSESSMENT, rollback="none")},
        {"facts": RiskFacts(commits=1, days_since_deploy=4)},
        {"ticket": "CHG-1"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_was_signed_for_holds_for_nothing_else(changes: dict[str, Any]) -> None:
    changed = replace(change_request(), **changes)
    assert "change.request" in against(asked(known(changed), rulebook(**policy())))


@pytest.mark.parametrize("kind", list(ActKind), ids=lambda kind: kind.value)
def test_an_act_whose_signature_does_not_hold_is_none(kind: ActKind) -> None:
    request = change_request()
    damaged = [replace(a, invalid="the key was taken away") if a.kind is kind else a for a in request.acts]
    assert against(asked(known(replace(request, acts=tuple(damaged))), rulebook(**policy()))) != []


@pytest.mark.parametrize("settings", [{"disabled": True}, {"groups": []}], ids=["disabled", "left the group"])
def test_who_left_no_longer_counts(settings: dict[str, Any]) -> None:
    people = {"carol": {"name": "Carol", **settings}, "erin": {"name": "Erin", "groups": ["tech-leads"]}}
    gone = policy() | {"people": people}
    assert "change.approval.tech-leads" in against(asked(known(change_request()), rulebook(**gone)))


def test_a_quorum_of_the_board_is_asked_for() -> None:
    quorum = policy() | {
        "groups": {"tech-leads": {"quorum": 2}},
        "people": {"erin": {"name": "Erin", "groups": ["tech-leads"]}},
    }
    one = change_request(category="major", minutes="m")
    two = change_request(category="major", minutes="m", answers=("carol", "erin"))
    finding = found(asked(known(one), rulebook(**quorum)), "change.approval.tech-leads")
    assert finding.message == "CR-1 needs 2 approvals from tech-leads, 1 given (carol)"
    assert against(asked(known(two), rulebook(**quorum))) == []


def test_a_level_from_facts_raises_what_must_be_shown() -> None:
    large = RiskFacts(commits=60, files=200, lines=9000, migrations=2, days_since_deploy=3)
    request = change_request(facts=large)
    assert against(asked(known(request), rulebook(**policy()))) == []
    warned = found(asked(known(request), rulebook(**policy())), "change.risk")
    assert warned.message == (
        "the risk of CR-1 is low: low as stated, high from facts, which is above what was stated: 60 commits (+3), "
        "200 files changed (+3), 9000 lines added and removed (+3), 2 migrations (+1)"
    )
    raised = asked(known(request), rulebook(**policy(risk={"facts": "raise"})))
    assert against(raised) == ["change.mitigation"]


def test_going_on_asks_again_and_going_back_never() -> None:
    going = question(Action.CONTINUE, granted=release().subject_for("production"))
    asks = rulebook(**policy())
    assert "change.request" in against(asked(known(), asks, going))
    back = asked(known(), asks, question(Action.ROLLBACK))
    assert [f for f in back.findings if f.rule.startswith("change")] == []


def test_rules_of_before_ask_for_none() -> None:
    book = rulebook(**policy())
    both = Policies(book, book)
    assert decide(question(), both, known(), NOW, version=2).allowed
    assert not decide(question(), both, known(), NOW + DAY, version=3).allowed


def test_a_level_without_facts_says_so() -> None:
    from tidegate.core.risk import Level

    assert told(Level("low", "low", False, "")) == "low as stated; from facts nobody can tell"


def test_no_client_is_an_answer() -> None:
    assert Assessment("low", "low").unanswered() == ("components", "downtime", "data", "rollback")
    assert ASSESSMENT.unanswered() == ()
