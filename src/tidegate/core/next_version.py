"""The next version of a component, by what the changes since its last one ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tidegate.core.change import LEVELS, Change
from tidegate.core.version import Level, Version, bump
from tidegate.errors import ConflictError

INITIAL_VERSION = Version(0, 1, 0)
"""The first version of a component that was never released. Source: SemVer 2.0.0, FAQ on the 0.y.z phase."""


class Reason(NamedTuple):
    """Why a change asks for the level it asks for, in words."""

    sha: str
    level: Level
    why: str


class NextVersion(NamedTuple):
    """The version that the changes ask for; ``version`` is None when nothing asks for a release."""

    version: Version | None
    level: Level
    reasons: tuple[Reason, ...]
    why: str


def next_version(
    current: Version | None,
    changes: Sequence[Change],
    *,
    prerelease: Version | None = None,
    taken: Collection[Version] = (),
    levels: Mapping[str, Level] = LEVELS,
    widths: tuple[int, int, int] = INITIAL_VERSION.widths,
) -> NextVersion:
    """The next final version after ``current``, by what the changes since then ask for.

    Args:
        current: the last *final* version; None when there is none.
        prerelease: the highest pre-release made since then; its final version is announced, so the answer is at
            least that.
        taken: every version of the component that is tagged anywhere, also on lines of which this is no descendant.
        widths: the least digits of the numbers of a first version.

    Raises:
        ConflictError: the answer is tagged already, on another line.
    """
    reasons = tuple(Reason(change.sha, change.level(levels), _why(change, levels)) for change in changes)
    level = max((reason.level for reason in reasons), default=Level.NONE)
    version, why = _raise(current, level, bool(changes), prerelease)
    if version is not None and current is None and prerelease is None:
        version = replace(version, widths=widths)
    if version is not None and version in {other.final for other in taken if not other.is_prerelease}:
        since = current or "the beginning"
        raise ConflictError(
            f"the changes since {since} ask for {version}, and {version} is tagged already, on another line",
            remedy=(
                f"Merge the line of {version} first, or release from it; a hotfix line takes fixes only. If what was"
                " tagged has been rewritten since (git commit --amend, git rebase), go back to it, or release another"
                " version."
            ),
        )
    return NextVersion(version, level, reasons, why)


def _raise(
    current: Version | None, level: Level, any_change: bool, prerelease: Version | None
) -> tuple[Version | None, str]:
    """The next version and the sentence that explains it."""
    announced = prerelease.final if prerelease is not None else None
    asked = _asked(current, level, any_change)
    if announced is not None and (asked is None or announced >= asked) and (current is None or announced > current):
        return announced, f"{prerelease} has announced {announced}"
    if asked is None:
        return None, f"no change since {current or 'the beginning'} asks for a release"
    if current is None:
        return asked, "it is the first release"
    rule = ", and in initial development a breaking change raises the minor number" if _eased(current, level) else ""
    return asked, f"the highest level asked for since {current} is {level.word}{rule}"


def _asked(current: Version | None, level: Level, any_change: bool) -> Version | None:
    if current is None:
        return INITIAL_VERSION if any_change else None
    return bump(current, level) if level is not Level.NONE else None


def _eased(current: Version, level: Level) -> bool:
    return level is Level.MAJOR and current.is_initial_development


def _why(change: Change, levels: Mapping[str, Level]) -> str:
    """The reason for one change's level, in words."""
    if change.void:
        return change.void
    level = change.level(levels)
    if change.because and level > change.said_level(levels):
        return change.because
    if change.breaking:
        return "a breaking change"
    if not change.is_conventional:
        return "its title follows no convention, so it asks for nothing: look at it"
    if level > levels.get(change.kind, Level.NONE):
        return "it deprecates something"
    return f"{change.kind} asks for {level.word}" if level else f"{change.kind} asks for nothing"
