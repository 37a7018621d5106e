"""Every release type has a moment at which it could go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tidegate.core.actor import Actor
from tidegate.core.calendar import HORIZON, first_open
from tidegate.core.decide import waits
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Change, Facts, Item, Release
from tidegate.core.holiday import holidays_for
from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.naming import Path
from tidegate.core.policy import Component, Policy, Purpose
from tidegate.core.release import ReleaseState
from tidegate.core.rules.rule import Context, Waiting
from tidegate.core.rules.saying import article
from tidegate.core.subject import Subject

_NOBODY = Actor.automation("lint")
_SUBJECT = Subject(source="", artifacts="")


def _check(given: Given) -> Iterator[Found]:
    for where in given.policy.environments:
        riding = _by_trains(given.policy, where)
        for kind in given.policy.release_types:
            yield from _of_type(given, where, kind, riding)


def _of_type(given: Given, where: str, kind: str, riding: Mapping[str, Sequence[str]]) -> Iterator[Found]:
    """What closes an environment to a type, told once of all the components that it is closed to by the same rules."""
    closed: dict[tuple[str, ...], list[str]] = {}
    for component, riders in riding.items():
        waiting = waits(_context(given, where, kind, component))
        if _opens(waiting, given.now) is None:
            rules = tuple(dict.fromkeys(wait.rule for wait in _closers(waiting, given.now)))
            closed.setdefault(rules, []).extend(riders)
    for rules, riders in closed.items():
        whom = riders if len(riders) < sum(map(len, riding.values())) else []
        yield _found(given.policy, where, kind, whom, rules)


def _by_trains(policy: Policy, where: str) -> dict[str, list[str]]:
    """One component for each way in which time binds components to an environment, with all that are bound so."""
    if not policy.components:
        return {"component": []}
    boards: dict[tuple[str | None, str | None], set[object]] = {}
    for train in policy.trains.values():
        if train.to == where:
            runs = (train.cadence(), train.first_day(), train.lasts)
            boards.setdefault((train.of.kind, train.of.component), set()).add(runs)
    found: dict[object, list[str]] = {}
    for name, component in policy.components.items():
        runs_of = boards.get((component.kind, None), set()) | boards.get((None, name), set())
        found.setdefault((frozenset(runs_of), component.client, _named_by(policy, component, name)), []).append(name)
    return {names[0]: names for names in found.values()}


def _named_by(policy: Policy, component: Component, name: str) -> tuple[bool, ...]:
    """Which blackouts are of this component by its name."""
    client = policy.clients.get(component.client or "")
    known = (*policy.calendar.blackouts, *(client.blackouts if client else ()))
    return tuple(name in blackout.components for blackout in known)


def _context(given: Given, where: str, kind: str, component: str) -> Context:
    """A release of the type that is ready now: announced, complete, with everything but time in its favour."""
    item = Item(component, "", "", _SUBJECT, content_at=given.now, changes=_late(given.policy, where, kind))
    release = Release("", kind, ReleaseState.OPEN, (item,), given.now, "", announced_at=given.now)
    facts = Facts(release, holidays=holidays_for((given.policy,), given.now))
    return Context(Question(Action.START, _NOBODY, where), given.rulebook, facts, given.now)


def _late(policy: Policy, where: str, kind: str) -> tuple[Change, ...]:
    """What a release of the type cannot be without, and the freeze does not let in."""
    environment = policy.environments[where]
    lets_in = [set(environment.freeze.allow)] if environment.freeze else []
    if environment.purpose is Purpose.PRODUCTION:
        own = (one for one in policy.milestones.values() if not one.types or kind in one.types)
        lets_in += [set(one.allow) for one in own if one.allow is not None and one.is_before]
    if not lets_in or asked.may_be_of(policy.release_types[kind], tuple(set.intersection(*lets_in))):
        return ()
    return (Change("", "", "what makes it one of its type"),)


def _opens(waiting: Sequence[Waiting], now: datetime) -> datetime | None:
    return first_open([wait.open_at for wait in waiting], now)


def _closers(waiting: Sequence[Waiting], now: datetime) -> list[Waiting]:
    """The fewest that close it together: none of them can be left out."""
    needed = list(waiting)
    for wait in waiting:
        others = [other for other in needed if other is not wait]
        if _opens(others, now) is None:
            needed = others
    return needed


def _found(policy: Policy, where: str, kind: str, riders: Sequence[str], rules: Sequence[str]) -> Found:
    of = f" of {listed(riders)}" if riders else ""
    together, change = ("closes it", "change it") if len(rules) == 1 else ("close it together", "change one of them")
    return Found(
        ("release_types", kind),
        f"{article(kind)} release{of} could not go to {where} at any moment of the next {HORIZON.days} days: "
        f"{listed(rules)} {together}",
        f"{change}, or let {kind} releases skip it: {listed(dict.fromkeys(map(_key, rules)), 'or')}",
        at_key=True,
        also=_places(policy, where, kind, rules),
    )


_KEYS = {
    "blackout": "skips: [blackouts]",
    "business.cycle": "skips: [blackouts]",
    "client.blackout": "skips: [blackouts]",
    "client.windows": "skips: [windows]",
    "component.windows": "skips: [windows]",
    "holiday": "skips: [blackouts]",
    "maintenance": "calendar.maintenance without it",
    "milestone": "skips: [freeze]",
}


def _key(rule: str) -> str:
    return _KEYS.get(_noun(rule), f"skips: [{_noun(rule)}]")


def _noun(rule: str) -> str:
    """The rule's id without the name that follows it."""
    first, _, rest = rule.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first in ("business", "client", "component") else first


def _places(policy: Policy, where: str, kind: str, rules: Sequence[str]) -> tuple[Path, ...]:
    places: dict[str, Path] = {
        "notice": ("release_types", kind, "notice"),
        "freeze": ("environments", where, "freeze"),
        "windows": ("environments", where, "windows"),
        "soak": ("environments", where, "after"),
        "blackout": ("calendar", "blackouts"),
        "train": ("trains",),
        "maintenance": ("calendar", "maintenance"),
        "holiday": ("calendar", "holidays"),
        "business.cycle": ("calendar", "business_cycles"),
        "client.windows": ("clients",),
        "component.windows": ("components",),
        "client.blackout": ("clients",),
        "milestone": ("milestones",),
    }
    return tuple(places[noun] for rule in rules if (noun := _noun(rule)) in places)


LINT = Lint(
    "impossible", "Every release type has a moment at which it could go.", "M1-05, 7D-14", Severity.ERROR, _check
)
