"""What of a component is not released yet, and what each of its releases brought.

The last release is the *highest* final version whose tag the commit descends from, not the newest tag: a hotfix 1.0.1
that was tagged after 1.1.0 and merged back must not make the next version 1.1.0 again. Tags of a module are looked for
without any path filter, because a tag may sit on a merge commit that changes nothing in the module's folder. The
theory with its cases is in docs/explanation/versions.md.

Git is called a fixed number of times, however many commits, tags and components there are: once for the tags, once for
the log, and once for those tags that are merged, where the log since the highest does not show it.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from tidegate.core.attribution import reachable
from tidegate.core.bumping import Bump, raised
from tidegate.core.change import MERGE, UNCONVENTIONAL, Change, Commit
from tidegate.core.commit import changes_of, picked_from
from tidegate.core.likeness import alike, bears_out
from tidegate.core.next_version import NextVersion, next_version
from tidegate.core.plain import plain
from tidegate.core.reverts import changes_from
from tidegate.core.version import Level, Scheme, TagFormat, Version, is_on, next_prerelease
from tidegate.errors import NotFoundError, RepositoryError, TidegateError, UsageError
from tidegate.git.copies import (
    COPIED,
    Pair,
    TakenBack,
    all_pairs,
    lost_names,
    released_inside,
    released_outside,
    twice_inside,
    unmarked_pairs,
)
from tidegate.git.log import Log
from tidegate.git.repository import Repository, Tag
from tidegate.git.restored import with_merges_restored
from tidegate.git.tree import check_each_inside

if TYPE_CHECKING:
    from tidegate.core.pull_request import PullRequest

_OTHER_LINES = 3
"""How many of the highest versions of other lines are looked at, whether this line has all that they have."""
_MOST_COPIES = 1000
"""Commits that a release of another line may have by itself to be held against this one."""
_FIRST_LOOK, _SECOND_LOOK = 8, 1024
"""How many of the highest versions are looked at before all are: mostly the first few hold the last release."""


class Source(NamedTuple):
    """What of a repository belongs to a component: its paths, its tags, and what makes its changes larger."""

    path: str
    tag_format: TagFormat
    shared: tuple[str, ...] = ()
    bumps: tuple[Bump, ...] = ()


class SkippedTag(NamedTuple):
    """A tag that looks like one of the component's and was not taken as its last release, and why."""

    name: str
    why: str


