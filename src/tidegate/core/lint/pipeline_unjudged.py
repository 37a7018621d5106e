"""Of each stage of a pipeline somebody can tell whether it was done."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import Pipeline, Stage, StageKind

_TOLD_BY_THE_POLICY = frozenset({StageKind.APPROVAL, StageKind.BACKUP})
"""What these come to is asked of the policy's own approvals and backups."""


def _check(given: Given) -> Iterator[Found]:
    for name, pipeline in given.policy.pipelines.each.items():
        for index, stage in enumerate(pipeline.stages):
            if lacks := _lacks(pipeline, stage):
                what, remedy = lacks
                path = ("pipelines", "each", name, "stages", index)
                yield Found(path, f"stage {index + 1} of the pipeline {name}, {stage.does.value}, {what}", remedy)


def _lacks(pipeline: Pipeline, stage: Stage) -> tuple[str, str] | None:
    if stage.does is StageKind.DEPLOY:
        if stage.environment is None:
            return "does not say where it deploys: it stops nothing", "give it an environment"
        return None
    if not stage.run and stage.gate is None and stage.does not in _TOLD_BY_THE_POLICY:
        return (
            "names neither a command nor a gate: nobody can tell whether it was done, and it stops nothing",
            "give it run: with expects: or report:, or the gate that its evidence passes",
        )
    # Where another tool runs the command, what that must say is the tool's business.
    if stage.run and pipeline.tool is None and stage.expects is None and stage.report is None:
        return (
            "runs a command and does not say what that must say or write: Tidegate will not run it",
            "give it expects: or report:, since an exit code alone is not believed; or name the tool that runs it",
        )
    return None


LINT = Lint(
    "pipeline.unjudged",
    "Of each stage of a pipeline somebody can tell whether it was done.",
    "M2-03",
    Severity.WARNING,
    _check,
)
