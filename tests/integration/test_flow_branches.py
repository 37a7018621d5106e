"""Branches and tags of an organisation: cut, judged, picked, brought back, tagged, locked; recorded, or not done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation
from tests.support.gitrepo import GitRepository, isolated_environment
from tests.support.traps import Traps
from tidegate.core.tag import Standing
from tidegate.errors import (
    ConflictError,
    NotFoundError,
    NotPermittedError,
    RefusedError,
    RepositoryError,
    StoreError,
    UsageError,
)
from tidegate.git.picking import MergeConflictError
from tidegate.orchestration import audit, branch, locking, release, tag
from tidegate.store import tags


class Repo:
    """The repository of an organisation, and the acts of rita on it."""

    def __init__(self, org: Organisation) -> None:
        self.org = org
        self.git = GitRepository(org.root)
        self.rita = org.claim("rita")

    def commit(self, message: str, files: dict[str, str | bytes] | None = None) -> str:
        self.git.write(files or {})
        self.git.git("add", "app")
        self.git.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git.head()

    def at(self, name: str) -> str:
        return self.git.git("rev-parse", "--verify", f"{name}^{{}}")

    def remote(self) -> Path:
        bare = self.org.root.parent / "remote.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(self.org.root), str(bare)], check=True)
        self.git.git("remote", "add", "origin", str(bare))
        return bare

    def cut(self, version: str = "1.1.0", **more: Any) -> branch.CutBranch:
        return branch.cut(self.org.house, "billing", version, self.rita, **more)

    def pick(self, name: str, *commits: str, **more: Any) -> branch.Picked:
        return branch.pick(self.org.house, name, commits, self.rita, **more)

    def tag(self, version: str = "1.1.0", **more: Any) -> tag.TagSet:
        return tag.set_tag(self.org.house, "billing", version, self.rita, **more)

    def standings(self, remote: str = "") -> dict[str, Standing]:
        return {f"{f.name} {f.where}": f.standing for f in tag.verify(self.org.house, remote=remote)}


@pytest.fixture
def repo(org: Organisation) -> Repo:
    return Repo(org)


# ---- cutting and judging


def test_a_release_branch_is_cut_and_recorded_and_the_work_tree_stays(repo: Repo) -> None:
    (repo.org.root / "app" / "a.txt").write_text("not committed")
    before = repo.git.git("status", "--porcelain")
    made = repo.cut()
    assert (made.branch, made.made_from, made.pushed_to) == ("release/v1.1.0", "main", "")
    assert repo.at("release/v1.1.0") == repo.at("main") == made.commit
    assert repo.git.git("status", "--porcelain") == before
    leaf = repo.org.leaves()[-1]
    assert (leaf.kind, leaf.actor.person, leaf.actor.assurance.value) == ("branch.cut", "rita", "signature")
    assert leaf.data["branch"] == "release/v1.1.0"
    with pytest.raises(ConflictError, match=r"there is a branch release/v1\.1\.0 already"):
        repo.cut()
    assert repo.org.kinds()[-2:] == ["branch.cut", "branch.denied"]


def test_it_is_called_and_made_from_what_the_policy_says(make_org: Callable[..., Organisation]) -> None:
    org = make_org(branches={"release": {"pattern": "rel/{component}/{version}", "from": "trunk"}})
    repo = Repo(org)
    first = repo.at("billing-v1.0.0")
    repo.git.git("branch", "trunk", first)
    made = repo.cut()
    assert (made.branch, made.made_from, made.commit) == ("rel/billing/1.1.0", "trunk", first)
    assert repo.cut("1.2.0", from_="main").commit == repo.at("main")


def test_a_line_that_the_policy_names_must_be_there(make_org: Callable[..., Organisation]) -> None:
    repo = Repo(make_org(branches={"release": {"pattern": "release/v{version}", "from": "trunk"}}))
    with pytest.raises(NotFoundError) as caught:
        repo.cut()
    assert (caught.value.what, caught.value.remedy) == (
        "there is no branch trunk",
        "name one that `git branch` lists, or fetch it: git fetch origin NAME:NAME",
    )
    assert repo.cut(from_="main").made_from == "main"


def test_nothing_that_the_repository_names_is_run(repo: Repo) -> None:
    repo.remote()
    fix = repo.commit("fix: a", {"app/b.txt": "1"})
    feat = repo.commit("feat: b", {"app/b.txt": "2"})
    traps = Traps(repo.org.root)
    repo.cut(from_="main~2", push_to="origin")
    repo.pick("release/v1.1.0", fix, push_to="origin")
    with pytest.raises(RefusedError):
        repo.pick("release/v1.1.0", feat)
    branch.check(repo.org.house, "billing", "1.1.0")
    branch.hotfix(repo.org.house, "billing", repo.rita)
    branch.merge_back(repo.org.house, "hotfix/v1.0.1")
    repo.tag(at="release/v1.1.0", push_to="origin")
    tag.verify(repo.org.house, remote="origin")
    locking.lock(repo.org.house, "release/v1.1.0", repo.rita)
    locking.unlock(repo.org.house, "release/v1.1.0", repo.rita)
    assert traps.sprung == []


def test_a_version_that_is_there_gets_no_branch(repo: Repo) -> None:
    with pytest.raises(ConflictError, match=r"billing 1\.0\.0 is tagged already, so its branch is done with"):
        repo.cut("1.0.0")
    with pytest.raises(UsageError):
        repo.cut("1.0")
    with pytest.raises(RepositoryError):
        repo.cut("1.3.0", from_="--help")


def test_a_protected_name_is_never_made(make_org: Callable[..., Organisation]) -> None:
    repo = Repo(make_org(branches={"release": {"pattern": "release/v{version}", "protected": True}}))
    with pytest.raises(NotPermittedError, match=r"the branch release/v1\.1\.0 is protected"):
        repo.cut()
    assert "release" not in repo.git.git("for-each-ref")


def test_who_may_not_open_releases_may_not_cut_nor_pick_nor_tag(repo: Repo) -> None:
    alice, house = repo.org.claim("alice"), repo.org.house
    repo.cut()
    refs = repo.git.git("for-each-ref")
    for act in (
        lambda: branch.cut(house, "billing", "1.2.0", alice),
        lambda: branch.pick(house, "release/v1.1.0", ["main"], alice),
        lambda: tag.set_tag(house, "billing", "1.1.0", alice),
        lambda: branch.hotfix(house, "billing", alice),
    ):
        with pytest.raises(NotPermittedError, match="alice may not open"):
            act()
    with pytest.raises(NotPermittedError):
        tag.set_tag(house, "billing", "1.1.0", repo.org.claim("rita", "mallory"))
    assert repo.git.git("for-each-ref") == refs


def test_a_branch_is_judged_since_it_was_cut(repo: Repo) -> None:
    repo.cut()
    repo.git.switch("release/v1.1.0")
    repo.commit("fix: a", {"app/a.txt": "3"})
    feat = repo.commit("feat: b")
    odd = repo.commit("hello \x1b[31m\u202e")
    taken = repo.commit("feat: gone")
    repo.commit(f'Revert "feat: gone"\n\nThis reverts commit {taken}.')
    repo.git.switch("main")
    repo.commit("feat: on main")
    repo.git.switch("release/v1.1.0")
    merge = repo.git.merge("main", "Merge main")
    repo.git.switch("main")
    repo.git.merge("release/v1.1.0", "Merge it back")
    found = branch.check(repo.org.house, "billing", "1.1.0")
    assert {offence.sha for offence in found.offences} == {feat, odd, merge, repo.at("main^1")}
    assert "\x1b" not in "".join(o.summary for o in found.offences)
    assert {change.sha for change in found.taken_back} >= {taken}
    assert branch.check(repo.org.house, "billing", "release/v1.1.0") == found
    with pytest.raises(NotFoundError) as caught:
        branch.check(repo.org.house, "billing", "9.0.0")
    assert caught.value.what == "there is no branch for billing 9.0.0: neither release/v9.0.0 nor hotfix/v9.0.0"


def test_a_branch_that_others_made_is_judged_since_it_left_its_line(repo: Repo) -> None:
    repo.git.branch("release/v1.1.0")
    fix = repo.commit("fix: a", {"app/a.txt": "3"})
    feat = repo.commit("feat: b")
    repo.git.switch("main")
    repo.git.merge("release/v1.1.0", "Merge it back")
    found = branch.check(repo.org.house, "billing", "1.1.0")
    assert (found.since, found.commits, [o.sha for o in found.offences]) == (repo.at(f"{fix}^"), 2, [feat])


# ---- picking


def test_a_pick_is_recorded_and_told_when_it_is_there(repo: Repo) -> None:
    repo.cut()
    fix = repo.commit("fix: a", {"app/a.txt": "3"})
    before = repo.git.git("status", "--porcelain"), repo.git.head()
    done = repo.pick("release/v1.1.0", fix)
    assert repo.at("release/v1.1.0") == done.new == done.commits[0].made
    assert repo.git.git("log", "-1", "--format=%b", done.new) == f"(cherry picked from commit {fix})\n"
    assert (repo.git.git("status", "--porcelain"), repo.git.head()) == before
    leaf = repo.org.leaves()[-1]
    assert (leaf.kind, leaf.data["picked"]) == ("branch.picked", [{"commit": fix, "as": done.new}])
    again = repo.pick("release/v1.1.0", fix)
    assert again.new == again.old == done.new
    assert again.commits[0].there == f"it is there as {done.new[:12]}, by its recorded origin"
    assert repo.org.kinds()[-1] == "branch.picked"
    assert repo.org.kinds().count("branch.picked") == 1


def test_what_is_there_by_another_hand_is_told(repo: Repo) -> None:
    repo.cut()
    repo.commit("docs: before", {"app/before.txt": "1"})
    fix = repo.commit("fix: a", {"app/a.txt": "3"})
    repo.git.switch("release/v1.1.0")
    repo.git.git("cherry-pick", fix)
    mine = repo.git.head()
    repo.git.switch("main")
    found = repo.pick("release/v1.1.0", fix, "release/v1.1.0~1")
    assert [one.there for one in found.commits] == [
        f"it is there as {mine[:12]}, which changes the same",
        "the branch descends from it",
    ]


def test_what_was_picked_and_taken_back_can_be_picked_again(repo: Repo) -> None:
    repo.cut()
    fix = repo.commit("fix: a", {"app/a.txt": "3"})
    picked = repo.pick("release/v1.1.0", fix).new
    repo.git.switch("release/v1.1.0")
    repo.git.git("revert", "--no-edit", picked)
    repo.git.switch("main")
    again = repo.pick("release/v1.1.0", fix)
    assert again.commits[0].made == again.new != again.old


def test_a_series_is_picked_whole_or_not_at_all(repo: Repo) -> None:
    repo.cut()
    one = repo.commit("fix: a", {"app/b.txt": "1"})
    two = repo.commit("fix: b", {"app/b.txt": "2"})
    missing = repo.commit("fix: c", {"app/c.txt": "1"})
    clash = repo.commit("fix: d", {"app/c.txt": "2"})
    del missing
    before = repo.at("release/v1.1.0")
    with pytest.raises(MergeConflictError) as caught:
        repo.pick("release/v1.1.0", one, clash)
    assert [file.path for file in caught.value.files] == ["app/c.txt"]
    assert repo.at("release/v1.1.0") == before
    done = repo.pick("release/v1.1.0", one, two)
    assert [c.commit for c in done.commits] == [one, two]
    assert repo.git.git("show", "release/v1.1.0:app/b.txt") == "2"


def test_what_may_not_pass_the_freeze_is_refused(repo: Repo) -> None:
    repo.cut()
    feat, odd = repo.commit("feat: b", {"app/b.txt": "1"}), repo.commit("hello", {"app/c.txt": "1"})
    before = repo.at("release/v1.1.0")
    with pytest.raises(RefusedError) as caught:
        repo.pick("release/v1.1.0", feat, odd)
    assert caught.value.what == (
        f"release/v1.1.0 is frozen: {feat[:12]} (b): feat may not pass: only fix, docs, test, chore may pass; "
        f"{odd[:12]} (hello): its title follows no convention, so nobody can tell what it changes"
    )
    assert repo.at("release/v1.1.0") == before
    assert repo.org.kinds()[-1] == "branch.denied"


def test_nothing_is_picked_to_a_branch_that_is_protected_or_checked_out(repo: Repo) -> None:
    fix = repo.commit("fix: a", {"app/b.txt": "1"})
    with pytest.raises(NotPermittedError, match="the branch main is protected"):
        repo.pick("main", fix)
    repo.cut(from_="main~1")
    repo.git.switch("release/v1.1.0")
    with pytest.raises(ConflictError, match="is checked out in"):
        repo.pick("release/v1.1.0", fix)


def test_what_cannot_be_recorded_is_not_done(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.cut()
    fix = repo.commit("fix: a", {"app/a.txt": "3"})
    refs = repo.git.git("for-each-ref")

    def broken(*_: object, **__: object) -> int:
        raise StoreError("the disk is full", remedy="make room")

    monkeypatch.setattr("tidegate.store.log.append", broken)
    for act in (lambda: repo.pick("release/v1.1.0", fix), lambda: repo.cut("1.2.0"), repo.tag):
        with pytest.raises(StoreError, match="the disk is full"):
            act()
    assert repo.git.git("for-each-ref") == refs


# ---- hotfixes, and the way back


def test_a_hotfix_starts_from_what_runs_in_production(repo: Repo) -> None:
    repo.org.released("1.1.0")
    repo.tag()
    repo.commit("feat: later")
    repo.git.tag("billing-v1.2.0")
    repo.git.tag("billing-v1.1.1-rc.1")
    made, running = branch.hotfix(repo.org.house, "billing", repo.rita)
    assert (made.branch, made.commit, running.because) == (
        "hotfix/v1.1.2",
        repo.at("billing-v1.1.0"),
        "it runs in production",
    )
    assert branch.hotfix(repo.org.house, "billing", repo.rita)[0].branch == "hotfix/v1.1.3"
    with pytest.raises(ConflictError, match=r"billing 1\.2\.0 is there already"):
        branch.hotfix(repo.org.house, "billing", repo.rita, version="1.2.0")
    with pytest.raises(UsageError, match=r"1\.0\.9 does not come after 1\.1\.0, which runs in production"):
        branch.hotfix(repo.org.house, "billing", repo.rita, version="1.0.9")


def test_without_a_rollout_it_starts_from_the_highest_final_tag(repo: Repo) -> None:
    repo.git.tag("billing-v2.0.0-rc.1")
    made, running = branch.hotfix(repo.org.house, "billing", repo.rita)
    assert (made.branch, str(running.version)) == ("hotfix/v1.0.1", "1.0.0")


def test_what_runs_without_a_tag_is_told(repo: Repo) -> None:
    repo.org.released("1.1.0")
    with pytest.raises(ConflictError) as caught:
        branch.hotfix(repo.org.house, "billing", repo.rita)
    assert caught.value.what == "billing 1.1.0 runs in production, and there is no tag billing-v1.1.0"


def test_the_way_back_is_proposed_and_done_only_where_it_may_be(repo: Repo) -> None:
    made, _ = branch.hotfix(repo.org.house, "billing", repo.rita)
    repo.git.git("branch", "develop", "main")
    fix = repo.commit("fix: urgent", {"app/u.txt": "1"})
    repo.git.git("reset", "-q", "--hard", "HEAD~1")
    repo.pick(made.branch, fix)
    repo.cut()
    found = branch.merge_back(repo.org.house, made.branch)
    assert {(line.line, line.by, len(line.missing)) for line in found.lines} == {
        ("main", "pull-request", 1),
        ("release/v1.1.0", "pick", 1),
    }
    tip = repo.at(made.branch)
    assert {command for line in found.lines for command in line.commands} == {
        f"git push origin {made.branch}",
        f"tidegate branch pick release/v1.1.0 {tip[:12]}",
    }
    repo.pick("release/v1.1.0", tip)
    with pytest.raises(NotPermittedError, match="the branch main is protected"):
        branch.do_merge_back(repo.org.house, made.branch, repo.rita, into="main")
    with pytest.raises(RefusedError, match=r"release/v1\.1\.0 is frozen itself: nothing is merged into it"):
        branch.do_merge_back(repo.org.house, made.branch, repo.rita, into="release/v1.1.0")
    done = branch.do_merge_back(repo.org.house, made.branch, repo.rita, into="develop")
    assert repo.git.git("show", "-s", "--format=%P|%cn", "develop") == f"{repo.at('main')} {tip}|Rita"
    assert (done.merged_into, done.merge) == ("develop", repo.at("develop"))
    assert repo.org.leaves()[-1].kind == "branch.merged_back"
    left = branch.merge_back(repo.org.house, made.branch)
    assert {line.line: len(line.missing) for line in left.lines} == {"main": 1, "release/v1.1.0": 0}
    with pytest.raises(UsageError, match="it is not clear where"):
        branch.do_merge_back(repo.org.house, made.branch, repo.rita)


def test_a_line_of_another_component_lacks_only_what_changes_its_files(make_org: Callable[..., Organisation]) -> None:
    pattern = {
        "release": {"pattern": "release/{component}-v{version}"},
        "hotfix": {"pattern": "hotfix/{component}-{version}"},
    }
    org = make_org(
        branches=pattern, components={"billing": {"path": "app"}, "api": {"path": "api", "tag": "api-v{version}"}}
    )
    repo = Repo(org)
    for component, version in (("api", "1.1.0"), ("billing", "1.1.0"), ("billing", "1.2.0")):
        branch.cut(org.house, component, version, repo.rita)
    # Where a branch was cut may be tagged as something else; that does not bring it out.
    repo.git.git("tag", "api-v0.9.0", "main")
    repo.git.git("tag", "billing-v1.2.0", "main")
    repo.git.git("switch", "-q", "-c", "hotfix/billing-1.0.1")
    repo.commit("fix: urgent", {"app/u.txt": "1"})
    lines = branch.merge_back(org.house, "hotfix/billing-1.0.1").lines
    assert [(line.line, len(line.missing)) for line in lines] == [("main", 1), ("release/billing-v1.1.0", 1)]
    repo.git.write({"api/u.txt": "1"})
    repo.git.git("add", "api")
    repo.git.git("commit", "-q", "-m", "fix: in api too")
    lines = branch.merge_back(org.house, "hotfix/billing-1.0.1").lines
    found = {line.line: [change.summary for change in line.missing] for line in lines}
    assert found["release/api-v1.1.0"] == ["in api too"]
    assert found["main"] == ["in api too", "urgent"]


# ---- tags


def test_a_tag_is_recorded_with_its_release_and_signed(repo: Repo) -> None:
    release_id = repo.org.open()
    commit = repo.at("main")
    repo.commit("feat: later", {"app/later": "1"})
    done = repo.tag()
    assert (done.tag, done.commit, done.release, done.signed) == ("billing-v1.1.0", commit, release_id, True)
    assert repo.git.git("for-each-ref", "--format=%(objecttype) %(objectname)", "refs/tags/billing-v1.1.0") == (
        f"tag {done.object}"
    )
    leaf = repo.org.leaves()[-1]
    assert (leaf.kind, leaf.data["release"], leaf.data["object"]) == ("version.tagged", release_id, done.object)
    with repo.org.house.database.read() as connection:
        kept = tags.find(connection, "billing", "1.1.0")
    assert kept is not None
    assert (kept.object, kept.commit, kept.release, kept.by) == (done.object, commit, release_id, "rita")
    assert repo.tag().found == "the tag, as it was recorded"
    assert audit.verify(repo.org.house).holds
    assert [found for found in audit.rejudge(repo.org.house) if found.problem] == []


def test_one_version_is_one_content(repo: Repo) -> None:
    release_id = repo.org.open()
    first, second = repo.at("main~1"), repo.at("main")
    with pytest.raises(ConflictError) as caught:
        repo.tag(at=first)
    assert caught.value.what == (
        f"billing 1.1.0 is there already: the release {release_id} is of {second[:12]}, and you ask for {first[:12]}"
    )
    with pytest.raises(ConflictError, match=r"the tag billing-v1\.0\.0 is at"):
        repo.tag("1.0.0", at=second)
    repo.git.tag("billing-v1.2.0+build.1")
    with pytest.raises(ConflictError, match=r"1\.2\.0\+build\.1 is the same version, and is tagged at"):
        repo.tag("1.2.0")
    release.cancel(repo.org.house, release_id, repo.rita, "no")
    with pytest.raises(ConflictError, match="was given up, and its version with it"):
        repo.tag()
    assert repo.git.git("tag", "-l") == "billing-v1.0.0\nbilling-v1.2.0+build.1"


def test_a_tag_that_was_set_by_hand_is_recorded_as_it_is(repo: Repo) -> None:
    done = repo.tag("1.0.0", at="billing-v1.0.0")
    assert (done.annotated, done.found) == (False, "the tag, set by other means")
    repo.git.tag("billing-v1.1.0", message="by hand")
    assert repo.tag().annotated
    assert set(repo.standings().values()) == {Standing.SAME}


def test_a_tag_that_was_moved_deleted_or_rewritten_is_found(repo: Repo) -> None:
    bare = repo.remote()
    done = repo.tag(push_to="origin")
    assert done.pushed_to == "origin"
    assert repo.standings("origin")["billing-v1.1.0 origin"] is Standing.SAME
    name = "billing-v1.1.0"
    repo.git.git("tag", "-d", name)
    assert repo.standings()[f"{name} here"] is Standing.DELETED
    repo.git.git("tag", name, "main~1")
    assert repo.standings()[f"{name} here"] is Standing.MOVED
    with pytest.raises(ConflictError, match="is there already"):
        repo.tag()
    repo.git.git("tag", "-f", "-a", "-m", "x", name, "main")
    assert repo.standings()[f"{name} here"] is Standing.REWRITTEN
    with pytest.raises(ConflictError, match="it was rewritten"):
        repo.tag()
    repo.git.git("tag", "-d", name)
    repo.git.git("gc", "-q", "--prune=now")
    again = repo.tag()
    assert (again.object, again.found) == (done.object, "its record; it is set again, as it was")
    subprocess.run(["git", "-C", bare, "update-ref", f"refs/tags/{name}", repo.at("main~1")], check=True)
    assert repo.standings("origin") == {
        f"{name} here": Standing.SAME,
        f"{name} origin": Standing.MOVED,
        "billing-v1.0.0 origin": Standing.SAME,
    }
    subprocess.run(["git", "-C", bare, "update-ref", "refs/tags/billing-v1.0.0", repo.at("main")], check=True)
    assert repo.standings("origin")["billing-v1.0.0 origin"] is Standing.DIFFERENT


def test_a_process_that_dies_before_the_tag_is_set_has_left_what_sets_it(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tidegate.git.refs.RefWriter.create_tag", dies)
        with pytest.raises(KeyboardInterrupt):
            repo.tag()
    assert repo.standings() == {"billing-v1.1.0 here": Standing.DELETED}
    repo.org.clock.go(timedelta(hours=1))
    done = repo.tag()
    assert done.found == "its record; it is set again, as it was"
    assert repo.standings() == {"billing-v1.1.0 here": Standing.SAME}
    assert repo.org.kinds().count("version.tagged") == 1


def test_a_version_that_the_remote_has_elsewhere_is_refused_before_anything_is_written(repo: Repo) -> None:
    bare = repo.remote()
    subprocess.run(["git", "-C", bare, "tag", "billing-v1.1.0", "main~1"], env=isolated_environment(), check=True)
    with pytest.raises(ConflictError, match=r"origin has the tag billing-v1\.1\.0 at"):
        repo.tag(push_to="origin")
    assert repo.git.git("tag", "-l") == "billing-v1.0.0"
    assert "version.tagged" not in repo.org.kinds()


def test_a_push_that_the_remote_refuses_is_told_and_what_is_here_stays(repo: Repo) -> None:
    bare = repo.remote()
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'no \033[31mpushes' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ConflictError) as caught:
        repo.cut(push_to="origin")
    assert caught.value.what.startswith("origin did not take the branch release/v1.1.0: no ")
    assert caught.value.what.endswith("; it has nothing there; here it is done")
    assert "\x1b" not in caught.value.what
    assert repo.at("release/v1.1.0") == repo.at("main")


# ---- locks


def test_a_lock_is_recorded_and_a_push_is_refused_until_it_is_lifted(repo: Repo) -> None:
    repo.remote()
    repo.cut(push_to="origin")
    found = locking.lock(repo.org.house, "release/v1.1.0", repo.rita)
    assert [(lock.branch, lock.by) for lock in found.locks] == [("release/v1.1.0", "rita")]
    fix = repo.commit("fix: a", {"app/a.txt": "3"})
    with pytest.raises(ConflictError, match=r"release/v1\.1\.0 is locked by rita since 2026-12-01T18:00:00"):
        repo.pick("release/v1.1.0", fix, push_to="origin")
    with pytest.raises(NotPermittedError, match="alice may not hold"):
        locking.unlock(repo.org.house, "release/v1.1.0", repo.org.claim("alice"))
    with pytest.raises(NotPermittedError, match="rita is only asserted; hold asks for signature"):
        locking.unlock(repo.org.house, "release/v1.1.0", repo.org.claim("rita", ""))
    assert locking.locks(repo.org.house).locks == found.locks
    assert locking.unlock(repo.org.house, "release/v1.1.0", repo.rita).locks == ()
    assert repo.pick("release/v1.1.0", fix, push_to="origin").pushed_to == "origin"
    assert [kind for kind in repo.org.kinds() if kind in ("branch.locked", "branch.unlocked")] == [
        "branch.locked",
        "branch.unlocked",
    ]


def test_a_lock_that_cannot_be_recorded_is_lifted_again(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.remote()

    def broken(*_: object, **__: object) -> int:
        raise StoreError("the disk is full", remedy="make room")

    monkeypatch.setattr("tidegate.store.log.append", broken)
    with pytest.raises(StoreError, match="the disk is full"):
        locking.lock(repo.org.house, "release/v1.1.0", repo.rita)
    assert locking.locks(repo.org.house).locks == ()
