"""What each release of a component brought, and what none has yet.

A commit belongs to the lowest release that contains it. Pre-releases that lead to no final version yet stand by
themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.attribution import claimed
from tidegate.core.bumping import raised
from tidegate.core.change import Change, Commit
from tidegate.core.descent import Descent
from tidegate.core.pull_request import PullRequest
from tidegate.core.reverts import changes_from
from tidegate.core.version import TagFormat, Version
from tidegate.git.copies import COPIED, ORIGINAL, Pair, TakenBack, all_pairs, lost_names, twice_inside
from tidegate.git.history import Source, paths_of, refuse_shallow, titled_log, versions_of
from tidegate.git.log import Log
from tidegate.git.repository import Repository, Tag
from tidegate.git.restored import with_merges_restored


class Released(NamedTuple):
    """What one release brought; ``version`` and ``tag`` are None for what is not released yet.

    A final release holds what its pre-releases brought too. ``tagged_s`` is when the tag was made, in seconds since
    1970, as its maker's clock claimed. ``previous_tag`` is that of the next lower release; empty where there is none.
    """

    version: Version | None
    tag: str | None
    tagged_s: int | None
    changes: tuple[Change, ...]
    previous_tag: str = ""


class Releases:
    """The releases of a component, the highest first, before them what is unreleased; each is told once, in any order.

    ``commits`` are as many as were read.
    """

    def __init__(
        self,
        repository: Repository,
        source: Source,
        paths: Sequence[str],
        log: Log,
        heads: Sequence[tuple[Version, Tag]],
        labels: Mapping[str, Sequence[str]],
        pairs: Sequence[Pair],
        taken_back: TakenBack,
        lost: Collection[str],
    ) -> None:
        owners = claimed(log.parents, [(number, tag.target) for number, (_, tag) in enumerate(heads)])
        self.commits = len(log.commits)
        log = with_merges_restored(repository, log, paths, lambda one, other: owners.get(one) == owners.get(other))
        self._source, self._labels, self._touched = source, labels, log.touched
        self._heads = heads
        self._groups = _grouped(log, owners)
        versions = [version for version, _ in heads]
        self._released = _released_lower(log, pairs, owners, versions, taken_back)
        self._copies, self._lost = twice_inside(pairs), lost

    def __len__(self) -> int:
        return len(self._heads) + 1

    def __iter__(self) -> Iterator[Released]:
        return (self.take(place) for place in range(len(self)))

    def take(self, place: int) -> Released:
        """A release, which takes its commits with it: a second time it has none."""
        below = self._heads[-place - 1][1].name if place < len(self._heads) else ""
        if not place:
            return Released(None, None, None, self._told(None), below)
        version, tag = self._heads[-place]
        return Released(version, tag.name, tag.made_s, self._told(len(self._heads) - place), below)

    def _told(self, owner: int | None) -> tuple[Change, ...]:
        commits, graph = self._groups.pop(owner, ([], {}))
        return raised(
            changes_from(commits, graph, self._released, self._copies, self._lost),
            self._touched,
            self._source.bumps,
            self._labels,
        )


def read_releases(
    repository: Repository, source: Source, at: str = "HEAD", pulls: Sequence[PullRequest] = ()
) -> Releases:
    """The history up to a revision, read and divided; what each release brought is told when it is asked for.

    Raises:
        RepositoryError, UsageError, NotFoundError: as :func:`unreleased`.
    """
    refuse_shallow(repository)
    commit = repository.resolve(at)
    paths = paths_of(repository, commit, {"": source})[""]
    log, labels = titled_log(repository.commits(commit, (), paths, names=bool(source.bumps)), pulls)
    heads = _heads(repository.dated_tags(source.tag_format.prefix), source.tag_format, log)
    pairs = all_pairs(repository, log)
    taken_back = TakenBack(log.commits)
    lost = lost_names(repository, log, (), taken_back)
    return Releases(repository, source, paths, log, heads, labels, pairs, taken_back, lost)


def _released_lower(
    log: Log, pairs: Iterable[Pair], owners: Mapping[str, int], versions: Sequence[Version], taken_back: TakenBack
) -> dict[str, str]:
    """The commits that a lower release has by another commit, and why they do not count."""
    found: dict[str, str] = {}
    descent = Descent(log.parents)
    for copy, origin, apart, part in pairs:
        if copy not in log.parents or origin not in log.parents:
            continue
        has_copy, has_origin = owners.get(copy, len(versions)), owners.get(origin, len(versions))
        reverting = taken_back.by(copy if has_copy < has_origin else origin)
        if any(owners.get(sha, len(versions)) < max(has_copy, has_origin) for sha in reverting):
            continue
        if has_copy < has_origin:
            found[origin] = COPIED.format(versions[has_copy])
        elif has_origin < has_copy and not part and (apart or not descent.holds(copy, origin)):
            found[copy] = ORIGINAL.format(versions[has_origin])
    return found


def _heads(tags: Iterable[Tag], tag_format: TagFormat, log: Log) -> list[tuple[Version, Tag]]:
    """The versions that divide the history, the lowest first: final ones, and pre-releases above all of them."""
    merged = {version: tag for version, tag in versions_of(tags, tag_format).items() if tag.target in log.parents}
    last = max((version for version in merged if not version.is_prerelease), default=None)
    return sorted(
        (version, tag) for version, tag in merged.items() if not version.is_prerelease or last is None or version > last
    )


_Group = tuple[list[Commit], dict[str, tuple[str, ...]]]


def _grouped(log: Log, owners: Mapping[str, int]) -> dict[int | None, _Group]:
    """The component's commits and the graph of all commits, by the number of the release that brought them."""
    groups: dict[int | None, _Group] = defaultdict(lambda: ([], {}))
    for sha, parents in log.parents.items():
        groups[owners.get(sha)][1][sha] = parents
    for commit in log.commits:
        groups[owners.get(commit.sha)][0].append(commit)
    return groups
