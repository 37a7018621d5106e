"""Several releases as one plan: each goes after what it requires, and what gets in the way of another is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import combinations

from tidegate.core.bundle import in_order
from tidegate.core.calendar import Weekday, instant
from tidegate.core.course import Course, Floor, Planner
from tidegate.core.policy import OWNERS, Bump, Skippable
from tidegate.core.requirement import RequirementError, parse_requirement, read_number
from tidegate.core.rules.demands import placed_approvals
from tidegate.core.spoken import listed, spoken


class ConflictKind(StrEnum):
    """What gets in the way of what."""

    CYCLE = "requires-each-other"
    UNMET = "requirement-unmet"
    LATER = "requirement-later"
    MAJORS = "two-majors"
    PEOPLE = "double-booked"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Releases of one plan that get in each other's way: what, when, and what would resolve it."""

    kind: ConflictKind
    components: tuple[str, ...]
    at: datetime | None
    what: str
    remedy: str


@dataclass(frozen=True)
class Part:
    """One release of the plan: its component, its version, what it requires, and its course so far."""

    component: str
    version: str
    requires: Mapping[str, str]
    planner: Planner
    course: Course

    @property
    def is_major(self) -> bool:
        """Whether its type raises the major number."""
        kind = self.planner.policy.release_types.get(self.planner.facts.release.type)
        return kind is not None and kind.bump is Bump.MAJOR


