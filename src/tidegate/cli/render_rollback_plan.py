"""A rollback plan, and its trial, as lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.calendar import zone
from tidegate.orchestration.rollback_plan import Tried, summary_of
from tidegate.views.moments import civil
from tidegate.views.rollback_plan import ComponentPlan, RollbackPlanView, attempts, data


def plan_page(view: RollbackPlanView) -> list[str]:
    """The plan of a release, component by component."""
    lines: list[str] = []
    for one in view.components:
        lines += [*_component(view, one), ""]
    lines += [strong("by itself"), f"  {attempts(view)}", *_points(view.triggers, "nothing takes it back by itself")]
    lines += ["", strong("by a person"), *_points(view.criteria, "the policy names no criteria")]
    lines += ["", strong("who decides")]
    people: list[tuple[str, ...]] = [
        (clean(d.person), clean(d.name), clean("; ".join(d.reach)) or "-") for d in view.deciders
    ]
    lines += columns(people, indent="  ") or [bad("  nobody may: list people under permits.rollback")]
    words = (("application", view.application), ("database", view.database), ("configuration", view.configuration))
    if any(text for _, text in words):
        lines += ["", strong("how, in the policy's words")]
        for name, text in words:
            lines += wrapped(clean(text), "      ", first=f"  {name}: ") if text else []
    if view.asked_again or view.written:
        lines += ["", strong("afterwards")]
        lines += [f"  asked again: {clean(', '.join(view.asked_again))}"] if view.asked_again else []
        lines += [f"  written: {clean(', '.join(view.written))}"] if view.written else []
    return lines


def _component(view: RollbackPlanView, one: ComponentPlan) -> list[str]:
    there = f"{clean(one.component)} {clean(one.version)} -> {clean(one.returns_to)} in {clean(view.environment)}"
    verified = f"verified {civil(one.verified_at, zone(view.timezone))}" if one.verified_at else ""
    lines = [strong(there) + (f", {verified}" if verified else "")]
    lines += wrapped(clean(f"going back {data(one)}"), "    ", first="  ")
    sign = {True: good("✓"), False: bad("✗"), None: faint("-")}[one.validated]
    lines += wrapped(clean(one.validation), "    ", first=f"  {sign} ")
    lines.append(f"  $ {clean(one.command)}")
    lines += wrapped(clean(one.emergency), "      ", first="  when nothing else works: ")
    if one.refused:
        lines += [bad(line) for line in wrapped(clean(f"the target cannot go back: {one.refused}"), "    ", first="  ")]
    unit = ""
    for step in one.steps:
        if step.unit != unit:
            unit = step.unit
            lines.append(f"  {clean(unit)}")
        lines += wrapped(clean(step.sentence), "      ", first="    - ")
        if step.argv:
            lines.append(faint(f"      $ {clean(shlex.join(step.argv))}"))
    return lines


def _points(lines: Sequence[str], none: str) -> list[str]:
    found: list[str] = []
    for line in lines:
        found += wrapped(clean(line), "    ", first="  - ")
    return found or [faint(f"  {none}")]


def tried_lines(several: Iterable[Tried]) -> list[str]:
    """What came of trying ways back out."""
    lines: list[str] = []
    for tried in several:
        sign = good("✓") if tried.valid else bad("✗")
        lines += wrapped(clean(summary_of(tried)), "  ", first=f"{sign} ")
        rows: list[tuple[str, ...]] = [
            (good("✓") if not u.problem else bad("✗"), clean(u.unit), clean(u.problem or u.detail)) for u in tried.units
        ]
        lines += columns(rows, indent="  ")
        for problem in tried.problems:
            lines += [doubtful(line) for line in wrapped(clean(problem), "    ", first="  ! ")]
    return lines
