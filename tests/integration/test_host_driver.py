"""The host driver on real directories and processes: what only this driver promises."""

from __future__ import annotations

import ast
import contextlib
import http.server
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.hosts import TARGET, Hosts, dying_agent, effect, make_package, package_of
from tests.support.processes import PROJECT
from tidegate.core.effect import Act, Finding, Health, Package, Presence, Stage, Token, judge
from tidegate.drivers.contract import Target
from tidegate.drivers.host.driver import HostDriver
from tidegate.drivers.host.settings import HostSettings
from tidegate.drivers.host.transport import AGENT
from tidegate.errors import FencedError, NotFoundError, TargetError, UsageError

TOKEN = Token(1, 1)
LATER = Token(1, 2)


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path)


def wait_until(done: Callable[[], bool]) -> None:
    """Until it is so; a minute is far beyond what any of these take."""
    waiting = threading.Event()
    for _ in range(6000):
        if done():
            return
        waiting.wait(0.01)
    raise AssertionError("it never came to be")


def deploy(hosts: Hosts, version: str = "1.0.0", driver: HostDriver | None = None, token: Token = TOKEN) -> Package:
    path, to = make_package(hosts.directory, version)
    (driver or hosts.driver()).apply(effect("web1", version, to), path, token)
    return to


# ------------------------------------------------------------------------------------------------ the layout


def test_current_leads_to_the_release_and_its_files_are_as_packed(hosts: Hosts) -> None:
    to = deploy(hosts)
    current = hosts.path("web1") / "current"
    assert str(current.readlink()) == f"releases/1.0.0--{to.digest[:12]}"
    assert (current / "VERSION").read_text() == "1.0.0"
    assert os.access(current / "bin/serve", os.X_OK)
    assert not (current / "VERSION").stat().st_mode & 0o111


def test_the_last_releases_are_kept(hosts: Hosts) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
        deploy(hosts, version, hosts.driver(keep=2))
    assert [name.name[:5] for name in sorted((hosts.path("web1") / "releases").iterdir())] == ["1.2.0", "1.3.0"]


def test_commands_see_the_release_and_are_no_shell_text(hosts: Hosts) -> None:
    out = hosts.directory / "seen"
    code = "import json,os,sys;json.dump([sys.argv[2:],os.getcwd(),dict(os.environ)],open(sys.argv[1],'w'))"
    argv = [sys.executable, "-I", "-S", "-c", code, str(out), "{host} {version}; echo $HOME", "{path}", '{"a": 1}']
    to = deploy(hosts, driver=hosts.driver(restart=argv))
    arguments, directory, environment = json.loads(out.read_text())
    root = str(hosts.path("web1"))
    assert arguments == ["web1 1.0.0; echo $HOME", root, '{"a": 1}']
    assert directory == f"{root}/releases/1.0.0--{to.digest[:12]}"
    assert (environment["TIDEGATE_HOST"], environment["TIDEGATE_VERSION"], environment["TIDEGATE_PATH"]) == (
        "web1",
        "1.0.0",
        root,
    )


def test_what_is_rendered_is_what_is_run(hosts: Hosts) -> None:
    to = make_package(hosts.directory, "1.0.0")[1]
    steps = hosts.driver().render([effect("web1", "s1", to)])
    assert [step.verb for step in steps] == ["receive", "unpack", "switch", "restart", "health", "prune"]
    restart = next(step for step in steps if step.verb == "restart")
    assert restart.argv == ("/bin/sh", str(hosts.directory / "restart.sh"), str(hosts.path("web1")), "1.0.0")
    assert to.digest in steps[0].sentence


def test_a_daemon_that_the_restart_leaves_behind_does_not_hold_the_driver(hosts: Hosts) -> None:
    code = "import subprocess,sys;p=subprocess.Popen(['sleep','300']);open(sys.argv[1],'w').write(str(p.pid))"
    pid = hosts.directory / "pid"
    deploy(
        hosts, driver=hosts.driver(restart=[sys.executable, "-I", "-S", "-c", code, str(pid)], restart_timeout="20s")
    )
    os.kill(int(pid.read_text()), signal.SIGKILL)  # raises where it did not outlive its agent


