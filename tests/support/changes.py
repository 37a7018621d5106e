"""An organisation that asks for change requests, and the acts of its people on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.flows import Organisation
from tidegate.core.approval import Answer
from tidegate.core.change_request import Assessment, ChangeRequest
from tidegate.orchestration import change as flow
from tidegate.orchestration import change_decision as decision
from tidegate.orchestration.change import Wish

CHANGES: Mapping[str, Any] = {
    "required": ["production"],
    "workflow": [
        {"name": "request", "says": "Ask for it", "by": "rm", "kind": "request"},
        {"name": "impact", "says": "Assess the impact", "by": "module-team", "kind": "assessment"},
        {"name": "approval", "says": "Decide", "kind": "decision"},
        {"name": "testing", "says": "Plan the tests", "by": "module-team"},
        {"name": "communication", "says": "Tell everybody"},
        {"name": "review", "says": "Look back", "by": "rm", "kind": "afterwards"},
    ],
    "categories": {
        "normal": {"title": "Normal", "approvals": [{"from": "tech-leads"}], "within": "24h"},
        "standard": {
            "title": "Standard",
            "preapproved": True,
            "catalogue": ["Update the translations"],
            "steps": ["request", "impact"],
        },
        "major": {"title": "Major", "board": "module-team", "steps": ["request", "impact", "approval"]},
    },
    "risk": {
        "levels": ["low", "medium", "high"],
        "matrix": {"low": {"low": "low"}, "high": {"high": "high"}},
        "mitigations": {"low": ["Basic testing"], "high": ["Extensive testing", "Phased rollout"]},
    },
}
"""Seven of Towne Park's steps in six, its three diagonal cells in two."""

GOOD = Assessment("low", "low", (), (), "none", "none is changed", "deploy 1.0.0 again")
WISH = Wish("Pay by card", "customers ask for it", "normal")


def opened(org: Organisation, release: str, by: str = "rita", wish: Wish = WISH) -> ChangeRequest:
    """A change request that was just opened."""
    return flow.open_change(org.house, [release], org.claim(by), wish)


def assess(org: Organisation, change: str, by: str = "alice", said: Assessment = GOOD) -> ChangeRequest:
    """Assess it, as harmless."""
    return flow.assess(org.house, change, org.claim(by), said)


def submitted(org: Organisation, release: str, wish: Wish = WISH, said: Assessment = GOOD) -> ChangeRequest:
    """A change request that waits for its decision."""
    change = opened(org, release, wish=wish).id
    assess(org, change, said=said)
    return flow.submit(org.house, change, org.claim("rita"))


def approve(org: Organisation, change: str, by: str = "carol", **more: Any) -> decision.Answered:
    """Approve it, signed."""
    return decision.answer(org.house, change, org.claim(by), Answer.APPROVE, **more)


def step(org: Organisation, change: str, name: str, by: str) -> ChangeRequest:
    """Do a step."""
    return flow.do_step(org.house, change, org.claim(by), name, "done, see the wiki")


def approved(org: Organisation, release: str) -> ChangeRequest:
    """A change request with everything that it needs to let its release go."""
    change = submitted(org, release).id
    approve(org, change)
    step(org, change, "testing", "alice")
    step(org, change, "communication", "rita")
    return flow.mitigate(org.house, change, org.claim("rita"), "1", "400 tests, two runs")


def ids(org: Organisation, release: str) -> Sequence[str]:
    """The ids of the change rule's findings that stand in the way, by the active policy."""
    found = org.decide(release).against()
    return [f.rule for f in found if f.rule.startswith("change") and f.policy == "current"]
