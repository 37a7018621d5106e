"""Gather the notes of a release, write them into their file, and keep the changelog up to date.

It works in any repository. Where a policy file is in force it names the component, its path, its tags, what it
requires, the file of its notes and the sections that these must have; else the caller does. The policy is read when
there is one, and Jinja when something is rendered: the notes of the last release are made by people who wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tidegate.core.bumping import Bump, raised
from tidegate.core.change import Change
from tidegate.core.next_version import next_version
from tidegate.core.notes.data import Contact, Material, NotesData, contributors, notes_data
from tidegate.core.notes.fragment import FOLDERS, MAX_BYTES, Fragment, in_order, is_fragment, read_fragment
from tidegate.core.notes.regions import bare
from tidegate.core.notes.topic import Topic
from tidegate.core.plain import plain
from tidegate.core.pull_request import PullRequest, titled
from tidegate.core.reverts import changes_from
from tidegate.core.version import TagFormat, Version, parse_version
from tidegate.errors import NotFoundError, RepositoryError, UsageError, WorldError
from tidegate.git.copies import TakenBack, all_pairs, lost_names, released_outside, twice_inside
from tidegate.git.history import History, Source, log_since, merged_of, unreleased_each, versions_of
from tidegate.git.log import Log
from tidegate.git.repository import Repository, Tag
from tidegate.git.restored import with_merges_restored
from tidegate.git.tree import check_inside, files_directly_in, normal_path

if TYPE_CHECKING:
    from tidegate.core.policy import Policy

DEFAULT_PATH = "docs/releases/{component}-{version}.md"
"""Where notes are kept. Source: M2-06."""

CHANGELOG_DOCUMENT = "changelog"
_LASTING = frozenset({Topic.KNOWN_ISSUES, Topic.SUPPORT})
_CONTACTS = ("documentation", "issues", "support")


class Scope(NamedTuple):
    """Whose notes are made: a component of a policy, or a part of any repository."""

    component: str
    title: str
    path: str = "."
    shared: tuple[str, ...] = ()
    tag_format: TagFormat = field(default_factory=lambda: TagFormat("v{version}"))
    bumps: tuple[Bump, ...] = ()
    requires: Mapping[str, str] = MappingProxyType({})
    contacts: tuple[Contact, ...] = ()
    notes_path: str = DEFAULT_PATH
    changelog_path: str = ""
    sections: tuple[str, ...] = ()
    tz: tzinfo = UTC

    @property
    def source(self) -> Source:
        """What of the repository belongs to it."""
        return Source(self.path, self.tag_format, self.shared, self.bumps)


class Asked(NamedTuple):
    """What notes are asked for.

    Args:
        since: a revision; what it already has is not told. Empty: the last release.
        until: a revision. Empty: what is checked out, or the last release where nothing came after it.
        version: the version that the notes speak of; empty: that of the tag, or the one that the changes ask for.
        released_on: its day; None: that of its tag, or today.
        sources: ``all``, ``commits`` or ``fragments``.
        worktree: read fragments as they lie on the disk, committed or not.
        pulls: what a code host knows of the merged pull requests.
    """

    since: str = ""
    until: str = ""
    version: str = ""
    released_on: date | None = None
    issue_link: str = ""
    sources: str = "all"
    worktree: bool = False
    pulls: tuple[PullRequest, ...] = ()


class Range(NamedTuple):
    """Which changes are told, as the release of which version."""

    at: str
    version: Version | None
    previous: Version | None
    previous_tag: str
    released_on: date
    is_tagged: bool
    changes: tuple[Change, ...]
    why: str


class Gathered(NamedTuple):
    """The notes as data, and what they were made from."""

    repository: Repository
    scope: Scope
    told: Range
    data: NotesData


# Whose notes.


def scope_of(
    repository: Repository, policy: Policy | None, component: str, paths: Sequence[str], tag_format: TagFormat
) -> Scope:
    """The component of the policy, or what the caller says where there is none, or it is not to be asked.

    Args:
        policy: the policy that is asked; None: there is none, and ``paths`` and ``tag_format`` say what is meant.

    Raises:
        NotFoundError, UsageError: the policy knows no such component, or several and none is named.
    """
    if policy is not None:
        return scope_in(policy, _component(policy, component))
    name = component or repository.root.name or "repository"
    path, *shared = paths or (".",)
    return Scope(name, name, path, tuple(shared), tag_format)


def scope_in(policy: Policy, name: str) -> Scope:
    """A component of a policy, which knows it."""
    from zoneinfo import ZoneInfo

    from tidegate.core.paper import NOTES
    from tidegate.orchestration.history import source_of

    known = policy.components[name]
    source = source_of(policy, known)
    notes, changelog = policy.documents.get(NOTES), policy.documents.get(CHANGELOG_DOCUMENT)
    return Scope(
        component=name,
        title=known.title or name,
        path=source.path,
        shared=source.shared,
        tag_format=source.tag_format,
        bumps=source.bumps,
        requires=known.requires,
        contacts=_contacts(policy),
        notes_path=notes.path if notes is not None and notes.path else DEFAULT_PATH,
        changelog_path=changelog.path if changelog is not None and changelog.path else "",
        sections=notes.sections if notes is not None else (),
        tz=ZoneInfo(policy.timezone),
    )


def _component(policy: Policy, asked: str) -> str:
    if asked in policy.components:
        return asked
    names = ", ".join(policy.components)
    if not asked and len(policy.components) == 1:
        return names
    if not asked:
        raise UsageError("the policy has several components", remedy=f"name one of: {names}")
    from difflib import get_close_matches

    close = get_close_matches(asked, policy.components, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"name one of: {names or 'none'}"
    raise NotFoundError(f'the policy knows no component "{plain(asked, 100)}"', remedy=hint)


def _contacts(policy: Policy) -> tuple[Contact, ...]:
    """Where users find help, as far as the policy says it: ``[link]`` is a place for it, not an answer."""
    found = (
        (policy.contacts[name].title, policy.contacts[name].reach) for name in _CONTACTS if name in policy.contacts
    )
    return tuple(Contact(plain(title), plain(reach)) for title, reach in found if reach and not reach.startswith("["))


# What is told.


def gather(repository: Repository, scope: Scope, asked: Asked, now: datetime) -> Gathered:
    """The notes as data.

    Raises:
        RepositoryError: there is no such revision, or the clone is shallow.
        UsageError: a path, a version or a fragment is none.
        ConflictError: the version that the changes ask for is taken.
    """
    told = _range(repository, scope, asked, now)
    fragments = _asked_fragments(repository, scope, told, asked) if asked.sources != "commits" else ()
    material = Material(
        component=scope.component,
        title=scope.title,
        version=str(told.version or ""),
        released_on=told.released_on if told.version is not None else None,
        changes=told.changes if asked.sources != "fragments" else (),
        fragments=fragments,
        requires=scope.requires,
        contacts=scope.contacts,
        issue_link=asked.issue_link,
        previous=str(told.previous or ""),
    )
    data = notes_data(material)
    if asked.sources == "fragments":
        data = data._replace(contributors=contributors(told.changes))
    return Gathered(repository, scope, told, data)


def release_notes(repository: Repository, scope: Scope, history: History, version: Version, day: date) -> str:
    """The notes of a release that is opened, in Markdown, in the format that has the sections of the policy.

    Raises:
        UsageError: a fragment is none.
    """
    from tidegate.templates.notes import render, style_for

    material = Material(
        component=scope.component,
        title=scope.title,
        version=str(version),
        released_on=day,
        changes=history.changes,
        fragments=fragments_since(repository, scope, history.at, f"refs/tags/{history.tag}" if history.tag else ""),
        requires=scope.requires,
        contacts=scope.contacts,
        previous=str(history.current or ""),
    )
    return bare(render(notes_data(material), style_for(scope.sections)))


def _range(repository: Repository, scope: Scope, asked: Asked, now: datetime) -> Range:
    """The release that a tag made, where that is what is asked for or nothing came after it; else what is to come."""
    _refuse_shallow(repository)
    if asked.until or asked.since:
        commit, tags = repository.commit_and_tags(asked.until or "HEAD")
        tagged = versions_of(tags, scope.tag_format)
        own = _version_at(tagged, commit, asked.until)
        if own is not None or asked.since:
            return _stated(repository, scope, asked, commit, own, tagged, now)
    history = unreleased_each(repository, {"": scope.source}, asked.until or "HEAD", asked.pulls)[""]
    if history.tag is not None and history.current is not None and not history.commits and not asked.until:
        tags = repository.all_tags()
        at = repository.resolve_among(tags, f"refs/tags/{history.tag}")
        return _stated(repository, scope, asked, at, history.current, versions_of(tags, scope.tag_format), now)
    return Range(
        at=history.at,
        version=_named(scope, asked) or history.next().version,
        previous=history.current,
        previous_tag=history.tag or "",
        released_on=asked.released_on or now.astimezone(scope.tz).date(),
        is_tagged=False,
        changes=tuple(history.changes),
        why=history.why,
    )


def _named(scope: Scope, asked: Asked) -> Version | None:
    return parse_version(asked.version, scope.tag_format.scheme) if asked.version else None


def _refuse_shallow(repository: Repository) -> None:
    if repository.is_shallow:
        raise RepositoryError(
            "this is a shallow clone: commits and tags are missing, so no release can be told",
            where=str(repository.root),
            remedy="Fetch the whole history with: git fetch --unshallow --tags",
        )


def _stated(
    repository: Repository,
    scope: Scope,
    asked: Asked,
    commit: str,
    own: Version | None,
    tagged: Mapping[Version, Tag],
    now: datetime,
) -> Range:
    """From a revision (or the release before) to a commit, which may carry a version of its own."""
    paths = tuple(check_inside(repository, commit, place) for place in (scope.path, *scope.shared))
    lower, names = _lower(tagged, own), bool(scope.bumps)
    last = tagged[lower[0]].target if lower and not asked.since else ""
    begun = log_since(repository, commit, last, paths, names=names) if last else None
    if begun is None or commit not in begun.parents:
        repository.resolve(asked.until or "HEAD")  # a tag may lead to what is no commit
    before = lower[0] if begun is not None else _before(repository, tagged, lower, commit)
    previous_tag = tagged[before].name if before is not None else ""
    start = asked.since or previous_tag
    # Where a tag leads that a commit descends from is a commit.
    since = [repository.resolve(start)] if asked.since else [tagged[before].target] if before is not None else []
    log = begun if begun is not None else repository.commits(commit, since, paths, names=names)
    if asked.since and not log.parents and since != [commit]:
        raise UsageError(
            f"{plain(asked.until or 'HEAD', 100)} came before {plain(asked.since, 100)}, which has all of it",
            remedy="Swap --from and --to.",
        )
    commits, labels = titled(with_merges_restored(repository, log, paths).commits, asked.pulls)
    had = plain(start.removeprefix("refs/tags/"), 100)
    pairs = all_pairs(repository, log)
    released = {sha: why.format(had) for sha, why in released_outside(repository, log, since, pairs).items()}
    lost = lost_names(repository, log, since, TakenBack(log.commits))
    found = changes_from(commits, log.parents, released, twice_inside(pairs), lost)
    changes = raised(found, log.touched, scope.bumps, labels)
    if asked.since:
        stated = scope.tag_format.match(asked.since.removeprefix("refs/tags/"))
        if stated is not None:
            before = stated
            previous_tag = tagged[stated].name if stated in tagged else ""
    return Range(
        at=commit,
        version=_named(scope, asked) or own or _next(scope, before, changes, tagged),
        previous=before,
        previous_tag=previous_tag,
        released_on=asked.released_on or _day(repository, scope.tz, log, commit if own is not None else "", now),
        is_tagged=own is not None,
        changes=changes,
        why=f"from {had or 'the beginning'} to {commit[:10]}",
    )


def _version_at(tagged: Mapping[Version, Tag], commit: str, named: str) -> Version | None:
    """The version that is tagged at a commit: of several the one whose tag was named, else the highest."""
    there = {version: tag for version, tag in tagged.items() if tag.target == commit}
    asked = named.removeprefix("refs/").removeprefix("tags/")
    return next((version for version, tag in there.items() if tag.name == asked), max(there, default=None))


_NEAR = 10
"""So many of the highest versions are looked at first: the release before is nearly always among them, and a walk to a
near tag ends early where one to all tags takes the whole history."""


def _lower(tagged: Iterable[Version], own: Version | None) -> list[Version]:
    """The final versions below one, or all of them, the highest first."""
    finals = sorted((v for v in tagged if not v.is_prerelease), key=lambda version: version.key, reverse=True)
    return [version for version in finals if own is None or version < own]


def _before(
    repository: Repository, tagged: Mapping[Version, Tag], lower: Sequence[Version], commit: str
) -> Version | None:
    """The highest version from which a commit descends: the notes of a final version hold what its pre-releases
    brought.
    """
    for some in (lower[:_NEAR], lower[_NEAR:]):
        reached = merged_of(repository, [tagged[version] for version in some], commit)
        for version in some:
            if tagged[version].name in reached:
                return version
    return None


def _next(
    scope: Scope, before: Version | None, changes: Sequence[Change], tagged: Collection[Version]
) -> Version | None:
    """The version that a range asks for; None where nothing does, or where it is there already."""
    found = next_version(before, changes, widths=scope.tag_format.scheme.widths).version
    return None if found in tagged else found


def _day(repository: Repository, tz: tzinfo, log: Log, commit: str, now: datetime) -> date:
    """The day of a tagged commit, as its committer's clock said; today where nothing is tagged."""
    if not commit:
        return now.astimezone(tz).date()
    newest = log.commits[0] if log.commits else None
    tagged = newest if newest is not None and newest.sha == commit else repository.commit(commit)
    return datetime.fromtimestamp(tagged.committed_s, tz).date()


