"""What the next release of a component would be: its version, its type, what is in it, and whose hands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain

from tidegate.core.change import MERGE
from tidegate.core.change import Change as CommitChange
from tidegate.core.facts import Change, Item
from tidegate.core.next_version import NextVersion
from tidegate.core.policy import Bump, Component, Hand, Policy
from tidegate.core.rules.content import exceeding, larger_types, told
from tidegate.core.rules.saying import article
from tidegate.core.subject import NOTHING, Subject
from tidegate.core.version import Level, Version, bump, level_between, parse_version
from tidegate.errors import NotFoundError, UsageError
from tidegate.git.history import History, unreleased_each
from tidegate.git.repository import open_repository
from tidegate.orchestration.facts import target_digests
from tidegate.orchestration.history import source_of
from tidegate.orchestration.house import House
from tidegate.orchestration.running import requires_of
from tidegate.store import policies, releases

_BUMP = {Level.MAJOR: Bump.MAJOR, Level.MINOR: Bump.MINOR, Level.PATCH: Bump.PATCH}


def component_of(policy: Policy, name: str) -> Component:
    """The component of that name.

    Raises:
        NotFoundError: there is none.
    """
    from difflib import get_close_matches

    found = policy.components.get(name)
    if found is None:
        close = get_close_matches(name, policy.components, n=1)
        hint = (
            f'did you mean "{close[0]}"?' if close else f"name one of: {', '.join(sorted(policy.components)) or 'none'}"
        )
        raise NotFoundError(f'the policy knows no component "{name}"', remedy=hint)
    return found


def next_of(house: House, policy: Policy, name: str, version: str, at: str) -> tuple[History, NextVersion, Version]:
    history = history_of(house, policy, name, at)
    upcoming, number = number_of(house, policy, name, history, version)
    return history, upcoming, number


def history_of(house: House, policy: Policy, name: str, at: str, without: str = "") -> History:
    component = component_of(policy, name)
    sources = {name: source_of(policy, component)}
    return unreleased_each(open_repository(house.root), sources, at, without=without)[name]


def tagged_version(policy: Policy, name: str, tag: str) -> str:
    """The version that a tag of a component carries.

    Raises:
        NotFoundError: the policy knows no such component.
        UsageError: it is no tag of the component.
    """
    component = component_of(policy, name)
    found = source_of(policy, component).tag_format.match(tag)
    if found is None:
        raise UsageError(
            f"{tag[:80]!r} is no tag of {name}, whose tags are written as {component.tag}",
            remedy=f"name a tag of {name}, or the version: --version",
        )
    return str(found)


def number_of(
    house: House, policy: Policy, name: str, history: History, version: str, ending: Iterable[str] = ()
) -> tuple[NextVersion, Version]:
    """The version that the changes ask for, and the one that is released: what was asked for, or the next unspent one.

    Args:
        ending: the versions of releases that end when this one is opened.
    """
    component = component_of(policy, name)
    upcoming = history.next()
    if version:
        number = parse_version(version, component.versions)
        if history.current is not None and number <= history.current:
            raise UsageError(
                f"{version} does not come after {history.current}, the last release of {name}",
                remedy=f"leave out --version, or name one above {history.current}",
            )
        return upcoming, number
    if upcoming.version is None:
        raise NotFoundError(f"nothing of {name} asks for a release: {upcoming.why}", remedy="name one with --version")
    return upcoming, unspent(house, name, upcoming.version, ending)


def unspent(house: House, component: str, version: Version, ending: Iterable[str] = ()) -> Version:
    """``version``, or the first patch after it that no release which is over has used.

    What was taken back or given up keeps its version for ever: the same number must not name two contents (SemVer 3).
    """
    with house.database.read() as connection:
        spent = releases.closed_versions(connection, component) | frozenset(ending)
    while str(version) in spent:
        version = bump(version.final, Level.PATCH)
    return version


def version_to_write_for(house: House, component: str) -> str:
    """The version of the release that is opened after those that there are: what is open now is cancelled before.

    Raises:
        NotFoundError: the policy knows no such component, or nothing asks for a release.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        used = releases.versions(connection, component)
    number = next_of(house, policy, component, "", "HEAD")[2]
    while str(number) in used:
        number = bump(number.final, Level.PATCH)
    return str(number)


