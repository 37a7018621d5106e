"""A plan as lines."""

from __future__ import annotations

from datetime import tzinfo

from tidegate.cli.render import finding_lines, mark, rehearsal_lines
from tidegate.cli.text import clean, columns, faint, strong, wrapped
from tidegate.core.commit import plain
from tidegate.core.decision import Finding
from tidegate.views.moments import counted, distance, moment
from tidegate.views.plan import PlanView, Prospect, tz_of

MOST_CHANGES = 30


def plan_lines(view: PlanView) -> list[str]:
    """The version and why, commit by commit, then how each environment could be reached."""
    tz = tz_of(view)
    lines = [
        *rehearsal_lines(view.rehearsal),
        strong(f"{clean(view.component)} {view.version}") + f" ({clean(view.type)})",
        *wrapped(f"{clean(view.why)}; {counted(len(view.changes), 'change')}", "  "),
        "",
        *_changes(view),
    ]
    for prospect in view.environments:
        lines += ["", *_prospect(prospect, view, tz)]
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
    return f"{clean(prospect.deciding)} decides{then}"
