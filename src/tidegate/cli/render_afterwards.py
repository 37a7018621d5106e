"""What is done after releases, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.views.afterwards import FeedbackView, FollowView, ReviewView
from tidegate.views.moments import counted, moment

_MARKS = {
    "open": doubtful("~"),
    "overdue": bad("✗"),
    "done": good("✓"),
    "done late": good("✓"),
    "dropped": faint("-"),
}


def follow_rows(found: Sequence[FollowView], tz: tzinfo, now: datetime) -> list[str]:
    """A few lines for each: what, by whom, until when; what people said when it was done."""
    lines: list[str] = []
    for one in found:
        lines += [f"{_MARKS[one.standing]} {strong(clean(_title(one)))}"]
        lines += wrapped(clean(one.says), "    ")
        lines += wrapped(_stands(one, tz, now), "    ")
        if one.note and one.done_at is not None:
            lines += wrapped(f"“{clean(one.note)}”", "    ")
    return lines


def due_rows(found: Sequence[FollowView], tz: tzinfo, now: datetime) -> list[str]:
    """One line for each: what it is called, and until when."""
    rows: list[tuple[str, ...]] = [
        (
            f"{_MARKS[one.standing]} {clean(_title(one))}",
            f"{'overdue since' if one.standing == 'overdue' else 'due'} {moment(one.due_at, tz, now)}",
        )
        for one in found
    ]
    return columns(rows)


def _title(one: FollowView) -> str:
    return f"{one.release} {one.name}" if one.kind in ("task", "judgement") else one.id


def _stands(one: FollowView, tz: tzinfo, now: datetime) -> str:
    due = moment(one.due_at, tz, now)
    if one.standing == "dropped":
        return "nobody need do it any more"
    if one.done_at is not None:
        outcome = f"{clean(one.outcome)}, " if one.outcome else ""
        late = ", too late" if one.standing == "done late" else ""
        return f"{outcome}by {clean(one.done_by)}, {moment(one.done_at, tz, now)}{late}"
    by = clean(", ".join(one.by)) or "whoever may open releases"
    people = clean(", ".join(one.may)) or "nobody is left who may"
    return f"{'overdue since' if one.standing == 'overdue' else 'due'} {due}; by {by}: {people}"


def review_page(view: ReviewView, tz: tzinfo, now: datetime) -> list[str]:
    """Everything about a review."""
    lines = follow_rows([view.review], tz, now)
    if view.review.document:
        lines.append(f"    document {view.review.document}")
    if view.looks_at:
        lines += ["", strong("looks at")]
        for what in view.looks_at:
            lines += wrapped(clean(what), "    ", first="  - ")
    if view.improvements:
        lines += ["", strong("improvements"), *follow_rows(view.improvements, tz, now)]
    if view.review.done_at is None:
        lines += ["", f"  record it: tidegate review record {clean(view.review.id)} --note TEXT"]
    return lines


def feedback_page(view: FeedbackView, tz: tzinfo, now: datetime) -> list[str]:
    """What users said of a release."""
    if not view.said:
        return [f"nothing was recorded of {clean(view.release)}: tidegate feedback add {clean(view.release)} --score N"]
    mean = f"{view.satisfaction} of 5, from {counted(view.scores, 'score')}" if view.scores else "no score yet"
    lines = [f"{strong(clean(view.release))}  satisfaction {mean}"]
    for one in view.said:
        score = f"{one.score}/5" if one.score is not None else " - "
        whose = f"{clean(one.whose)}, " if one.whose else ""
        lines += [f"  {strong(score)}  {whose}{moment(one.at, tz, now)}, by {clean(one.by.person)}"]
        if one.text:
            lines += wrapped(clean(one.text), "       ")
    return lines
