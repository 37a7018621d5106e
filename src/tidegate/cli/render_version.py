"""Versions as lines."""

from __future__ import annotations

from collections.abc import Sequence

from click import unstyle

from tidegate.cli.text import WIDTH, bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.plain import plain
from tidegate.views.version import Reason, Untold, VersionView

_LEAST_FOR_REASONS = 24

MOST = 20
"""Commits of one kind that are listed; ``--json`` has all of them."""


def version_lines(view: VersionView) -> list[str]:
    """The step, why, by which commits, and what would make it larger."""
    return [
        _headline(view),
        *wrapped(clean(view.why), "  "),
        *_section("", [(*_commit(r.commit, r.type, r.breaking), r.level, r.subject, _raised(r)) for r in view.reasons]),
        *_section(
            "  Follows no convention and asks for nothing; look at it:",
            [(faint(u.commit[:10]), u.subject) for u in view.unconventional],
        ),
        *_section(
            "  Asks for nothing:",
            [
                (*_commit(o.commit, o.type, False), o.subject, f"({o.why})" if _is_void(o.why) else "")
                for o in view.others
            ],
        ),
        *_larger(view),
        *_warnings(view),
    ]


def _headline(view: VersionView) -> str:
    name = f"{strong(clean(view.component))} " if view.component else ""
    current = view.current or "never released"
    if view.next is None:
        return f"{name}{current}{f', {view.prerelease}' if view.prerelease else ''}; nothing to release"
    before = f"{current} > " if view.current else f"{current}; first release "
    if view.prerelease:
        before = f"{current}, {view.prerelease} > "
    step = f" ({view.bump})" if view.current else ""
    return f"{name}{before}{good(view.next)}{step}"


def _commit(sha: str, kind: str, breaking: bool) -> tuple[str, str]:
    return faint(sha[:10]), f"{clean(kind) or 'no kind'}{'!' if breaking else ''}"


def _raised(reason: Reason) -> str:
    """Why a change asks for more than its commit says: nobody would see it from its title."""
    by_itself = reason.breaking or reason.why == f"{reason.type} asks for {reason.level}"
    return "" if by_itself else f"({reason.why})"


def _is_void(why: str) -> bool:
    return not why.endswith("asks for nothing")


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    shown = [
        tuple(part if "\x1b" in part else plain(part, 60 if number < 4 else 160) for number, part in enumerate(row))
        for row in rows[:MOST]
    ]
    lines = [title] if title else []
    indent = "    " if title else "  "
    lines += columns(shown if _fits(shown, indent) else [part for row in shown for part in _below(row)], indent=indent)
    return [*lines, faint(f"    and {len(rows) - MOST} more; --json lists all")] if len(rows) > MOST else lines


def _fits(rows: Sequence[tuple[str, ...]], indent: str) -> bool:
    """Whether a reason, which is the last of four cells or five, has room beside the rest."""
    if all(len(row) < 4 or not row[-1].startswith("(") for row in rows):
        return True
    widths = [max(len(unstyle(row[cell])) for row in rows) + 2 for cell in range(len(rows[0]) - 1)]
    return len(indent) + sum(widths) + _LEAST_FOR_REASONS <= WIDTH


def _below(row: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The reason of a row under what it is of."""
    *rest, reason = row
    return [tuple(rest), *([(*("" for _ in rest[:-1]), reason)] if reason else [])]


def _larger(view: VersionView) -> list[str]:
    lines: list[str] = []
    for step in view.larger:
        lines += wrapped(f"{step.version} ({step.bump}) would take {'; or '.join(map(clean, step.by))}", "    ", "  ")
    return lines


def _warnings(view: VersionView) -> list[str]:
    lines: list[str] = []
    if view.advice:
        lines += wrapped(doubtful(clean(view.advice)), "  ")
    for tag in view.skipped_tags[:5]:
        lines += wrapped(f"tag {clean(tag.name)} was left out: {clean(tag.why)}", "  ")
    if len(view.skipped_tags) > 5:
        lines.append(faint(f"  and {len(view.skipped_tags) - 5} more tags"))
    return lines


def versions_lines(views: Sequence[VersionView | Untold]) -> list[str]:
    """Several components, one line each."""
    return columns([("component", "current", "next", "bump", "changes"), *map(_version_row, views)])


def _version_row(view: VersionView | Untold) -> tuple[str, ...]:
    if isinstance(view, Untold):
        return strong(clean(view.component)), "?", bad("cannot tell"), "", ""
    following = good(view.next) if view.next else faint("nothing to release")
    return (
        strong(clean(view.component)),
        view.current or "-",
        following,
        view.bump if view.next else "",
        _counts(view),
    )


def _counts(view: VersionView) -> str:
    counted = f"{len(view.reasons) + len(view.others) + len(view.unconventional)}"
    return f"{counted}, {len(view.unconventional)} unconventional" if view.unconventional else counted
