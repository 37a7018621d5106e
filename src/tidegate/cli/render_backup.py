"""Backups as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.cli.text import bad, clean, doubtful, faint, good, strong, wrapped
from tidegate.core.backup import BackupAct, BackupEntry, Checked, bytes_text
from tidegate.core.calendar import zone
from tidegate.views.backups import BackupsView, BackupView
from tidegate.views.moments import moment

_WORDS = {
    BackupAct.TAKEN: "taken",
    BackupAct.VERIFIED: "read back",
    BackupAct.OFFSITE: "copied",
    BackupAct.RESTORED: "restored",
}


def mark_of(outcome: bool | None) -> str:
    """A check, a cross, or a question mark where nobody can tell."""
    return doubtful("?") if outcome is None else good("✓") if outcome else bad("✗")


def act_lines(done: Sequence[BackupEntry]) -> list[str]:
    """What was done with one backup, each act with what came of it."""
    lines = [strong(clean(done[0].backup))] if done else []
    for entry in done:
        told = f"{mark_of(entry.outcome)} {_WORDS[entry.act]}: {clean(entry.said)}"
        lines += wrapped(told, "    ", "  ")
    return lines


def listed(view: BackupsView) -> list[str]:
    """How each backup stands."""
    lines: list[str] = []
    for one in view.backups:
        lines += wrapped(f"{strong(one.name)} of {one.environment}: {clean(one.title)}", "  ", "")
        lines += _newest(view, one)
    return lines


def _newest(view: BackupsView, one: BackupView) -> Iterator[str]:
    if one.by:
        yield from wrapped(f"taken by {clean(one.by)}, and stated as evidence of a release", "    ", "  ")
        return
    if one.newest is None:
        yield from wrapped(
            f"{bad('✗')} none was taken yet: tidegate backup take {one.name} --for {one.environment}", "    ", "  "
        )
        return
    tz = zone(view.timezone)
    taken, until = one.newest, ""
    if one.fresh_until is not None:
        word = "fresh until" if one.fresh_until >= view.now else "stale since"
        until = f", {word} {moment(one.fresh_until, tz, view.now)}"
    stale = one.fresh_until is not None and one.fresh_until < view.now
    told = f"taken {moment(taken.taken_at, tz, view.now)}, {bytes_text(taken.size)}{until}"
    yield from wrapped(f"{bad('✗') if stale else good('✓')} {told}", "    ", "  ")
    if taken.amiss:
        yield from wrapped(f"{bad('✗')} {clean(taken.amiss)}", "    ", "  ")
    for name, found in (("read back", taken.verified), ("copied", taken.offsite), ("restored", taken.restored)):
        yield from _check(name, found, view)
    yield faint(f"  {clean(taken.id)}{f', and {len(one.earlier)} before it' if one.earlier else ''}")


def _check(name: str, found: Checked | None, view: BackupsView) -> Iterator[str]:
    if found is not None:
        when = moment(found.at, zone(view.timezone), view.now)
        yield from wrapped(f"{mark_of(found.outcome)} {name} {when}: {clean(found.said)}", "    ", "  ")
