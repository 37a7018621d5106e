"""What each release brought, and several components in one look: on real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.gitstories import GitStory
from tidegate.core.bumping import Bump
from tidegate.core.version import Level, Scheme, TagFormat
from tidegate.errors import ConflictError, UsageError
from tidegate.git.history import History, Source, unreleased, unreleased_each
from tidegate.git.releases import read_releases
from tidegate.git.repository import open_repository

V = Source(".", TagFormat("v{version}"))


def told(folder: Path, source: Source = V, at: str = "HEAD") -> list[tuple[str, list[str]]]:
    """Each release's version, and the summaries of what counts in it."""
    return [
        (str(release.version or "unreleased"), [c.summary for c in release.changes if not c.void and c.kind != "merge"])
        for release in tuple(read_releases(open_repository(folder), source, at))
    ]


def test_a_commit_belongs_to_the_lowest_release_that_contains_it(tmp_path: Path) -> None:
    """A branch older than 1.0.0 was merged after it; a hotfix of 1.0 was tagged after 1.1.0, and merged back."""
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        topic = story.commit("feat: old branch", {"b": "1"}, branch="topic", start=base)
        first = story.commit("fix: in the first", {"a": "2"})
        story.tag("v1.0.0", first)
        story.commit("Merge branch 'topic'", {"b": "1"}, merge=[topic])
        story.tag("v1.1.0", story.commit("fix: in the second", {"a": "3"}), annotated=True)
        hotfix = story.commit("fix: urgent", {"h": "1"}, branch="hotfix", start=first)
        story.tag("v1.0.1", hotfix)
        story.commit("Merge the hotfix", {"h": "1"}, merge=[hotfix])
        story.commit("feat: new", {"a": "4"})
    assert told(tmp_path) == [
        ("unreleased", ["new"]),
        ("1.1.0", ["in the second", "old branch"]),
        ("1.0.1", ["urgent"]),
        ("1.0.0", ["in the first", "begin"]),
    ]


