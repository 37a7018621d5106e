"""What the policy declares of a component is built, and its images are where they are deployed from."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.facts import Item
from tidegate.core.policy import Artifact
from tidegate.core.rules.rule import START, Context, Found, Rule, denies, passes


def declared(context: Context) -> Iterator[tuple[Item, int, Artifact]]:
    """Every artifact that is asked for, in the order in which the rule answers."""
    for item in sorted(context.facts.release.items, key=lambda item: item.component):
        component = context.policy.components.get(item.component)
        for index, artifact in enumerate(component.artifacts if component else ()):
            yield item, index, artifact


def _check(context: Context) -> Iterator[Found]:
    release = context.facts.release.id
    for item, _, artifact in declared(context):
        label = f"the {artifact.kind} {artifact.name}"
        built = next((one for one in item.built if (one.kind, one.name) == (artifact.kind, artifact.name)), None)
        if built is None:
            yield denies(RULE.id, f"{label} is not built", f"tidegate artifact build {release}")
        elif artifact.image is not None and not built.pushed:
            yield denies(
                RULE.id, f"{label} is built, and not pushed", f"tidegate artifact push {release}", (built.digest,)
            )
        else:
            done = "pushed" if artifact.image is not None else "built"
            yield passes(RULE.id, f"{label} is {done} as {built.digest}", (built.digest,))


RULE = Rule(
    "artifact",
    "What the policy declares of a component is built, and its images are in their registry.",
    "7D-06, HD-13, M1-08",
    START,
    _check,
    since=2,
)