# Fragments.


def _asked_fragments(repository: Repository, scope: Scope, told: Range, asked: Asked) -> tuple[Fragment, ...]:
    folders = _folders(scope)
    there = _on_disk(repository, folders) if asked.worktree else _in_tree(repository, told.at, folders)
    before = asked.since or (f"refs/tags/{told.previous_tag}" if told.previous_tag else "")
    return _new_fragments(repository, scope, there, before)


def fragments_since(repository: Repository, scope: Scope, at: str, release: str) -> tuple[Fragment, ...]:
    """The fragments of a revision that a release does not have, nor any release before it.

    Raises:
        RepositoryError: there is no such revision.
        UsageError: a fragment is none.
    """
    return _new_fragments(repository, scope, _in_tree(repository, repository.resolve(at), _folders(scope)), release)


def _new_fragments(
    repository: Repository, scope: Scope, there: Mapping[str, bytes], before: str
) -> tuple[Fragment, ...]:
    """The fragments but for those that the release before has as they are, since it has told them.

    Known issues and where to find support hold for as long as they are there.
    """
    had = _in_tree(repository, repository.resolve(before), _folders(scope)) if there and before else {}
    read = ((path, read_fragment(path, there[path])) for path in in_order(there))
    return tuple(one for path, one in read if one.topic in _LASTING or had.get(path) != there[path])


