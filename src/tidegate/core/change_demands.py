"""What a policy asks of a change request, and what of that it has: pure, for the rule and for the acts alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer, Approval, Seat, fill
from tidegate.core.change_request import ActKind, Bound, ChangeAct, ChangeAnswer, ChangeRequest, ChangeState
from tidegate.core.policy import OWNERS, ApprovalRule, ChangeCategory, Policy, Purpose, WorkflowStep
from tidegate.core.risk import Level, level_of


def category_asked(policy: Policy, type_: str, environment: str) -> str | None:
    """The category of the change request that a release of a type needs for an environment.

    Empty: it needs one, of whatever category. None: it needs none. As with gates and approvals, what the release type
    says holds for production.
    """
    known, kind = policy.environments.get(environment), policy.release_types.get(type_)
    named = kind.change if kind is not None else None
    production = known is not None and known.purpose is Purpose.PRODUCTION
    if environment in policy.changes.required:
        return named or ""
    return named if named and production else None


def steps_of(policy: Policy, category: ChangeCategory) -> tuple[WorkflowStep, ...]:
    """The steps of the workflow that a category goes through, in their order."""
    steps = policy.changes.workflow
    return tuple(step for step in steps if step.name in category.steps) if category.steps else steps


def in_force(policy: Policy, act: ChangeAct) -> bool:
    """Whether an act counts now: its signature holds, it is sure enough, and its person still may act."""
    person = policy.people.get(act.by)
    known = person is not None and not person.disabled
    return known and not act.invalid and act.assurance.at_least(policy.assurance)


def _acts(policy: Policy, change: ChangeRequest, kind: ActKind, subject: str) -> list[ChangeAct]:
    """The acts of a kind on what it says that count now, the first one first, whatever the order of the facts."""
    found = [a for a in change.acts if a.kind is kind and a.subject == subject and in_force(policy, a)]
    return sorted(found, key=lambda a: (a.at, a.by, a.name, a.how))


def requested(policy: Policy, change: ChangeRequest) -> ChangeAct | None:
    """Who asked for it, where what they signed still says what it says."""
    found = _acts(policy, change, ActKind.REQUEST, change.request_digest)
    return next((act for act in found if act.by == change.opened_by), None)


def assessed(policy: Policy, change: ChangeRequest) -> ChangeAct | None:
    """Who assessed it, where what they signed still says what it says."""
    if change.assessment is None:
        return None
    return next(iter(_acts(policy, change, ActKind.ASSESSMENT, change.assessment.digest)), None)


def submitted(policy: Policy, change: ChangeRequest) -> ChangeAct | None:
    """Who submitted it as it is."""
    return next(iter(_acts(policy, change, ActKind.SUBMISSION, change.digest)), None)


def done_by(policy: Policy, change: ChangeRequest, step: WorkflowStep) -> ChangeAct | None:
    """The act by which a step was done, by somebody of its group; None while it is not, and for the decision."""
    match step.kind:
        case "decision":
            return None
        case "request":
            act = requested(policy, change)
        case "assessment":
            act = assessed(policy, change)
        case _:
            named = [a for a in _acts(policy, change, ActKind.STEP, "") if a.name == step.name]
            own = [a for a in named if not step.by or a.by in policy.people_of(step.by)]
            return own[0] if own else None
    if act is not None and step.by and act.by not in policy.people_of(step.by):
        return None
    return act


def undone(policy: Policy, change: ChangeRequest, category: ChangeCategory) -> tuple[WorkflowStep, ...]:
    """The steps that are not done yet, in order, but for those afterwards; a decision is done when it is approved."""
    decided = change.state is ChangeState.APPROVED
    return tuple(
        step
        for step in steps_of(policy, category)
        if step.kind != "afterwards"
        and not (step.kind == "decision" and decided)
        and done_by(policy, change, step) is None
    )


def before_decision(policy: Policy, category: ChangeCategory) -> frozenset[str]:
    """The names of the steps that come before the decision; without one those of the request and the assessment."""
    steps = steps_of(policy, category)
    places = [number for number, step in enumerate(steps) if step.kind == "decision"]
    if places:
        return frozenset(step.name for step in steps[: places[0]])
    return frozenset(step.name for step in steps if step.kind in ("request", "assessment"))


def way_to_assess(change: ChangeRequest) -> str:
    """The command that assesses a change, with all that it must say."""
    return (
        f"tidegate change assess {change.id} --impact LEVEL --probability LEVEL "
        "--downtime TEXT --data TEXT --rollback TEXT"
    )


def is_assessed(policy: Policy, change: ChangeRequest) -> bool:
    """Whether somebody who still counts has assessed it, and left nothing out."""
    said = change.assessment
    return said is not None and not said.unanswered() and assessed(policy, change) is not None


def way_to(change: ChangeRequest, step: WorkflowStep) -> str:
    """The command that does a step; where there is none, what to do instead."""
    match step.kind:
        case "request":
            return f"whoever opened {change.id} cannot sign for it any more: open another one"
        case "assessment":
            return way_to_assess(change)
        case "decision" if change.state is ChangeState.SUBMITTED:
            return f"tidegate change approve {change.id}"
        case "decision":
            return f"tidegate change submit {change.id}"
    return f"tidegate change step {change.id} {step.name} --note TEXT"


def wants_risk(policy: Policy) -> bool:
    """Whether the policy asks how risky a change is."""
    risk = policy.changes.risk
    return bool(risk.matrix or risk.mitigations)


def wants_assessment(policy: Policy, category: ChangeCategory) -> bool:
    """Whether a change of the category must be assessed: a step of it asks for that, or the policy's risk does."""
    return wants_risk(policy) or any(step.kind == "assessment" for step in steps_of(policy, category))


