"""How risky a change is: by impact and probability as people state them, and beside it by facts that can be counted.

**Stated.** The policy's matrix gives the level; of a cell that it leaves out, the higher of impact and probability
holds.

**From facts.** Each factor is worth 0 to 3 points by its thresholds, and the sum makes the level. What is counted comes
from the literature on the risk of changes: size and spread of a change, files with past fixes, and their number
(A. Mockus and D. Weiss, "Predicting Risk of Software Changes", Bell Labs Technical Journal 5(2), 2000; N. Nagappan and
T. Ball, "Use of Relative Code Churn Measures to Predict System Defect Density", ICSE 2005; Y. Kamei et al., "A
Large-Scale Empirical Study of Just-in-Time Quality Assurance", IEEE TSE 39(6), 2013), and how long ago the last
deployment was (N. Forsgren, J. Humble and G. Kim, "Accelerate", 2018: small batches). **The thresholds and points are
ours.** Those studies fit a model to each project, and none of their weights carries over to another; ours are round
numbers that a person can follow, the same for everybody, and predict nothing. No factor ever lowers a level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.core.policy import Risk

RECENT_ROLLOUTS = 20
"""How many of a component's last rollouts its history of failures is counted over."""

MOST_POINTS = 15
"""From how many points on the share of them in it is the share of the levels: with three levels 5 points are the second
and 10 the third."""


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What could be counted of a change when it was submitted, over all its releases.

    ``lines`` are added and removed; ``broken_files`` are the files of the change that an earlier ``fix`` commit touched
    within the time that the policy names, ``fixes`` those commits. ``days_since_deploy`` is None where a component
    never went where it would go now. ``failures`` are those of the last ``rollouts`` that were taken back. ``unknown``
    says what could not be counted, and why.
    """

    commits: int = 0
    files: int = 0
    lines: int = 0
    migrations: int = 0
    breaking: int = 0
    broken_files: int = 0
    fixes: int = 0
    days_since_deploy: int | None = None
    rollouts: int = 0
    failures: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that was counted: its name, what was found in words, and what it contributes, 0 to 3 points."""

    name: str
    says: str
    points: int


@dataclass(frozen=True, slots=True)
class _Measure:
    name: str
    value: Callable[[RiskFacts], int]
    thresholds: tuple[int, int, int]
    says: Callable[[RiskFacts], str]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_NEVER_DEPLOYED = 45
"""A first deployment counts as one after so many days: nobody has seen it run there."""


def _days(facts: RiskFacts) -> int:
    return _NEVER_DEPLOYED if facts.days_since_deploy is None else facts.days_since_deploy


def _deployed(facts: RiskFacts) -> str:
    since = facts.days_since_deploy
    return "never deployed there" if since is None else f"{_count(since, 'day')} since the last deployment"


_MEASURES = (
    _Measure("commits", lambda f: f.commits, (5, 20, 50), lambda f: _count(f.commits, "commit")),
    _Measure("files", lambda f: f.files, (10, 50, 100), lambda f: f"{_count(f.files, 'file')} changed"),
    _Measure("lines", lambda f: f.lines, (200, 1000, 5000), lambda f: f"{_count(f.lines, 'line')} added and removed"),
    _Measure("migrations", lambda f: f.migrations, (1, 3, 10), lambda f: _count(f.migrations, "migration")),
    _Measure("breaking", lambda f: f.breaking, (1, 2, 5), lambda f: _count(f.breaking, "breaking commit")),
    _Measure(
        "often broken",
        lambda f: f.broken_files,
        (1, 5, 20),
        lambda f: (
            f"{_count(f.broken_files, 'file')} that {_count(f.fixes, 'earlier fix').replace('fixs', 'fixes')} touched"
        ),
    ),
    _Measure("last deployment", _days, (14, 45, 120), _deployed),
    _Measure(
        "failures",
        lambda f: f.failures,
        (1, 3, 6),
        lambda f: f"{f.failures} of the last {_count(f.rollouts, 'rollout')} taken back",
    ),
)


def factors(facts: RiskFacts) -> tuple[Factor, ...]:
    """Everything that is counted, each with what it contributes."""
    return tuple(
        Factor(m.name, m.says(facts), sum(m.value(facts) >= threshold for threshold in m.thresholds)) for m in _MEASURES
    )


def factual_level(levels: Sequence[str], counted: Sequence[Factor]) -> str:
    """The level that the factors make, the lowest first in ``levels``; empty where there are no levels.

    A factor that grows never lowers it.
    """
    if not levels:
        return ""
    points = sum(factor.points for factor in counted)
    return levels[min(len(levels) - 1, points * len(levels) // MOST_POINTS)]


@dataclass(frozen=True, slots=True)
class Level:
    """The level that holds, and where it comes from.

    ``level`` is empty where nobody can tell. ``stated`` is from impact and probability, ``undecided`` where the matrix
    leaves that cell out; ``factual`` is from the facts, and empty where some could not be counted.
    """

    level: str
    stated: str
    undecided: bool
    factual: str
    factors: tuple[Factor, ...] = ()
    above: bool = False
    """Whether the facts say more than what was stated."""


def stated_level(risk: Risk, impact: str, probability: str) -> tuple[str, bool]:
    """The level of an impact and a probability, and whether the policy left it undecided; empty where it has none."""
    decided = risk.matrix.get(impact, {}).get(probability)
    if decided is not None:
        return decided, False
    known = [name for name in (impact, probability) if name in risk.levels]
    return max(known, key=risk.levels.index, default=""), True


def level_of(risk: Risk, impact: str, probability: str, facts: RiskFacts | None) -> Level:
    """The level that holds for a change, by the policy."""
    stated, undecided = stated_level(risk, impact, probability)
    stated = stated if impact in risk.levels and probability in risk.levels and stated in risk.levels else ""
    counted = factors(facts) if facts is not None else ()
    # What could not be counted is no fact: the level from facts would be too low, and nobody would see it.
    known = facts is not None and not facts.unknown
    factual = factual_level(risk.levels, counted) if known else ""
    above = bool(stated and factual) and risk.levels.index(factual) > risk.levels.index(stated)
    if risk.facts == "raise" and not factual:
        return Level("", stated, undecided, factual, counted)
    return Level(factual if above and risk.facts == "raise" else stated, stated, undecided, factual, counted, above)


__all__ = ["Factor", "Level", "RiskFacts", "factors", "factual_level", "level_of", "stated_level"]
