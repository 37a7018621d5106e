"""A component's unreleased history, on real repositories: the cases in which release tools go wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.gitstories import Content, GitStory
from tidegate.core.version import TagFormat, Version, parse_version
from tidegate.errors import ConflictError, NotFoundError, RepositoryError, UsageError
from tidegate.git.history import History, Source, unreleased
from tidegate.git.releases import read_releases
from tidegate.git.repository import open_repository

V = TagFormat("v{version}")


def history(
    folder: Path, at: str = "HEAD", path: str = ".", tag_format: TagFormat = V, shared: tuple[str, ...] = ()
) -> History:
    return unreleased(open_repository(folder), path, shared, tag_format, at)


def planned(found: History) -> str | None:
    version = found.next().version
    return None if version is None else str(version)


def summaries(found: History) -> list[str]:
    return [change.summary for change in found.changes]


def test_a_branch_commit_older_than_the_release_but_merged_after_it_is_unreleased(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("chore: begin", {"a": "1"})
        topic = story.commit("feat: from the branch", {"b": "1"}, branch="topic", start=base)
        story.tag("v1.0.0", story.commit("fix: released", {"a": "2"}))
        story.commit("Merge branch 'topic'", {"b": "1"}, merge=[topic])
    found = history(tmp_path)
    assert planned(found) == "1.1.0"
    assert [change.summary for change in found.changes if change.is_conventional and change.kind != "merge"] == [
        "from the branch"
    ]
    assert [change.summary for change in found.merges] == ["Merge branch 'topic'"]
    assert found.unconventional == ()


def test_a_hotfix_on_an_older_line_follows_that_line(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        first = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", first)
        story.tag("v1.1.0", story.commit("feat: two", {"a": "2"}))
        story.commit("fix: urgent", {"a": "3"}, branch="1.0.x", start=first)
    found = history(tmp_path, at="1.0.x")
    assert (found.tag, planned(found)) == ("v1.0.0", "1.0.1")
    assert [(tag.name, tag.why) for tag in found.skipped] == [
        ("v1.1.0", "it is on another line: this commit does not descend from it")
    ]


def test_a_feature_on_an_older_line_does_not_take_a_version_that_exists(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        first = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", first)
        story.tag("v1.1.0", story.commit("feat: two", {"a": "2"}))
        story.commit("feat: too much for a hotfix", {"a": "3"}, branch="1.0.x", start=first)
    with pytest.raises(ConflictError) as caught:
        history(tmp_path, at="1.0.x").next()
    assert str(caught.value) == "the changes since 1.0.0 ask for 1.1.0, and 1.1.0 is tagged already, on another line"


@pytest.mark.parametrize("title", ["feat!: new interface", "feat: a bit more"])
def test_the_final_version_after_a_candidate_is_the_announced_one_with_all_changes_since_the_last_final(
    tmp_path: Path, title: str
) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: one", {"a": "1"}))
        story.tag("v2.0.0-rc.1", story.commit(title, {"a": "2"}))
        story.commit("fix: found in the candidate", {"a": "3"})
    found = history(tmp_path)
    assert planned(found) == "2.0.0"
    assert found.prerelease == parse_version("2.0.0-rc.1")
    assert len(found.changes) == 2


def test_before_any_final_version_a_candidate_announces_the_first_one(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0-rc.1", story.commit("feat: one", {"a": "1"}))
    found = history(tmp_path)
    assert (found.current, found.tag, planned(found)) == (None, None, "1.0.0")
    assert found.next().why == "1.0.0-rc.1 has announced 1.0.0"


def test_a_change_of_another_module_alone_asks_for_nothing(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"modules/billing/a": "1", "modules/billing-old/a": "1", "shared/x": "1"})
        story.tag("billing-v2.1.0", base)
        story.tag("v9.0.0", base)
        story.commit("feat: elsewhere", {"modules/billing-old/a": "2"})
    billing = TagFormat("billing-v{version}")
    found = history(tmp_path, path="modules/billing", tag_format=billing)
    assert (found.current, found.changes, planned(found)) == (Version(2, 1, 0), (), None)
    assert found.next().why == "no change since 2.1.0 asks for a release"
    assert found.why.endswith("0 of 1 commits since then change this component")


def test_a_change_of_a_declared_shared_path_is_a_change_of_the_module(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("billing-v2.1.0", story.commit("feat: begin", {"modules/billing/a": "1", "shared/x": "1"}))
        story.commit("fix: in the shared part", {"shared/x": "2"})
    billing = TagFormat("billing-v{version}")
    assert planned(history(tmp_path, path="modules/billing", tag_format=billing)) is None
    assert planned(history(tmp_path, path="modules/billing", tag_format=billing, shared=("shared",))) == "2.1.1"


def test_a_feature_and_its_revert_ask_for_nothing_and_stay_in_the_list(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: one", {"a": "1"}))
        feature = story.commit("feat: two", {"a": "2"})
        story.commit(f'Revert "feat: two"\n\nThis reverts commit {feature}.\n', {"a": "1"})
    found = history(tmp_path)
    assert planned(found) is None
    assert [bool(change.void) for change in found.changes] == [True, True]


def test_the_revert_of_a_merge_takes_back_all_that_the_merge_brought(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", base)
        story.commit("feat: topic, part one", {"b": "1"}, branch="topic", start=base)
        topic = story.commit("feat: topic, part two", {"b": "2"}, branch="topic")
        story.commit("fix: meanwhile", {"a": "2"})
        merge = story.commit("Merge branch 'topic'", {"b": "2"}, merge=[topic])
        story.commit(
            f"Revert \"Merge branch 'topic'\"\n\nThis reverts commit {merge}, reversing\nchanges made to {base}.\n",
            {"b": None},
        )
    found = history(tmp_path)
    assert planned(found) == "1.0.1"
    assert [change.summary for change in found.changes if not change.void] == ["meanwhile"]


def test_a_conventional_title_only_in_the_merge_commits_body_counts_in_its_module(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("chore: begin", {"modules/a/x": "1", "modules/b/x": "1"})
        story.tag("v1.0.0", base)
        topic = story.commit("wip", {"modules/a/x": "2"}, branch="topic", start=base)
        story.commit("Merge pull request #9 from x/topic\n\nfeat: a new thing\n", {"modules/a/x": "2"}, merge=[topic])
    assert planned(history(tmp_path, path="modules/a")) == "1.1.0"
    assert planned(history(tmp_path, path="modules/b")) is None
    assert [change.summary for change in history(tmp_path).unconventional] == ["wip"]


def test_a_merge_that_repeats_its_commits_title_tells_it_once(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("chore: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        topic = story.commit("feat: a new thing", {"a": "2"}, branch="topic", start=base)
        story.commit("Merge pull request #9 from x/topic\n\nfeat: a new thing\n", {"a": "2"}, merge=[topic])
    found = history(tmp_path)
    assert planned(found) == "1.1.0"
    assert [change.sha for change in found.changes if not change.void] == [topic]


def test_a_plain_merge_of_a_conventional_topic_commit(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("chore: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        topic = story.commit("feat: a new thing", {"a": "2"}, branch="topic", start=base)
        story.commit("Merge pull request #9 from x/topic", {"a": "2"}, merge=[topic])
    assert planned(history(tmp_path)) == "1.1.0"


def test_a_lower_version_tagged_later_and_merged_back_is_not_the_last_release(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        first = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", first)
        story.tag("v1.1.0", story.commit("feat: two", {"a": "2"}))
        hotfix = story.commit("fix: urgent", {"h": "1"}, branch="1.0.x", start=first)
        story.tag("v1.0.1", hotfix, annotated=True)
        story.commit("Merge branch '1.0.x'", {"h": "1"}, merge=[hotfix])
        story.commit("feat: three", {"a": "3"})
    found = history(tmp_path)
    assert (found.tag, planned(found)) == ("v1.1.0", "1.2.0")
    assert "urgent" in summaries(found), "who comes from 1.1.0 does not have the hotfix yet"


def test_a_commit_on_develop_older_than_a_hotfix_tag_is_unreleased_after_main_was_merged_back(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        first = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", first)
        story.commit("feat: on develop", {"d": "1"}, branch="develop", start=first)
        hotfix = story.commit("fix: urgent", {"h": "1"})
        story.tag("v1.0.1", hotfix)
        story.commit("Merge branch 'main' into develop", {"h": "1"}, branch="develop", merge=[hotfix])
    found = history(tmp_path, at="develop")
    assert (found.tag, planned(found)) == ("v1.0.1", "1.1.0")
    assert [change.summary for change in found.changes if change.kind == "feat"] == ["on develop"]


def test_a_module_tag_on_a_merge_commit_that_changes_nothing_in_the_module(tmp_path: Path) -> None:
    identity = TagFormat("platform-identity-v{version}")
    with GitStory(tmp_path) as story:
        base = story.commit("chore: begin", {"platform/identity/x": "1", "other": "1"})
        topic = story.commit("feat: released", {"platform/identity/x": "2"}, branch="topic", start=base)
        merge = story.commit("Merge pull request #1", {"platform/identity/x": "2"}, merge=[topic])
        aside = story.commit("Merge nothing", {}, merge=[topic])
        story.tag("platform-identity-v6.2.0", aside)
        story.commit("feat: next", {"platform/identity/x": "3"})
        assert merge != aside
    assert planned(history(tmp_path, path="platform/identity", tag_format=identity)) == "6.3.0"


@pytest.mark.parametrize(
    ("message", "current", "expected"),
    [
        ("Add billing (#12)\n\n* fix: rounding\n\n* feat: recurring invoices\n", "1.0.0", "1.1.0"),
        ("chore: tidy\n\nBREAKING-CHANGE: the old interface is gone", "1.0.0", "2.0.0"),
        ("feat!: other shape", "0.3.1", "0.4.0"),
        ("feat: more", "0.3.1", "0.4.0"),
        ("fix: less", "0.3.1", "0.3.2"),
        ("refactor: same", "1.0.0", None),
        ("Just a title", "1.0.0", None),
    ],
)
def test_one_commit_after_a_release(tmp_path: Path, message: str, current: str, expected: str | None) -> None:
    with GitStory(tmp_path) as story:
        story.tag(f"v{current}", story.commit("feat: one", {"a": "1"}), annotated=True)
        story.commit(message, {"a": "2"})
    assert planned(history(tmp_path)) == expected


def test_a_component_never_released_begins_at_0_1_0(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.commit("feat: begin", {"a": "1"})
    found = history(tmp_path)
    assert (found.current, planned(found)) == (None, "0.1.0")
    assert found.why.startswith("no final version is tagged as v{version} before ")


def test_tags_of_other_shapes_are_told_and_not_taken(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: one", {"a": "1"})
        for name in ("v1.0.0", "v1.2", "vendor", "platform-v7.0.0", "v\u20282.0.0"):
            story.tag(name, base)
    found = history(tmp_path)
    assert found.current == Version(1, 0, 0)
    assert {tag.name for tag in found.skipped} == {"v1.2", "vendor", "v 2.0.0"}


@pytest.mark.parametrize(
    ("tags", "written", "advice"),
    [
        (["v02.01.09"], "v{version}", "padded with zeros, such as v02.01.09, and were not taken: ask with --padded"),
        (["2026.01.15"], "{version}", "padded with zeros, such as 2026.01.15, and were not taken: ask with --padded"),
        (
            ["v1.2"],
            "v{version}",
            "two numbers, such as v1.2, and a version has three: tag what was released also as v1",
        ),
        (
            ["1.2.3", "1.3.0-rc.1", "x-1.0.0"],
            "v{version}",
            "none of the 3 tags is of the form v{version}, but 1.3.0-rc.1 and its like are of the form {version}; if",
        ),
    ],
)
def test_tags_of_another_form_are_explained(tmp_path: Path, tags: list[str], written: str, advice: str) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        for tag in tags:
            story.tag(tag, base)
    assert advice in unreleased(open_repository(tmp_path), ".", (), TagFormat(written)).advice


def test_a_commit_that_touches_nothing_of_the_component_changes_nothing_wherever_it_stands(tmp_path: Path) -> None:
    own = [("fix: one", {"m/a": "2"}), ("feat: two", {"m/a": "3"})]
    foreign = [("feat!: elsewhere", {"n/a": "2"}), ("fix: elsewhere", {"n/b": "3"})]
    orders = [own + foreign, foreign + own, [foreign[0], own[0], foreign[1], own[1]]]
    told = []
    for number, order in enumerate(orders):
        with GitStory(tmp_path / str(number)) as story:
            story.tag("v1.0.0", story.commit("feat: begin", {"m/a": "1", "n/a": "1"}))
            for title, files in order:
                story.commit(title, files)
        found = history(tmp_path / str(number), path="m")
        told.append((planned(found), summaries(found)))
    assert told == [("1.1.0", ["two", "one"])] * 3


def test_work_that_git_would_simplify_away_is_told(tmp_path: Path) -> None:
    """The branch's change and its undoing leave the file as it was: a path-limited ``git log`` shows neither."""
    with GitStory(tmp_path) as story:
        base = story.commit("chore: begin", {"m/a": "1", "x": "1"})
        story.tag("v1.0.0", base)
        story.commit("feat: tried", {"m/a": "2"}, branch="topic", start=base)
        topic = story.commit("fix: back", {"m/a": "1"}, branch="topic")
        story.commit("Merge branch 'topic'", {}, merge=[topic])
    assert summaries(history(tmp_path, path="m")) == ["back", "tried"]


