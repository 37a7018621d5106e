"""What a rule of ``policy check`` is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tidegate.core.layers import Layers, OneFile
from tidegate.core.naming import Path
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook


class Severity(StrEnum):
    """How bad a finding is.

    error
        The policy says what cannot be, or cannot be followed: it should not be adopted.
    warning
        It can be followed, and probably does not do what is meant.
    note
        Good to know; nothing is wrong.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this version can do of all that a policy can name."""

    drivers: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    evidence: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Given:
    """What every rule is given: the policy, what it builds on, which file said what, and the time.

    ``bases`` are what its files are laid on, each as a policy by itself; none where the file builds on nothing.
    ``now`` is UTC; rules look 400 days ahead of it.
    """

    policy: Policy
    rulebook: Rulebook
    now: datetime
    layers: Layers = field(default_factory=OneFile)
    bases: tuple[Policy, ...] = ()
    abilities: Abilities = Abilities()


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: where, what, and what to do about it.

    ``at_key`` says that the last key of the path is what is meant, not its value. ``also`` are the other places that
    have to do with it.
    """

    path: Path
    message: str
    remedy: str
    at_key: bool = False
    also: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Lint:
    """One rule: its id, one sentence, the ledger's numbers, how bad its findings are, and its check, which is pure."""

    id: str
    sentence: str
    reference: str
    severity: Severity
    check: Callable[[Given], Iterable[Found]]