class History(NamedTuple):
    """A component's unreleased history at a commit.

    ``current`` is the last final version and ``tag`` its tag; both are empty before the first release. ``prerelease``
    is the highest pre-release since then, and ``since_prerelease`` are the changes that it does not have. ``taken`` are
    all versions tagged anywhere in the repository. ``advice`` says what to look at where there is no release although
    one may be expected. ``widths`` are the least digits of a first version.
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
    advice: str = ""
    widths: tuple[int, int, int] = (1, 1, 1)
    since_prerelease: tuple[Change, ...] = ()

    @property
    def unconventional(self) -> tuple[Change, ...]:
        """The changes whose commits follow no convention: a person must look at them."""
        return tuple(change for change in self.changes if change.kind == UNCONVENTIONAL)

    @property
    def merges(self) -> tuple[Change, ...]:
        """The merge commits that say nothing of their own."""
        return tuple(change for change in self.changes if change.kind == MERGE)

    def next(self) -> NextVersion:
        """The version that the changes ask for; see :func:`tidegate.core.next_version.next_version`."""
        return next_version(
            self.current, self.changes, prerelease=self.prerelease, taken=self.taken, widths=self.widths
        )

    def next_prerelease(self, channel: str) -> NextVersion:
        """The next pre-release on a channel such as ``rc``, of the version that the changes ask for.

        There is none where nothing since the last pre-release asks for anything, unless the channel is a later one:
        ``1.2.0-beta.3`` becomes ``1.2.0-rc.1`` as it is.

        Raises:
            UsageError: the channel is no word, or sorts before what is there already.
            ConflictError: as :meth:`next`.
        """
        final = self.next()
        if final.version is None:
            return final
        version = next_prerelease(final.version, channel, self.taken, [self.prerelease] if self.prerelease else [])
        if self._holds_all(channel, final.version):
            return NextVersion(None, Level.NONE, final.reasons, f"no change since {self.prerelease} asks for a release")
        return NextVersion(version, final.level, final.reasons, final.why)

    def _holds_all(self, channel: str, final: Version) -> bool:
        """Whether the last pre-release is of this channel and version, and nothing since asks for another."""
        last = self.prerelease
        same = last is not None and last.final == final and is_on(channel, last)
        return same and all(change.level() is Level.NONE for change in self.since_prerelease)


def unreleased(
    repository: Repository,
    path: str,
    shared: Sequence[str],
    tag_format: TagFormat,
    at: str = "HEAD",
    bumps: Sequence[Bump] = (),
) -> History:
    """The changes of a component since its last release.

    Args:
        path: the component's folder (or file) from the repository's root; ``.`` is the whole repository.
        shared: further paths whose changes are changes of this component.
        at: the revision to be released.
        bumps: what makes a change larger than its commit says.

    Raises:
        RepositoryError: ``at`` is unknown, or the clone is shallow, so that commits and tags are missing.
        UsageError: a path is none inside the repository.
        NotFoundError: a path does not exist at that revision.
    """
    return unreleased_each(repository, {"": Source(path, tag_format, tuple(shared), tuple(bumps))}, at)[""]


def unreleased_each(
    repository: Repository,
    sources: Mapping[str, Source],
    at: str = "HEAD",
    pulls: Sequence[PullRequest] = (),
    without: str = "",
) -> dict[str, History]:
    """The same for several components, in as many calls of Git as for one.

    Args:
        without: a tag that is looked past: that of the release which is to be opened.
        pulls: what a code host knows of the merged pull requests.

    Raises:
        RepositoryError, UsageError, NotFoundError: as :func:`unreleased`.
    """
    refuse_shallow(repository)
    commit, every = repository.commit_and_tags(at)
    paths = paths_of(repository, commit, sources)
    tags = [tag for tag in every if tag.name != without]
    names = _with_names(paths.values(), sources.values())
    tagged = {name: _tagged(tags, source.tag_format) for name, source in sources.items()}
    begun = _since_highest(repository, commit, tagged.values(), names)
    if at != "HEAD" and (begun is None or commit not in begun.parents):
        repository.resolve(at)  # a tag may lead to what is no commit
    lines = _lines(repository, commit, tagged, is_evident=begun is not None)
    since = _since_each(repository, list(lines.values()))
    log = begun if begun is not None else repository.commits(commit, since, names=names)
    pairs = all_pairs(repository, log)
    outside = released_outside(repository, log, since, pairs)
    taken_back = TakenBack(log.commits)
    known = _Known(pairs, taken_back, outside, lost_names(repository, log, since, taken_back))
    log, labels = titled_log(log, pulls)
    own = {name: _own(repository, log, paths[name], line, known) for name, line in lines.items()}
    return {name: _history(commit, source, lines[name], own[name], tags, labels) for name, source in sources.items()}


def told_each(
    repository: Repository, sources: Mapping[str, Source], at: str = "HEAD", pulls: Sequence[PullRequest] = ()
) -> tuple[dict[str, History], dict[str, TidegateError]]:
    """The same, with why it cannot be told of those whose paths are not there: one must not hide all the others.

    Raises:
        RepositoryError, UsageError, NotFoundError: as :func:`unreleased`, where nothing can be told of any of them.
    """
    try:
        return unreleased_each(repository, sources, at, pulls), {}
    except (NotFoundError, UsageError):
        failures = _without_paths(repository, sources, at)
        if len(failures) in {0, len(sources)}:
            raise
    rest = {name: source for name, source in sources.items() if name not in failures}
    return unreleased_each(repository, rest, at, pulls), failures


def _without_paths(repository: Repository, sources: Mapping[str, Source], at: str) -> dict[str, TidegateError]:
    """Asked one by one, since this is the exception."""
    commit = repository.resolve(at)
    failures: dict[str, TidegateError] = {}
    for name, source in sources.items():
        try:
            paths_of(repository, commit, {name: source})
        except (NotFoundError, UsageError) as error:
            failures[name] = error
    return failures


def titled_log(log: Log, pulls: Sequence[PullRequest]) -> tuple[Log, Mapping[str, tuple[str, ...]]]:
    """A log by the titles of the pull requests that a code host knows, and the labels of each commit."""
    if not pulls:
        return log, {}
    from tidegate.core.pull_request import titled

    commits, labels = titled(log.commits, pulls)
    return log._replace(commits=commits), labels


_by_precedence = attrgetter("key")
"""The same order as that of versions themselves, with one key for each of them and not two for each comparison."""


class _Line(NamedTuple):
    """Where a component's line stands at a commit: its last final version, and the tags that tell it.

    ``bases`` are the commits up to which that version has what this line has: its own, or where the two parted.
    ``picked`` are the commits of this line that it has as copies.
    """

    last: Version | None
    announced: Version | None
    tag: Tag | None
    taken: Mapping[Version, Tag]
    skipped: tuple[SkippedTag, ...]
    bases: tuple[str, ...] = ()
    picked: frozenset[str] = frozenset()
    unlike: tuple[str, ...] = ()
    """The names of the tags that would be the component's, where none carries a version."""