def _folders(scope: Scope) -> list[str]:
    start = "" if scope.path == "." else f"{normal_path(scope.path)}/"
    return [f"{start}{folder}" for folder in FOLDERS]


def _in_tree(repository: Repository, commit: str, folders: Sequence[str]) -> dict[str, bytes]:
    there = [entry for entry in files_directly_in(repository, commit, folders) if is_fragment(_file_name(entry.name))]
    return dict(zip((e.name for e in there), repository.blobs(e.oid for e in there), strict=True))


def _on_disk(repository: Repository, folders: Sequence[str]) -> dict[str, bytes]:
    """The fragments of the work tree; what is a link, or lies behind one, may be anybody's file and is not read."""
    if repository.is_bare:
        raise UsageError("this repository has no work tree", remedy="Leave out --worktree.")
    found: dict[str, bytes] = {}
    for folder in folders:
        place = repository.root / folder
        if not place.is_dir() or place.resolve() != repository.root.resolve() / folder:
            continue
        for file in place.iterdir():
            if is_fragment(file.name) and file.is_file() and not file.is_symlink():
                found[f"{folder}/{file.name}"] = _content(file)
    return found


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise WorldError(
            f"it cannot be read: {error.strerror}", where=str(file), remedy="Look at its rights."
        ) from error


def _file_name(path: str) -> str:
    return PurePosixPath(path).name
