"""Releases are not to come more often than the trains that they ride."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tidegate.core.frequency import parse_frequency
from tidegate.core.limit import parse_limit
from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.naming import Path
from tidegate.core.policy import Metric, Policy, Skippable


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    fastest = _fastest(policy)
    if fastest is None:
        return
    for path, said, every, kinds in (*_targets(policy), *_types(policy)):
        riding = [kind for kind in kinds if Skippable.TRAIN not in policy.release_types[kind].skips]
        if riding and every < policy.trains[fastest].cadence().least:
            yield Found(
                path,
                f"{said}, and {listed(riding)} releases ride trains, of which the fastest, {fastest}, runs every "
                f"{policy.trains[fastest].every}",
                f"let {listed(riding)} skip the train (skips: [train]), run trains.{fastest} more often, or aim lower",
                also=(("trains", fastest, "every"),),
            )


def _fastest(policy: Policy) -> str | None:
    """The train to production that departs most often."""
    to = set(asked.production(policy))
    trains = {name: train for name, train in policy.trains.items() if train.to in to}
    return min(trains, key=lambda name: trains[name].cadence().least, default=None)


_Said = tuple[Path, str, timedelta, list[str]]


def _targets(policy: Policy) -> Iterator[_Said]:
    for name, target in policy.targets.items():
        limit = parse_limit(target.limit)
        if limit and limit.unit == "days" and (target.metric or name) == Metric.DEPLOYMENT_FREQUENCY:
            kinds = list(target.types or policy.release_types)
            yield ("targets", name, "limit"), f"{name} shall be {target.limit}", timedelta(days=int(limit.value)), kinds


def _types(policy: Policy) -> Iterator[_Said]:
    for name, kind in policy.release_types.items():
        frequency = parse_frequency(kind.frequency) if kind.frequency else None
        if frequency and frequency.every and not frequency.on_demand:
            path: Path = ("release_types", name, "frequency")
            yield path, f"{name} releases shall come {frequency.text}", frequency.every, [name]


LINT = Lint(
    "contradiction.frequency",
    "Releases are not to come more often than the trains that they ride.",
    "7D-18",
    Severity.WARNING,
    _check,
)