class _Tagged(NamedTuple):
    """What the tags of a component's format say: its versions, the highest of them from the highest down, the rest."""

    near: Sequence[Tag]
    taken: Mapping[Version, Tag]
    highest: Sequence[Version]
    foreign: Sequence[SkippedTag]


def _tagged(tags: Iterable[Tag], tag_format: TagFormat) -> _Tagged:
    prefix, suffix = tag_format.prefix, tag_format.suffix
    near = [tag for tag in tags if tag.name.startswith(prefix) and tag.name.endswith(suffix)]
    read = [(tag, tag_format.match(tag.name)) for tag in near]
    taken = {version: tag for tag, version in read if version is not None}
    # Without a prefix every tag of the repository is near; those of other components are no news.
    foreign = [
        SkippedTag(plain(tag.name, 200), "it carries no version of this format")
        for tag, version in read
        if version is None and prefix
    ]
    return _Tagged(near, taken, heapq.nlargest(_FIRST_LOOK, taken, key=_by_precedence), foreign)


def log_since(
    repository: Repository, commit: str, release: str, paths: Sequence[str] = (".",), *, names: bool
) -> Log | None:
    """The log since a release, where it shows that the commit descends from that; None where Git must be asked.

    So it is with nearly all that is asked, and Git is asked once, not twice.
    """
    try:
        log = repository.commits(commit, [release], paths, names=names)
    except RepositoryError:
        return None  # such as the tag of a file
    return log if commit == release or any(release in parents for parents in log.parents.values()) else None


def _since_highest(repository: Repository, commit: str, tagged: Collection[_Tagged], names: bool) -> Log | None:
    """The log since the highest versions of all, where these are one final release."""
    tops = {one.taken[one.highest[0]].target if one.highest else "" for one in tagged}
    if len(tops) != 1 or not all(tops) or any(one.highest[0].is_prerelease for one in tagged):
        return None
    return log_since(repository, commit, tops.pop(), names=names)


def _lines(repository: Repository, commit: str, tagged: Mapping[str, _Tagged], *, is_evident: bool) -> dict[str, _Line]:
    """Where each component's line stands; the highest versions of all are asked for at once.

    Args:
        is_evident: it is known already that the commit descends from the highest of each.
    """
    if is_evident:
        looked = {name: [(version, True) for version in one.highest[:1]] for name, one in tagged.items()}
    else:
        first = [one.taken[version].name for one in tagged.values() for version in one.highest]
        merged = repository.merged(commit, first, every=len(first) > _SECOND_LOOK)
        looked = {
            name: [(version, one.taken[version].name in merged) for version in one.highest]
            for name, one in tagged.items()
        }
    lines = {name: _line(repository, commit, one.taken, looked[name], one.foreign) for name, one in tagged.items()}
    return {
        name: line if line.taken else line._replace(unlike=tuple(tag.name for tag in tagged[name].near))
        for name, line in lines.items()
    }


