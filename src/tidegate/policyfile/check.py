"""All that is to be said of a policy file: what keeps it from being one, what it says wrongly, what it leaves open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tidegate.core.lint import LINTS, Abilities, Found, Given, Lint, Severity
from tidegate.core.naming import Path as Keys
from tidegate.core.rulebook import dotted
from tidegate.core.undecided import OpenPoint, undecided
from tidegate.errors import PolicyError
from tidegate.policyfile.load import LoadedPolicy, TargetCheck, look_into
from tidegate.policyfile.presets import SCHEME

_PLACE = re.compile(r"(?P<file>.*):(?P<line>[0-9]+):(?P<column>[0-9]+)", re.DOTALL)

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; line and column count from 1. ``path`` is what stands there, in dots."""

    file: str
    line: int
    column: int
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is to be said: by which rule, how bad, where, what, and what to do."""

    rule: str
    severity: Severity
    message: str
    remedy: str
    place: Place
    also: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, the worst first and then by place. ``policy`` is None where the file is none."""

    name: str
    findings: tuple[Finding, ...]
    undecided: tuple[OpenPoint, ...] = ()
    policy: LoadedPolicy | None = None

    built_on: Place | None = None

    def own(self, place: Place) -> Place:
        """A place that is in a file of the organisation: of a preset's, where the policy says that it builds on it."""
        return self.built_on if self.built_on is not None and place.file.startswith(SCHEME) else place

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.of(Severity.ERROR)

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity is severity]


def check_policy(
    source: Path | bytes,
    name: str,
    now: datetime,
    *,
    abilities: Abilities,
    check_target: TargetCheck | None = None,
) -> Checked:
    """Look at a policy file with every rule there is.

    Args:
        now: UTC; rules look 400 days ahead of it.
        abilities: what this version can do of what a policy can name.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it cannot be read as a file.
    """
    try:
        loaded, mistakes = look_into(source, name, check_target=check_target)
    except PolicyError as error:
        return Checked(name, tuple(_mistake(mistake, name) for mistake in error.mistakes))
    found = findings_of(loaded, now, abilities, mistakes)
    points = undecided(loaded.policy, loaded)
    built_on = _place(loaded, ("extends",), at_key=True) if loaded.says(("extends",)) else None
    return Checked(name, found, points, None if mistakes else loaded, built_on)


def findings_of(
    loaded: LoadedPolicy, now: datetime, abilities: Abilities, mistakes: Sequence[PolicyError] = ()
) -> tuple[Finding, ...]:
    """What the rules find in a policy that was read, with its ``mistakes``, the worst first."""
    given = Given(loaded.policy, loaded.rulebook, now, loaded, loaded.bases, abilities)
    findings = [_mistake(mistake, loaded.name) for mistake in mistakes]
    for lint in LINTS:
        findings += _findings(lint, given, loaded, spoiled=bool(mistakes))
    return tuple(sorted(findings, key=_worst_first))


def _worst_first(finding: Finding) -> tuple[int, str, int, int, str]:
    return (_ORDER[finding.severity], finding.place.file, finding.place.line, finding.place.column, finding.rule)


def _findings(lint: Lint, given: Given, loaded: LoadedPolicy, *, spoiled: bool) -> list[Finding]:
    """What one rule finds. Where names lead nowhere a rule may stumble over them, and they are told anyway."""
    try:
        return [_finding(lint, found, loaded) for found in lint.check(given)]
    except LookupError:
        if spoiled:
            return []
        raise


def _finding(lint: Lint, found: Found, loaded: LoadedPolicy) -> Finding:
    also = tuple(dict.fromkeys(_place(loaded, path) for path in found.also if loaded.says(path)))
    return Finding(
        lint.id, lint.severity, found.message, found.remedy, _place(loaded, found.path, at_key=found.at_key), also
    )


def _place(loaded: LoadedPolicy, path: Keys, *, at_key: bool = False) -> Place:
    file, line, column = loaded.locate(path, at_key=at_key)
    return Place(file, line, column, dotted(path))


def _mistake(mistake: PolicyError, name: str) -> Finding:
    found = _PLACE.fullmatch(mistake.where)
    place = Place(found["file"], int(found["line"]), int(found["column"])) if found else Place(name, 1, 1)
    return Finding(mistake.rule, Severity.ERROR, mistake.what, mistake.remedy, place)


__all__ = ["Checked", "Finding", "Place", "check_policy", "findings_of"]
