"""The notice that the release type asks for has been given, and its time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tidegate.core.duration import format_duration
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting, denies
from tidegate.core.rules.saying import at


def _waiting(context: Context, notice: timedelta) -> Waiting:
    # What has not been announced could be announced now at the earliest.
    ends = (context.facts.release.announced_at or context.now) + notice
    length = format_duration(notice)
    return Waiting(
        RULE.id,
        lambda moment: max(moment, ends),
        lambda opens: f"a {context.facts.release.type} release needs {length} of notice, until {at(context, ends)}",
        lambda: f"{length} of notice were over {at(context, ends)}",
    )


def _check(context: Context) -> Iterator[Found]:
    kind = context.type
    if kind is None or not kind.notice or not is_production(context) or skips(context, Skippable.NOTICE):
        return
    if context.facts.release.announced_at is None:
        yield denies(
            "notice.announced",
            f"no announcement of {context.facts.release.id} has been delivered",
            "have one sent (communication: on: release.opened); tidegate status shows what is still due",
        )
    yield _waiting(context, kind.notice)


RULE = Rule("notice", "The notice that the release type asks for has been given.", "7D-09, TP-13", START, _check)
