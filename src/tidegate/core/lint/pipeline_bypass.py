"""A pipeline that deploys to production passes what the policy asks for before."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.policy import Pipeline, Policy, StageKind


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    for environment in asked.production(policy):
        past: dict[tuple[StageKind, ...], list[tuple[str, int]]] = {}
        for name, pipeline in policy.pipelines.each.items():
            index = _deploys_at(pipeline, environment)
            if index is not None and (lacking := _lacking(policy, pipeline, index, environment)):
                past.setdefault(lacking, []).append((name, index))
        yield from (_found(policy, environment, found, lacking) for lacking, found in past.items())


def _deploys_at(pipeline: Pipeline, environment: str) -> int | None:
    """The stage at which it first deploys there."""
    stages = enumerate(pipeline.stages)
    return next((i for i, s in stages if s.does is StageKind.DEPLOY and s.environment == environment), None)


def _lacking(policy: Policy, pipeline: Pipeline, index: int, environment: str) -> tuple[StageKind, ...]:
    before = {stage.does for stage in pipeline.stages[:index]}
    wanted = {StageKind.APPROVAL: _asks_approval, StageKind.BACKUP: _asks_backup}
    return tuple(kind for kind, asks in wanted.items() if kind not in before and asks(policy, environment))


def _asks_approval(policy: Policy, environment: str) -> bool:
    kinds = policy.release_types.values()
    return environment in policy.changes.required or any(asked.approvals(policy, environment, k) for k in kinds)


def _asks_backup(policy: Policy, environment: str) -> bool:
    names = {gate for kind in policy.release_types.values() for gate in asked.gates(policy, environment, kind)}
    names |= set(policy.environments[environment].gates)
    gates = [policy.gates[name] for name in names if name in policy.gates]
    return bool(policy.environments[environment].backups) or any("backup" in gate.evidence for gate in gates)


def _found(policy: Policy, environment: str, found: list[tuple[str, int]], lacking: tuple[StageKind, ...]) -> Found:
    names = listed(_named(name, policy.pipelines.each[name]) for name, _ in found)
    deploy = f"the pipeline {names} deploys" if len(found) == 1 else f"the pipelines {names} deploy"
    nouns = listed(("an approval" if kind is StageKind.APPROVAL else "a backup" for kind in lacking), "or")
    first, *others = [("pipelines", "each", name, "stages", index) for name, index in found]
    return Found(
        first,
        f"{deploy} to {environment} without {nouns}, which the policy asks for",
        f"add a stage before it ({listed(f'does: {kind.value}' for kind in lacking)}), or let Tidegate deploy there",
        also=(*others, ("environments", environment)),
    )


def _named(name: str, pipeline: Pipeline) -> str:
    started = f"the tag {pipeline.on_tag}" if pipeline.on_tag else f"the branch {pipeline.on_branch}"
    return f"{name} (started by {started})" if pipeline.on_tag or pipeline.on_branch else name


LINT = Lint(
    "contradiction.pipeline-bypass",
    "A pipeline that deploys to production passes what the policy asks for before.",
    "HD-15",
    Severity.WARNING,
    _check,
)
