"""The people whom the policy asks have said yes to this very subject, each in one seat, and nobody has said no."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from tidegate.core.approval import Answer, Approval, Seat, fill, in_order
from tidegate.core.policy import OWNERS, ApprovalRule
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.core.rules.demands import approval_rules
from tidegate.core.rules.rule import FORWARD, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import count, names


@dataclass(frozen=True, slots=True)
class _Ask:
    """One demand of the policy, about one group: ``$owners`` of a bundle is one for each group of owners."""

    rule: ApprovalRule
    group: str

    @property
    def id(self) -> str:
        """The id of its finding: ``approval.`` and the role, or else the group as the policy writes it."""
        return f"approval.{self.rule.role or self.rule.group.removeprefix('$')}"


def _asks(context: Context) -> list[_Ask]:
    return [_Ask(rule, group) for rule in approval_rules(context) for group in _groups(context, rule)]


def _groups(context: Context, rule: ApprovalRule) -> Sequence[str]:
    if rule.group != OWNERS:
        return (rule.group,)
    components = context.policy.components
    known = [components[i.component] for i in context.facts.release.items if i.component in components]
    # A group that nobody is in, where the owners of nothing are asked: then nobody can say yes.
    return sorted({component.owners or "" for component in known}) or [""]


def _may_fill(context: Context, ask: _Ask, people: Sequence[str], authors: frozenset[str]) -> frozenset[str]:
    """Which of ``people`` may answer: enabled, of the group, and no authors of what is released."""
    known = context.policy.people
    return frozenset(
        name
        for name in people
        if name in known
        and not known[name].disabled
        and ask.group in known[name].groups
        and (ask.rule.author_may or name not in authors)
    )


def _authors(context: Context) -> frozenset[str]:
    return frozenset(chain.from_iterable(item.authors for item in context.facts.release.items))


def _why_void(context: Context, approval: Approval) -> str:
    """Why an answer counts no more; empty while it counts."""
    who = approval.actor.person
    person = context.policy.people.get(who)
    if approval.revoked_at is not None:
        return f"{who} took it back"
    if approval.subject != context.subject:
        return f"{who} answered before something changed"
    if person is None:
        return f"the policy knows no {who}"
    if person.disabled:
        return f"{who} is disabled in the policy"
    if approval.invalid:
        return f"{who}: {approval.invalid}"
    minimum = minimum_assurance(context.environment) if context.environment else None
    if minimum is None or not approval.actor.assurance.at_least(minimum):
        return f"{who} is only {approval.actor.assurance.value}"
    return ""


def _standing(context: Context) -> tuple[list[Approval], list[str]]:
    """The answers for this environment that count now, and, for those that do not, why."""
    here = [a for a in context.facts.approvals if a.environment == context.question.environment]
    counted: list[Approval] = []
    void: dict[str, None] = {}
    for approval in in_order(here):
        why = _why_void(context, approval)
        if why:
            void[why] = None
        else:
            counted.append(approval)
    return counted, list(void)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What people answered: the yeses that stand, why others do not, who wrote it, and who sits in a seat."""

    yeses: Sequence[Approval]
    void: Sequence[str]
    authors: frozenset[str]
    seated: frozenset[str]


def _unseated(context: Context, ask: _Ask, heard: _Heard) -> Iterator[str]:
    """Why a standing yes of somebody in the group fills no seat of this demand."""
    people = context.policy.people
    for approval in heard.yeses:
        who = approval.actor.person
        if ask.group not in people[who].groups:
            continue
        if who in heard.authors and not ask.rule.author_may:
            yield f"{who} is an author"
        elif approval.role not in ("", ask.rule.role or ""):
            yield f'{who} answered as "{approval.role}"'


def _askable(people: frozenset[str], wanted: int, group: str) -> str:
    """Who could still say yes; where they are too few, what would change that."""
    if len(people) > wanted:
        return f"one of: {names(people)}" if wanted == 1 else f"{wanted} of: {names(people)}"
    enough = len(people) == wanted
    return names(people) if enough else f"{names(people)}; they are too few: add people to {group} in the policy"


def _missing(context: Context, heard: _Heard, ask: _Ask, given: Sequence[Approval]) -> Found:
    open_to = _may_fill(context, ask, list(context.policy.people), heard.authors) - heard.seated
    group = ask.group or "owners"
    role = f" --role {ask.rule.role}" if ask.rule.role else ""
    command = f"tidegate approve {context.facts.release.id} --for {context.question.environment}{role}"
    have = f"{len(given)} given ({names(a.actor.person for a in given)})" if given else "none given"
    lost = [*heard.void, *_unseated(context, ask, heard)]
    return denies(
        ask.id,
        f"needs {count(ask.rule.count, 'approval')} from {group}, {have}"
        + (f"; not counted: {'; '.join(lost)}" if lost else ""),
        f"{command}, by {_askable(open_to, ask.rule.count - len(given), group)}"
        if open_to
        else f"nobody is left who may: add people to {group} in the policy, then {command}",
        [a.id for a in given],
    )


def _rejection(context: Context, no: Approval) -> Found:
    command = f"tidegate revoke {context.facts.release.id} --for {context.question.environment}"
    return denies(
        "approval.rejected",
        f"{no.actor.person} rejected it",
        f"settle it with {no.actor.person}, who can take the no back: {command}",
        [no.id],
    )


def _check(context: Context) -> Iterator[Found]:
    counted, void = _standing(context)
    yield from (_rejection(context, a) for a in counted if a.answer is Answer.REJECT)
    yeses = [a for a in counted if a.answer is Answer.APPROVE]
    answered = [a.actor.person for a in yeses]
    authors = _authors(context)
    asks = _asks(context)
    seats = [
        seat
        for number, ask in enumerate(asks)
        for seat in [Seat(number, _may_fill(context, ask, answered, authors), ask.rule.role or "")] * ask.rule.count
    ]
    given: list[list[Approval]] = [[] for _ in asks]
    for number, approval in fill(seats, yeses).items():
        given[seats[number].rule].append(approval)
    heard = _Heard(yeses, void, authors, frozenset(a.actor.person for row in given for a in row))
    for ask, row in zip(asks, given, strict=True):
        if len(row) >= ask.rule.count:
            yield passes(ask.id, f"approved by {names(a.actor.person for a in row)}", [a.id for a in row])
        else:
            yield _missing(context, heard, ask, row)


RULE = Rule(
    "approval",
    "The people whom the policy asks have said yes to this very subject, each in one seat, and nobody has said no.",
    "7D-17, TP-01, M1-06",
    FORWARD,
    _check,
)