@pytest.mark.parametrize(
    ("path", "error", "sentence"),
    [
        ("/etc", UsageError, 'the path "/etc" is absolute, and a component lies inside the repository'),
        ("../other", UsageError, 'the path "../other" leads outside the repository by ..'),
        ("modules/../../x", UsageError, 'the path "modules/../../x" leads outside the repository by ..'),
        ("", UsageError, 'the path "" is empty'),
        ("modules/link", UsageError, 'the path "modules/link" leads through the symbolic link "modules/link"'),
        ("modules/link/x", UsageError, 'the path "modules/link/x" leads through the symbolic link "modules/link"'),
        (":(glob)**", NotFoundError, 'there is no ":(glob)**" at commit'),
        ("--all", NotFoundError, 'there is no "--all" at commit'),
        ("modules/biling", NotFoundError, 'there is no "modules/biling" at commit'),
    ],
)
def test_a_path_that_is_none_of_the_repository_is_refused(
    tmp_path: Path, path: str, error: type[Exception], sentence: str
) -> None:
    with GitStory(tmp_path) as story:
        story.commit("feat: one", {"modules/billing/a": "1", "modules/link": ("120000", "/etc")})
    with pytest.raises(error) as caught:
        history(tmp_path, path=path)
    assert sentence in str(caught.value)


