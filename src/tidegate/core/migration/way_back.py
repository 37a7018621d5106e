"""What going back would mean: whether data is lost, and whether the version before bears the database as it is then.

By default the application goes back and the database stays. Then nothing is lost by going back, and the version before
meets a database that was made for the one after it. Where the database goes back too, what was written into what is new
is lost with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Consequence:
    """What going back means. None: nobody can tell. ``because`` names the migration, or says why there is nothing;
    ``database`` says whether the database goes back, too."""

    loses_data: bool | None
    breaks: bool | None
    because: str
    database: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether nothing stands against it."""
        return self.loses_data is False and self.breaks is False


NOTHING_DECLARED = Consequence(False, False, "the driver switches versions and leaves data where it is")


def goes_back(policy: Policy, component: str, environment: str) -> bool:
    """Whether the policy lets the database of a component go back there: it has one, and migrations are reversible."""
    known = policy.components.get(component)
    target = known.targets.get(environment) if known else None
    declared = target is not None and (target.model_extra or {}).get("database") is not None
    return declared and policy.migrations is not None and policy.migrations.rule == "reversible"


def chosen(between: Sequence[Brought], *, may_go_back: bool, accepts: bool = False) -> Consequence:
    """How one goes back over all that these brought, and what that means: with the database, or without.

    The database goes back where it may and can, and nothing is lost by it, or a person accepts the loss. Where it
    would lose data it stays, as long as the version before bears it as it is.

    Args:
        between: as of :func:`consequence`.
        may_go_back: whether the policy lets the database go back.
        accepts: whether a person accepts that data is lost.
    """
    stays = consequence(between)
    if not may_go_back or not any(one.scripts for one in between) or any(one.unknown for one in between):
        return stays
    back = consequence(between, database_goes_back=True)
    if back.breaks is not False:
        return stays
    if back.loses_data is not False and not accepts and stays.is_safe:
        return replace(stays, because=f"{stays.because}; it stays unless a person accepts that data is lost")
    because = f"the database goes back, too: {back.because}" if back.loses_data is False else back.because
    return replace(back, because=because, database=True)


_BREAKS = {
    Danger.DROPPED: "drops {name}, which the version before reads",
    Danger.RENAMED: "renames {name}, which the version before asks for by its old name",
    Danger.REQUIRED: "adds {name}, which the version before does not write and the database demands",
    Danger.NARROWED: "makes {name} narrower than what the version before writes",
    Danger.TIGHTENED: "makes {name} stricter than what the version before writes",
    Danger.DATA: "{detail} rows of {name}, which the version before reads",
    Danger.CHANGED: "was changed after its release",
    Danger.REMOVED: "was removed after its release",
    Danger.UNREADABLE: "cannot be judged: {detail}",
}
_UNCERTAIN = frozenset({Danger.DATA, Danger.CHANGED, Danger.REMOVED, Danger.UNREADABLE})


def consequence(between: Sequence[Brought], *, database_goes_back: bool = False) -> Consequence:
    """What going back over all that these brought would mean.

    Args:
        between: what each release after the version to which one returns brought, the last one first.
        database_goes_back: whether migrations are undone as well.
    """
    unknown = next((one.unknown for one in between if one.unknown), "")
    if unknown:
        return Consequence(None, None, unknown)
    scripts = [name for one in between for name in one.scripts]
    hazards = [hazard for one in between for hazard in one.hazards]
    if not scripts and not hazards:
        return Consequence(False, False, "no migration lies between the two versions")
    if database_goes_back:
        return _undone(between, hazards)
    breaks, because = _breaks(hazards)
    if breaks is False:
        several = f"{len(scripts)} migrations lie" if len(scripts) != 1 else f"{scripts[0]} lies"
        because = f"{several} between, and the version before runs on the database as it is"
    return Consequence(False, breaks, because)


def _breaks(hazards: Iterable[Hazard]) -> tuple[bool | None, str]:
    """Whether the version before is broken by what stays: certainly, perhaps, or not; and by which migration."""
    found = [hazard for hazard in hazards if hazard.danger in _BREAKS]
    certain = [hazard for hazard in found if hazard.certain and hazard.danger not in _UNCERTAIN]
    if certain:
        return True, _told(certain)
    return (None, _told(found)) if found else (False, "")


def _told(hazards: Sequence[Hazard]) -> str:
    first = hazards[0]
    words = _BREAKS[first.danger].format(name=first.name or "the database", detail=_detail(first))
    return f"{first.place} {words}" + (f" (and {len(hazards) - 1} more)" if len(hazards) > 1 else "")


def _detail(hazard: Hazard) -> str:
    if hazard.danger is Danger.DATA:
        return "deletes" if hazard.certain else "changes"
    return hazard.detail


def _undone(between: Sequence[Brought], hazards: Sequence[Hazard]) -> Consequence:
    """Where the database goes back too: what it added is lost, and what has no way back stays as it is."""
    stuck = [hazard for hazard in hazards if hazard.danger in (Danger.IRREVERSIBLE, Danger.CHANGED, Danger.REMOVED)]
    lost = list(_lost(between, hazards))
    breaks: bool | None = False
    if stuck:
        breaks = True if any(hazard.certain and not hazard.bearable for hazard in stuck) else None
    unread = [hazard for hazard in hazards if hazard.danger is Danger.UNREADABLE]
    loses = True if lost else None if unread else False
    said = lost[:1] + [f"{hazard.place} cannot be undone" for hazard in stuck[:1]]
    said += [f"{hazard.place} cannot be judged: {hazard.detail}" for hazard in unread[:1] if loses is None]
    return Consequence(
        loses, breaks, "; ".join(said) or "each migration has its way back, and none of them adds anything"
    )


def _lost(between: Sequence[Brought], hazards: Sequence[Hazard]) -> Iterator[str]:
    for one in between:
        if one.adds:
            yield f"what was written into {one.adds} since is lost when the database goes back, too"
    for hazard in hazards:
        if hazard.danger is Danger.DROPPED:
            yield f"{hazard.place} dropped {hazard.name}, and undoing it brings back no data"
