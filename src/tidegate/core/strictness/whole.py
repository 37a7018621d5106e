"""What cannot be told from one key alone: trains, new ways to production, what is closed for asking nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

from tidegate.core.policy import Bump, Policy, Purpose, ReleaseType, Section, Train
from tidegate.core.requirement import asks_for_more, understood
from tidegate.core.settings import bound_asks_for_more
from tidegate.core.strictness.difference import Difference, Direction, Kind, Spot, joined, together
from tidegate.core.strictness.times import Runs, trains_direction
from tidegate.core.strictness.walk import Differences, Pair, Sides, fields_of, mappings, one_sided, sections, values


def components(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """What there is to release is no question of strictness; what is asked of it is."""
    yield from mappings(pair, spot, _scope(sides))


def _scope(sides: Sides) -> Sides:
    return replace(sides, kind=Kind.SCOPE)


def requires(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """What a component needs of others; fewer versions that will do are more that is asked."""
    for found in mappings(pair, spot, sides):
        was, now = (understood(text) if text else None for text in (found.was, found.now))
        stricter = asks_for_more(was, now) if was and now else None
        yield _as_told(found, stricter)


def _as_told(found: Difference, stricter: bool | None) -> Difference:
    """A difference with the direction that is known of it, where one is."""
    if stricter is None:
        return found
    return _redirected(found, Direction.STRICTER if stricter else Direction.LOOSER, "")


# ---- trains


@dataclass(frozen=True, slots=True)
class _Riders:
    """Components that no train can tell apart: of one kind before and one after, and of that name if trains name it."""

    before: str
    after: str
    name: str | None


def trains(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The differences of trains, by what they do to the components that ride them."""
    riders = _riders(pair)
    before, after = _boards(pair.before), _boards(pair.after)
    for name in sorted(sides.was.keys() | sides.now.keys()):
        was, now = sides.was.get(name), sides.now.get(name)
        if was == now:
            continue
        direction = _of_train(riders, before, after, was, now)
        if was is None or now is None:
            yield one_sided(spot, sides, name, direction)
        else:
            for found in sections(pair, spot.key(name), was, now):
                yield _redirected(found, direction, _pace(was, now) if found.path[-1] == "every" else "")


def _riders(pair: Pair) -> set[_Riders]:
    """Those that both policies have: what is new rode nothing, and what is gone rides nothing."""
    named = {train.of.component for policy in (pair.before, pair.after) for train in policy.trains.values()}
    before, after = pair.before.components, pair.after.components
    return {
        _Riders(before[name].kind, after[name].kind, name if name in named else None)
        for name in before.keys() & after.keys()
    }


_Board: TypeAlias = list[tuple[Train, Runs]]


def _boards(policy: Policy) -> _Board:
    return [(train, Runs.of(train)) for train in policy.trains.values()]


def _redirected(found: Difference, direction: Direction, more: str) -> Difference:
    said = found.sentence.removesuffix(f": {found.direction.value}")
    end = "" if direction is Direction.OTHER else f": {direction.value}"
    return replace(found, direction=direction, sentence=f"{said}{more}{end}")


def _pace(was: Train, now: Train) -> str:
    before, after = was.cadence().usual, now.cadence().usual
    if before == after:
        return ""
    return "; it departs less often" if after > before else "; it departs more often"


def _of_train(riders: set[_Riders], before: _Board, after: _Board, was: Train | None, now: Train | None) -> Direction:
    """The direction that all see who ride it, in either policy, to the same environments."""
    places = {train.to for train in (was, now) if train is not None}
    seen = {
        trains_direction(_runs(before, one.before, one.name, place), _runs(after, one.after, one.name, place))
        for one, place in product(riders, places)
        if _rides(was, one.before, one.name) or _rides(now, one.after, one.name)
    }
    return together(direction for direction in seen if direction is not None)


def _rides(train: Train | None, kind: str, name: str | None) -> bool:
    return train is not None and (train.of.kind == kind if train.of.component is None else train.of.component == name)


def _runs(board: _Board, kind: str, name: str | None, place: str) -> set[Runs]:
    return {runs for train, runs in board if train.to == place and _rides(train, kind, name)}


# ---- environments