def _line(
    repository: Repository,
    commit: str,
    taken: Mapping[Version, Tag],
    looked: Sequence[tuple[Version, bool]],
    foreign: Sequence[SkippedTag],
) -> _Line:
    announced, tag, last = None, None, None
    elsewhere: list[Version] = []
    for version, is_merged in _by_height(repository, commit, taken, looked):
        if not is_merged:
            elsewhere.append(version)
        elif version.is_prerelease:
            announced = announced or version
        else:
            last, tag = version, taken[version]
            break
    for version in [one for one in elsewhere if not one.is_prerelease][:_OTHER_LINES]:
        held = _held_by_copies(repository, commit, taken[version].target)
        if held is not None:
            bases, picked = held
            higher = announced if announced is not None and announced > version else None
            skipped = _on_other_lines(taken, [one for one in elsewhere if one > version])
            return _Line(version, higher, taken[version], taken, (*foreign, *skipped), bases, picked)
    skipped = _on_other_lines(taken, elsewhere)
    bases = (tag.target,) if tag is not None else ()
    return _Line(last, announced, tag, taken, (*foreign, *skipped), bases)


def _on_other_lines(taken: Mapping[Version, Tag], versions: Iterable[Version]) -> list[SkippedTag]:
    why = "it is on another line: this commit does not descend from it"
    return [SkippedTag(taken[version].name, why) for version in versions]


def _held_by_copies(repository: Repository, commit: str, release: str) -> tuple[tuple[str, ...], frozenset[str]] | None:
    """Whether a commit has all that a release of another line has: where the two parted, and what was copied.

    A release branch that was cut here and never merged back has only copies of what is here (``cherry picked from``)
    and what asks for no version, such as the commit that writes the version down. Nothing else may be there.
    """
    if repository.has_more_than(_MOST_COPIES, release, [commit]):
        return None  # which is told from a few of them; years of another line are not read for it
    theirs = repository.commits(release, [commit])
    parted = {parent for parents in theirs.parents.values() for parent in parents if parent not in theirs.parents}
    if not parted:
        return None
    here = repository.commits(commit, [release])
    ours = here.parents
    unmarked = _unmarked_from(repository, theirs, here)
    known = {one.sha: one for one in here.commits}
    picked: set[str] = set()
    for own in theirs.commits:
        said = picked_from(own)
        can_be = said is not None and (said not in known or bears_out(own, known[said]))
        origin = said if can_be else unmarked.get(own.sha)
        if origin is not None and origin in ours:
            picked.add(origin)
        elif any(change.level() is not Level.NONE or not change.is_conventional for change in changes_of(own)):
            return None
    return tuple(sorted(parted)), frozenset(picked)


def _unmarked_from(repository: Repository, theirs: Log, ours: Log) -> dict[str, str]:
    """Of what another line has by itself, the copies that do not say so, and what of this line each is."""
    groups = [
        group
        for group in alike([*theirs.commits, *ours.commits])
        if len({commit.sha in theirs.parents for commit in group.commits}) == 2  # on both lines
    ]
    found: dict[str, str] = {}
    for one, other, *_ in unmarked_pairs(repository, groups, {**theirs.parents, **ours.parents}):
        if (one in theirs.parents) != (other in theirs.parents):
            found |= {one: other} if one in theirs.parents else {other: one}
    return found


def _by_height(
    repository: Repository, commit: str, taken: Mapping[Version, Tag], looked: Sequence[tuple[Version, bool]]
) -> Iterator[tuple[Version, bool]]:
    """The versions from the highest down, and whether the commit descends from them; asked for as they are needed."""
    yield from looked
    rest = set(taken).difference(version for version, _ in looked) if len(taken) > len(looked) else ()
    ordered = iter(sorted(rest, key=_by_precedence, reverse=True))
    for size in (_SECOND_LOOK, None):
        batch = list(islice(ordered, size))
        merged = repository.merged(commit, [taken[version].name for version in batch], every=size is None)
        yield from ((version, taken[version].name in merged) for version in batch)


