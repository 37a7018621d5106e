"""What the entries of a policy may name, and those that name what is not there.

The marks ``Names`` and ``NamesKeys`` on the models say which keys hold names, and of what. So a key that is added with
its mark is held against the policy from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import Any, TypeAlias

from pydantic.fields import FieldInfo

from tidegate.core.condition.errors import did_you_mean
from tidegate.core.policy import OWNERS, SAYINGS, SCHEMES, Names, NamesKeys, Policy, Section

Path: TypeAlias = tuple[str | int, ...]

CLIENTS = "$clients"
"""In place of an audience: the clients whose sites a release touches."""

_MOST_GUESSED_FROM = 1_000
_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Dangling:
    """A name that leads nowhere: where it stands, what kind of thing it should be, and what could be meant."""

    path: Path
    noun: str
    what: str
    remedy: str
    at_key: bool = False


class Known:
    """The names that a policy has, by the noun of the things; each set is made when it is asked for."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._found: dict[str, tuple[str, Mapping[str, object]]] = {}

    def of(self, noun: str) -> tuple[str, Mapping[str, object]]:
        """Where things of this noun are declared, and the names of those that are."""
        found = self._found.get(noun)
        if found is None:
            found = self._found[noun] = self._find(noun)
        return found

    def _find(self, noun: str) -> tuple[str, Mapping[str, object]]:
        if noun in _SECTIONS:
            section = _SECTIONS[noun]
            return section, getattr(self._policy, section)
        place, names = _LISTS[noun]
        return place, dict.fromkeys(names(self._policy))


def groups_of(policy: Policy) -> Iterator[str]:
    """Every group: declared, or with somebody in it."""
    yield from policy.groups
    yield from chain.from_iterable(person.groups for person in policy.people.values())


_SECTIONS = {
    "audience": "audiences",
    "backup": "backups",
    "branch": "branches",
    "checklist": "checklists",
    "client": "clients",
    "component": "components",
    "contact": "contacts",
    "document": "documents",
    "environment": "environments",
    "gate": "gates",
    "milestone": "milestones",
    "process": "processes",
    "release type": "release_types",
    "review": "reviews",
    "strategy": "strategies",
    "train": "trains",
    "training": "trainings",
}

_LISTS: dict[str, tuple[str, Any]] = {
    "group": ("people.*.groups", groups_of),
    "person or group": ("people", lambda p: chain(p.people, groups_of(p))),
    "audience or group": ("audiences", lambda p: chain(p.audiences, groups_of(p))),
    "kind of component": ("components.*.kind", lambda p: (c.kind for c in p.components.values())),
    "phase": ("processes.*.phases", lambda p: (f.name for each in p.processes.values() for f in each.phases)),
    "change category": ("changes.categories", lambda p: p.changes.categories),
    "step of the workflow": ("changes.workflow", lambda p: (step.name for step in p.changes.workflow)),
    "risk level": ("changes.risk.levels", lambda p: p.changes.risk.levels),
    "text": ("templates", lambda p: chain(SAYINGS, p.templates)),
    "source of deployments": (
        "branches",
        lambda p: chain(p.branches, (branch.pattern for branch in p.branches.values()), ["tag"]),
    ),
}


_Use: TypeAlias = tuple[Path, str, Names | NamesKeys, bool]


def dangling(policy: Policy, known: Known) -> Iterator[Dangling]:
    """Every name in the policy that leads nowhere, in the order of the file's sections."""
    for path, name, mark, at_key in _uses((), policy):
        yield from one(path, name, mark.noun, known, at_key=at_key)
    yield from _risk(policy, known)


def _uses(path: Path, section: Section) -> Iterator[_Use]:
    """Each name that is used: where, the name, what it names, and whether it is a key."""
    for attribute, alias, marks, deep in _fields(type(section)):
        value = getattr(section, attribute)
        if not value:
            continue
        here = (*path, alias)
        for mark in marks:
            yield from _held(here, value, mark)
        if deep:
            yield from _below(here, value)


def _below(path: Path, value: Any) -> Iterator[_Use]:
    if isinstance(value, Section):
        yield from _uses(path, value)
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _below((*path, name), entry)
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from _below((*path, index), entry)


def _held(path: Path, value: Any, mark: Names | NamesKeys) -> Iterator[_Use]:
    if isinstance(mark, NamesKeys):
        yield from (((*path, name), name, mark, True) for name in value)
    elif isinstance(value, str):
        yield path, value, mark, False
    else:
        yield from (((*path, index), name, mark, False) for index, name in enumerate(value))


def one(path: Path, name: str, noun: str, known: Known, *, at_key: bool = False) -> Iterator[Dangling]:
    """What is said of ``name`` where it is not the name of a known ``noun``."""
    place, names = known.of(noun)
    if name not in names and not _stands_for_others(name, noun):
        yield unknown(path, name, noun, place, names, at_key=at_key)


def _stands_for_others(name: str, noun: str) -> bool:
    if noun == "audience":
        scheme, colon, _ = name.partition(":")
        return name == CLIENTS or bool(colon and scheme in SCHEMES)
    return noun == "group" and name == OWNERS


def unknown(path: Path, name: str, noun: str, place: str, names: Iterable[str], *, at_key: bool = False) -> Dangling:
    """What is said of a name that is not among ``names``, which are declared at ``place``."""
    some = list(islice(names, _MOST_GUESSED_FROM))
    remedy = f"name one of: {_listed(some)}" if some else f"declare it under {place}"
    return Dangling(path, noun, f'unknown {noun} "{name}"{did_you_mean(name, some)}', remedy, at_key)


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - _MOST_LISTED} more" if len(ordered) > _MOST_LISTED else ""
    return ", ".join(ordered[:_MOST_LISTED]) + more


def _risk(policy: Policy, known: Known) -> Iterator[Dangling]:
    risk = policy.changes.risk
    base: Path = ("changes", "risk")
    for impact, row in risk.matrix.items():
        yield from one((*base, "matrix", impact), impact, "risk level", known, at_key=True)
        for probability, level in row.items():
            yield from one((*base, "matrix", impact, probability), probability, "risk level", known, at_key=True)
            yield from one((*base, "matrix", impact, probability), level, "risk level", known)
    for level in risk.mitigations:
        yield from one((*base, "mitigations", level), level, "risk level", known, at_key=True)


def named(policy: Policy) -> dict[str, set[str]]:
    """The names that are used in a policy, by the noun of what they name."""
    found: dict[str, set[str]] = {}
    for _, name, mark, _ in _uses((), policy):
        found.setdefault(mark.noun, set()).add(name)
    return found


_Fields: TypeAlias = tuple[tuple[str, str, tuple[Names | NamesKeys, ...], bool], ...]


@cache
def _fields(section: type[Section]) -> _Fields:
    """The fields of a section that hold names, or below which there are some: attribute, key, marks, whether deeper."""
    found = []
    for attribute, field in section.model_fields.items():
        marks = tuple(mark for mark in field.metadata if isinstance(mark, Names | NamesKeys))
        deep = any(_fields(inner) for inner in sections_in(field))
        if marks or deep:
            found.append((attribute, field.alias or attribute, marks, deep))
    return tuple(found)


def sections_in(field: FieldInfo) -> list[type[Section]]:
    """The sections that the value of a field may hold, at any depth of its lists and mappings."""
    found: list[type[Section]] = []
    pending: list[Any] = [field.annotation]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, Section):
            found.append(kind)
        else:
            pending += getattr(kind, "__args__", ())
    return found