@dataclass(frozen=True)
class JointPlan:
    """The parts in the order in which they go, and the conflicts among them."""

    parts: tuple[Part, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def last(self) -> Part:
        """The part that goes last; one that never goes is the last of all."""
        return max(
            self.parts, key=lambda part: (part.course.earliest is None, part.course.earliest or part.planner.now)
        )


def join(planners: Mapping[str, Planner]) -> JointPlan:
    """One plan of releases of one component each, by component."""
    items = {name: planner.facts.release.items[0] for name, planner in planners.items()}
    order = in_order({name: item.requires for name, item in items.items()})
    left = [name for name in sorted(planners) if name not in order.sequence]
    parts: dict[str, Part] = {}
    conflicts = [_cycle(cycle) for cycle in order.cycles]
    for name in (*order.sequence, *left):
        before = [parts[other] for other in items[name].requires if other in parts]
        alone = Part(name, items[name].to_version, items[name].requires, planners[name], planners[name].course())
        parts[name] = _after(alone, before)
        conflicts += [*_unmet(alone, before), *_later(alone, parts[name], before)]
    for one, other in combinations(parts.values(), 2):
        conflicts += _in_one_window(one, other)
    return JointPlan(tuple(parts.values()), tuple(conflicts))


def _after(part: Part, before: Sequence[Part]) -> Part:
    """The part, in each environment after those of its requirements that do not run there as they must."""
    floors: dict[str, tuple[Floor, ...]] = {}
    for other in before:
        for leg in other.course.legs:
            if not _runs_already(part, other.component, leg.environment):
                floor = Floor(f"requires.{other.component}", leg.good)
                floors[leg.environment] = (*floors.get(leg.environment, ()), floor)
    if not floors:
        return part
    planner = part.planner.waiting_for(floors)
    return Part(part.component, part.version, part.requires, planner, planner.course())


def _runs_already(part: Part, other: str, environment: str) -> bool:
    """Whether everything of the other that runs there fulfils what is required of it."""
    here = [
        running
        for running in part.planner.facts.running
        if (running.component, running.environment) == (other, environment)
    ]
    return bool(here) and all(_fulfils(part.requires[other], running.version) for running in here)


def _fulfils(requirement: str, version: str) -> bool:
    number = read_number(version)
    try:
        return number is not None and parse_requirement(requirement).holds(number)
    except RequirementError:
        return False


# The conflicts.


def _cycle(cycle: tuple[str, ...]) -> Conflict:
    return Conflict(
        ConflictKind.CYCLE,
        tuple(dict.fromkeys(cycle)),
        None,
        f"none of them can be the first: {' requires '.join(cycle)}",
        "take one of the requirements out of the policy",
    )


def _unmet(part: Part, before: Sequence[Part]) -> Iterator[Conflict]:
    for other in before:
        wanted = part.requires[other.component]
        if not _fulfils(wanted, other.version):
            yield Conflict(
                ConflictKind.UNMET,
                (part.component, other.component),
                other.course.earliest,
                f"{part.component} {part.version} requires {other.component} {wanted}, and the plan brings "
                f"{other.component} {other.version}",
                f"plan another version of {other.component}, or change what {part.component} requires",
            )


def _later(alone: Part, part: Part, before: Sequence[Part]) -> Iterator[Conflict]:
    """What its requirements hold up, told with the one that comes last."""
    if alone.course.earliest is None or alone.course.earliest == part.course.earliest or not before:
        return
    last = max(before, key=lambda one: (one.course.earliest is None, one.course.earliest or one.planner.now))
    tz, now = part.planner.policies.current.tz, part.planner.now

    def said(moment: datetime | None) -> str:
        return spoken(moment, tz, now) if moment else "never"

    yield Conflict(
        ConflictKind.LATER,
        (part.component, last.component),
        part.course.earliest,
        f"{part.component} {part.version} could go {said(alone.course.earliest)}, and requires {last.component} "
        f"{part.requires[last.component]}, which goes {said(last.course.earliest)}: "
        f"it goes {said(part.course.earliest)}",
        f"let {last.component} go earlier, or let {part.component} go without what it needs of it",
    )


def _in_one_window(one: Part, other: Part) -> Iterator[Conflict]:
    """What two releases must not share: a window, where both are major; a person whom nobody can replace."""
    for where in one.planner.goals:
        first, second = one.course.leg(where), other.course.leg(where)
        if first is None or second is None or first.opens is None or second.opens is None:
            continue
        early, late = (one, other) if first.opens <= second.opens else (other, one)
        opens, then = min(first.opens, second.opens), max(first.opens, second.opens)
        if then >= closes_after(early.planner, where, opens):
            continue
        when = spoken(then, one.planner.policies.current.tz, one.planner.now)
        both = (early.component, late.component)
        if one.is_major and other.is_major:
            what = f"two major releases in one window of {where}: {early.component} {early.version} and "
            yield Conflict(
                ConflictKind.MAJORS,
                both,
                then,
                f"{what}{late.component} {late.version}, {when}",
                f"let one of them take a later one: tidegate plan {late.component} --alternatives",
            )
        for person, why in _needed_by_both(early, late, where).items():
            yield Conflict(
                ConflictKind.PEOPLE,
                both,
                then,
                f"{person} is needed for both {early.component} and {late.component} in one window of {where}, {when}: "
                f"{why}",
                "add somebody who can stand in, or let one of them go later",
            )


def _needed_by_both(one: Part, other: Part, environment: str) -> dict[str, str]:
    mine, theirs = _irreplaceable(one, environment), _irreplaceable(other, environment)
    return {
        person: f"{mine[person]}; {theirs[person]}" if mine[person] != theirs[person] else mine[person]
        for person in sorted(mine.keys() & theirs.keys())
    }


def _irreplaceable(part: Part, environment: str) -> dict[str, str]:
    """The people without whom a release cannot go there, each with what for."""
    policy = part.planner.policy
    authors = {author for item in part.planner.facts.release.items for author in item.authors}
    component = policy.components.get(part.component)
    owners = component.owners if component else None
    found: dict[str, str] = {}
    if owners and len(policy.people_of(owners)) == 1:
        (person,) = policy.people_of(owners)
        found[person] = f"alone in {owners}, which owns {part.component}"
    for _, _, rule in placed_approvals(part.planner.context(environment)):
        group = (owners or "") if rule.group == OWNERS else rule.group
        may = policy.people_of(group) - (frozenset() if rule.author_may else frozenset(authors))
        if len(may) <= rule.count:
            few = "alone can" if rule.count == 1 else f"with {rule.count - 1} others alone can"
            found |= {person: f"{few} approve {part.component} from {group}" for person in may if person not in found}
    return found


def closes_after(planner: Planner, environment: str, opens: datetime) -> datetime:
    """When what is open at ``opens`` closes: the train that is boarded, the window; without either, the day."""
    book = planner.policies.current
    kind = book.policy.release_types.get(planner.facts.release.type)
    skips = kind.skips if kind else frozenset()
    closings: list[datetime] = []
    if Skippable.TRAIN not in skips:
        closings += _trains_close(planner, environment, opens)
    windows = book.policy.environments[environment].windows
    if windows and Skippable.WINDOWS not in skips:
        today = opens.astimezone(book.tz).date()
        for day in (today - timedelta(days=1), today):
            spans = [
                rule.window().span(day, book.tz) for rule in windows if Weekday(day.weekday()) in rule.window().days
            ]
            closings += [closes for start, closes in spans if start <= opens < closes]
    if closings:
        return min(closings)
    return instant(opens.astimezone(book.tz).date() + timedelta(days=1), time(0), book.tz)


def _trains_close(planner: Planner, environment: str, opens: datetime) -> Iterator[datetime]:
    book = planner.policies.current
    for item in planner.facts.release.items:
        for name, train in book.policy.trains_of(item.component).items():
            run = book.timetables[name].departure_at_or_after(opens) if train.to == environment else None
            if run is not None and run.opens <= opens < run.closes:
                yield run.closes


def told(conflicts: Sequence[Conflict]) -> str:
    """The components that are in some conflict, for a head line; empty where there is none."""
    return listed(component for conflict in conflicts for component in conflict.components)