def paths_of(repository: Repository, commit: str, sources: Mapping[str, Source]) -> dict[str, tuple[str, ...]]:
    """The paths of components in their one spelling.

    Raises:
        UsageError: a path is none inside the repository.
        NotFoundError: a path does not exist at that commit.
    """
    asked = {name: (source.path, *source.shared) for name, source in sources.items()}
    normal = check_each_inside(repository, commit, {path for paths in asked.values() for path in paths})
    return {name: tuple(normal[path] for path in paths) for name, paths in asked.items()}


def _with_names(paths: Iterable[Sequence[str]], sources: Iterable[Source]) -> bool:
    """Whether the names of what the commits change are needed: to tell components apart, or for a rule of paths."""
    return any("." not in own for own in paths) or any(rule.paths for source in sources for rule in source.bumps)


def _since_each(repository: Repository, lines: Sequence[_Line]) -> tuple[str, ...]:
    """What the last releases of all of them have: their log begins after it."""
    if any(not line.bases for line in lines):
        return ()
    if len({line.bases for line in lines}) == 1:
        return lines[0].bases
    return repository.common_ancestors(sorted({base for line in lines for base in line.bases}))


class _Known(NamedTuple):
    """What is known of a log for all components.

    Its copies, its reverts, what the last releases have by other commits, and what reverts name that is lost.
    """

    pairs: Sequence[Pair]
    taken_back: TakenBack
    outside: Mapping[str, str]
    lost: Collection[str]


class _Own(NamedTuple):
    """What of a log belongs to one component since its own last release, and what that has though by other commits."""

    log: Log
    released: Mapping[str, str]
    known: _Known


def _own(
    repository: Repository,
    log: Log,
    paths: Sequence[str],
    line: _Line,
    known: _Known,
) -> _Own:
    old = reachable(log.parents, line.bases)
    parents = {sha: own for sha, own in log.parents.items() if sha not in old} if old else log.parents
    own = log._replace(commits=tuple(one for one in log.commits if one.sha in parents), parents=parents)
    if "." not in paths:
        own = own._replace(commits=repository.of_paths(own, paths))
    own = with_merges_restored(repository, own, paths)
    inside = released_inside(known.pairs, log.parents, old, known.taken_back)
    why = {**known.outside, **inside, **dict.fromkeys(line.picked, COPIED)}
    released = {sha: text.format(line.last) for sha, text in why.items() if sha in parents}
    return _Own(own, released, known)


def _history(
    commit: str, source: Source, line: _Line, own: _Own, tags: Sequence[Tag], labels: Mapping[str, tuple[str, ...]]
) -> History:
    log = own.log
    found = changes_from(log.commits, log.parents, own.released, twice_inside(own.known.pairs), own.known.lost)
    changes = raised(found, log.touched, source.bumps, labels)
    return History(
        at=commit,
        current=line.last,
        tag=line.tag.name if line.tag is not None else None,
        prerelease=line.announced,
        taken=frozenset(line.taken),
        commits=log.commits,
        changes=changes,
        skipped=line.skipped,
        why=_why(line, source.tag_format, commit, len(log.commits), len(log.parents)),
        advice=_advice(line, source.tag_format, tags),
        widths=source.tag_format.scheme.widths,
        since_prerelease=_since(source, own, line, labels),
    )


def _since(source: Source, own: _Own, line: _Line, labels: Mapping[str, tuple[str, ...]]) -> tuple[Change, ...]:
    """What the last pre-release does not have. Read anew: to take back what the pre-release has is a change to it."""
    if line.announced is None:
        return ()
    log = own.log
    old = reachable(log.parents, [line.taken[line.announced].target])
    commits = [commit for commit in log.commits if commit.sha not in old]
    parents = {sha: above for sha, above in log.parents.items() if sha not in old}
    inside = released_inside(own.known.pairs, log.parents, old, TakenBack(log.commits))
    released = {**own.released, **{sha: why.format(line.announced) for sha, why in inside.items()}}
    found = changes_from(commits, parents, released, twice_inside(own.known.pairs), own.known.lost)
    return raised(found, log.touched, source.bumps, labels)


