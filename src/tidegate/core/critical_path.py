"""The critical path: which rule decides on the earliest moment, and how much earlier it would be without it.

Each rule is left out of the course in turn, and how much earlier the release could then go is what the rule costs. The
one that costs most decides. Left out, it leaves another that decides, and so on until nothing is waited for.

Several rules may ask for the same moment, so that leaving out one of them changes nothing: then they decide together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.core.course import NOTHING_LEFT_OUT, Course, Key, Planner, offset_of, walk
from tidegate.core.duration import format_duration
from tidegate.core.frequency import parse_frequency
from tidegate.core.policy import Policy, ReleaseType
from tidegate.core.spoken import listed, spell, spoken

_MOST_STEPS = 8
"""How many rules are told one after the other; what lies below is far from deciding."""

_PLURAL = ("windows", "client.windows.", "component.windows.")

_MOST_TOGETHER = 6
"""How many rules are looked for that decide together."""


@dataclass(frozen=True, slots=True)
class Step:
    """Rules that decide, after those of the steps before were left out.

    ``at`` is the earliest moment with them, ``without`` the one without them; None: never. ``what`` says so in words.
    """

    rules: tuple[str, ...]
    environments: tuple[str, ...]
    at: datetime | None
    without: datetime | None
    what: str


def critical_path(planner: Planner, course: Course | None = None) -> tuple[Step, ...]:
    """The steps, the one that decides first."""
    return tuple(_steps(planner, course or planner.course()))


def _steps(planner: Planner, course: Course) -> Iterator[Step]:
    left_out = NOTHING_LEFT_OUT
    for _ in range(_MOST_STEPS):
        found = _deciding(planner, course, left_out)
        if found is None:
            return
        keys, without = found
        yield _step(planner, course, keys, without)
        left_out |= keys
        course = without


def _deciding(planner: Planner, course: Course, left_out: frozenset[Key]) -> tuple[frozenset[Key], Course] | None:
    """The rules that decide, and the course without them; None where nothing can be left out."""
    best: tuple[frozenset[Key], Course] | None = None
    for key in _movers(planner, course):
        keys = frozenset({key})
        without = planner.course(left_out | keys)
        if _earlier(without, course) and (best is None or _earlier(without, best[1])):
            best = (keys, without)
    return best or _together(planner, course, left_out)


def _together(planner: Planner, course: Course, left_out: frozenset[Key]) -> tuple[frozenset[Key], Course] | None:
    """Rules that ask for the same: left out one after the other until it gets earlier, and no more of them."""
    keys, without = NOTHING_LEFT_OUT, course
    for _ in range(_MOST_TOGETHER):
        movers = _movers(planner, without)
        if not movers:
            return None
        keys |= {movers[-1]}
        without = planner.course(left_out | keys)
        if _earlier(without, course):
            break
    else:
        return None
    for key in sorted(keys):
        fewer = planner.course(left_out | (keys - {key}))
        if fewer.earliest == without.earliest:
            keys -= {key}
    return keys, without


def _movers(planner: Planner, course: Course) -> list[Key]:
    """What moved the moment on the way to the goal on which the earliest moment hangs."""
    found = [Key(leg.environment, rule) for leg in course.legs for rule in leg.movers]
    for leg in course.legs:
        watched = leg.good is not None and leg.opens is not None and leg.good > leg.opens
        if watched and leg.environment not in course.goals:
            found.append(Key(leg.environment, "watch"))
    return list(dict.fromkeys(found))


def _earlier(one: Course, other: Course) -> bool:
    """Whether one course reaches its goals before the other; one that never does is the last of all."""
    if one.earliest is None or other.earliest is None:
        return one.earliest is not None and other.earliest is None
    return one.earliest < other.earliest


def _step(planner: Planner, course: Course, keys: frozenset[Key], without: Course) -> Step:
    # In the order in which a reader of the policy meets them: where it is on the way, then as the rules are asked.
    order = {key: place for place, key in enumerate(_movers(planner, course))}
    ordered = sorted(keys, key=lambda key: (order.get(key, len(order)), key))
    names = list(dict.fromkeys(name_of(planner, key) for key in ordered))
    tz, now = planner.policies.current.tz, planner.now
    several = len(names) > 1 or ordered[0].rule.startswith(_PLURAL)
    verb, pronoun = ("decide", "them") if several else ("decides", "it")
    if course.earliest is None:
        verb = "never open" if several else "never opens"
        verb += "" if _is_never_open(course, ordered) else " while all else holds"
    then = "never" if without.earliest is None else spoken(without.earliest, tz, now)
    return Step(
        rules=tuple(key.rule for key in ordered),
        environments=tuple(dict.fromkeys(key.environment for key in ordered)),
        at=course.earliest,
        without=without.earliest,
        what=f"{listed(names)} {verb}; without {pronoun}: {then}",
    )


def _is_never_open(course: Course, keys: Sequence[Key]) -> bool:
    """Whether one of the rules never opens whatever else there is, rather than never together with the others."""
    closed = course.closed
    if closed is None:
        return True
    asked = [one for one in closed.waits if Key(closed.environment, one.rule) in keys]
    return not asked or any(walk([one], closed.ready)[0] is None for one in asked)


def name_of(planner: Planner, key: Key) -> str:
    """What a rule is called where it decides: ``30 days' notice``."""
    policy = planner.policy
    known = _named(planner, key)
    if known:
        return known
    head, _, tail = key.rule.partition(".")
    match head:
        case "milestone":
            milestone = policy.milestones[tail]
            return f"the milestone {tail} ({offset_of(milestone)})"
        case "soak":
            return f"{spell(_soak(policy, key.environment, tail), possessive=True)} soak in {tail}"
        case "requires":
            return f"the {tail} that it requires"
        case _:
            return f"the rule {key.rule} in {key.environment}"


