"""E-values of a proportion against a limit, and how they are put together.

An e-value is the wealth of a gambler who bets against a claim at fair odds, starting from 1. If the claim holds, the
wealth is in the mean never more than 1, and it ever reaches 1/a with probability at most a (Ville's inequality),
however often one looks. Each grid point below is one gambler, who believes in one rate ``p1``; the stake is spread
evenly over them. Everything is kept as natural logarithms: the wealth itself leaves the range of a float soon.

Source: formulas F3, F5 and F7 in docs/explanation/verification.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, fsum, log, log1p

WORSE_FACTORS = (1.25, 1.5, 2.0, 3.0, 5.0)
BETTER_FACTORS = (0.8, 0.6, 0.4, 0.2, 0.1, 0.02)


def worse_rates(p0: float) -> tuple[float, ...]:
    """The rates above ``p0`` that the roll-back side bets on, ascending; from slightly over the limit to a crash."""
    near = {factor * p0 for factor in WORSE_FACTORS}
    far = {(1 + p0) / 2, 1 - 0.1 * (1 - p0)}
    return tuple(sorted(rate for rate in near | far if p0 < rate < 1))


def better_rates(p0: float) -> tuple[float, ...]:
    """The rates below ``p0`` that the promotion side bets on, in the order of ``BETTER_FACTORS``."""
    return tuple(factor * p0 for factor in BETTER_FACTORS)


def log_likelihood_ratio(p1: float, p0: float, total: int, bad: int) -> float:
    """How much more likely ``bad`` of ``total`` is at rate ``p1`` than at ``p0``, as a natural logarithm (F3)."""
    return bad * log(p1 / p0) + (total - bad) * _log_clean(p1, p0)


def start(grid: Sequence[float]) -> tuple[float, ...]:
    """The even mixture before the first look: together the grid points hold a wealth of 1."""
    return tuple(-log(len(grid)) for _ in grid)


def advance(stakes: Sequence[float], grid: Sequence[float], p0: float, total: int, bad: int) -> tuple[float, ...]:
    """The logarithm of each grid point's wealth after an interval with ``bad`` of ``total``."""
    return tuple(stake + log_likelihood_ratio(p1, p0, total, bad) for stake, p1 in zip(stakes, grid, strict=True))


def log_sum(logs: Sequence[float]) -> float:
    """``log(sum(exp(x)))`` without leaving the range of a float; of at least one term."""
    top = max(logs)
    return top + log(fsum(exp(x - top) for x in logs))


def log_combined(log_values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted average of e-values, as a logarithm (F5); weight that nobody holds stays as a wealth of its own."""
    terms = [log(weight) + value for value, weight in zip(log_values, weights, strict=True) if weight > 0]
    idle = 1 - fsum(weights)
    if idle > 1e-12:
        terms.append(log(idle))
    return log_sum(terms)


def clean_needed(stakes: Sequence[float], p0: float, log_target: float) -> int:
    """How many more events without a failure bring the promotion side to ``log_target``; 0 when it is there.

    A clean event raises every grid point, so that the total rises with each and the least number is found by halving.
    """
    gains = [_log_clean(p1, p0) for p1 in better_rates(p0)]
    if log_sum(stakes) >= log_target:
        return 0
    enough = min(ceil((log_target - stake) / gain) for stake, gain in zip(stakes, gains, strict=True))
    short, enough = 0, max(1, enough)
    while enough - short > 1:
        middle = (short + enough) // 2
        reached = log_sum([stake + middle * gain for stake, gain in zip(stakes, gains, strict=True)]) >= log_target
        short, enough = (short, middle) if reached else (middle, enough)
    return enough


def _log_clean(p1: float, p0: float) -> float:
    """What one event without a failure adds; ``log((1 - p1) / (1 - p0))`` without cancellation at small rates."""
    return log1p((p0 - p1) / (1 - p0))
