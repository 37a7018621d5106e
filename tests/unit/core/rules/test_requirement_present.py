from __future__ import annotations

from typing import Any

from tests.support.facts import Case, question, table
from tidegate.core.decision import Action
from tidegate.core.verdict import Verdict

RULE = "requirement.present"
NOTHING: dict[str, Any] = {"environments": {"production": {"gates": []}, "staging": {"gates": []}}}


@table(
    Case("a gate", RULE, Verdict.ALLOW, "production asks for 1 gate"),
    Case(
        "nothing at all",
        RULE,
        Verdict.DENY,
        "production asks for nothing of a minor release, and is closed for that",
        "add gates:, approvals: or after: to environments.production",
        policy=NOTHING,
    ),
    Case(
        "times alone are no requirement",
        RULE,
        Verdict.DENY,
        "production asks for nothing of a minor release, and is closed for that",
        "add gates:, approvals: or after: to environments.production",
        policy={
            "environments": {"production": {"gates": [], "windows": [{}], "freeze": {"before": "1d"}}},
            "release_types": {"minor": {"notice": "1d"}},
        },
    ),
    Case(
        "what the type asks for",
        RULE,
        Verdict.ALLOW,
        "production asks for 2 gates, 3 approvals",
        policy=NOTHING
        | {
            "release_types": {
                "minor": {
                    "gates": ["tests", "coverage"],
                    "approvals": [{"from": "module-team", "count": 2}, {"from": "$owners"}],
                }
            }
        },
    ),
    Case(
        "what the type asks for is asked in production alone",
        RULE,
        Verdict.DENY,
        "staging asks for nothing of a minor release, and is closed for that",
        "add gates:, approvals: or after: to environments.staging",
        policy=NOTHING | {"release_types": {"minor": {"gates": ["tests"]}}},
        about=question(environment="staging"),
    ),
    Case(
        "environments before",
        RULE,
        Verdict.ALLOW,
        "production asks for 1 environment before",
        policy={"environments": {"production": {"gates": [], "after": [{"environment": "staging"}]}}},
    ),
    Case("at a checkpoint it is not asked", RULE, policy=NOTHING, about=question(Action.CONTINUE)),
    Case("for a rollback it is not asked", RULE, policy=NOTHING, about=question(Action.ROLLBACK)),
    Case("of an unknown environment nothing is said", RULE, about=question(environment="nowhere")),
)
def test_the_table(case: Case) -> None:
    case.hold()
