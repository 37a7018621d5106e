"""The release is open, and of a type that the policy knows."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.decision import Action
from tidegate.core.release import ReleaseState
from tidegate.core.rules.rule import FORWARD, Context, Found, Rule, denies, passes

_STATES = {
    Action.START: frozenset({ReleaseState.OPEN}),
    Action.CONTINUE: frozenset({ReleaseState.ROLLING}),
}


def _check(context: Context) -> Iterator[Found]:
    release = context.facts.release
    if context.type is None:
        yield denies(
            RULE.id,
            f'the policy knows no release type "{release.type}"',
            f"name one of: {', '.join(sorted(context.policy.release_types)) or 'none is declared'}",
        )
    for item in release.items:
        if item.component not in context.policy.components:
            yield denies(
                RULE.id, f'the policy knows no component "{item.component}"', f"declare it under components: {item.component}"
            )
    if not release.items:
        yield denies(RULE.id, f"release {release.id} has no items", "open a release of at least one component")
    wanted = _STATES[context.question.action]
    if release.state in wanted:
        yield passes(RULE.id, f"release {release.id} is {release.state.value}")
    else:
        yield denies(
            RULE.id,
            f"release {release.id} is {release.state.value}, not {' or '.join(sorted(wanted))}",
            _REMEDY[release.state],
        )


_REMEDY = {
    ReleaseState.OPEN: "start its rollout first",
    ReleaseState.ROLLING: "wait for the rollout that is under way, or roll it back",
    ReleaseState.RELEASED: "open a release of what came after it",
    ReleaseState.ROLLED_BACK: "open a release with the fix: what was taken back does not go again",
    ReleaseState.CANCELLED: "open another release",
}

RULE = Rule(
    "release.ready", "The release stands where this can be done, and is of a known type.", "M1-04, HD-02", FORWARD, _check
)
