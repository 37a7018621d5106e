"""Commits, and the changes that they bring, as values; what a change asks of the next version.

A commit is never dropped. One that follows no convention is a change of no kind; one that was taken back inside the
range stays in the list with the reason why it does not count (``void``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tidegate.core.version import Level

UNCONVENTIONAL = ""
"""The kind of a change whose commit follows no convention."""

MERGE = "merge"
"""The kind of a merge commit that says nothing of its own."""

REVERT = "revert"

LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "feat": Level.MINOR,
        "feature": Level.MINOR,
        "deprecate": Level.MINOR,
        "fix": Level.PATCH,
        "perf": Level.PATCH,
        "security": Level.PATCH,
        REVERT: Level.PATCH,
    }
)
"""What a kind asks for when it is not breaking; kinds that are not listed ask for nothing.

Source: Conventional Commits 1.0.0, clauses 2 and 3; 7D's versioning section, where security patches and performance
are PATCH and deprecations MINOR. A revert takes back released work: to its users it is a fix.
"""

QUIET_KINDS = frozenset({"build", "chore", "ci", "docs", "refactor", "style", "test"})
"""Well-known kinds that users of a component do not notice."""

KNOWN_KINDS = frozenset(LEVELS) | QUIET_KINDS

BREAKING_TOKENS = ("BREAKING CHANGE", "BREAKING-CHANGE", "BREAKING CHANGES", "BREAKING-CHANGES")
# What a template that was left as it is answers.
_NO_BREAK = frozenset({"", "none", "no", "n/a", "na", "nothing", "-"})
_DEPRECATION = ("Deprecated", "Deprecates", "Deprecation")


# A long history makes each of these a hundred thousand times, and a named tuple in a third of a dataclass's time.


class Person(NamedTuple):
    """A name and a mail address as a commit states them: a claim, not an identity."""

    name: str
    email: str


class Commit(NamedTuple):
    """A commit as Git tells it; ``message`` is raw and may hold anything but NUL."""

    sha: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    committed_s: int
    """Seconds since 1970 in UTC, as the committer's clock claimed."""
    message: str
    authored_s: int = 0
    """When it was written, as its author's clock claimed: what a cherry-pick keeps. 0: nobody knows."""


class Footer(NamedTuple):
    """A trailer: ``Refs: #12`` is the token ``Refs`` with the value ``#12``."""

    token: str
    value: str


class Change(NamedTuple):
    """One thing that a commit changed, ready to be shown (control characters are gone).

    ``void`` says why a change does not count: it was reverted in the same range, or is there twice; else it is empty.
    ``at_least`` is what a rule of the policy asks of it, whatever its commit says, and ``because`` why.
    """

    kind: str
    scope: str
    breaking: bool
    summary: str
    sha: str
    authors: tuple[Person, ...]
    closes: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    notes: tuple[Footer, ...] = ()
    void: str = ""
    at_least: Level = Level.NONE
    because: str = ""

    @property
    def is_conventional(self) -> bool:
        """False for what follows no convention; such a change asks for no version and is listed all the same."""
        return self.kind != UNCONVENTIONAL

    @property
    def short_sha(self) -> str:
        """Enough of the commit's name for a reader."""
        return self.sha[:10]

    def noted(self, *tokens: str) -> tuple[str, ...]:
        """The values of the footers of these tokens, spelled in any case."""
        wanted = {token.lower() for token in tokens}
        return tuple(note.value for note in self.notes if note.token.lower() in wanted)

    @property
    def breaking_notes(self) -> tuple[str, ...]:
        """What its BREAKING CHANGE footers say; the summary where it is marked with ``!`` alone."""
        told = tuple(note.value for note in self.notes if is_break(note))
        return told or ((self.summary,) if self.breaking else ())

    def level(self, levels: Mapping[str, Level] = LEVELS) -> Level:
        """What this change asks of the next version."""
        if self.void:
            return Level.NONE
        return max(self.said_level(levels), self.at_least)

    def said_level(self, levels: Mapping[str, Level] = LEVELS) -> Level:
        """What its commit says by itself, void or not."""
        return Level.MAJOR if self.breaking else max(levels.get(self.kind, Level.NONE), self._deprecation_level())

    def _deprecation_level(self) -> Level:
        return Level.MINOR if self.noted(*_DEPRECATION) else Level.NONE


def is_break(footer: Footer) -> bool:
    """Whether a footer says that something breaks."""
    return footer.token in BREAKING_TOKENS and footer.value.lower().rstrip(".!") not in _NO_BREAK


def tale(change: Change) -> tuple[str, str, str]:
    """What a change says, whoever says it."""
    return (change.kind, change.scope, change.summary)


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text once, where it came first."""
    return tuple(dict.fromkeys(texts))


def voided(change: Change, why: str) -> Change:
    """A change that does not count, where there is a reason why; else as it is."""
    return change._replace(void=why) if why else change
