"""A release as a page of lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from tidegate.cli.render import rehearsal_lines, state_word
from tidegate.cli.text import bad, clean, columns, faint, good, strong
from tidegate.core.rulebook import Rulebook
from tidegate.views.moments import civil_seconds, counted, distance, moment
from tidegate.views.release import ApprovalView, EvidenceView, ReleaseView, RolloutLine, WaitingView


def release_page(view: ReleaseView, book: Rulebook, now: datetime) -> list[str]:
    """What is known of a release."""
    tz = book.tz
    pinned = "the active policy" if view.policy_is_current else "not the active policy: it needs yes from both"
    facts: list[tuple[str, ...]] = [
        (
            "version",
            f"{view.source or 'nothing'} -> {view.version} ({clean(view.type)}), {counted(view.changes, 'change')}",
        ),
        ("commit", view.commit[:12]),
        ("package", f"sha256:{view.package[:16]}…"),
        ("policy", f"{view.policy[:19]}…, {pinned}"),
        ("opened", f"{moment(view.opened_at, tz, now)} by {clean(view.opened_by)}"),
        ("announced", moment(view.announced_at, tz, now) if view.announced_at else "not delivered yet"),
    ]
    if view.closed_at:
        facts.append(("closed", moment(view.closed_at, tz, now)))
    lines = [
        *rehearsal_lines(book.policy.rehearsal or ""),
        f"{strong(clean(view.id))}  {state_word(view.state.value)}",
        *columns(facts, indent="  "),
    ]
    lines += section("evidence", [evidence_row(e, tz, now) for e in view.evidence])
    lines += section("answers", [_approval(a, now) for a in view.approvals])
    lines += section("rollouts", rollout_rows(view.rollouts, tz))
    lines += section("waiting starts", [waiting_row(w, tz, now) for w in view.waiting])
    return lines


def section(title: str, rows: list[tuple[str, ...]]) -> list[str]:
    """A titled list; nothing where it is empty."""
    return ["", strong(title), *columns(rows, indent="  ")] if rows else []


_TELLING = ("total", "passed", "failed", "critical", "high", "line", "branch")
"""The values that say most, where a kind of evidence has them."""


def evidence_row(view: EvidenceView, tz: tzinfo, now: datetime) -> tuple[str, ...]:
    """A piece of evidence."""
    telling = sorted(view.values, key=lambda key: (_TELLING.index(key) if key in _TELLING else len(_TELLING), key))
    values = ", ".join(f"{clean(key)} {clean(view.values[key])}" for key in telling[:3])
    sign = good("✓") if view.holds else bad("✗")
    void = "" if view.holds else " (void: what it speaks of has changed)"
    name = clean(view.kind) + (f"/{clean(view.source)}" if view.source != view.kind else "")
    return (f"{sign} {name}", distance(view.taken_at, now), clean(view.added_by), f"{values}{void}")


def _approval(view: ApprovalView, now: datetime) -> tuple[str, ...]:
    sign = good("✓") if view.holds and view.answer.value == "approve" else bad("✗")
    role = f" as {clean(view.role)}" if view.role else ""
    note = f"does not count: {clean(view.because)}" if view.because else view.assurance
    return (
        f"{sign} {clean(view.person)}",
        f"{view.answer.value} {clean(view.environment)}{role}",
        distance(view.at, now),
        note,
    )


def rollout_rows(lines: Iterable[RolloutLine], tz: tzinfo) -> list[tuple[str, ...]]:
    """Rollouts in a list."""
    return [
        (
            clean(line.id),
            f"{line.source} -> {line.target}",
            state_word(line.state),
            faint(civil_seconds(line.started_at, tz)),
        )
        for line in lines
    ]


def waiting_row(view: WaitingView, tz: tzinfo, now: datetime) -> tuple[str, ...]:
    """A start that waits."""
    if view.due_at is None:
        until = "asked again when something changes"
    else:
        until = "due now" if view.due_at <= now else f"asked again {distance(view.due_at, now)}"
    return (clean(view.release), clean(view.environment), f"asked for by {clean(view.asked_by)}", until)
