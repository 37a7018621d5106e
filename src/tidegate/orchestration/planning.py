"""Plan a release: what it would be, and when each environment could be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tidegate.core.actor import Actor, Assurance
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Policies, Question
from tidegate.core.facts import Change, Facts, Item, Release
from tidegate.core.holiday import holidays_for
from tidegate.core.next_version import NextVersion
from tidegate.core.policy import Bump, Component, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.content import LEVEL_OF, exceeding, level_of
from tidegate.core.version import Level, Version, bump
from tidegate.errors import NotFoundError, UsageError
from tidegate.git.history import History, unreleased_each
from tidegate.git.repository import Repository, open_repository
from tidegate.orchestration.history import source_of
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.next_release import (
    component_of,
    next_of,
    planned_item,
    refuse_excess,
    type_of,
    type_of_bump,
    unspent,
)
from tidegate.orchestration.restrictions import holds_in_force
from tidegate.orchestration.running import running
from tidegate.orchestration.seen import look, look_at
from tidegate.store import policies, releases, rollouts


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release would be, and when it could go at the earliest, by environment.

    ``facts`` and ``policies`` are what was asked. ``open`` is the release of that version which is open already, whose
    facts these are; empty where there is none.
    """

    component: str
    history: History
    next: NextVersion
    version: Version
    type: str
    rulebook: Rulebook
    release: Release
    decisions: Mapping[str, Decision]
    facts: Facts
    policies: Policies
    open: str = ""


def plan(
    house: House, component: str, *, type_: str = "", version: str = "", at: str = "HEAD", raises: str = ""
) -> Plan:
    """Read what changed, say the next version and its type, and when each environment could be reached.

    Where a release of that version and type is open already, it is that one which is asked about.

    Args:
        raises: the part of the version that shall be raised, as ``major``, whatever the changes so far ask for.

    Raises:
        NotFoundError: the policy knows no such component, or nothing asks for a release.
        UsageError: the version or the type does not fit what changed.
    """
    with house.database.read() as connection:
        book = policies.current(connection)
    history, upcoming, number = _foreseen(house, book.policy, component, type_, version, at, raises)
    kind = _type_that_raises(book.policy, type_, raises) if raises else ""
    kind = kind or type_of(book.policy, type_, history.current, number)
    now = house.now()
    item = planned_item(book.policy, component, history, number, now)
    if raises or type_:
        item = _foreseen_item(book.policy, item, kind, at)
    refuse_excess(book.policy, item, kind)
    opened = _opened_already(house, component, number, kind)
    if opened:
        with house.database.read() as connection:
            _, both, facts = lay_out(connection, opened, now, in_git=look(house, opened))
    else:
        release = Release(f"{component}-{number}", kind, ReleaseState.OPEN, (item,), now, "")
        both, facts = Policies(book, book), _facts_of_none(house, book.policy, release)
    actor = Actor("whoever may", "plan", Assurance.SIGNATURE)
    decisions = {
        name: decide(Question(Action.START, actor, name), both, facts, now) for name in book.policy.environments
    }
    return Plan(component, history, upcoming, number, kind, book, facts.release, decisions, facts, both, opened)


def _facts_of_none(house: House, policy: Policy, release: Release) -> Facts:
    """What is known of a release that nobody has opened."""
    now, components = house.now(), [item.component for item in release.items]
    with house.database.read() as connection:
        stands = running(connection, release.items, policy)
        past = rollouts.done(connection, components)
        stopped = holds_in_force(connection, now)
    seen = look_at(house, release.type, release.items, [policy], {})
    return Facts(
        release,
        holds=stopped,
        running=stands,
        origins=seen.origins,
        papers=seen.papers,
        migrates=seen.migrates,
        brought=seen.brought,
        done=past,
        holidays=holidays_for((policy,), now),
    )


def _opened_already(house: House, component: str, number: Version, kind: str) -> str:
    """The release of that version and type which is open; empty where there is none."""
    with house.database.read() as connection:
        for name in releases.open_of(connection, component):
            row = releases.load(connection, name)
            mine = [item.to_version for item in row.facts.items if item.component == component]
            if mine == [str(number)] and row.facts.type == kind:
                return name
    return ""


def _foreseen(
    house: House, policy: Policy, name: str, type_: str, version: str, at: str, raises: str
) -> tuple[History, NextVersion, Version]:
    """The next version, also where its changes are not written yet: then what is raised says which it is."""
    if version and raises:
        raise UsageError("a version says what it raises", remedy="leave out --version or --bump")
    component = component_of(policy, name)
    known = policy.release_types.get(type_)
    if version or (not raises and known is None):
        return next_of(house, policy, name, version, at)
    history = _history_so_far(open_repository(house.root), policy, name, component, at, raises)
    asked = history.next()
    if not raises and known is not None:
        if asked.version is not None:
            return history, asked, unspent(house, name, asked.version)
        raises = known.bump.value
    number = _raised(history.current or Version(0, 0, 0, widths=history.widths), Bump(raises))
    while number in history.taken:
        number = bump(number.final, Level.PATCH)
    number = unspent(house, name, number)
    why = f"a release that raises the {raises} number is planned"
    return history, asked._replace(version=number, level=LEVEL_OF[Bump(raises)], why=why), number


def _history_so_far(
    repository: Repository, policy: Policy, name: str, component: Component, at: str, raises: str
) -> History:
    """What was written since the last release; nothing, where a release is planned of what nobody has begun."""
    try:
        return unreleased_each(repository, {name: source_of(policy, component)}, at)[name]
    except NotFoundError:
        if not raises:
            raise
        commit = repository.resolve(at)
        return History(commit, None, None, None, frozenset(), (), (), (), "nothing of it is in the repository yet")


def _raised(current: Version, what: Bump) -> Version:
    """The version with a part raised: a person asks for it, who may promise 1.0.0 as well."""
    if what is Bump.MAJOR and current.is_initial_development:
        return Version(1, 0, 0, widths=current.widths)
    return bump(current.final, LEVEL_OF[what])


def _type_that_raises(policy: Policy, asked: str, raises: str) -> str:
    """The type that is asked for, if it raises that part; else the one that does and skips the least."""
    if not asked:
        return type_of_bump(policy, Bump(raises))
    known = policy.release_types.get(asked)
    if known is not None and known.bump.value != raises:
        raise UsageError(
            f"a {asked} release raises the {known.bump.value} number, not the {raises} one",
            remedy="leave out --type or --bump",
        )
    return ""


PLANNED = "what is planned"
"""The summary of the change that stands for those which nobody has written yet."""

_KIND_OF = {Bump.MAJOR: "feat", Bump.MINOR: "feat", Bump.PATCH: "fix"}


def _foreseen_item(policy: Policy, item: Item, kind: str, at: str) -> Item:
    """The item with what is still to be written: something of its type's size, where nothing is that large yet.

    A type that is made from the tag in production contains nothing of what the branch has, unless a revision is named.
    """
    known = policy.release_types[kind]
    changes = item.changes
    if known.made_from == "production-tag" and at == "HEAD" and exceeding(changes, known.bump, item.from_version):
        changes = ()
    if not any(level_of(change) >= LEVEL_OF[known.bump] for change in changes):
        breaks = known.bump is Bump.MAJOR
        foreseen = Change("", _KIND_OF[known.bump], PLANNED, breaks, known.bump.value)
        changes = (*changes, foreseen)
    return replace(item, changes=changes)