def risk_of(policy: Policy, change: ChangeRequest) -> Level:
    """The level of risk that holds for a change."""
    said = change.assessment
    return level_of(policy.changes.risk, said.impact if said else "", said.probability if said else "", change.facts)


def mitigations_of(policy: Policy, level: str) -> tuple[str, ...]:
    """What a level demands to be shown."""
    return tuple(policy.changes.risk.mitigations.get(level, ()))


def mitigated(policy: Policy, change: ChangeRequest) -> dict[str, ChangeAct]:
    """What was shown of what was submitted, by mitigation."""
    found = _acts(policy, change, ActKind.MITIGATION, change.digest)
    return {act.name: act for act in found if act.how}


def misfits(policy: Policy, change: ChangeRequest, category: ChangeCategory) -> tuple[str, ...]:
    """Why a change of a pre-approved category is none; empty where it is one, and for every other category."""
    if not category.preapproved:
        return ()
    return tuple(_misfits(policy, change, category))


def _misfits(policy: Policy, change: ChangeRequest, category: ChangeCategory) -> Iterator[str]:
    if not change.entry:
        yield "it names no entry of the catalogue"
    elif change.entry not in category.catalogue:
        yield f'"{change.entry[:60]}" is not in the catalogue'
    facts = change.facts
    if facts is None:
        return
    if facts.migrations:
        yield f"it has {facts.migrations} migration{'' if facts.migrations == 1 else 's'}"
    if facts.breaking:
        yield f"{facts.breaking} of its commits {'is' if facts.breaking == 1 else 'are'} breaking"
    if facts.unknown:
        yield f"what it changes could not be counted: {facts.unknown[0]}"
    level, levels = risk_of(policy, change).level, policy.changes.risk.levels
    if wants_risk(policy) and levels and level and level != levels[0]:
        yield f"its risk is {level}, and a pre-approved change's is {levels[0]}"


@dataclass(frozen=True, slots=True)
class Ask:
    """One demand for approvals of a change: its rule, and the group that is meant."""

    rule: ApprovalRule
    group: str
    count: int

    @property
    def name(self) -> str:
        """The role, or else the group as the policy writes it."""
        return self.rule.role or self.rule.group.removeprefix("$")


def asks_of(policy: Policy, category: ChangeCategory, bounds: Sequence[Bound]) -> tuple[Ask, ...]:
    """Whose yes a change of the category takes: nobody's where it is pre-approved; else its board's is among them.

    A board that has a quorum decides with no fewer.
    """
    if category.preapproved:
        return ()
    rules = list(category.approvals)
    if category.board and all(rule.group != category.board for rule in rules):
        rules.append(ApprovalRule.model_validate({"from": category.board}))
    return tuple(
        Ask(rule, group, max(rule.count, _quorum(policy, group) if group == category.board else 1))
        for rule in rules
        for group in _groups(policy, rule, bounds)
    )


def _quorum(policy: Policy, group: str) -> int:
    known = policy.groups.get(group)
    return (known.quorum if known else None) or 1


