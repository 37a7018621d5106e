"""What follows from the evidence: wait, promote, roll back, or a person must decide; and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import exp, log

from tidegate.clock import to_text
from tidegate.core.watch import evalues
from tidegate.core.watch.limits import Metric
from tidegate.core.watch.state import ClockError, WatchState


class Action(StrEnum):
    """What the watch asks for."""

    WAIT = "wait"
    """Neither is proven; look again."""
    PROMOTE = "promote"
    """Every gate is proven within its limit."""
    ROLL_BACK = "roll_back"
    """A limit is proven to be exceeded. This answer stays."""
    INCONCLUSIVE = "inconclusive"
    """The deadline has come and neither is proven. Pause and ask a person; never go on by itself."""


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """What one metric says, for people and for the audit log."""

    metric: Metric
    limit: float
    total: int
    bad: int
    rate: float | None
    """Observed; None when nothing was counted."""
    log_bad: float
    """Natural logarithm of the e-value against "within the limit"."""
    log_good: float
    """Natural logarithm of the e-value against "at the limit or above"."""
    gate: bool
    """Must be proven good before a promotion."""
    proven_good: bool
    clean_needed: int
    """How many more events without a failure would prove it good; 0 when it is proven."""


@dataclass(frozen=True, slots=True)
class WatchVerdict:
    """The answer with its explanation."""

    action: Action
    at: datetime
    reason: str
    remedy: str
    """What a person can do; empty where nothing is asked of them."""
    p_value: float
    """Over all metrics and looks: how likely evidence this strong against a release within its limits is, at most."""
    evidence: tuple[MetricEvidence, ...]
    looks: int
    empty_looks: int
    proven_bad_at: datetime | None


def verdict(state: WatchState, now: datetime, deadline: datetime) -> WatchVerdict:
    """Judge the release under watch from everything counted so far.

    Bad comes before good: what was once proven bad is taken back even when the sums look good again. Good must be
    proven *now*: evidence that has faded since does not promote.

    Args:
        deadline: the moment from which on waiting ends.

    Raises:
        ClockError: ``now`` is earlier than the last sample.

    Source: formulas F5 and F7 in docs/explanation/verification.md.
    """
    if now < state.latest:
        raise ClockError(
            f"it is {to_text(now)}, but the watch has seen {to_text(state.latest)} already",
            remedy="set the clock of this machine right, then look again; nothing was decided",
        )
    evidence = tuple(_evidence(state, metric) for metric in Metric)
    action, reason, remedy = _judge(state, evidence, now, deadline)
    return WatchVerdict(
        action=action,
        at=now,
        reason=reason,
        remedy=remedy,
        p_value=p_value(state),
        evidence=evidence,
        looks=state.looks,
        empty_looks=state.empty_looks,
        proven_bad_at=state.proven_bad_at,
    )


def p_value(state: WatchState) -> float:
    """``min(1, 1 / the highest combined evidence)``: valid at any time and after any number of looks (Ville)."""
    return min(1.0, exp(-state.log_highest))


def _evidence(state: WatchState, metric: Metric) -> MetricEvidence:
    tally, limit, target = state.tallies[metric], state.limits.limit(metric), -log(state.limits.beta)
    needed = evalues.clean_needed(tally.better, limit, target)
    return MetricEvidence(
        metric=metric,
        limit=limit,
        total=tally.total,
        bad=tally.bad,
        rate=tally.rate,
        log_bad=tally.log_bad,
        log_good=tally.log_good,
        gate=metric in state.limits.gates,
        proven_good=needed == 0,
        clean_needed=needed,
    )


def _judge(
    state: WatchState, evidence: tuple[MetricEvidence, ...], now: datetime, deadline: datetime
) -> tuple[Action, str, str]:
    gates = [one for one in evidence if one.gate]
    if state.proven_bad_at is not None:
        return Action.ROLL_BACK, _bad_reason(state, evidence), ""
    proven = all(gate.proven_good for gate in gates)
    long_enough = now >= state.started_at + state.limits.min_watch
    if proven and long_enough:
        return Action.PROMOTE, _good_reason(state, gates), ""
    reason = _waiting_reason(state, gates) if proven else _open_reason(gates)
    if now >= deadline:
        return Action.INCONCLUSIVE, f"The deadline {to_text(deadline)} has come. {reason}", _remedy(gates)
    return Action.WAIT, reason, ""


def _bad_reason(state: WatchState, evidence: tuple[MetricEvidence, ...]) -> str:
    worst = max(
        (one for one in evidence if state.limits.weight(one.metric) > 0),
        key=lambda one: log(state.limits.weight(one.metric)) + one.log_bad,
    )
    return (
        f"Proven bad: {_seen(worst)}, against a limit of {_percent(worst.limit)}. A release within its limits would "
        f"look this bad at any time of the watch with probability {p_value(state):.2g} at most "
        f"(alpha {state.limits.alpha:g})."
    )


def _good_reason(state: WatchState, gates: list[MetricEvidence]) -> str:
    parts = "; ".join(f"{_seen(gate)}, proven below {_percent(gate.limit)}" for gate in gates)
    return f"Proven good (beta {state.limits.beta:g}): {parts}."


def _waiting_reason(state: WatchState, gates: list[MetricEvidence]) -> str:
    until = to_text(state.started_at + state.limits.min_watch)
    return f"{_good_reason(state, gates)} The watch lasts until {until} at least."


def _open_reason(gates: list[MetricEvidence]) -> str:
    return f"Not proven yet: {'; '.join(_progress(gate) for gate in gates)}."


def _progress(gate: MetricEvidence) -> str:
    if gate.proven_good:
        return f"{_seen(gate)}, proven below {_percent(gate.limit)}"
    things = _THINGS[gate.metric]
    more = "more " if gate.total else ""
    return f"{_seen(gate)}; {gate.clean_needed} {more}{things.clean} would prove it below {_percent(gate.limit)}"


def _seen(one: MetricEvidence) -> str:
    things = _THINGS[one.metric]
    if one.rate is None:
        return f"{things.noun}: no {things.events} were counted"
    return f"{things.noun}: {one.bad} of {one.total} {things.events} failed ({_percent(one.rate)})"


def _remedy(gates: list[MetricEvidence]) -> str:
    silent = [_THINGS[gate.metric].events for gate in gates if not gate.total]
    if silent:
        return f"find out why no {' and no '.join(silent)} were counted, then go on or roll back by hand"
    return "send more traffic to the new version or give the watch more time, or decide by hand"


@dataclass(frozen=True, slots=True)
class _Things:
    noun: str
    events: str
    clean: str


_THINGS = {
    Metric.ERROR_RATE: _Things("error rate", "requests", "error-free requests"),
    Metric.HEALTH: _Things("health", "probes", "successful probes"),
}


def _percent(rate: float) -> str:
    return f"{rate * 100:.3g} %"
