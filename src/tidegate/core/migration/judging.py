"""Which hazards a policy refuses: its ``migrations`` section held against what was found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tidegate.core.migration.hazard import Danger, Hazard
from tidegate.core.requirement import read_number
from tidegate.core.verdict import Verdict

if TYPE_CHECKING:
    from tidegate.core.policy import Migrations


def is_major(since: str, to: str) -> bool | None:
    """Whether a release raises the first number of what runs there; None where their versions have none.

    Where nothing runs there is nothing that could have read what is dropped.
    """
    if not since:
        return True
    before, after = read_number(since), read_number(to)
    return after.major > before.major if before and after else None


def verdict_of(hazard: Hazard, rules: Migrations, *, major: bool | None) -> tuple[Verdict, str]:
    """What a policy says of a hazard, and why it refuses it; the words are empty where it does not.

    Args:
        major: as :func:`is_major` answers.
    """
    match hazard.danger:
        case Danger.DROPPED:
            return _dropping(hazard, rules, major)
        case Danger.RENAMED:
            return _unless(rules.drop_columns == "any", "nothing is renamed (migrations.drop_columns)")
        case Danger.REQUIRED:
            asks = "a new column begins as nullable, or with a default (migrations.new_columns)"
            return _unless(rules.new_columns == "any", asks)
        case Danger.NARROWED if rules.narrow_types == "never":
            asks = "no type is narrowed (migrations.narrow_types)"
            return (Verdict.DENY if hazard.certain else Verdict.CANNOT_TELL), asks
        case Danger.LOCK:
            return _unless(rules.locks == "any", "nothing is locked for long (migrations.locks)")
        case Danger.IRREVERSIBLE:
            return _undoing(hazard, rules)
        case Danger.CHANGED | Danger.REMOVED:
            return Verdict.DENY, "what was released stays as it was"
        case Danger.UNREADABLE:
            return Verdict.CANNOT_TELL, "what nobody can judge does not pass"
    return Verdict.ALLOW, ""


def _unless(permitted: bool, asks: str) -> tuple[Verdict, str]:
    return (Verdict.ALLOW, "") if permitted else (Verdict.DENY, asks)


def _dropping(hazard: Hazard, rules: Migrations, major: bool | None) -> tuple[Verdict, str]:
    if rules.drop_columns == "any":
        return Verdict.ALLOW, ""
    if rules.drop_columns == "never":
        return Verdict.DENY, "nothing is dropped (migrations.drop_columns: never)"
    if not hazard.deprecated:
        return (
            Verdict.DENY,
            f"its deprecation was never released: no migration that runs says deprecated: {hazard.name}",
        )
    if major is None:
        return Verdict.CANNOT_TELL, "it goes only with a major release, and nobody can tell whether this is one"
    return _unless(major, "it goes only with a major release (migrations.drop_columns: next-major)")


def _undoing(hazard: Hazard, rules: Migrations) -> tuple[Verdict, str]:
    demanded = rules.rule == "reversible" or (rules.reversible and not hazard.bearable)
    if not demanded:
        return Verdict.ALLOW, ""
    asks = "each is written so that it can be undone"
    key = "migrations.rule: reversible" if rules.rule == "reversible" else "migrations.reversible"
    return Verdict.DENY, f"{asks} ({key})"


def refused(hazards: Iterable[Hazard], rules: Migrations, *, major: bool | None) -> list[tuple[Hazard, Verdict, str]]:
    """The hazards that a policy does not let pass, each with why."""
    judged = ((hazard, *verdict_of(hazard, rules, major=major)) for hazard in hazards)
    return [one for one in judged if one[1] is not Verdict.ALLOW]