def test_a_misspelt_path_is_answered_with_the_likely_one(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.commit("feat: one", {"modules/billing/a": "1"})
    with pytest.raises(NotFoundError) as caught:
        history(tmp_path, path="modules/biling")
    assert caught.value.remedy == 'Did you mean "modules/billing"?'


def test_a_folder_that_was_moved_takes_its_past_along(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"old/a": "1", "old/deep/b": "1", "x": "1"})
        story.tag("v1.0.0", base)
        first = story.commit("feat: under the first name", {"old/a": "2"})
        side = story.commit("perf: on a side branch", {"old/c": "1"}, branch="side", start=first)
        gone: dict[str, Content] = {"old/a": None, "old/deep/b": None}
        story.commit("refactor: move", {**gone, "mid/a": "3", "mid/deep/b": "1", "mid/new": "1"})
        story.commit("fix: under the second", {"mid/a": "4"})
        story.commit("Merge branch 'side'", {"mid/c": "1"}, merge=[side])
        gone = {"mid/a": None, "mid/deep/b": None, "mid/new": None, "mid/c": None}
        files: dict[str, Content] = {"lib/new/a": "4", "lib/new/deep/b": "1", "lib/new/new": "1", "lib/new/c": "1"}
        story.commit("refactor: move again", {**gone, **files})
        story.commit("feat!: another thing of the first name", {"old/a": "1"})
        story.commit("feat!: elsewhere", {"x": "2"})
    history = unreleased(open_repository(tmp_path), "lib/new", (), TagFormat("v{version}"))
    assert {change.summary for change in history.changes if change.level()} == {
        "under the second",
        "on a side branch",
        "under the first name",
    }
    assert str(history.next().version) == "1.1.0"
    unreleased_now, *_ = tuple(read_releases(open_repository(tmp_path), Source("lib/new", TagFormat("v{version}"))))
    assert {change.summary for change in unreleased_now.changes} >= {"under the second", "under the first name"}


