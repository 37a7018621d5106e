"""Delegations: a person hands their voice to another for a time, signed; nobody hands on what they were handed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.canonical import digest_of


@dataclass(frozen=True, slots=True)
class Delegation:
    """``by`` hands ``to`` their voice, for the groups or roles in ``scope``, from ``at`` until ``until``, half-open.

    ``invalid`` says why the signature does not hold any more; it is found anew whenever facts are gathered.
    """

    id: str
    by: str
    to: str
    scope: tuple[str, ...]
    at: datetime
    until: datetime
    reason: str = ""
    invalid: str = ""
    revoked_at: datetime | None = None

    def covers(self, group: str, role: str) -> bool:
        """Whether it is about a demand of that group, in that role."""
        return group in self.scope or bool(role and role in self.scope)

    def stands(self) -> bool:
        """Whether it was neither taken back nor found invalid; how long it holds is another question."""
        return self.revoked_at is None and not self.invalid


def terms(to: str, scope: Iterable[str], until: str) -> str:
    """The digest of what is handed to whom until when, which the statement of a delegation names as its subject."""
    return digest_of({"delegate": to, "for": sorted(set(scope)), "until": until})


def handed(delegations: Iterable[Delegation], moment: datetime) -> list[Delegation]:
    """The delegations in force at ``moment``, in an order that does not depend on that in which they are given.

    A person has one delegate at a time: of several, whom they named first. Nobody hands their voice to themselves.
    """
    found = [each for each in delegations if each.stands() and each.by != each.to and each.at <= moment < each.until]
    found.sort(key=lambda each: (each.at, each.id, each.to, each.scope))
    delegate: dict[str, str] = {}
    for each in found:
        delegate.setdefault(each.by, each.to)
    return [each for each in found if delegate[each.by] == each.to]
