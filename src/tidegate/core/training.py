"""Training: what people have learned, and for how long that counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from tidegate.core.policy import Act, Policy, Training


def lacks(policy: Policy, person: str, trainings: Iterable[str], now: datetime | None, tz: ZoneInfo) -> list[str]:
    """Which of ``trainings`` a person does not have at ``now``, sorted.

    A training that is taken again counts until its time is over, from the start of its day in the policy's zone.

    Args:
        now: UTC; None leaves the time out, for what goes on once it was started.
    """
    known = policy.people.get(person)
    done = known.trained if known else {}
    return sorted({name for name in trainings if not _counts(done.get(name), policy.trainings.get(name), now, tz)})


def _counts(day: date | None, training: Training | None, now: datetime | None, tz: ZoneInfo) -> bool:
    if day is None:
        return False
    if now is None:
        return True
    local = now.astimezone(tz)
    if day > local.date():
        return False
    if training is None or training.again is None:
        return True
    return local < datetime.combine(day, time(), tz) + training.again


def asked_before(policy: Policy, person: str, act: Act) -> list[str]:
    """The trainings without which this person may not do ``act``, sorted; of groups only where they are in one."""
    known = policy.people.get(person)
    groups = set(known.groups) if known else set()
    return sorted(
        name
        for name, training in policy.trainings.items()
        if act in training.before and (not training.groups or not groups.isdisjoint(training.groups))
    )


def missing(policy: Policy, person: str, act: Act, now: datetime | None, tz: ZoneInfo) -> list[str]:
    """The trainings that keep a person from ``act``, sorted."""
    return lacks(policy, person, asked_before(policy, person, act), now, tz)


def untrained_for(policy: Policy, person: str, listed: Iterable[str], now: datetime | None, tz: ZoneInfo) -> list[str]:
    """What a person lacks in every group by which they would be permitted; empty where one way is open.

    Args:
        listed: the people and groups that are permitted.
    """
    known = policy.people.get(person)
    names = set(listed)
    if known is None or person in names:
        return []
    groups = [name for name in known.groups if name in names]
    gaps = [
        lacks(policy, person, policy.groups[name].trainings, now, tz) if name in policy.groups else []
        for name in groups
    ]
    return sorted({name for gap in gaps for name in gap}) if gaps and all(gaps) else []
