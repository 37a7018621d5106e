"""Count what the risk of a change is computed from: by Git and from the store, outside any transaction that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.facts import Item, Release
from tidegate.core.policy import Policy
from tidegate.core.risk import RECENT_ROLLOUTS, RiskFacts
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.version import Version, parse_version
from tidegate.errors import RevisionError, TidegateError
from tidegate.git.changed import changed, fixed_before
from tidegate.git.moved import touches
from tidegate.git.repository import Repository, open_repository
from tidegate.orchestration.history import source_of
from tidegate.orchestration.house import House
from tidegate.store import rollouts

_FARTHEST = timedelta(days=36_500)

_TAKEN_BACK = (RolloutState.ROLLED_BACK, RolloutState.REVERSING)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What Git says of one component of a change, or why it says nothing."""

    files: int = 0
    lines: int = 0
    migrations: int = 0
    broken_files: int = 0
    fixes: int = 0
    unknown: str = ""


def count_risk(
    house: House, releases: Sequence[Release], policy: Policy, environments: Sequence[str], now: datetime
) -> RiskFacts:
    """What can be counted now of a change of these releases for these environments."""
    items = [item for release in releases for item in release.items]
    counted = [_of_item(house, policy, item, now) for item in items]
    with house.database.read() as connection:
        days, taken_back, among = _history(connection, items, environments, now)
    return RiskFacts(
        commits=sum(len(item.changes) for item in items),
        files=sum(one.files for one in counted),
        lines=sum(one.lines for one in counted),
        migrations=sum(one.migrations for one in counted),
        breaking=sum(change.breaking for item in items for change in item.changes),
        broken_files=sum(one.broken_files for one in counted),
        fixes=sum(one.fixes for one in counted),
        days_since_deploy=days,
        rollouts=among,
        failures=taken_back,
        unknown=tuple(dict.fromkeys(one.unknown for one in counted if one.unknown)),
    )


def _of_item(house: House, policy: Policy, item: Item, now: datetime) -> _Counted:
    try:
        return _by_git(open_repository(house.root), policy, item, now)
    except TidegateError as error:
        return _Counted(unknown=f"{item.component}: {error.what}")


def _by_git(repository: Repository, policy: Policy, item: Item, now: datetime) -> _Counted:
    component = policy.components.get(item.component)
    if component is None:
        return _Counted(unknown=f"{item.component}: the policy does not know it")
    if repository.is_shallow:
        return _Counted(unknown=f"{item.component}: this is a shallow clone, in which commits are missing")
    source = source_of(policy, component)
    commit = repository.resolve(item.subject.commit)
    base = ""
    if item.from_version:
        before: Version = parse_version(item.from_version, component.versions)
        tag = source.tag_format.tag_for(before)
        try:
            base = repository.resolve(f"refs/tags/{tag}")
        except RevisionError:
            return _Counted(unknown=f"{item.component}: the tag {tag} of what it follows is not here")
    found = changed(repository, base, commit, (source.path, *source.shared))
    migrations = [name for name in found.files if component.migrations and touches([name], [component.migrations])]
    since = now - min(policy.changes.risk.fixes_within, _FARTHEST)
    fixed = fixed_before(repository, base or commit, found.files, since)
    return _Counted(len(found.files), found.lines, len(migrations), fixed.files, fixed.fixes)


def _history(
    connection: sa.Connection, items: Sequence[Item], environments: Sequence[str], now: datetime
) -> tuple[int | None, int, int]:
    """Days since the longest ago of the components' last deployments, and how many of their last ones were taken back.

    None days: one of them never went there.
    """
    since: list[int | None] = []
    taken_back = among = 0
    for component in dict.fromkeys(item.component for item in items):
        ended = [
            rollout
            for environment in environments
            for rollout in rollouts.find(connection, component=component, environment=environment)
            if rollout.direction is not Direction.BACK and rollout.ended_at is not None
        ]
        # What was adopted stands there as well as what was carried there; it has no history of failing.
        good = [r.ended_at for r in ended if r.state is RolloutState.SUCCEEDED and r.ended_at is not None]
        since.append(max(0, (now - max(good)).days) if good else None)
        past = [rollout for rollout in ended if rollout.direction is Direction.FORWARD]
        past = sorted(past, key=lambda r: (r.ended_at or now, r.id), reverse=True)[:RECENT_ROLLOUTS]
        taken_back += sum(rollout.state in _TAKEN_BACK for rollout in past)
        among += len(past)
    days = [number for number in since if number is not None]
    return (max(days) if len(days) == len(since) and days else None), taken_back, among
