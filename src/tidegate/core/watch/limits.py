"""What a release must keep to under watch, and how sure one wants to be of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import isfinite

from tidegate.errors import UsageError

# Outside these a limit is no limit: the grid of rates above or below it would leave the open interval (0, 1).
MIN_RATE, MAX_RATE = 1e-6, 0.99


FLAKE = 0.02
"""How many health probes of a good version may fail by accident (facts: probes of real services)."""


class Metric(StrEnum):
    """What is counted. The names are those of the policy and of stored records."""

    ERROR_RATE = "error_rate"
    """Requests that the new version answered with an error, of all it answered."""
    HEALTH = "health"
    """Health probes that failed, of all that were made."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one watch. They are pinned in its state: a limit changed half-way would void the bounds.

    Rates are fractions (0.05 is 5 %). The weights say how the one ``alpha`` is spread over the metrics; they sum to at
    most 1, and with these a crash is proven by three failed requests or three failed probes.

    Raises:
        UsageError: a value that is outside its range.
    """

    error_rate: float = 0.05
    """The error rate that must not be exceeded."""
    probe_failure_rate: float = FLAKE
    """How many probes of a healthy version may fail by accident."""
    alpha: float = 0.01
    """The most that a false roll-back may be likely, over all metrics and looks of the whole watch together."""
    beta: float = 0.05
    """The most that a false promotion may be likely."""
    error_weight: float = 0.85
    health_weight: float = 0.15
    gates: tuple[Metric, ...] = (Metric.ERROR_RATE, Metric.HEALTH)
    """What must be proven within its limit before the watch says *promote*."""
    min_watch: timedelta = timedelta(0)
    """How long the watch lasts at least, however early everything is proven."""

    def __post_init__(self) -> None:
        for name in ("error_rate", "probe_failure_rate"):
            _demand_between(name, getattr(self, name), MIN_RATE, MAX_RATE)
        for name in ("alpha", "beta"):
            _demand_between(name, getattr(self, name), 1e-9, 0.5)
        for name in ("error_weight", "health_weight"):
            _demand_between(name, getattr(self, name), 0, 1)
        self._demand_weights()
        self._demand_gates()
        if self.min_watch < timedelta(0):
            raise UsageError(f"min_watch is {self.min_watch}", remedy="give a duration of zero or more")

    def limit(self, metric: Metric) -> float:
        """The rate that ``metric`` must not exceed."""
        return self.error_rate if metric is Metric.ERROR_RATE else self.probe_failure_rate

    def weight(self, metric: Metric) -> float:
        """The share of ``alpha`` that ``metric`` may spend."""
        return self.error_weight if metric is Metric.ERROR_RATE else self.health_weight

    def _demand_weights(self) -> None:
        total = self.error_weight + self.health_weight
        if not 0 < total <= 1 + 1e-9:
            raise UsageError(
                f"error_weight and health_weight sum to {total:g}",
                remedy="choose weights whose sum is more than 0 and at most 1",
            )

    def _demand_gates(self) -> None:
        if not self.gates or len(set(self.gates)) != len(self.gates):
            raise UsageError(
                f"gates are {[gate.value for gate in self.gates]}",
                remedy="name at least one metric, each once: a watch without a gate would promote on nothing",
            )


def _demand_between(name: str, value: float, low: float, high: float) -> None:
    if not (isfinite(value) and low <= value <= high):
        raise UsageError(f"{name} is {value}", remedy=f"give a number from {low:g} to {high:g}")
