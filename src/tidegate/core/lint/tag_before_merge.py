"""What is deployed is what was tagged."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import Branch, Environment


def _check(given: Given) -> Iterator[Found]:
    branches = given.policy.branches
    for name, branch in branches.items():
        target = branches.get(branch.merges_into or "")
        if branch.tag is None or target is None or target.tag is not None:
            continue
        for where, environment in given.policy.environments.items():
            index = _deploys_only(environment, name, branch, branch.merges_into or "", target)
            if index is not None:
                yield Found(
                    ("environments", where, "deploy_from", index),
                    f"{where} is deployed from {target.pattern}, into which {branch.pattern} is merged after its tag "
                    "was set: what is deployed is not what was tagged",
                    "deploy what the tag names (deploy_from: [tag]), or set the tag after the merge",
                    also=(("branches", name, "merges_into"),),
                )


def _deploys_only(environment: Environment, name: str, branch: Branch, into: str, target: Branch) -> int | None:
    """Where an environment names the branch that is merged into, and neither the tagged one nor its tags."""
    sources = environment.deploy_from or ()
    if not {"tag", name, branch.pattern}.isdisjoint(sources):
        return None
    return next((index for index, source in enumerate(sources) if source in (into, target.pattern)), None)


LINT = Lint(
    "contradiction.tag-before-merge", "What is deployed is what was tagged.", "HD-15, M1-17", Severity.WARNING, _check
)
