"""A policy made ready for deciding: every name in it leads somewhere, conditions are compiled, calendars are built.

The models of ``core/policy.py`` say what each entry may look like by itself; here the entries are held against each
other. Mistakes name the *path* of keys at which they stand; whoever knows the file makes ``file:line:column`` of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from types import MappingProxyType
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from tidegate.core import sequence
from tidegate.core.actor import AUTOMATION
from tidegate.core.calendar import Timetable, zone
from tidegate.core.canonical import canonical
from tidegate.core.canonical import digest as digest_of_bytes
from tidegate.core.condition import Condition, ConditionError, Record
from tidegate.core.condition import compile as compile_condition
from tidegate.core.evidence_kind import KINDS
from tidegate.core.holiday import mistake as holiday_mistake
from tidegate.core.hours import Hours
from tidegate.core.naming import Dangling, Known, Path, dangling, unknown
from tidegate.core.policy import OWNERS, ApprovalRule, Gate, Policy
from tidegate.core.requirement import RequirementError, parse_requirement
from tidegate.core.ssh_key import read_public_key
from tidegate.core.written import written
from tidegate.errors import PolicyError, StoreError, UsageError

MAX_MISTAKES = 50
"""How many mistakes are looked for; who has more has one cause."""

REQUIREMENT = "requirement"
"""The rule of the mistake that a requirement between components cannot be read."""

SAME_PERSON = "person.twice"
"""The rule of the mistake that two entries are one person."""

_ONCE_ADOPTED = (REQUIREMENT, SAME_PERSON)
"""What earlier versions did not look at: a policy that they adopted is still asked."""


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
        rule: str = "person",
        mistakes: tuple[RulebookError, ...] = (),
    ) -> None:
        super().__init__(what, remedy=remedy, where=dotted(path), rule=rule)
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
    hours: Hours = field(compare=False, repr=False)


def dotted(path: Path) -> str:
    """``environments.production.after[0]``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def compile_policy(policy: Policy, digest: str, *, stored: bool = False) -> Rulebook:
    """The rulebook of a policy, whose digest the caller knows.

    Args:
        stored: it was adopted already, perhaps by a version that did not read the requirements between components, or
            let one person have two entries; that keeps no policy from being asked, and the rule that needs it knows.

    Raises:
        RulebookError: names that lead nowhere, conditions that ask for what no evidence has, keys that are none; all
            in ``mistakes``.
    """
    rulebook, found = compile_what_can_be(policy, digest, stored=stored)
    mistakes = tuple(mistake for mistake in found if not (stored and mistake.rule in _ONCE_ADOPTED))
    if mistakes:
        first = mistakes[0]
        raise RulebookError(
            first.path,
            first.what,
            remedy=first.remedy,
            at_key=first.at_key,
            offset=first.offset,
            rule=first.rule,
            mistakes=mistakes,
        )
    return rulebook


def compile_what_can_be(
    policy: Policy, digest: str, *, stored: bool = False
) -> tuple[Rulebook, tuple[RulebookError, ...]]:
    """The rulebook of what is right in a policy, and what is not; good for deciding only where nothing is wrong.

    Args:
        stored: as for :func:`compile_policy`. Whose holidays are known is not asked again: a decision has its days.
    """
    conditions: dict[str, Condition] = {}
    mistakes = tuple(islice(_mistakes(policy, conditions), MAX_MISTAKES))
    if not stored and len(mistakes) < MAX_MISTAKES:
        mistakes += tuple(islice(_holidays(policy), MAX_MISTAKES - len(mistakes)))
    tz = zone(policy.timezone)
    timetables = {name: Timetable(t.cadence(), t.first_day(), tz, t.lasts) for name, t in policy.trains.items()}
    hours = Hours(policy, tz, timetables)
    return Rulebook(policy, digest, MappingProxyType(conditions), tz, MappingProxyType(timetables), hours), mistakes


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
    return compile_policy(policy_of(resolved), digest, stored=True)


def _mistakes(policy: Policy, conditions: dict[str, Condition]) -> Iterator[RulebookError]:
    """Every mistake, lazily; compiles the conditions on the way."""
    known = Known(policy)
    yield from _people(policy, known)
    for lost in dangling(policy, known):
        yield _lost(lost)
    yield from _ownerless(policy)
    yield from _adoption(policy)
    yield from _sequence(policy)
    yield from _gates(policy, conditions)
    yield from _cycle(policy)
    yield from _same_person(policy)
    # Last: a stored policy may have any number of these, and its conditions are compiled before.
    yield from _requirements(policy)


def _lost(lost: Dangling) -> RulebookError:
    return RulebookError(lost.path, lost.what, remedy=lost.remedy, at_key=lost.at_key, rule="dangling")