# ------------------------------------------------------------------------------------------------ what goes wrong


def test_a_restart_that_fails_is_told_with_its_last_words(hosts: Hosts) -> None:
    deploy(hosts)
    path, to = make_package(hosts.directory, "1.1.0", {"broken-restart": ""})
    one = effect("web1", "s2", to)
    seen = hosts.driver().apply(one, path, TOKEN)
    assert (seen.last_stage, judge(one, seen, TOKEN)) == (Stage.RESTART_FAILED, Finding.FAILED)
    assert "ended with status 3: it will not start" in seen.detail
    assert hosts.driver().apply(one, path, TOKEN) == seen
    assert hosts.restarts("web1") == ["1.0.0", "1.1.0"]


def test_a_restart_that_hangs_is_stopped(hosts: Hosts) -> None:
    path, to = make_package(hosts.directory, "1.0.0")
    seen = hosts.driver(restart=["sleep", "100"], restart_timeout="200ms").apply(effect("web1", "s1", to), path, TOKEN)
    assert seen.last_stage is Stage.RESTART_FAILED
    assert "sleep took longer than 0.2 s and was stopped" in seen.detail


def test_a_rollback_does_not_wait_for_a_restart_that_hangs(hosts: Hosts) -> None:
    """The higher token is remembered at once; the act under the lower one gives way."""
    old = deploy(hosts)
    path, to = make_package(hosts.directory, "1.1.0")
    hanging = hosts.driver(restart=["sleep", "1000"], restart_timeout="900s")
    failures: list[Exception] = []

    def hang() -> None:
        try:
            hanging.apply(effect("web1", "s2", to), path, TOKEN)
        except TargetError as error:
            failures.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    journal = hosts.path("web1") / ".tidegate/journal.jsonl"
    wait_until(lambda: '"restarting", "to": "1.1.0' in journal.read_text())
    seen = hosts.driver().apply(effect("web1", "back", old, act=Act.RESTORE), None, LATER)
    thread.join()
    assert old.same_as(seen.running)
    assert seen.token == LATER
    assert hosts.restarts("web1") == ["1.0.0", "1.0.0"]


def test_a_rollback_does_not_wait_for_health_that_never_comes(hosts: Hosts) -> None:
    old = deploy(hosts)
    path, to = make_package(hosts.directory, "bad-1.1.0")
    failures: list[Exception] = []

    def wait_for_health() -> None:
        try:
            hosts.driver(health_timeout="900s").apply(effect("web1", "s2", to), path, TOKEN)
        except FencedError as error:
            failures.append(error)

    thread = threading.Thread(target=wait_for_health)
    thread.start()
    journal = hosts.path("web1") / ".tidegate/journal.jsonl"
    wait_until(lambda: '"restarted", "to": "bad-1.1.0' in journal.read_text())
    seen = hosts.driver().apply(effect("web1", "back", old, act=Act.RESTORE), None, LATER)
    thread.join()
    assert old.same_as(seen.running)
    assert "is outranked by" in str(failures[0])


def test_while_an_act_is_under_way_a_unit_is_busy(hosts: Hosts) -> None:
    deploy(hosts)
    path, to = make_package(hosts.directory, "1.1.0")
    gate = hosts.directory / "gate"
    waiting = ["/bin/sh", "-c", 'while [ ! -e "$1" ]; do sleep 0.02; done', "wait", str(gate)]
    thread = threading.Thread(target=hosts.driver(restart=waiting).apply, args=(effect("web1", "s2", to), path, TOKEN))
    thread.start()
    journal = hosts.path("web1") / ".tidegate/journal.jsonl"
    wait_until(lambda: '"restarting", "to": "1.1.0' in journal.read_text())
    seen = hosts.driver(observe_wait_s=0.05).observe("web1")
    assert (seen.busy, seen.running) == (True, Presence.UNSEEN)
    assert judge(effect("web1", "s2", to), seen, TOKEN) is Finding.IN_DOUBT
    gate.touch()
    complete = hosts.driver().observe("web1")  # waits, and so sees the act complete
    thread.join()
    assert judge(effect("web1", "s2", to), complete, TOKEN) is Finding.CONFIRMED


