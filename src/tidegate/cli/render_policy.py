"""The active policy as lines."""

from __future__ import annotations

from datetime import datetime

from tidegate.cli.render import rehearsal_lines
from tidegate.cli.text import clean, columns, strong
from tidegate.core.rulebook import Rulebook
from tidegate.store.policies import Adoption
from tidegate.views.environments import in_order
from tidegate.views.moments import moment


def policy_lines(book: Rulebook, adoption: Adoption | None, now: datetime) -> list[str]:
    """What the policy knows, by name; its text is in the file and in ``--json``."""
    policy = book.policy
    lines = [
        *rehearsal_lines(policy.rehearsal or ""),
        strong(clean(policy.organization)),
        f"  {book.digest}",
    ]
    if adoption is not None:
        at = moment(adoption.adopted_at, book.tz, now)
        lines.append(f"  adopted by {clean(adoption.adopted_by['person'])}, {at}")
    sections: list[tuple[str, ...]] = [
        ("time zone", policy.timezone),
        ("people", _names(policy.people)),
        ("components", _names(policy.components)),
        ("trains", ", ".join(f"{name} (every {train.every})" for name, train in policy.trains.items()) or "none"),
        ("release types", _names(policy.release_types)),
        ("gates", _names(policy.gates)),
        ("environments", _names(in_order(policy))),
        ("watched", _names(policy.watch)),
        ("blackouts", ", ".join(clean(b.name) for b in policy.calendar.blackouts) or "none"),
    ]
    return [*lines, "", *columns(sections, indent="  ")]


def _names(found: object) -> str:
    return ", ".join(clean(name) for name in found) or "none"  # type: ignore[attr-defined]
