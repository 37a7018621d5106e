"""May this proposal become the policy? A change of the policy is a release of it, and the active policy is asked.

Only the active one: a proposal cannot lower what it must pass. A yes is bound to the proposal and to the policy that it
would replace, since whoever approves a policy approves what it changes: where another policy became active since, this
one would undo what came with that, and nobody has said yes to it. A no stays, whatever is active.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tidegate.clock import to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer, Approval, Seat, fill, in_order
from tidegate.core.decision import Finding
from tidegate.core.policy import Act, ApprovalRule, Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.rules.rule import denies, passes
from tidegate.core.rules.saying import askable, count, names
from tidegate.core.verdict import Verdict, combine

ACTION = "adopt_policy"
"""What the question of such a decision is called in the log."""

APPROVAL, PROPOSED, REJECTED = "adoption.approval", "adoption.proposed", "adoption.rejected"
"""The ids of the findings; those about an approval go on with the role, or else the group."""

SHORT = len("sha256:") + 12


def short(digest: str) -> str:
    """A digest as people type it: its first twelve hexadecimal digits, which commands take as well."""
    return digest[:SHORT]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy that somebody proposed: ``digest`` names it, ``by`` is the person's id."""

    id: str
    digest: str
    by: str
    at: datetime
    because: str = ""


@dataclass(frozen=True, slots=True)
class AdoptionFacts:
    """All that is known of a policy that is to be adopted: its open proposal, if there is one, and what people said.

    The ``subject`` of an answer is the digest of the policy that was active when it was given; it has no environment.
    """

    digest: str
    proposal: Proposal | None = None
    answers: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True)
class AdoptionDecision:
    """The answer, explained: may ``actor`` replace the policy ``active`` by the one called ``digest``?"""

    actor: Actor
    digest: str
    active: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    decided_at: datetime

    @property
    def allowed(self) -> bool:
        """Whether it may become the policy."""
        return self.verdict is Verdict.ALLOW

    def against(self) -> Sequence[Finding]:
        """The findings that stand in the way."""
        return [finding for finding in self.findings if finding.verdict is not Verdict.ALLOW]

    def as_dict(self) -> dict[str, Any]:
        """The shape of ``--json``."""
        return {
            "verdict": self.verdict.value,
            "action": ACTION,
            "actor": self.actor.person,
            "proposal": self.digest,
            "findings": [finding.as_dict() for finding in self.findings],
            "decided_at": to_text(self.decided_at),
            "policies": [self.active],
        }


def decide_adoption(actor: Actor, active: Rulebook, facts: AdoptionFacts, now: datetime) -> AdoptionDecision:
    """Answer whether ``actor`` may adopt what ``facts`` are about, by the approvals that the active policy asks.

    Whether they may adopt anything at all is asked elsewhere. An actor without a name is nobody in particular: what
    is missing then is missing whoever adopts.

    Args:
        now: UTC; when it is decided. Nothing here waits for a time.
    """
    findings = tuple(_findings(_Hearing(actor.person, active, facts)))
    verdict = combine(finding.verdict for finding in findings)
    return AdoptionDecision(actor, facts.digest, active.digest, verdict, findings, now)


def rule_id(rule: ApprovalRule) -> str:
    """The id of the finding about an approval that the policy asks."""
    return f"{APPROVAL}.{rule.role or rule.group}"


def may_approve(policy: Policy, person: str) -> bool:
    """Whether the policy asks a group of theirs, and they are enabled."""
    known = policy.people.get(person)
    asked = {rule.group for rule in policy.adoption.approvals}
    return known is not None and not known.disabled and not asked.isdisjoint(known.groups)


def may_reject(policy: Policy, person: str, proposer: str) -> bool:
    """Whether their no counts: those who are asked, those who may adopt, and whoever proposed it."""
    known = policy.people.get(person)
    enabled = known is not None and not known.disabled
    return enabled and (
        person == proposer or may_approve(policy, person) or person in permitted_people(policy, Act.ADOPT, None)
    )


