"""`tidegate demo`, run once as a whole: what it claims, by its summary; what it leaves; what it suggests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.patience import PATIENCE_S
from tidegate.demo.services import hosts, version
from tidegate.demo.stage import command

pytestmark = pytest.mark.slow

PRODUCTION = ["web1", "web2", "web3"]


@dataclass(frozen=True)
class Played:
    """A demo that was run: where, what it printed, and the facts that it wrote down."""

    directory: Path
    exit_code: int
    out: str
    err: str
    facts: Mapping[str, Any]

    def running(self) -> list[Path]:
        """The hosts of this demo whose service runs."""
        return [host for host, port in hosts(self.directory) if serving(port)]


def serving(port: str) -> bool:
    """Whether a process of the sample service holds this port."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"billing.server" in words and port.encode() in words:
            return True
    return False


def play(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command(), "demo", directory.name], cwd=directory.parent, capture_output=True, text=True)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    directory = tmp_path_factory.mktemp("a place with spaces") / "demo run"
    done = play(directory)
    facts = json.loads((directory / "summary.json").read_text())
    yield Played(directory, done.returncode, done.stdout, done.stderr, facts)
    subprocess.run([sys.executable, directory / "services", "stop"], capture_output=True)


def test_it_goes_to_its_end(played: Played) -> None:
    assert (played.exit_code, played.facts["ok"]) == (0, True), played.out[-3000:] + played.err
    assert "failed" not in played.facts


def test_the_real_answer_is_a_tuesday_at_ten_that_is_due_after_the_notice(played: Played) -> None:
    answer = played.facts["real_answer"]
    assert (answer["version"], answer["type"]) == ("1.1.0", "minor")
    moment = datetime.fromisoformat(answer["next_possible"]).astimezone(ZoneInfo("America/Los_Angeles"))
    assert moment.strftime("%A %H:%M") == "Tuesday 10:00"
    assert (moment.date() - date(2026, 2, 10)).days % 14 == 0
    waits = {rule: datetime.fromisoformat(at) for rule, at in answer["waits"].items()}
    soak, notice = waits["soak.staging"], waits["notice"]
    assert notice - soak == timedelta(days=6)
    assert notice <= moment <= notice + timedelta(days=14, hours=1)
    assert f"on {moment:%A, %-d %B %Y at %H:%M}" in " ".join(played.out.split())


def test_the_rehearsal_is_marked_and_changes_times_alone(played: Played) -> None:
    changed = [line for line in played.facts["rehearsal"] if line[0] in "+-" and line[:3] not in ("+++", "---")]
    keys = [line[1:].split(":")[0].strip() for line in changed]
    pairs = ["notice", "skips", "soak", "before", "for", "every"]
    assert sorted(keys) == sorted(["rehearsal", *pairs, *pairs])
    assert "REHEARSAL: times are shortened, and no train is waited for" in played.out


def test_the_release_was_refused_for_all_that_was_missing(played: Played) -> None:
    refusal = played.facts["refusal"]
    assert refusal["verdict"] == "deny"
    assert {
        "after.staging",
        "gate.tests",
        "gate.contract-tests",
        "gate.coverage",
        "approval.module-team",
        "approval.tech-leads",
    } <= set(refusal["against"])


def test_a_commit_to_another_module_voided_nothing(played: Played) -> None:
    assert played.facts["after_approvals"] == ["after.staging"]


def test_three_people_approved_after_real_tests(played: Played) -> None:
    assert played.facts["approved_by"] == {v: ["alice", "bob", "carol"] for v in ("1.1.0", "1.2.0")}
    assert played.facts["tests"] == {"1.1.0": {"unit": 4, "contract": 7}, "1.2.0": {"unit": 7, "contract": 7}}


def test_the_good_release_reached_every_host_and_no_request_failed(played: Played) -> None:
    assert played.facts["read_back"]["production after 1.1.0"] == dict.fromkeys(PRODUCTION, "1.1.0")
    rollout = played.facts["good_rollout"]
    assert rollout["failed"] == 0
    assert rollout["requests"] > 200


def test_the_bad_release_was_taken_back_by_tidegate_itself_in_its_first_wave(played: Played) -> None:
    back = played.facts["taken_back"]
    assert (back["by"], back["touched"]) == ("tidegate", ["web1"])
    assert back["because"].startswith("Proven bad: error rate: ")
    assert played.facts["read_back"]["production after 1.2.0"] == dict.fromkeys(PRODUCTION, "1.1.0")
    assert played.facts["running"] == {"billing staging": "1.2.0", "billing production": "1.1.0"}


def test_requests_failed_only_on_the_host_with_the_bad_version_and_not_for_long(played: Played) -> None:
    harm = played.facts["harm"]
    assert (harm["hosts"], harm["versions"]) == (["web1"], ["1.2.0"])
    assert 3 <= harm["failed"] < harm["requests"] / 3
    assert 0 < harm["seconds_to_recovery"] < played.facts["took_s"]


def test_the_timeline_tells_the_way_up_and_the_way_back_in_order(played: Played) -> None:
    told = [event["what"] for event in played.facts["timeline"] if event["what"] != "customers"]
    assert told == ["rollout.started", "wave.confirmed", "rollback.started", "rollback.succeeded"]
    moments = [event["at_s"] for event in played.facts["timeline"]]
    assert moments == sorted(moments)


def test_the_record_holds(played: Played) -> None:
    assert played.facts["audit"]["holds"] is True
    assert "decisions made again: all the same" in played.out


def test_it_prints_for_a_pipe_without_colours_and_within_80_columns(played: Played) -> None:
    assert "\x1b" not in played.out
    # Long words (digests, this machine's paths) stay whole, so that they can be copied.
    own = [line for line in played.out.splitlines() if not re.search(r"[0-9a-f]{40}|export PATH=|^  cd ", line)]
    assert [line for line in own if len(line) > 80] == []


def test_nothing_is_left_running(played: Played) -> None:
    assert played.running() == []


def test_what_it_suggests_works(played: Played) -> None:
    """The printed lines, in one shell, as a reader would paste them."""
    suggestions = played.facts["suggestions"]
    for line in [*suggestions["enter"], *suggestions["go_on"]]:
        assert f"  {line}\n" in played.out
    script = "\n".join(["set -e", *suggestions["enter"], *suggestions["go_on"], "tidegate status --json"])
    done = subprocess.run(["sh", "-c", script], cwd=played.directory.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    running = json.loads(done.stdout[done.stdout.rindex("\n{") :])["running"]
    assert {(one["environment"], one["version"]) for one in running} == {("staging", "1.1.0"), ("production", "1.0.0")}
    assert {version(host) for host, _ in hosts(played.directory) if host.parent.name == "production"} == {"1.0.0"}
    assert played.running() == []


def test_ctrl_c_stops_what_it_started_and_another_run_may_begin(played: Played, tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    child = subprocess.Popen(
        [*command(), "demo", str(directory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not any(serving(port) for _, port in hosts(directory)):
        assert child.poll() is None
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130, said
    assert [host for host, port in hosts(directory) if serving(port)] == []
    assert (directory / ".tidegate-demo").is_file()


def test_a_directory_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    done = play(mine.parent)
    assert done.returncode == 6
    assert "it holds something that no demo put there" in " ".join(done.stderr.split())
    assert "name a directory that is empty or not there yet" in " ".join(done.stderr.split())
    assert [path.name for path in mine.parent.iterdir()] == ["thesis.txt"]
    assert mine.read_text() == "years of work"
