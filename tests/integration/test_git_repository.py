"""Git read by its own command: answers, refusals, and repositories that want to run something."""

from __future__ import annotations

import os
import stat
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.support.gitstories import ALICE, START_S, GitStory, checked_out
from tidegate.core.change import Person
from tidegate.errors import RepositoryError, TimedOutError
from tidegate.git.calls import explain
from tidegate.git.repository import committers, open_repository


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def one_commit(folder: Path, message: str | bytes = "feat: one", object_format: str = "sha1") -> str:
    with GitStory(folder, object_format) as story:
        return story.commit(message, {"a": "1"})


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_repository_says_what_it_is(folder: Path, object_format: str) -> None:
    name = one_commit(folder, object_format=object_format)
    (folder / "sub").mkdir()
    repository = open_repository(folder / "sub")
    assert repository.root == folder
    assert (repository.object_format, repository.is_shallow, repository.is_bare) == (object_format, False, False)
    assert repository.head() == name == repository.resolve(name[:12]) == repository.resolve("main")
    assert len(name) == {"sha1": 40, "sha256": 64}[object_format]


def test_a_bare_repository_and_a_linked_work_tree_are_read(folder: Path, tmp_path: Path) -> None:
    name = one_commit(folder)
    subprocess.run(["git", "clone", "-q", "--bare", str(folder), str(tmp_path / "bare.git")], check=True)
    subprocess.run(["git", "worktree", "add", "-q", str(tmp_path / "linked")], cwd=folder, check=True)
    bare, linked = open_repository(tmp_path / "bare.git"), open_repository(tmp_path / "linked")
    assert (bare.is_bare, bare.head()) == (True, name)
    assert (linked.root, linked.head()) == (tmp_path / "linked", name)


@pytest.mark.parametrize("where", [".", ".git"])
@pytest.mark.parametrize("work_tree", ["/", "/nowhere"])
def test_a_repository_whose_work_tree_is_elsewhere_is_read(folder: Path, where: str, work_tree: str) -> None:
    name = one_commit(folder)
    subprocess.run(["git", "config", "core.worktree", work_tree], cwd=folder, check=True)
    assert open_repository(folder / where).head() == name


def test_an_order_of_files_that_is_not_there_stops_nothing(folder: Path) -> None:
    name = one_commit(folder)
    subprocess.run(["git", "config", "diff.orderFile", "nowhere"], cwd=folder, check=True)
    repository = open_repository(folder)
    assert repository.commits(name, paths=["a"]).touched == {name: ("a",)}


def test_tags_lead_to_what_they_name(folder: Path) -> None:
    with GitStory(folder) as story:
        first = story.commit("feat: one", {"a": "1"})
        second = story.commit("feat: two", {"a": "2"})
        story.tag("v1.0.0", first, annotated=True)
        story.tag("v2.0.0", second)
        story.tag("x/v3.0.0", second)
    repository = open_repository(folder)
    assert [(tag.name, tag.target) for tag in repository.all_tags() if tag.name.startswith("v")] == [
        ("v1.0.0", first),
        ("v2.0.0", second),
    ]
    assert repository.merged(first, ["v1.0.0", "v2.0.0"]) == {"v1.0.0"}


def test_a_commit_is_told_as_it_was_made_in_spite_of_a_mailmap(folder: Path) -> None:
    bob = "Bob <bob@example.org>"
    with GitStory(folder) as story:
        mailmap = "Mallory <mallory@example.org> <alice@example.org>\n"
        name = story.commit("feat: ünï\n\nbody\n", {".mailmap": mailmap}, author=ALICE, committer=bob)
    checked_out(folder)
    repository = open_repository(folder)
    commit = repository.commit("HEAD")
    assert (commit.sha, commit.message, commit.committed_s) == (name, "feat: ünï\n\nbody\n", START_S + 60)
    assert repository.last_author("HEAD") == Person("Alice Example", "alice@example.org")
    assert committers(repository.commits(name).commits) == (Person("Bob", "bob@example.org"),)


