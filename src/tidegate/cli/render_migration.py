"""Migrations as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.migration.hazard import Danger
from tidegate.core.migration.way_back import Consequence
from tidegate.core.verdict import Verdict
from tidegate.views.migration import PHASES, BroughtView, HazardView, MigrationsView, RevisionLine
from tidegate.views.moments import civil, counted

_MARKS = {Verdict.ALLOW: good("○"), Verdict.DENY: bad("✗"), Verdict.CANNOT_TELL: doubtful("?")}


def migrations_page(view: MigrationsView) -> list[str]:
    """What a release brings to each environment, what is refused of it, the safe way, and what going back means."""
    lines: list[str] = []
    for one in view.brought:
        lines += [*([""] if lines else []), *_brought(one)]
    if not view.judged:
        lines += ["", "the policy asks nothing of migrations: nothing is refused (migrations)"]
    return lines


def _brought(one: BroughtView) -> Iterator[str]:
    where = clean(", ".join(one.environments))
    yield f"{strong(clean(one.component))} {clean(one.since or 'nothing')} -> {clean(one.to)} in {where}"
    if one.unknown:
        yield from _marked("?", doubtful, f"nobody can tell: {clean(one.unknown)}")
        return
    scripts = ", ".join(one.scripts[:6]) + (f" and {len(one.scripts) - 6} more" if len(one.scripts) > 6 else "")
    new = counted(len(one.scripts), "new migration")
    yield from wrapped(f"{new}{': ' + clean(scripts) if scripts else ''}", "    ", first="  ")
    # What has no way back, and is not asked to have one, is in the JSON; here it would hide the rest.
    shown = [h for h in one.hazards if h.danger is not Danger.IRREVERSIBLE or h.verdict is not Verdict.ALLOW]
    for hazard in shown:
        yield from _hazard(hazard)
    if one.scripts and not shown:
        yield f"  {good('✓')} the version before can run on what they make"
    yield from _way(one)
    if one.back is not None and one.scripts:
        yield from back_lines(one.back, one.since)


def _hazard(hazard: HazardView) -> Iterator[str]:
    yield f"  {_MARKS[hazard.verdict]} {strong(hazard.danger.value)}  {clean(hazard.place)}"
    if hazard.statement:
        yield from (faint(line) for line in wrapped(clean(hazard.statement), "      "))
    yield from wrapped(clean(hazard.why), "    ")
    if hazard.asks:
        yield from wrapped(f"asked for: {clean(hazard.asks)}", "    ")


def _way(one: BroughtView) -> Iterator[str]:
    if one.way:
        yield "  the safe way"
    for phase, steps in one.way.items():
        yield f"    {PHASES[phase]}"
        for step in steps:
            yield from wrapped(clean(step), "        ", first="      - ")


def back_lines(after: Consequence, version: str) -> list[str]:
    """What going back to a version means, in a line or two."""
    to = f"going back to {clean(version)}"
    if after.is_safe:
        return _marked("✓", good, f"{to} loses no data: {clean(after.because)}")
    words = []
    if after.loses_data is not False:
        words.append("loses data" if after.loses_data else "may lose data")
    if after.breaks is not False:
        words.append("breaks it" if after.breaks else "may break it")
    said = f"{to} {' and '.join(words)}: {clean(after.because)}"
    certain = True in (after.loses_data, after.breaks)
    return _marked("✗", bad, said) if certain else _marked("?", doubtful, said)


def _marked(mark: str, colour: Callable[[str], str], text: str) -> list[str]:
    """The text behind a mark, wrapped before it is coloured: what colours is counted as if it were seen."""
    first, *more = wrapped(text, "    ", first=f"  {mark} ")
    return [first.replace(mark, colour(mark), 1), *more]


def revision_rows(found: Sequence[RevisionLine], tz: tzinfo) -> list[str]:
    """Databases, by component and environment."""
    rows: list[tuple[str, ...]] = [
        (
            strong(clean(one.component)),
            clean(one.environment),
            clean(one.version),
            clean(one.newest) or "nothing new",
            f"since {civil(one.at, tz)}" + ("" if one.settled_at else ", not settled"),
        )
        for one in found
    ]
    return columns(rows)
