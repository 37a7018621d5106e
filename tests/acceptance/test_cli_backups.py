"""Backups by the command line: taken, spoilt in every way, refused by the release that asks for them, restored."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import PATIENCE_S
from tests.support.shop import Done, Shop, ends, flat

TREE = """\
backups:
  files:
    title: The files
    of: {{files: {{directory: {tree}}}}}
    kept_in: {kept}
    keep: 2
    fresh: 24h
{more}
"""
RCLONE = pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed")


class Kept:
    """The shop with a directory that is backed up before a release goes to staging."""

    def __init__(self, shop: Shop, more: str = "") -> None:
        self.shop = shop
        self.tree = shop.directory / "tree"
        self.kept = shop.directory / "kept"
        self.config = shop.directory / "rclone.conf"
        self.tree.mkdir()
        (self.tree / "data.bin").write_bytes(os.urandom(200_000))
        (self.tree / "sub").mkdir()
        (self.tree / "sub" / "hostile\n\x1b[2J").write_text("x")
        head = TREE.format(tree=self.tree, kept=self.kept, more=more)
        text = shop.policy_text(head=head).replace(
            "purpose: staging, gates: [tests]", "purpose: staging, gates: [tests], backups: [files]"
        )
        (shop.root / "tidegate.yaml").write_text(text.replace("keep: 2", "keep: 2\n    environments: [staging]"))

    def run(self, *words: str | Path, path: str = os.environ["PATH"]) -> Done:
        return self.shop.run("backup", *words, by="rita", RCLONE_CONFIG=str(self.config), PATH=path)

    def acts(self, *words: str | Path, code: int = 0, path: str = os.environ["PATH"]) -> list[dict[str, Any]]:
        done = self.run(*words, "--json", path=path)
        assert done.code == code, done
        acts: list[dict[str, Any]] = done.json["acts"]
        return acts

    def outcomes(
        self, *words: str | Path, code: int = 0, path: str = os.environ["PATH"]
    ) -> list[tuple[str, bool | None]]:
        return [(act["act"], act["outcome"]) for act in self.acts(*words, code=code, path=path)]

    def file(self) -> Path:
        """The only file of a backup, or the newest."""
        return max(self.kept.glob("files-*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)

    def finding(self, release: str) -> tuple[str, str]:
        """The verdict and the sentence of the rule."""
        found = self.shop.run("check", release, "--for", "staging", "--json", by="rita").json["findings"]
        (one,) = {(f["verdict"], f["message"], f["remedy"]) for f in found if f["rule"] == "backup.files"}
        self.remedy = one[2]
        return one[0], one[1]


@pytest.fixture
def kept(shop: Shop) -> Kept:
    return Kept(shop)


def test_a_backup_is_taken_read_back_and_lets_the_release_go(kept: Kept) -> None:
    release = kept.shop.open()
    kept.shop.good("evidence", "add", release, kept.shop.report, by="rita")
    assert kept.finding(release) == ("deny", "there is no backup files of staging")
    assert kept.remedy == "tidegate backup take files --for staging"
    refused = kept.shop.run("deploy", release, "staging", by="rita")
    assert refused.code == 3
    assert "there is no backup files of staging" in flat(refused.err + refused.out)
    done = kept.run("take", "files")
    assert done.code == 0, done
    assert "read back: it unpacks to 3 entries, each with the SHA-256 that it was put in with" in flat(done.out)
    verdict, said = kept.finding(release)
    assert verdict == "allow"
    assert said.startswith("taken ")
    assert "ago, 19" in said
    assert kept.shop.good("deploy", release, "staging", by="rita").code == 0
    listed = kept.run("list")
    assert "files of staging: The files" in listed.out
    kinds = [leaf["kind"] for leaf in kept.shop.good("audit", "log", "--json").json]
    assert kinds.count("backup.taken") == 1
    assert kinds.count("backup.verified") == 1
    assert kept.shop.good("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes were taken"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"), "another SHA-256 than what was taken"),
        (lambda path: path.unlink(), "its file is gone"),
    ],
    ids=["truncated", "flipped", "gone"],
)
def test_a_backup_that_was_spoilt_afterwards_stops_the_release(kept: Kept, spoil: Any, said: str) -> None:
    release = kept.shop.open()
    kept.acts("take", "files")
    assert kept.finding(release)[0] == "allow"
    spoil(kept.file())
    verdict, message = kept.finding(release)
    assert (verdict, said in message) == ("deny", True)
    assert kept.shop.run("deploy", release, "staging", by="rita").code == 3
    (verified,) = kept.acts("verify", "files", code=1)
    assert (verified["outcome"], said in verified["said"]) == (False, True)
    (restored,) = kept.acts("restore", "files", "--to", kept.tree.with_name("x"), "--compare", code=1)
    assert restored["outcome"] is False
    assert not kept.tree.with_name("x").exists()


def test_one_that_shrank_is_not_verified_until_somebody_says_why(kept: Kept) -> None:
    release = kept.shop.open()
    kept.acts("take", "files")
    (kept.tree / "data.bin").write_bytes(os.urandom(50_000))
    taken, verified = kept.acts("take", "files", code=1)
    assert taken["outcome"] is True
    assert verified["outcome"] is False
    assert "less than half of what the last ones have (195." in verified["said"]
    assert kept.finding(release)[0] == "deny"
    words = ("verify", "files", "--smaller-because", "the archive moved out")
    (said,) = kept.acts(*words)
    assert "because the archive moved out" in said["said"]
    assert kept.finding(release)[0] == "allow"


def test_as_many_are_kept_as_the_policy_says(kept: Kept) -> None:
    for _ in range(4):
        kept.acts("take", "files")
    assert len(list(kept.kept.glob("files-*.tar.gz"))) == 2
    assert len(list(kept.kept.glob("files-*.figures.json"))) == 2
    assert kept.outcomes("verify", "files") == [("verified", True)]


def test_a_restore_is_compared_and_removed_and_goes_over_nothing(kept: Kept) -> None:
    kept.acts("take", "files")
    scratch = kept.shop.directory / "scratch"
    assert kept.outcomes("restore", "files", "--to", scratch, "--compare") == [("restored", True)]
    assert not scratch.exists()
    assert kept.outcomes("restore", "files", "--to", scratch, "--leave", code=1) == [("restored", None)]
    assert (scratch / "data.bin").read_bytes() == (kept.tree / "data.bin").read_bytes()
    done = kept.run("restore", "files", "--to", scratch, "--compare")
    assert done.code == 6
    assert "is there already, and nothing is restored over it" in flat(done.err)
    assert (scratch / "data.bin").exists()


def test_a_restore_that_the_policy_asks_for_is_asked(shop: Shop) -> None:
    kept = Kept(shop, more="    restored_every: 90d")
    release = shop.open()
    kept.acts("take", "files")
    verdict, said = kept.finding(release)
    assert (verdict, said.endswith(": it was never restored for a test")) == ("deny", True)
    assert kept.remedy == "tidegate backup restore files --for staging --to SCRATCH --compare"
    kept.acts("restore", "files", "--to", shop.directory / "scratch", code=1)
    assert kept.finding(release)[0] == "cannot tell"
    kept.acts("restore", "files", "--to", shop.directory / "scratch", "--compare")
    assert kept.finding(release)[0] == "allow"


@pytest.mark.parametrize(
    ("words", "by", "code", "sentence"),
    [
        (("take", "nothing"), "rita", 5, 'the policy knows no backup "nothing"'),
        (("take", "files", "--for", "production"), "rita", 2, "the backup files is of staging, and not of production"),
        (("take", "files", "--for", "mars"), "rita", 5, 'the policy knows no environment "mars"'),
        (("take", "files"), "", 4, "nobody says who is asking"),
        (("verify", "files"), "rita", 5, "there is no backup files of staging"),
        (("copy", "files"), "rita", 2, "the policy says no place for a copy of files"),
        (("restore", "files"), "rita", 2, "Missing option '--to'"),
    ],
)
def test_what_cannot_be_done_is_said(kept: Kept, words: tuple[str, ...], by: str, code: int, sentence: str) -> None:
    kept.shop.open()
    done = kept.shop.run("backup", *words, by=by)
    assert (done.code, sentence in flat(done.err)) == (code, True), done


def test_an_unsigned_word_takes_no_backup(kept: Kept) -> None:
    kept.shop.open()
    done = kept.shop.run("--as", "rita", "backup", "take", "files")
    assert done.code == 4
    assert "rita is only asserted; what is done with backups is signed" in flat(done.err)
    assert not kept.kept.exists()
    kinds = [leaf["kind"] for leaf in kept.shop.good("audit", "log", "--json").json]
    assert "backup.denied" in kinds


def test_deploy_takes_one_where_the_policy_says_so_and_nothing_else_is_in_the_way(shop: Shop) -> None:
    kept = Kept(shop, more="    take: before-release")
    release = shop.open()
    shop.good("evidence", "add", release, shop.report, by="rita")
    hold = shop.good("hold", "add", "--reason", "wait", "--json", by="rita").json["id"]
    assert shop.run("deploy", release, "staging", by="rita").code == 3
    assert not kept.kept.exists()
    shop.good("hold", "lift", hold, by="rita")
    done = shop.run("deploy", release, "staging", by="rita")
    assert done.code == 0, done
    assert len(list(kept.kept.glob("files-*.tar.gz"))) == 1


def test_killed_at_any_moment_no_half_backup_counts(kept: Kept) -> None:
    release = kept.shop.open()
    (kept.tree / "large").write_bytes(os.urandom(30_000_000))
    for delay in (0.4, 0.8, 1.2, 1.6, 2.0, 2.6):
        process = kept.shop.begin("backup", "take", "files", by="rita")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        verdict, said = kept.finding(release)
        if verdict == "allow":
            assert process.returncode == 0 or "taken" in said
            assert kept.outcomes("verify", "files") == [("verified", True)]
        else:
            assert "there is no backup files of staging" in said or "it was not read back" in said
    assert [act for act, _ in kept.outcomes("take", "files")] == ["taken", "verified"]
    assert not list(kept.kept.glob(".files~*"))
    assert kept.shop.good("audit", "verify").code == 0


def test_two_at_once_do_not_disturb_each_other(kept: Kept) -> None:
    kept.shop.open()
    (kept.tree / "large").write_bytes(os.urandom(30_000_000))
    first = kept.shop.begin("backup", "take", "files", by="rita")
    deadline = time.monotonic() + PATIENCE_S
    while not list(kept.kept.glob(".files~*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    second = kept.run("take", "files")
    assert second.code == 6
    assert "another command takes the backup files right now" in flat(second.err)
    assert ends(first).code == 0


def test_a_full_disk_leaves_no_backup(kept: Kept) -> None:
    kept.shop.open()
    command = kept.shop.command("backup", "take", "files", by="rita")
    # As on a full disk: no file may grow beyond 1,000 blocks; the database has room, and the backup has not.
    (kept.tree / "large").write_bytes(os.urandom(30_000_000))
    line = ["sh", "-c", 'ulimit -f 8192; exec "$@"', "sh", *command]
    done = subprocess.run(line, cwd=kept.shop.root, env=kept.shop.environment({}), capture_output=True, text=True)
    assert done.returncode == 1, done
    assert "the backup cannot be written: File too large" in flat(done.stderr)
    assert list(kept.kept.glob("*files*")) == [kept.kept / ".files.lock"]


@pytest.fixture
def remote(shop: Shop) -> tuple[Kept, Path]:
    """A remote that says hashes: a directory."""
    there = shop.directory / "there"
    kept = Kept(shop, more="    offsite: {to: 'away:copies'}")
    kept.config.write_text(f"[away]\ntype = alias\nremote = {there}\n")
    return kept, there


@RCLONE
def test_a_copy_is_found_elsewhere_with_its_size_and_its_hash(remote: tuple[Kept, Path]) -> None:
    kept, there = remote
    release = kept.shop.open()
    acts = kept.acts("take", "files")
    assert [(act["act"], act["outcome"]) for act in acts] == [("taken", True), ("verified", True), ("offsite", True)]
    assert "with its size and its SHA256; the remote says it" in acts[2]["said"]
    assert kept.finding(release)[0] == "allow"
    (copied,) = (there / "copies").iterdir()
    good = copied.read_bytes()
    for spoilt, said in ((good[:-1], "and must have"), (good[:-1] + b"!", "has another SHA256")):
        copied.write_bytes(spoilt)
        found = kept.acts("verify", "files", code=1)[1]
        assert (found["outcome"], said in found["said"]) == (False, True), found
        assert kept.finding(release)[0] == "deny"
    copied.unlink()
    assert "nothing is at away:copies/files-staging-" in kept.acts("verify", "files", code=1)[1]["said"]
    assert kept.remedy == "tidegate backup copy files --for staging"
    assert kept.outcomes("copy", "files") == [("offsite", True)]
    assert kept.finding(release)[0] == "allow"


@RCLONE
def test_a_remote_without_hashes_is_read_back_whole(remote: tuple[Kept, Path]) -> None:
    kept, there = remote
    obscured = subprocess.run(
        ["rclone", "obscure", "secret"], capture_output=True, text=True, check=True
    ).stdout.strip()
    kept.config.write_text(
        f"[away]\ntype = crypt\nremote = {there}\npassword = {obscured}\nfilename_encryption = off\n"
    )
    kept.shop.open()
    acts = kept.acts("take", "files")
    assert "the remote says none, so it was read back whole" in acts[2]["said"]
    (copied,) = (path for path in there.rglob("*") if path.is_file())
    data = bytearray(copied.read_bytes())
    data[len(data) // 2] ^= 1
    copied.write_bytes(data)
    # What cannot be decrypted cannot be read back, so nobody can tell, and that never passes.
    assert kept.outcomes("verify", "files", code=1) == [("verified", True), ("offsite", None)]


@RCLONE
def test_a_remote_that_is_down_is_cannot_tell(remote: tuple[Kept, Path]) -> None:
    kept, _ = remote
    kept.config.write_text("[away]\ntype = webdav\nurl = http://127.0.0.1:9/\n")
    release = kept.shop.open()
    assert kept.outcomes("take", "files", code=1) == [("taken", True), ("verified", True), ("offsite", None)]
    verdict, said = kept.finding(release)
    assert (verdict, "nobody can tell: away:copies cannot be copied: rclone ended with" in said) == (
        "cannot tell",
        True,
    )


def test_without_rclone_nobody_can_tell(remote: tuple[Kept, Path]) -> None:
    kept, _ = remote
    kept.shop.open()
    tools = kept.shop.directory / "tools"
    tools.mkdir()
    for name in ("git", "ssh-keygen", "python3"):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    acts = kept.acts("take", "files", code=1, path=str(tools))
    assert (acts[2]["outcome"], acts[2]["said"]) == (None, "rclone is not installed on this machine")


@RCLONE
def test_two_objects_of_one_name_are_none(remote: tuple[Kept, Path]) -> None:
    """As Google Drive has them: no remote on a machine can, so a command in place of rclone says it."""
    kept, _ = remote
    kept.shop.open()
    tools = kept.shop.directory / "tools"
    tools.mkdir()
    real = shutil.which("rclone")
    script = f"""#!/bin/sh
if [ "$1" = lsjson ]; then {real} "$@" | sed 's/^\\({{.*}}\\)$/\\1,\\n\\1/'; else exec {real} "$@"; fi
"""
    (tools / "rclone").write_text(script)
    (tools / "rclone").chmod(0o755)
    acts = kept.acts("take", "files", code=1, path=f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert acts[2]["outcome"] is False
    assert "2 objects are at away:copies/files-staging-" in acts[2]["said"]
    assert json.dumps(acts)