def test_no_message_can_pretend_to_be_another_commit(folder: Path) -> None:
    forged = "a" * 40
    with GitStory(folder) as story:
        story.commit(
            f"feat: one\n\n\x01\x1e{forged}\n\ncommit {forged}\nAuthor: x\n\n    feat!: y", {"a": "1", "b": "1"}
        )
        story.commit(b"", {"\nodd\nname": "1"})
        story.commit(b"fix: \xff\xfe not UTF-8", {"c": "1"})
        story.commit("chore: no file", {})
    repository = open_repository(folder)
    log = repository.commits(repository.head())
    assert len(log.commits) == len(log.parents) == 4
    assert [commit.message.partition("\n")[0] for commit in log.commits] == [
        "chore: no file",
        "fix: \ufffd\ufffd not UTF-8",
        "",
        "feat: one",
    ]
    assert len(repository.commits(repository.head(), paths=["\nodd\nname"]).commits) == 1
    assert len(repository.commits(repository.head(), paths=["b", "c"]).commits) == 2


def test_a_commit_object_with_a_zero_byte_in_its_message_stays_one_commit(folder: Path) -> None:
    name = one_commit(folder)
    tree = subprocess.run(
        ["git", "rev-parse", "HEAD^{tree}"], cwd=folder, check=True, capture_output=True
    ).stdout.strip()
    who = f"{ALICE} {START_S} +0000".encode()
    forged = b"\0".join([b"fix: two", b"", b"b" * 40, b"", b"x", b"x", b"x", b"x", b"1", b"feat!: forged"])
    raw = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\n%s" % (tree, name.encode(), who, who, forged)
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        cwd=folder,
        input=raw,
        check=True,
        capture_output=True,
    )
    log = open_repository(folder).commits(made.stdout.decode().strip())
    assert [commit.message for commit in log.commits] == ["fix: two", "feat: one"]


def test_the_range_leaves_out_what_the_bound_descends_from(folder: Path) -> None:
    with GitStory(folder) as story:
        names = [story.commit(f"feat: {number}", {"a": str(number)}) for number in range(5)]
    log = open_repository(folder).commits(names[4], since=[names[1]])
    assert [commit.sha for commit in log.commits] == names[:1:-1]


@pytest.mark.parametrize(
    "revision", ["", "nowhere", "--help", "-h", "^HEAD", "HEAD..HEAD", "HEAD\0", "HEAD^{tree}", "x\ny"]
)
def test_a_revision_that_is_no_commit_is_refused(folder: Path, revision: str) -> None:
    one_commit(folder)
    with pytest.raises(RepositoryError, match="there is no commit ") as caught:
        open_repository(folder).resolve(revision)
    assert "\n" not in caught.value.what
    assert caught.value.remedy.endswith("fetch it first with: git fetch --tags")


def test_an_unresolved_revision_never_reaches_git(folder: Path) -> None:
    one_commit(folder)
    with pytest.raises(RepositoryError, match='"--output=x" is no full commit name'):
        open_repository(folder).commits("--output=x")


def test_a_repository_without_a_commit_says_so(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    with pytest.raises(RepositoryError, match="there is no commit yet"):
        open_repository(folder).head()


def test_what_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="it is not inside a Git repository") as caught:
        open_repository(tmp_path)
    assert caught.value.remedy == "Go to the folder of the repository, or make one with: git init"
    with pytest.raises(RepositoryError, match="is not a folder"):
        open_repository(tmp_path / "nowhere")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_repository_of_another_user_is_explained(folder: Path) -> None:
    one_commit(folder)
    for place in (folder, folder / ".git"):
        os.chown(place, 12345, 12345)
    with pytest.raises(RepositoryError, match="Git refuses this repository because another user owns it") as caught:
        open_repository(folder)
    assert caught.value.remedy == (f"If you trust its owner, run: git config --global --add safe.directory {folder}")


def test_gits_complaint_about_ownership_is_explained_to_any_user() -> None:
    complaint = "fatal: detected dubious ownership in repository at '/srv/a b'\n"
    assert explain(complaint, Path("/srv/a b/c")).remedy.endswith("safe.directory '/srv/a b'")


def test_a_missing_git_command_is_explained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_commit(folder)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RepositoryError, match="the git command is not installed"):
        open_repository(folder)


