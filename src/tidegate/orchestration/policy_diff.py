"""Compare two policies, and say for which open releases the answer would be another. Nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Finding, Policies, Question
from tidegate.core.facts import Item
from tidegate.core.naming import Path as Keys
from tidegate.core.policy import Act, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import Direction as Way
from tidegate.core.rollout import RolloutState
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.strictness import Difference, compare
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration.facts import gather
from tidegate.orchestration.papers import Attached, attached_to
from tidegate.orchestration.seen import NOTHING, InGit
from tidegate.policyfile.load import LoadedPolicy, load_policy
from tidegate.store import policies, releases, rollouts
from tidegate.store.releases import ReleaseRow

Look = Callable[[str, Sequence[Item], Sequence[Policy], Mapping[str, Attached]], InGit]
"""Looks into the repository for what policies ask about items of a release type, as ``seen.look_at`` does."""

ACTIVE = "active"
"""What the active policy is called on the command line."""

_NUMBER = re.compile(r"adopted:([0-9]{1,9})")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


@dataclass(frozen=True, slots=True)
class Source:
    """A policy to compare, and where it came from; ``loaded`` where that is a file."""

    name: str
    rulebook: Rulebook
    loaded: LoadedPolicy | None = None

    @property
    def policy(self) -> Policy:
        """The policy."""
        return self.rulebook.policy

    def where(self, path: Keys) -> str:
        """``file:line:column`` of the value at a path, or of the entry that would hold it; empty: it is no file."""
        return self.loaded.where(path) if self.loaded else ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one release is told about one environment, by either policy beside the one that it was opened under.

    ``held`` says that the two policies by themselves answer differently, and that the pinned one keeps it from showing.
    """

    release: str
    environment: str
    was: Decision
    now: Decision
    held: bool

    @property
    def changed(self) -> bool:
        """Whether the verdict, or the next possible moment, is another."""
        return _differ(self.was, self.now)

    @property
    def in_the_way(self) -> tuple[Finding, ...]:
        """What stands in the way now, and did not before."""
        return _beyond(self.now, self.was)

    @property
    def out_of_the_way(self) -> tuple[Finding, ...]:
        """What stood in the way before, and does not now."""
        return _beyond(self.was, self.now)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two policies, their differences, and what the open releases are told; None: there is no store to ask."""

    before: Source
    after: Source
    differences: tuple[Difference, ...]
    answers: tuple[Answers, ...] | None


def is_of_store(text: str) -> bool:
    """Whether ``active``, ``adopted:3``, or a digest or its beginning, is written; everything else is a file."""
    return text == ACTIVE or bool(_NUMBER.fullmatch(text) or _DIGEST.fullmatch(text))


def find_source(text: str, connection: sa.Connection | None) -> Source:
    """The policy that ``text`` names.

    Args:
        connection: the store; None where there is none, and then ``text`` names a file.

    Raises:
        NotFoundError: there is no such policy.
        UsageError: the beginning of a digest is that of several.
        PolicyError: the file is no policy.
    """
    if connection is None or not is_of_store(text):
        loaded = load_policy(Path(text), text)
        return Source(text, loaded.rulebook, loaded)
    if text == ACTIVE:
        return Source(text, policies.current(connection))
    if number := _NUMBER.fullmatch(text):
        return Source(text, _by_number(connection, int(number[1])))
    return Source(text, _by_digest(connection, text.removeprefix("sha256:")))


def _by_number(connection: sa.Connection, number: int) -> Rulebook:
    for adoption in policies.history(connection):
        if adoption.number == number:
            return policies.rulebook(connection, adoption.digest)
    raise NotFoundError(f"no policy was adopted as number {number}", remedy="tidegate policy history")


def _by_digest(connection: sa.Connection, beginning: str) -> Rulebook:
    adopted = {adoption.digest for adoption in policies.history(connection)}
    return policies.rulebook(connection, digest_that_begins(adopted, beginning))


def digest_that_begins(digests: Iterable[str], beginning: str) -> str:
    """The one digest that begins so, without ``sha256:``.

    Raises:
        NotFoundError: none does.
        UsageError: several do.
    """
    found = [digest for digest in digests if digest.removeprefix("sha256:").startswith(beginning)]
    if not found:
        raise NotFoundError(
            f"no policy that was adopted has a digest that begins with {beginning}", remedy="tidegate policy history"
        )
    if len(found) > 1:
        raise UsageError(f"{len(found)} digests begin with {beginning}", remedy="write more of the one that you mean")
    return found[0]


def compare_sources(
    before: Source,
    after: Source,
    connection: sa.Connection | None,
    now: datetime,
    person: str = "",
    look: Look | None = None,
) -> Comparison:
    """Compare two policies, and ask both about every open release.

    Args:
        person: who would start, taken as having signed; without it somebody who may, by each policy.
        look: looks into the repository for what the policies ask about; without it nobody looks.
    """
    answers = None if connection is None else tuple(_answers(connection, before, after, now, person, look))
    return Comparison(before, after, compare(before.policy, after.policy), answers)


def _answers(
    connection: sa.Connection,
    before: Source,
    after: Source,
    now: datetime,
    person: str,
    look: Look | None,
) -> Iterator[Answers]:
    for name in sorted(releases.list_ids(connection)):
        row = releases.load(connection, name)
        if row.facts.state is not ReleaseState.OPEN:
            continue
        pinned = policies.rulebook(connection, row.policy)
        asking = [book.policy for book in (pinned, before.rulebook, after.rulebook)]
        attached = attached_to(connection, name, row.notes)
        in_git = look(row.facts.type, row.facts.items, asking, attached) if look else NOTHING
        was = _Asking(connection, row, pinned, before.rulebook, now, person, in_git)
        then = _Asking(connection, row, pinned, after.rulebook, now, person, in_git)
        for environment in _still_ahead(connection, row, before.policy, after.policy):
            held = _differ(was.alone(environment), then.alone(environment))
            one, other = was.really(environment), then.really(environment)
            yield Answers(name, environment, one, other, held and not _differ(one, other))


class _Asking:
    """Asks about one release under one policy, with the facts as that policy has them: its keys, its targets."""

    def __init__(
        self,
        connection: sa.Connection,
        row: ReleaseRow,
        pinned: Rulebook,
        rulebook: Rulebook,
        now: datetime,
        person: str,
        in_git: InGit,
    ) -> None:
        self._facts = gather(connection, row, rulebook.policy, now, in_git=in_git, pinned=pinned.policy)
        self._pinned, self._rulebook, self._now, self._person = pinned, rulebook, now, person

    def really(self, environment: str) -> Decision:
        """What would be answered if this were the active policy: the pinned one is asked too."""
        return self._ask(environment, self._pinned)

    def alone(self, environment: str) -> Decision:
        """What this policy answers by itself."""
        return self._ask(environment, self._rulebook)

    def _ask(self, environment: str, pinned: Rulebook) -> Decision:
        actor = _who(self._rulebook.policy, environment, self._person)
        question = Question(Action.START, actor, environment)
        return decide(question, Policies(pinned, self._rulebook), self._facts, self._now)


def _who(policy: Policy, environment: str, person: str) -> Actor:
    may = sorted(permitted_people(policy, Act.START, policy.environments.get(environment)))
    return Actor(person or (may[0] if may else "nobody"), "assumed to sign", Assurance.SIGNATURE)


def _still_ahead(connection: sa.Connection, row: ReleaseRow, *both: Policy) -> list[str]:
    """Where the release could still go by either policy: its components have a target there, and it was not there."""
    done = {
        rollout.environment
        for rollout in rollouts.find(connection, release=row.facts.id, states=[RolloutState.SUCCEEDED])
        if rollout.direction is Way.FORWARD
    }
    names = [item.component for item in row.facts.items]
    known = [policy.components[name] for policy in both for name in names if name in policy.components]
    return sorted({place for component in known for place in component.targets} - done)


def _differ(one: Decision, other: Decision) -> bool:
    return (one.verdict, one.next_possible) != (other.verdict, other.next_possible)


def _beyond(one: Decision, other: Decision) -> tuple[Finding, ...]:
    """What stands in the way of one decision and not of the other, each once."""
    known = {(found.rule, found.message) for found in other.against()}
    beyond = {(found.rule, found.message): found for found in one.against()}
    return tuple(found for key, found in beyond.items() if key not in known)
