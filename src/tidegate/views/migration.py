"""The migrations of a release for people: what is new for which environment, what it endangers, and the safe way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.facts import Facts
from tidegate.core.migration.advice import Phase, way_over_releases, why
from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.migration.judging import is_major, verdict_of
from tidegate.core.migration.way_back import Consequence, goes_back
from tidegate.core.policy import Migrations, Policy
from tidegate.core.verdict import Verdict
from tidegate.errors import NotFoundError, RefusedError
from tidegate.orchestration import planning
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.migration import chosen_here, declares
from tidegate.orchestration.seen import look
from tidegate.store import databases, policies, releases


@dataclass(frozen=True, slots=True)
class HazardView:
    """A hazard: what it is, where, what the policy says of it, and why."""

    danger: Danger
    place: str
    statement: str
    why: str
    verdict: Verdict
    asks: str


@dataclass(frozen=True, slots=True)
class BroughtView:
    """What a release brings to the databases of some environments in which the same version runs."""

    component: str
    environments: tuple[str, ...]
    since: str
    to: str
    scripts: tuple[str, ...]
    hazards: tuple[HazardView, ...]
    way: Mapping[str, tuple[str, ...]]
    back: Consequence | None
    unknown: str

    @property
    def refused(self) -> bool:
        """Whether the policy lets it not pass."""
        return bool(self.unknown) or any(one.verdict is not Verdict.ALLOW for one in self.hazards)


@dataclass(frozen=True, slots=True)
class MigrationsView:
    """What ``tidegate migration check`` answers. ``judged``: whether the policy asks anything of migrations."""

    of: str
    judged: bool
    brought: tuple[BroughtView, ...]

    @property
    def refused(self) -> bool:
        """Whether any of it is refused."""
        return self.judged and any(one.refused for one in self.brought)


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """The newest revision to which the database of a component has come in an environment."""

    component: str
    environment: str
    version: str
    newest: str
    digest: str
    rollout: str
    at: datetime
    settled_at: datetime | None


def revision_lines(house: House, component: str = "") -> list[RevisionLine]:
    """The databases of all components that declare migrations, or of one, by environment.

    Raises:
        NotFoundError: the policy knows no such component.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        if component and component not in policy.components:
            raise NotFoundError(f'the policy knows no component "{component}"', remedy="tidegate policy show")
        wanted = [name for name in policy.components if declares(policy, name) and component in ("", name)]
        found = [
            revision
            for name in wanted
            for environment in policy.environments
            if (revision := databases.standing(connection, name, environment)) is not None
        ]
    return [
        RevisionLine(
            one.component,
            one.environment,
            one.version,
            one.brought.scripts[-1] if one.brought.scripts else "",
            one.digest,
            one.rollout,
            one.at,
            one.settled_at,
        )
        for one in found
    ]


def migrations_view(house: House, name: str, environment: str = "") -> MigrationsView:
    """The migrations of a release, or of what a component would release next.

    Raises:
        NotFoundError: there is no such release, component or environment.
        RefusedError: the component declares no migrations.
    """
    policy, facts = _asked(house, name)
    if environment and environment not in policy.environments:
        raise NotFoundError(
            f'the policy knows no environment "{environment}"',
            remedy=f"name one of: {', '.join(policy.environments) or 'none is declared'}",
        )
    components = [item.component for item in facts.release.items if declares(policy, item.component)]
    if not components:
        of = facts.release.items[0].component
        raise RefusedError(
            f"the policy declares no migrations of {of}",
            remedy=f"say where they lie: components.{of}.migrations",
        )
    brought = [one for one in facts.brought if environment in ("", one.environment)]
    versions = {item.component: item.to_version for item in facts.release.items}
    return MigrationsView(name, policy.migrations is not None, tuple(_views(policy, brought, versions)))


def _asked(house: House, name: str) -> tuple[Policy, Facts]:
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        known = name in releases.list_ids(connection)
    if not known and name in policy.components:
        return policy, planning.plan(house, name).facts
    in_git = look(house, name)
    with house.database.read() as connection:
        _, both, facts = lay_out(connection, name, house.now(), in_git=in_git)
    return both.current.policy, facts


def _views(policy: Policy, brought: Sequence[Brought], versions: Mapping[str, str]) -> Iterator[BroughtView]:
    """One for all environments with the same to do: most often they run the same version."""
    groups: dict[tuple[object, ...], list[Brought]] = {}
    for one in brought:
        goes = goes_back(policy, one.component, one.environment)
        groups.setdefault((one.component, one.since, one.scripts, one.hazards, one.unknown, goes), []).append(one)
    for members in groups.values():
        environments = tuple(one.environment for one in members)
        yield _view(policy, members[0], environments, versions[members[0].component])


def _view(policy: Policy, one: Brought, environments: tuple[str, ...], to: str) -> BroughtView:
    rules = policy.migrations or Migrations()
    major = is_major(one.since, to)
    hazards = tuple(_hazard(hazard, rules, major) for hazard in one.hazards)
    unsafe = [hazard for hazard, seen in zip(one.hazards, hazards, strict=True) if _needs_a_way(hazard, seen)]
    way = {phase.value: tuple(steps) for phase, steps in way_over_releases(unsafe).items()}
    back = chosen_here(policy, one) if one.since and not one.unknown else None
    return BroughtView(one.component, environments, one.since, to, one.scripts, hazards, way, back, one.unknown)


def _needs_a_way(hazard: Hazard, seen: HazardView) -> bool:
    return seen.verdict is not Verdict.ALLOW or hazard.danger is Danger.LOCK


def _hazard(hazard: Hazard, rules: Migrations, major: bool | None) -> HazardView:
    verdict, asks = verdict_of(hazard, rules, major=major)
    return HazardView(hazard.danger, hazard.place, hazard.statement, why(hazard), verdict, asks)


PHASES = {
    Phase.EXPAND.value: "expand: in the next release",
    Phase.MIGRATE.value: "migrate: in a release after that one",
    Phase.CONTRACT.value: "contract: in a later release",
}
"""What each phase is called over its steps."""
