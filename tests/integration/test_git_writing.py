"""Branches and tags written with real Git: what comes out, what is left alone, and repositories that set traps."""

from __future__ import annotations

import os
import random
import shlex
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.gitrepo import ISOLATED
from tests.support.gitstories import GitStory, checked_out
from tests.support.sshd import start_sshd, why_no_sshd
from tests.support.traps import Traps
from tidegate.core.tag import SeenTag
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, RepositoryError, UsageError
from tidegate.git import pushing
from tidegate.git.picking import FileConflict, MergeConflictError, Picker, equal_to_some_of, patch_ids, read_raw
from tidegate.git.pushing import find_remote, list_remote, push, remote_tags
from tidegate.git.refs import RefWriter, read_branch, read_ref
from tidegate.git.repository import Repository, open_repository
from tidegate.git.tagging import NAMESPACE, seen_tags, tag_object
from tidegate.git.writing import Identity, open_workshop
from tidegate.signing import ssh

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
RITA = Identity("Rita", "rita@example.org")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *words],
        cwd=folder,
        env={**os.environ, **ISOLATED},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.removesuffix("\n")


def writer(repository: Repository, *protected: str) -> RefWriter:
    return RefWriter(repository, RITA, lambda name: name in protected)


class World:
    """A repository: ``first`` on main and on ``release/v1``; then ``fix`` (a.txt) and ``clash`` (b.txt) on main."""

    def __init__(self, folder: Path, object_format: str = "sha1") -> None:
        self.folder = folder
        with GitStory(folder, object_format) as story:
            self.first = story.commit("feat: first", {"a.txt": "1\n2\n3\n", "b.txt": "1\n", "d/c.txt": "1\n"})
            self.frozen = story.commit("fix: only here", {"b.txt": "2\n"}, branch="release/v1", start=self.first)
            self.fix = story.commit(
                "fix: ünï\n\nbody\n\nRefs: #1\n",
                {"a.txt": "1\n2x\n3\n"},
                author="Ünï <u@example.org>",
                start=self.first,
            )
            self.clash = story.commit("fix: clash", {"b.txt": "3\n", "d/c.txt": None})
        checked_out(folder)
        self.repository = open_repository(folder)

    def state(self) -> tuple[str, str, str]:
        """The files, the index, and what is checked out."""
        return (
            git(self.folder, "status", "--porcelain"),
            git(self.folder, "ls-files", "-s"),
            git(self.folder, "log", "-1"),
        )

    def objects(self) -> set[str]:
        return {str(p) for p in (self.folder / ".git" / "objects").rglob("*") if p.is_file()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "repository")


def pick(world: World, tip: str, commit: str) -> str:
    with open_workshop(world.repository) as workshop:
        picker = Picker(workshop, RITA, NOW)
        made = picker.pick(tip, commit, "release/v1")
        picker.keep()
    return made


# ---- picking


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_picked_commit_keeps_its_author_and_message_and_says_where_it_comes_from(
    tmp_path: Path, object_format: str
) -> None:
    world = World(tmp_path / "repository", object_format)
    before = world.state()
    made = pick(world, world.frozen, world.fix)
    shown = git(world.folder, "show", "-s", "--format=%an <%ae> | %cn <%ce> %ct | %P%n%B", made)
    assert shown.split("\n") == [
        f"Ünï <u@example.org> | Rita <rita@example.org> {int(NOW.timestamp())} | {world.frozen}",
        "fix: ünï",
        "",
        "body",
        "",
        "Refs: #1",
        f"(cherry picked from commit {world.fix})",
        "",
    ]
    assert git(world.folder, "show", f"{made}:a.txt") == "1\n2x\n3"
    assert git(world.folder, "show", f"{made}:b.txt") == "2"
    assert world.state() == before
    assert git(world.folder, "fsck", "--full", "--strict") is not None


def test_it_is_what_git_itself_picks(world: World, tmp_path: Path) -> None:
    git(world.folder, "worktree", "add", "-q", str(tmp_path / "linked"), "release/v1")
    git(tmp_path / "linked", "cherry-pick", "-x", world.fix)
    theirs = git(tmp_path / "linked", "rev-parse", "HEAD")
    ours = pick(world, world.frozen, world.fix)
    form = "--format=%T %P %an %ae %at %B"
    assert git(world.folder, "show", "-s", form, ours) == git(world.folder, "show", "-s", form, theirs)


