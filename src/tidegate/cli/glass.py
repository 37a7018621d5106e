"""Breaking the glass: a rollback that opens no database."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli.text import bad, clean, columns, good
from tidegate.clock import system_clock
from tidegate.core.effect import Finding
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration import breakglass, glass_journal, wayback
from tidegate.orchestration.house import package_in
from tidegate.orchestration.wayback import WayBackDocument

if TYPE_CHECKING:
    from tidegate.cli.session import Session


def break_the_glass(
    session: Session, component: str, environment: str, reason: str, file: Path | None, journal: Path | None
) -> int:
    """Take every unit back by the way back alone; the exit code.

    Raises:
        NotFoundError: there is no way back.
        NotPermittedError: it does not let this person.
        StoreError: the journal cannot be written; nothing was done.
    """
    state = _state(session, file)
    document = _document(state, component, environment, file)
    driver = session.parts.make_driver(component, environment, document.settings)
    kept = _kept(state, document)
    where = journal or wayback.journal_path(state)
    results = breakglass.roll_back(
        document,
        driver,
        session.claim(),
        clock=system_clock,
        journal=glass_journal.Journal(where),
        package=kept,
        reason=reason,
        say=lambda sentence: session.progress(clean(sentence)),
    )
    whole = all(result.finding is Finding.CONFIRMED for result in results)
    target = document.target.version if document.target else "absent"
    rows: list[tuple[str, ...]] = [
        (
            good("✓") if r.finding is Finding.CONFIRMED else bad("✗"),
            clean(r.unit),
            r.finding.value,
            clean(r.detail)[:60],
        )
        for r in results
    ]
    again = f"runs {target}" if document.target else "is absent"
    said = f"{component} in {environment} {again} again" if whole else "not every unit was taken back: repeat it"
    lines = [
        *columns(rows, indent="  "),
        f"{good('✓') if whole else bad('✗')} {clean(said)}",
        *([f"  database: {clean(document.database)}"] if document.database else []),
        f"  journal: {clean(normpath(where))}",
    ]
    record = {
        "component": component,
        "environment": environment,
        "to": target,
        "rollout": document.rollout,
        "units": results,
        "database": document.database or None,
        "journal": str(where),
        "whole": whole,
    }
    session.answer(record, lines)
    return 0 if whole else 1


def _kept(state: Path, document: WayBackDocument) -> Path | None:
    """The package that runs again, where it lies here."""
    found = package_in(state / "packages", document.target.digest) if document.target else None
    return found if found is not None and found.is_file() else None


def _state(session: Session, file: Path | None) -> Path:
    try:
        state: Path = session.settings().state
        return state
    except NotFoundError:
        # A way back that was carried to another machine needs no policy file there.
        if file is None:
            raise
        beside = file.absolute().parents
        if len(beside) > 2 and beside[1].name == "way-back":
            return beside[2]  # it lies where the rollout left it: what it needs lies there, too
        return session.directory / ".tidegate"


def _document(state: Path, component: str, environment: str, file: Path | None) -> WayBackDocument:
    if file is None:
        return wayback.find(state, component, environment)
    try:
        document = wayback.read(file.read_bytes(), str(file))
    except FileNotFoundError as error:
        raise NotFoundError("there is no such file", where=str(file), remedy="name the way back with --file") from error
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", where=str(file), remedy="check the file") from error
    if (document.component, document.environment) != (component, environment):
        raise UsageError(
            f"this is the way back of {document.component} in {document.environment}",
            where=str(file),
            remedy=f"name that of {component} in {environment}",
        )
    return document
