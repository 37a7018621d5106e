"""A type's timeline and horizon leave room for what the policy asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import length
from tidegate.core.naming import Path
from tidegate.core.policy import Policy, Process, ReleaseType, Skippable
from tidegate.core.rules.saying import article
from tidegate.core.span import parse_span


def _check(given: Given) -> Iterator[Found]:
    for name, kind in given.policy.release_types.items():
        if kind.timeline:
            yield from _timeline(given.policy, name, kind, kind.timeline)
        if kind.horizon and kind.notice and Skippable.NOTICE not in kind.skips:
            yield from _horizon(name, kind.horizon, kind.notice)


def _timeline(policy: Policy, name: str, kind: ReleaseType, timeline: str) -> Iterator[Found]:
    path: Path = ("release_types", name, "timeline")
    most = parse_span(timeline).most
    process = policy.processes.get(kind.process or "")
    if process is not None and _least(process) > most:
        yield Found(
            path,
            f"{article(name)} release takes {timeline}, and the phases of its process {kind.process} take "
            f"{_range(process)}",
            f"give it a shorter process, shorten phases of processes.{kind.process}, or allow it more time",
            also=(("processes", kind.process or "", "phases"),),
        )
        return
    for environment in asked.production(policy):
        soak = asked.soak(policy, environment, kind)
        if soak > most:
            yield Found(
                path,
                f"{article(name)} release takes {timeline}, and must stay {length(soak)} before {environment}",
                f"let it skip the soak (skips: [soak]), shorten the soak before {environment}, or allow it more time",
                also=(("environments", environment, "after"),),
            )


def _horizon(name: str, horizon: str, notice: timedelta) -> Iterator[Found]:
    if parse_span(horizon).most < notice:
        yield Found(
            ("release_types", name, "horizon"),
            f"{article(name)} release is planned {horizon} ahead, and needs {length(notice)} of notice",
            "plan it further ahead, or ask for less notice",
            also=(("release_types", name, "notice"),),
        )


def _least(process: Process) -> timedelta:
    return sum((span.least for phase in process.phases if (span := phase.span())), timedelta(0))


def _range(process: Process) -> str:
    most = sum((span.most for phase in process.phases if (span := phase.span())), timedelta(0))
    least = _least(process)
    return length(least) if least == most else f"{length(least)} to {length(most)}"


LINT = Lint(
    "contradiction.timeline",
    "A type's timeline and horizon leave room for what the policy asks of it.",
    "HD-15",
    Severity.WARNING,
    _check,
)
