"""What goes on is what was allowed to start."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.rules.rule import CONTINUE, Context, Found, Rule, denies, passes


def _check(context: Context) -> Iterator[Found]:
    if context.question.granted_subject == context.subject:
        yield passes(RULE.id, "the subject is the one that was allowed to start")
    else:
        yield denies(
            RULE.id,
            "the subject has changed since the start was allowed",
            f"roll back (tidegate rollback COMPONENT {context.question.environment}), then start it as it is now",
        )


RULE = Rule("subject.unchanged", "What goes on is what was allowed to start.", "M1-17", CONTINUE, _check)
