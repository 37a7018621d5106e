"""The histories that tell release tools apart, and histories made at random held against Git's own answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gitstories import GitStory
from tests.support.histories import CASES, Case
from tidegate.core.change import MERGE, QUIET_KINDS, Change
from tidegate.core.version import TagFormat, Version, next_prerelease, parse_version
from tidegate.errors import ConflictError
from tidegate.git.history import History, Source, unreleased
from tidegate.git.releases import Released, read_releases
from tidegate.git.repository import open_repository

V = TagFormat("v{version}")


def history_of(case: Case, folder: Path) -> History:
    with GitStory(folder) as story:
        case.tell(story)
    return unreleased(open_repository(folder), case.path, (), TagFormat(case.tag_format), case.at)


def noticed(changes: tuple[Change, ...]) -> list[str]:
    """What counts and a user notices; a revert that counts is told by what it takes back."""
    counting = [change for change in changes if not change.void and change.kind not in QUIET_KINDS | {MERGE, ""}]
    return sorted(change.summary.removeprefix('Revert "feat: ').removesuffix('"') for change in counting)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_next_version_is_right(case: Case, tmp_path: Path) -> None:
    version = history_of(case, tmp_path).next().version
    assert (str(version) if version else None) == case.next


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_changed_since_the_last_release_is_told_in_full_and_nothing_else(case: Case, tmp_path: Path) -> None:
    assert noticed(history_of(case, tmp_path).changes) == sorted(case.since or case.unreleased)


@pytest.mark.parametrize("case", [case for case in CASES if case.pre], ids=lambda case: case.name)
def test_the_next_prerelease_is_right_on_each_channel(case: Case, tmp_path: Path) -> None:
    found = history_of(case, tmp_path)
    final = found.next().version
    assert final is not None
    assert {channel: str(next_prerelease(final, channel, found.taken)) for channel in case.pre} == case.pre


# ---- histories made at random

TITLES = ("feat: x", "fix: x", "feat!: x", "chore: x", "Just so", "docs: x")
TAGS = ("v0.9.0", "v1.0.0-rc.1", "v1.0.0", "v1.0.1", "v1.1.0-beta.1", "v1.1.0", "v2.0.0")

step = st.tuples(st.sampled_from(TITLES), st.integers(0, 9), st.integers(0, 9), st.booleans())
"""A title, the parent and the other parent counted back from the newest commit, and whether it is a merge."""


def tell_at_random(folder: Path, steps: list[tuple[str, int, int, bool]], tags: dict[str, int]) -> list[str]:
    """A history of any shape, with one branch for each commit; the names of its commits."""
    with GitStory(folder) as story:
        names = [story.commit("feat: begin", {"a": "0"}, branch="c0")]
        for number, (title, one, two, merges) in enumerate(steps, start=1):
            first, second = names[-1 - one % len(names)], names[-1 - two % len(names)]
            others = [second] if merges and second != first else []
            files = {"a": str(number)}
            names.append(story.commit(title, files, branch=f"c{number}", start=first, merge=others))
        for tag, at in tags.items():
            story.tag(tag, names[at % len(names)])
    return names


def git(folder: Path, *words: str) -> list[str]:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.split()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(step, min_size=1, max_size=12), tags=st.dictionaries(st.sampled_from(TAGS), st.integers(0, 12)))
def test_any_history_has_the_range_that_git_says_and_never_a_version_that_exists(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, bool]], tags: dict[str, int]
) -> None:
    folder = tmp_path_factory.mktemp("random")
    names = tell_at_random(folder, steps, tags)
    found = unreleased(open_repository(folder), ".", (), V, names[-1])

    merged = [parse_version(tag[1:]) for tag in git(folder, "tag", "--merged", names[-1])]
    last = _last_of(folder, names[-1], merged, [parse_version(tag[1:]) for tag in tags])
    assert found.current == last
    beyond = [f"^v{last}"] if last else []
    assert sorted(commit.sha for commit in found.commits) == sorted(git(folder, "rev-list", names[-1], *beyond))
    assert {change.sha for change in found.changes} == {commit.sha for commit in found.commits}

    taken = {parse_version(tag[1:]) for tag in tags}
    assert found.taken == taken
    assert _proposed(found) not in taken


def _last_of(folder: Path, at: str, merged: list[Version], known: list[Version]) -> Version | None:
    """The highest final version that is merged, or that has by itself only what asks for no version."""
    last = max((version for version in merged if not version.is_prerelease), default=None)
    above = sorted(v for v in known if not v.is_prerelease and v not in merged and (last is None or v > last))
    for version in above[::-1][:3]:
        own = subprocess.run(
            ["git", "log", "--format=%p\t%s", f"v{version}", f"^{at}"],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        shared = (
            subprocess.run(["git", "merge-base", f"v{version}", at], cwd=folder, capture_output=True).returncode == 0
        )
        if shared and all(_asks_for_nothing(*row.split("\t")) for row in own):
            return version
    return last


def _asks_for_nothing(parents: str, title: str) -> bool:
    """A merge that says nothing of its own is no commit without a convention: what it brought is looked at itself."""
    return title.startswith(("chore", "docs")) or (" " in parents and title == "Just so")


def _proposed(found: History) -> Version | None:
    """A conflict that is told proposes nothing."""
    try:
        return found.next().version
    except ConflictError:
        return None


def released_of(case: Case, folder: Path) -> tuple[Released, ...]:
    with GitStory(folder) as story:
        case.tell(story)
    return tuple(read_releases(open_repository(folder), Source(case.path, TagFormat(case.tag_format)), case.at))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_change_is_told_with_the_lowest_release_that_contains_it(case: Case, tmp_path: Path) -> None:
    found = released_of(case, tmp_path)
    finals = {row.tag: noticed(row.changes) for row in found if row.version and not row.version.is_prerelease}
    others = [row for row in found if row.version is None or row.version.is_prerelease]
    assert finals == {tag: sorted(told) for tag, told in case.released.items()}
    assert sorted(summary for row in others for summary in noticed(row.changes)) == sorted(case.unreleased)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(step, min_size=1, max_size=12), tags=st.dictionaries(st.sampled_from(TAGS), st.integers(0, 12)))
def test_any_commit_is_in_one_release_the_lowest_that_contains_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, bool]], tags: dict[str, int]
) -> None:
    folder = tmp_path_factory.mktemp("random")
    names = tell_at_random(folder, steps, tags)
    found = tuple(read_releases(open_repository(folder), Source(".", V), names[-1]))

    told = [(change.sha, row) for row in found for change in row.changes]
    assert sorted(sha for sha, _ in told) == sorted(git(folder, "rev-list", names[-1])), "each commit once"
    merged = {parse_version(tag[1:]) for tag in git(folder, "tag", "--merged", names[-1])}
    for sha, row in told:
        containing = merged & {parse_version(tag[1:]) for tag in git(folder, "tag", "--contains", sha)}
        finals = [version for version in containing if not version.is_prerelease]
        if not containing:
            assert row.version is None
        elif finals and min(containing).final >= min(finals):
            assert row.version == min(finals)


def test_releases_are_told_newest_first_and_final_ones_hold_what_their_prereleases_brought(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "S13-final")
    found = released_of(case, tmp_path)
    assert [row.tag for row in found] == [None, "v1.1.0", "v1.0.0"]
    assert noticed(found[1].changes) == ["after the alpha", "in the alpha", "in the beta"]


def said(folder: Path, *words: str) -> dict[str, object]:
    command = [sys.executable, "-m", "tidegate", *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def prepared(case: Case, folder: Path) -> list[str]:
    with GitStory(folder) as story:
        case.tell(story)
    subprocess.run(["git", "switch", "-q", "--discard-changes", case.at], cwd=folder, check=True)
    return ["--tag-format", case.tag_format, "--path", case.path]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_command_says_the_next_version(case: Case, tmp_path: Path) -> None:
    options = prepared(case, tmp_path)
    assert said(tmp_path, "version", *options)["next"] == case.next
    for channel, version in case.pre.items():
        assert said(tmp_path, "version", *options, "--pre", channel)["next"] == version
