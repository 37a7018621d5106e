"""Two policies compared: what became stricter, what looser, and of what nobody can say.

Each key of the models carries a mark that says which way of changing it asks for more (``core/policy/base.py``); the
two policies are walked by their fields, and each difference gets a direction. What holds of it: where all differences
are STRICTER, nothing may start under the later policy that might not have started under the earlier one, and where all
are LOOSER, nothing is refused that was not refused before. The limits are told in docs/explanation/strictness.md.

difference.py      the values: a difference, its direction, its sentence
walk.py            section by section, key by key
scales.py          values on a scale: durations, counts, limits, grades
conditions.py      the conditions of gates
times.py           windows and trains, as sets of moments
people.py          who may, and who no longer may
whole.py           what one key alone does not tell: trains, new ways to production, what is closed
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tidegate.core.policy import Blackout, Component, Environment, Policy, ReleaseType, Risk, Section
from tidegate.core.strictness import people, whole
from tidegate.core.strictness.difference import Difference, Direction, Kind, Spot
from tidegate.core.strictness.walk import Pair, Special, sections

SPECIAL: Mapping[tuple[type[Section], str], Special] = MappingProxyType(
    {
        (Policy, "people"): people.people,
        (Policy, "components"): whole.components,
        (Policy, "trains"): whole.trains,
        (Policy, "environments"): whole.environments,
        (Policy, "release_types"): whole.release_types,
        (Environment, "purpose"): whole.purpose,
        (Environment, "config"): whole.config,
        (ReleaseType, "bump"): whole.bump,
        (Component, "requires"): whole.requires,
        (Blackout, "environments"): whole.blackout_environments,
        (Risk, "matrix"): whole.risk_matrix,
    }
)
"""The keys that are not compared by their two values alone."""


def compare(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Every difference of two policies, in the order of the file's reference; none where both are stored alike.

    ``compare(after, before)`` has the same differences the other way round, each with its direction reversed.
    """
    return tuple(sections(Pair(before, after, SPECIAL), Spot(), before, after))


def weakened(base: Policy, policy: Policy) -> tuple[Difference, ...]:
    """Where ``policy`` asks for less than ``base``: the rules that became looser, without who may and what there is.

    Who builds on a preset adds people, components and types of their own; that weakens none of its lines.
    """
    return tuple(
        difference
        for difference in compare(base, policy)
        if difference.direction is Direction.LOOSER and difference.kind is Kind.RULE
    )


__all__ = ["Difference", "Direction", "Kind", "compare", "weakened"]
