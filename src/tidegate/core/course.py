"""The course of a release: when it could be where, environment by environment, if nothing but time stood in the way.

The rules that decide are asked, and no others: the course is walked as ``decide`` would let it go. In each environment
it starts at the first moment at which all rules of time hold, is found good when its watch is over, and that moment is
the fact with which the next environment is asked. Leaving rules out of the walk says what each of them costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from tidegate.core.actor import Actor, Assurance
from tidegate.core.calendar import HORIZON
from tidegate.core.decide import waits
from tidegate.core.decision import Action, Policies, Question
from tidegate.core.facts import Facts, Verified
from tidegate.core.policy import Milestone, Policy, Purpose, Skippable
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules import RULES, Chapter, Context, Waiting
from tidegate.core.rules.demands import afters
from tidegate.core.rules.lookup import Lookup
from tidegate.core.span import format_offset, parse_span

_ASKED = tuple(rule for rule in RULES if rule.chapter is Chapter.TIME or rule.id in ("after", "debts", "emergency"))
"""The rules that may have to be waited for."""

_ANYBODY = Actor("whoever may", "plan", Assurance.SIGNATURE)
_NOTHING = timedelta(0)


class Key(NamedTuple):
    """A rule in an environment: what can be left out of a walk."""

    environment: str
    rule: str


NOTHING_LEFT_OUT: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Leg:
    """One environment of a course.

    ``ready`` is when it could be asked for at the earliest; ``opens`` when a rollout may start, None where that never
    comes; ``good`` when it is found good there, after its watch. ``movers`` are the rules that moved the moment, in the
    order in which they did. ``there``: it is there already, and nothing is waited for.
    """

    environment: str
    ready: datetime
    opens: datetime | None
    good: datetime | None
    waits: tuple[Waiting, ...] = ()
    movers: tuple[str, ...] = ()
    there: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """The legs in the order in which they are gone; ``earliest`` is when the last of the goals may be started.

    None: that moment does not come, or there is no goal; ``closed`` is then the leg that never opens, where one does
    not.
    """

    legs: tuple[Leg, ...]
    goals: tuple[str, ...]
    earliest: datetime | None
    closed: Leg | None = None

    def leg(self, environment: str) -> Leg | None:
        """The leg of that environment."""
        return next((leg for leg in self.legs if leg.environment == environment), None)

    @property
    def last(self) -> Leg | None:
        """The leg on which the earliest moment hangs: the goal that opens last."""
        goals = [leg for leg in self.legs if leg.environment in self.goals and leg.opens is not None]
        return max(goals, key=lambda leg: leg.opens or leg.ready, default=None)


@dataclass(frozen=True, slots=True)
class Floor:
    """A moment before which it does not start somewhere, and the rule that says so, as ``requires.platform``.

    ``moment`` None: it never starts.
    """

    rule: str
    moment: datetime | None


@dataclass(frozen=True)
class Planner:
    """Walks the course of one release.

    ``goals`` are the environments that it shall reach; ``floors`` what it waits for besides the rules, by environment.
    Nothing is looked up twice: a walk with a rule left out asks anew only where another moment comes out.
    """

    policies: Policies
    facts: Facts
    now: datetime
    goals: tuple[str, ...]
    floors: Mapping[str, tuple[Floor, ...]] = field(default_factory=dict)
    _asked: dict[tuple[str, tuple[datetime, ...]], tuple[Waiting, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _walked: dict[tuple[str, tuple[datetime, ...], frozenset[Key]], Leg] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _known: Lookup = field(default_factory=Lookup, init=False, compare=False, repr=False)

    @property
    def policy(self) -> Policy:
        """The current policy."""
        return self.policies.current.policy

    def course(self, without: frozenset[Key] = NOTHING_LEFT_OUT) -> Course:
        """Walk it, with some rules left out."""
        legs: dict[str, Leg] = {}
        for environment, befores in self._order:
            legs[environment] = self._leg(environment, [legs[name] for name in befores], without)
        goals = [legs[name] for name in self.goals if name in legs]
        closed = next((leg for leg in legs.values() if leg.opens is None), None)
        if not goals or any(leg.opens is None for leg in goals):
            return Course(tuple(legs.values()), self.goals, None, closed)
        return Course(tuple(legs.values()), self.goals, max(leg.opens for leg in goals if leg.opens))

    def not_before(self, moment: datetime) -> Planner:
        """The same, with the goals not before a moment."""
        return self.waiting_for({name: (Floor("not-before", moment),) for name in self.goals})

    def waiting_for(self, floors: Mapping[str, tuple[Floor, ...]]) -> Planner:
        """The same, with more to wait for, by environment."""
        more = {name: (*self.floors.get(name, ()), *floors.get(name, ())) for name in {**self.floors, **floors}}
        return replace(self, floors=more)

    def starts(self) -> tuple[str, ...]:
        """The environments with which the rest of the way begins: all that comes before them is there already."""
        there = {leg.environment for leg in self.course().legs if leg.there}
        return tuple(name for name, befores in self._order if name not in there and there.issuperset(befores))

    def completed_at(self, moment: datetime | None) -> Planner:
        """The same, with a content that is complete at a moment only, by the rule ``scope``; None: never."""
        items = self.facts.release.items
        later = [replace(one, content_at=max(one.content_at, moment)) if moment else one for one in items]
        facts = replace(self.facts, release=replace(self.facts.release, items=tuple(later)))
        return replace(self, facts=facts).waiting_for({name: (Floor("scope", moment),) for name in self.starts()})

    def of_type(self, name: str) -> Planner:
        """The same, as a release of another type."""
        release = replace(self.facts.release, type=name)
        return replace(self, facts=replace(self.facts, release=release))

    def skipping(self, skips: Iterable[Skippable]) -> Planner:
        """The same, if the policy let releases of its type skip some rules of time."""
        books = [_skipping(book, self.facts.release.type, frozenset(skips)) for book in _books(self.policies)]
        return replace(self, policies=Policies(books[0], books[-1]))

    def context(self, environment: str) -> Context:
        """The question whether it may start there, by the current policy, as rules are asked it."""
        return self._contexts(environment, self.now, ())[-1]

    @cached_property
    def _order(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The environments that lead to the goals, each after those that come before it, and with them."""
        befores: dict[str, tuple[str, ...]] = {}
        ordered: list[str] = []

        def visit(name: str) -> None:
            if name not in befores:
                befores[name] = self._befores(name)
                for before in befores[name]:
                    visit(before)
                ordered.append(name)

        for goal in self.goals:
            visit(goal)
        return tuple((name, befores[name]) for name in ordered)

    def _befores(self, environment: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for context in self._contexts(environment, self.now, ()):
            found |= dict.fromkeys(after.environment for after in afters(context))
        return tuple(name for name in found if name in self.policy.environments)

    def _leg(self, environment: str, befores: Sequence[Leg], without: frozenset[Key]) -> Leg:
        here = frozenset(key for key in without if key.environment == environment)
        key = (environment, tuple(leg.good or self.now for leg in befores), here)
        found = self._walked.get(key)
        if found is None or any(leg.good is None for leg in befores):
            found = self._walk(environment, befores, here)
            if all(leg.good is not None for leg in befores):
                self._walked[key] = found
        return found

    def _walk(self, environment: str, befores: Sequence[Leg], without: frozenset[Key]) -> Leg:
        there = _since(self.facts, environment) if environment not in self.goals else None
        if there is not None:
            return Leg(environment, there, there, there, there=True)
        if any(leg.good is None for leg in befores):
            return Leg(environment, self.now, None, None)
        ready = max([self.now, *(leg.good for leg in befores if leg.good)])
        asked = self._waits(environment, ready, befores)
        kept = [one for one in asked if Key(environment, one.rule) not in without] if without else asked
        opens, movers = walk(kept, ready)
        watched = _NOTHING if Key(environment, "watch") in without else self._watched(environment)
        return Leg(environment, ready, opens, opens + watched if opens else None, asked, movers)

    def _watched(self, environment: str) -> timedelta:
        """How long a rollout is watched there before it is found good."""
        watch = self.policy.watch.get(environment)
        return watch.lasts if watch else _NOTHING

    def _waits(self, environment: str, ready: datetime, befores: Sequence[Leg]) -> tuple[Waiting, ...]:
        key = (environment, (ready, *(leg.good for leg in befores if leg.good)))
        found = self._asked.get(key)
        if found is None:
            arrived = tuple(seen for leg in befores if not leg.there for seen in self._arrivals(leg))
            contexts = self._contexts(environment, ready, arrived)
            asked = [one for context in contexts for one in waits(context, _ASKED)]
            found = self._asked[key] = (*asked, *self._own(environment))
        return found

    def _contexts(self, environment: str, now: datetime, arrived: tuple[Verified, ...]) -> list[Context]:
        question = Question(Action.START, _ANYBODY, environment)
        facts = replace(self.facts, verified=(*self.facts.verified, *arrived)) if arrived else self.facts
        return [Context(question, book, facts, now, self._known) for _, book in self.policies.asked(Action.START)]

    def _arrivals(self, leg: Leg) -> Iterator[Verified]:
        """The facts that there will be when a release was found good somewhere."""
        for item in self.facts.release.items:
            subject = self._known.digest(item, leg.environment)
            yield Verified(item.component, leg.environment, item.to_version, subject, leg.good or leg.ready)

    def _own(self, environment: str) -> Iterator[Waiting]:
        """What a plan waits for besides the rules: what people set themselves, and what others need first."""
        for floor in self.floors.get(environment, ()):
            yield _until(floor.rule, floor.moment)
        if self.policy.environments[environment].purpose is Purpose.PRODUCTION:
            yield from _milestones(self.policy, self.facts)
            yield from _timeline(self.policy, self.facts)


def walk(waits: Iterable[Waiting], ready: datetime) -> tuple[datetime | None, tuple[str, ...]]:
    """The earliest moment from ``ready`` on at which all hold, and which of them moved it.

    Whoever did not move it can be left out, and the same moment comes out.
    """
    asked, limit, current = list(waits), ready + HORIZON, ready
    movers: dict[str, None] = {}
    while True:
        settled = current
        for one in asked:
            opened = _opened(one, settled)
            if opened is None or opened > limit:
                return None, (*movers, one.rule)
            if opened != settled:
                movers[one.rule] = None
                settled = opened
        if settled == current:
            return current, tuple(movers)
        current = settled


def _opened(one: Waiting, moment: datetime) -> datetime | None:
    try:
        return one.open_at(moment)
    except Exception:  # noqa: BLE001  a moment beyond what a calendar can hold is none that can be foreseen
        return None


def _since(facts: Facts, environment: str) -> datetime | None:
    """Since when everything of the release is verified there as it is now; None where it is not."""
    found = {
        item.component: seen.at
        for item in facts.release.items
        for seen in facts.verified
        if (seen.component, seen.environment) == (item.component, environment)
        and seen.subject == item.subject.digest_for(environment)
    }
    return max(found.values()) if found and len(found) == len(facts.release.items) else None


def _until(rule: str, moment: datetime | None) -> Waiting:
    def open_at(asked: datetime) -> datetime | None:
        return max(asked, moment) if moment is not None else None

    return Waiting(rule, open_at, lambda _: f"{rule} never opens", lambda: f"{rule} holds")


def _books(policies: Policies) -> tuple[Rulebook, ...]:
    return (policies.pinned, policies.current)


def _skipping(book: Rulebook, kind: str, skips: frozenset[Skippable]) -> Rulebook:
    """The policy as it would be. Its digest stays: nobody is asked to believe it, and pinned and current stay two."""
    known = book.policy.release_types.get(kind)
    if known is None:
        return book
    types = {**book.policy.release_types, kind: known.model_copy(update={"skips": known.skips | skips})}
    return replace(book, policy=book.policy.model_copy(update={"release_types": types}))


def milestones_of(policy: Policy, facts: Facts) -> dict[str, Milestone]:
    """The milestones of a release of this type."""
    kind = facts.release.type
    return {name: one for name, one in policy.milestones.items() if not one.types or kind in one.types}


def binds(policy: Policy, facts: Facts, milestone: Milestone) -> bool:
    """Whether a milestone keeps something of the content from joining later; where all of it may, it does not."""
    if milestone.at is None or milestone.at >= _NOTHING:
        return False
    if milestone.allow is None:
        return True
    kind = policy.release_types.get(facts.release.type)
    skipped = kind is not None and Skippable.FREEZE in kind.skips
    changes = [change for item in facts.release.items for change in item.changes]
    return not skipped and any(change.kind not in milestone.allow or change.breaking for change in changes)


def _milestones(policy: Policy, facts: Facts) -> Iterator[Waiting]:
    """Each is so long before the release, and what is to be done by then can be done today at the earliest."""
    done = max((item.content_at for item in facts.release.items), default=facts.release.opened_at)
    for name, milestone in milestones_of(policy, facts).items():
        if milestone.at is not None and binds(policy, facts, milestone):
            yield _until(f"milestone.{name}", done - milestone.at)


def _timeline(policy: Policy, facts: Facts) -> Iterator[Waiting]:
    """How long a release of the type takes at the least, from its beginning to production."""
    kind = policy.release_types.get(facts.release.type)
    span = parse_span(kind.timeline) if kind and kind.timeline else None
    if span and span.least:
        yield _until("timeline", facts.release.opened_at + span.least)


def goals_of(policy: Policy, components: Iterable[str]) -> tuple[str, ...]:
    """The environments for production to which the components go; all of them where none has a target there."""
    production = [name for name, where in policy.environments.items() if where.purpose is Purpose.PRODUCTION]
    known = [policy.components[name] for name in components if name in policy.components]
    here = [name for name in production if any(name in component.targets for component in known)]
    return tuple(here or production)


def offset_of(milestone: Milestone) -> str:
    """When it is, as the policy writes it."""
    return format_offset(milestone.at) if milestone.at is not None else f"after {milestone.after_phase}"
