"""Open a change request, assess it, take it through its steps, submit it, decide on it, show its mitigations, close it.

Each act is signed over what the person saw, and is one transaction with its leaf. What an act demands is asked twice:
before the person signs, so that nobody signs in vain, and again in the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.core.change_demands import (
    assessed,
    before_decision,
    category_asked,
    done_by,
    misfits,
    mitigated,
    mitigations_of,
    requested,
    risk_of,
    steps_of,
    wants_assessment,
    way_to,
    way_to_assess,
)
from tidegate.core.change_request import (
    CHANGE,
    ActKind,
    Assessment,
    Bound,
    ChangeAct,
    ChangeEvent,
    ChangeRequest,
    ChangeState,
)
from tidegate.core.policy import ChangeCategory, Policy, Purpose, WorkflowStep
from tidegate.core.release import ReleaseState
from tidegate.core.rules.saying import article
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, RefusedError, UsageError
from tidegate.orchestration.change_acting import (
    OPENED,
    Planned,
    Told,
    category_of,
    demand_not_over,
    demand_person,
    demand_sure,
    demand_texts,
    demand_words,
    do,
    keep,
    loaded,
    one_release,
    permitted,
    refusing,
    step_of_kind,
    touch,
)
from tidegate.orchestration.change_facts import ACTS, concerns_of
from tidegate.orchestration.change_risk import count_risk
from tidegate.orchestration.facts import with_targets
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.record import Entry, record
from tidegate.store import changes, locks, policies, releases
from tidegate.ticketing.contract import Tickets


@dataclass(frozen=True, slots=True)
class Wish:
    """What a change request says when it is opened. Without a category it is that of its releases' type."""

    title: str
    reason: str
    category: str = ""
    description: str = ""
    entry: str = ""
    ticket: str = ""


# What policies say of who may act.


# Opening.


def open_change(
    house: House, names: Sequence[str], claim: Claim, wish: Wish, tickets: Tickets | None = None
) -> ChangeRequest:
    """Ask for a change: of which releases, of which category, why.

    Args:
        tickets: where the ticket is looked up; None: it is only named.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such release, category or ticket.
        ConflictError: a release is over.
        RefusedError: a pre-approved category is asked for, and no entry of its catalogue.
        UsageError: it lacks a title or a reason.
    """
    demand_words("title", wish.title)
    demand_words("reason", wish.reason)
    demand_texts(**{name: getattr(wish, name) for name in ("title", "reason", "description", "entry", "ticket")})
    if not names:
        raise UsageError("a change request is for one release at least", remedy="tidegate release list")
    with refusing(house, claim.person, release=names[0]):
        says = _ticket_says(wish, tickets)
        with house.database.read() as connection:
            change = _wished(connection, policies.current(connection).policy, names, claim, wish, says, house.now())
        act = ChangeAct(ActKind.REQUEST, claim.person, change.opened_at, subject=change.request_digest, how=wish.reason)
        concerns = concerns_of("", act)
        proven = proven_by(house, claim, ACTS[act.kind], **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy, now = policies.current(connection).policy, house.now()
            stands(policy, proven, ACTS[act.kind], **concerns)
            demand_sure(policy, proven)
            change = _wished(connection, policy, names, claim, wish, says, now)
            number = changes.next_number(connection)
            change = replace(change, id=f"CR-{number}")
            changes.insert(connection, change, number)
            keep(house, connection, change, replace(act, at=now), proven, now, OPENED)
    return change


def _ticket_says(wish: Wish, tickets: Tickets | None) -> str:
    if not wish.ticket or tickets is None:
        return ""
    ticket = tickets.ticket(wish.ticket)
    return f"{ticket.title} ({ticket.status})" if ticket.status else ticket.title


def _wished(
    connection: sa.Connection,
    policy: Policy,
    names: Sequence[str],
    claim: Claim,
    wish: Wish,
    ticket_says: str,
    now: datetime,
) -> ChangeRequest:
    rows = [releases.load(connection, name) for name in dict.fromkeys(names)]
    for row in rows:
        if row.closed_at is not None:
            raise ConflictError(
                f"release {row.facts.id} is {row.facts.state.said}", remedy="open a change request for what is to come"
            )
    name = wish.category or _category_of_types(policy, [row.facts.type for row in rows])
    category = category_of(policy, name)
    demand_person(policy, claim.person, permitted(policy, step_of_kind(policy, category, "request")), "ask for it")
    change = ChangeRequest(
        id="",
        category=name,
        title=wish.title,
        reason=wish.reason,
        releases=tuple(sorted((_bound(row.facts.id, row.facts.items) for row in rows), key=lambda b: b.release)),
        opened_by=claim.person,
        opened_at=now,
        description=wish.description,
        entry=wish.entry,
        ticket=wish.ticket,
        ticket_says=ticket_says,
    )
    _demand_fit(policy, change, category)
    return change


def _category_of_types(policy: Policy, types: Sequence[str]) -> str:
    named = {kind.change for kind in (policy.release_types.get(t) for t in types) if kind is not None and kind.change}
    if len(named) == 1:
        return named.pop()
    raise UsageError(
        "the release types name no category" if not named else f"the release types name {', '.join(sorted(named))}",
        remedy=f"say --category, one of: {', '.join(policy.changes.categories) or 'none is declared'}",
    )


def _bound(release: str, items: Sequence[Any]) -> Bound:
    components = tuple(sorted(item.component for item in items))
    return Bound(release, components, tuple(sorted({name for item in items for name in item.authors})))


def _demand_fit(policy: Policy, change: ChangeRequest, category: ChangeCategory) -> None:
    wrong = misfits(policy, change, category)
    if wrong:
        raise RefusedError(
            f"this is no {change.category} change: {'; '.join(wrong)}",
            remedy=f"name an entry of its catalogue with --entry ({_some(category.catalogue)}), or open one of another "
            "category",
        )


def _some(lines: Sequence[str]) -> str:
    return "; ".join(lines[:5]) + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "") or "it is empty"


