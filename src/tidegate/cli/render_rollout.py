"""Rollouts as lines."""

from __future__ import annotations

import shlex
from datetime import datetime, tzinfo

from tidegate.cli.render import state_word
from tidegate.cli.render_migration import back_lines
from tidegate.cli.text import clean, columns, faint, strong, wrapped
from tidegate.core.config_diff import Change, SettingChange
from tidegate.views.dry_run import ConfigurationChange, DryRunView
from tidegate.views.joint_rollout import JointView, PartView
from tidegate.views.moments import civil_seconds, in_zone, moment
from tidegate.views.rollout import RolloutView


def dry_run_lines(view: DryRunView) -> list[str]:
    """The steps of each wave, in order."""
    lines = [
        strong(f"{clean(view.component)} {view.source} -> {view.target} in {clean(view.environment)}")
        + " (a dry run: nothing is done)"
    ]
    if view.images:
        lines += ["", "images", *(f"  {clean(image)}" for image in view.images)]
    for number, steps in enumerate(view.waves, start=1):
        lines += ["", f"wave {number} of {len(view.waves)}"]
        unit = ""
        for step in steps:
            if step.unit != unit:
                unit = step.unit
                lines.append(f"  {clean(unit)}")
            lines += wrapped(clean(step.sentence), "      ", first="    - ")
            if step.argv:
                lines.append(faint(f"      $ {clean(shlex.join(step.argv))}"))
    lines += _configuration_lines(view.configuration)
    if view.migrations:
        lines += ["", *wrapped(f"migrations that are new: {clean(', '.join(view.migrations))}", "  ")]
    if view.back is not None:
        lines += ["", *back_lines(view.back, view.source)]
    return lines


def _configuration_lines(found: ConfigurationChange | None) -> list[str]:
    """What changes in the configuration file, setting by setting."""
    if found is None:
        return []
    if not found.known:
        because = "since a package is not here, or the file in it cannot be read"
        return ["", *wrapped(f"{clean(found.path)}: what changes in it cannot be told, {because}", "  ")]
    if not found.changes:
        return ["", f"{clean(found.path)}: nothing changes in it"]
    return ["", f"{clean(found.path)} changes:", *(line for one in found.changes for line in _setting_lines(one))]


def _setting_lines(one: SettingChange) -> list[str]:
    sign = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}[one.change]
    values = " -> ".join(clean(value) or '""' for value in (one.before, one.after) if value is not None)
    return wrapped(f"{clean(one.key)} = {values}", "      ", first=f"  {sign} ")


def joint_page(view: JointView, tz: tzinfo, now: datetime) -> list[str]:
    """How far a joint rollout is, component by component."""
    facts: list[tuple[str, ...]] = [
        ("release", clean(view.release)),
        ("started", f"{moment(view.started_at, tz, now)} by {clean(view.started_by)}"),
    ]
    if view.ended_at:
        facts.append(("ended", moment(view.ended_at, tz, now)))
    if view.back_by:
        facts.append(("taken back by", clean(view.back_by)))
    lines = [f"{strong(clean(view.id))}  {state_word(view.state.value)}", *columns(facts, indent="  ")]
    if view.because:
        lines += wrapped(f"because: {clean(in_zone(view.because, tz))}", "    ", first="  ")
    rows: list[tuple[str, ...]] = [
        (f"{part.place}.", clean(part.component), state_word(part.state), _change_of(part), clean(part.rollout))
        for part in view.parts
    ]
    return [*lines, "", *columns(rows, indent="  ")]


def _change_of(part: PartView) -> str:
    return f"{part.source} -> {part.target}" if part.rollout else ""


def rollout_page(view: RolloutView, tz: tzinfo, now: datetime, script: str = "") -> list[str]:
    """How far a rollout is, unit by unit; ``script`` takes it back without the database."""
    facts: list[tuple[str, ...]] = [
        ("what", f"{clean(view.component)} {view.source} -> {view.target} in {clean(view.environment)}"),
        ("started", f"{moment(view.started_at, tz, now)} by {clean(view.started_by)}"),
    ]
    if view.ended_at:
        facts.append(("ended", moment(view.ended_at, tz, now)))
    if view.release:
        facts.append(("release", clean(view.release)))
    facts.append(("wave", f"{min(view.wave, len(view.waves))} of {len(view.waves)}"))
    facts.append(("token", view.token))
    if view.reverses:
        facts.append(("takes back", clean(view.reverses)))
    if view.reversed_by:
        facts.append(("taken back by", clean(view.reversed_by)))
    lines = [f"{strong(clean(view.id))}  {state_word(view.state.value)}", *columns(facts, indent="  ")]
    if view.back is not None:
        lines += back_lines(view.back, view.source)
    if view.because:
        lines += wrapped(f"because: {clean(in_zone(view.because, tz))}", "    ", first="  ")
    rows: list[tuple[str, ...]] = [
        (
            f"wave {unit.wave}",
            clean(unit.unit),
            state_word(unit.state.value),
            civil_seconds(unit.ended_at or unit.dispatched_at or unit.intended_at, tz),
            clean(unit.detail)[:60] + (f" (attempt {unit.attempt})" if unit.attempt > 1 else ""),
        )
        for unit in view.units
    ]
    if rows:
        lines += ["", *columns(rows, indent="  ")]
    if view.watch is not None:
        lines += ["", f"  watch until {moment(view.watch.ends_at, tz, now)}"]
        if view.watch.said:
            lines += wrapped(clean(in_zone(view.watch.said, tz)), "    ")
    if script:
        lines += ["", *wrapped(clean(shlex.join(["sh", script])), "    ", first="  without the database: ")]
    return lines
