"""Why a hazard is one, and the safe way: expand, migrate, contract, as steps over releases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.migration.hazard import Danger, Hazard
from tidegate.core.migration.operation import IN_TRANSACTION


class Phase(StrEnum):
    """The three phases of a change that the version before can bear."""

    EXPAND = "expand"
    MIGRATE = "migrate"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the safe way: in which phase, and what to do. Each phase is a release of its own."""

    phase: Phase
    what: str


_WHY = {
    Danger.DROPPED: "{name} is dropped, and the version before still reads it; what is in it is lost",
    Danger.RENAMED: "{name} is renamed to {detail}, and the version before still asks for the old name",
    Danger.REQUIRED: "{name} is new and required, and what the version before writes lacks it: {detail}",
    Danger.NARROWED: "{name} goes from {detail}, and no longer holds all that is in it",
    Danger.TIGHTENED: "{name} becomes stricter ({detail}), and refuses what the version before may write",
    Danger.LOCK: "{name} is locked: {detail}",
    Danger.DATA: "rows of {name} are deleted",
    Danger.IRREVERSIBLE: "it has no way back: {detail}",
    Danger.CHANGED: "it was changed after its release: a database that has run it will not run it again",
    Danger.REMOVED: "it was removed after its release: a database that has run it keeps what it did",
    Danger.UNREADABLE: "it cannot be judged: {detail}",
}
_WHY_UNCERTAIN = {
    Danger.NARROWED: "{name} goes from {detail}, and nobody can tell whether that holds all that is in it",
    Danger.TIGHTENED: "{name} becomes stricter ({detail}), and may refuse what the version before writes",
    Danger.DATA: "rows of {name} are changed, and nobody can tell whether the version before bears that",
}


def why(hazard: Hazard) -> str:
    """Why it is a hazard, in one sentence without its full stop."""
    if hazard.detail == IN_TRANSACTION:
        return "PostgreSQL refuses CONCURRENTLY inside a transaction, so that the migration fails"
    said = _WHY[hazard.danger] if hazard.certain else _WHY_UNCERTAIN.get(hazard.danger, _WHY[hazard.danger])
    return said.format(name=hazard.name or "it", detail=hazard.detail or "nothing more is known")


def safe_way(hazard: Hazard) -> tuple[Step, ...]:
    """The steps that do it without the danger, release by release."""
    name = hazard.name or "it"
    match hazard.danger:
        case Danger.DROPPED:
            return (
                Step(Phase.EXPAND, f"stop writing {name} in the application, and reading it"),
                Step(Phase.MIGRATE, f"declare it: write the comment deprecated: {name} into a migration, and release"),
                Step(Phase.CONTRACT, f"drop {name} in a later major release"),
            )
        case Danger.RENAMED:
            return _renaming(hazard, name)
        case Danger.REQUIRED:
            return (
                Step(Phase.EXPAND, f"add {name} as nullable, or with a default that the database keeps"),
                Step(Phase.MIGRATE, f"have the application write {name}, and fill the rows that lack it in batches"),
                Step(Phase.CONTRACT, f"make {name} NOT NULL in a later release"),
            )
        case Danger.NARROWED:
            return (
                Step(Phase.EXPAND, f"add a column of the new type beside {name}, and write both"),
                Step(Phase.MIGRATE, "copy in batches, look at what does not fit, then read the new one"),
                Step(Phase.CONTRACT, f"drop {name} in a later major release, after its deprecation"),
            )
        case Danger.TIGHTENED:
            return (
                Step(Phase.EXPAND, f"release an application that never writes into {name} what will be refused"),
                Step(Phase.MIGRATE, "mend the rows that are there, in batches"),
                Step(Phase.CONTRACT, "tighten it in a later release"),
            )
        case Danger.LOCK:
            return (Step(Phase.EXPAND, _without_lock(hazard)),)
        case Danger.DATA:
            return (
                Step(Phase.EXPAND, "write what is new beside what is old; leave the old rows as they are"),
                Step(Phase.MIGRATE, "copy in batches, outside the rollout"),
                Step(Phase.CONTRACT, "delete in a later release, after a backup that was verified"),
            )
        case Danger.IRREVERSIBLE:
            return (Step(Phase.EXPAND, "write its way back: reverse_code, reverse_sql, downgrade(), or a down file"),)
        case Danger.CHANGED | Danger.REMOVED:
            return (Step(Phase.EXPAND, "put it back as it was released, and write what is new into a new migration"),)
        case Danger.UNREADABLE:
            return (Step(Phase.EXPAND, "write it as plain operations, or have people who have read it waive this"),)


def _renaming(hazard: Hazard, name: str) -> tuple[Step, ...]:
    new = hazard.detail or "the new name"
    if not hazard.column:
        return (
            Step(Phase.EXPAND, f"create {new}, and write both"),
            Step(Phase.MIGRATE, f"copy {name} in batches, then read {new}"),
            Step(Phase.CONTRACT, f"drop {name} in a later major release, after its deprecation"),
        )
    return (
        Step(Phase.EXPAND, f"add {new} as nullable beside {name}, and write both"),
        Step(Phase.MIGRATE, f"copy in batches, then read {new}"),
        Step(Phase.CONTRACT, f"drop {name} in a later major release, after its deprecation"),
    )


_INSTEAD = {
    "inside a transaction": "run it outside a transaction: atomic = False in Django, autocommit_block() in Alembic, a "
    "file of its own in SQL whose first line is -- tidegate: no transaction",
    "reindex ": "REINDEX … CONCURRENTLY, outside a transaction",
    "refresh materialized": "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index",
    "vacuum full": "leave it out of the release: an online tool such as pg_repack does it while people write",
    "cluster ": "leave it out of the release: an online tool such as pg_repack does it while people write",
    "lock table": "leave the lock out, or hold it for a moment, with lock_timeout set",
}
"""By words of the statement, or of its lock."""


def _without_lock(hazard: Hazard) -> str:
    """The statement that needs no long lock. Source: PostgreSQL 15, "ALTER TABLE", notes; "CREATE INDEX"."""
    said = f"{hazard.statement} {hazard.detail}".lower()
    for words, instead in _INSTEAD.items():
        if words in said:
            return instead
    if "copy" in hazard.detail.lower():
        return "change it with a tool that copies online, such as gh-ost, or while nobody writes"
    if "not null" in said or "every row is read" in said:
        return (
            "ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID, then VALIDATE CONSTRAINT, then SET NOT NULL, "
            "which reads no rows any more"
        )
    if "every row is checked" in said:
        return "add the constraint NOT VALID, then VALIDATE CONSTRAINT in another transaction"
    if "until the index is gone" in said:
        return "DROP INDEX CONCURRENTLY, outside a transaction"
    if "while the index is built" in said:
        if "share:" in said and "access" not in said:
            return "CREATE INDEX CONCURRENTLY, outside a transaction"
        return "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX"
    return "add a new column, fill it in batches, and change over in a later release"


def way_over_releases(hazards: Iterable[Hazard]) -> dict[Phase, list[str]]:
    """The safe way for several hazards at once: what belongs into which release, each step once."""
    found: dict[Phase, list[str]] = {phase: [] for phase in Phase}
    for hazard in hazards:
        for step in safe_way(hazard):
            if step.what not in found[step.phase]:
                found[step.phase].append(step.what)
    return {phase: steps for phase, steps in found.items() if steps}
