"""What runs where, with what each version requires of others: what requirements are held against."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.facts import Item, Running
from tidegate.core.policy import Policy
from tidegate.errors import StoreError
from tidegate.store import contents
from tidegate.store.standing import Standing, standing

Requires = Mapping[str, Mapping[str, str]]
"""What components require, by component: versions of others, as the policy writes them."""


def requirements(connection: sa.Connection, policy: str) -> Requires:
    """What the components of a stored policy, named by its digest, require.

    Raises:
        StoreError: it is missing, or is not what was stored.
    """
    return _read(contents.fetch(connection, policy))


@lru_cache(maxsize=128)
def _read(resolved: bytes) -> Requires:
    # Not compiled: a policy of long ago may be of a form that is read no more, and a rollback asks for this as well.
    stored: Any = json.loads(resolved)
    components = stored.get("components", {}) if isinstance(stored, dict) else {}
    return {name: component.get("requires", {}) for name, component in components.items()}


def requires_of(policy: Policy, component: str) -> Mapping[str, str]:
    """What a component requires, by a policy."""
    known = policy.components.get(component)
    return known.requires if known else {}


def running(connection: sa.Connection, items: Iterable[Item], policy: Policy) -> tuple[Running, ...]:
    """What runs of all that the items require, and what runs that requires one of them, in every environment.

    Args:
        policy: the current one; what was adopted has no release, and requires what this one says.
    """
    names = {item.component for item in items}
    required = {other for item in items for other in item.requires}
    places = standing(connection)
    # A thousand places are of a handful of policies, and each is large: it is read once, not once for each place.
    stored = {name: _requirements_or_why_not(connection, name) for name in {s.policy for s in places if s.policy}}
    found = [_running(stands, stored.get(stands.policy), policy) for stands in places]
    return tuple(r for r in found if r.component in required or r.unknown or not names.isdisjoint(r.requires))


def _requirements_or_why_not(connection: sa.Connection, policy: str) -> Requires | StoreError:
    try:
        return requirements(connection, policy)
    except StoreError as error:
        return error


def _running(stands: Standing, stored: Requires | StoreError | None, policy: Policy) -> Running:
    """What runs in a place; ``stored`` is what its release's policy requires, None where it was adopted."""
    if isinstance(stored, StoreError):
        return Running(stands.component, stands.environment, stands.version, unknown=stored.what)
    requires = requires_of(policy, stands.component) if stored is None else stored.get(stands.component, {})
    return Running(stands.component, stands.environment, stands.version, requires if stands.version else {})
