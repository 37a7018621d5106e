from __future__ import annotations

from typing import Any

import pytest

from tests.support.facts import Case, asked, facts, found, person, question, release, rulebook, table
from tidegate.core.actor import Actor, Assurance
from tidegate.core.decision import Action
from tidegate.core.policy import Act
from tidegate.core.release import ReleaseState
from tidegate.core.rules.actor_permitted import minimum_assurance, permitted_people
from tidegate.core.verdict import Verdict

RULE = "actor.permitted"
WATCH = {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}
TIDEGATE = Actor.automation("watch")


@table(
    Case("a member of a group", RULE, Verdict.ALLOW, "olga may start in production"),
    Case(
        "nobody of the group",
        RULE,
        Verdict.DENY,
        "alice may not start in production",
        "ask one of: olga",
        about=question(by="alice"),
    ),
    Case(
        "a person by name",
        RULE,
        Verdict.ALLOW,
        "alice may start in production",
        policy={"permits": {"start": ["alice"]}},
        about=question(by="alice"),
    ),
    Case(
        "Tidegate itself, where it promotes",
        RULE,
        Verdict.ALLOW,
        "the policy has Tidegate start in production by itself",
        policy={"environments": {"production": {"promotion": {"automatic": True}}}},
        about=question(by=TIDEGATE),
    ),
    Case(
        "Tidegate itself, elsewhere",
        RULE,
        Verdict.DENY,
        "Tidegate may not start in production by itself",
        "let a person do it, or say so in the policy: environments.production.promotion.automatic: true",
        policy={"environments": {"staging": {"promotion": {"automatic": True}}}},
        about=question(by=TIDEGATE),
    ),
    Case(
        "permitted by the environment",
        RULE,
        Verdict.ALLOW,
        "alice may start in production",
        policy={"environments": {"production": {"permits": {"start": ["billing-owners"]}}}},
        about=question(by="alice"),
    ),
    Case(
        "permitted by another environment",
        RULE,
        Verdict.DENY,
        "alice may not start in production",
        "ask one of: olga",
        policy={"environments": {"staging": {"permits": {"start": ["alice"]}}}},
        about=question(by="alice"),
    ),
    Case(
        "unknown",
        RULE,
        Verdict.DENY,
        "mallory may not start in production: the policy knows no such person",
        "ask one of: olga",
        about=question(by="mallory"),
    ),
    Case(
        "named as a group",
        RULE,
        Verdict.DENY,
        "ops may not start in production: the policy knows no such person",
        "ask one of: olga",
        about=question(by="ops"),
    ),
    Case(
        "disabled",
        RULE,
        Verdict.DENY,
        "olga may not start in production: disabled in the policy",
        "nobody may: list people or groups under permits.start",
        policy={"people": {"olga": {"disabled": True}}},
    ),
    Case(
        "left the group",
        RULE,
        Verdict.DENY,
        "olga may not start in production",
        "ask one of: bob",
        policy={"people": {"olga": {"groups": []}, "bob": {"groups": ["ops"]}}},
    ),
    Case(
        "not permitted another act",
        RULE,
        Verdict.DENY,
        "olga may not roll back in production",
        "nobody may: list people or groups under permits.rollback",
        policy={"permits": {"rollback": []}},
        about=question(Action.ROLLBACK),
    ),
    Case(
        "only a typed name",
        RULE,
        Verdict.DENY,
        "olga is only asserted (ssh); production asks for signature",
        "sign it with your SSH key: --key PATH",
        about=question(by=person("olga", Assurance.ASSERTED)),
    ),
    Case(
        "whatever the policy says, production asks for a login",
        RULE,
        Verdict.DENY,
        "olga is only token (ssh); production asks for session",
        "sign it with your SSH key: --key PATH",
        policy={"environments": {"production": {"assurance": "asserted"}}},
        about=question(by=person("olga", Assurance.TOKEN)),
    ),
    Case(
        "staging may ask for less",
        RULE,
        Verdict.ALLOW,
        "olga may start in staging",
        policy={"environments": {"staging": {"assurance": "asserted"}}},
        about=question(environment="staging", by=person("olga", Assurance.ASSERTED)),
    ),
    Case(
        "an assurance was asked at the start",
        RULE,
        Verdict.ALLOW,
        "olga may continue in production",
        facts=facts(release(state=ReleaseState.ROLLING)),
        about=question(Action.CONTINUE, by=person("olga", Assurance.ASSERTED)),
    ),
    Case(
        "a right that was lost since the start",
        RULE,
        Verdict.DENY,
        "alice may not continue in production",
        "ask one of: olga",
        about=question(Action.CONTINUE, by="alice"),
    ),
    Case(
        "the watch takes back",
        RULE,
        Verdict.ALLOW,
        "the watch of production may take releases back",
        policy={"watch": WATCH},
        about=question(Action.ROLLBACK, by=TIDEGATE),
    ),
    Case(
        "where nothing watches, nothing takes back by itself",
        RULE,
        Verdict.DENY,
        "Tidegate may not roll back in production by itself: nothing watches it",
        "declare watch.production, or let a person roll back: tidegate rollback COMPONENT production",
        about=question(Action.ROLLBACK, by=TIDEGATE),
    ),
    Case(
        "nothing starts by itself",
        RULE,
        Verdict.DENY,
        "Tidegate may not start in production by itself",
        "let a person do it, or say so in the policy: environments.production.promotion.automatic: true",
        policy={"watch": WATCH},
        about=question(by=TIDEGATE),
    ),
    Case("in an unknown environment nobody is asked about", RULE, about=question(environment="nowhere")),
)
def test_the_table(case: Case) -> None:
    case.hold()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"olga"}),
        ({"permits": {"start": []}}, set()),
        ({"permits": {"start": ["module-team", "carol"]}}, {"alice", "bob", "carol"}),
        ({"environments": {"production": {"permits": {"start": ["carol"]}}}}, {"olga", "carol"}),
        ({"people": {"olga": {"disabled": True}}}, set()),
    ],
)
def test_who_is_permitted(changes: dict[str, Any], expected: set[str]) -> None:
    policy = rulebook(**changes).policy
    assert permitted_people(policy, Act.START, policy.environments["production"]) == expected


def test_without_an_environment_only_what_holds_everywhere_counts() -> None:
    policy = rulebook(environments={"production": {"permits": {"start": ["carol"]}}}).policy
    assert permitted_people(policy, Act.START, None) == {"olga"}


def test_the_minimum_is_a_signature_unless_told_otherwise() -> None:
    assert minimum_assurance(rulebook().policy.environments["staging"]) is Assurance.SIGNATURE


def test_many_people_are_not_all_listed() -> None:
    many = {f"p{n:02d}": {"name": "P", "groups": ["ops"]} for n in range(20)}
    finding = found(asked(policy=rulebook(people=many), about=question(by="alice")), RULE)
    assert finding.remedy == "ask one of: olga, p00, p01, p02, p03, p04, p05, p06 and 13 more"
