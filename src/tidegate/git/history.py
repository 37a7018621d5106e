"""What of a component is not released yet: its last version, and the changes since.

The last release is the *highest* final version whose tag the commit descends from, not the newest tag: a hotfix 1.0.1
that was tagged after 1.1.0 and merged back must not make the next version 1.1.0 again. Tags of a module are looked for
without any path filter, because a tag may sit on a merge commit that changes nothing in the module's folder. The
theory with its cases is in docs/explanation/versions.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.core.commit import MERGE, UNCONVENTIONAL, Change, Commit, NextVersion, changes_from, next_version, plain
from tidegate.core.version import TagFormat, Version
from tidegate.errors import RepositoryError
from tidegate.git.repository import Repository, Tag
from tidegate.git.tree import check_inside


@dataclass(frozen=True, slots=True)
class SkippedTag:
    """A tag that looks like one of the component's and was not taken as its last release, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class History:
    """A component's unreleased history at a commit.

    ``current`` is the last final version and ``tag`` its tag; both are empty before the first release. ``prerelease``
    is the highest pre-release since then. ``taken`` are all versions tagged anywhere in the repository.
    """

    at: str
    current: Version | None
    tag: str | None
    prerelease: Version | None
    taken: frozenset[Version]
    commits: tuple[Commit, ...]
    changes: tuple[Change, ...]
    skipped: tuple[SkippedTag, ...]
    why: str

    @property
    def unconventional(self) -> tuple[Change, ...]:
        """The changes whose commits follow no convention: a person must look at them."""
        return tuple(change for change in self.changes if change.kind == UNCONVENTIONAL)

    @property
    def merges(self) -> tuple[Change, ...]:
        """The merge commits that say nothing of their own."""
        return tuple(change for change in self.changes if change.kind == MERGE)

    def next(self) -> NextVersion:
        """The version that the changes ask for; see :func:`tidegate.core.commit.next_version`."""
        return next_version(self.current, self.changes, prerelease=self.prerelease, taken=self.taken)


def unreleased(
    repository: Repository, path: str, shared: Sequence[str], tag_format: TagFormat, at: str = "HEAD"
) -> History:
    """The changes of a component since its last release.

    Args:
        path: the component's folder (or file) from the repository's root; ``.`` is the whole repository.
        shared: further paths whose changes are changes of this component.
        at: the revision to be released.

    Raises:
        RepositoryError: ``at`` is unknown, or the clone is shallow, so that commits and tags are missing.
        UsageError: a path is none inside the repository.
        NotFoundError: a path does not exist at that revision.
    """
    _refuse_shallow(repository)
    commit = repository.resolve(at)
    paths = tuple(check_inside(repository, commit, place) for place in (path, *shared))
    merged = _versions(repository.tags(_pattern(tag_format), merged=commit), tag_format)
    everywhere = repository.tags(_pattern(tag_format))
    last = max((version for version in merged if not version.is_prerelease), default=None)
    since = [repository.resolve(f"refs/tags/{merged[last].name}")] if last is not None else []
    log = repository.commits(commit, since, paths)
    return History(
        at=commit,
        current=last,
        tag=merged[last].name if last is not None else None,
        prerelease=_announced(merged, last),
        taken=frozenset(_versions(everywhere, tag_format)),
        commits=log.commits,
        changes=changes_from(log.commits, log.parents),
        skipped=_skipped(everywhere, merged, last, tag_format),
        why=_why(last, tag_format, commit, len(log.commits), len(log.parents)),
    )


def _refuse_shallow(repository: Repository) -> None:
    if repository.is_shallow:
        raise RepositoryError(
            "this is a shallow clone: commits and tags are missing, so the last release cannot be told",
            where=str(repository.root),
            remedy="Fetch the whole history with: git fetch --unshallow --tags",
        )


def _pattern(tag_format: TagFormat) -> str:
    """A format's own characters are no pattern's: Git forbids ``*?[`` in tag names, and so does the format."""
    return f"{tag_format.prefix}*{tag_format.suffix}"


def _versions(tags: Iterable[Tag], tag_format: TagFormat) -> dict[Version, Tag]:
    return {version: tag for tag in tags if (version := tag_format.match(tag.name)) is not None}


def _announced(merged: Iterable[Version], last: Version | None) -> Version | None:
    """The highest pre-release above the last final version."""
    later = (version for version in merged if version.is_prerelease and (last is None or version > last))
    return max(later, default=None)


def _skipped(
    everywhere: Iterable[Tag], merged: Iterable[Version], last: Version | None, tag_format: TagFormat
) -> tuple[SkippedTag, ...]:
    found: list[SkippedTag] = []
    reached = set(merged)
    for tag in everywhere:
        version = tag_format.match(tag.name)
        if version is None:
            found.append(SkippedTag(plain(tag.name, 200), "it carries no version of this format"))
        elif version not in reached and (last is None or version > last):
            found.append(SkippedTag(tag.name, "it is on another line: this commit does not descend from it"))
    return tuple(found)


def _why(last: Version | None, tag_format: TagFormat, commit: str, own: int, all_commits: int) -> str:
    """The sentence that explains where the range begins."""
    if last is None:
        start = f"no final version is tagged as {tag_format.text} before {commit[:10]}, so everything is unreleased"
    else:
        start = f"{tag_format.tag_for(last)} is the highest final version from which {commit[:10]} descends"
    return f"{start}; {own} of {all_commits} commits since then change this component"
