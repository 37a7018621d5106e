"""The notice that the release type asks for has been given, and its time has passed."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.duration import format_duration
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting, denies
from tidegate.core.rules.saying import at


def _check(context: Context) -> Iterator[Found]:
    kind = context.type
    if kind is None or not kind.notice or not is_production(context) or skips(context, Skippable.NOTICE):
        return
    announced = context.facts.release.announced_at
    if announced is None:
        yield denies(
            "notice.announced",
            f"release {context.facts.release.id} has not been announced",
            "add communication: on: release.opened, or wait until the announcement is delivered (tidegate status)",
        )
    # What has not been announced could be announced now at the earliest.
    ends = (announced or context.now) + kind.notice
    length = format_duration(kind.notice)
    yield Waiting(
        "notice",
        lambda moment: max(moment, ends),
        lambda opens: f"a {context.facts.release.type} release needs {length} of notice, until {at(context, ends)}",
        f"{length} of notice have passed",
    )


RULE = Rule("notice", "The notice that the release type asks for has been given.", "7D-09, TP-13", START, _check)
