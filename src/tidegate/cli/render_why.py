"""Why a rule answered as it did, in lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, tzinfo

from tidegate.cli.render import mark
from tidegate.cli.text import clean, faint, strong, wrapped
from tidegate.core.verdict import Verdict
from tidegate.views.moments import distance, moment
from tidegate.views.why import Because, LookedAt, WhyView

_LABEL = 11
"""Columns for what a line is about."""


def why_lines(view: WhyView, environment: str, tz: tzinfo, now: datetime) -> list[str]:
    """What the rule asks; each finding with what it rests on; where to read more."""
    lines = [strong(clean(view.rule.id)), *wrapped(view.rule.sentence, "  ")]
    for because in view.because:
        lines += ["", *_because(because, tz, now)]
    if not view.because:
        lines += ["", *wrapped(f"The policy asks nothing of it in {clean(environment)}.", "  ")]
    return [*lines, "", *_row("ledger", view.rule.reference), *_row("more", f"docs/rules/{view.rule.id}.md")]


def _because(because: Because, tz: tzinfo, now: datetime) -> Iterator[str]:
    finding = because.finding
    whose = faint(f"  ({finding.policy} policy)")
    yield f"{mark(finding.verdict, finding.verdict.value)}  {clean(finding.rule)}{whose}"
    yield from _row("found", finding.message)
    if finding.remedy and finding.verdict is not Verdict.ALLOW:
        yield from _row("remedy", finding.remedy)
    if finding.opens_at is not None:
        yield from _row("opens", moment(finding.opens_at, tz, now))
    for looked in because.looked_at:
        yield from _row("looked at", _looked(looked, now))
    for key, value in because.said:
        yield from _row("policy", f"{key}: {json.dumps(value, ensure_ascii=False)}")


def _looked(looked: LookedAt, now: datetime) -> str:
    by = f", by {looked.by}" if looked.by else ""
    at = f" {distance(looked.at, now)}" if looked.at else ""
    digest = f" ({looked.digest[:19]})" if looked.digest else ""
    return f"{looked.what}{digest}{by}{at}"


def _row(label: str, text: str) -> list[str]:
    return wrapped(clean(text), " " * (_LABEL + 2), first=f"  {label.ljust(_LABEL)}")
