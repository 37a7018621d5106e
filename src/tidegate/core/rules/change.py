"""Nothing goes where the policy asks for a change request without an approved one for this very subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer
from tidegate.core.change_demands import (
    Answered,
    Decided,
    assessed,
    before_decision,
    category_asked,
    decided,
    done_by,
    is_assessed,
    misfits,
    mitigated,
    mitigations_of,
    risk_of,
    steps_of,
    submitted,
    undone,
    wants_assessment,
    wants_risk,
    way_to,
    way_to_assess,
)
from tidegate.core.change_request import ChangeRequest, ChangeState
from tidegate.core.decision import Finding
from tidegate.core.policy import ChangeCategory, WorkflowStep
from tidegate.core.risk import Level
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.core.rules.rule import FORWARD, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import askable, at, count, names
from tidegate.core.verdict import Verdict

_OVER = (ChangeState.REJECTED, ChangeState.CLOSED)


def _check(context: Context) -> Iterator[Found]:
    asked = category_asked(context.policy, context.facts.release.type, context.question.environment)
    if asked is None:
        return
    found = [(change, list(_of(context, change, asked))) for change in _candidates(context)]
    if not found:
        yield _none(context, asked)
        return
    _, best = min(found, key=lambda pair: _lacks(*pair))
    yield from best


def _lacks(change: ChangeRequest, answers: Sequence[Finding]) -> tuple[bool, bool, int]:
    """What orders several change requests: one that has everything is enough; else the one that lacks least is told.

    What cannot count at all lacks more than what only misses something, and what is over lacks most.
    """
    against = [answer for answer in answers if answer.verdict is not Verdict.ALLOW]
    return answers[0].verdict is not Verdict.ALLOW, change.state in _OVER, len(against)


def _candidates(context: Context) -> list[ChangeRequest]:
    """The change requests for this release, the newest first."""
    mine = [change for change in context.facts.change_requests if change.bound(context.facts.release.id)]
    return sorted(mine, key=lambda c: (c.opened_at, c.id), reverse=True)


def _none(context: Context, asked: str) -> Finding:
    where, release = context.question.environment, context.facts.release.id
    categories = context.policy.changes.categories
    category = asked or (next(iter(categories)) if len(categories) == 1 else "CATEGORY")
    what = f"a change request of category {asked}" if asked else "a change request"
    return denies(
        f"{RULE.id}.request",
        f"{where} asks for {what}, and {release} has none",
        f"tidegate change open {release} --category {category} --title TEXT --reason TEXT",
    )


def _of(context: Context, change: ChangeRequest, asked: str) -> Iterator[Finding]:
    """What is to be said of one change request; of one that cannot count, no more than why."""
    category = context.policy.changes.categories.get(change.category)
    if category is None or (asked and change.category != asked):
        yield _wrong_category(context, change, asked)
        return
    if (refusal := _not_under_way(context, change)) is not None:
        yield refusal
        return
    what = f'{change.id} "{_short(change.title)}" ({change.category}) is for this release as it is'
    yield passes(f"{RULE.id}.request", what, [change.id])
    yield from _assessment(context, change, category)
    yield from _standard(context, change, category)
    yield from _steps(context, change, category)
    yield from _approvals(context, change, category)
    yield from _risk(context, change)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _wrong_category(context: Context, change: ChangeRequest, asked: str) -> Finding:
    wanted = asked or names(context.policy.changes.categories, none="none that the policy knows")
    kind, release = context.facts.release.type, context.facts.release.id
    why = f"a {kind} release asks for {asked}" if asked else f"the policy knows {wanted}"
    return denies(
        f"{RULE.id}.category",
        f"{change.id} is of category {change.category}, and {why}",
        f"tidegate change open {release} --category {asked or 'CATEGORY'} --title TEXT --reason TEXT",
        [change.id],
    )


def _not_under_way(context: Context, change: ChangeRequest) -> Finding | None:
    """Why it cannot count yet, or no more."""
    rule, release = f"{RULE.id}.request", context.facts.release.id
    anew = f"tidegate change open {release} --category {change.category} --title TEXT --reason TEXT"
    if change.state is ChangeState.REJECTED:
        who = names({a.approval.actor.person for a in change.answers if a.approval.answer is Answer.REJECT})
        return denies(rule, f"{change.id} was rejected by {who}", f"change what they say, then: {anew}", [change.id])
    if change.state is ChangeState.CLOSED:
        return denies(rule, f"{change.id} is closed", anew, [change.id])
    if change.state is ChangeState.OPEN:
        return denies(rule, f"{change.id} is not submitted yet", _before_submission(context, change), [change.id])
    bound = change.bound(release)
    if bound is None or bound.subjects.get(context.question.environment) != context.subject:
        return denies(
            rule,
            f"{change.id} was submitted before something changed, or for other environments",
            f"submit it as it is now: tidegate change submit {change.id}",
            [change.id],
        )
    if submitted(context.policy, change) is None:
        return denies(
            rule,
            f"nobody who still counts has submitted {change.id} as it is",
            f"tidegate change submit {change.id}",
            [change.id],
        )
    return None


def _before_submission(context: Context, change: ChangeRequest) -> str:
    category = context.policy.changes.categories[change.category]
    if wants_assessment(context.policy, category) and not is_assessed(context.policy, change):
        return f"{way_to_assess(change)}, then submit it"
    before = before_decision(context.policy, category)
    first = next((step for step in undone(context.policy, change, category) if step.name in before), None)
    if first is None:
        return f"tidegate change submit {change.id}"
    return f"{way_to(change, first)}{_by(context, first)}, then submit it"


def _by(context: Context, step: WorkflowStep) -> str:
    """Who does a step, for a remedy."""
    return f", by {names(context.policy.people_of(step.by), none=f'nobody is in {step.by}')}" if step.by else ""


def _assessment(context: Context, change: ChangeRequest, category: ChangeCategory) -> Iterator[Finding]:
    if not wants_assessment(context.policy, category):
        return
    rule = f"{RULE.id}.assessment"
    act, said = assessed(context.policy, change), change.assessment
    if act is None or said is None:
        yield denies(
            rule,
            f"the impact of {change.id} is not assessed",
            way_to_assess(change),
            [change.id],
        )
    elif missing := said.unanswered():
        yield denies(
            rule,
            f"the assessment of {change.id} leaves out {names(missing)}",
            f"tidegate change assess {change.id} with --{' and --'.join(_option(name) for name in missing)}",
            [change.id],
        )
    else:
        clients = f", clients {names(said.clients)}" if said.clients else ""
        yield passes(rule, f"{act.by} assessed its impact: {names(said.components)}{clients}", [change.id])


def _option(name: str) -> str:
    return "component" if name == "components" else name


def _standard(context: Context, change: ChangeRequest, category: ChangeCategory) -> Iterator[Finding]:
    if not category.preapproved:
        return
    rule = f"{RULE.id}.standard"
    wrong = misfits(context.policy, change, category)
    if wrong:
        yield denies(
            rule,
            f"{change.id} is no {change.category} change: {'; '.join(wrong)}",
            f"open one of a category that is approved each time: tidegate change open {context.facts.release.id}",
            [change.id],
        )
    else:
        yield passes(rule, f'approved beforehand: "{_short(change.entry)}"', [change.id])


def _steps(context: Context, change: ChangeRequest, category: ChangeCategory) -> Iterator[Finding]:
    steps = [step for step in steps_of(context.policy, category) if step.kind not in ("decision", "afterwards")]
    if not steps:
        return
    rule = f"{RULE.id}.steps"
    left = [step for step in undone(context.policy, change, category) if step.kind != "decision"]
    if left:
        first = left[0]
        verb = "assess" if first.kind == "assessment" else f"step {change.id} {first.name} --note TEXT"
        command = f"tidegate change {verb}" if first.kind != "assessment" else f"tidegate change assess {change.id}"
        yield denies(
            rule,
            f"{count(len(left), 'step')} of {change.id} {'is' if len(left) == 1 else 'are'} not done: "
            f"{', '.join(step.name for step in left)}",
            f"{command}{_by(context, first)}",
            [change.id],
        )
        return
    acts = [done_by(context.policy, change, step) for step in steps]
    done = ", ".join(f"{step.name} ({act.by})" for step, act in zip(steps, acts, strict=True) if act)
    yield passes(rule, f"the steps before it goes are done: {done}", [change.id])


def _approvals(context: Context, change: ChangeRequest, category: ChangeCategory) -> Iterator[Finding]:
    minimum = minimum_assurance(context.environment) if context.environment else Assurance.SIGNATURE
    standing = decided(context.policy, change, category, minimum)
    if standing.rejected_by:
        yield denies(
            f"{RULE.id}.rejected",
            f"{names(standing.rejected_by)} said no to {change.id}",
            f"change what they say, then open another: tidegate change open {context.facts.release.id}",
            [change.id],
        )
    if not standing.asks and not category.preapproved:
        yield denies(
            f"{RULE.id}.approval",
            f"the category {change.category} asks for nobody's yes and is not approved beforehand",
            f"add approvals: or a board: to changes.categories.{change.category}",
            [change.id],
        )
    for one in standing.asks:
        yield _seats(context, change, category, standing, one)


def _seats(
    context: Context, change: ChangeRequest, category: ChangeCategory, standing: Decided, one: Answered
) -> Finding:
    rule, group = f"{RULE.id}.approval.{one.ask.name}", one.ask.group or "owners"
    people = [approval.actor.person for approval in one.given]
    if one.complete:
        board = ", with minutes" if one.ask.group == category.board else ""
        return passes(rule, f"{change.id} approved by {names(people)}{board}", [a.id for a in one.given])
    have = f"{len(people)} given ({names(people)})" if people else "none given"
    lost = f"; not counted: {'; '.join(standing.void)}" if standing.void else ""
    role = f" --role {one.ask.rule.role}" if one.ask.rule.role else ""
    minutes = " --minutes FILE" if one.ask.group == category.board else ""
    command = f"tidegate change approve {change.id}{role}{minutes}"
    due = _due(context, change, category)
    return denies(
        rule,
        f"{change.id} needs {count(one.ask.count, 'approval')} from {group}, {have}{lost}{due}",
        f"{command}, by {askable(one.open_to, one.ask.count - len(people), group)}"
        if one.open_to
        else f"nobody is left who may: add people to {group} in the policy, then {command}",
        [a.id for a in one.given],
    )


def _due(context: Context, change: ChangeRequest, category: ChangeCategory) -> str:
    if category.within is None or change.submitted_at is None:
        return ""
    due = change.submitted_at + category.within
    overdue = context.now >= due
    return f"; the decision {'is overdue since' if overdue else 'is due by'} {at(context, due)}"


def _risk(context: Context, change: ChangeRequest) -> Iterator[Finding]:
    if not wants_risk(context.policy):
        return
    rule, level = f"{RULE.id}.risk", risk_of(context.policy, change)
    if not level.level:
        what = f"the risk of {change.id} cannot be told: {_why_none(change, level)}"
        yield cannot_tell(rule, what, _say_levels(context, change, level), [change.id])
        return
    yield passes(rule, f"the risk of {change.id} is {level.level}: {told(level)}", [change.id])
    yield from _mitigation(context, change, level.level)


def _why_none(change: ChangeRequest, level: Level) -> str:
    if not level.stated:
        return "impact and probability are not among the policy's levels"
    unknown = change.facts.unknown if change.facts else ()
    return f"what it changes could not be counted: {unknown[0]}" if unknown else "nothing was counted of it"


def _say_levels(context: Context, change: ChangeRequest, level: Level) -> str:
    if level.stated:
        return f"fetch what is missing, then submit it again: tidegate change submit {change.id}"
    levels = names(context.policy.changes.risk.levels, none="none are declared")
    return f"tidegate change assess {change.id} --impact LEVEL --probability LEVEL, each one of: {levels}"


def told(level: Level) -> str:
    """Where a level comes from, in words: what was stated, and each factor with what it contributes."""
    stated = f"{level.stated} as stated{', a cell that the matrix leaves undecided' if level.undecided else ''}"
    counting = [f"{factor.says} (+{factor.points})" for factor in level.factors if factor.points]
    if not level.factual:
        return f"{stated}; from facts nobody can tell"
    why = ", ".join(counting) or "nothing counts against it"
    above = ", which is above what was stated" if level.above else ""
    return f"{stated}, {level.factual} from facts{above}: {why}"


def _mitigation(context: Context, change: ChangeRequest, level: str) -> Iterator[Finding]:
    wanted = mitigations_of(context.policy, level)
    if not wanted:
        return
    shown = mitigated(context.policy, change)
    missing = [(number, line) for number, line in enumerate(wanted, start=1) if line not in shown]
    rule = f"{RULE.id}.mitigation"
    if missing:
        yield denies(
            rule,
            f"{level} risk demands what {change.id} does not show: {_lines([line for _, line in missing])}",
            f"tidegate change mitigate {change.id} {missing[0][0]} --how TEXT",
            [change.id],
        )
        return
    done = "; ".join(f"{line}: {_short(shown[line].how)} ({shown[line].by})" for line in wanted)
    yield passes(rule, f"what {level} risk demands is shown: {done}", [change.id])


def _lines(lines: Sequence[str]) -> str:
    return "; ".join(lines)


RULE = Rule(
    "change",
    "Where a change request is asked for, one of the right category is approved for this very subject, and shows what "
    "its risk demands.",
    "TP-09, TP-10, M2-01, M2-02",
    FORWARD,
    _check,
    since=3,
    chapter=Chapter.CHANGE,
    keys=("changes", "release_types.{type}.change"),
)
