"""Two policies, key by key: by the fields of the models and the mark on each.

A section is compared with a section, a mapping by its keys, a list of sections by what names its entries, a list of
names as a set, windows as times, and what is left as values on a scale. What needs to know more than the two values
stands in ``SPECIAL`` of the package.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, TypeAlias, get_args, get_origin

from tidegate.core.canonical import canonical
from tidegate.core.policy import (
    After,
    ApprovalRule,
    Blackout,
    BumpRule,
    BusinessCycle,
    Criterion,
    Health,
    Holidays,
    Message,
    Phase,
    Policy,
    Section,
    Stricter,
    Trigger,
    WindowRule,
    WorkflowStep,
)
from tidegate.core.strictness.difference import Difference, Direction, Kind, Spot
from tidegate.core.strictness.scales import scalar_direction
from tidegate.core.strictness.times import same_times, windows_direction

Differences: TypeAlias = Iterator[Difference]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a section: its attribute, its name in the file, its mark, and its values where they are few."""

    attribute: str
    name: str
    mark: Stricter | None
    choices: tuple[str, ...] = ()


@cache
def fields_of(section: type[Section]) -> tuple[Field, ...]:
    """The keys of a section that the stored form has."""
    return tuple(
        Field(
            attribute,
            field.alias or attribute,
            next((mark for mark in field.metadata if isinstance(mark, Stricter)), None),
            get_args(field.annotation) if get_origin(field.annotation) is Literal else (),
        )
        for attribute, field in section.model_fields.items()
        if not field.exclude
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """One key in both policies: its values, the mark, and how the file would write them."""

    was: Any
    now: Any
    was_written: Callable[[], Any]
    now_written: Callable[[], Any]
    mark: Stricter | None = None
    choices: tuple[str, ...] = ()
    kind: Kind = Kind.RULE

    @classmethod
    def of(cls, before: Section, after: Section, field: Field) -> Sides:
        """A key of two sections."""
        name = field.attribute
        return cls(
            getattr(before, name),
            getattr(after, name),
            lambda: in_file(before, field),
            lambda: in_file(after, field),
            field.mark,
            field.choices,
        )

    @property
    def differ(self) -> bool:
        """Whether the two are not the same; 1 and true are not."""
        return type(self.was) is not type(self.now) or self.was != self.now

    def below(self, was: Any, now: Any, step: str | int) -> Sides:
        """The value of one key of two mappings."""
        return replace(
            self,
            was=was,
            now=now,
            was_written=lambda: self.was_written()[step],
            now_written=lambda: self.now_written()[step],
        )


Special: TypeAlias = Callable[["Pair", Spot, Sides], Differences]


@dataclass(frozen=True, slots=True)
class Pair:
    """The two policies, and what compares the keys that need to know more than their two values."""

    before: Policy
    after: Policy
    special: Mapping[tuple[type[Section], str], Special]


def in_file(section: Section, field: Field) -> Any:
    """The value of a key as the file would write it, without what the defaults say."""
    value = getattr(section, field.attribute)
    if value is None or isinstance(value, Section):
        return value and written_section(value)
    if isinstance(value, Mapping) and any(isinstance(entry, Section) for entry in value.values()):
        return {name: written_section(entry) for name, entry in value.items()}
    if isinstance(value, tuple) and any(isinstance(entry, Section) for entry in value):
        return [written_section(entry) or _with_defaults(entry) for entry in value]
    return section.model_dump(mode="json", by_alias=True, include={field.attribute})[field.name]


def written_section(section: Section) -> Any:
    """A section as the file would write it, without what the defaults say."""
    return section.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _with_defaults(section: Section) -> Any:
    """An entry of a list of which the defaults say all: it has no name, and ``{}`` would say nothing of it."""
    return section.model_dump(mode="json", by_alias=True, exclude_none=True)


def sections(pair: Pair, spot: Spot, before: Section, after: Section) -> Differences:
    """The differences of two sections of one kind."""
    for field in fields_of(type(before)):
        special = pair.special.get((type(before), field.attribute))
        if special is not None:
            yield from special(pair, spot.key(field.name), Sides.of(before, after, field))
        elif _may_differ(getattr(before, field.attribute), getattr(after, field.attribute)):
            yield from values(pair, spot.key(field.name), Sides.of(before, after, field))
    if (before.model_extra or after.model_extra) and repr(before.model_extra) != repr(after.model_extra):
        yield from _extras(spot, before.model_extra or {}, after.model_extra or {})


def _may_differ(was: Any, now: Any) -> bool:
    """Whether two values are worth a look; asked first, since nearly all are the same.

    Sections and mappings are: to Python they are equal where 1 is written for true.
    """
    return was is not now and (isinstance(now, Section | Mapping) or type(was) is not type(now) or was != now)


def _extras(spot: Spot, before: Mapping[str, Any], after: Mapping[str, Any]) -> Differences:
    """Keys of which the models know nothing: the settings of drivers."""
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if name not in before or name not in after or canonical(was) != canonical(now):
            yield spot.key(name).changed(was, now, Direction.OTHER)


def values(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The differences of two values of one kind."""
    was, now = sides.was, sides.now
    some = was if now is None else now
    if isinstance(was, Section) and isinstance(now, Section):
        yield from sections(pair, spot, was, now)
    elif isinstance(some, Mapping):
        yield from mappings(pair, spot, sides)
    elif not sides.differ:
        return
    elif was is None or now is None or not isinstance(some, tuple | frozenset):
        yield _scalar(spot, sides)
    else:
        yield from _lists(pair, spot, sides)


def _scalar(spot: Spot, sides: Sides) -> Difference:
    direction = scalar_direction(sides.mark, sides.was, sides.now, sides.choices)
    return _whole(spot, sides, direction)


def _whole(spot: Spot, sides: Sides, direction: Direction, more: str = "") -> Difference:
    was = None if sides.was is None else sides.was_written()
    now = None if sides.now is None else sides.now_written()
    return spot.changed(was, now, direction, sides.kind, more)


def mappings(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The differences of two mappings, by their keys."""
    for name in sorted(sides.was.keys() | sides.now.keys()):
        if name not in sides.was or name not in sides.now:
            yield one_sided(spot, sides, name)
        else:
            yield from values(pair, spot.key(name), sides.below(sides.was[name], sides.now[name], name))


def one_sided(spot: Spot, sides: Sides, name: str, direction: Direction | None = None, more: str = "") -> Difference:
    """The difference of a key that only one of two mappings has."""
    added = name in sides.now
    where = replace(spot.only(name, after=added), label=spot.key(name).label)
    way = entry_direction(sides.mark, added=added) if direction is None else direction
    was, now = (None, sides.now_written()[name]) if added else (sides.was_written()[name], None)
    return where.changed(was, now, way, sides.kind, more)


def entry_direction(mark: Stricter | None, *, added: bool) -> Direction:
    """Which way it is when an entry of such a list is added, or removed."""
    if mark in (Stricter.DEMANDS, Stricter.REACH):
        return Direction.STRICTER if added else Direction.LOOSER
    if mark in (Stricter.GRANTS, Stricter.GRANTS_WHERE_GIVEN):
        return Direction.LOOSER if added else Direction.STRICTER
    return Direction.OTHER


def _lists(pair: Pair, spot: Spot, sides: Sides) -> Differences:
    """The differences of two lists that are not the same."""
    entries = [*sides.was, *sides.now]
    if any(isinstance(entry, WindowRule) for entry in entries):
        more = "the same times, written in another way" if same_times(sides.was, sides.now) else ""
        yield _whole(spot, sides, windows_direction(sides.was, sides.now), more)
        return
    named = NAMES.get(type(entries[0]))
    if named is not None:
        yield from _in_any_order(spot, sides, _named(pair, spot, sides, named))
    elif isinstance(entries[0], Section) or sides.mark in (None, Stricter.GIVEN):
        yield _command(spot, sides)
    elif sides.mark is Stricter.REACH and not (sides.was and sides.now):
        yield _whole(spot, sides, Direction.LOOSER if sides.now else Direction.STRICTER)
    else:
        yield from _in_any_order(spot, sides, _sets(spot, sides))


def _command(spot: Spot, sides: Sides) -> Difference:
    """The difference of two lists each of which is one value."""
    was, now = sides.was or None, sides.now or None
    direction = scalar_direction(sides.mark, was, now) if sides.mark is Stricter.GIVEN else Direction.OTHER
    return _whole(spot, replace(sides, was=was, now=now), direction)


def _in_any_order(spot: Spot, sides: Sides, found: Differences) -> Differences:
    """What was found; or, where nothing was, that the same entries were written in another way."""
    several = list(found)
    yield from several
    if not several:
        yield _whole(spot, sides, Direction.OTHER, "the same, written in another way")


def _sets(spot: Spot, sides: Sides) -> Differences:
    was, now = sides.was_written(), sides.now_written()
    for index, entry in enumerate(was):
        if entry not in now and entry not in was[:index]:
            way = entry_direction(sides.mark, added=False)
            yield spot.only(index, after=False).changed(entry, None, way, sides.kind)
    for index, entry in enumerate(now):
        if entry not in was and entry not in now[:index]:
            yield spot.only(index, after=True).changed(None, entry, entry_direction(sides.mark, added=True), sides.kind)


def _approval(rule: ApprovalRule) -> str:
    return f"{rule.group} as {rule.role}" if rule.role else rule.group


def _trigger(trigger: Trigger) -> str:
    return next(name for name in Trigger.model_fields if getattr(trigger, name) is not None)


NAMES: Mapping[type, Callable[[Any], str]] = {
    After: lambda entry: entry.environment,
    ApprovalRule: _approval,
    Blackout: lambda entry: entry.name,
    BumpRule: lambda entry: entry.says,
    BusinessCycle: lambda entry: entry.name,
    Criterion: lambda entry: entry.says,
    Health: lambda entry: entry.url,
    Holidays: lambda entry: f"{entry.country}-{entry.subdivision}" if entry.subdivision else entry.country,
    Message: lambda entry: f"{entry.say} on {entry.on.value}" if entry.on else entry.say,
    Phase: lambda entry: entry.name,
    Trigger: _trigger,
    WorkflowStep: lambda entry: entry.name,
}
"""What an entry of a list is known by: two of one name are the same demand, perhaps changed."""


def _named(pair: Pair, spot: Spot, sides: Sides, name_of: Callable[[Any], str]) -> Differences:
    was, now = _by_name(sides.was, name_of), _by_name(sides.now, name_of)
    for name in dict.fromkeys([*was, *now]):
        left, right = _unlike(was.get(name, []), now.get(name, []))
        for (i, one), (j, other) in zip(left, right, strict=False):
            yield from sections(pair, spot.entry(i, j, name), one, other)
        for index, _ in left[len(right) :]:
            yield _entry(spot, sides, index, after=False)
        for index, _ in right[len(left) :]:
            yield _entry(spot, sides, index, after=True)


def _entry(spot: Spot, sides: Sides, index: int, *, after: bool) -> Difference:
    direction = entry_direction(sides.mark, added=after)
    was, now = (None, sides.now_written()[index]) if after else (sides.was_written()[index], None)
    return spot.only(index, after=after).changed(was, now, direction, sides.kind)


_Numbered: TypeAlias = list[tuple[int, Any]]


def _by_name(entries: Sequence[Any], name_of: Callable[[Any], str]) -> dict[str, _Numbered]:
    found: dict[str, _Numbered] = {}
    for index, entry in enumerate(entries):
        found.setdefault(name_of(entry), []).append((index, entry))
    return found


def _unlike(was: _Numbered, now: _Numbered) -> tuple[_Numbered, _Numbered]:
    """Entries of one name without those that both have, in the order of what they say.

    Each entry is a demand of its own, so that whichever is compared with which, the answer is right.
    """
    right = list(now)
    left = []
    for index, entry in was:
        same = next((found for found in right if found[1] == entry), None)
        if same is None:
            left.append((index, entry))
        else:
            right.remove(same)
    return sorted(left, key=_order), sorted(right, key=_order)


def _order(numbered: tuple[int, Any]) -> str:
    return json.dumps(written_section(numbered[1]), sort_keys=True)