def edited(chance: random.Random, files: dict[str, str]) -> dict[str, str | None]:
    """Some files changed by a line or two, deleted, renamed or added."""
    changed: dict[str, str | None] = {}
    for name in chance.sample(sorted(files), 2):
        match chance.randrange(5):
            case 0:
                changed[name] = None
            case 1:
                changed |= {name: None, f"moved-{name}": files[name]}
            case 2:
                changed[f"new-{chance.randrange(2)}"] = f"{chance.randrange(3)}\n"
            case _:
                lines = files[name].splitlines()
                lines[chance.randrange(len(lines))] = f"changed {chance.randrange(2)}"
                changed[name] = "\n".join(lines) + "\n"
    return changed


@pytest.mark.parametrize("seed", range(16))
def test_it_fits_where_git_itself_finds_that_it_fits(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "repository"
    files = {f"f{n}": "".join(f"{n} line {line}\n" for line in range(12)) for n in range(4)}
    with GitStory(folder) as story:
        first = story.commit("feat: first", dict(files))
        ours = story.commit("fix: here", dict(edited(chance, files)), branch="release", start=first)
        theirs = story.commit("fix: there", dict(edited(chance, files)), start=first)
    git(folder, "worktree", "add", "-q", str(tmp_path / "linked"), "release")
    words = ["git", "-c", "core.hooksPath=/dev/null", "cherry-pick", "-x", "--keep-redundant-commits", theirs]
    picked = subprocess.run(words, cwd=tmp_path / "linked", env={**os.environ, **ISOLATED}, capture_output=True)
    with open_workshop(open_repository(folder)) as workshop:
        picker = Picker(workshop, RITA, NOW)
        if picked.returncode != 0:
            with pytest.raises(MergeConflictError) as caught:
                picker.pick(ours, theirs, "release")
            unmerged = set(git(tmp_path / "linked", "diff", "--name-only", "--diff-filter=U").split("\n"))
            assert {file.path for file in caught.value.files} == unmerged
        else:
            made = picker.pick(ours, theirs, "release")
            assert workshop.git("rev-parse", f"{made}^{{tree}}").decode().strip() == git(
                tmp_path / "linked", "rev-parse", "HEAD^{tree}"
            )


def test_what_does_not_fit_is_told_file_by_file_and_nothing_is_left(world: World) -> None:
    refs, state, objects = git(world.folder, "for-each-ref"), world.state(), world.objects()
    with pytest.raises(MergeConflictError) as caught:
        pick(world, world.frozen, world.clash)
    assert caught.value.what == f"{world.clash[:12]} does not fit on release/v1"
    assert caught.value.files == (FileConflict("b.txt", "both sides changed the same lines"),)
    assert caught.value.remedy == (
        f"do it by hand, in a work tree of release/v1: git cherry-pick -x {world.clash[:12]}; "
        "resolve the files, and push"
    )
    assert (git(world.folder, "for-each-ref"), world.state(), world.objects()) == (refs, state, objects)


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ({"x": "1\n"}, {"x": "2\n"}, [("x", "both sides changed the same lines")]),
        ({"b.txt": None}, {"b.txt": "9\n"}, [("b.txt", "one side changed it, the other deleted it")]),
        ({"a.txt": b"\0a"}, {"a.txt": b"\0b"}, [("a.txt", "both sides changed it, and it is no text")]),
        ({"x": "1\n"}, {"x/y": "1\n"}, []),
        (
            {"x\ny": "1\n", "\u202ez": "1\n"},
            {"x\ny": "2\n", "\u202ez": "2\n"},
            [("x\ny", "both sides changed the same lines"), ("\u202ez", "both sides changed the same lines")],
        ),
    ],
)
def test_each_kind_of_conflict_is_told_in_words(
    tmp_path: Path,
    here: dict[str, str | bytes | None],
    there: dict[str, str | bytes | None],
    said: list[tuple[str, str]],
) -> None:
    folder = tmp_path / "repository"
    with GitStory(folder) as story:
        first = story.commit("feat: first", {"a.txt": "1\n", "b.txt": "1\n"})
        ours = story.commit("fix: here", here, branch="release", start=first)
        theirs = story.commit("fix: there", there, start=first)
    with open_workshop(open_repository(folder)) as workshop, pytest.raises(MergeConflictError) as caught:
        Picker(workshop, RITA, NOW).pick(ours, theirs, "release")
    assert caught.value.files
    if said:
        assert [(file.path, file.what) for file in caught.value.files] == said