@pytest.mark.parametrize(("path", "told"), [("lib/b", {"of b"}), ("lib/a", {"of a"}), ("lib/c", set[str]())])
def test_folders_that_were_moved_together_are_told_apart_by_their_names(
    path: str, told: set[str], tmp_path: Path
) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {f"{name}/x": "1" for name in ("m/a", "m/b", "m/d", "m/e")}))
        for name in ("a", "b", "d", "e"):
            story.commit(f"feat: of {name}", {f"m/{name}/x": "2"})
        gone: dict[str, Content] = {f"m/{name}/x": None for name in ("a", "b", "d", "e")}
        story.commit("refactor: move", {**gone, **{f"lib/{name}/x": "2" for name in ("a", "b", "c", "f")}})
    history = unreleased(open_repository(tmp_path), path, (), TagFormat("v{version}"))
    assert {change.summary for change in history.changes if change.level()} == told


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"old/a": None, "new/a": "1"}, id="split off"),
        pytest.param({"old/a": None, "old/b": None, "new/x": "1"}, id="other names"),
        pytest.param({"a": None, "new/a": "1"}, id="the whole repository before"),
        pytest.param(
            {"old/a": None, "old/b": None, "new/a": "1", "new/b": "1", "new/c": "1", "new/d": "1"}, id="grown"
        ),
    ],
)
def test_a_folder_that_is_new_begins_with_itself(files: dict[str, Content], tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {"old/a": "1", "old/b": "1", "a": "1"}))
        story.commit("feat: of the old one", {"old/a": "2", "a": "2"})
        story.commit("fix: begin the new one", files)
    history = unreleased(open_repository(tmp_path), "new", (), TagFormat("v{version}"))
    assert [change.summary for change in history.changes] == ["begin the new one"]


