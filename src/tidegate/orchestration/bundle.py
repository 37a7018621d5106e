"""Open a release of several components: one release, one approval, one rollout of each in the order of requirements."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tidegate.core.facts import Item, Release
from tidegate.core.policy import Bump, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.statement import Act
from tidegate.core.version import Version
from tidegate.errors import ConflictError, UsageError
from tidegate.git.history import History
from tidegate.git.repository import open_repository
from tidegate.orchestration import timeline
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_listed, demand_permit, prove_act
from tidegate.orchestration.next_release import (
    component_of,
    history_of,
    number_of,
    planned_item,
    refuse_excess,
    type_for,
    type_of,
)
from tidegate.orchestration.notes import release_notes, scope_in
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.release import SAID_NOTHING, Intent, Opened, build, record_opened, subject_of
from tidegate.store import policies, releases

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
"""What a release of several components may be called."""

MOST = 100
"""Components of one release."""

_LARGEST_FIRST = (Bump.MAJOR, Bump.MINOR, Bump.PATCH)


def open_bundle(
    house: House,
    name: str,
    components: Sequence[str],
    claim: Claim,
    *,
    type_: str = "",
    versions: Mapping[str, str] | None = None,
    at: str = "HEAD",
    intent: Intent = SAID_NOTHING,
) -> Opened:
    """Open a release of several components under a name: fix the version and content of each, build the packages.

    It supersedes nothing, and no release of one component supersedes it.

    Args:
        components: in the order in which they go as far as none requires another.
        type_: for all of them; by default the largest that one of them asks for.
        versions: of components that are not released as their next version.

    Raises:
        NotPermittedError: the policy does not let this person open releases.
        ConflictError: there is a release of that name, or one of a component at that version.
        NotFoundError, UsageError: as of a release of one component; or the name is none, or a component is named twice.
    """
    with refusals(house, "release", claim.person):
        with house.database.read() as connection:
            book = policies.current(connection)
            taken = name in releases.list_ids(connection)
        demand_listed(book.policy, claim.person, "open", now=house.now())
        _demand_named(name, components, versions or {}, taken=taken or name in book.policy.components)
        histories = {each: history_of(house, book.policy, each, at) for each in components}
        numbers = {
            each: number_of(house, book.policy, each, history, (versions or {}).get(each, ""))[1]
            for each, history in histories.items()
        }
        kind = _type(book.policy, type_, histories, numbers)
        now = house.now()
        planned = [planned_item(book.policy, each, histories[each], numbers[each], now) for each in components]
        for item in planned:
            refuse_excess(book.policy, item, kind)
        proven = prove_act(house, book.policy, claim, Act.OPEN, release=name, reason=_said(planned))
        demand_permit(book.policy, proven.actor, "open", now=house.now())
        items, packages = _built(house, book.policy, planned, numbers)
        release = Release(name, kind, ReleaseState.OPEN, items, now, proven.actor.person, **intent.said())
        day = now.astimezone(book.tz).date()
        repository = open_repository(house.root)
        notes = [
            release_notes(repository, scope_in(book.policy, each), histories[each], numbers[each], day)
            for each in components
        ]
        texts = timeline.texts_in_files(house, book.policy, kind, release.items)
        return record_opened(house, Opened(release, packages, "\n".join(notes)), book, proven, (), texts)


def _demand_named(name: str, components: Sequence[str], versions: Mapping[str, str], *, taken: bool) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(
            f'a release of several components needs a name, and "{name[:80]}" is none'
            if name
            else "a release of several components needs a name",
            remedy="name it with --name, in lower-case letters, digits, dots and dashes: --name 2026-12",
        )
    if taken:
        raise ConflictError(
            f"there is a release or a component {name} already",
            remedy=f"name another one, or look: tidegate release show {name}",
        )
    twice = sorted({each for each in components if components.count(each) > 1})
    if twice:
        raise UsageError(f"{twice[0][:80]} is named twice", remedy="name each component once")
    if len(components) > MOST:
        raise UsageError(
            f"{len(components)} components are named, and a release has at most {MOST}", remedy="open several releases"
        )
    strange = sorted(versions.keys() - set(components))
    if strange:
        raise UsageError(
            f"a version is said of {strange[0][:80]}, which is not among the components",
            remedy="name it among them, or leave its version out",
        )


def _said(items: Sequence[Item]) -> str:
    """What is released, as a person signs it; a statement keeps no more than this."""
    return ", ".join(f"{item.component} {item.to_version}" for item in items)[:2000]


def _type(policy: Policy, asked: str, histories: Mapping[str, History], numbers: Mapping[str, Version]) -> str:
    """The type that is asked for; else the largest of those that the components ask for."""
    if asked:
        return type_of(policy, asked, None, next(iter(numbers.values())))
    kinds = [type_for(policy, histories[each].current, number) for each, number in numbers.items()]
    return min(kinds, key=lambda kind: _LARGEST_FIRST.index(policy.release_types[kind].bump))


def _built(
    house: House, policy: Policy, planned: Sequence[Item], numbers: Mapping[str, Version]
) -> tuple[tuple[Item, ...], dict[str, str]]:
    """The items with what they are made of, and their packages."""
    repository = open_repository(house.root)
    items: list[Item] = []
    packages: dict[str, str] = {}
    for item in planned:
        name, commit = item.component, item.subject.commit
        component_of(policy, name)
        packages[name] = build(house, repository, policy, name, numbers[name], commit)
        items.append(replace(item, subject=subject_of(repository, policy, name, commit, packages[name])))
    return tuple(items), packages