def test_a_git_that_does_not_answer_is_given_up(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_commit(folder)
    repository = open_repository(folder, timeout_s=0.05)
    script(tmp_path / "bin" / "git", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(TimedOutError, match=r"git did not answer within 0\.05 s"):
        repository.head()
    with pytest.raises(TimedOutError, match=r"git did not answer within 0\.05 s"):
        list(repository.blobs(["a" * 40]))


def test_the_surroundings_do_not_lead_to_another_repository(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = one_commit(folder)
    one_commit(tmp_path / "other", "feat: other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "other" / ".git" / "objects"))
    assert open_repository(folder).head() == name


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_nothing_that_a_repository_configures_is_run(folder: Path, tmp_path: Path) -> None:
    with GitStory(folder) as story:
        base = story.commit("feat: one", {"a": "1", ".gitattributes": "* diff=evil filter=evil export-subst\n"})
        story.commit("feat: two", {"a": "2"})
    checked_out(folder)
    sign_with_nonsense(folder)
    trap = script(tmp_path / "bin" / "trap", f"touch {tmp_path / 'sprung'}")
    keys = ["core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command", "filter.evil.smudge",
            "filter.evil.clean", "filter.evil.process", "core.pager", "pager.log", "core.editor", "gpg.program",
            "core.sshCommand", "core.askPass", "credential.helper"]  # fmt: skip
    settings = [(key, str(trap)) for key in keys] + [
        ("log.showSignature", "true"),
        ("core.hooksPath", str(trap.parent)),
    ]
    for key, value in settings:
        subprocess.run(["git", "config", key, value], cwd=folder, check=True)
    use_everything(folder, base)
    assert not (tmp_path / "sprung").exists()
    # The trap works: Git itself, without our guards, runs what the repository says.
    subprocess.run(["git", "log", "-1"], cwd=folder, check=True, capture_output=True)
    assert (tmp_path / "sprung").exists()


def sign_with_nonsense(folder: Path) -> None:
    """A commit with a signature, which ``log.showSignature`` would have a program verify."""
    raw = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=folder, check=True, capture_output=True).stdout
    head, _, body = raw.partition(b"\n\n")
    signature = b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n nonsense\n -----END PGP SIGNATURE-----\n\n"
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(command, cwd=folder, input=head + signature + body, check=True, capture_output=True)
    subprocess.run(["git", "update-ref", "refs/heads/main", made.stdout.decode().strip()], cwd=folder, check=True)


def use_everything(folder: Path, base: str) -> None:
    repository = open_repository(folder)
    log = repository.commits(repository.head(), since=[base], paths=["a"])
    assert len(log.commits) == 1
    assert repository.commit("HEAD").message.startswith("feat: two")
    assert repository.all_tags() == ()
    entry = repository.git("ls-tree", "HEAD", "--", "a").split()[2].decode()
    assert list(repository.blobs([entry])) == [b"2"]


def test_a_partial_clone_fetches_nothing_and_says_so(folder: Path, tmp_path: Path) -> None:
    one_commit(folder)
    subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], cwd=folder, check=True)
    partial = tmp_path / "partial"
    clone = ["git", "clone", "-q", "--no-checkout", "--filter=blob:none", folder.as_uri(), str(partial)]
    subprocess.run(clone, check=True)
    repository = open_repository(partial)
    assert len(repository.commits(repository.head(), paths=["a"]).commits) == 1
    blob = repository.git("ls-tree", "HEAD").split()[2].decode()
    with pytest.raises(RepositoryError, match="objects are missing here: this is a partial clone") as caught:
        list(repository.blobs([blob]))
    assert caught.value.remedy == "Fetch everything with: git fetch --refetch --no-filter --tags"


def test_a_replaced_object_is_not_believed(folder: Path) -> None:
    name = one_commit(folder)
    with GitStory(folder) as story:
        other = story.commit("feat!: other", {"a": "9"}, branch="other")
    subprocess.run(["git", "replace", name, other], cwd=folder, check=True)
    assert open_repository(folder).commit(name).message == "feat: one"


def test_a_missing_and_a_damaged_object_are_found(folder: Path) -> None:
    one_commit(folder)
    repository = open_repository(folder)
    with pytest.raises(RepositoryError, match="objects are missing here"):
        list(repository.blobs(["0123456789" * 4]))
    blob = repository.git("ls-tree", "HEAD").split()[2].decode()
    place = folder / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes(zlib.compress(b"blob 1\0X"))
    with pytest.raises(RepositoryError) as caught:
        list(repository.blobs([blob]))
    assert str(caught.value) == f"{folder}: the object {blob} is damaged: its content has another name"