# What is done with one that is there.


def assess(house: House, name: str, claim: Claim, said: Assessment) -> ChangeRequest:
    """Say what a change touches, and its impact and probability. What was submitted is open again, and so is it all.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such change request, component or client.
        ConflictError: a step before it is not done, or the change request is over.
        UsageError: impact or probability are no levels of the policy.
    """
    for text in ("downtime", "data", "rollback"):
        demand_texts(**{text: getattr(said, text)})

    def plan(connection: sa.Connection, policy: Policy, change: ChangeRequest, now: datetime) -> Planned:
        category = category_of(policy, change.category)
        CHANGE.next(change.state, ChangeEvent.ASSESSED)
        step = step_of_kind(policy, category, "assessment")
        demand_person(policy, claim.person, permitted(policy, step), "assess it")
        if step is not None:
            _demand_order(policy, change, category, step)
        touched = said.components or tuple(sorted({name for bound in change.releases for name in bound.components}))
        answers = replace(said, components=touched)
        _demand_known(policy, answers)
        act = ChangeAct(ActKind.ASSESSMENT, claim.person, now, subject=answers.digest)
        told = {"impact": answers.impact, "probability": answers.probability}
        return Planned(act, replace(change, assessment=answers), Told("change.assessed", ChangeEvent.ASSESSED, told))

    return do(house, name, claim, plan)


def _demand_known(policy: Policy, said: Assessment) -> None:
    levels = policy.changes.risk.levels
    for what in ("impact", "probability"):
        level = getattr(said, what)
        if level not in levels:
            raise UsageError(
                f'"{level[:40]}" is no level of {what}',
                remedy=f"name one of: {', '.join(levels) or 'none is declared'}",
            )
    for noun, asked, there in (
        ("component", said.components, policy.components),
        ("client", said.clients, policy.clients),
    ):
        for one in asked:
            if one not in there:
                raise NotFoundError(
                    f'the policy knows no {noun} "{one[:80]}"',
                    remedy=f"name one of: {', '.join(sorted(there)) or 'none is declared'}",
                )


def _demand_order(policy: Policy, change: ChangeRequest, category: ChangeCategory, step: WorkflowStep) -> None:
    """Every step before this one is done; a decision is done while the change request is approved."""
    for earlier in steps_of(policy, category):
        if earlier.name == step.name:
            return
        is_decided = earlier.kind == "decision" and change.state is ChangeState.APPROVED
        if not is_decided and done_by(policy, change, earlier) is None:
            raise ConflictError(
                f"{earlier.name} comes before {step.name}, and is not done", remedy=way_to(change, earlier)
            )


def do_step(house: House, name: str, claim: Claim, step_name: str, note: str) -> ChangeRequest:
    """Say that a step of the workflow is done, and how.

    Raises:
        NotPermittedError: the person is not of the step's group.
        NotFoundError: there is no such change request, or its category goes through no such step.
        ConflictError: an earlier step is not done, this one is, or the change request is over.
        UsageError: it is done by another command, or it is not said what was done.
    """
    demand_words("note", note)
    demand_texts(note=note)

    def plan(connection: sa.Connection, policy: Policy, change: ChangeRequest, now: datetime) -> Planned:
        category = category_of(policy, change.category)
        step = _named_step(policy, category, change, step_name)
        demand_person(policy, claim.person, permitted(policy, step), f"do {step.name}")
        demand_not_over(change)
        if done_by(policy, change, step) is not None:
            raise ConflictError(f"{step.name} of {change.id} is done already", remedy=f"tidegate change show {name}")
        _demand_order(policy, change, category, step)
        if step.kind == "afterwards":
            _demand_gone(connection, change, step)
        act = ChangeAct(ActKind.STEP, claim.person, now, name=step.name, how=note)
        return Planned(act, change, Told("change.step_done"))

    return do(house, name, claim, plan)


