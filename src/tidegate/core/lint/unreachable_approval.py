"""The approvals that are asked for can be given, whoever wrote what is released."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.naming import Path, groups_of
from tidegate.core.policy import OWNERS, Act, ApprovalRule, Policy
from tidegate.core.rules.actor_permitted import permitted_people


@dataclass(frozen=True, slots=True)
class _Ask:
    """One demand: where it stands, and who of the enabled people of its group could meet it."""

    path: Path
    rule: ApprovalRule
    group: str
    people: frozenset[str]
    count: int

    def without(self, author: str) -> frozenset[str]:
        """Who is left when ``author`` wrote it."""
        return self.people if self.rule.author_may else self.people - {author}


def _check(given: Given) -> Iterator[Found]:
    members = _members(given.policy)
    there = set(groups_of(given.policy))
    seen: set[tuple[Path, str]] = set()
    for asks in _all(given.policy, members):
        # A group that is not there at all is told as a name that leads nowhere.
        found = _unmet([ask for ask in asks if ask.group in there])
        if found is not None and (found.path, found.message) not in seen:
            seen.add((found.path, found.message))
            yield found
    yield from _adoption(given.policy, members, there)
    yield from _quorums(given.policy, members)


def _adoption(policy: Policy, members: Mapping[str, frozenset[str]], there: Container[str]) -> Iterator[Found]:
    """What no change of the policy could get, whoever of those who may adopt proposes and adopts it.

    Who wrote a release cannot be chosen, and who adopts a policy can: one of them is enough.
    """
    adopters = sorted(permitted_people(policy, Act.ADOPT, None)) or [""]
    for asks in _listed(policy, ("adoption", "approvals"), policy.adoption.approvals, members):
        asked = [ask for ask in asks if ask.group in there]
        lost = {adopter: ask for adopter in adopters if (ask := _first_unmet(asked, adopter)) is not None}
        if len(lost) == len(adopters):
            adopter, ask = next(iter(lost.items()))
            same = [name for name in lost if lost[name] is ask]
            alone = _first_unmet(asked, "") is not None
            yield _found(ask, len(ask.people if alone else ask.without(adopter)), "" if alone else listed(same, "or"))


def _quorums(policy: Policy, members: Mapping[str, frozenset[str]]) -> Iterator[Found]:
    """Groups that cannot decide: their quorum is more than they are."""
    for name, group in policy.groups.items():
        people = members.get(name, frozenset())
        if group.quorum is not None and people and group.quorum > len(people):
            yield Found(
                ("groups", name, "quorum"),
                f"a decision of {name} needs {group.quorum} of its members, and {len(people)} can take part: "
                f"{listed(sorted(people))}",
                f"add enabled people to {name}, or lower its quorum",
            )


def _members(policy: Policy) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, person in policy.people.items():
        for group in person.groups if not person.disabled else ():
            found.setdefault(group, set()).add(name)
    return {group: frozenset(names) for group, names in found.items()}


def _all(policy: Policy, members: Mapping[str, frozenset[str]]) -> Iterator[Sequence[_Ask]]:
    """What is asked together: of each type for each environment, of each change category, of the policy itself."""
    for where, environment in policy.environments.items():
        base: Path = ("environments", where, "approvals")
        own = list(zip(_paths(base, environment.approvals), environment.approvals, strict=True))
        in_production = where in asked.production(policy)
        for name, kind in policy.release_types.items():
            more = list(zip(_paths(("release_types", name, "approvals"), kind.approvals), kind.approvals, strict=True))
            every = own + more if in_production else own
            yield from _by_owners(policy, [each for each in every if asked.concerns(policy, each[1], kind)], members)
    for name, category in policy.changes.categories.items():
        yield from _listed(policy, ("changes", "categories", name, "approvals"), category.approvals, members)
    for name, client in policy.clients.items():
        yield from _listed(policy, ("clients", name, "approvals"), client.approvals, members)
    for name, kind in policy.release_types.items():
        later = kind.afterwards.retrospective_approval
        yield from _listed(policy, ("release_types", name, "afterwards", "retrospective_approval"), later, members)
    for name, gate in policy.gates.items():
        if gate.waiver is not None:
            yield from _by_owners(policy, [(("gates", name, "waiver", "by"), gate.waiver.by)], members)


def _paths(base: Path, rules: Sequence[ApprovalRule]) -> list[Path]:
    return [(*base, index) for index in range(len(rules))]


def _listed(
    policy: Policy, base: Path, rules: Sequence[ApprovalRule], members: Mapping[str, frozenset[str]]
) -> Iterator[Sequence[_Ask]]:
    yield from _by_owners(policy, list(zip(_paths(base, rules), rules, strict=True)), members)


def _by_owners(
    policy: Policy, rules: Sequence[tuple[Path, ApprovalRule]], members: Mapping[str, frozenset[str]]
) -> Iterator[Sequence[_Ask]]:
    """The demands, once for each group that owns components where the owners are asked."""
    asks_owners = any(rule.group == OWNERS for _, rule in rules)
    owners: Iterable[str] = dict.fromkeys(c.owners for c in policy.components.values() if c.owners)
    for owner in owners if asks_owners else ("",):
        named = [(path, rule, owner if rule.group == OWNERS else rule.group) for path, rule in rules]
        yield [
            _Ask(path, rule, group, members.get(group, frozenset()), _count(policy, path, rule, group))
            for path, rule, group in named
        ]


def _count(policy: Policy, path: Path, rule: ApprovalRule, group: str) -> int:
    """How many people it takes: for a release at the least the quorum of the group."""
    known = policy.groups.get(group)
    of_release = path[0] in ("environments", "release_types", "clients") and "afterwards" not in path
    quorum = (known.quorum if known and of_release else None) or 1
    # One that is more than they are is told by itself.
    return max(rule.count, quorum if quorum <= len(policy.people_of(group)) else 1)


def _unmet(asks: Sequence[_Ask]) -> Found | None:
    """What cannot be met, whoever wrote it; or by whom it must not be written."""
    seats = sum(ask.count for ask in asks)
    # With so many people in each group there is always one left for each seat.
    if all(len(ask.people) > seats for ask in asks):
        return None
    if (ask := _first_unmet(asks, "")) is not None:
        return _found(ask, len(ask.people), "")
    authors = sorted(frozenset().union(*(ask.people for ask in asks if not ask.rule.author_may)))
    lost = {author: ask for author in authors if (ask := _first_unmet(asks, author)) is not None}
    if not lost:
        return None
    author, ask = next(iter(lost.items()))
    return _found(ask, len(ask.without(author)), listed((name for name in lost if lost[name] is ask), "or"))


def _first_unmet(asks: Sequence[_Ask], author: str) -> _Ask | None:
    """The first demand for which nobody is left when those before it have taken their seats as well as can be."""
    holders: dict[str, int] = {}
    seats = [ask for ask in asks for _ in range(ask.count)]
    for number, ask in enumerate(seats):
        if not _seat(number, [seat.without(author) for seat in seats], holders, set()):
            return ask
    return None


def _seat(number: int, people: Sequence[frozenset[str]], holders: dict[str, int], tried: set[str]) -> bool:
    """Seat somebody, who may move others on. Source: augmenting paths, H. W. Kuhn, 1955; see core/approval.py."""
    for person in sorted(people[number] - tried):
        tried.add(person)
        if person not in holders or _seat(holders[person], people, holders, tried):
            holders[person] = number
            return True
    return False


def _found(ask: _Ask, left: int, author: str) -> Found:
    done = "proposes and adopts the policy" if ask.path[0] == "adoption" else "wrote what is released"
    count = ask.count
    wanted = f"{count} approval{'s' if count > 1 else ''} from {ask.group}"
    people = listed(sorted(ask.people)) or "nobody"
    may = (
        f"{left} {'person' if left == 1 else 'people'} of it ({people}) may give them"
        if left
        else "nobody may give them"
    )
    when = f" when {author} {done}" if author else ""
    shared = "; one person fills one seat" if left >= count else ""
    return Found(
        ask.path,
        f"{wanted}: {may}{when}{shared}",
        f"add enabled people to {ask.group}"
        + (", ask for fewer" if count > 1 else "")
        + ", or let authors count (author_may: true)" * bool(author),
        also=(("groups", ask.group),),
    )


LINT = Lint(
    "approval.unreachable",
    "The approvals that are asked for can be given, whoever wrote what is released.",
    "7D-17, TP-01",
    Severity.ERROR,
    _check,
)
