"""The watch: is the version that now runs proven bad, proven good, or neither yet?

    state = begin(limits, now)                    one row per watch
    state = update(state, observation)            each look, in the transaction that stores the look
    answer = verdict(state, now, deadline)        wait, promote, roll back, inconclusive

A sequential test in place of a noisy window: the evidence may be looked at as often as one likes, for as long as one
likes, and the chance of ever taking back a release that keeps its limits stays below ``alpha``. What was not counted
proves nothing, so that silence can neither promote nor roll back. Pure: no clock, no I/O, the standard library only.

Theory, in words and in formulas (F3, F5, F7): docs/explanation/verification.md.
"""

from tidegate.core.watch.limits import Limits, Metric
from tidegate.core.watch.record import from_record, to_record
from tidegate.core.watch.state import (
    ClockError,
    Counts,
    Observation,
    Probes,
    Tally,
    WatchState,
    begin,
    update,
)
from tidegate.core.watch.verdict import Action, MetricEvidence, WatchVerdict, verdict

__all__ = [
    "Action",
    "ClockError",
    "Counts",
    "Limits",
    "Metric",
    "MetricEvidence",
    "Observation",
    "Probes",
    "Tally",
    "WatchState",
    "WatchVerdict",
    "begin",
    "from_record",
    "to_record",
    "update",
    "verdict",
]
