"""A change request of a case made ready: what the case does not take away is there, but for the answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.change_demands import mitigations_of, risk_of, steps_of
from tidegate.core.change_request import (
    ActKind,
    Assessment,
    Bound,
    ChangeAct,
    ChangeAnswer,
    ChangeRequest,
    ChangeState,
)
from tidegate.core.facts import Release
from tidegate.core.policy import Act, ChangeCategory, Policy
from tidegate.core.policytest.form import GivenChange
from tidegate.core.risk import RiskFacts
from tidegate.core.rules.actor_permitted import permitted_people

_BEFORE = timedelta(hours=1)


def change_of_case(
    said: GivenChange, number: int, release: Release, bound: dict[str, str], policy: Policy, at: datetime
) -> ChangeRequest:
    """The change request that a case gives for its release, by the policy under which it is asked.

    Args:
        bound: the release's digests by environment, as they were when it was submitted.
    """
    category = policy.changes.categories.get(said.category) or ChangeCategory(title=said.category)
    levels = policy.changes.risk.levels
    lowest = levels[0] if levels else ""
    components = tuple(sorted(item.component for item in release.items))
    change = ChangeRequest(
        id=f"CR-{number}",
        category=said.category,
        title="as the case gives it",
        reason="as the case gives it",
        releases=(Bound(release.id, components, tuple(sorted(_authors(release))), bound),),
        opened_by=said.by or _somebody(policy, category, "request"),
        opened_at=at - _BEFORE,
        state=said.state or (ChangeState.APPROVED if said.approvals or category.preapproved else ChangeState.SUBMITTED),
        entry=said.entry or "",
        assessment=None if said.unassessed else _assessment(said, lowest, components),
        facts=RiskFacts(
            commits=sum(len(item.changes) for item in release.items),
            migrations=said.migrations,
            breaking=sum(change.breaking for item in release.items for change in item.changes),
            days_since_deploy=0,
        ),
        submitted_at=at - _BEFORE,
    )
    acts, answers = tuple(_acts(said, change, category, policy)), tuple(_answers(said, change))
    return ChangeRequest(**{name: getattr(change, name) for name in _FIELDS} | {"acts": acts, "answers": answers})


_FIELDS = tuple(ChangeRequest.__dataclass_fields__)


def _authors(release: Release) -> set[str]:
    return {name for item in release.items for name in item.authors}


def _assessment(said: GivenChange, lowest: str, components: tuple[str, ...]) -> Assessment:
    return Assessment(said.impact or lowest, said.probability or lowest, components, (), "none", "none", "as before")


def _somebody(policy: Policy, category: ChangeCategory, kind: str, name: str = "") -> str:
    """Somebody who may do a step; empty where nobody may."""
    step = next((s for s in steps_of(policy, category) if s.kind == kind and name in ("", s.name)), None)
    people = policy.people_of(step.by) if step and step.by else permitted_people(policy, Act.OPEN, None)
    return min(people, default=min(policy.people, default=""))


def _acts(said: GivenChange, change: ChangeRequest, category: ChangeCategory, policy: Policy) -> Iterator[ChangeAct]:
    at = change.opened_at
    yield ChangeAct(ActKind.REQUEST, change.opened_by, at, subject=change.request_digest)
    if change.assessment is not None:
        who = _somebody(policy, category, "assessment")
        yield ChangeAct(ActKind.ASSESSMENT, who, at, subject=change.assessment.digest)
    yield ChangeAct(ActKind.SUBMISSION, change.opened_by, at, subject=change.digest)
    for step in steps_of(policy, category):
        if step.kind == "step" and step.name not in said.undone:
            yield ChangeAct(ActKind.STEP, _somebody(policy, category, "step", step.name), at, step.name, "done")
    for line in mitigations_of(policy, risk_of(policy, change).level):
        if not said.unshown:
            yield ChangeAct(ActKind.MITIGATION, change.opened_by, at, line, "shown", change.digest)


def _answers(said: GivenChange, change: ChangeRequest) -> Iterator[ChangeAnswer]:
    for answer, people in ((Answer.APPROVE, said.approvals), (Answer.REJECT, said.rejected_by)):
        for index, who in enumerate(people, start=1):
            actor = Actor(who, "ssh", Assurance.SIGNATURE)
            given = Approval(f"{change.id}-{answer.value}-{index}", actor, answer, "", change.digest, change.opened_at)
            yield ChangeAnswer(given, said.minutes or "")
