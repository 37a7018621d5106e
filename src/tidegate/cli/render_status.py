"""The status as a page of lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from tidegate.cli.render import mark, rehearsal_lines
from tidegate.cli.render_afterwards import due_rows
from tidegate.cli.render_incident import incident_rows
from tidegate.cli.render_message import message_state
from tidegate.cli.render_release import joint_row, rollout_rows, section, waiting_row
from tidegate.cli.text import clean, columns, doubtful, faint, strong, wrapped
from tidegate.core.calendar import zone
from tidegate.core.facts import Hold
from tidegate.core.verdict import Verdict
from tidegate.views.moments import length, moment
from tidegate.views.status import StatusView

MOST_AFTERWARDS = 8


def status_page(view: StatusView) -> list[str]:
    """How everything stands."""
    tz = zone(view.timezone)
    lines = [
        *rehearsal_lines(view.rehearsal),
        f"{strong(clean(view.organization))}  {faint(moment(view.now, tz, view.now).removesuffix(' (now)'))}",
        f"  policy    {view.policy[:19]}…",
        f"  executes  {clean(view.executes) or 'nobody here'}",
    ]
    for sentence in view.attention:
        lines += [doubtful(line) for line in wrapped(f"! {clean(sentence)}", "    ", first="  ")]
    rows: list[tuple[str, ...]] = [
        (clean(r.component), clean(r.environment), strong(r.version), _since(r.since, view.now), clean(r.by))
        for r in view.running
    ]
    lines += ["", strong("what runs"), *(columns(rows, indent="  ") or ["  no component has a target"])]
    lines += section("releases of several components", [joint_row(joint) for joint in view.joint_rollouts])
    lines += section("under way", rollout_rows(view.under_way, tz))
    lines += _open(view, tz)
    lines += section("waiting starts", [waiting_row(w, tz, view.now) for w in view.waiting_starts])
    if view.holds:
        lines += ["", strong("holds"), *hold_lines(view.holds, tz, view.now)]
    if view.incidents:
        lines += ["", strong("open incidents"), *incident_rows(view.incidents, tz, view.now)]
    if view.afterwards:
        more = len(view.afterwards) - MOST_AFTERWARDS
        lines += ["", strong("to be done afterwards")]
        lines += [f"  {line}" for line in due_rows(view.afterwards[:MOST_AFTERWARDS], tz, view.now)]
        lines += [faint(f"  and {more} more: tidegate task list, tidegate review list")] if more > 0 else []
    unsent: list[tuple[str, ...]] = [
        (clean(m.occasion), clean(m.channel), message_state(m, tz, view.now, 40)) for m in view.undelivered[:10]
    ]
    return lines + section("undelivered messages", unsent)


def _since(at: datetime | None, now: datetime) -> str:
    return f"for {length(now - at)}" if at else "-"


def _open(view: StatusView, tz: tzinfo) -> list[str]:
    lines: list[str] = []
    for release in view.open_releases:
        ready = release.verdict is Verdict.ALLOW
        head = f"  {mark(release.verdict)} {clean(release.release)} -> {clean(release.environment)}"
        lines.append(head + (": may go now" if ready else ""))
        for message in release.against[:6]:
            lines += wrapped(clean(message), "      ", first="    - ")
        if len(release.against) > 6:
            lines.append(faint(f"    and {len(release.against) - 6} more"))
        if not ready and release.next_possible is not None and release.next_possible > view.now:
            lines.append(faint(f"    next possible: {moment(release.next_possible, tz, view.now)}"))
    return ["", strong("open releases"), *lines] if lines else []


def hold_lines(found: Iterable[Hold], tz: tzinfo, now: datetime) -> list[str]:
    """Holds in a list, each with its reason."""
    lines: list[str] = []
    for hold in found:
        scope = (
            " ".join(filter(None, (hold.place, hold.version, hold.environment and f"in {hold.environment}")))
            or "everywhere"
        )
        until = f"until {moment(hold.expires_at, tz, now)}" if hold.expires_at else "until lifted"
        lines += columns([(strong(hold.id), f"{clean(scope)}, {until}")], indent="  ")
        lines += wrapped(f"{clean(hold.reason)} ({clean(hold.by)})", "    ")
    return lines
