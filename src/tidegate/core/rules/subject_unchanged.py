"""What goes on is what was allowed to start."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.decision import Action
from tidegate.core.rules.rule import FORWARD, Context, Found, Rule, denies, passes


def _check(context: Context) -> Iterator[Found]:
    granted = context.question.granted_subject
    if context.question.action is Action.START and not (granted and context.since(3)):
        return  # nothing was allowed before
    if granted == context.subject:
        yield passes(RULE.id, "the subject is the one that was allowed to start")
    else:
        yield denies(
            RULE.id,
            "the subject has changed since the start was allowed",
            f"roll back (tidegate rollback COMPONENT {context.question.environment}), then start it as it is now",
        )


RULE = Rule("subject.unchanged", "What goes on is what was allowed to start.", "M1-17", FORWARD, _check)