def test_a_final_release_holds_what_its_prereleases_brought_and_one_without_stands_alone(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0-alpha.1", story.commit("feat: tried", {"a": "1"}))
        story.tag("v1.0.0-rc.1", story.commit("fix: found", {"a": "2"}))
        story.tag("v1.0.0", story.commit("docs: all of it", {"a": "3"}))
        story.tag("v1.1.0-rc.1", story.commit("feat: more", {"a": "4"}))
        story.tag("v1.1.0-rc.2", story.commit("fix: less", {"a": "5"}))
        story.commit("fix: at last", {"a": "6"})
    assert told(tmp_path) == [
        ("unreleased", ["at last"]),
        ("1.1.0-rc.2", ["less"]),
        ("1.1.0-rc.1", ["more"]),
        ("1.0.0", ["all of it", "found", "tried"]),
    ]


def test_a_feature_and_its_revert_cancel_in_one_release_and_not_over_two(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        one = story.commit("feat: one", {"a": "1"})
        story.commit(f'Revert "feat: one"\n\nThis reverts commit {one}.', {"a": "0"})
        two = story.commit("feat: two", {"b": "1"})
        story.tag("v1.0.0", two)
        story.tag("v1.0.1", story.commit(f'Revert "feat: two"\n\nThis reverts commit {two}.', {"b": "0"}))
    assert told(tmp_path) == [("unreleased", []), ("1.0.1", ['Revert "feat: two"']), ("1.0.0", ["two"])]


def test_only_releases_from_which_the_commit_descends_are_told(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        first = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", first)
        story.tag("v2.0.0", story.commit("feat!: two", {"a": "2"}))
        story.tag("v1.0.1", story.commit("fix: old line", {"a": "3"}, branch="1.x", start=first))
    assert [version for version, _ in told(tmp_path, at="1.x")] == ["unreleased", "1.0.1", "1.0.0"]


def test_the_releases_of_a_module_with_its_rules_and_its_padded_versions(tmp_path: Path) -> None:
    source = Source(
        "m", TagFormat("m-{version}", Scheme.PADDED), bumps=(Bump(Level.MAJOR, "a promise", paths=("m/api",)),)
    )
    with GitStory(tmp_path) as story:
        story.tag("m-02.01.09", story.commit("feat: begin", {"m/a": "1", "n/a": "1"}))
        story.tag("m-02.01.10", story.commit("fix: here", {"m/a": "2"}))
        story.commit("feat!: elsewhere", {"n/a": "2"})
        story.commit("fix: the interface", {"m/api": "1"})
    assert told(tmp_path, source) == [
        ("unreleased", ["the interface"]),
        ("02.01.10", ["here"]),
        ("02.01.09", ["begin"]),
    ]
    found = unreleased(open_repository(tmp_path), source.path, (), source.tag_format, bumps=source.bumps)
    assert str(found.next().version) == "03.00.00"
    assert read_releases(open_repository(tmp_path), source).take(0).changes[0].level() is Level.MAJOR


def test_a_first_padded_version_is_padded(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.commit("feat: begin", {"a": "1"})
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}", Scheme.PADDED))
    assert str(found.next().version) == "00.01.00"


def monorepo(folder: Path) -> dict[str, Source]:
    """Four modules: released lately, released long ago, with a tag on a side line, and never released."""
    with GitStory(folder) as story:
        base = story.commit("feat: begin", {f"{name}/x": "1" for name in "abcd"})
        for name in "abc":
            story.tag(f"{name}-v1.0.0", base)
        side = story.commit("fix: c aside", {"c/x": "2"}, branch="side", start=base)
        story.tag("c-v1.0.1", side)
        story.commit("feat: a", {"a/x": "2"})
        last = story.commit("fix: a and b", {"a/x": "3", "b/x": "2"})
        story.tag("a-v1.1.0", last)
        story.commit("Merge side", {"c/x": "2"}, merge=[side])
        story.commit("feat: c", {"c/x": "3"})
        story.commit("fix: a again", {"a/x": "4"})
    return {name: Source(name, TagFormat(f"{name}-v{{version}}")) for name in "abcd"}


@pytest.mark.parametrize("names", ["abcd", "abc", "ac", "b", "ab"])
def test_several_components_in_one_look_are_told_as_each_by_itself(tmp_path: Path, names: str) -> None:
    sources = monorepo(tmp_path)
    repository = open_repository(tmp_path)
    found = unreleased_each(repository, {name: sources[name] for name in names})
    for name in names:
        alone = unreleased(repository, name, (), sources[name].tag_format)
        assert _without_counts(found[name]) == _without_counts(alone)


def _without_counts(history: History) -> tuple[object, ...]:
    return (history.current, history.tag, history.commits, history.changes, history.skipped, str(history.next()))


def test_the_next_versions_of_a_monorepo(tmp_path: Path) -> None:
    sources = monorepo(tmp_path)
    found = unreleased_each(open_repository(tmp_path), sources)
    assert {name: str(history.next().version) for name, history in found.items()} == {
        "a": "1.1.1",
        "b": "1.0.1",
        "c": "1.1.0",
        "d": "0.1.0",
    }


def test_components_of_unrelated_histories(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        one = story.commit("feat: one", {"a/x": "1"})
        two = story.commit("feat: two", {"b/x": "1"}, branch="other")
        story.tag("a-v1.0.0", one)
        story.tag("b-v1.0.0", two)
        story.commit("Merge the other", {"b/x": "1"}, merge=[two])
        story.commit("fix: both", {"a/x": "2", "b/x": "2"})
    sources = {name: Source(name, TagFormat(f"{name}-v{{version}}")) for name in "ab"}
    found = unreleased_each(open_repository(tmp_path), sources)
    assert {name: str(history.next().version) for name, history in found.items()} == {"a": "1.0.1", "b": "1.0.1"}


@pytest.mark.parametrize(
    ("tags", "advice"),
    [
        ([], "there is no tag here at all; if there was a release, fetch its tag with: git fetch --tags"),
        (["other-1"], "none of the 1 tags is of the form v{version}; if one should be, mend the format"),
        (["v1.0.0"], ""),
    ],
)
def test_missing_tags_are_told_apart_from_no_release(tmp_path: Path, tags: list[str], advice: str) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: one", {"a": "1"})
        for tag in tags:
            story.tag(tag, base)
    assert unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}")).advice == advice


def test_a_history_that_was_rewritten_under_its_tags_is_told_from_one_without_releases(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: one", {"a": "1"}))
        story.tag("v1.1.0", story.commit("feat: two", {"a": "2"}))
    for command in (["checkout", "-q", "--orphan", "anew"], ["commit", "-q", "--allow-empty", "-m", "feat: anew"]):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True)
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}"))
    assert found.current is None
    assert found.advice.startswith("this commit descends from no release up to v1.1.0: ")
    assert "the history was rewritten" in found.advice


def test_the_last_release_is_found_below_more_tags_of_another_line_than_one_look_takes(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", base)
        other = story.commit("feat: elsewhere", {"a": "2"}, branch="other", start=base)
        for number in range(1100):
            story.tag(f"v2.0.{number}", other)
        story.commit("fix: here", {"a": "3"})
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}"))
    assert (found.tag, str(found.next().version), len(found.skipped)) == ("v1.0.0", "1.0.1", 1100)


def test_a_later_channel_on_another_branch_does_not_end_an_earlier_one(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        first = story.commit("feat: one", {"b": "1"})
        beta = story.commit("fix: in the beta", {"c": "1"}, branch="beta", start=first)
        story.commit("feat: two", {"d": "1"})
        story.commit("Merge branch 'beta'", {"c": "1"}, branch="both", start=first, merge=[beta])
        for tag, commit in (("v1.0.0", base), ("v1.1.0-alpha.1", first), ("v1.1.0-beta.1", beta)):
            story.tag(tag, commit)
    ask = open_repository(tmp_path)
    on_main = unreleased(ask, ".", (), TagFormat("v{version}"), "main")
    assert str(on_main.next_prerelease("alpha").version) == "1.1.0-alpha.2"
    assert str(on_main.next_prerelease("beta").version) == "1.1.0-beta.2", "no version is given twice"
    with pytest.raises(UsageError, match=r"1\.1\.0-alpha\.2 would come before 1\.1\.0-beta\.1"):
        unreleased(ask, ".", (), TagFormat("v{version}"), "both").next_prerelease("alpha")


def release_branch(folder: Path, own: list[tuple[str, dict[str, str]]], copied: bool = True) -> None:
    """1.0.0 on main; a fix there, taken over to a branch of 1.0.x, where it was released and never merged back."""
    with GitStory(folder) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        fix = story.commit("fix: urgent", {"a": "2"})
        trailer = f"\n\n(cherry picked from commit {fix})" if copied else ""
        last = story.commit(f"fix: urgent{trailer}", {"a": "2"}, branch="1.0.x", start=base)
        for title, files in own:
            last = story.commit(title, files, branch="1.0.x")
        story.tag("v1.0.1", last)


def test_a_release_of_copies_counts_as_a_release_of_what_was_copied(tmp_path: Path) -> None:
    release_branch(tmp_path, [("chore: release 1.0.1", {"version": "1.0.1"})])
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}"))
    assert (found.tag, found.next().version) == ("v1.0.1", None)
    assert [change.void for change in found.changes] == ["a copy of it was released with 1.0.1"]
    assert found.skipped == ()
    assert found.why.startswith("v1.0.1 is on a branch of its own, and ")
    with GitStory(tmp_path / "more") as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.commit("feat: next", {"b": "1"})
        story.tag("v1.0.0", story.commit("chore: release 1.0.0", {"v": "1"}, branch="release/1.0", start=base))
    more = unreleased(open_repository(tmp_path / "more"), ".", (), TagFormat("v{version}"))
    assert (more.tag, str(more.next().version), len(more.changes)) == ("v1.0.0", "1.1.0", 1)


@pytest.mark.parametrize(
    ("own", "copied"),
    [([("fix: only there", {"c": "1"})], True), ([("Tidy up", {"c": "1"})], True), ([], False)],
)
def test_a_release_of_another_line_with_something_of_its_own_does_not_count(
    tmp_path: Path, own: list[tuple[str, dict[str, str]]], copied: bool
) -> None:
    release_branch(tmp_path, own, copied)
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}"))
    assert found.tag == "v1.0.0"
    with pytest.raises(ConflictError, match=r"1\.0\.1 is tagged already, on another line"):
        found.next()


def test_copies_that_name_commits_of_elsewhere_prove_nothing(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        story.commit("fix: here", {"b": "1"})
        forged = f"feat: other\n\n(cherry picked from commit {'1' * 40})"
        story.tag("v1.1.0", story.commit(forged, {"a": "2"}, branch="other", start=base))
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}"))
    assert (found.tag, str(found.next().version)) == ("v1.0.0", "1.0.1")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("feat: another thing", "1.1.0"),
        ("fix: urgent", None),
        ("fix: urgent (#12)", None),
        ("[1.0] Fix: Urgent", None),
        ("Bring it to main\n\n* fix: urgent", None),
    ],
)
def test_a_copy_is_believed_that_can_be_one(tmp_path: Path, title: str, expected: str | None) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        fix = story.commit("fix: urgent (#11)", {"a": "2"}, branch="1.0.x", start=base)
        story.tag("v1.0.1", fix)
        story.commit("chore: here", {"b": "1"})
        story.commit(f"{title}\n\n(cherry picked from commit {fix})", {"a": "3"})
        story.commit("Merge branch '1.0.x'", merge=[fix])
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}"))
    assert found.tag == "v1.0.1"
    assert (str(found.next().version) if expected else found.next().version) == expected
    with GitStory(tmp_path / "inside") as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        fix = story.commit("fix: urgent (#11)", {"a": "2"}, branch="other", start=base)
        story.commit(f"{title}\n\n(cherry picked from commit {fix})", {"a": "3"})
        story.commit("Merge branch 'other'", merge=[fix])
    found = unreleased(open_repository(tmp_path / "inside"), ".", (), TagFormat("v{version}"))
    assert str(found.next().version) == (expected or "1.0.1")


