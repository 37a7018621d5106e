"""What else could be done: another type, an exception, a later train; each with its earliest moment and its price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tidegate.core.course import Course, Key, Planner
from tidegate.core.critical_path import critical_path, name_of
from tidegate.core.duration import format_duration
from tidegate.core.policy import ReleaseType, Skippable
from tidegate.core.rules.content import exceeding
from tidegate.core.spoken import listed, spell
from tidegate.core.timeline import approver

LATER_TRAINS = 3
"""How many departures after the earliest one are offered."""

_SKIPPED_BY = {"blackout": Skippable.BLACKOUTS}
_SKIPPABLE = {skippable.value: skippable for skippable in Skippable}


class Kind(StrEnum):
    """What is done in place of it."""

    TYPE = "type"
    EXCEPTION = "exception"
    LATER_TRAIN = "later-train"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something else that could be done: its earliest moment (None: never), and what it costs, in words."""

    kind: Kind
    what: str
    earliest: datetime | None
    costs: tuple[str, ...]


def alternatives(planner: Planner, course: Course) -> tuple[Alternative, ...]:
    """Other types, then exceptions, then later trains."""
    return (*_types(planner), *_exceptions(planner, course), *_later(planner, course))


# Another type.


def _types(planner: Planner) -> Iterator[Alternative]:
    release = planner.facts.release
    for name, kind in planner.policy.release_types.items():
        if name != release.type:
            costs = tuple(_price_of_type(planner, name, kind))
            yield Alternative(Kind.TYPE, f"release it as {name}", planner.of_type(name).course().earliest, costs)


def _price_of_type(planner: Planner, name: str, kind: ReleaseType) -> Iterator[str]:
    policy, release = planner.policy, planner.facts.release
    beyond = [c for item in release.items for c in exceeding(item.changes, kind.bump, item.from_version)]
    if beyond:
        number = f"{len(beyond)} change{'' if len(beyond) == 1 else 's'}"
        yield f"leave out what exceeds {kind.bump.value}: {number}"
    if kind.criteria:
        yield f"only for: {listed(kind.criteria, 'or')}"
    if name in policy.emergency.types:
        who = listed(policy.emergency.declared_by, "or")
        yield f"an emergency is declared{f' by {who}' if who else ''}"
    if kind.skips:
        yield f"skips {listed(sorted(skip.value for skip in kind.skips))}"
    if kind.approvals:
        yield f"approved by {listed(map(approver, kind.approvals))}"
    yield from _owes(kind)


def _owes(kind: ReleaseType) -> Iterator[str]:
    owed = kind.afterwards
    if owed.post_mortem is not None:
        yield f"owes a post-mortem within {spell(owed.post_mortem)}"
    if owed.retrospective_approval:
        yield f"is approved afterwards by {listed(map(approver, owed.retrospective_approval))}"


# An exception.


def _exceptions(planner: Planner, course: Course) -> Iterator[Alternative]:
    """Each rule on the critical path that a type may skip, skipped by itself; then all of them together."""
    found: dict[Skippable, str] = {}
    for step in critical_path(planner, course):
        for rule in step.rules:
            for place in step.environments:
                skip = _skippable(planner, rule)
                if skip is not None:
                    found.setdefault(skip, name_of(planner, Key(place, rule)))
    useful: dict[tuple[Skippable, ...], datetime | None] = {}
    for skips in [(skip,) for skip in found] + ([tuple(found)] if len(found) > 1 else []):
        moment = planner.skipping(skips).course().earliest
        if moment not in (course.earliest, *useful.values()):
            useful[skips] = moment
    for skips, moment in useful.items():
        what = f"an exception from {listed(found[skip] for skip in skips)}"
        yield Alternative(Kind.EXCEPTION, what, moment, (_exception(planner, skips),))


def _skippable(planner: Planner, rule: str) -> Skippable | None:
    head, _, name = rule.partition(".")
    if head == "milestone":
        return Skippable.FREEZE if planner.policy.milestones[name].allow is not None else None
    return _SKIPPED_BY.get(head) or _SKIPPABLE.get(head)


def _exception(planner: Planner, skips: tuple[Skippable, ...]) -> str:
    """What it takes: the policy itself must say so, and whoever approves its changes agree."""
    who = listed(rule.group for rule in planner.policy.adoption.approvals)
    approved = f", approved by {who}" if who else ""
    keys = ", ".join(skip.value for skip in skips)
    return f"a change of the policy{approved}: release_types.{planner.facts.release.type}.skips: [{keys}]"


# A later train.


def _later(planner: Planner, course: Course) -> Iterator[Alternative]:
    """The departures after the earliest one, as far as it could ride them."""
    last = course.last if course.earliest is not None else None
    at = last.opens if last else None
    for _ in range(LATER_TRAINS):
        run = _departs(planner, last.environment, at) if last and at else None
        if run is None or at is None or course.earliest is None:
            return
        name, closes = run
        later = planner.not_before(closes).course()
        at = later.last.opens if later.last else None
        if at is None or later.earliest is None:
            return
        named = _departs(planner, last.environment, at) if last else None
        costs = (f"{_apart(later.earliest - course.earliest)} later",)
        yield Alternative(Kind.LATER_TRAIN, f"the next {(named or (name,))[0]} train", later.earliest, costs)


def _apart(length: timedelta) -> str:
    """A length between two departures, which a clock that is set moves by an hour."""
    days = round(length / timedelta(days=1))
    return spell(timedelta(days=days)) if days > 1 else format_duration(length)


def _departs(planner: Planner, environment: str, at: datetime) -> tuple[str, datetime] | None:
    """The train that it boards at a moment, and when that is gone; None where it rides none."""
    book = planner.policies.current
    kind = book.policy.release_types.get(planner.facts.release.type)
    if kind is None or Skippable.TRAIN in kind.skips:
        return None
    for item in planner.facts.release.items:
        for name, train in book.policy.trains_of(item.component).items():
            run = book.timetables[name].departure_at_or_after(at) if train.to == environment else None
            if run is not None and run.opens <= at < run.closes:
                return name, run.closes
    return None
