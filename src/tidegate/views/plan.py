"""A plan for people: the next version and why, when it can be in production at the earliest, what decides on that, what
is due until then and afterwards, and per environment what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from tidegate.core.alternatives import Alternative, alternatives
from tidegate.core.bundle import in_order as in_bundle_order
from tidegate.core.change import Change
from tidegate.core.course import Course, Planner, goals_of
from tidegate.core.critical_path import Step, critical_path
from tidegate.core.decision import Decision, Finding
from tidegate.core.joint_plan import Conflict, join
from tidegate.core.scope import ScopeFile
from tidegate.core.timeline import Event, Late, late, timeline
from tidegate.core.verdict import Verdict
from tidegate.git.history import SkippedTag
from tidegate.orchestration.planning import Plan
from tidegate.views.decision import once
from tidegate.views.environments import in_order
from tidegate.views.scope import ScopeView, scope_view


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
    """What ``tidegate plan COMPONENT`` answers.

    ``earliest`` is when it can be started in the last of ``goals``; None: never, and ``never`` says why. ``release`` is
    the release of that version which is open already. ``planned_at`` is for when that is planned, and ``slips`` by how
    many seconds it cannot be had then. ``goes_at`` is what the timeline leads to: the earliest moment, or, where it is
    planned for later, the first one from then on. ``scope`` is what is still to be done for it, where a file says that.
    """

    earliest: datetime | None
    critical_path: tuple[Step, ...]
    timeline: tuple[Event, ...]
    alternatives: tuple[Alternative, ...]
    late: tuple[Late, ...]
    never: str
    goals: tuple[str, ...]
    release: str
    planned_at: datetime | None
    slips: timedelta | None
    goes_at: datetime | None
    component: str
    current: str
    tag: str
    version: str
    type: str
    why: str
    commit: str
    changes: tuple[PlannedChange, ...]
    unconventional: tuple[str, ...]
    requires: tuple[str, ...]
    skipped_tags: tuple[SkippedTag, ...]
    environments: tuple[Prospect, ...]
    decided_at: datetime
    timezone: str
    rehearsal: str
    scope: ScopeView | None = None


@dataclass(frozen=True, slots=True)
class JointView:
    """What ``tidegate plan`` answers of several components: one plan, in the order in which they go."""

    earliest: datetime | None
    critical_path: tuple[Step, ...]
    timeline: tuple[Event, ...]
    alternatives: tuple[Alternative, ...]
    order: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    plans: tuple[PlanView, ...]
    decided_at: datetime
    timezone: str
    rehearsal: str


def planner_of(plan: Plan, now: datetime, goals: Sequence[str] = ()) -> Planner:
    """What walks the course of a planned release: to ``goals``, or else to production."""
    aims = tuple(goals) or goals_of(plan.rulebook.policy, [plan.component])
    facts, release = plan.facts, plan.facts.release
    if release.announced_at is None:
        # What has not been announced could be announced now at the earliest.
        facts = replace(facts, release=replace(release, announced_at=now))
    return Planner(plan.policies, facts, now, aims)


def plan_view(
    plan: Plan,
    now: datetime,
    *,
    goals: Sequence[str] = (),
    with_alternatives: bool = False,
    scope: tuple[str, ScopeFile] | None = None,
) -> PlanView:
    """The view of a plan.

    Args:
        scope: the name of the file that says what is still to be done for the release, and what it says.
    """
    planner = planner_of(plan, now, goals)
    if scope is None:
        return _view(plan, planner, planner.course(), now, with_alternatives)
    burdened, shown = scope_view(planner, scope[1], scope[0])
    return replace(_view(plan, burdened, burdened.course(), now, with_alternatives), scope=shown)


def joint_view(
    plans: Sequence[Plan], now: datetime, *, goals: Sequence[str] = (), with_alternatives: bool = False
) -> JointView:
    """The view of several plans as one."""
    by_component = {plan.component: plan for plan in plans}
    joint = join({name: planner_of(plan, now, goals) for name, plan in by_component.items()})
    views = {
        part.component: _view(by_component[part.component], part.planner, part.course, now, with_alternatives)
        for part in joint.parts
    }
    never = any(view.earliest is None for view in views.values())
    last = views[joint.last.component]
    events = [_of(name, event) for name, view in views.items() for event in view.timeline]
    policy = plans[0].rulebook.policy
    return JointView(
        earliest=None if never else last.earliest,
        critical_path=tuple(replace(step, what=f"{last.component}: {step.what}") for step in last.critical_path),
        timeline=tuple(sorted(events, key=lambda event: event.at)),
        alternatives=tuple(
            replace(one, what=f"{name}: {one.what}") for name, view in views.items() for one in view.alternatives
        ),
        order=tuple(views),
        conflicts=joint.conflicts,
        plans=tuple(views.values()),
        decided_at=now,
        timezone=policy.timezone,
        rehearsal=policy.rehearsal or "",
    )


def _of(component: str, event: Event) -> Event:
    return replace(event, what=f"{component}: {event.what}")


def _view(plan: Plan, planner: Planner, course: Course, now: datetime, with_alternatives: bool) -> PlanView:
    reasons = {reason.sha: reason for reason in plan.next.reasons}
    planned = plan.facts.release.planned_at
    later = planned is not None and course.earliest is not None and planned > course.earliest
    aimed = planner.not_before(planned).course() if planned and later else course
    return PlanView(
        earliest=course.earliest,
        critical_path=critical_path(planner, course),
        timeline=timeline(planner, aimed),
        alternatives=alternatives(planner, course) if with_alternatives else (),
        late=late(planner, aimed),
        never=_never(planner, course),
        goals=planner.goals,
        release=plan.open,
        planned_at=planned,
        slips=course.earliest - planned if planned and course.earliest and course.earliest > planned else None,
        goes_at=aimed.earliest,
        component=plan.component,
        current=str(plan.history.current or ""),
        tag=plan.history.tag or "",
        version=str(plan.version),
        type=plan.type,
        why=plan.next.why,
        commit=plan.history.at,
        changes=tuple(_change(change, reasons) for change in plan.history.changes),
        unconventional=tuple(change.sha for change in plan.history.unconventional),
        requires=_requires(plan),
        skipped_tags=plan.history.skipped,
        environments=tuple(_prospect(name, plan.decisions[name]) for name in in_order(plan.rulebook.policy)),
        decided_at=now,
        timezone=plan.rulebook.policy.timezone,
        rehearsal=plan.rulebook.policy.rehearsal or "",
    )


def _never(planner: Planner, course: Course) -> str:
    """Why there is no earliest moment; empty where there is one."""
    if course.earliest is not None:
        return ""
    if not planner.goals:
        return "the policy has no environment for production"
    leg = course.closed
    if leg is None or not leg.movers:
        return "nobody can tell when it could go"
    closing = next((one for one in leg.waits if one.rule == leg.movers[-1]), None)
    return f"{leg.environment}: {closing.reads(None) if closing else leg.movers[-1]}"


def _requires(plan: Plan) -> tuple[str, ...]:
    """What the component requires of others, as ``platform >=3.1.0``, in the order in which they would go."""
    components = plan.rulebook.policy.components
    requires = components[plan.component].requires
    sequence = in_bundle_order({name: component.requires for name, component in components.items()}).sequence
    places = {component: place for place, component in enumerate(sequence)}
    ordered = sorted(requires, key=lambda other: (places.get(other, len(places)), other))
    return tuple(f"{other} {requires[other]}" for other in ordered)


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


def tz_of(view: PlanView | JointView) -> tzinfo:
    """The zone of the view's moments."""
    from tidegate.core.calendar import zone

    return zone(view.timezone)