def test_a_branch_that_was_rebased_and_merged_twice_is_told_once(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        files = [(f"fix: no. {n}", {f"f{n}": "1"}) for n in range(9)]
        olds = [story.commit(*file, branch="old", start=None if n else base) for n, file in enumerate(files)]
        story.tag("v1.0.1", olds[3])
        news = [story.commit(*file, written=old) for file, old in zip(files, olds, strict=True)]
        story.commit("Merge branch 'old'", merge=[olds[-1]])
    found = unreleased(open_repository(tmp_path), ".", (), TagFormat("v{version}"))
    assert [change.summary for change in found.changes if not change.void and change.kind != "merge"] == [
        f"no. {number}" for number in (8, 7, 6, 5, 4)
    ]
    why = {change.sha: change.void for change in found.changes}
    assert why[news[0]] == "what it is a copy of was released with 1.0.1"
    assert why[news[8]] == f"a copy of {olds[8][:10]}"


@pytest.mark.parametrize(("filtered", "expected"), [("blob:none", None), ("tree:0", "1.0.2")])
def test_copies_that_do_not_say_so_are_told_without_any_files_content(
    tmp_path: Path, filtered: str, expected: str | None
) -> None:
    with GitStory(tmp_path / "whole") as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        fix = story.commit("fix: urgent", {"b/c": "2"})
        copy = story.commit("fix: urgent", {"b/c": "2"}, branch="1.0.x", start=base, written=fix)
        story.tag("v1.0.1", copy)
        story.commit("Merge branch '1.0.x'", merge=[copy])
    serving = ["--upload-pack", "git -c uploadpack.allowFilter=true upload-pack", "--no-checkout"]
    source, clone = (tmp_path / "whole").as_uri(), tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", f"--filter={filtered}", *serving, source, str(clone)], check=True)
    version = unreleased(open_repository(clone), ".", (), TagFormat("v{version}")).next().version
    # Without trees nothing is proved, and what is not proved counts.
    assert (str(version) if version else None) == expected


def test_a_tag_of_a_tag_is_a_release(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base, annotated=True)
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "advice.nestedTag=false"]
    subprocess.run(["git", *who, "tag", "-a", "-m", "again", "v1.0.1", "v1.0.0"], cwd=tmp_path, check=True)
    found = tuple(read_releases(open_repository(tmp_path), Source(".", TagFormat("v{version}"))))
    assert [row.tag for row in found] == [None, "v1.0.1", "v1.0.0"]
    assert [row.previous_tag for row in found] == ["v1.0.1", "v1.0.0", ""]
