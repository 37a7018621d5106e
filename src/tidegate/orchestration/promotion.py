"""Promotion by itself: where the policy says so, Tidegate asks for the start that a person would ask for.

It asks and no more: the same rules are put the same questions, whether its request is allowed is decided as anybody's
is, and until then it waits as anybody's does.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.facts import Release
from tidegate.core.policy import Environment, Policy
from tidegate.errors import NotPermittedError
from tidegate.orchestration.identity import nonce
from tidegate.orchestration.record import Entry, record
from tidegate.store import requests, rollouts
from tidegate.store.requests import Request

PROMOTION = Actor.automation("promotion")


def promote(
    connection: sa.Connection, policy: Policy, release: Release, now: datetime, *, verified_in: str = ""
) -> None:
    """Ask for the starts of a release that the policy promotes by itself.

    Args:
        verified_in: where it was just found good; empty: it was just opened.
    """
    for name, environment in policy.environments.items():
        if environment.promotion.automatic and _comes_next(environment, verified_in):
            _ask(connection, policy, release, name, now)


def promoter(policy: Policy, environment: str) -> Actor:
    """Who starts in an environment where Tidegate promotes by itself.

    Raises:
        NotPermittedError: it does not any more.
    """
    known = policy.environments.get(environment)
    if known is None or not known.promotion.automatic:
        raise NotPermittedError(
            f"the policy does not have Tidegate start in {environment} by itself any more",
            remedy="let a person start it",
        )
    return PROMOTION


def _comes_next(environment: Environment, verified_in: str) -> bool:
    before = [after.environment for after in environment.after]
    return verified_in in before if verified_in else not before


def _ask(connection: sa.Connection, policy: Policy, release: Release, environment: str, now: datetime) -> None:
    known = [policy.components.get(item.component) for item in release.items]
    if any(component is None or environment not in component.targets for component in known):
        return
    waits = any(one.environment == environment for one in requests.waiting(connection, release.id))
    if waits or _is_there(connection, release, environment):
        return
    request = Request(f"start-{nonce()[:12]}", release.id, environment, PROMOTION, now, due_at=now)
    requests.put(connection, request)
    data = {"environment": environment, "request": request.id}
    record(connection, Entry("start.requested", PROMOTION, release.id, data), now)


def _is_there(connection: sa.Connection, release: Release, environment: str) -> bool:
    """Whether all of it was found good there already."""
    found = rollouts.verified(connection, [item.component for item in release.items])
    good = {(one.component, one.environment, one.subject) for one in found}
    return all((i.component, environment, i.subject.digest_for(environment)) in good for i in release.items)