_PLAINLY = {
    "scope": "the scope",
    "hold": "a hold",
    "holiday": "a public holiday",
    "business.cycle": "a closed business cycle",
    "maintenance": "the maintenance window",
}


def _named(planner: Planner, key: Key) -> str:
    policy, facts, where = planner.policy, planner.facts, key.environment
    kind = policy.release_types.get(facts.release.type)
    components = [item.component for item in facts.release.items]
    if key.rule == "train":
        trains = {name for c in components for name, train in policy.trains_of(c).items() if train.to == where}
        return f"the {listed(sorted(trains), 'or')} train"
    if key.rule == "windows":
        return f"the windows of {where}"
    if key.rule == "blackout":
        blackouts = [f'"{b.name}"' for b in policy.calendar.blackouts if facts.release.type not in b.exempt]
        return f"the blackout {blackouts[0]}" if len(blackouts) == 1 else "the blackouts"
    if key.rule in _PLAINLY:
        return _PLAINLY[key.rule]
    if key.rule.startswith("client."):
        what, _, client = key.rule.removeprefix("client.").partition(".")
        return f"the {'windows' if what == 'windows' else 'blackouts'} of {client}"
    if key.rule.startswith("component.windows."):
        return f"the windows of {key.rule.removeprefix('component.windows.')}"
    if key.rule == "watch":
        return f"{spell(policy.watch[where].lasts, possessive=True)} watch in {where}"
    freeze = policy.environments[where].freeze if where in policy.environments else None
    if key.rule == "freeze" and freeze:
        return f"the freeze of {spell(freeze.before)}"
    return _named_by_type(kind, facts.release.type, key.rule) if kind is not None else ""


def _named_by_type(kind: ReleaseType, name: str, rule: str) -> str:
    if rule == "notice" and kind.notice:
        return f"{spell(kind.notice, possessive=True)} notice"
    if rule == "horizon" and kind.horizon:
        return f"the planning horizon of {kind.horizon}"
    if rule == "timeline" and kind.timeline:
        return f"the timeline of {kind.timeline}"
    if rule == "frequency" and kind.frequency:
        return f"the frequency of {name} releases ({parse_frequency(kind.frequency).text})"
    return ""


def _soak(policy: Policy, environment: str, before: str) -> timedelta:
    where = policy.environments.get(environment)
    found = [after.soak for after in where.after if after.environment == before and after.soak] if where else []
    return max(found, default=timedelta(0))


def cost_of(step: Step) -> str:
    """How long a step holds the release up; empty where it is for ever."""
    return format_duration(step.at - step.without) if step.at and step.without else ""