def environments(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The differences of environments; a new one for production is a new way there."""
    for name in sorted(sides.was.keys() | sides.now.keys()):
        was, now = sides.was.get(name), sides.now.get(name)
        if was is None or now is None:
            direction = _place(pair, name)
            yield one_sided(spot, _scope(sides), name, direction, _way(direction))
        else:
            yield from sections(pair, spot.key(name), was, now)
            yield from _closed(pair, spot.key(name), name)


def config(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The settings that an environment must have; a bound asks for more the less it lets pass."""
    for found in mappings(pair, spot, sides):
        both = found.was is not None and found.now is not None
        yield _as_told(found, bound_asks_for_more(str(found.path[-1]), found.was, found.now) if both else None)


def _way(direction: Direction) -> str:
    """What is said of what only one policy has, where no other asks for as little."""
    words = {Direction.LOOSER: "a new way to production", Direction.STRICTER: "a way to production less"}
    return words.get(direction, "")


def _place(pair: Pair, name: str) -> Direction:
    """The direction of an environment that only one policy has."""
    added = name in pair.after.environments
    more, less = (pair.after, pair.before) if added else (pair.before, pair.after)
    new = more.environments[name]
    if new.purpose is not Purpose.PRODUCTION or any(
        environment.purpose is Purpose.PRODUCTION
        and _asks_no_more(pair, environment, new)
        and _trains_to(less, other) <= _trains_to(more, name)
        for other, environment in less.environments.items()
    ):
        return Direction.OTHER
    return Direction.LOOSER if added else Direction.STRICTER


def _trains_to(policy: Policy, place: str) -> set[tuple[Runs, object]]:
    return {(Runs.of(train), train.of) for train in policy.trains.values() if train.to == place}


def _asks_no_more(pair: Pair, other: Section, new: Section) -> bool:
    """Whether all that ``other`` asks is asked by ``new`` too; titles and the like are passed over."""
    return not any(
        difference.direction is Direction.LOOSER or (difference.direction is Direction.OTHER and field.mark is not None)
        for field in fields_of(type(new))
        for difference in values(pair, Spot().key(field.name), Sides.of(other, new, field))
    )


def purpose(_: Pair, spot: Spot, sides: Sides) -> Differences:
    """What a release type asks for is asked in production."""
    if not sides.differ:
        return
    production = Purpose.PRODUCTION
    direction, more = Direction.OTHER, ""
    if sides.now is production:
        direction, more = Direction.STRICTER, "what release types ask for is asked here now"
    elif sides.was is production:
        direction, more = Direction.LOOSER, "what release types ask for is no longer asked here"
    yield spot.changed(sides.was.value, sides.now.value, direction, more=more)


def _closed(pair: Pair, spot: Spot, name: str) -> Iterator[Difference]:
    """What asks for nothing is closed, and its first demand opens it: the rule ``requirement.present``."""
    known = pair.before.release_types.keys() & pair.after.release_types.keys()
    was = {kind for kind in known if _asks_nothing(pair.before, name, kind)}
    now = {kind for kind in known if _asks_nothing(pair.after, name, kind)}
    if opened := sorted(was - now):
        said = f"asks for something of {joined(opened)} releases now, and is open to them"
        yield spot.said(said, "closed", "open", Direction.LOOSER)
    if closed := sorted(now - was):
        said = f"asks for nothing of {joined(closed)} releases any more, and is closed for that"
        yield spot.said(said, "open", "closed", Direction.STRICTER)


def _asks_nothing(policy: Policy, place: str, name: str) -> bool:
    environment, kind = policy.environments[place], policy.release_types[name]
    own = environment.gates or environment.approvals or environment.after
    return not (own or (environment.purpose is Purpose.PRODUCTION and (kind.gates or kind.approvals)))


# ---- release types


def release_types(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The differences of release types; a new one is a new way to production."""
    for name in sorted(sides.was.keys() | sides.now.keys()):
        was, now = sides.was.get(name), sides.now.get(name)
        if was is None or now is None:
            added = was is None
            new, others = (now, sides.was) if added else (was, sides.now)
            direction = Direction.OTHER
            if not _is_like_another(pair, new, others):
                direction = Direction.LOOSER if added else Direction.STRICTER
            yield one_sided(spot, _scope(sides), name, direction, _way(direction))
        else:
            yield from sections(pair, spot.key(name), was, now)


_BUMPS = (Bump.PATCH, Bump.MINOR, Bump.MAJOR)


def bump(_: Pair, spot: Spot, sides: Sides) -> Differences:
    """What raises a larger number may contain more: a release whose content exceeds its type is refused."""
    if not sides.differ:
        return
    larger = _BUMPS.index(sides.now) > _BUMPS.index(sides.was)
    direction = Direction.LOOSER if larger else Direction.STRICTER
    more = "such a release may contain more now" if larger else "such a release may contain less now"
    yield spot.changed(sides.was.value, sides.now.value, direction, more=more)


def _is_like_another(pair: Pair, new: ReleaseType, others: Mapping[str, ReleaseType]) -> bool:
    """Whether what goes as a new type could go as another one of its bump: that one asks for no more."""
    return any(other.bump is new.bump and _asks_no_more(pair, other, new) for other in others.values())


# ---- blackouts and risk


def blackout_environments(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """Where a blackout holds: where it says, or else in all that are for production."""
    if not sides.differ:
        return
    was, now = _held(pair.before, sides.was), _held(pair.after, sides.now)
    direction = Direction.OTHER
    if was < now or now < was:
        direction = Direction.STRICTER if was < now else Direction.LOOSER
    yield spot.changed(
        None if sides.was is None else sides.was_written(),
        None if sides.now is None else sides.now_written(),
        direction,
    )


def _held(policy: Policy, listed: tuple[str, ...] | None) -> set[str]:
    if listed is not None:
        return set(listed)
    return {name for name, place in policy.environments.items() if place.purpose is Purpose.PRODUCTION}


def risk_matrix(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The cells of the risk matrix: a higher level asks for more."""
    if _cells(sides.was) == _cells(sides.now) and sides.differ:
        yield spot.changed(sides.was_written(), sides.now_written(), Direction.OTHER)
    before, after = list(pair.before.changes.risk.levels), list(pair.after.changes.risk.levels)
    for impact, probability in sorted(_cells(sides.was).keys() | _cells(sides.now).keys()):
        was, now = (side.get(impact, {}).get(probability) for side in (sides.was, sides.now))
        if was != now:
            direction = _of_levels(before if before == after else [], was, now, impact, probability)
            yield spot.key(impact).key(probability).changed(was, now, direction)


def _cells(matrix: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], str]:
    return {(impact, probability): level for impact, row in matrix.items() for probability, level in row.items()}


def _of_levels(levels: list[str], was: str | None, now: str | None, impact: str, probability: str) -> Direction:
    # A cell that is left out is undecided, and the higher of the two holds.
    undecided = max((impact, probability), key=lambda level: levels.index(level) if level in levels else -1)
    before, after = was or undecided, now or undecided
    if before not in levels or after not in levels or before == after:
        return Direction.OTHER
    return Direction.STRICTER if levels.index(after) > levels.index(before) else Direction.LOOSER
