"""A pipeline has the stages that every pipeline must have."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed


def _check(given: Given) -> Iterator[Found]:
    pipelines = given.policy.pipelines
    for name, pipeline in pipelines.each.items():
        has = {stage.does for stage in pipeline.stages}
        missing = [kind.value for kind in pipelines.must_have if kind not in has]
        if missing:
            yield Found(
                ("pipelines", "each", name),
                f"the pipeline {name} has no stage {listed(missing, 'or')}",
                f"add to its stages: {listed(f'does: {kind}' for kind in missing)}",
                at_key=True,
                also=(("pipelines", "must_have"),),
            )


LINT = Lint(
    "pipeline.incomplete", "A pipeline has the stages that every pipeline must have.", "M2-03", Severity.ERROR, _check
)
