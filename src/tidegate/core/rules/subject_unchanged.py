"""What goes on is what was allowed to start."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.decision import Action
from tidegate.core.rules.rule import Context, Found, Rule, denies, passes


def _check(context: Context) -> Iterator[Found]:
    now = context.facts.release.subject_for(context.question.environment)
    if context.question.granted_subject == now:
        yield passes(RULE.id, "the subject is the one that was allowed to start")
    else:
        yield denies(
            RULE.id,
            "the subject has changed since the start was allowed",
            "roll back, or start the changed release as a release of its own",
        )


RULE = Rule(
    "subject.unchanged", "What goes on is what was allowed to start.", "M1-17", frozenset({Action.CONTINUE}), _check
)