def _groups(policy: Policy, rule: ApprovalRule, bounds: Sequence[Bound]) -> Sequence[str]:
    if rule.group != OWNERS:
        return (rule.group,)
    known = [policy.components.get(name) for bound in bounds for name in bound.components]
    # A group that nobody is in, where the owners of nothing are asked: then nobody can say yes.
    return sorted({component.owners or "" for component in known if component is not None}) or [""]


def may_answer(policy: Policy, change: ChangeRequest, ask: Ask) -> frozenset[str]:
    """Who may fill a seat: enabled people of the group, without those who wrote it or ask for it."""
    people = policy.people_of(ask.group)
    return people if ask.rule.author_may else people - change.authors


def why_void(policy: Policy, change: ChangeRequest, answer: ChangeAnswer, minimum: Assurance) -> str:
    """Why an answer does not count; empty while it counts."""
    given = answer.approval
    who = given.actor.person
    person = policy.people.get(who)
    if given.subject != change.digest:
        return f"{who} answered before something changed"
    if person is None:
        return f"the policy knows no {who}"
    if person.disabled:
        return f"{who} is disabled in the policy"
    if given.invalid:
        return f"{who}: {given.invalid}"
    if not given.actor.assurance.at_least(minimum):
        return f"{who} is only {given.actor.assurance.value}"
    return ""


@dataclass(frozen=True, slots=True)
class Answered:
    """How a demand stands: who filled its seats, and who still may."""

    ask: Ask
    given: tuple[Approval, ...]
    open_to: frozenset[str]

    @property
    def complete(self) -> bool:
        """Whether all seats are filled."""
        return len(self.given) >= self.ask.count


@dataclass(frozen=True, slots=True)
class Decided:
    """How the decision on a change stands: by demand, why answers do not count, and who said no."""

    asks: tuple[Answered, ...]
    void: tuple[str, ...]
    rejected_by: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everybody who is asked said yes, and somebody is asked at all."""
        return bool(self.asks) and all(one.complete for one in self.asks) and not self.rejected_by


def decided(policy: Policy, change: ChangeRequest, category: ChangeCategory, minimum: Assurance) -> Decided:
    """Count the answers, each in one seat: as with the approvals of a release.

    A member of the board answers for the board with a reference to its minutes; without it the answer fills no seat of
    the board's.
    """
    asks = asks_of(policy, category, change.releases)
    counted, void = _counted(policy, change, minimum)
    yeses = [one for one in counted if one.approval.answer is Answer.APPROVE]
    unminuted = [one for one in yeses if _unminuted(policy, category, asks, one)]
    void += [f"{one.approval.actor.person} names no minutes" for one in unminuted]
    minuted = {one.approval.actor.person for one in yeses if one.minutes}
    seats = [
        Seat(number, _takers(policy, change, category, ask, minuted), ask.rule.role or "")
        for number, ask in enumerate(asks)
        for _ in range(ask.count)
    ]
    rows: list[list[Approval]] = [[] for _ in asks]
    for number, approval in fill(seats, [one.approval for one in yeses]).items():
        rows[seats[number].rule].append(approval)
    seated = {approval.actor.person for row in rows for approval in row}
    standing = tuple(
        Answered(ask, tuple(row), may_answer(policy, change, ask) - seated) for ask, row in zip(asks, rows, strict=True)
    )
    noes = [one.approval.actor.person for one in counted if one.approval.answer is Answer.REJECT]
    return Decided(standing, tuple(dict.fromkeys(void)), tuple(dict.fromkeys(noes)))


def _counted(policy: Policy, change: ChangeRequest, minimum: Assurance) -> tuple[list[ChangeAnswer], list[str]]:
    counted, void = [], []
    for one in sorted(change.answers, key=lambda a: (a.approval.at, a.approval.id, repr(a))):
        why = why_void(policy, change, one, minimum)
        if why:
            void.append(why)
        else:
            counted.append(one)
    return counted, void


def _takers(
    policy: Policy, change: ChangeRequest, category: ChangeCategory, ask: Ask, minuted: Collection[str]
) -> frozenset[str]:
    people = may_answer(policy, change, ask)
    return people.intersection(minuted) if ask.group == category.board else people


def _unminuted(policy: Policy, category: ChangeCategory, asks: Sequence[Ask], one: ChangeAnswer) -> bool:
    """Whether a yes could fill a seat of the board's and names no minutes."""
    board = category.board
    asked = board is not None and any(ask.group == board for ask in asks)
    return asked and not one.minutes and one.approval.actor.person in policy.people_of(board or "")
