"""Whatever locks branches: what it promises, shown by real pushes that are refused and taken."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepository, isolated_environment
from tests.support.sshd import SshServer, start_sshd, why_no_sshd
from tidegate.errors import ConflictError, RepositoryError, UsageError
from tidegate.git.protection.contract import BranchProtection
from tidegate.git.protection.hook import HOOK, HookProtection, reached_by_ssh
from tidegate.git.protection.registry import protection_of
from tidegate.git.pushing import Remote

AT = "2026-12-01T18:00:00.000000Z"


@dataclass
class Place:
    """A remote with the protection of it, and a clone that pushes to it."""

    protection: BranchProtection
    remote: Path
    clone: GitRepository

    def push(self, *refspecs: str) -> subprocess.CompletedProcess[str]:
        """Push as anybody would."""
        return subprocess.run(
            ["git", "push", "-q", str(self.remote), *refspecs],
            cwd=self.clone.path,
            env=isolated_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def has(self, name: str) -> str:
        """What the remote has under a name."""
        asked = ["git", "-C", str(self.remote), "rev-parse", "--verify", "-q", f"refs/heads/{name}"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    if reason := why_no_sshd():
        pytest.skip(reason)
    server = start_sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture(params=["path", "ssh"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    clone = GitRepository(tmp_path / "clone")
    clone.commit("feat: one", {"a": "1"})
    clone.git("branch", "release/v1")
    clone.git("branch", "other")
    remote = tmp_path / "it's a remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(clone.path), str(remote)], check=True)
    address = str(remote)
    if request.param == "ssh":
        server: SshServer = request.getfixturevalue("ssh_server")
        monkeypatch.setenv("GIT_SSH_COMMAND", shlex.join(["ssh", *server.options]))
        address = f"ssh://{server.user}@{server.host}:{server.port}{remote}"
    return Place(protection_of(Remote("origin", address)), remote, clone)


def test_a_locked_branch_takes_no_push_and_an_unlocked_one_does(place: Place) -> None:
    before = place.has("release/v1")
    new = place.clone.commit("fix: two", {"a": "2"})
    lock = place.protection.lock("release/v1", "rita", AT)
    assert (lock.branch, lock.by, lock.at) == ("release/v1", "rita", AT)
    for refspec in ("main:release/v1", "+main:release/v1", ":release/v1"):
        refused = place.push(refspec)
        assert refused.returncode != 0
        assert f"tidegate: release/v1 is locked by rita since {AT}" in refused.stderr
        assert place.has("release/v1") == before
    assert place.push("main:other").returncode == 0
    assert place.has("other") == new
    place.protection.unlock("release/v1")
    assert place.protection.locks() == ()
    assert place.push("main:release/v1").returncode == 0
    assert place.has("release/v1") == new


def test_a_branch_that_is_not_there_yet_can_be_locked(place: Place) -> None:
    place.protection.lock("release/v2", "rita", AT)
    assert place.push("main:release/v2").returncode != 0
    assert place.has("release/v2") == ""


def test_to_lock_twice_and_to_unlock_what_is_open_changes_nothing(place: Place) -> None:
    place.protection.unlock("release/v1")
    place.protection.lock("release/v1", "rita", AT)
    again = place.protection.lock("release/v1", "mallory", "2027-01-01T00:00:00.000000Z")
    assert (again.by, again.at) == ("rita", AT)
    place.protection.lock("other", "rita", AT)
    assert [lock.branch for lock in place.protection.locks()] == ["other", "release/v1"]
    place.protection.unlock("release/v1")
    place.protection.unlock("release/v1")
    assert [lock.branch for lock in place.protection.locks()] == ["other"]


def test_a_hook_that_was_there_goes_on(place: Place) -> None:
    ran = place.remote / "ran"
    hook = place.remote / "hooks" / "update"
    hook.write_text(f'#!/bin/sh\necho "$1" >> {shlex.quote(str(ran))}\n[ "$1" != refs/heads/never ]\n')
    hook.chmod(0o755)
    place.clone.commit("fix: two", {"a": "2"})
    place.protection.lock("release/v1", "rita", AT)
    assert place.push("main:release/v1").returncode != 0
    assert not ran.exists()
    assert place.push("main:never").returncode != 0
    assert place.push("main:other").returncode == 0
    assert ran.read_text() == "refs/heads/never\nrefs/heads/other\n"
    place.protection.lock("other", "rita", AT)
    assert place.push("main:fresh").returncode == 0


def test_a_ref_that_is_another_name_for_a_locked_one_takes_no_push(place: Place) -> None:
    subprocess.run(["git", "-C", place.remote, "symbolic-ref", "refs/heads/alias", "refs/heads/release/v1"], check=True)
    place.clone.commit("fix: two", {"a": "2"})
    before = place.has("release/v1")
    place.protection.lock("release/v1", "rita", AT)
    assert place.push("main:alias").returncode != 0
    assert place.has("release/v1") == before


@pytest.mark.parametrize("name", ["$(touch${IFS}ran)", "`touch${IFS}ran`", "x';touch${IFS}ran;'", 'a"b', "é", "-n/x"])
def test_a_hostile_name_is_a_name(place: Place, name: str) -> None:
    name = name.lstrip("-")
    place.protection.lock(name, "$(touch ran) rita\nx", AT)
    (lock,) = place.protection.locks()
    assert (lock.branch, lock.by) == (name, "__touch_ran__rita_x")
    assert place.push(f"main:refs/heads/{name}").returncode != 0
    assert not list(place.remote.rglob("ran"))
    assert not Path("ran").exists()


def test_a_list_that_is_gone_opens_nothing(place: Place) -> None:
    place.protection.lock("release/v1", "rita", AT)
    (place.remote / "tidegate" / "locked-refs").unlink()
    refused = place.push("main:other2")
    assert "tidegate: the list of locked branches cannot be read, so nothing is taken" in refused.stderr
    assert place.has("other2") == ""
    with pytest.raises(RepositoryError):
        place.protection.locks()


def test_a_hook_that_was_taken_away_is_told(place: Place) -> None:
    place.clone.commit("fix: two", {"a": "2"})
    place.protection.lock("release/v1", "rita", AT)
    (place.remote / "hooks" / "update").unlink()
    with pytest.raises(RepositoryError) as caught:
        place.protection.locks()
    assert caught.value.what == (
        "branches cannot be locked at origin: it lists locked branches, and its hook is not there"
    )
    place.protection.lock("release/v1", "rita", AT)
    assert place.push("main:release/v1").returncode != 0


def test_hooks_that_are_read_elsewhere_are_told(place: Place) -> None:
    subprocess.run(["git", "-C", place.remote, "config", "core.hooksPath", "/dev/null"], check=True)
    with pytest.raises(ConflictError) as caught:
        place.protection.lock("release/v1", "rita", AT)
    assert caught.value.what == (
        "branches cannot be locked at origin: its hooks are read from another place (core.hooksPath)"
    )
    assert caught.value.remedy == "take it out of the way, or protect the branch there by other means"
    assert not (place.remote / "hooks" / "update").exists()


def test_two_hooks_that_are_not_ours_are_told(place: Place) -> None:
    for name in ("update", "update.before-tidegate"):
        (place.remote / "hooks" / name).write_text(f"#!/bin/sh\n# {name}\n")
    with pytest.raises(
        ConflictError, match=r"it has an update hook, and hooks/update\.before-tidegate is there as well"
    ):
        place.protection.lock("release/v1", "rita", AT)
    assert (place.remote / "hooks" / "update").read_text() == "#!/bin/sh\n# update\n"


def test_somebody_else_who_changes_the_locks_is_waited_for_by_hand(place: Place) -> None:
    (place.remote / "tidegate").mkdir()
    (place.remote / "tidegate" / "locked-refs.lock").touch()
    with pytest.raises(ConflictError, match="somebody else changes its locks right now"):
        place.protection.lock("release/v1", "rita", AT)


def test_the_folder_of_a_linked_work_tree_leads_to_the_hooks_that_git_runs(tmp_path: Path) -> None:
    clone = GitRepository(tmp_path / "clone")
    clone.commit("feat: one", {"a": "1"})
    clone.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    HookProtection("origin", str(tmp_path / "linked")).lock("release/v1", "rita", AT)
    refused = Place(HookProtection("origin", ""), tmp_path / "linked", clone).push("main:release/v1")
    assert "tidegate: release/v1 is locked by rita" in refused.stderr


def test_a_folder_that_is_no_repository_is_told(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path, "Git cannot use it: fatal: not a git repository"),
        (tmp_path / "x", "there is no folder there"),
    ):
        with pytest.raises(RepositoryError, match=said):
            HookProtection("origin", str(path)).lock("release/v1", "rita", AT)


def test_the_hook_is_posix_shell() -> None:
    assert subprocess.run(["sh", "-n"], input=HOOK, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("address", "host", "path"),
    [
        ("ssh://git@example.org/srv/x.git", ["--", "git@example.org"], "/srv/x.git"),
        ("ssh://git@example.org:2222/srv/x.git", ["-p", "2222", "--", "git@example.org"], "/srv/x.git"),
        ("git@example.org:x.git", ["--", "git@example.org"], "x.git"),
    ],
)
def test_an_ssh_address_is_reached_by_ssh(
    address: str, host: list[str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    reached = reached_by_ssh(address)
    assert reached == (("ssh", "-o", "BatchMode=yes", *host), path)


def test_another_address_cannot_be_locked_by_this_version() -> None:
    with pytest.raises(UsageError) as caught:
        protection_of(Remote("origin", "https://example.org/x.git"))
    assert caught.value.what == (
        "this version cannot lock branches at origin: it sets a hook, and needs a path or an SSH address"
    )


def test_a_lock_needs_no_home(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", os.devnull)
    place.protection.lock("release/v1", "rita", AT)
    assert [lock.branch for lock in place.protection.locks()] == ["release/v1"]