def _named_step(policy: Policy, category: ChangeCategory, change: ChangeRequest, name: str) -> WorkflowStep:
    steps = {step.name: step for step in steps_of(policy, category)}
    step = steps.get(name)
    if step is None:
        raise NotFoundError(
            f'a {change.category} change goes through no step "{name[:80]}"',
            remedy=f"name one of: {', '.join(steps) or 'the policy has no workflow'}",
        )
    if step.kind in ("request", "assessment", "decision"):
        raise UsageError(f"{name} is the {step.kind}, which is no step to be ticked", remedy=way_to(change, step))
    return step


def _demand_gone(connection: sa.Connection, change: ChangeRequest, step: WorkflowStep) -> None:
    for bound in change.releases:
        row = releases.load(connection, bound.release)
        if row.closed_at is None:
            raise ConflictError(
                f"{step.name} comes when it went, and {bound.release} is {row.facts.state.said}",
                remedy=f"deploy it first: tidegate deploy {bound.release} ENVIRONMENT",
            )


def submit(house: House, name: str, claim: Claim) -> ChangeRequest:
    """Submit a change request as it is: bind its releases by their subjects, count its risk, ask for the decision.

    A pre-approved change is approved at once, where it is one.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such change request.
        ConflictError: a step before the decision is not done, it is submitted already as it is, or it is over.
        RefusedError: it is no change of a pre-approved category, or of the category that its release asks for.
    """
    with refusing(house, claim.person, name):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            before = loaded(connection, policy, name)
            rows = [releases.load(connection, bound.release) for bound in before.releases]
        environments = _environments(policy, [row.facts.type for row in rows])
    counted = count_risk(house, [row.facts for row in rows], policy, environments, house.now())

    def plan(connection: sa.Connection, policy: Policy, change: ChangeRequest, now: datetime) -> Planned:
        category = category_of(policy, change.category)
        CHANGE.next(change.state, ChangeEvent.SUBMITTED)
        demand_person(policy, claim.person, permitted(policy, None) | {change.opened_by}, "submit it")
        _demand_ready(policy, change, category)
        bound = tuple(_bind(connection, policy, change, one) for one in change.releases)
        if change.state is not ChangeState.OPEN and bound == change.releases:
            raise ConflictError(
                f"{change.id} is submitted already, and nothing of its releases changed since",
                remedy=f"tidegate change show {change.id}",
            )
        submitted = replace(change, releases=bound, facts=counted, submitted_at=now)
        _demand_fit(policy, submitted, category)
        act = ChangeAct(ActKind.SUBMISSION, claim.person, now, subject=submitted.digest)
        told = {"risk": risk_of(policy, submitted).level, "environments": list(bound[0].subjects)}
        told_of = Told("change.submitted", ChangeEvent.SUBMITTED, told, beforehand=category.preapproved)
        return Planned(act, submitted, told_of)

    return do(house, name, claim, plan)


def _environments(policy: Policy, types: Sequence[str]) -> list[str]:
    """The environments for which a change request is asked, or else those for production."""
    asked = [
        name for name in policy.environments if any(category_asked(policy, type_, name) is not None for type_ in types)
    ]
    production = [name for name, one in policy.environments.items() if one.purpose is Purpose.PRODUCTION]
    return list(dict.fromkeys([*asked, *production]))


def _bind(connection: sa.Connection, policy: Policy, change: ChangeRequest, bound: Bound) -> Bound:
    """A release as it is now, by environment.

    Raises:
        ConflictError: it is over, or under way.
        RefusedError: its type asks for another category.
    """
    row = releases.load(connection, bound.release)
    if row.facts.state is not ReleaseState.OPEN:
        raise ConflictError(
            f"release {bound.release} is {row.facts.state.said}", remedy="submit a change request before it goes"
        )
    environments = _environments(policy, [row.facts.type])
    for name in environments:
        asked = category_asked(policy, row.facts.type, name)
        if asked and asked != change.category:
            raise RefusedError(
                f"{article(row.facts.type)} release to {name} asks for a change request of category {asked}, and "
                f"{change.id} is of category {change.category}",
                remedy=f"tidegate change open {bound.release} --category {asked} --title TEXT --reason TEXT",
            )
    release = with_targets(row.facts, policy)
    return replace(
        _bound(bound.release, row.facts.items), subjects={name: release.subject_for(name) for name in environments}
    )


