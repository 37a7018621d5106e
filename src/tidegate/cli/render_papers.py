"""Documents, checklists and waivers as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from tidegate.cli.render import mark
from tidegate.cli.text import clean, faint, good, strong, wrapped
from tidegate.views.moments import civil, counted

if TYPE_CHECKING:
    from tidegate.core.rules.checklist import Point
    from tidegate.orchestration.checklist import Shown
    from tidegate.orchestration.document import DocumentLine
    from tidegate.orchestration.waiver import WaiverLine


def document_lines(found: Sequence[DocumentLine]) -> list[str]:
    """How each document stands."""
    lines: list[str] = []
    for line in found:
        sign = mark(line.finding.verdict) if line.finding else faint("-")
        head = f"{strong(clean(line.name))}: {clean(line.title)} ({clean(_where(line))})"
        lines += [f"{sign} {head}"]
        if line.finding is None:
            lines += wrapped("not asked for: nothing in the release makes it needed", "  ", first="  ")
        elif line.finding.remedy:
            lines += wrapped(clean(line.finding.message), "  ", first="  ")
            lines += [faint(text) for text in wrapped(f"> {clean(line.finding.remedy)}", "    ", first="  ")]
        lines += [
            faint(text) for text in wrapped(f"asked for by {', '.join(map(clean, line.asked_by))}", "  ", first="  ")
        ]
    return lines


def _where(line: DocumentLine) -> str:
    return "to be attached" if line.where == "attached" and not line.digest else line.where


def checklist_lines(found: Sequence[Shown]) -> list[str]:
    """Each checklist under its title, its points below the headings that they have."""
    lines: list[str] = []
    for one in found:
        asked = [point for point in one.points if point.asked]
        done = sum(point.ticked for point in asked)
        where = ", ".join(map(clean, one.asked_for))
        lines += [
            "",
            f"{strong(clean(one.title))} ({clean(one.name)}), before {where}: {done} of {len(asked)} are ticked",
        ]
        lines += _points(one.points)
    return lines[1:]


def _points(points: Sequence[Point]) -> Iterator[str]:
    heading = ""
    # A policy is kept in the order of its keys; what stands under one heading is shown under it.
    for point in sorted(points, key=lambda point: point.item.heading or ""):
        if (point.item.heading or "") != heading:
            heading = point.item.heading or ""
            yield f"  {clean(heading)}"
        sign = faint("-") if not point.asked else mark(point.verdict)
        yield from wrapped(f"{sign} {clean(point.item.says)} {faint(f'({clean(point.name)})')}", "    ", first="  ")
        yield from (faint(text) for text in wrapped(clean(_said(point)), "      ", first="    "))


def _said(point: Point) -> str:
    if point.ticked or not point.people:
        return point.said
    return f"{point.said}; by {', '.join(sorted(point.people))}"


def point_record(point: Point) -> dict[str, Any]:
    """A point as ``--json`` has it."""
    return {
        "item": point.name,
        "says": point.item.says,
        "heading": point.item.heading or "",
        "asked": point.asked,
        "ticked": point.ticked,
        "verdict": point.verdict,
        "said": point.said,
        "people": sorted(point.people),
    }


def waiver_lines(found: Sequence[WaiverLine], counts: Mapping[str, int], tz: tzinfo) -> list[str]:
    """Every waiver, and how many there were of each gate."""
    lines: list[str] = []
    for line in found:
        sign = good("✓") if line.holds else faint("-")
        state = "in force" if line.holds else clean(line.why)
        what = f"{strong(clean(line.gate))} of {clean(line.release)}, until {civil(line.until, tz)}: {state}"
        lines += wrapped(f"{sign} {what}", "  ", first="")
        agreed = ", ".join(map(clean, line.agreed)) or "nobody"
        said = f"{clean(line.asked_by)} asked {civil(line.asked_at, tz)}, {agreed} agreed: {clean(line.reason)}"
        lines += [faint(text) for text in wrapped(said, "  ", first="  ")]
    if lines:
        each = ", ".join(f"{clean(gate)} {number}" for gate, number in sorted(counts.items()))
        lines += ["", *wrapped(f"{counted(len(found), 'waiver')} in all: {each}", "  ", first="")]
    return lines