class _Hearing:
    """What people said, as far as it counts under the active policy, and why the rest does not."""

    def __init__(self, adopter: str, active: Rulebook, facts: AdoptionFacts) -> None:
        self.active = active
        self.facts = facts
        self.asks = active.policy.adoption.approvals
        self.proposer = facts.proposal.by if facts.proposal else ""
        self.adopter = adopter
        self.nos: list[Approval] = []
        self.yeses: list[Approval] = []
        self.void: dict[str, None] = {}
        for answer in in_order(facts.answers):
            self._hear(answer)

    def _hear(self, answer: Approval) -> None:
        why = self._why_void(answer)
        if why:
            self.void[why] = None
        else:
            (self.nos if answer.answer is Answer.REJECT else self.yeses).append(answer)

    def _why_void(self, answer: Approval) -> str:
        who = answer.actor.person
        person = self.active.policy.people.get(who)
        if answer.revoked_at is not None:
            return f"{who} took it back"
        if person is None:
            return f"the policy knows no {who}"
        if person.disabled:
            return f"{who} is disabled in the policy"
        if answer.invalid:
            return f"{who}: {answer.invalid}"
        if answer.actor.assurance is not Assurance.SIGNATURE:
            return f"{who} is only {answer.actor.assurance.value}"
        if answer.answer is Answer.REJECT:
            return "" if may_reject(self.active.policy, who, self.proposer) else f"{who} is not asked"
        if not may_approve(self.active.policy, who):
            return f"{who} is in no group that is asked"
        return "" if answer.subject == self.active.digest else f"{who} answered when another policy was active"

    def may_fill(self, rule: ApprovalRule, people: Iterable[str]) -> frozenset[str]:
        """Which of ``people`` may sit in a seat of this rule."""
        return _may_fill(self.active.policy, rule, people, {self.proposer, self.adopter})

    def seated(self) -> list[list[Approval]]:
        """The answers that fill the seats of each rule: as many seats as can be, one person in one."""
        answered = [answer.actor.person for answer in self.yeses]
        seats = _seats(self.asks, [self.may_fill(rule, answered) for rule in self.asks])
        given: list[list[Approval]] = [[] for _ in self.asks]
        for number, answer in fill(seats, self.yeses).items():
            given[seats[number].rule].append(answer)
        return given

    def unseated(self, rule: ApprovalRule) -> Iterator[str]:
        """Why a yes of somebody in the group fills no seat of this rule."""
        for answer in self.yeses:
            who = answer.actor.person
            if rule.group not in self.active.policy.people[who].groups:
                continue
            if not rule.author_may and who in (self.proposer, self.adopter):
                yield f"{who} proposed it" if who == self.proposer else f"{who} adopts it"
            elif answer.role not in ("", rule.role or ""):
                yield f'{who} answered as "{answer.role}"'


def _may_fill(policy: Policy, rule: ApprovalRule, people: Iterable[str], authors: set[str]) -> frozenset[str]:
    known = policy.people
    return frozenset(
        name
        for name in people
        if not known[name].disabled and rule.group in known[name].groups and (rule.author_may or name not in authors)
    )


def _seats(rules: Sequence[ApprovalRule], people: Sequence[frozenset[str]]) -> list[Seat]:
    return [
        seat
        for number, rule in enumerate(rules)
        for seat in [Seat(number, people[number], rule.role or "")] * rule.count
    ]


def _findings(hearing: _Hearing) -> Iterator[Finding]:
    proposal, asks = hearing.facts.proposal, hearing.asks
    if asks and proposal is None:
        yield denies(
            PROPOSED,
            "it was not proposed, so that nobody could approve it",
            "propose the file: tidegate policy propose; then have it approved",
        )
    yield from (_rejection(hearing, no) for no in hearing.nos)
    given = hearing.seated()
    taken = frozenset(answer.actor.person for row in given for answer in row)
    for rule, row in zip(asks, given, strict=True):
        yield _approval(hearing, rule, row, taken)
    if not asks:
        yield passes(APPROVAL, "the active policy asks for no approval of a change")