def _demand_ready(policy: Policy, change: ChangeRequest, category: ChangeCategory) -> None:
    if requested(policy, change) is None:
        raise ConflictError(
            f"what {change.opened_by} signed to open {change.id} holds no more", remedy="open another change request"
        )
    if wants_assessment(policy, category):
        missing = change.assessment.unanswered() if change.assessment is not None else ()
        if assessed(policy, change) is None or missing:
            lacks = f": {', '.join(missing)} left out" if missing else ""
            raise ConflictError(
                f"the impact of {change.id} is not assessed{lacks}",
                remedy=way_to_assess(change),
            )
    before = before_decision(policy, category)
    for step in steps_of(policy, category):
        if step.name in before and done_by(policy, change, step) is None:
            raise ConflictError(
                f"{step.name} comes before the decision on {change.id}, and is not done", remedy=way_to(change, step)
            )


def mitigate(house: House, name: str, claim: Claim, which: str, how: str) -> ChangeRequest:
    """Show what was done of what the level of risk demands.

    Args:
        which: the number of the mitigation, as ``change show`` numbers them, or its words.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such change request, or its level demands no such thing.
        ConflictError: it is not submitted, it is shown already, or the change request is over.
        UsageError: it is not said what was done.
    """
    demand_words("how", how)
    demand_texts(how=how)

    def plan(connection: sa.Connection, policy: Policy, change: ChangeRequest, now: datetime) -> Planned:
        demand_person(policy, claim.person, permitted(policy, None) | {change.opened_by}, "show what was done")
        demand_not_over(change)
        if change.state is ChangeState.OPEN:
            raise ConflictError(
                f"{change.id} is not submitted yet: what it must show is bound to what is submitted",
                remedy=f"tidegate change submit {change.id}",
            )
        line = _mitigation(policy, change, which)
        if line in mitigated(policy, change):
            raise ConflictError(f"{change.id} shows it already: {line}", remedy=f"tidegate change show {change.id}")
        act = ChangeAct(ActKind.MITIGATION, claim.person, now, name=line, how=how, subject=change.digest)
        return Planned(act, change, Told("change.mitigated"))

    return do(house, name, claim, plan)


def _mitigation(policy: Policy, change: ChangeRequest, which: str) -> str:
    level = risk_of(policy, change).level
    lines = mitigations_of(policy, level)
    if which.isascii() and which.isdigit() and 0 < int(which[:6]) <= len(lines):
        return lines[int(which[:6]) - 1]
    if which in lines:
        return which
    numbered = "; ".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    raise NotFoundError(
        f'{level or "an unknown"} risk demands no "{which[:80]}"',
        remedy=f"name one of: {numbered or 'it demands nothing'}",
    )


# The decision.


# The end.


def close(house: House, name: str, claim: Claim, outcome: str) -> ChangeRequest:
    """Record how it went and close a change request; one that was not approved is given up by this.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such change request.
        ConflictError: it is under way, a step afterwards is not done, or it is over already.
        UsageError: it is not said how it went.
    """
    demand_words("outcome", outcome)
    demand_texts(outcome=outcome)
    with refusing(house, claim.person, name):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            _demand_closable(connection, policy, loaded(connection, policy, name), claim.person)
        concerns = {"release": name, "reason": outcome}
        proven = proven_by(house, claim, Act.CLOSE_CHANGE, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy, now = policies.current(connection).policy, house.now()
            change = loaded(connection, policy, name)
            stands(policy, proven, Act.CLOSE_CHANGE, **concerns)
            demand_sure(policy, proven)
            _demand_closable(connection, policy, change, claim.person)
            state = changes.move(connection, change, ChangeEvent.CLOSED, now, outcome)
            touch(house, connection, change, now)
            data = {
                "change": name,
                "state": state.value,
                "outcome": outcome,
                **shown(spend(connection, proven, now), proven),
            }
            record(connection, Entry("change.closed", proven.actor, one_release(change), data), now)
            return replace(change, state=state, outcome=outcome)


def _demand_closable(connection: sa.Connection, policy: Policy, change: ChangeRequest, person: str) -> None:
    CHANGE.next(change.state, ChangeEvent.CLOSED)
    demand_person(policy, person, permitted(policy, None) | {change.opened_by}, "close it")
    states = {bound.release: releases.load(connection, bound.release).facts.state for bound in change.releases}
    for release, state in states.items():
        if state is ReleaseState.ROLLING:
            raise ConflictError(
                f"{release} is under way, and {change.id} lets it go", remedy="wait for it, or roll it back"
            )
    went = [release for release, state in states.items() if state in (ReleaseState.RELEASED, ReleaseState.ROLLED_BACK)]
    category = policy.changes.categories.get(change.category)
    if not went or category is None:
        return
    for step in steps_of(policy, category):
        if step.kind == "afterwards" and done_by(policy, change, step) is None:
            raise ConflictError(
                f"{step.name} comes before {change.id} is closed, and is not done", remedy=way_to(change, step)
            )
