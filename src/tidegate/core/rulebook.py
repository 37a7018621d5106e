"""A policy made ready for deciding: every name in it leads somewhere, conditions are compiled, calendars are built.

The models of ``core/policy.py`` say what each entry may look like by itself; here the entries are held against each
other. Mistakes name the *path* of keys at which they stand; whoever knows the file makes ``file:line:column`` of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from types import MappingProxyType
from typing import TypeAlias
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from tidegate.core.actor import AUTOMATION
from tidegate.core.calendar import Timetable, zone
from tidegate.core.canonical import canonical
from tidegate.core.canonical import digest as digest_of_bytes
from tidegate.core.condition import Condition, ConditionError, Record
from tidegate.core.condition import compile as compile_condition
from tidegate.core.condition.errors import did_you_mean
from tidegate.core.evidence_kind import KINDS
from tidegate.core.policy import OWNERS, Act, ApprovalRule, Gate, Permits, Policy
from tidegate.core.ssh_key import read_public_key
from tidegate.errors import PolicyError, StoreError, UsageError

Path: TypeAlias = tuple[str | int, ...]

MAX_MISTAKES = 50
"""How many mistakes are looked for; who has more has one cause."""

_MOST_GUESSED_FROM = 1_000


class RulebookError(PolicyError):
    """An entry of a policy that does not fit the others.

    ``path`` leads to the entry, as keys and indices. ``at_key`` says that the last key of the path is what is wrong,
    not its value; ``offset`` counts characters from the start of the value.
    """

    def __init__(
        self,
        path: Path,
        what: str,
        *,
        remedy: str,
        at_key: bool = False,
        offset: int = 0,
        mistakes: tuple[RulebookError, ...] = (),
    ) -> None:
        super().__init__(what, remedy=remedy, where=dotted(path))
        self.path = path
        self.at_key = at_key
        self.offset = offset
        self.mistakes: tuple[RulebookError, ...] = mistakes or (self,)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What ``decide`` asks: the policy, its conditions by gate, its timetables by train, and its zone."""

    policy: Policy
    digest: str
    conditions: Mapping[str, Condition]
    tz: ZoneInfo
    timetables: Mapping[str, Timetable]