def test_a_changed_file_is_no_longer_the_version(hosts: Hosts) -> None:
    path, to = make_package(hosts.directory, "1.0.0")
    hosts.driver().apply(effect("web1", "s1", to), path, TOKEN)
    served = hosts.path("web1") / "current/bin/serve"
    served.write_text("#!/bin/sh -x\n")
    seen = hosts.driver().observe("web1")
    assert seen.running is Presence.FOREIGN
    assert "bin/serve was changed" in seen.detail
    with pytest.raises(TargetError, match="bin/serve was changed, and no package was given"):
        hosts.driver().apply(effect("web1", "s2", to), None, TOKEN)
    assert to.same_as(hosts.driver().apply(effect("web1", "s3", to), path, TOKEN).running)
    assert served.read_text() == "#!/bin/sh\n"
    (hosts.path("web1") / "current/VERSION").unlink()
    assert "VERSION was removed" in hosts.driver().observe("web1").detail


def test_what_the_program_writes_beside_its_files_is_its_own(hosts: Hosts) -> None:
    to = deploy(hosts)
    (hosts.path("web1") / "current/cache.bin").write_text("made while running")
    assert to.same_as(hosts.driver().observe("web1").running)


def test_a_directory_belongs_to_one_component_and_environment(hosts: Hosts) -> None:
    deploy(hosts)
    other = HostDriver(Target("blog", "production"), HostSettings.model_validate(hosts.settings()))
    with pytest.raises(TargetError, match="belongs to shop in production") as raised:
        other.write_way_back("web1", b"{}", LATER)
    assert raised.value.remedy == "Give each component and environment a directory of its own."
    assert hosts.driver().observe("web1").token == TOKEN


def test_without_a_stop_command_nothing_is_removed(hosts: Hosts) -> None:
    deploy(hosts)
    driver = hosts.driver(stop=None)
    assert not driver.abilities.remove
    with pytest.raises(UsageError, match="shop cannot be removed from web1: the policy has no stop command"):
        driver.render([effect("web1", "gone", None)])


def test_a_package_that_is_not_there_is_not_found(hosts: Hosts) -> None:
    to = make_package(hosts.directory, "1.0.0")[1]
    with pytest.raises(NotFoundError, match=r"the package .*gone.tar.gz cannot be read"):
        hosts.driver().apply(effect("web1", "s1", to), hosts.directory / "gone.tar.gz", TOKEN)


def test_a_key_is_for_one_version(hosts: Hosts) -> None:
    deploy(hosts)
    path, to = make_package(hosts.directory, "1.1.0")
    with pytest.raises(TargetError, match=r"key r1:1.0.0:web1:1 was for 1.0.0--\w+ before, and is for 1.1.0--"):
        hosts.driver().apply(effect("web1", "1.0.0", to), path, TOKEN)


def test_a_journal_line_torn_by_a_power_cut_counts_for_nothing(hosts: Hosts) -> None:
    to = deploy(hosts)
    with (hosts.path("web1") / ".tidegate/journal.jsonl").open("a") as journal:
        journal.write('{"key": "r9:s1:web1:1", "stage": "recei')
    assert hosts.driver().observe("web1").last_key == "r1:1.0.0:web1:1"
    deploy(hosts, "1.1.0")
    assert hosts.driver().observe("web1").last_key == "r1:1.1.0:web1:1"
    assert to in hosts.driver().observe("web1").kept


def test_a_program_that_the_host_lacks_is_found_before_the_rollout(hosts: Hosts) -> None:
    ready = hosts.driver(restart=["no-such-program-anywhere"]).online("web1")
    assert (ready.ready, ready.remedy) == (False, "Install it, or correct the policy.")
    assert "there is no program no-such-program-anywhere" in ready.detail
    assert not hosts.path("web1").exists()


def test_a_directory_that_may_not_be_written_is_told(hosts: Hosts) -> None:
    settings = hosts.settings(hosts=[{"name": "web1", "path": "/proc/tidegate"}])
    driver = HostDriver(TARGET, HostSettings.model_validate(settings))
    path, to = make_package(hosts.directory, "1.0.0")
    with pytest.raises(TargetError, match=r"web1: .*/proc/tidegate: ") as raised:
        driver.apply(effect("web1", "s1", to), path, TOKEN)
    assert raised.value.remedy


