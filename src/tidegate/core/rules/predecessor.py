"""The same subject was verified in the environments that come before, for as long as the policy says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.core.duration import format_duration
from tidegate.core.facts import Item
from tidegate.core.policy import After, Skippable
from tidegate.core.rules.demands import afters, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting, denies, passes
from tidegate.core.rules.saying import at


@dataclass(frozen=True, slots=True)
class _Stay:
    """From when to when the subject was in an environment; ``left`` None: it is there still."""

    since: datetime
    left: datetime | None

    def lasted(self, length: timedelta) -> bool:
        return self.left is not None and self.left - self.since >= length


def _stays(context: Context, item: Item, where: str) -> list[_Stay]:
    """Each time that the subject as it is now was there, the oldest first; what comes next ends a stay."""
    subject = context.known.digest(item, where)
    there = sorted(
        (v.at, v.subject != subject)
        for v in context.facts.verified
        if v.component == item.component and v.environment == where and v.at <= context.now
    )
    stays: list[_Stay] = []
    since: datetime | None = None
    for moment, is_other in there:
        if since is None and not is_other:
            since = moment
        elif since is not None and is_other:
            stays.append(_Stay(since, moment))
            since = None
    return [*stays, _Stay(since, None)] if since else stays


def _verified(context: Context, item: Item, where: str, stays: list[_Stay]) -> Found:
    rule, name = f"{RULE.id}.{where}", f"{item.component} {item.to_version}"
    if stays:
        return passes(rule, f"{name} was verified in {where} {at(context, stays[0].since)}")
    return denies(
        rule,
        f"{name} as it is now has not been verified in {where}",
        f"tidegate deploy {context.facts.release.id} {where}",
    )


def _soak(context: Context, item: Item, where: str, soak: timedelta, stays: list[_Stay]) -> Iterator[Found]:
    rule, length = f"soak.{where}", format_duration(soak)
    if any(stay.lasted(soak) for stay in stays):
        yield passes(rule, f"{item.component} was in {where} for {length}")
        return
    if stays and stays[-1].left is not None:
        yield denies(
            rule,
            f"{item.component} left {where} {at(context, stays[-1].left)}, before {length} were over",
            f"tidegate deploy {context.facts.release.id} {where}",
        )
    # What is not there could be there now at the earliest.
    ends = (stays[-1].since if stays and stays[-1].left is None else context.now) + soak
    yield Waiting(
        rule,
        lambda moment: max(moment, ends),
        lambda opens: f"{item.component} must stay in {where} for {length}, until {at(context, ends)}",
        lambda: f"{item.component} was in {where} for {length}, until {at(context, ends)}",
    )


def _check_after(context: Context, after: After, item: Item) -> Iterator[Found]:
    stays = _stays(context, item, after.environment)
    yield _verified(context, item, after.environment, stays)
    if after.soak and not skips(context, Skippable.SOAK):
        yield from _soak(context, item, after.environment, after.soak, stays)


def _check(context: Context) -> Iterator[Found]:
    items = sorted(context.facts.release.items, key=lambda i: i.component)
    for after in afters(context):
        for item in items:
            yield from _check_after(context, after, item)


RULE = Rule(
    "after",
    "The same subject was verified in the environments that come before, and stayed there long enough.",
    "7D-07, TP-07, HD-04",
    START,
    _check,
    also=("soak",),
    chapter=Chapter.PROMOTION,
    keys=("environments.{environment}.after",),
)
