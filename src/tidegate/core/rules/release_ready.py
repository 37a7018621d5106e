"""The release is open, and of a type and from a template that the policy knows."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.decision import Action
from tidegate.core.release import ReleaseState
from tidegate.core.rules.demands import is_production
from tidegate.core.rules.rule import FORWARD, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import names
from tidegate.core.version import is_later


def _wanted(context: Context) -> ReleaseState:
    """Open to start; rolling to go on, also with the next component of a joint rollout, whose start was granted."""
    question = context.question
    goes_on = question.action is Action.CONTINUE or (bool(question.granted_subject) and context.since(3))
    return ReleaseState.ROLLING if goes_on else ReleaseState.OPEN


_REMEDY = {
    ReleaseState.OPEN: "start its rollout: tidegate deploy {release} {environment}",
    ReleaseState.ROLLING: "wait for the rollout that is under way (tidegate rollout list), or roll it back",
    ReleaseState.RELEASED: "open a release of what came after it: tidegate release open COMPONENT",
    ReleaseState.ROLLED_BACK: "this one does not go again; open one with the fix: tidegate release open COMPONENT",
    ReleaseState.SUPERSEDED: "go on with the newer one: tidegate release show {release} names it",
    ReleaseState.CANCELLED: "open another release: tidegate release open COMPONENT",
}


def _type(context: Context) -> Iterator[Found]:
    if context.type is None:
        known = context.policy.release_types
        yield denies(
            RULE.id,
            f'the policy knows no release type "{context.facts.release.type}"',
            f"open it as one of: {names(known)}" if known else "declare it under release_types",
        )


def _template(context: Context) -> Iterator[Found]:
    name = context.facts.release.template
    if name and context.template is None:
        yield denies(
            RULE.id,
            f'it was opened from the release template "{name}", which the policy does not have',
            "declare it under release_templates, or open the release again without it",
        )


def _items(context: Context) -> Iterator[Found]:
    release = context.facts.release
    if not release.items:
        yield denies(
            RULE.id, f"{release.id} has no components", "open a release of one: tidegate release open COMPONENT"
        )
    for name in sorted({item.component for item in release.items} - context.policy.components.keys()):
        yield denies(RULE.id, f'the policy knows no component "{name}"', f"declare it: components.{name}")


def _state(context: Context) -> Found:
    release, wanted = context.facts.release, _wanted(context)
    if release.state is wanted:
        return passes(RULE.id, f"{release.id} is {_said(release.state)}")
    if release.state is ReleaseState.RELEASED and _goes_again(context):
        return _again(context)
    remedy = _REMEDY[release.state].format(release=release.id, environment=context.question.environment)
    return denies(RULE.id, f"{release.id} is {_said(release.state)}, not {_said(wanted)}", remedy)


def _goes_again(context: Context) -> bool:
    """Whether what production has may be brought here again: it is a copy, rehearsed in, or built anew."""
    return context.since(4) and context.environment is not None and not is_production(context)


def _again(context: Context) -> Found:
    release, where = context.facts.release, context.question.environment
    for item in release.items:
        for one in context.facts.verified:
            here = (one.component, one.environment) == (item.component, where)
            # What cannot be compared may be later.
            if here and one.version != item.to_version and is_later(one.version, item.to_version) is not False:
                return denies(
                    RULE.id,
                    f"{release.id} is {_said(release.state)}, and {where} has had {one.component} {one.version}",
                    f"go back to it: tidegate rollback {item.component} {where} --to {item.to_version}",
                )
    return passes(RULE.id, f"{release.id} is {_said(release.state)}, and {where} has had nothing later")


def _said(state: ReleaseState) -> str:
    return state.value.replace("_", " ")


def _check(context: Context) -> Iterator[Found]:
    yield from _type(context)
    yield from _template(context)
    yield from _items(context)
    yield _state(context)


RULE = Rule(
    "release.ready",
    "The release stands where this can be done, and is of a known type.",
    "M1-04, HD-02",
    FORWARD,
    _check,
    keys=("release_types.{type}",),
)