# ------------------------------------------------------------------------------------------------ killed anywhere


STAGES = ["received", "unpacked", "switching", "switched", "restarting", "restarted", "healthy", "done"]


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("stage", STAGES)
def test_an_agent_killed_anywhere_is_carried_on_or_in_doubt(hosts: Hosts, stage: str, before: bool) -> None:
    """At every journal line, before and after it is written: nothing twice, and nothing said that is not so."""
    old = deploy(hosts)
    path, to = make_package(hosts.directory, "1.1.0")
    one = effect("web1", "s2", to, previous=old)
    with pytest.raises(TargetError, match="the agent ended without an answer"):
        hosts.driver(agent=dying_agent(stage, before=before)).apply(one, path, TOKEN)
    found = judge(one, hosts.driver().observe("web1"), TOKEN)
    in_doubt = (stage, before) in (("restarting", False), ("restarted", True))
    confirmed = (stage, before) == ("done", False)
    assert found is (Finding.IN_DOUBT if in_doubt else Finding.CONFIRMED if confirmed else Finding.NOT_DONE)
    seen = hosts.driver().apply(one, path, TOKEN)
    assert judge(one, seen, TOKEN) is (Finding.IN_DOUBT if in_doubt else Finding.CONFIRMED)
    assert hosts.restarts("web1").count("1.1.0") == (0 if (stage, before) == ("restarting", False) else 1)
    assert list((hosts.path("web1") / "releases").glob(".*")) == []


@pytest.mark.parametrize("stage", ["stopping", "stopped", "switching", "switched", "done"])
def test_a_removal_killed_anywhere_is_carried_on_or_in_doubt(hosts: Hosts, stage: str) -> None:
    deploy(hosts)
    gone = effect("web1", "gone", None)
    with pytest.raises(TargetError):
        hosts.driver(agent=dying_agent(stage)).apply(gone, None, TOKEN)
    seen = hosts.driver().apply(gone, None, TOKEN)
    assert judge(gone, seen, TOKEN) is (Finding.IN_DOUBT if stage == "stopping" else Finding.CONFIRMED)
    assert hosts.restarts("web1").count("stopped") == (0 if stage == "stopping" else 1)


CALLER = """
import json, sys
from pathlib import Path
from tests.support.hosts import Hosts, effect, package_of
from tidegate.core.effect import Token
hosts, gate, package = Hosts(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])
waiting = ["/bin/sh", "-c", 'while [ ! -e "$1" ]; do sleep 0.02; done; echo "$2" >> "$3.restarts"',
           "wait", gate, "{version}", "{path}"]
hosts.driver(restart=waiting).apply(effect("web1", "s1", package_of(package, "1.0.0")), package, Token(1, 1))
"""


def test_an_act_outlives_its_caller_and_is_seen_complete(hosts: Hosts) -> None:
    """SIGKILL to the caller in the middle of an apply: whoever comes next observes it complete, and repeats nothing."""
    path, to = make_package(hosts.directory, "1.0.0")
    gate = hosts.directory / "gate"
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{PROJECT / 'src'}"}
    words = [sys.executable, "-c", CALLER, str(hosts.directory), str(gate), str(path)]
    caller = subprocess.Popen(words, env=environment, cwd=PROJECT)
    journal = hosts.path("web1") / ".tidegate/journal.jsonl"
    wait_until(lambda: journal.exists() and '"restarting"' in journal.read_text())
    caller.kill()
    caller.wait()
    gate.touch()
    one = effect("web1", "s1", to)
    assert judge(one, hosts.driver().observe("web1"), TOKEN) is Finding.CONFIRMED
    hosts.driver().apply(one, path, TOKEN)
    assert hosts.restarts("web1") == ["1.0.0"]


