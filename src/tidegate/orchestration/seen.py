"""What is looked at in the repository before anything is decided: one value. Outside any transaction: Git is slow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tidegate.core.facts import Item, Origin
from tidegate.core.holiday import holidays_for
from tidegate.core.migration.hazard import Brought
from tidegate.core.paper import Migrates, Paper
from tidegate.core.policy import Policy
from tidegate.orchestration.backup_files import amiss, kept_backups
from tidegate.orchestration.migration import brought
from tidegate.orchestration.origin import origins
from tidegate.orchestration.papers import Attached, attached_to, look_for
from tidegate.store import policies, releases

if TYPE_CHECKING:
    from tidegate.orchestration.house import House


@dataclass(frozen=True, slots=True)
class InGit:
    """What was seen: where commits come from, documents, migrations; empty where nothing asks."""

    origins: tuple[Origin, ...] = ()
    papers: tuple[Paper, ...] = ()
    migrates: tuple[Migrates, ...] = ()
    brought: tuple[Brought, ...] = ()
    amiss: tuple[tuple[str, str], ...] = ()
    """Of the files of backups, by the backup's id: what is wrong with each as it lies here now."""


NOTHING = InGit()
"""Where nobody has looked."""


def look(house: House, release: str) -> InGit:
    """What is there now of what the policies of a release ask about.

    Raises:
        NotFoundError: there is no such release, or no policy was adopted.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        both = (policies.rulebook(connection, row.policy).policy, policies.current(connection).policy)
        attached = attached_to(connection, release, row.notes)
        kept = kept_backups(connection, both)
    found = look_at(house, row.facts.type, row.facts.items, both, attached)
    return replace(found, amiss=tuple(amiss(house, both, kept)))


def look_at(
    house: House, type_: str, items: Sequence[Item], asking: Sequence[Policy], attached: Mapping[str, Attached]
) -> InGit:
    """As :func:`look`, for items that are at hand, and policies that are perhaps not adopted."""
    # The library of holidays takes long to load: now, and not while the database waits.
    holidays_for(asking, house.now())
    found = look_for(house, type_, items, asking, attached)
    return InGit(origins(house, items, asking), found.papers, found.migrates, brought(house, items, asking))
