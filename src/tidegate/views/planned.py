"""Whether a release can go when people have planned it, as far as time is concerned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from tidegate.core.course import Key, Leg, Planner, goals_of, walk
from tidegate.core.critical_path import name_of
from tidegate.core.spoken import listed
from tidegate.orchestration.judge import lay_out
from tidegate.views.moments import civil

if TYPE_CHECKING:
    from tidegate.orchestration.house import House


@dataclass(frozen=True, slots=True)
class Slip:
    """A planned moment at which it cannot go; ``goes`` is the first one from then on, None where there is none."""

    planned: datetime
    goes: datetime | None
    because: str
    tz: tzinfo

    def sentence(self, release: str) -> str:
        """What is said of it."""
        when = f"could first go {civil(self.goes, self.tz)}" if self.goes else "could not go from then on"
        why = f": {self.because}" if self.because else ""
        return f"{release} is planned for {civil(self.planned, self.tz)}, and {when}{why}"


def slip_of(house: House, release: str) -> Slip | None:
    """How far the moment for which a release is planned is from one at which time lets it go; None where it is one.

    As in a plan, it is taken that people do their part in time, and that what is not announced is announced now.
    """
    now = house.now()
    with house.database.read() as connection:
        _, policies, facts = lay_out(connection, release, now)
    planned = facts.release.planned_at
    if planned is None or planned <= now:
        return None
    announced = replace(facts.release, announced_at=facts.release.announced_at or now)
    policy = policies.current.policy
    goals = goals_of(policy, [item.component for item in facts.release.items])
    planner = Planner(policies, replace(facts, release=announced), now, goals)
    course = planner.not_before(planned).course()
    if not goals or course.earliest == planned:
        return None
    leg = course.closed or course.last
    names = (
        {}
        if leg is None
        else dict.fromkeys(name_of(planner, Key(leg.environment, rule)) for rule in _in_the_way(leg, planned))
    )
    return Slip(planned, course.earliest, listed(names) if names else "", policies.current.tz)


def _in_the_way(leg: Leg, planned: datetime) -> tuple[str, ...]:
    """The rules that do not let it go at that moment."""
    return tuple(dict.fromkeys(one.rule for one in leg.waits if walk([one], planned)[0] != planned))
