"""Whether a gate is waived: asked for with a reason, agreed to by those whom the policy names, and not over yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidegate.core.mark import Mark, MarkKind
from tidegate.core.policy import OWNERS, Gate, Migrations, Waiver
from tidegate.core.rules.marks import authors_of, marks_of, may_agree, subject_anywhere, why_not
from tidegate.core.rules.rule import Context
from tidegate.core.rules.saying import at, names


@dataclass(frozen=True, slots=True)
class Waived:
    """How the newest waiver of a gate stands: ``holds``, and who agreed; else ``why`` it does not.

    ``open_to`` are those who can still agree to it, where that is all that it lacks.
    """

    mark: Mark
    agreed: tuple[str, ...]
    ends_at: datetime
    why: str = ""
    open_to: frozenset[str] = frozenset()

    @property
    def holds(self) -> bool:
        """Whether the gate is waived by it now."""
        return not self.why


def waived(context: Context, name: str, gate: Gate | Migrations) -> Waived | None:
    """How the waiver of a gate, or of what is asked of migrations, stands.

    None where nobody has asked for one, or the policy lets nobody waive it.

    Of several, one that holds, or else the newest.
    """
    if gate.waiver is None or not context.since(3):
        return None
    found = [_stands(context, gate.waiver, mark) for mark in marks_of(context, MarkKind.WAIVER, name)]
    return next((one for one in reversed(found) if one.holds), found[-1] if found else None)


def agreeable(context: Context, waiver: Waiver, asker: str) -> frozenset[str]:
    """Who may agree to a waiver that ``asker`` asks for."""
    items = context.facts.release.items
    known = context.policy.components
    owners = sorted({known[i.component].owners or "" for i in items if i.component in known})
    groups = owners if waiver.by.group == OWNERS else [waiver.by.group]
    return may_agree(context.policy, waiver.by, iter(groups), authors_of(context)) - {asker}


def _stands(context: Context, waiver: Waiver, mark: Mark) -> Waived:
    ends_at = min(mark.until or mark.at, mark.at + waiver.lasts)
    people, subject = agreeable(context, waiver, mark.actor.person), subject_anywhere(context)
    yeses = [m for m in marks_of(context, MarkKind.WAIVER_YES, mark.name) if m.part == mark.id]
    standing = [yes.actor.person for yes in yeses if not why_not(context, yes, people, subject)]
    agreed = tuple(dict.fromkeys(standing))
    void = _why_void(context, mark, ends_at)
    lacking = waiver.by.count - len(agreed)
    if void or lacking <= 0:
        return Waived(mark, agreed, ends_at, void)
    open_to = people - set(agreed)
    return Waived(mark, agreed, ends_at, f"{lacking} more must agree, of {names(open_to)}", open_to)


def _why_void(context: Context, mark: Mark, ends_at: datetime) -> str:
    # Whoever asks need not be of any group; but they must be known, have signed, and mean this subject.
    known = frozenset(name for name, person in context.policy.people.items() if not person.disabled)
    void = why_not(context, mark, known, subject_anywhere(context))
    if not void and ends_at <= context.now:
        return f"it was over {at(context, ends_at)}"
    return void
