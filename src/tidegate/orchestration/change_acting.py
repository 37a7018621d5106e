"""How an act on a change request is done: asked before it is signed, and again in its transaction, with its leaf."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.core.change_demands import (
    steps_of,
)
from tidegate.core.change_request import (
    CHANGE,
    ChangeAct,
    ChangeEvent,
    ChangeRequest,
)
from tidegate.core.policy import Act as PolicyAct
from tidegate.core.policy import ChangeCategory, Policy, WorkflowStep
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, RefusedError, StoreError, UsageError
from tidegate.orchestration.change_facts import ACTS, change_of, concerns_of
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    Proven,
    known,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import denied, refusals
from tidegate.store import changes, locks, policies, requests

MAX_TEXT = 2000
"""The most characters that any text of a change request may have: it is signed, and a statement is small."""


@contextlib.contextmanager
def refusing(house: House, person: str, change: str = "", release: str = "") -> Iterator[None]:
    """As :func:`refusals`; what the policy's words refuse leaves a leaf too, since no decision has."""
    told = {"change": change[:160]} if change else {}
    try:
        with refusals(house, "change", person, release, **told):
            yield
    except RefusedError as error:
        with contextlib.suppress(StoreError):
            denied(house, "change", person, release, error, **told)
        raise


def demand_texts(**texts: str) -> None:
    for name, text in texts.items():
        if len(text) > MAX_TEXT:
            raise UsageError(
                f"the {name} has {len(text)} characters, and at most {MAX_TEXT} are signed",
                remedy="say it in fewer words, and refer to a document for the rest",
            )


def demand_words(name: str, text: str) -> None:
    if not text.strip():
        raise UsageError(f"a change request needs a {name}", remedy=f"say it: --{name} TEXT")


def permitted(policy: Policy, step: WorkflowStep | None) -> frozenset[str]:
    """Who may do a step: its group, or else whoever may open releases."""
    if step is not None and step.by:
        return policy.people_of(step.by)
    return frozenset(permitted_people(policy, PolicyAct.OPEN, None))


def demand_person(policy: Policy, person: str, may: frozenset[str], what: str) -> None:
    known(policy, Claim(person))
    if person not in may:
        raise NotPermittedError(
            f"{person} may not {what}", remedy=f"ask one of: {', '.join(sorted(may)) or 'nobody may'}"
        )


def demand_sure(policy: Policy, proven: Proven) -> None:
    actor = proven.actor
    if not actor.assurance.at_least(policy.assurance):
        raise NotPermittedError(
            f"{actor.person} is only {actor.assurance.value}; a change request asks for {policy.assurance.value}",
            remedy="sign with your SSH key: --key PATH",
        )


def category_of(policy: Policy, name: str) -> ChangeCategory:
    """The category of that name.

    Raises:
        NotFoundError: the policy knows none.
    """
    found = policy.changes.categories.get(name)
    if found is None:
        raise NotFoundError(
            f'the policy knows no category of changes "{name[:80]}"',
            remedy=f"name one of: {', '.join(policy.changes.categories) or 'none is declared: changes.categories'}",
        )
    return found


def step_of_kind(policy: Policy, category: ChangeCategory, kind: str) -> WorkflowStep | None:
    return next((step for step in steps_of(policy, category) if step.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Told:
    """What the leaf of an act is called, and what else it tells."""

    kind: str
    event: ChangeEvent | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    beforehand: bool = False
    """Whether the change is approved by this very act, since the catalogue has approved it."""


OPENED = Told("change.opened")


@dataclass(frozen=True, slots=True)
class Planned:
    """An act as it would be done: what it is, what the change request is afterwards, and what is told."""

    act: ChangeAct
    change: ChangeRequest
    told: Told


Plan = Callable[[sa.Connection, Policy, ChangeRequest, datetime], Planned]


def loaded(connection: sa.Connection, policy: Policy, name: str) -> ChangeRequest:
    return change_of(changes.load(connection, name), policy)


def do(house: House, name: str, claim: Claim, plan: Plan) -> ChangeRequest:
    """Carry one act out: plan it, have it signed, plan it again in the transaction, and record it."""
    with refusing(house, claim.person, name):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            planned = plan(connection, policy, loaded(connection, policy, name), house.now())
        concerns = concerns_of(name, planned.act)
        act = ACTS[planned.act.kind]
        proven = proven_by(house, claim, act, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy, now = policies.current(connection).policy, house.now()
            planned = plan(connection, policy, loaded(connection, policy, name), now)
            stands(policy, proven, act, **concerns_of(name, planned.act))
            demand_sure(policy, proven)
            changes.put(connection, planned.change)
            keep(house, connection, planned.change, planned.act, proven, now, planned.told)
            return loaded(connection, policy, name)


def keep(
    house: House,
    connection: sa.Connection,
    change: ChangeRequest,
    act: ChangeAct,
    proven: Proven,
    now: datetime,
    told: Told,
) -> None:
    """Record an act: its row, the state that it leads to, the starts that wait, and the leaf."""
    proof = spend(connection, proven, now)
    changes.add_act(connection, change.id, act, proof, proven.signature)
    if told.event is not None:
        change = replace(change, state=changes.move(connection, change, told.event, now))
    if told.beforehand:
        change = replace(change, state=changes.move(connection, change, ChangeEvent.APPROVED, now))
    touch(house, connection, change, now)
    data = {
        "change": change.id,
        "category": change.category,
        "state": change.state.value,
        "name": act.name,
        "how": act.how,
        "subject": act.subject,
        **told.data,
        **shown(proof, proven),
    }
    record(connection, Entry(told.kind, proven.actor, one_release(change), data), now)


def one_release(change: ChangeRequest) -> str:
    return change.releases[0].release if len(change.releases) == 1 else ""


def touch(house: House, connection: sa.Connection, change: ChangeRequest, now: datetime) -> None:
    waiting = [requests.touch(connection, bound.release, now) for bound in change.releases]
    if any(waiting):
        house.database.after_commit(connection, house.wake)


def demand_not_over(change: ChangeRequest) -> None:
    if CHANGE.is_final(change.state):
        raise ConflictError(f"{change.id} is {change.state.value}", remedy="open another change request")
