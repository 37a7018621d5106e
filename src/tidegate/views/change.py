"""A change request as one answer: what it is for, how far it is, how risky, what it still must show, who decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.change_demands import (
    Decided,
    assessed,
    before_decision,
    decided,
    done_by,
    is_assessed,
    mitigated,
    mitigations_of,
    risk_of,
    steps_of,
    undone,
    wants_assessment,
    wants_risk,
    way_to,
    way_to_assess,
)
from tidegate.core.change_request import CHANGE, Assessment, ChangeRequest, ChangeState
from tidegate.core.policy import ChangeCategory, Policy, WorkflowStep
from tidegate.core.risk import Level
from tidegate.orchestration.change_decision import minimum_of
from tidegate.orchestration.change_facts import change_of
from tidegate.orchestration.facts import with_targets
from tidegate.orchestration.house import House
from tidegate.store import changes, policies, releases


@dataclass(frozen=True, slots=True)
class ForView:
    """A release that it is for, the environments that were submitted, and whether it still is what was submitted."""

    release: str
    environments: tuple[str, ...]
    unchanged: bool


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the workflow; ``done_by`` is empty while it is not done."""

    name: str
    says: str
    kind: str
    group: str
    done_by: str = ""
    done_at: datetime | None = None
    how: str = ""


@dataclass(frozen=True, slots=True)
class MitigationView:
    """What the level of risk demands, and what was done of it; numbered as ``change mitigate`` takes it."""

    number: int
    says: str
    done_by: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class SeatsView:
    """Whose approvals are asked for, how many, who gave them, and who still may."""

    name: str
    group: str
    count: int
    given: tuple[str, ...]
    open_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeView:
    """Everything about a change request. ``next`` is the command that leads on; empty where it is over."""

    id: str
    category: str
    title: str
    reason: str
    description: str
    entry: str
    ticket: str
    ticket_says: str
    tickets: str
    state: ChangeState
    opened_by: str
    opened_at: datetime
    releases: tuple[ForView, ...]
    assessment: Assessment | None
    assessed_by: str
    steps: tuple[StepView, ...]
    risk: Level | None
    mitigations: tuple[MitigationView, ...]
    approvals: tuple[SeatsView, ...]
    not_counted: tuple[str, ...]
    rejected_by: tuple[str, ...]
    submitted_at: datetime | None
    due_at: datetime | None
    overdue: bool
    outcome: str
    closed_at: datetime | None
    next: str


def change_view(house: House, name: str) -> ChangeView:
    """The change request of that id.

    Raises:
        NotFoundError: there is none.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        row = changes.load(connection, name)
        return _view(connection, policy, change_of(row, policy), row.closed_at, house.now())


def change_views(house: House) -> list[ChangeView]:
    """All change requests, the newest first."""
    with house.database.read() as connection:
        policy, now = policies.current(connection).policy, house.now()
        rows = changes.everything(connection)
        return [_view(connection, policy, change_of(row, policy), row.closed_at, now) for row in rows]


def _view(
    connection: sa.Connection, policy: Policy, change: ChangeRequest, closed_at: datetime | None, now: datetime
) -> ChangeView:
    category = policy.changes.categories.get(change.category) or ChangeCategory(title=change.category)
    standing = decided(policy, change, category, minimum_of(policy, change))
    risk = risk_of(policy, change) if wants_risk(policy) and change.assessment is not None else None
    due = change.submitted_at + category.within if category.within and change.submitted_at else None
    mitigations = _mitigations(policy, change, risk)
    who = assessed(policy, change)
    return ChangeView(
        id=change.id,
        category=change.category,
        title=change.title,
        reason=change.reason,
        description=change.description,
        entry=change.entry,
        ticket=change.ticket,
        ticket_says=change.ticket_says,
        tickets=policy.changes.tickets or "",
        state=change.state,
        opened_by=change.opened_by,
        opened_at=change.opened_at,
        releases=tuple(_for(connection, policy, change)),
        assessment=change.assessment,
        assessed_by=who.by if who else "",
        steps=tuple(_step(policy, change, step) for step in steps_of(policy, category)),
        risk=risk,
        mitigations=mitigations,
        approvals=_seats(standing),
        not_counted=standing.void,
        rejected_by=standing.rejected_by,
        submitted_at=change.submitted_at,
        due_at=due,
        overdue=due is not None and change.state is ChangeState.SUBMITTED and now >= due,
        outcome=change.outcome,
        closed_at=closed_at,
        next=_next(policy, change, category, mitigations),
    )


def _for(connection: sa.Connection, policy: Policy, change: ChangeRequest) -> list[ForView]:
    found = []
    for bound in change.releases:
        release = with_targets(releases.load(connection, bound.release).facts, policy)
        same = all(release.subject_for(name) == digest for name, digest in bound.subjects.items())
        found.append(ForView(bound.release, tuple(bound.subjects), same))
    return found


def _step(policy: Policy, change: ChangeRequest, step: WorkflowStep) -> StepView:
    plain = StepView(step.name, step.says, step.kind, step.by or "")
    if step.kind == "decision":
        done = change.state is ChangeState.APPROVED
        return StepView(plain.name, plain.says, plain.kind, plain.group, "those who are asked" if done else "")
    act = done_by(policy, change, step)
    if act is None:
        return plain
    how = act.how if step.kind not in ("request", "assessment") else ""
    return StepView(plain.name, plain.says, plain.kind, plain.group, act.by, act.at, how)


def _mitigations(policy: Policy, change: ChangeRequest, risk: Level | None) -> tuple[MitigationView, ...]:
    shown = mitigated(policy, change)
    lines = mitigations_of(policy, risk.level) if risk else ()
    return tuple(
        MitigationView(number, line, shown[line].by if line in shown else "", shown[line].how if line in shown else "")
        for number, line in enumerate(lines, start=1)
    )


def _seats(standing: Decided) -> tuple[SeatsView, ...]:
    return tuple(
        SeatsView(
            one.ask.name,
            one.ask.group,
            one.ask.count,
            tuple(approval.actor.person for approval in one.given),
            tuple(sorted(one.open_to)),
        )
        for one in standing.asks
    )


def _next(
    policy: Policy, change: ChangeRequest, category: ChangeCategory, mitigations: Sequence[MitigationView]
) -> str:
    if CHANGE.is_final(change.state):
        return ""
    left = undone(policy, change, category)
    if change.state is ChangeState.OPEN:
        before = before_decision(policy, category)
        first = next((step for step in left if step.name in before), None)
        if first is not None:
            return way_to(change, first)
        if wants_assessment(policy, category) and not is_assessed(policy, change):
            return way_to_assess(change)
        return f"tidegate change submit {change.id}"
    if change.state is ChangeState.SUBMITTED and not category.preapproved:
        return f"tidegate change approve {change.id}"
    first = next((step for step in left if step.kind != "decision"), None)
    if first is not None:
        return way_to(change, first)
    lacking = next((one for one in mitigations if not one.done_by), None)
    if lacking is not None:
        return f"tidegate change mitigate {change.id} {lacking.number} --how TEXT"
    bound = change.releases[0]
    return f"tidegate check {bound.release} --for {next(iter(bound.subjects), 'ENVIRONMENT')}"
