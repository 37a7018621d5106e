"""A release's scope for people: each feature, when it is done, and what it does to the date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidegate.core.course import Planner
from tidegate.core.scope import FeatureState, Priority, Schedule, ScopeFile, Work, schedule

MOST_ASKED = 50
"""For how many features it is asked what the date would be without them."""


@dataclass(frozen=True, slots=True)
class PlannedFeature:
    """One feature.

    ``without`` is the earliest moment of the release if the feature were left out, None where that changes nothing.
    ``late``: it alone moves the date.
    """

    name: str
    says: str
    priority: str
    by: tuple[str, ...]
    days: float | None
    state: str
    done_at: datetime | None
    late: bool
    without: datetime | None


@dataclass(frozen=True, slots=True)
class Cut:
    """The scope without its less important features: the earliest moment then."""

    without: tuple[str, ...]
    earliest: datetime | None


@dataclass(frozen=True, slots=True)
class ScopeView:
    """What a scope means for a plan.

    ``complete_at`` is when all is done, with the buffer (percent); None: not within years. ``days`` are the days of
    work that are left. ``if_done`` is the earliest moment if everything were done now. ``unassigned`` are the features
    for which nobody is named: the plan holds only if somebody begins them now.
    """

    file: str
    objectives: tuple[str, ...]
    buffer: float
    days: float
    complete_at: datetime | None
    if_done: datetime | None
    features: tuple[PlannedFeature, ...]
    cuts: tuple[Cut, ...]
    unassigned: tuple[str, ...]


def scope_view(planner: Planner, scope: ScopeFile, file: str) -> tuple[Planner, ScopeView]:
    """The planner whose release has its content when the scope is done, and the view of that.

    Args:
        planner: of the release as if nothing were left to do.
    """
    whole = _laid_out(planner, scope)
    burdened = _burdened(planner, whole)
    earliest = burdened.course().earliest

    def moved(without: frozenset[str] = frozenset(), up_to: Priority = Priority.COULD) -> tuple[bool, datetime | None]:
        """Whether the date is another one without some of it, and which."""
        other = _laid_out(planner, scope, without, up_to)
        if other.complete_at == whole.complete_at:
            return False, earliest
        found = _burdened(planner, other).course().earliest
        return found != earliest, found

    asked = [work.name for work in whole.works if work.left][:MOST_ASKED]
    effects = {name: moved(frozenset({name})) for name in asked}
    cuts = [(("could",), moved(up_to=Priority.SHOULD)), (("could", "should"), moved(up_to=Priority.MUST))]
    view = ScopeView(
        file=file,
        objectives=scope.objectives,
        buffer=scope.buffer,
        days=whole.days,
        complete_at=whole.complete_at,
        if_done=planner.course().earliest,
        features=tuple(_shown(work, *effects.get(work.name, (False, None))) for work in whole.works),
        cuts=tuple(Cut(without, found) for without, (changes, found) in cuts if changes),
        unassigned=tuple(work.name for work in whole.works if work.unassigned),
    )
    return burdened, view


def _laid_out(
    planner: Planner, scope: ScopeFile, without: frozenset[str] = frozenset(), up_to: Priority = Priority.COULD
) -> Schedule:
    tz, holidays = planner.policies.current.tz, planner.facts.holidays
    return schedule(scope, planner.now, tz, holidays, without=without, up_to=up_to)


def _burdened(planner: Planner, laid_out: Schedule) -> Planner:
    """The planner whose release has its content when all of that is done."""
    return planner if laid_out.complete_at == planner.now else planner.completed_at(laid_out.complete_at)


def _shown(work: Work, late: bool, without: datetime | None) -> PlannedFeature:
    feature = work.feature
    return PlannedFeature(
        name=work.name,
        says=feature.says,
        priority=feature.priority.value,
        by=feature.by,
        days=feature.days if feature.state is FeatureState.OPEN else None,
        state=feature.state.value,
        done_at=work.done_at,
        late=late,
        without=without if late else None,
    )