def _people(policy: Policy, known: Known) -> Iterator[RulebookError]:
    owners: dict[bytes, str] = {}
    _, groups = known.of("group")
    for name, person in policy.people.items():
        if name == AUTOMATION:
            yield RulebookError(
                ("people", name),
                f'a person cannot be called "{AUTOMATION}": it is the name under which Tidegate itself acts',
                remedy="choose another name",
                at_key=True,
            )
        if name in groups:
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


def _same_person(policy: Policy) -> Iterator[RulebookError]:
    """Two entries with one mail address: whoever is both could fill two seats, or approve what the other wrote."""
    owners: dict[str, str] = {}
    for name, person in policy.people.items():
        if person.email and (first := owners.setdefault(person.email.casefold(), name)) != name:
            yield RulebookError(
                ("people", name, "email"),
                f"{name} and {first} have the same mail address, so that one person could count as two",
                remedy="keep one entry for each person, or give each their own address",
                rule=SAME_PERSON,
            )


def _sequence(policy: Policy) -> Iterator[RulebookError]:
    for path, what, remedy in sequence.mistakes(policy):
        yield RulebookError(path, what, remedy=remedy, rule="approval.unreachable")
    for path, what, remedy in sequence.not_for_releases(policy):
        yield RulebookError(path, what, remedy=remedy, rule="shape", at_key=True)


def _ownerless(policy: Policy) -> Iterator[RulebookError]:
    """Components without owners, where the owners are asked for approval."""
    ownerless = [name for name, component in policy.components.items() if component.owners is None]
    for name, kind in policy.release_types.items():
        if _asks_owners(kind.approvals):
            yield from (_no_owners(component, f"release_types.{name}") for component in ownerless)
    for name, environment in policy.environments.items():
        if _asks_owners(environment.approvals):
            here = [component for component in ownerless if name in policy.components[component].targets]
            yield from (_no_owners(component, f"environments.{name}") for component in here)


def _asks_owners(rules: tuple[ApprovalRule, ...]) -> bool:
    return any(rule.group == OWNERS for rule in rules)


def _adoption(policy: Policy) -> Iterator[RulebookError]:
    for index, rule in enumerate(policy.adoption.approvals):
        if rule.group == OWNERS:
            yield RulebookError(
                ("adoption", "approvals", index, "from"),
                f"{OWNERS} are the owners of what is released, and a policy has none",
                remedy="name the group that must approve a change of the policy",
                rule="dangling",
            )


def _no_owners(component: str, place: str) -> RulebookError:
    return RulebookError(
        ("components", component),
        f'component "{component}" has no owners, whom {place} asks for approval',
        remedy=f"add owners: to components.{component}",
        at_key=True,
        rule="approval.unreachable",
    )


def _requirements(policy: Policy) -> Iterator[RulebookError]:
    for name, component in policy.components.items():
        for other, text in component.requires.items():
            try:
                parse_requirement(text)
            except RequirementError as error:
                yield RulebookError(
                    ("components", name, "requires", other),
                    f"{written(text)} is not a requirement on versions: {error.what}",
                    remedy=error.remedy,
                    offset=error.offset,
                    rule=REQUIREMENT,
                )


def _holidays(policy: Policy) -> Iterator[RulebookError]:
    for index, holidays in enumerate(policy.calendar.holidays):
        found = holiday_mistake((holidays.country, holidays.subdivision or ""))
        if found is not None:
            in_part, what, remedy = found
            key = "subdivision" if in_part else "country"
            yield RulebookError(("calendar", "holidays", index, key), what, remedy=remedy, rule="holiday")


def _gates(policy: Policy, conditions: dict[str, Condition]) -> Iterator[RulebookError]:
    for name, gate in policy.gates.items():
        strange = list(_unknown_kinds(name, gate))
        yield from strange
        if not strange:
            yield from _compile_gate(name, gate, conditions)


def _unknown_kinds(name: str, gate: Gate) -> Iterator[RulebookError]:
    for index, kind in enumerate(gate.evidence):
        if kind not in KINDS:
            yield _lost(unknown(("gates", name, "evidence", index), kind, "kind of evidence", "", KINDS))


def _compile_gate(name: str, gate: Gate, conditions: dict[str, Condition]) -> Iterator[RulebookError]:
    """Compile against each kind by itself, as it will be evaluated."""
    for name_of_kind in gate.evidence:
        kind = KINDS[name_of_kind]
        try:
            condition = compile_condition(gate.condition, {kind.root: Record(kind.fields)})
        except ConditionError as error:
            which = f"in evidence of kind {name_of_kind}: " if len(gate.evidence) > 1 else ""
            yield RulebookError(
                ("gates", name, "pass"),
                f"{which}{error.what}",
                remedy=error.remedy,
                offset=error.offset,
                rule="condition",
            )
            return
        conditions.setdefault(name, condition)


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
            rule="cycle",
        )