def test_a_first_commit_can_be_picked_and_a_merge_cannot(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    with GitStory(folder) as story:
        first = story.commit("feat: first", {"a.txt": "1\n"})
        other = story.commit("feat: other root", {"b.txt": "1\n"}, branch="other")
        merge = story.commit("Merge it", {"b.txt": "1\n"}, merge=[other])
    repository = open_repository(folder)
    with open_workshop(repository) as workshop:
        picker = Picker(workshop, RITA, NOW)
        made = picker.pick(first, other, "main")
        assert read_raw_in(workshop.git("cat-file", "commit", made)) == [f"parent {first}"]
        with pytest.raises(UsageError, match=f"{merge[:12]} is a merge, and a merge cannot be picked"):
            picker.pick(first, merge, "main")


def read_raw_in(content: bytes) -> list[str]:
    return [line for line in content.decode().split("\n") if line.startswith("parent ")]


def test_what_changes_nothing_there_makes_no_commit(world: World) -> None:
    made = pick(world, world.frozen, world.fix)
    assert pick(world, made, world.fix) == made


def test_an_encoding_and_odd_bytes_are_carried_over(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    with GitStory(folder) as story:
        first = story.commit("feat: first", {"a": "1"})
    message = "fix: \xfcber".encode("latin-1")
    tree = git(folder, "rev-parse", f"{first}^{{tree}}")
    raw = f"tree {tree}\nparent {first}\nauthor A <a> 1 +0100\ncommitter A <a> 1 +0100\nencoding latin-1\n\n".encode()
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=folder, input=raw + message, capture_output=True
    ).stdout
    parts = read_raw(open_repository(folder), made.decode().strip())
    assert (parts.author, parts.encoding, parts.message) == (b"A <a> 1 +0100", b"latin-1", message)


def test_commits_that_change_the_same_have_one_patch_id(world: World) -> None:
    made = pick(world, world.frozen, world.fix)
    with open_workshop(world.repository) as workshop:
        ids = patch_ids(workshop, [world.fix, made, world.clash])
        assert ids[world.fix] == ids[made] != ids[world.clash]
        assert equal_to_some_of(workshop, made, world.fix) == {world.fix}
        assert equal_to_some_of(workshop, world.frozen, world.fix) == frozenset()


def test_a_merge_is_made_without_a_work_tree(world: World) -> None:
    state = world.state()
    with open_workshop(world.repository) as workshop:
        picker = Picker(workshop, RITA, NOW)
        merge = picker.merge("develop", "release/v1", (world.fix, world.frozen))
        picker.keep()
        with pytest.raises(MergeConflictError) as caught:
            picker.merge("main", "release/v1", (world.clash, world.frozen))
    assert git(world.folder, "show", "-s", "--format=%P|%an|%s", merge) == (
        f"{world.fix} {world.frozen}|Rita|Merge branch 'release/v1' into develop"
    )
    assert git(world.folder, "ls-tree", "-r", "--name-only", merge).split("\n") == ["a.txt", "b.txt", "d/c.txt"]
    assert caught.value.what == "release/v1 does not merge into main"
    assert world.state() == state


# ---- branches and tags


def test_a_branch_is_made_and_moved_and_each_expects_what_it_found(world: World) -> None:
    ours = writer(world.repository)
    ours.create_branch("release/v2", world.first, "why")
    with pytest.raises(ConflictError) as caught:
        ours.create_branch("release/v2", world.fix, "why")
    assert caught.value.what == f"there is a branch release/v2 already, at {world.first[:12]}"
    ours.move_branch("release/v2", world.first, world.fix, "why")
    with pytest.raises(ConflictError, match="the branch release/v2 was moved by somebody else"):
        ours.move_branch("release/v2", world.first, world.clash, "why")
    assert read_branch(world.repository, "release/v2").commit == world.fix
    assert "Rita <rita@example.org>" in (world.folder / ".git/logs/refs/heads/release/v2").read_text()
    ours.take_back_branch("release/v2", world.fix, world.first, "why")
    assert read_branch(world.repository, "release/v2").commit == world.first
    ours.take_back_branch("release/v2", world.first, "", "why")
    assert read_ref(world.repository, "refs/heads/release/v2") is None


def test_a_protected_branch_is_never_written(world: World) -> None:
    ours = writer(world.repository, "main", "lts")
    acts: list[Callable[[], None]] = [
        lambda: ours.create_branch("lts", world.first, "why"),
        lambda: ours.move_branch("main", world.clash, world.first, "why"),
        lambda: ours.take_back_branch("main", world.clash, "", "why"),
        lambda: push_branch(world, "main"),
    ]
    for act in acts:
        with pytest.raises(NotPermittedError) as caught:
            act()
        assert caught.value.what.endswith("is protected: Tidegate never writes to it")
    assert read_branch(world.repository, "main").commit == world.clash


def push_branch(world: World, name: str) -> None:
    remote = pushing.Remote("origin", str(world.folder.parent / "nowhere"))
    with open_workshop(world.repository) as workshop:
        push(workshop, remote, f"refs/heads/{name}", world.first, lambda branch: branch == "main")


def test_a_branch_that_is_checked_out_is_not_moved_under_its_work_tree(world: World, tmp_path: Path) -> None:
    ours = writer(world.repository)
    git(world.folder, "worktree", "add", "-q", str(tmp_path / "linked"), "release/v1")
    for name, place, old in (("main", world.folder, world.clash), ("release/v1", tmp_path / "linked", world.frozen)):
        with pytest.raises(ConflictError) as caught:
            ours.move_branch(name, old, world.first, "why")
        assert caught.value.what == (
            f"the branch {name} is checked out in {place}: Tidegate moves no branch under a work tree"
        )


def test_another_name_for_a_branch_is_not_followed(world: World) -> None:
    git(world.folder, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(world.folder, "switch", "-q", "--detach")
    with pytest.raises(ConflictError, match="the branch alias is only another name for main"):
        writer(world.repository, "main").move_branch("alias", world.clash, world.first, "why")
    assert read_branch(world.repository, "main").commit == world.clash


def test_a_branch_that_cannot_stand_beside_another_is_told(world: World) -> None:
    with pytest.raises(ConflictError) as caught:
        writer(world.repository).create_branch("release", world.first, "why")
    assert caught.value.what == ("the branch release cannot be made: another one stands where its name needs a folder")


def test_what_no_branch_is_called_is_not_found(world: World) -> None:
    with pytest.raises(NotFoundError, match="there is no branch release/v9"):
        read_branch(world.repository, "release/v9")
    for name in ("-x", "a b", "$(touch x)y z", "x\ny"):
        with pytest.raises(UsageError, match="is not a branch name"):
            read_branch(world.repository, name)


@pytest.mark.parametrize(
    "name", ["$(touch ran)", "`touch${IFS}ran`", ";touch${IFS}ran", "x'\"y", "é\u202eab", "--x/-y"]
)
def test_a_hostile_name_is_a_name(world: World, name: str) -> None:
    plain = name.replace(" ", "-").lstrip("-")
    ours = writer(world.repository)
    ours.create_branch(plain, world.first, "why")
    assert read_branch(world.repository, plain).commit == world.first
    assert not list(world.folder.rglob("ran"))


def test_a_bare_repository_is_written_like_any_other(world: World, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(world.folder, "clone", "-q", "--bare", str(world.folder), str(bare))
    repository = open_repository(bare)
    with open_workshop(repository) as workshop:
        picker = Picker(workshop, RITA, NOW)
        made = picker.pick(world.frozen, world.fix, "release/v1")
        picker.keep()
    writer(repository).move_branch("release/v1", world.frozen, made, "why")
    assert git(bare, "rev-parse", "release/v1") == made


def test_objects_are_found_from_a_linked_work_tree_in_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    world = World(tmp_path / '#odd "name"\nobjects')
    git(world.folder, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = open_repository(tmp_path / "linked")
    with open_workshop(linked) as workshop:
        picker = Picker(workshop, RITA, NOW)
        made = picker.pick(world.frozen, world.fix, "release/v1")
        picker.keep()
    assert git(world.folder, "cat-file", "-t", made) == "commit"


# ---- tags


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "rita"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rita", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def set_tag(world: World, name: str, commit: str, content: bytes) -> str:
    with open_workshop(world.repository) as workshop:
        made = workshop.write("tag", content)
        workshop.keep()
    writer(world.repository).create_tag(name, made, "why")
    return made


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_git_itself_verifies_a_signed_tag(tmp_path: Path, key: Path, object_format: str) -> None:
    world = World(tmp_path / "repository", object_format)
    content = tag_object("v1", world.first, RITA, NOW, "billing 1", lambda data: ssh.sign(data, key, NAMESPACE))
    made = set_tag(world, "v1", world.first, content)
    signers = tmp_path / "signers"
    signers.write_text(f'rita@example.org namespaces="git" {key.with_suffix(".pub").read_text()}')
    allowed = f"gpg.ssh.allowedSignersFile={signers}"
    assert git(world.folder, "-c", allowed, "tag", "-v", "v1").startswith(
        f"object {world.first}\ntype commit\ntag v1\n"
    )
    other = tag_object("v2", world.first, RITA, NOW, "billing 1")
    set_tag(world, "v2", world.first, other + content[content.index(b"-----BEGIN") :])
    with pytest.raises(subprocess.CalledProcessError):
        git(world.folder, "-c", allowed, "tag", "-v", "v2")
    assert seen_tags(world.repository)["v1"] == SeenTag(made, world.first)


def test_an_unsigned_tag_is_annotated_and_a_name_cannot_end_its_line_early(world: World) -> None:
    hostile = Identity("Eve <eve@example.org>\nobject 0", "a>b\nc")
    set_tag(world, "v1", world.first, tag_object("v1", world.first, hostile, NOW, "one\n\ntwo\n"))
    shown = git(
        world.folder, "for-each-ref", "--format=%(objecttype)|%(taggername)|%(taggeremail)|%(contents)", "refs/tags/v1"
    )
    assert shown == "tag|Eve eve@example.org object 0|<a b c>|one\n\ntwo\n"
    git(world.folder, "fsck", "--strict")


# ---- pushing


@pytest.fixture
def remote(world: World, tmp_path: Path) -> Path:
    bare = tmp_path / "remote.git"
    git(world.folder, "clone", "-q", "--bare", str(world.folder), str(bare))
    git(world.folder, "remote", "add", "origin", str(bare))
    return bare


def push_to(world: World, name: str, ref: str, target: str) -> None:
    with open_workshop(world.repository) as workshop:
        push(workshop, find_remote(world.repository, name), ref, target, lambda branch: branch == "main")


def test_what_is_pushed_is_read_back_and_nothing_is_forced(world: World, remote: Path) -> None:
    push_to(world, "origin", "refs/heads/release/v1", pick(world, world.frozen, world.fix))
    made = set_tag(world, "v1", world.first, tag_object("v1", world.first, RITA, NOW, "one"))
    push_to(world, "origin", "refs/tags/v1", made)
    assert git(remote, "rev-parse", "v1", "v1^{commit}").split("\n") == [made, world.first]
    for ref, target in (("refs/heads/release/v1", world.frozen), ("refs/tags/v1", world.fix)):
        with pytest.raises(ConflictError, match=r"origin did not take the (branch release/v1|tag v1)"):
            push_to(world, "origin", ref, target)
    with open_workshop(world.repository) as workshop:
        assert remote_tags(workshop, find_remote(world.repository, "origin")) == {"v1": SeenTag(made, world.first)}


def test_it_is_pushed_over_ssh_by_the_command_of_the_user_and_not_of_the_repository(
    world: World, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := why_no_sshd():
        pytest.skip(reason)
    (tmp_path / "sshd").mkdir()
    server = start_sshd(tmp_path / "sshd")
    try:
        traps = Traps(world.folder)
        monkeypatch.setenv("GIT_SSH_COMMAND", shlex.join(["ssh", *server.options]))
        address = f"ssh://{server.user}@{server.host}:{server.port}{remote}"
        push_to(world, address, "refs/heads/new", world.frozen)
    finally:
        server.stop()
    assert git(remote, "rev-parse", "new") == world.frozen
    assert traps.sprung == []
    with pytest.raises(RepositoryError, match="nobody can tell whether the branch newer arrived at ssh://"):
        push_to(world, address, "refs/heads/newer", world.frozen)


def test_a_remote_that_is_gone_is_said_to_be_unknown(world: World, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as caught:
        push_to(world, str(tmp_path / "gone.git"), "refs/heads/release/v1", world.frozen)
    assert caught.value.what.startswith(
        f"nobody can tell whether the branch release/v1 arrived at {tmp_path}/gone.git: the remote {tmp_path}/gone.git "
        "does not answer: "
    )


def test_a_push_that_fails_but_arrived_has_arrived(world: World, remote: Path) -> None:
    """The exit code is no proof: what the remote has is."""
    hook = remote / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)
    push_to(world, "origin", "refs/heads/new", world.frozen)
    assert git(remote, "rev-parse", "new") == world.frozen


def test_a_push_that_succeeds_but_did_not_arrive_has_not(world: World, remote: Path) -> None:
    hook = remote / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\ngit update-ref -d refs/heads/new\n")
    hook.chmod(0o755)
    with pytest.raises(ConflictError) as caught:
        push_to(world, "origin", "refs/heads/new", world.frozen)
    assert caught.value.what == (
        "origin did not take the branch new: it says that it did, and has not; it has nothing there"
    )


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c 'touch ran'",
        "-oProxyCommand=touch ran:x",
        "ssh://-oProxyCommand=touch/x",
        "git://example.org/x",
        "http://example.org/x",
        "fd::17",
        "a\nb:c",
        "--upload-pack=touch",
        "",
    ],
)
def test_an_address_that_could_run_something_is_refused(world: World, address: str) -> None:
    subprocess.run(["git", "config", "remote.evil.url", address], cwd=world.folder, check=True)
    with pytest.raises((UsageError, NotFoundError)):
        find_remote(world.repository, "evil")
    with pytest.raises((UsageError, NotFoundError)):
        find_remote(world.repository, address)


def test_a_folder_that_only_the_configuration_names_must_lie_outside(world: World, tmp_path: Path) -> None:
    (world.folder / "evil.git").mkdir()
    for address in ("./evil.git", str(world.folder / "evil.git"), f"file://{world.folder}/.git/evil"):
        subprocess.run(["git", "config", "remote.evil.url", address], cwd=world.folder, check=True)
        with pytest.raises(UsageError, match="which may have come with the repository"):
            find_remote(world.repository, "evil")
    assert find_remote(world.repository, str(world.folder / "evil.git")).path == world.folder / "evil.git"


@pytest.mark.parametrize(
    "address", ["ssh://git@example.org:22/x.git", "git@example.org:x.git", "https://me:secret@example.org/x.git"]
)
def test_an_address_of_another_machine_is_known_and_its_secret_is_not_shown(world: World, address: str) -> None:
    found = find_remote(world.repository, address)
    assert (found.address, found.is_path) == (address, False)
    assert "secret" not in found.name


def test_a_remote_that_nobody_knows_is_not_found(world: World) -> None:
    with pytest.raises(NotFoundError, match="there is no remote origin"):
        find_remote(world.repository, "origin")


# ---- traps


@pytest.mark.parametrize("bare", [False, True])
def test_nothing_that_a_repository_names_is_run(
    world: World, remote: Path, tmp_path: Path, key: Path, bare: bool
) -> None:
    folder = tmp_path / "bare.git"
    if bare:
        git(world.folder, "clone", "-q", "--bare", str(world.folder), str(folder))
    (folder if bare else world.folder / ".git").joinpath("config").chmod(0o644)
    traps = Traps(folder if bare else world.folder)
    repository = open_repository(folder if bare else world.folder)
    with open_workshop(repository) as workshop:
        picker = Picker(workshop, RITA, NOW)
        made = picker.pick(world.frozen, world.fix, "release/v1")
        with pytest.raises(MergeConflictError):
            picker.pick(world.frozen, world.clash, "release/v1")
        merge = picker.merge("develop", "release/v1", (world.fix, made))
        picker.keep()
        patch_ids(workshop, [world.fix, made])
        equal_to_some_of(workshop, world.frozen, world.clash)
        content = tag_object("v1", made, RITA, NOW, "one", lambda data: ssh.sign(data, key, NAMESPACE))
        tagged = workshop.write("tag", content)
        workshop.keep()
        ours = writer(repository, "main")
        ours.move_branch("release/v1", world.frozen, made, "why")
        ours.create_branch("develop", merge, "why")
        ours.create_tag("v1", tagged, "why")
        place = find_remote(repository, str(remote))
        push(workshop, place, "refs/heads/develop", merge, ours.protected)
        push(workshop, place, "refs/tags/v1", tagged, ours.protected)
        list_remote(workshop, place)
        list_remote(workshop, find_remote(repository, str(repository.git_dir)))
    assert traps.sprung == []


def test_the_traps_are_traps(world: World) -> None:
    """Git itself runs into them: the test above could fail."""
    traps = Traps(world.folder)
    for words in (
        ["merge-tree", "--write-tree", "main", "release/v1"],
        ["status"],
        ["branch", "x"],
        ["tag", "-am", "x", "v9"],
    ):
        subprocess.run(
            ["git", *words], cwd=world.folder, env={**os.environ, **ISOLATED}, capture_output=True, check=False
        )
    assert {"merge.trap.driver", "core.fsmonitor", "hook-reference-transaction", "gpg.ssh.program"} <= set(traps.sprung)
