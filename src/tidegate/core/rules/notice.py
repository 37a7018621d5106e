"""The notice that the release type asks for has been given, and its time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tidegate.core.announcement import unannounced
from tidegate.core.decision import Finding
from tidegate.core.duration import format_duration
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting, denies
from tidegate.core.rules.saying import at, names


def _announced_at(context: Context) -> datetime | None:
    """When the announcement that counts had reached its whole audience; None where there is none.

    One that did not speak of a breaking change of this release does not count: what is new and breaks something is
    announced anew. Before the third version of the rules the first announcement counted, whatever it spoke of; where
    it was delivered before its content was kept, it still does.
    """
    release = context.facts.release
    if not context.since(3) or not release.announcements:
        return release.announced_at
    return min((said.at for said in release.announcements if not unannounced(release.items, said)), default=None)


def _missing(context: Context) -> Finding:
    release = context.facts.release
    if context.since(3) and release.announcements:
        newest = max(release.announcements, key=lambda said: (said.at, said.id))
        news = [_short(change) for change in unannounced(release.items, newest)]
        return denies(
            "notice.announced",
            f"the announcement of {release.id} did not speak of {names(news)}, which "
            f"{'breaks' if len(news) == 1 else 'break'} something",
            "have it announced again, as it is now; tidegate notice timeline shows what is still due",
            [newest.id],
        )
    return denies(
        "notice.announced",
        f"no announcement of {release.id} has been delivered",
        "have one sent (communication: on: release.opened); tidegate status shows what is still due",
    )


def _short(change: str) -> str:
    component, _, sha = change.rpartition(":")
    return f"{component} {sha[:12]}"


def _waiting(context: Context, announced_at: datetime | None, notice: timedelta) -> Waiting:
    # What has not been announced could be announced now at the earliest.
    ends = (announced_at or context.now) + notice
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
    announced_at = _announced_at(context)
    if announced_at is None:
        yield _missing(context)
    yield _waiting(context, announced_at, kind.notice)


RULE = Rule(
    "notice",
    "The notice that the release type asks for has been given.",
    "7D-09, TP-13",
    START,
    _check,
    chapter=Chapter.TIME,
    keys=("release_types.{type}.notice",),
)
