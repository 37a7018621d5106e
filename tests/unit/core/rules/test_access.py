from __future__ import annotations

from typing import Any

import pytest

from tests.support.facts import Case, asked, question, rulebook, table
from tidegate.core.actor import Actor
from tidegate.core.decision import Action
from tidegate.core.verdict import Verdict


def access(*groups: str) -> dict[str, Any]:
    return {"environments": {"production": {"access": list(groups)}}}


@table(
    Case("not said", "access"),
    Case("in a group", "access", Verdict.ALLOW, "olga has access to production", policy=access("tech-leads", "ops")),
    Case(
        "in another",
        "access",
        Verdict.DENY,
        "olga has no access to production: it is for tech-leads",
        "ask somebody of tech-leads, or add olga to one of them in the policy",
        access("tech-leads"),
    ),
    Case(
        "nobody",
        "access",
        Verdict.DENY,
        "olga has no access to production: it is for nobody",
        "list groups under environments.production.access",
        access(),
    ),
    Case("somewhere else", "access", policy=access("tech-leads"), about=question(environment="staging")),
)
def test_the_table(case: Case) -> None:
    case.hold()


@pytest.mark.parametrize("by", ["olga", Actor.automation("watch")])
def test_it_never_stops_a_rollback(by: str | Actor) -> None:
    decision = asked(policy=rulebook(**access()), about=question(Action.ROLLBACK, by=by))
    assert not [finding for finding in decision.findings if finding.rule == "access"]
