"""The rules of ``policy check``: what a policy that can be read may still say wrongly.

One rule, one file; the list is the registry, and its order is the order of the explanation. What keeps a file from
being a policy at all is told before, by ``policyfile`` and ``core/rulebook.py``.
"""

from __future__ import annotations

from tidegate.core.lint import (
    change_unsatisfiable,
    clock_change,
    database_target,
    dated_twice,
    freeze_phase,
    frequency,
    impossible,
    lead_time,
    no_key,
    not_enforced,
    override_weakens,
    pipeline_bypass,
    pipeline_incomplete,
    requires_contradictory,
    requires_cycle,
    self_approval,
    stated_date,
    stated_interval,
    strategy_target,
    tag_before_merge,
    tag_format,
    template_field,
    timeline,
    unknown_decision,
    unpinned_preset,
    unreachable_approval,
    unsafe_data,
    unsafe_emergency,
    unsafe_empty_list,
    unsafe_gate,
    unsafe_no_trigger,
    unsafe_release_type,
    unsafe_rollback,
    unused,
)
from tidegate.core.lint.lint import Abilities, Found, Given, Lint, Severity

LINTS: tuple[Lint, ...] = (
    stated_date.LINT,
    dated_twice.LINT,
    stated_interval.LINT,
    tag_format.LINT,
    lead_time.LINT,
    frequency.LINT,
    timeline.LINT,
    freeze_phase.LINT,
    pipeline_bypass.LINT,
    tag_before_merge.LINT,
    pipeline_incomplete.LINT,
    strategy_target.LINT,
    database_target.LINT,
    override_weakens.LINT,
    impossible.LINT,
    requires_contradictory.LINT,
    requires_cycle.LINT,
    unreachable_approval.LINT,
    change_unsatisfiable.LINT,
    unsafe_gate.LINT,
    unsafe_release_type.LINT,
    unsafe_no_trigger.LINT,
    unsafe_rollback.LINT,
    unsafe_emergency.LINT,
    unsafe_data.LINT,
    unsafe_empty_list.LINT,
    template_field.LINT,
    self_approval.LINT,
    unknown_decision.LINT,
    unpinned_preset.LINT,
    no_key.LINT,
    unused.LINT,
    clock_change.LINT,
    not_enforced.LINT,
)

__all__ = ["LINTS", "Abilities", "Found", "Given", "Lint", "Severity"]