def refuse_shallow(repository: Repository) -> None:
    """Tell no history of a clone that has only a part of it.

    Raises:
        RepositoryError: it is shallow.
    """
    if repository.is_shallow:
        raise RepositoryError(
            "this is a shallow clone: commits and tags are missing, so the last release cannot be told",
            where=str(repository.root),
            remedy="Fetch the whole history with: git fetch --unshallow --tags",
        )


def merged_of(repository: Repository, tags: Collection[Tag], commit: str) -> frozenset[str]:
    """The names of those tags from which a commit descends."""
    return repository.merged(commit, [tag.name for tag in tags], every=len(tags) > _SECOND_LOOK)


def versions_of(tags: Iterable[Tag], tag_format: TagFormat) -> dict[Version, Tag]:
    """The versions that some tags carry by a format."""
    return {version: tag for tag in tags if (version := tag_format.match(tag.name)) is not None}


def _advice(line: _Line, tag_format: TagFormat, tags: Sequence[Tag]) -> str:
    """What a person should look at where no release was found: tags that were not fetched look like no release."""
    if line.last is not None:
        return ""
    if not tags:
        return "there is no tag here at all; if there was a release, fetch its tag with: git fetch --tags"
    if padded := next((name for name in line.unlike if _is_padded(tag_format, name)), ""):
        return (
            f"the tags here are padded with zeros, such as {plain(padded, 100)}, and were not taken: ask with --padded,"
            " or say versions: padded of the component in the policy"
        )
    if short := next((name for name in line.unlike if tag_format.match(_with_patch(tag_format, name))), ""):
        return (
            f"the tags here have two numbers, such as {plain(short, 100)}, and a version has three: tag what was"
            f" released also as {plain(_with_patch(tag_format, short), 100)}"
        )
    if not line.taken:
        none = f"none of the {len(tags)} tags is of the form {tag_format.text}"
        other, example = _other_form(tags)
        hint = f", but {plain(example, 100)} and its like are of the form {plain(other, 100)}" if other else ""
        return f"{none}{hint}; if {'those are releases' if other else 'one should be'}, mend the format"
    finals = [version for version in line.taken if not version.is_prerelease]
    if finals:
        highest = tag_format.tag_for(max(finals))
        return (
            f"this commit descends from no release up to {highest}: it is on a branch of its own, or the history was"
            " rewritten after they were tagged (git rebase, git commit --amend, git filter-repo); then tag again what"
            " was released"
        )
    return ""


_VERSIONED = r"(?s:(.{0,200}?)((?:0|[1-9][0-9]{0,9})(?:\.(?:0|[1-9][0-9]{0,9})){2})(?![0-9.]))"


def _other_form(tags: Sequence[Tag]) -> tuple[str, str]:
    """The form that most of the tags have which carry a version, and the last one of them; empty where none does."""
    found: dict[str, list[str]] = defaultdict(list)
    for tag in tags:
        if match := re.match(_VERSIONED, tag.name):
            found[match[1]].append(tag.name)
    prefix = max(found, key=lambda prefix: len(found[prefix]), default=None)
    return (f"{prefix}{{version}}", found[prefix][-1]) if prefix is not None else ("", "")


def _with_patch(tag_format: TagFormat, name: str) -> str:
    """A tag of two numbers, such as ``v1.2``, with the third: ``v1.2.0``."""
    number = name.removeprefix(tag_format.prefix).removesuffix(tag_format.suffix)
    return f"{tag_format.prefix}{number}.0{tag_format.suffix}" if re.fullmatch(r"[0-9]+\.[0-9]+", number) else name


def _is_padded(tag_format: TagFormat, name: str) -> bool:
    return replace(tag_format, scheme=Scheme.PADDED).match(name) is not None


def _why(line: _Line, tag_format: TagFormat, commit: str, own: int, all_commits: int) -> str:
    """The sentence that explains where the range begins."""
    if line.tag is None:
        start = f"no final version is tagged as {tag_format.text} before {commit[:10]}, so everything is unreleased"
    elif line.bases == (line.tag.target,):
        start = f"{line.tag.name} is the highest final version from which {commit[:10]} descends"
    else:
        start = f"{line.tag.name} is on a branch of its own, and {commit[:10]} has all that it has"
    return f"{start}; {own} of {all_commits} commits since then change this component"
