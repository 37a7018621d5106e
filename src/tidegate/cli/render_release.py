"""A release as a page of lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from tidegate.cli.render import mark, rehearsal_lines, state_word
from tidegate.cli.render_decision import in_the_way
from tidegate.cli.render_incident import incident_rows
from tidegate.cli.render_migration import back_lines
from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong
from tidegate.core.migration.way_back import Consequence
from tidegate.core.rulebook import Rulebook
from tidegate.core.verdict import Verdict
from tidegate.orchestration.waiver import WaiverLine
from tidegate.views.joint_rollout import JointView
from tidegate.views.moments import civil, civil_seconds, counted, distance, moment
from tidegate.views.release import (
    ApprovalView,
    ArtifactView,
    BackView,
    ChangeLine,
    EvidenceView,
    PaperView,
    Placed,
    ReleaseView,
    Ride,
    RolloutLine,
    WaitingView,
)
from tidegate.views.road import Stop, first_left


def release_page(view: ReleaseView, book: Rulebook, now: datetime) -> list[str]:
    """What is known of a release."""
    tz = book.tz
    pinned = "the active policy" if view.policy_is_current else "not the active policy: it needs yes from both"
    facts: list[tuple[str, ...]] = [
        *_made_of(view),
        ("policy", f"{view.policy[:19]}…, {pinned}"),
        ("opened", f"{moment(view.opened_at, tz, now)} by {clean(view.opened_by)}"),
        ("announced", moment(view.announced_at, tz, now) if view.announced_at else "not delivered yet"),
    ]
    if view.template:
        facts.append(("template", clean(view.template)))
    if len(view.order) == 1 and view.order[0].requires:
        facts.append(("requires", clean(", ".join(view.order[0].requires))))
    if view.closed_at:
        facts.append(("closed", moment(view.closed_at, tz, now)))
    if view.superseded_by:
        facts.append(("superseded", f"by {clean(view.superseded_by)}, which has all that is in it and more"))
    lines = [
        *rehearsal_lines(book.policy.rehearsal or ""),
        f"{strong(clean(view.id))}  {state_word(view.state.value)}",
        *columns(facts, indent="  "),
    ]
    lines += _order(view.order)
    lines += section("environments", [_stop(stop, tz, now) for stop in view.environments])
    lines += _next(view, tz, now)
    lines += _ways_back(view.ways_back)
    lines += section("trains", [_ride(ride, tz, now) for ride in view.trains])
    lines += section("artifacts", [_artifact(built) for built in view.artifacts])
    lines += section("evidence", [evidence_row(e, tz, now) for e in view.evidence])
    lines += section("documents", [_paper(paper) for paper in view.documents])
    lines += section("checklists", [_paper(paper) for paper in view.checklists])
    lines += section("change requests", [_change(change) for change in view.change_requests])
    lines += section("waivers", [_waiver(waiver, tz) for waiver in view.waivers])
    lines += section("answers", [_approval(a, now) for a in view.approvals])
    lines += section("joint rollouts", [joint_row(joint) for joint in view.joint_rollouts])
    lines += section("rollouts", rollout_rows(view.rollouts, tz))
    lines += ["", strong("incidents"), *incident_rows(view.incidents, tz, now)] if view.incidents else []
    lines += section("waiting starts", [waiting_row(w, tz, now) for w in view.waiting])
    return lines


def _made_of(view: ReleaseView) -> list[tuple[str, ...]]:
    """What it is made of; of several components, how many they are, since each stands in the order below."""
    if len(view.order) > 1:
        return [("version", f"{len(view.order)} components ({clean(view.type)})"), ("commit", view.commit[:12])]
    changes = counted(view.changes, "change")
    return [
        ("version", f"{view.source or 'nothing'} -> {view.version} ({clean(view.type)}), {changes}"),
        ("commit", view.commit[:12]),
        ("package", f"sha256:{view.package[:16]}…"),
    ]


def _ways_back(ways: Sequence[BackView]) -> list[str]:
    """What going back would mean, where databases change; environments in which it means the same stand together."""
    groups: dict[tuple[str, str, Consequence], list[str]] = {}
    for one in ways:
        groups.setdefault((one.component, one.to, one.means), []).append(one.environment)
    lines = ["", "the way back"] if groups else []
    for (component, to, means), environments in groups.items():
        lines += [f"  {clean(component)} in {clean(', '.join(environments))}", *back_lines(means, to)]
    return lines


def _stop(stop: Stop, tz: tzinfo, now: datetime) -> tuple[str, ...]:
    """An environment: verified there, on its way there, or what stands in the way."""
    runs = clean(", ".join(stop.runs))
    if stop.under_way:
        return (f"{doubtful('…')} {clean(stop.environment)}", runs, f"under way: {clean(stop.under_way)}")
    if stop.verified_at:
        return (f"{good('✓')} {clean(stop.environment)}", runs, f"verified {moment(stop.verified_at, tz, now)}")
    if stop.verdict is Verdict.ALLOW:
        return (f"{good('○')} {clean(stop.environment)}", runs, "may go now")
    return (f"{mark(stop.verdict)} {clean(stop.environment)}", runs, f"{len(stop.against)} in the way")


def _next(view: ReleaseView, tz: tzinfo, now: datetime) -> list[str]:
    """What stands in the way of the next environment, and when it could go; or the command that takes it there."""
    stop = first_left(view.environments, view.state)
    if stop is None or stop.under_way:
        return []
    if stop.verdict is Verdict.ALLOW:
        return ["", f"{strong('next')}  tidegate deploy {clean(view.id)} {clean(stop.environment)}"]
    lines = ["", strong(f"in the way of {clean(stop.environment)}"), *in_the_way(stop.against)]
    if stop.next_possible is None:
        return [*lines, "  next possible: not within 400 days"]
    if stop.next_possible > now:
        lines.append(f"  next possible: {moment(stop.next_possible, tz, now)}")
    return lines


def _ride(ride: Ride, tz: tzinfo, now: datetime) -> tuple[str, ...]:
    locked = ", locked" if ride.locked else ""
    return (clean(ride.train), f"departs {moment(ride.departs_at, tz, now)}", f"{ride.standing}{locked}")


def _paper(paper: PaperView) -> tuple[str, ...]:
    return (
        f"{good('✓') if paper.done else bad('✗')} {clean(paper.name)}",
        f"{clean(paper.title)}: {clean(paper.stands)}",
    )


def _change(change: ChangeLine) -> tuple[str, ...]:
    return (clean(change.id), clean(change.category), state_word(change.state), clean(change.title))


def _waiver(waiver: WaiverLine, tz: tzinfo) -> tuple[str, ...]:
    sign = doubtful("!") if waiver.holds else faint("-")
    stands = f"until {civil(waiver.until, tz)}" if waiver.holds else f"does not hold: {clean(waiver.why)}"
    return (f"{sign} {clean(waiver.gate)}", f"by {clean(waiver.asked_by)}", f"{stands}; {clean(waiver.reason)}")


def _artifact(built: ArtifactView) -> tuple[str, ...]:
    pushed = "" if built.kind != "image" else "in its registry" if built.pushed_at else "not pushed yet"
    return (f"{clean(built.kind)} {clean(built.name)}", built.digest[:19] + "…", pushed)


def _order(order: Sequence[Placed]) -> list[str]:
    """The order in which the components of a release go, and why; nothing where there is one."""
    if len(order) == 1:
        return []
    rows: list[tuple[str, ...]] = []
    for placed in order:
        requires = clean(", ".join(placed.requires))
        why = f"requires {requires}" if requires else "requires nothing"
        place, why = (f"{placed.place}.", why) if placed.place else (bad("-"), f"in a circle: {why}")
        rows.append((place, f"{clean(placed.component)} {clean(placed.version)}", why))
    return section("order", rows)


def joint_row(view: JointView) -> tuple[str, ...]:
    """A joint rollout as a row: how far it is, and why it does not go on."""
    how_far = f"{view.place} of {len(view.parts)}: {clean(view.next)}"
    return (clean(view.id), state_word(view.state.value), how_far, clean(view.because)[:60])


def section(title: str, rows: list[tuple[str, ...]]) -> list[str]:
    """A titled list; nothing where it is empty."""
    return ["", strong(title), *columns(rows, indent="  ")] if rows else []


_TELLING = ("total", "passed", "failed", "critical", "high", "line", "branch")
"""The values that say most, where a kind of evidence has them."""


def evidence_row(view: EvidenceView, tz: tzinfo, now: datetime) -> tuple[str, ...]:
    """A piece of evidence."""
    telling = sorted(view.values, key=lambda key: (_TELLING.index(key) if key in _TELLING else len(_TELLING), key))
    values = ", ".join(f"{clean(key)} {clean(view.values[key])}" for key in telling[:3])
    sign = faint("·") if view.superseded and view.holds else good("✓") if view.holds else bad("✗")
    older = " (a newer one counts)" if view.superseded else ""
    void = older if view.holds else " (void: what it speaks of has changed)"
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
