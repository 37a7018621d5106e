"""Keep a changelog up to date: one version's section, or all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from tidegate.core.notes.changelog import HEADER, Section, Update, update
from tidegate.core.notes.data import Material, NotesData, notes_data
from tidegate.core.notes.fragment import Fragment
from tidegate.core.pull_request import PullRequest
from tidegate.core.version import Scheme, Version, parse_version
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.git.releases import Released, read_releases
from tidegate.git.repository import Repository
from tidegate.git.tree import normal_path
from tidegate.orchestration.files import read_text, write_text
from tidegate.orchestration.notes import Gathered, Scope, fragments_since
from tidegate.orchestration.notes_file import Written
from tidegate.sharing import made_by_two
from tidegate.templates.notes import CHANGELOG, render

FILE_NAME = "CHANGELOG.md"


@dataclass(frozen=True, slots=True)
class Changelog:
    """A changelog that was brought up to date, or would be: where it is, its text, and what became of its sections."""

    path: str
    update: Update


def section_of(gathered: Gathered) -> Section:
    """The section of the version that the notes speak of.

    Raises:
        NotFoundError: they have no version yet.
    """
    version = gathered.told.version
    if version is None:
        raise NotFoundError(
            f"nothing of {gathered.scope.component} asks for a release: {gathered.told.why}",
            remedy="name one with --version, or a tag with --to",
        )
    return _section(gathered.scope, gathered.data, version, gathered.told.previous_tag)


def _section(scope: Scope, data: NotesData, version: Version, previous_tag: str) -> Section:
    return Section(
        label=str(version),
        tag=scope.tag_format.tag_for(version),
        previous_tag=previous_tag,
        released_on=data.released_on.isoformat() if data.released_on is not None else "",
        markdown=render(data, CHANGELOG),
    )


_WORTH_SHARING = 5_000
"""Commits from which on a second process is asked for help, which takes some ten milliseconds to begin."""


def sections_of(
    scope: Scope, take: Callable[[int], Released], count: int, issue_link: str = "", *, shared: bool = False
) -> list[Section]:
    """The sections of releases of the past, newest first; what is not released yet has none.

    Args:
        take: gives each of ``count`` releases, in any order.
        shared: they are many, so that a second process is asked for help.
    """

    def section_at(place: int) -> Section | None:
        return _section_of_past(scope, take(place), issue_link)

    made = made_by_two(section_at, count) if shared else [section_at(place) for place in range(count)]
    return [section for section in made if section is not None]


def _section_of_past(scope: Scope, release: Released, issue_link: str) -> Section | None:
    if release.version is None:
        return None
    day = datetime.fromtimestamp(release.tagged_s, scope.tz).date() if release.tagged_s is not None else None
    version = str(release.version)
    material = Material(scope.component, version, day, release.changes, scope.title, issue_link=issue_link)
    return _section(scope, notes_data(material), release.version, release.previous_tag)


@dataclass(frozen=True, slots=True)
class Everything:
    """A whole changelog: what is not released yet, or nothing where nobody would notice it, and all releases."""

    unreleased: str
    sections: tuple[Section, ...]


def everything(
    repository: Repository,
    scope: Scope,
    at: str,
    issue_link: str = "",
    pulls: Sequence[PullRequest] = (),
    sources: str = "all",
) -> Everything:
    """The sections of all releases that a revision descends from, newest first; see :func:`sections_of`.

    What is not released yet is told of commits and, unless of these alone, of the fragments that the last release does
    not have.

    Raises:
        RepositoryError: as ``read_releases``.
        UsageError: a fragment is none.
    """
    releases = read_releases(repository, scope.source, at, pulls)
    waiting = releases.take(0)
    fragments: Sequence[Fragment] = ()
    if sources != "commits" and waiting.changes:
        since = f"refs/tags/{waiting.previous_tag}" if waiting.previous_tag else ""
        fragments = fragments_since(repository, scope, at, since)
    material = Material(
        scope.component, "", None, waiting.changes, scope.title, fragments=fragments, issue_link=issue_link
    )
    markdown = render(notes_data(material), CHANGELOG)
    shared = releases.commits >= _WORTH_SHARING
    told = sections_of(scope, releases.take, len(releases), issue_link, shared=shared)
    return Everything(markdown if "\n### " in markdown else "", tuple(told))


def whole(found: Everything) -> str:
    """A changelog of these sections alone, as it is printed: without what Tidegate remembers of them."""
    unreleased = found.unreleased.partition("\n")[2]
    return HEADER + unreleased + "".join(f"\n{section.markdown}" for section in found.sections)


def changelog_path(scope: Scope, asked: str = "") -> str:
    """Where a component's changelog is: as asked, as the policy says, or in the component's folder.

    A path of the policy without ``{component}`` is that of all components: it then holds for the one whose folder is
    the whole repository, since two components may have the same version.
    """
    stated = asked or scope.changelog_path.replace("{component}", scope.component)
    own = f"{scope.path}/{FILE_NAME}" if scope.path != "." else FILE_NAME
    shared = not asked and "{component}" not in scope.changelog_path and scope.path != "."
    return normal_path(own if shared or not stated else stated)


def write_changelog(
    repository: Repository, path: str, sections: Sequence[Section], unreleased: str | None = None
) -> Written:
    """Bring the file up to date.

    Args:
        unreleased: as :func:`tidegate.core.notes.changelog.update` takes it.

    Raises:
        ConflictError: it has the section already, from somebody else, and that says something else.
        UsageError: there is no work tree, or the path leads outside.
    """
    before = read_text(repository, path)
    text, remarks = updated(path, before or "", sections, unreleased)
    return Written(path, write_text(repository, path, text, before), remarks)


def updated(
    path: str, before: str, sections: Sequence[Section], unreleased: str | None = None
) -> tuple[str, tuple[str, ...]]:
    """The text of a changelog with these sections in their places, and what is to be said of it.

    Raises:
        ConflictError: it has the section already, from somebody else, and that says something else.
    """
    made = update(before, sections, _later, unreleased)
    if made.foreign and unreleased is None and len(sections) == 1:
        raise ConflictError(
            f"the section {made.foreign[0]} is there, Tidegate did not write it, and it says something else",
            where=path,
            remedy="Take it out to have it generated, or keep it as it is.",
        )
    return made.text, _remarks(made)


def _remarks(made: Update) -> tuple[str, ...]:
    told = []
    if made.kept:
        told.append(f"kept as they were edited: {', '.join(made.kept)}")
    if made.outdated:
        told.append(f"something else would be generated now for: {', '.join(made.outdated)}")
    if made.foreign:
        told.append(f"left alone, since Tidegate did not write them: {', '.join(made.foreign)}")
    if made.waiting and made.added:
        told.append("something still stands under Unreleased; move what belongs to this version")
    return tuple(told)


def _later(one: str, other: str) -> bool:
    first, second = _version(one), _version(other)
    return second is None or (first is not None and first > second)


@lru_cache(maxsize=50_000)
def _version(label: str) -> Version | None:
    try:
        return parse_version(label, Scheme.PADDED)  # which reads those of SemVer too
    except UsageError:
        return None