def type_of(policy: Policy, asked: str, current: Version | None, number: Version) -> str:
    """The release type: the one that is asked for, else that which raises what the version raises."""
    if not asked:
        return type_for(policy, current, number)
    if asked not in policy.release_types:
        raise NotFoundError(
            f'the policy knows no release type "{asked}"',
            remedy=f"name one of: {', '.join(sorted(policy.release_types)) or 'none is declared'}",
        )
    return asked


def type_for(
    policy: Policy, current: Version | None, number: Version, fits: Callable[[str], bool] = lambda name: True
) -> str:
    """The release type that raises what the version raises, of those that fit.

    Of several that raise it, the one that skips the least is meant: nobody gets round a rule of time without asking for
    it. Where they skip as much, the one that is called as what it raises, then the first by name.

    Raises:
        UsageError: none raises it.
    """
    raised = level_between(current, number) if current is not None else Level.MINOR
    wanted = _BUMP.get(max(raised, Level.PATCH), Bump.PATCH)
    return type_of_bump(policy, wanted, fits)


def type_of_bump(policy: Policy, wanted: Bump, fits: Callable[[str], bool] = lambda name: True) -> str:
    fitting = {name: kind for name, kind in policy.release_types.items() if kind.bump is wanted and fits(name)}
    if fitting:
        return min(fitting, key=lambda name: (len(fitting[name].skips), name != wanted.value, name))
    others = ", ".join(name for name in policy.release_types if fits(name))
    raise UsageError(
        f"the policy has no release type that raises the {wanted.value} number",
        remedy=f"declare one under release_types, or name one of: {others or 'none is declared'}",
    )


def refuse_excess(policy: Policy, item: Item, kind: str) -> None:
    """Refuse a release whose content exceeds its type, before it is opened; ``content`` asks again at each start.

    Source: HD-01.
    """
    bump = policy.release_types[kind].bump
    beyond = exceeding(item.changes, bump, item.from_version)
    if beyond:
        enough = larger_types(policy, beyond[0], item.from_version)
        raise UsageError(
            f"{told(beyond, item.from_version)}, and {article(kind)} release contains {bump.value} at most",
            remedy=f"{f'open it with --type: {enough}; or ' if enough else ''}leave that out, with --at REVISION",
        )


def fact_changes(changes: Sequence[CommitChange]) -> tuple[Change, ...]:
    """The changes of a history that a release contains: without those that void each other, and without merges."""
    return tuple(
        Change(c.sha, c.kind, c.summary[:200], c.breaking, c.level().word)
        for c in changes
        if not c.void and c.kind != MERGE
    )


def _hands(policy: Policy, history: History) -> dict[str, tuple[str, ...]]:
    """Who has which hand in it: people of the policy by their mail address, others by the address itself."""
    by_mail: dict[str, set[str]] = {}
    for name, person in policy.people.items():
        if person.email:
            by_mail.setdefault(person.email.casefold(), set()).add(name)
    last = history.commits[:1]  # the newest comes first
    mails = {
        # Of a change, its author comes before those who are named in trailers.
        Hand.AUTHOR: {c.author.email for c in history.commits} | {c.authors[0].email for c in history.changes},
        Hand.CO_AUTHOR: {author.email for change in history.changes for author in change.authors[1:]},
        Hand.COMMITTER: {commit.committer.email for commit in history.commits},
        # A forge that merges commits in its own name; then whoever wrote it made it last.
        Hand.LAST_COMMITTER: {who.email for commit in last for who in (commit.committer, commit.author)},
    }
    # Two people of an old policy may share an address; either may have written it, so neither approves it.
    return {
        hand.value: tuple(sorted({name for mail in found for name in by_mail.get(mail.casefold(), {mail.lower()})}))
        for hand, found in mails.items()
    }


def planned_item(policy: Policy, component: str, history: History, number: Version, now: datetime) -> Item:
    nothing = Subject(NOTHING, NOTHING, targets=target_digests(policy, component), commit=history.at)
    hands = _hands(policy, history)
    return Item(
        component=component,
        from_version=str(history.current or ""),
        to_version=str(number),
        subject=nothing,
        content_at=now,
        changes=fact_changes(history.changes),
        authors=tuple(sorted(set(chain.from_iterable(hands.values())))),
        hands=hands,
        requires=requires_of(policy, component),
    )
