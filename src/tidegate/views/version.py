"""Which version a component is at, which is next and why, commit by commit, and what would make it larger.

Reads the repository alone: neither a policy's models nor a database are needed to tell a version, and in most
repositories there are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.bumping import Bump
from tidegate.core.change import LEVELS, MERGE, Change
from tidegate.core.next_version import NextVersion
from tidegate.core.version import Level, Version, bump, level_between, next_prerelease
from tidegate.errors import ConflictError, TidegateError, UsageError
from tidegate.git.history import History, SkippedTag, Source


class Reason(NamedTuple):
    """A change that asks for a version: which, what it asks for, and why."""

    commit: str
    type: str
    scope: str
    subject: str
    breaking: bool
    level: str
    why: str


class Other(NamedTuple):
    """A change that asks for nothing, and why."""

    commit: str
    type: str
    subject: str
    why: str


class Unconventional(NamedTuple):
    """A commit that follows no convention: a person must look at it."""

    commit: str
    subject: str


class Larger(NamedTuple):
    """A larger step: the version it would lead to, and what would ask for it."""

    bump: str
    version: str
    by: tuple[str, ...]


class VersionView(NamedTuple):
    """What ``tidegate version`` answers; ``next`` is None where nothing asks for a release.

    ``bump`` is the part of the version that the step raises; ``"none"`` where there is no step.
    """

    component: str
    current: str | None
    tag: str | None
    prerelease: str | None
    next: str | None
    next_tag: str | None
    bump: str
    why: str
    reasons: tuple[Reason, ...]
    unconventional: tuple[Unconventional, ...]
    others: tuple[Other, ...]
    larger: tuple[Larger, ...]
    commit: str
    range: str
    advice: str
    skipped_tags: tuple[SkippedTag, ...]


class Untold(NamedTuple):
    """A component of several of which no next version can be told, and why."""

    component: str
    error: Mapping[str, str]


def version_views(
    sources: Mapping[str, Source], histories: Mapping[str, History], failures: Mapping[str, TidegateError], channel: str
) -> tuple[list[VersionView | Untold], dict[str, TidegateError]]:
    """The views of several components in their order, and why some cannot be told: ``failures``, and what else is."""
    views: list[VersionView | Untold] = []
    failed = dict(failures)
    for name, source in sources.items():
        try:
            if name not in failed:
                views.append(version_view(name, source, histories[name], channel))
                continue
        except (ConflictError, UsageError) as error:
            failed[name] = error
        views.append(Untold(name, _record(failed[name])))
    return views, failed


def _record(error: TidegateError) -> Mapping[str, str]:
    return {"kind": error.kind, "what": error.what, "where": error.where, "remedy": error.remedy}


def version_view(component: str, source: Source, history: History, channel: str = "") -> VersionView:
    """The view of one component.

    Args:
        channel: where it is given, the next pre-release on it is told instead of the next final version.

    Raises:
        ConflictError, UsageError: as :meth:`tidegate.git.history.History.next_prerelease`.
    """
    upcoming = history.next_prerelease(channel) if channel else history.next()
    asked = {(reason.sha, number): reason for number, reason in enumerate(upcoming.reasons)}
    told = [(change, asked[change.sha, number].why) for number, change in enumerate(history.changes)]
    return VersionView(
        component=component,
        current=_text(history.current),
        tag=history.tag,
        prerelease=_text(history.prerelease),
        next=_text(upcoming.version),
        next_tag=source.tag_format.tag_for(upcoming.version) if upcoming.version is not None else None,
        bump=_bump(history.current, upcoming),
        why=upcoming.why,
        reasons=tuple(_reason(change, why) for change, why in told if change.level() is not Level.NONE),
        unconventional=tuple(
            Unconventional(change.sha, change.summary) for change in history.unconventional if not change.void
        ),
        others=tuple(_others(told)),
        larger=_larger(history, upcoming, source.bumps, channel),
        commit=history.at,
        range=history.why,
        advice=history.advice,
        skipped_tags=history.skipped,
    )


def _text(version: Version | None) -> str | None:
    return None if version is None else str(version)


def _bump(current: Version | None, upcoming: NextVersion) -> str:
    if upcoming.version is None:
        return Level.NONE.word
    return upcoming.level.word if current is None else level_between(current, upcoming.version).word


def _reason(change: Change, why: str) -> Reason:
    return Reason(change.sha, change.kind, change.scope, change.summary, change.breaking, change.level().word, why)


def _others(told: Iterable[tuple[Change, str]]) -> Iterable[Other]:
    for change, why in told:
        quiet = change.level() is Level.NONE and change.kind != MERGE
        if quiet and (change.is_conventional or change.void):
            yield Other(change.sha, change.kind, change.summary, why)


def _larger(history: History, upcoming: NextVersion, rules: Sequence[Bump], channel: str) -> tuple[Larger, ...]:
    """What would make the step larger than it is, the nearest first; on a channel, the pre-releases of it."""
    if history.current is None:
        return ()
    answers: dict[str, Larger] = {}
    for level in (Level.PATCH, Level.MINOR, Level.MAJOR):
        version = _at_least_announced(history, bump(history.current, level))
        if level > upcoming.level and (upcoming.version is None or version > upcoming.version.final):
            part = level_between(history.current, version).word
            told = str(_on(channel, version, history.taken) if channel else version)
            before = answers.get(told)
            by = (*(before.by if before else ()), *_asking(level, LEVELS, rules))
            answers[told] = Larger(part, told, by)
    return tuple(answers.values())


def _at_least_announced(history: History, version: Version) -> Version:
    """A pre-release has announced its final version, so that nothing leads to less."""
    return version if history.prerelease is None else max(version, history.prerelease.final)


def _on(channel: str, version: Version, taken: Iterable[Version]) -> Version:
    """The next pre-release on a channel; the first where a later channel's are there: it is not to be made now."""
    try:
        return next_prerelease(version, channel, taken)
    except UsageError:
        return next_prerelease(version, channel, ())


def _asking(level: Level, levels: Mapping[str, Level], rules: Sequence[Bump]) -> list[str]:
    """In words, what asks for a level: kinds of commits, a mark, and the policy's rules."""
    kinds = [kind for kind, asked in levels.items() if asked is level and kind != "feature"]
    words = [f"a commit of the kind {kind}" for kind in kinds]
    if level is Level.MAJOR:
        words.append("a breaking change: ! after the kind, or a BREAKING CHANGE footer")
    ruled = (rule for rule in rules if rule.at_least is level and rule.paths)
    return [*words, *(f"a change below {', '.join(rule.paths)}: {rule.says}" for rule in ruled)]