def test_a_folder_that_is_a_link_on_the_disk_alone_is_refused(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "repository"
    outside.mkdir()
    with GitStory(folder) as story:
        story.commit("feat: one", {"m/a": "1"})
    (folder / "m").symlink_to(outside)
    with pytest.raises(UsageError, match='the path "m" leads outside the repository: on the disk'):
        history(folder, path="m")


def test_a_shallow_clone_cannot_tell_the_last_release(tmp_path: Path) -> None:
    with GitStory(tmp_path / "full") as story:
        story.tag("v1.0.0", story.commit("feat: one", {"a": "1"}))
        story.commit("fix: two", {"a": "2"})
    address = (tmp_path / "full").as_uri()
    subprocess.run(["git", "clone", "-q", "--depth=1", address, str(tmp_path / "shallow")], check=True)
    with pytest.raises(RepositoryError, match="this is a shallow clone: commits and tags are missing") as caught:
        history(tmp_path / "shallow")
    assert caught.value.remedy == "Fetch the whole history with: git fetch --unshallow --tags"


def test_what_a_message_says_it_was_copied_from_may_be_anything(tmp_path: Path) -> None:
    with GitStory(tmp_path / "whole") as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        blob = "d00491fd7e5bb6fa28c517a0bb32b8b506539d4d"  # what git hash-object says of "1" and a line end
        side = story.commit(f"fix: one\n\n(cherry picked from commit {'1' * 40})", {"b": "1\n"}, branch="t", start=base)
        story.commit(f"fix: two\n\n(cherry picked from commit {blob})", {"c": "1\n"})
        story.commit("fix: three\n\n(cherry picked from commit 1234567)", {"c": "2\n"})
        story.commit(f"Merge it\n\n(cherry picked from commit {base})", {"b": "1\n"}, merge=[side])
    clone = ["git", "clone", "-q", "--no-checkout", "--filter=tree:0", (tmp_path / "whole").as_uri()]
    subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], cwd=tmp_path / "whole", check=True)
    subprocess.run([*clone, str(tmp_path / "partial")], check=True)
    for folder in ("whole", "partial"):
        history = unreleased(open_repository(tmp_path / folder), ".", (), TagFormat("v{version}"))
        assert {change.summary for change in history.changes if change.level()} == {"one", "two", "three"}, folder
