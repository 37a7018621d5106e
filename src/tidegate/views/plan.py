"""A plan for people: the next version and why, and per environment what stands in the way and when it could go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from tidegate.core.commit import Change
from tidegate.core.decision import Decision, Finding
from tidegate.core.verdict import Verdict
from tidegate.core.version import TagFormat
from tidegate.git.history import SkippedTag, unreleased
from tidegate.git.repository import open_repository
from tidegate.orchestration.house import House
from tidegate.orchestration.release import Plan, component_of
from tidegate.store import policies
from tidegate.views.decision import once
from tidegate.views.environments import in_order


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change, and what it asks for."""

    sha: str
    kind: str
    summary: str
    breaking: bool
    level: str
    why: str
    void: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """How one environment could be reached: what is needed, what only time brings, and the earliest moment."""

    environment: str
    verdict: Verdict
    needs: tuple[Finding, ...]
    waits: tuple[Finding, ...]
    next_possible: datetime | None
    deciding: str
    then: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """What ``tidegate plan`` answers."""

    component: str
    current: str
    tag: str
    version: str
    type: str
    why: str
    commit: str
    changes: tuple[PlannedChange, ...]
    unconventional: tuple[str, ...]
    skipped_tags: tuple[SkippedTag, ...]
    environments: tuple[Prospect, ...]
    decided_at: datetime
    timezone: str
    rehearsal: str


def plan_view(plan: Plan, now: datetime) -> PlanView:
    """The view of a plan."""
    reasons = {reason.sha: reason for reason in plan.next.reasons}
    return PlanView(
        component=plan.component,
        current=str(plan.history.current or ""),
        tag=plan.history.tag or "",
        version=str(plan.version),
        type=plan.type,
        why=plan.next.why,
        commit=plan.history.at,
        changes=tuple(_change(change, reasons) for change in plan.history.changes),
        unconventional=tuple(change.sha for change in plan.history.unconventional),
        skipped_tags=plan.history.skipped,
        environments=tuple(_prospect(name, plan.decisions[name]) for name in in_order(plan.rulebook.policy)),
        decided_at=now,
        timezone=plan.rulebook.policy.timezone,
        rehearsal=plan.rulebook.policy.rehearsal or "",
    )


def _change(change: Change, reasons: Mapping[str, object]) -> PlannedChange:
    reason = reasons.get(change.sha)
    level = getattr(reason, "level", None)
    return PlannedChange(
        sha=change.sha,
        kind=change.kind,
        summary=change.summary,
        breaking=change.breaking,
        level=level.word if level is not None else "",
        why=getattr(reason, "why", ""),
        void=change.void,
    )


def _prospect(environment: str, decision: Decision) -> Prospect:
    # Who would start it is not known yet: that nobody in particular may is no news.
    against = [f for f in once(decision.against()) if f.rule != "actor.permitted"]
    waits = tuple(sorted((f for f in against if f.time_only), key=_opens))
    return Prospect(
        environment=environment,
        verdict=decision.verdict,
        needs=tuple(f for f in against if not f.time_only),
        waits=waits,
        next_possible=decision.next_possible,
        deciding=deciding_rule(waits, decision.next_possible),
        then=_then(decision, waits),
    )


_NEVER = datetime.max.replace(tzinfo=UTC)


def _opens(finding: Finding) -> tuple[bool, datetime]:
    return (finding.opens_at is None, finding.opens_at or _NEVER)


def deciding_rule(waits: tuple[Finding, ...], next_possible: datetime | None) -> str:
    """The rule on which the earliest moment hangs: of those that only time passes, the one that opens last."""
    return waits[-1].rule if waits and next_possible is not None else ""


_RECURRING = ("train", "windows", "blackout")


def _then(decision: Decision, waits: tuple[Finding, ...]) -> str:
    """The recurring rule that is waited for after the deciding one, as a train on Tuesday is after a notice."""
    last = waits[-1].opens_at if waits else None
    if last is None or decision.next_possible is None or decision.next_possible <= last:
        return ""
    asked = {finding.rule for finding in decision.findings if finding.time_only}
    return next((rule for rule in _RECURRING if rule in asked and rule != waits[-1].rule), "")


@dataclass(frozen=True, slots=True)
class VersionView:
    """What ``tidegate version`` answers; ``next`` is empty where nothing asks for a release."""

    component: str
    current: str
    tag: str
    next: str
    why: str


def version_view(house: House, component: str) -> VersionView:
    """Which version a component is at, by its tags, and which the changes since then ask for."""
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    known = component_of(policy, component)
    history = unreleased(open_repository(house.root), known.path, known.shared, TagFormat(known.tag))
    upcoming = history.next()
    return VersionView(
        component, str(history.current or ""), history.tag or "", str(upcoming.version or ""), upcoming.why
    )


def tz_of(view: PlanView) -> tzinfo:
    """The zone of the view's moments."""
    from tidegate.core.calendar import zone

    return zone(view.timezone)
