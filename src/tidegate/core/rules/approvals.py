"""The people whom the policy asks have said yes to this very subject, each in one seat, and nobody has said no."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from tidegate.core.approval import Answer, Approval, Seat, fill
from tidegate.core.decision import Finding
from tidegate.core.facts import Item
from tidegate.core.policy import ApprovalRule
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.core.rules.demands import approval_rules
from tidegate.core.rules.rule import FORWARD, Context, Found, Rule, denies, names, passes


def rule_people(context: Context, rule: ApprovalRule) -> frozenset[str]:
    """Who may fill a seat of ``rule``: the group's enabled people, without the authors of what is released."""
    group = rule.group
    if group == "$owners":
        owners = [context.policy.components[i.component].owners for i in _known_items(context)]
        members = frozenset.intersection(*(context.policy.people_of(o or "") for o in owners)) if owners else frozenset()
    else:
        members = context.policy.people_of(group)
    return members if rule.author_may else members - _authors(context)


def _known_items(context: Context) -> list[Item]:
    return [i for i in context.facts.release.items if i.component in context.policy.components]


def _authors(context: Context) -> frozenset[str]:
    return frozenset(chain.from_iterable(item.authors for item in context.facts.release.items))


def _standing(context: Context) -> tuple[list[Approval], list[str]]:
    """The answers that count now, and, for those that do not, why."""
    environment = context.environment
    subject = context.facts.release.subject_for(context.question.environment)
    counted: list[Approval] = []
    void: list[str] = []
    for approval in sorted(context.facts.approvals, key=lambda a: (a.at, a.id)):
        if approval.environment != context.question.environment:
            continue
        person = context.policy.people.get(approval.actor.person)
        if approval.revoked_at is not None:
            void.append(f"{approval.actor.person} revoked it")
        elif approval.subject != subject:
            void.append(f"{approval.actor.person} answered for another subject: something changed since")
        elif person is None or person.disabled:
            void.append(f"{approval.actor.person} is not an enabled person of the policy")
        elif approval.invalid:
            void.append(f"{approval.actor.person}: {approval.invalid}")
        elif environment and not approval.actor.assurance.at_least(minimum_assurance(environment)):
            void.append(f"{approval.actor.person} is only {approval.actor.assurance.value}")
        else:
            counted.append(approval)
    return counted, void


def _title(rule: ApprovalRule) -> str:
    return rule.role or rule.group.lstrip("$")


def _finding(
    context: Context, rule: ApprovalRule, number: int, given: Sequence[Approval], void: Sequence[str]
) -> Finding:
    identifier = f"approval.{_title(rule)}"
    who = ", ".join(approval.actor.person for approval in given)
    if len(given) >= rule.count:
        return passes(identifier, f"approved by {who}", [a.id for a in given])
    people = rule_people(context, rule) - {a.actor.person for a in given}
    asked = f"{rule.count} approval{'s' if rule.count > 1 else ''} from {_title(rule)}"
    have = f"{len(given)} given ({who})" if given else "none given"
    lost = f"; not counted: {'; '.join(void)}" if void else ""
    role = f" --role {rule.role}" if rule.role else ""
    return denies(
        identifier,
        f"needs {asked}, {have}{lost}",
        f"tidegate approve {context.facts.release.id} --for {context.question.environment}{role}, "
        f"by one of: {names(people)}",
        [a.id for a in given],
    )


def _check(context: Context) -> Iterator[Found]:
    rules = approval_rules(context)
    counted, void = _standing(context)
    for no in (a for a in counted if a.answer is Answer.REJECT):
        yield denies(
            "approval.rejected",
            f"{no.actor.person} rejected it",
            f"settle it with {no.actor.person}, who can take it back: tidegate revoke {context.facts.release.id} "
            f"--for {context.question.environment}",
        )
    yeses = [a for a in counted if a.answer is Answer.APPROVE]
    seats = [
        Seat(number, rule_people(context, rule), rule.role or "")
        for number, rule in enumerate(rules)
        for _ in range(rule.count)
    ]
    seated = fill(seats, yeses)
    for number, rule in enumerate(rules):
        given = [approval for seat, approval in seated.items() if seats[seat].rule == number]
        yield _finding(context, rule, number, given, void)


RULE = Rule(
    "approval",
    "The people whom the policy asks have said yes to this very subject, each in one seat, and nobody has said no.",
    "7D-17, TP-01, M1-06",
    FORWARD,
    _check,
)
