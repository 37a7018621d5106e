"""Who may now do what they might not before, and who no longer may: by the groups that people are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tidegate.core.policy import OWNERS, Act, ApprovalRule, Permits, Person, Policy
from tidegate.core.strictness.difference import Difference, Direction, Kind, Spot, joined
from tidegate.core.strictness.walk import Differences, Pair, Sides, fields_of, one_sided, values

_ACTS = {
    Act.OPEN: "open releases",
    Act.START: "start rollouts",
    Act.ROLLBACK: "roll back",
    Act.HOLD: "stop the line",
    Act.ADOPT: "adopt policies",
}


def people(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The differences of the people of two policies.

    Whoever is named or is in a group that is named, in either policy, may do more where they come, and less where they
    go; what the naming itself changes is told where it stands.
    """
    powers = _powers(pair)
    for name in sorted(sides.was.keys() | sides.now.keys()):
        was, now = sides.was.get(name), sides.now.get(name)
        if was is None or now is None:
            may = [] if (person := was or now).disabled else _may(powers, name, person.groups)
            yield one_sided(spot, _of_people(sides), name, _way(may, gains=was is None), _said(may, gains=was is None))
        else:
            yield from _person(pair, spot.key(name), was, now, powers)


def _of_people(sides: Sides) -> Sides:
    return Sides(sides.was, sides.now, sides.was_written, sides.now_written, kind=Kind.PEOPLE)


def _person(pair: Pair, spot: Spot, was: Person, now: Person, powers: Mapping[str, list[str]]) -> Iterator[Difference]:
    name = str(spot.after[-1])
    for field in fields_of(Person):
        sides = _of_people(Sides.of(was, now, field))
        place = spot.key(field.name)
        if field.attribute == "groups" and sides.differ:
            counts = not (was.disabled and now.disabled)
            yield from _groups(place, sides, name, powers if counts else {})
        elif field.attribute == "disabled" and sides.differ:
            may = _may(powers, name, {*was.groups, *now.groups})
            yield place.changed(
                was.disabled,
                now.disabled,
                _way(may, gains=was.disabled),
                Kind.PEOPLE,
                _said(may, gains=was.disabled),
            )
        else:
            yield from values(pair, place, sides)


def _groups(spot: Spot, sides: Sides, name: str, powers: Mapping[str, list[str]]) -> Iterator[Difference]:
    changed = set(sides.was) ^ set(sides.now)
    for group in sorted(changed):
        gains = group in sides.now
        may = powers.get(group, [])
        index = (sides.now if gains else sides.was).index(group)
        said = _said(may, gains=gains)
        yield spot.only(index, after=gains).changed(
            None if gains else group,
            group if gains else None,
            _way(may, gains=gains),
            Kind.PEOPLE,
            said and f"{name} {said}",
        )
    if not changed:
        yield spot.changed(sides.was_written(), sides.now_written(), Direction.OTHER, Kind.PEOPLE)


def _may(powers: Mapping[str, list[str]], name: str, groups: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(power for key in (name, *sorted(groups)) for power in powers.get(key, [])))


def _way(may: list[str], *, gains: bool) -> Direction:
    if not may:
        return Direction.OTHER
    return Direction.LOOSER if gains else Direction.STRICTER


def _said(may: list[str], *, gains: bool) -> str:
    return f"may {'now' if gains else 'no longer'} {joined(may)}" if may else ""


def _powers(pair: Pair) -> dict[str, list[str]]:
    """What groups and people are named for in either policy, in words."""
    found: dict[str, dict[str, None]] = {}
    for policy in (pair.before, pair.after):
        for name, power in _named(policy):
            found.setdefault(name, {})[power] = None
    return {name: list(powers) for name, powers in found.items()}


def _named(policy: Policy) -> Iterator[tuple[str, str]]:
    yield from _permitted(policy.permits, "")
    for name, environment in policy.environments.items():
        yield from _permitted(environment.permits, f" in {name}")
    owners = sorted({component.owners for component in policy.components.values() if component.owners})
    for rules, power in _asking(policy):
        for rule in rules:
            for group in owners if rule.group == OWNERS else (rule.group,):
                yield group, power


def _permitted(permits: Permits, where: str) -> Iterator[tuple[str, str]]:
    for act in Act:
        for name in getattr(permits, act.value):
            yield name, f"{_ACTS[act]}{where}"


def _asking(policy: Policy) -> Iterator[tuple[tuple[ApprovalRule, ...], str]]:
    """Every place that asks for approvals, and what an approval there does."""
    yield policy.adoption.approvals, "approve policies"
    for name, kind in policy.release_types.items():
        yield kind.approvals, f"approve {name} releases"
        yield kind.afterwards.retrospective_approval, f"approve {name} releases afterwards"
    for name, environment in policy.environments.items():
        yield environment.approvals, f"approve for {name}"
    for name, client in policy.clients.items():
        yield client.approvals, f"approve for {name}"
    for name, category in policy.changes.categories.items():
        yield category.approvals, f"approve {name} changes"
    for name, gate in policy.gates.items():
        if gate.waiver is not None:
            yield (gate.waiver.by,), f"waive {name}"