def test_a_package_that_breaks_off_changes_nothing(hosts: Hosts) -> None:
    old = deploy(hosts)
    path, to = make_package(hosts.directory, "1.1.0", {"big": os.urandom(200_000).hex()})

    class Shrinking(type(path)):  # type: ignore[misc]
        """A file that is cut while it is sent."""

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            fields = list(super().stat(follow_symlinks=follow_symlinks))
            fields[6] += 5
            return os.stat_result(fields)

    with pytest.raises(TargetError, match="the package broke off, 5 bytes were missing"):
        hosts.driver().apply(effect("web1", "s2", to), Shrinking(path), TOKEN)
    assert old.same_as(hosts.driver().observe("web1").running)
    assert list((hosts.path("web1") / ".tidegate/incoming").iterdir()) == []


# ------------------------------------------------------------------------------------------------ no room


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB; skips where we may not mount one."""
    point = tmp_path / "small"
    point.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(point)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("only root may mount a small file system here")
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)


@pytest.mark.parametrize("content", ["incompressible", "zeros"])
def test_a_full_disk_leaves_the_previous_version_running(small_disk: Path, content: str) -> None:
    """Full while receiving (random bytes), or while unpacking (zeros, which pack well)."""
    hosts = Hosts(small_disk)
    old = deploy(hosts)
    big = os.urandom(1 << 20).hex() if content == "incompressible" else "0" * (4 << 20)
    elsewhere = small_disk.parent / "packages"
    elsewhere.mkdir()
    path, to = make_package(elsewhere, "1.1.0", {"big": big})
    with pytest.raises(TargetError, match=r"web1: no room: .*No space left on device") as raised:
        hosts.driver().apply(effect("web1", "s2", to), path, TOKEN)
    assert raised.value.remedy == "Free space on the host, then try again."
    seen = hosts.driver().observe("web1")
    assert old.same_as(seen.running)
    assert hosts.restarts("web1") == ["1.0.0"]
    path, to = make_package(elsewhere, "1.2.0")
    assert to.same_as(hosts.driver().apply(effect("web1", "s3", to), path, TOKEN).running)


def test_a_file_that_may_not_grow_is_no_room_either(hosts: Hosts) -> None:
    """A limit on the size of files, as hosts set for their users; needs no rights to test."""
    old = deploy(hosts)
    limited = (
        "\n_main = main\n"
        "def main():\n"
        "    import resource\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "    _main()\n"
    )
    path, to = make_package(hosts.directory, "1.1.0", {"big": "0" * 300_000})
    with pytest.raises(TargetError, match=r"web1: no room: .*File too large"):
        hosts.driver(agent=AGENT.read_bytes() + limited.encode()).apply(effect("web1", "s2", to), path, TOKEN)
    assert old.same_as(hosts.driver().observe("web1").running)
    assert hosts.restarts("web1") == ["1.0.0"]
    assert list((hosts.path("web1") / "releases").glob(".*")) == []


def test_on_a_full_disk_a_rollback_still_finds_room_for_its_journal(small_disk: Path) -> None:
    hosts = Hosts(small_disk)
    old = deploy(hosts)
    deploy(hosts, "1.1.0")
    quiet = hosts.driver(restart=["true"])
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"x" * 4096)
    quiet_back = quiet.apply(effect("web1", "back", old, act=Act.RESTORE), None, TOKEN)
    assert old.same_as(quiet_back.running)
    assert quiet_back.last_stage is Stage.DONE


# ------------------------------------------------------------------------------------------------ hostile packages


def hostile(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info, (b"x" if kind == tarfile.REGTYPE else b"")


LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
HOSTILE = {
    "absolute": ([member("/etc/cron.d/x")], "'/etc/cron.d/x' is not a path inside it"),
    "upwards": ([member("../../x")], "is not a path inside it"),
    "hidden upwards": ([member("a/../../x")], "is not a path inside it"),
    "backslash": ([member("..\\x")], "is not a path inside it"),
    "control": ([member("a\x1b[2Jb")], "is not a path inside it"),
    "device": ([member("null", tarfile.CHRTYPE)], "'null' is neither file, directory nor link"),
    "pipe": ([member("fifo", tarfile.FIFOTYPE)], "'fifo' is neither file, directory nor link"),
    "absolute link": ([member("etc", LINK, "/etc")], "'etc' links outside"),
    "link upwards": ([member("up", LINK, "../..")], "'up' links outside"),
    "through a link": (
        [member("d", tarfile.DIRTYPE), member("l", LINK, "d"), member("l/x")],
        "directory and something",
    ),
    "chain": (
        [member("x/y", tarfile.DIRTYPE), member("x/y/z", LINK, "../.."), member("w", LINK, "x/y/z/..")],
        "outside",
    ),
    "hard link": ([member("h", HARD, "../../../etc/passwd")], "is not a path inside it"),
    "hard link to none": ([member("h", HARD, "none")], "'h' is a hard link to what is no file before it"),
    "twice": ([member("a"), member("a")], "'a' is in it twice"),
    "file as directory": ([member("a"), member("a/b")], "'a' is a directory and something else"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_package_is_refused_and_changes_nothing(hosts: Hosts, name: str) -> None:
    old = deploy(hosts)
    members, sentence = HOSTILE[name]
    path = hostile(hosts.directory / "hostile.tar.gz", *members)
    before = sorted(str(one) for one in hosts.directory.rglob("*") if ".tidegate" not in str(one))
    with pytest.raises(TargetError, match="the package was refused: ") as raised:
        hosts.driver().apply(effect("web1", "s2", package_of(path, "6.6.6")), path, TOKEN)
    assert sentence in raised.value.what
    assert old.same_as(hosts.driver().observe("web1").running)
    assert sorted(str(one) for one in hosts.directory.rglob("*") if ".tidegate" not in str(one)) == before


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b\x08\x00garbage garbage"])
def test_what_is_no_package_is_refused(hosts: Hosts, content: bytes) -> None:
    path = hosts.directory / "x.tar.gz"
    path.write_bytes(content)
    with pytest.raises(TargetError, match="the package was refused: it is not a gzipped tar"):
        hosts.driver().apply(effect("web1", "s1", package_of(path, "1.0.0")), path, TOKEN)


def test_a_bomb_is_refused_at_the_limit(hosts: Hosts) -> None:
    path, to = make_package(hosts.directory, "1.0.0", {"zeros": "0" * 5_000_000})
    with pytest.raises(TargetError, match="it is larger unpacked than the target allows"):
        hosts.driver(max_unpacked=1_000_000).apply(effect("web1", "s1", to), path, TOKEN)


def test_links_inside_and_hard_links_are_unpacked(hosts: Hosts) -> None:
    members = [member("data/a"), member("data/b", HARD, "data/a"), member("latest", LINK, "data/a")]
    path = hostile(hosts.directory / "links.tar.gz", *members)
    one = effect("web1", "s1", package_of(path, "1.0.0"))
    assert judge(one, hosts.driver().apply(one, path, TOKEN), TOKEN) is Finding.CONFIRMED
    current = hosts.path("web1") / "current"
    assert (current / "latest").read_text() == (current / "data/b").read_text() == "x"
    assert (current / "data/a").stat().st_nlink == 1


# ------------------------------------------------------------------------------------------------ adopting


def test_adopting_a_plain_directory_keeps_a_copy_and_touches_nothing(hosts: Hosts) -> None:
    root = hosts.path("web1")
    (root / "lib").mkdir(parents=True)
    (root / "index.html").write_text("by hand")
    (root / "lib/run").write_text("#!/bin/sh\n")
    (root / "lib/run").chmod(0o750)
    (root / "shared").symlink_to("/srv/shared")
    adopted = hosts.driver().adopt("web1", "0.9.0", TOKEN)
    assert isinstance(adopted.running, Package)
    current = root / "current"
    assert (current / "index.html").read_text() == (root / "index.html").read_text() == "by hand"
    assert (current / "lib/run").stat().st_mode & 0o777 == 0o750
    assert str((current / "shared").readlink()) == "/srv/shared"
    assert hosts.restarts("web1") == []
    assert hosts.driver().adopt("web1", "0.9.0", TOKEN) == adopted


def test_adopting_what_current_leads_to_points_it_at_the_copy(hosts: Hosts) -> None:
    root, old = hosts.path("web1"), hosts.directory / "by-hand"
    old.mkdir()
    (old / "app").write_text("0.9")
    root.mkdir()
    (root / "current").symlink_to(old)
    adopted = hosts.driver().adopt("web1", "0.9.0", TOKEN).running
    assert isinstance(adopted, Package)
    shutil.rmtree(old)
    assert (root / "current/app").read_text() == "0.9"
    assert adopted.same_as(hosts.driver().observe("web1").running)


def test_the_same_files_are_adopted_as_the_same_version_everywhere(hosts: Hosts) -> None:
    for unit in ("web1", "web2"):
        hosts.path(unit).mkdir()
        (hosts.path(unit) / "app").write_text("0.9")
    first, second = (hosts.driver().adopt(unit, "0.9.0", TOKEN).running for unit in ("web1", "web2"))
    assert isinstance(first, Package)
    assert first.same_as(second)


def test_a_current_that_is_no_link_is_refused_with_the_way_out(hosts: Hosts) -> None:
    (hosts.path("web1") / "current").mkdir(parents=True)
    with pytest.raises(TargetError, match="current is not a link") as raised:
        hosts.driver().adopt("web1", "0.9.0", TOKEN)
    assert raised.value.remedy == "Rename the directory, and make current a link to it."


# ------------------------------------------------------------------------------------------------ health


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers 200 and 1.0.0 to /ok, 500 to all else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ok" else 500)
        self.end_headers()
        self.wfile.write(b"version 1.0.0")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("check", "expected", "why"),
    [
        ({"url": "/ok"}, Health.YES, ""),
        ({"url": "/ok", "contains": "version {version}"}, Health.YES, ""),
        ({"url": "/ok", "contains": "2.0.0"}, Health.NO, "answered without '2.0.0'"),
        ({"url": "/bad"}, Health.NO, "answered 500"),
        ({"url": "/bad", "status": 500}, Health.YES, ""),
    ],
)
def test_health_over_http(hosts: Hosts, site: str, check: dict[str, str], expected: Health, why: str) -> None:
    driver = hosts.driver(health={**check, "url": site + check["url"]})
    deploy(hosts, driver=driver)
    seen = driver.observe("web1")
    assert seen.healthy is expected
    assert why in seen.detail
    assert driver.health("web1") is expected


def test_nobody_answering_is_unhealthy_and_no_check_cannot_tell(hosts: Hosts) -> None:
    deploy(hosts)
    assert hosts.driver(health={"url": "http://127.0.0.1:1/"}).health("web1") is Health.NO
    assert hosts.driver(health=None).health("web1") is Health.CANNOT_TELL
    assert hosts.driver(health={"command": ["no-such-program-anywhere"]}).health("web1") is Health.CANNOT_TELL


# ------------------------------------------------------------------------------------------------ the agent itself


def test_the_agent_is_python_3_7_and_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(AGENT.read_text(), feature_version=(3, 7))
    imported = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    names = {one.module or "" for one in imported if isinstance(one, ast.ImportFrom)}
    names |= {alias.name for one in imported if isinstance(one, ast.Import) for alias in one.names}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


# ------------------------------------------------------------------------------------------------ a host that lies


@pytest.mark.parametrize(
    "answer", ["print('{\"result\": {}}')", 'print(\'{"result": {"running": 1}}\')', "print('[]')", "sys.exit(1)"]
)
def test_an_answer_that_is_none_is_an_error_not_a_crash(hosts: Hosts, answer: str) -> None:
    path, to = make_package(hosts.directory, "1.0.0")
    liar = hosts.driver(agent=f"import sys\ndef main(): {answer}\n".encode())
    with pytest.raises(TargetError, match=r"is no observation|ended without an answer"):
        liar.apply(effect("web1", "s1", to), path, TOKEN)


def test_a_version_of_the_same_name_with_other_bytes_is_another_release(hosts: Hosts) -> None:
    first = deploy(hosts)
    path, second = make_package(hosts.directory, "1.0.0", {"more": "x"})
    seen = hosts.driver().apply(effect("web1", "s2", second, previous=first), path, TOKEN)
    assert second.same_as(seen.running)
    assert {first, second} == set(seen.kept)
    assert not replace(second, digest=first.digest).same_as(seen.running)
