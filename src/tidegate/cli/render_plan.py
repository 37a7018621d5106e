"""A plan as lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from tidegate.cli.render import finding_lines, mark, rehearsal_lines
from tidegate.cli.render_scope import scope_lines
from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.alternatives import Alternative
from tidegate.core.critical_path import Step
from tidegate.core.decision import Finding
from tidegate.core.plain import plain
from tidegate.core.spoken import short_day
from tidegate.core.timeline import Event
from tidegate.views.moments import civil, counted, distance, length, moment
from tidegate.views.plan import JointView, PlanView, Prospect, tz_of

MOST_CHANGES = 30
_WIDEST_GOALS = 30
"""Characters of the environments that are named beside the earliest moment; more are counted."""


def plan_lines(view: PlanView, *, verbose: bool = False) -> list[str]:
    """When it can be there and why; the version, commit by commit; the timeline; then each environment by itself."""
    tz = tz_of(view)
    lines = [
        *rehearsal_lines(view.rehearsal),
        *_head(view, tz),
        *([""] if view.changes else []),
        *_changes(view),
        *(scope_lines(view.scope, view.earliest, tz) if view.scope else []),
        *_timeline(view.timeline, view, tz, verbose),
        *_late(view, tz),
        *_alternatives(view.alternatives, view, tz),
    ]
    for prospect in view.environments:
        lines += ["", *_prospect(prospect, view, tz)]
    return lines


def joint_lines(view: JointView, *, verbose: bool = False) -> list[str]:
    """Several releases as one plan: the order, the conflicts, and one timeline."""
    tz = tz_of(view)
    rows: list[tuple[str, ...]] = [
        (f"{number}.", strong(f"{clean(plan.component)} {plan.version}"), clean(plan.type), _when(plan.earliest, tz))
        for number, plan in enumerate(view.plans, start=1)
    ]
    last = strong(_when(view.earliest, tz)) if view.earliest else bad("never")
    lines = [
        *rehearsal_lines(view.rehearsal),
        f"{counted(len(view.plans), 'release')} in the order in which they go; all are there:",
        f"  {last}",
        "",
        *columns(rows, indent="  "),
        "",
    ]
    lines += _path(view.critical_path)
    if view.conflicts:
        lines += ["", f"{bad('✗')} {counted(len(view.conflicts), 'conflict')}"]
        for conflict in view.conflicts:
            lines += _pointed("✗", bad, clean(conflict.what))
            lines += [faint(line) for line in wrapped(f"> {clean(conflict.remedy)}", "      ", first="    ")]
    else:
        lines += ["", good("✓ no conflicts")]
    for plan in view.plans:
        if plan.never:
            lines += _pointed("✗", bad, f"{clean(plan.component)} never goes: {clean(plan.never)}")
    return [*lines, *_timeline(view.timeline, view, tz, verbose), *_alternatives(view.alternatives, view, tz)]


def _when(moment_: datetime | None, tz: tzinfo) -> str:
    return civil(moment_, tz) if moment_ else "never"


def _head(view: PlanView, tz: tzinfo) -> list[str]:
    """The version, the earliest moment, and what decides."""
    opened = f"; {clean(view.release)} is open" if view.release else ""
    lines = [
        strong(f"{clean(view.component)} {view.version}") + f" ({clean(view.type)})",
        *wrapped(f"{clean(view.why)}; {counted(len(view.changes), 'change')}{opened}", "  "),
        *(wrapped(f"goes after {clean(', '.join(view.requires))}, which it requires", "  ") if view.requires else []),
        "",
    ]
    where = clean(", ".join(view.goals)) or "production"
    where = where if len(where) <= _WIDEST_GOALS else counted(len(view.goals), "environment")
    if view.earliest is None:
        lines += _pointed("✗", bad, f"{where}: never; {clean(view.never)}")
    else:
        when = moment(view.earliest, tz, view.decided_at) if view.earliest > view.decided_at else "at once"
        lines.append(f"{strong(where)}: earliest {strong(good(when))}")
    if view.planned_at is not None:
        late = f", {length(view.slips)} too early for that" if view.slips else ""
        lines += wrapped(f"planned for {civil(view.planned_at, tz)}{late}", "  ")
    return [*lines, *_path(view.critical_path)]


def _path(steps: Sequence[Step]) -> list[str]:
    """What decides, the first of all, then what would without it."""
    lines: list[str] = []
    for number, step in enumerate(steps):
        first = "  ◆ " if number == 0 else f"  {' ' * (2 * number)}└ "
        text = wrapped(clean(step.what), " " * len(first), first=first)
        lines += text if number == 0 else [faint(line) for line in text]
    return lines


def _timeline(events: Sequence[Event], view: PlanView | JointView, tz: tzinfo, verbose: bool) -> list[str]:
    """Day by day; ``verbose`` tells the key of the policy with each entry."""
    if not events:
        return []
    lines, day = ["", strong("Timeline")], ""
    told = set()
    for event in events:
        local = event.at.astimezone(tz)
        this_day = f"{short_day(local.date())} {local.year}"
        if this_day != day:
            paint = faint if event.at < view.decided_at and this_day not in told else str
            lines.append(f"  {paint(this_day)}")
            day = this_day
            told.add(day)
        goes = event.at == (view.goes_at if isinstance(view, PlanView) else view.earliest)
        dot = good("●") if goes else doubtful("!") if event.at < view.decided_at else faint("·")
        text = wrapped(clean(event.what), " " * 12, first=" " * 12)
        text[0] = f"   {dot} {local:%H:%M}  {text[0].strip()}"
        lines += text
        if verbose:
            lines += [faint(line) for line in wrapped(f"({clean(event.because)})", " " * 12, first=" " * 12)]
    return lines


def _late(view: PlanView, tz: tzinfo) -> list[str]:
    """What should have been done before today, with what it means for the date."""
    if not view.late:
        return []
    lines = ["", f"{doubtful('!')} {strong('late')}: due before today for a release so early"]
    for one in view.late:
        if one.in_time is None:
            then = "no later release has it in time"
        else:
            then = f"in time for one on {civil(one.in_time, tz)}"
        lines += _pointed("!", doubtful, f"{clean(one.what)}: {length(one.late_by)} late; {then}")
    return lines


def _alternatives(found: Sequence[Alternative], view: PlanView | JointView, tz: tzinfo) -> list[str]:
    if not found:
        return []
    lines = ["", strong("Alternatives")]
    for one in found:
        when = "never" if one.earliest is None else _or_at_once(one.earliest, view.decided_at, tz)
        lines += wrapped(f"{clean(one.what)}: {when}", "    ", first="  ")
        for cost in one.costs:
            lines += [faint(line) for line in wrapped(f"- {clean(cost)}", "      ", first="    ")]
    return lines


def _or_at_once(at: datetime, now: datetime, tz: tzinfo) -> str:
    return "at once" if at <= now else civil(at, tz)


def _pointed(symbol: str, paint: Callable[[str], str], text: str) -> list[str]:
    lines = wrapped(text, "    ", first="  x ")
    lines[0] = lines[0].replace("  x ", f"  {paint(symbol)} ", 1)
    return lines


def _changes(view: PlanView) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for change in view.changes[:MOST_CHANGES]:
        kind = f"{clean(change.kind) or 'no kind'}{'!' if change.breaking else ''}"
        note = f"does not count: {clean(change.void)}" if change.void else ""
        summary = plain(change.summary, 50)
        rows.append(
            (faint(change.sha[:8]), kind, change.level or "-", f"{summary}{faint(f'  {note}') if note else ''}")
        )
    lines = columns(rows, indent="  ")
    if len(view.changes) > MOST_CHANGES:
        lines.append(faint(f"  and {len(view.changes) - MOST_CHANGES} more"))
    if view.unconventional:
        count = len(view.unconventional)
        lines += wrapped(
            f"{count} commit{'s follow' if count > 1 else ' follows'} no convention: look at "
            f"{'them' if count > 1 else 'it'} before you rely on the version",
            "  ",
        )
    for tag in view.skipped_tags[:5]:
        lines += wrapped(f"tag {clean(tag.name)} was left out: {clean(tag.why)}", "  ")
    return lines


def _prospect(prospect: Prospect, view: PlanView, tz: tzinfo) -> list[str]:
    lines = [f"{strong(clean(prospect.environment))}: {_earliest(prospect, view, tz)}"]
    if prospect.waits:
        lines.append(f"  time: {_deciding(prospect)}")
        for finding in prospect.waits:
            lines += _wait(finding, view)
    if prospect.needs:
        lines.append("  still needed:")
        for finding in prospect.needs:
            lines += finding_lines(finding)
    return lines


def _wait(finding: Finding, view: PlanView) -> list[str]:
    off = distance(finding.opens_at, view.decided_at) if finding.opens_at else "never"
    kept = off.replace(" ", "\N{NO-BREAK SPACE}")
    lines = wrapped(f"{clean(finding.message)} ({kept})", "    ", first="  x ")
    lines[0] = lines[0].replace("  x ", f"  {mark(finding.verdict)} ", 1)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _earliest(prospect: Prospect, view: PlanView, tz: tzinfo) -> str:
    if prospect.next_possible is None:
        return "not within 400 days"
    if prospect.next_possible <= view.decided_at:
        return "at any time" if not prospect.needs else "as soon as what is needed is there"
    return f"at the earliest {strong(moment(prospect.next_possible, tz, view.decided_at))}"


def _deciding(prospect: Prospect) -> str:
    if not prospect.deciding:
        return "nothing opens"
    then = f", then the {prospect.then}" if prospect.then else ""
    verb = "decide" if prospect.deciding.endswith("windows") else "decides"
    return f"{clean(prospect.deciding)} {verb}{then}"
