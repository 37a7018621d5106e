"""An emergency: who declared it, for what, until when it is in force; whom it calls, and when.

Nothing here is the break-glass of ``orchestration/breakglass.py``: that goes back without the database, and asks for
no emergency. An emergency goes forward, by the policy, with everything recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.clock import to_text
from tidegate.core.canonical import digest_of
from tidegate.core.policy import Contact, Policy


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency that was declared. It is in force until it is ended, or until ``expires_at``.

    ``incident`` is the number of the incident, wherever it is kept; ``criterion`` is one of a release type's, word by
    word. ``components`` are those that its releases may be of. ``invalid`` says why the declaration does not hold: its
    signature is not its declarer's any more, or the record says something else; it is found anew whenever facts are
    gathered, and empty while it holds.
    """

    id: str
    incident: str
    reason: str
    criterion: str
    components: tuple[str, ...]
    declared_by: str
    declared_at: datetime
    expires_at: datetime
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    ended_at: datetime | None = None
    invalid: str = ""

    @property
    def terms(self) -> str:
        """The digest of what is declared, and until when: what its declarer signs."""
        said = (self.incident, self.reason, self.criterion, sorted(self.components), to_text(self.expires_at))
        return digest_of(list(said))

    def in_force(self, now: datetime) -> bool:
        """Whether releases may go by it at ``now``."""
        return not self.invalid and self.ended_at is None and self.declared_at <= now < self.expires_at

    def covers(self, components: Iterable[str]) -> bool:
        """Whether it speaks of all of ``components``."""
        return frozenset(components) <= frozenset(self.components)


@dataclass(frozen=True, slots=True)
class Call:
    """A contact that is called, so long after the declaration, if nobody has acknowledged by then."""

    contact: str
    after: timedelta


def calls(policy: Policy) -> tuple[Call, ...]:
    """Whom an emergency calls: each contact once, in the order of time.

    The first contact is called at once, and the next one when the time to acknowledge has passed: the contact's own, or
    else the emergency's. Where neither is said nobody can be late, and all are called at once. Whom a contact hands on
    to is called as well, so long after that contact was.

    Source: HD-12.
    """
    found: dict[str, timedelta] = {}
    after = timedelta(0)
    for name in policy.emergency.call:
        _call(policy, name, after, found)
        after += _patience(policy, policy.contacts.get(name))
    ordered = sorted(found.items(), key=lambda call: call[1])
    return tuple(Call(name, when) for name, when in ordered)


def _call(policy: Policy, name: str, after: timedelta, found: dict[str, timedelta]) -> None:
    if name in found and found[name] <= after:
        return
    found[name] = after
    contact = policy.contacts.get(name)
    for step in contact.escalation if contact else ():
        _call(policy, step.to, after + step.after, found)


def _patience(policy: Policy, contact: Contact | None) -> timedelta:
    own = contact.acknowledges if contact else None
    return own or policy.emergency.acknowledge_within or timedelta(0)


def patience(policy: Policy) -> timedelta | None:
    """Within how long an emergency is acknowledged: the emergency's own time, or that of its first contact."""
    first = policy.contacts.get(policy.emergency.call[0]) if policy.emergency.call else None
    return policy.emergency.acknowledge_within or (first.acknowledges if first else None)


def is_emergency_type(policy: Policy, release_type: str) -> bool:
    """Whether releases of this type are emergency releases."""
    return release_type in policy.emergency.types


def criteria(policy: Policy) -> tuple[str, ...]:
    """What an emergency can be declared for: the criteria of the types that are emergency releases, each once."""
    kinds = [policy.release_types[name] for name in policy.emergency.types if name in policy.release_types]
    return tuple(dict.fromkeys(one for kind in kinds for one in kind.criteria))


def criterion_of(policy: Policy, said: str) -> str:
    """The criterion that ``said`` names, whatever its case; empty where it names none."""
    wanted = " ".join(said.split()).casefold()
    return next((one for one in criteria(policy) if " ".join(one.split()).casefold() == wanted), "")


def declarers(policy: Policy) -> frozenset[str]:
    """The people who may declare an emergency, and end it."""
    return people_listed(policy, policy.emergency.declared_by)


def acknowledgers(policy: Policy, called: Sequence[str]) -> frozenset[str]:
    """The people who may acknowledge: those behind the contacts that it calls; where nobody is, who may declare it."""
    groups = [contact.group for name in called if (contact := policy.contacts.get(name)) and contact.group]
    return people_listed(policy, groups) or declarers(policy)


def people_listed(policy: Policy, listed: Iterable[str]) -> frozenset[str]:
    """The enabled people who are listed by their name or by a group of theirs."""
    wanted = frozenset(listed)
    return frozenset(
        name
        for name, person in policy.people.items()
        if not person.disabled and (name in wanted or not wanted.isdisjoint(person.groups))
    )


def emergency_for(
    policy: Policy,
    release_type: str,
    components: Iterable[str],
    known: Iterable[Emergency],
    now: datetime,
    *,
    granted: bool = False,
) -> Emergency | None:
    """The emergency by which a release goes: in force, of all its components, for a criterion of its type.

    Of several, the one that was declared first.

    Args:
        granted: it has gone by it already; that it is over since does not matter. Then it is one in force, if one is,
            and else the one that was declared last.
    """
    kind = policy.release_types.get(release_type)
    if kind is None or not is_emergency_type(policy, release_type):
        return None
    wanted = tuple(components)
    fitting = [
        one
        for one in known
        if (one.in_force(now) or (granted and not one.invalid and one.declared_at <= now))
        and one.covers(wanted)
        and one.criterion in kind.criteria
    ]
    in_force = [one for one in fitting if one.in_force(now)]
    if in_force or not granted:
        return min(in_force, key=lambda one: (one.declared_at, one.id), default=None)
    return max(fitting, key=lambda one: (one.declared_at, one.id), default=None)