def dotted(path: Path) -> str:
    """``environments.production.after[0]``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def compile_policy(policy: Policy, digest: str) -> Rulebook:
    """The rulebook of a policy, whose digest the caller knows.

    Raises:
        RulebookError: names that lead nowhere, conditions that ask for what no evidence has, keys that are none; all
            in ``mistakes``.
    """
    conditions: dict[str, Condition] = {}
    mistakes = list(islice(_mistakes(policy, conditions), MAX_MISTAKES))
    if mistakes:
        first = mistakes[0]
        raise RulebookError(
            first.path,
            first.what,
            remedy=first.remedy,
            at_key=first.at_key,
            offset=first.offset,
            mistakes=tuple(mistakes),
        )
    tz = zone(policy.timezone)
    timetables = {name: Timetable(t.cadence(), t.starts, tz, t.lasts) for name, t in policy.trains.items()}
    return Rulebook(policy, digest, MappingProxyType(conditions), tz, MappingProxyType(timetables))


def resolved_of(policy: Policy) -> bytes:
    """The policy as it is stored: canonical JSON of what differs from the defaults.

    Neither comments nor the order of keys nor the spelling of a duration change it, and neither does a new Tidegate
    that knows more optional keys.
    """
    return canonical(policy.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def policy_of(resolved: bytes) -> Policy:
    """The policy that :func:`resolved_of` wrote.

    Raises:
        PolicyError: it is of a form that this Tidegate does not know.
    """
    try:
        return Policy.model_validate_json(resolved)
    except ValidationError as error:
        place = dotted(tuple(error.errors(include_url=False, include_context=False)[0]["loc"])) or "its root"
        raise PolicyError(
            f"the stored policy cannot be read by this version of Tidegate, beginning with {place}",
            remedy="run the version that adopted it, or adopt the policy file again",
        ) from error


@lru_cache(maxsize=32)
def rulebook_of(resolved: bytes, digest: str) -> Rulebook:
    """The rulebook of a stored policy; compiled once.

    Raises:
        StoreError: the bytes are not those that the digest names.
        PolicyError: it is of a form that this Tidegate does not know.
    """
    if digest_of_bytes(resolved) != digest:
        raise StoreError(
            f"the stored policy {digest} has been changed: its content has the digest {digest_of_bytes(resolved)}",
            remedy="run `tidegate audit verify`, then restore the database from a backup",
        )
    return compile_policy(policy_of(resolved), digest)


def _mistakes(policy: Policy, conditions: dict[str, Condition]) -> Iterator[RulebookError]:
    """Every mistake, lazily; compiles the conditions on the way."""
    names = _Names(policy)
    yield from _people(policy, names)
    yield from _permits(("permits",), policy.permits, names)
    yield from _components(policy, names)
    yield from _trains(policy, names)
    yield from _blackouts(policy, names)
    for name, kind in policy.release_types.items():
        yield from names.each(("release_types", name, "gates"), kind.gates, "gate")
        yield from _approvals(("release_types", name), kind.approvals, names, names.ownerless)
    yield from _gates(policy, conditions)
    yield from _environments(policy, names)
    yield from (m for name in policy.watch for m in names.key(("watch", name), name, "environment"))


class _Names:
    """What may be named in a policy, by the noun that a mistake calls it."""

    def __init__(self, policy: Policy) -> None:
        self.groups = {group for person in policy.people.values() for group in person.groups}
        self.ownerless = [name for name, component in policy.components.items() if component.owners is None]
        self.ownerless_in: dict[str, list[str]] = {}
        for name in self.ownerless:
            for environment in policy.components[name].targets:
                self.ownerless_in.setdefault(environment, []).append(name)
        self._known: dict[str, tuple[str, Mapping[str, object]]] = {
            "gate": ("gates", policy.gates),
            "environment": ("environments", policy.environments),
            "release type": ("release_types", policy.release_types),
            "component": ("components", policy.components),
            "group": ("people.*.groups", dict.fromkeys(self.groups)),
            "person or group": ("people", dict.fromkeys([*policy.people, *self.groups])),
            "kind of component": (
                "components.*.kind",
                dict.fromkeys(component.kind for component in policy.components.values()),
            ),
        }

    def each(self, path: Path, found: Iterable[str], noun: str) -> Iterator[RulebookError]:
        """A mistake for every entry of a list that names nothing known."""
        for index, name in enumerate(found):
            yield from self.one((*path, index), name, noun)

    def one(self, path: Path, found: str, noun: str, *, at_key: bool = False) -> Iterator[RulebookError]:
        """A mistake where ``found`` is not the name of a known ``noun``."""
        place, known = self._known[noun]
        if found not in known:
            yield _unknown(path, found, noun, place, known, at_key=at_key)

    def key(self, path: Path, found: str, noun: str) -> Iterator[RulebookError]:
        """As :meth:`one`, where the name is a key."""
        yield from self.one(path, found, noun, at_key=True)


def _unknown(
    path: Path, found: str, noun: str, place: str, known: Iterable[str], *, at_key: bool = False
) -> RulebookError:
    names = list(islice(known, _MOST_GUESSED_FROM))
    remedy = f"name one of: {_some(names)}" if names else f"declare it under {place}"
    return RulebookError(path, f'unknown {noun} "{found}"{did_you_mean(found, names)}', remedy=remedy, at_key=at_key)


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:12]) + (f" and {len(ordered) - 12} more" if len(ordered) > 12 else "")


def _people(policy: Policy, names: _Names) -> Iterator[RulebookError]:
    owners: dict[bytes, str] = {}
    for name, person in policy.people.items():
        if name == AUTOMATION:
            yield RulebookError(
                ("people", name),
                f'a person cannot be called "{AUTOMATION}": it is the name under which Tidegate itself acts',
                remedy="choose another name",
                at_key=True,
            )
        if name in names.groups:
            yield RulebookError(
                ("people", name),
                f'"{name}" is the name of a person and of a group',
                remedy="rename one of the two",
                at_key=True,
            )
        for index, text in enumerate(person.keys):
            yield from _key(("people", name, "keys", index), text, name, owners)


def _key(path: Path, text: str, person: str, owners: dict[bytes, str]) -> Iterator[RulebookError]:
    try:
        blob = read_public_key(text).blob
    except UsageError as error:
        yield RulebookError(path, error.what, remedy=error.remedy)
        return
    if owners.setdefault(blob, person) != person:
        yield RulebookError(
            path,
            f"{person} and {owners[blob]} have the same key, so that nobody could tell who signs",
            remedy="give each person a key of their own",
        )


def _permits(path: Path, permits: Permits, names: _Names) -> Iterator[RulebookError]:
    for act in Act:
        yield from names.each((*path, act.value), getattr(permits, act.value), "person or group")


def _components(policy: Policy, names: _Names) -> Iterator[RulebookError]:
    for name, component in policy.components.items():
        if component.owners is not None:
            yield from names.one(("components", name, "owners"), component.owners, "group")
        for section in ("config", "targets"):
            for environment in getattr(component, section):
                yield from names.key(("components", name, section, environment), environment, "environment")


def _trains(policy: Policy, names: _Names) -> Iterator[RulebookError]:
    for name, train in policy.trains.items():
        if train.of.component is not None:
            yield from names.one(("trains", name, "of", "component"), train.of.component, "component")
        if train.of.kind is not None:
            yield from names.one(("trains", name, "of", "kind"), train.of.kind, "kind of component")
        # Without `to:` the default is meant, and the train itself is where it is missing.
        path: Path = ("trains", name, "to")
        yield from names.one(path, train.to, "environment")


def _blackouts(policy: Policy, names: _Names) -> Iterator[RulebookError]:
    for index, blackout in enumerate(policy.calendar.blackouts):
        path: Path = ("calendar", "blackouts", index)
        yield from names.each((*path, "except"), blackout.exempt, "release type")
        yield from names.each((*path, "environments"), blackout.environments or (), "environment")


def _approvals(
    place: Path, rules: tuple[ApprovalRule, ...], names: _Names, ownerless: Iterable[str]
) -> Iterator[RulebookError]:
    for index, rule in enumerate(rules):
        if rule.group != OWNERS:
            yield from names.one((*place, "approvals", index, "from"), rule.group, "group")
            continue
        for name in ownerless:
            yield RulebookError(
                ("components", name),
                f'component "{name}" has no owners, whom {dotted(place)} asks for approval',
                remedy=f"add owners: to components.{name}",
                at_key=True,
            )


def _gates(policy: Policy, conditions: dict[str, Condition]) -> Iterator[RulebookError]:
    for name, gate in policy.gates.items():
        unknown = list(_unknown_kinds(name, gate))
        yield from unknown
        if not unknown:
            yield from _compile_gate(name, gate, conditions)


def _unknown_kinds(name: str, gate: Gate) -> Iterator[RulebookError]:
    for index, kind in enumerate(gate.evidence):
        if kind not in KINDS:
            yield _unknown(("gates", name, "evidence", index), kind, "kind of evidence", "", KINDS)


def _compile_gate(name: str, gate: Gate, conditions: dict[str, Condition]) -> Iterator[RulebookError]:
    """Compile against each kind by itself, as it will be evaluated."""
    for name_of_kind in gate.evidence:
        kind = KINDS[name_of_kind]
        try:
            condition = compile_condition(gate.condition, {kind.root: Record(kind.fields)})
        except ConditionError as error:
            which = f"in evidence of kind {name_of_kind}: " if len(gate.evidence) > 1 else ""
            yield RulebookError(
                ("gates", name, "pass"), f"{which}{error.what}", remedy=error.remedy, offset=error.offset
            )
            return
        conditions.setdefault(name, condition)


def _environments(policy: Policy, names: _Names) -> Iterator[RulebookError]:
    for name, environment in policy.environments.items():
        path: Path = ("environments", name)
        yield from names.each((*path, "gates"), environment.gates, "gate")
        yield from _approvals(path, environment.approvals, names, names.ownerless_in.get(name, ()))
        yield from _permits((*path, "permits"), environment.permits, names)
        for index, after in enumerate(environment.after):
            yield from names.one((*path, "after", index, "environment"), after.environment, "environment")
    yield from _cycle(policy)


def _cycle(policy: Policy) -> Iterator[RulebookError]:
    graph = {
        name: [after.environment for after in environment.after] for name, environment in policy.environments.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # The order in which the sorter finds a cycle is no promise: it is told from its first name on.
        members = list(error.args[1])[:-1]
        start = members.index(min(members))
        round_trip = [*members[start:], *members[:start], members[start]]
        waits = round_trip[::-1]
        index = graph[waits[0]].index(waits[1])
        shown = waits if len(waits) <= 8 else [*waits[:4], "...", *waits[-3:]]
        what = "comes after itself" if len(members) == 1 else f"can never be reached: {' after '.join(shown)}"
        yield RulebookError(
            ("environments", waits[0], "after", index, "environment"),
            f'environment "{waits[0]}" {what}',
            remedy="remove one of these entries of after:",
        )