def _rejection(hearing: _Hearing, no: Approval) -> Finding:
    command = f"tidegate policy revoke {short(hearing.facts.digest)}"
    who = no.actor.person
    return denies(REJECTED, f"{who} rejected it", f"settle it with {who}, who can take the no back: {command}", [no.id])


def _approval(hearing: _Hearing, rule: ApprovalRule, given: Sequence[Approval], taken: frozenset[str]) -> Finding:
    ids = [answer.id for answer in given]
    if len(given) >= rule.count:
        return passes(rule_id(rule), f"approved by {names(answer.actor.person for answer in given)}", ids)
    have = f"{len(given)} given ({names(answer.actor.person for answer in given)})" if given else "none given"
    lost = [*hearing.void, *hearing.unseated(rule)]
    return denies(
        rule_id(rule),
        f"needs {count(rule.count, 'approval')} from {rule.group}, {have}"
        + (f"; not counted: {'; '.join(lost)}" if lost else ""),
        _remedy(hearing, rule, rule.count - len(given), taken),
        ids,
    )


def _remedy(hearing: _Hearing, rule: ApprovalRule, missing: int, taken: frozenset[str]) -> str:
    role = f" --role {rule.role}" if rule.role else ""
    command = f"tidegate policy approve {short(hearing.facts.digest)}{role}"
    open_to = hearing.may_fill(rule, hearing.active.policy.people) - taken
    if open_to:
        return f"{command}, by {askable(open_to, missing, rule.group)}"
    return f"nobody is left who may: let somebody outside {rule.group} propose and adopt it, then {command}"


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Why nobody could ever adopt another policy, and what would change that."""

    what: str
    remedy: str


def shut_out(policy: Policy) -> ShutOut | None:
    """Why nobody could ever adopt another policy once this one is active; None where somebody could.

    Somebody must be permitted to adopt and able to show who they are; and, with one of them as proposer and adopter,
    the people who have keys must be able to fill every seat.
    """
    permitted = permitted_people(policy, Act.ADOPT, None)
    able = {name for name in permitted if policy.people[name].keys or policy.assurance is not Assurance.SIGNATURE}
    remedy = "list under permits.adopt a person, or a group with a person in it, who has a key"
    if not permitted:
        return ShutOut("nobody is permitted to", remedy)
    if not able:
        return ShutOut(f"{', '.join(sorted(permitted))} can sign with no key", remedy)
    missing = [_missing(policy, adopter) for adopter in _one_of_each(policy, able)]
    if "" in missing:
        return None
    return ShutOut(
        missing[0],
        "ask for fewer under adoption.approvals, or put more people with keys into the group: who proposes and adopts "
        "does not count",
    )


def _one_of_each(policy: Policy, able: Iterable[str]) -> list[str]:
    """One adopter for each set of asked groups: who of them adopts makes no difference to the others."""
    asked = {rule.group for rule in policy.adoption.approvals}
    kinds = {
        (frozenset(asked.intersection(policy.people[name].groups)), bool(policy.people[name].keys)): name
        for name in sorted(able)
    }
    return list(kinds.values())


_SOMETIME = datetime(1970, 1, 1, tzinfo=UTC)


def _missing(policy: Policy, adopter: str) -> str:
    """What is not to be had where everybody who has a key says yes, and ``adopter`` proposes and adopts."""
    asks = policy.adoption.approvals
    signers = [name for name, person in policy.people.items() if person.keys]
    people = [_may_fill(policy, rule, signers, {adopter}) for rule in asks]
    said = [
        Approval(name, Actor(name, "", Assurance.SIGNATURE), Answer.APPROVE, "", "", _SOMETIME)
        for name in frozenset[str]().union(*people)
    ]
    seats = _seats(asks, people)
    filled = fill(seats, said)
    for number, seat in enumerate(seats):
        if number not in filled:
            rule = asks[seat.rule]
            able = f"only {names(people[seat.rule])} could give one" if people[seat.rule] else "nobody could give one"
            return f"it asks for {count(rule.count, 'approval')} from {rule.group}, and {able}"
    return ""
