from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings

from tests.support.facts import (
    DAY,
    HOUR,
    HOUSE,
    NOW,
    against,
    asked,
    compiled,
    evidence,
    facts,
    found,
    hold,
    person,
    question,
    release,
    rulebook,
)
from tests.support.strategies import (
    DEMANDS,
    GOOD,
    GOOD_RELEASE,
    document,
)
from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import canonical
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Facts
from tidegate.core.release import ReleaseState
from tidegate.core.rules import RULES, rule_of
from tidegate.core.verdict import Verdict

# Building a policy takes longer than deciding by it, and is done once for each.
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EMPTY = compiled({key: HOUSE[key] for key in ("tidegate", "organization", "timezone")})
FORWARD = (Action.START, Action.CONTINUE)


def going(action: Action, by: str | Actor = "olga", environment: str = "production") -> Question:
    return question(action, environment, by, granted=GOOD_RELEASE.subject_for(environment))


def under_way(known: Facts, action: Action) -> Facts:
    state = ReleaseState.ROLLING if action is Action.CONTINUE else ReleaseState.OPEN
    return replace(known, release=replace(known.release, state=state))


# ---- what it answers


def test_everything_asked_and_met_is_a_yes() -> None:
    decision = asked(GOOD, compiled(document(DEMANDS.keys() - {"a blackout now"})))
    assert (decision.verdict, against(decision)) == (Verdict.ALLOW, [])
    assert (decision.next_possible, decision.blocked_by_time_only) == (NOW, False)
    assert decision.subject == GOOD_RELEASE.subject_for("production")


def test_each_rule_leaves_a_finding_with_its_place_in_the_ledger() -> None:
    decision = asked(GOOD, compiled(document(DEMANDS.keys())))
    # These say something only where there is something to say.
    silent = {"hold", "hold.version", "emergency", "debts", "subject.unchanged"}
    for rule in RULES:
        if Action.START in rule.actions and rule.id not in silent:
            own = [f for f in decision.findings if f.reference == rule.reference and f.rule.startswith(rule.id)]
            assert own, rule.id


def test_the_findings_come_in_the_order_of_the_rules() -> None:
    decision = asked(GOOD, compiled(document(DEMANDS.keys())))
    ids = [rule.id for rule in RULES]
    rules = [rule_of(finding.rule) for finding in decision.findings]
    places = [ids.index(rule.id) for rule in rules if rule is not None]
    assert len(places) == len(rules)
    assert places == sorted(places)


def test_deny_outweighs_cannot_tell_and_cannot_tell_outweighs_allow() -> None:
    assert asked(facts(evidence=())).verdict is Verdict.CANNOT_TELL
    assert asked(facts(evidence=(), holds=(hold(),))).verdict is Verdict.DENY


def test_the_answer_as_json_has_every_field() -> None:
    decision = asked(facts(evidence=(), holds=(hold(expires_at=NOW + DAY),)))
    record = decision.as_dict()
    assert list(record) == [
        "verdict",
        "action",
        "environment",
        "actor",
        "findings",
        "next_possible",
        "blocked_by_time_only",
        "decided_at",
        "subject",
        "policies",
    ]
    assert (record["verdict"], record["next_possible"]) == ("deny", "2026-12-02T18:00:00.000000Z")
    assert next(found for found in record["findings"] if found["rule"] == "hold") == {
        "rule": "hold",
        "verdict": "deny",
        "message": "olga stopped the line until Wed 2 Dec 2026 10:00 PST: the database is being moved",
        "remedy": "wait until Wed 2 Dec 2026 10:00 PST, or tidegate hold lift hold-1",
        "reference": "7D-03, M1-15",
        "policy": "current",
        "time_only": True,
        "opens_at": "2026-12-02T18:00:00.000000Z",
        "looked_at": [],
    }


def test_every_refusal_has_a_remedy() -> None:
    decision = asked(facts(evidence=(), holds=(hold(),)), compiled(document(DEMANDS.keys())), now=NOW + 4 * DAY)
    assert len(decision.against()) >= 8
    assert [f.rule for f in decision.against() if not f.remedy] == []


def test_a_message_has_one_line() -> None:
    decision = asked(facts(evidence=(), holds=(hold(),)), compiled(document(DEMANDS.keys())), now=NOW + 4 * DAY)
    assert [f for f in decision.findings if not f.message or "\n" in f.message + f.remedy] == []


def test_a_rule_that_fails_is_a_finding_that_cannot_tell() -> None:
    broken = facts(release(announced_at=datetime.max.replace(tzinfo=UTC)))
    decision = asked(broken, rulebook(release_types={"minor": {"notice": "7d"}}))
    finding = found(decision, "notice")
    assert finding.verdict is Verdict.CANNOT_TELL
    assert finding.message == "this rule failed with OverflowError: date value out of range"
    assert finding.remedy == "report it as a fault in Tidegate, with the output of tidegate check --json"
    assert (decision.next_possible, decision.blocked_by_time_only) == (None, False)


# ---- two policies


def test_each_finding_says_whose_it_is() -> None:
    pinned = rulebook(environments={"production": {"gates": ["tests", "coverage"]}})
    decision = asked(pinned=pinned)
    assert {(f.policy, f.rule) for f in decision.findings if f.rule.startswith("gate.")} == {
        ("pinned", "gate.tests"),
        ("pinned", "gate.coverage"),
        ("current", "gate.tests"),
    }
    assert decision.policies == (pinned.digest, rulebook().digest)


def test_one_policy_is_asked_once() -> None:
    assert {f.policy for f in asked(pinned=rulebook()).findings} == {"current"}


def test_waiting_is_for_both_policies() -> None:
    tuesdays = {"modules": {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"}}
    afternoons = {"production": {"windows": [{"from": "14:00", "to": "16:00"}]}}
    decision = asked(policy=rulebook(trains=tuesdays), pinned=rulebook(environments=afternoons), now=NOW + DAY)
    assert decision.next_possible == NOW + 7 * DAY + 4 * HOUR


def test_an_older_report_that_is_added_later_does_not_count() -> None:
    newer = evidence(values={"failed": 1}, taken_at=NOW - HOUR, added_at=NOW - HOUR)
    older = evidence(taken_at=NOW - DAY, added_at=NOW)
    assert against(asked(facts(evidence=(newer, older)))) == ["gate.tests"]


def test_a_person_who_may_and_one_who_may_not_differ_in_that_alone() -> None:
    yes, no = asked(), asked(about=question(by="bob"))
    assert against(no) == ["actor.permitted"]
    assert [f for f in yes.findings if f.rule != "actor.permitted"] == [
        f for f in no.findings if f.rule != "actor.permitted"
    ]


def test_canonical_findings_are_plain() -> None:
    assert canonical(asked().as_dict()).startswith(b'{"action":"start"')
    assert person("olga").assurance is Assurance.SIGNATURE
