"""What the changelog benchmark measures with, and that each of its tools gives an answer where it is installed."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import tomllib
from pathlib import Path

import pytest

from bench import peers
from bench.changelog import Subject, _told, last_final, own_jobs
from bench.histories import CACHE, MODULES, TINY_SHAPE, git, make, without_blobs
from bench.processes import Job, Place, Taken, median, taken_in_turns
from tests.support.gitrepo import ISOLATED
from tidegate.core.version import TagFormat
from tidegate.git.history import History, unreleased
from tidegate.git.repository import open_repository

ASKED = peers.Asked("v{version}", "v1.2.0", [(f"modules/{name}", f"{name}-v{{version}}") for name in MODULES])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path, limit_s=60.0, env=ISOLATED)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(TINY_SHAPE, tmp_path_factory.mktemp("changelog") / "tiny")


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_the_commands_of_a_job_count_together_and_its_peak_is_not_ours(place: Place) -> None:
    ours = bytearray(200 * 2**20)
    large = python("x = bytearray(60 * 2**20); print(len(x))")
    taken = place.run(Job("several", [large, python("import time; time.sleep(0.2)")]))
    assert (taken.stopped, taken.because) == (False, "")
    assert taken.wall_s > 0.2
    assert 60 <= taken.peak_mib < 120 < len(ours) / 2**20
    assert place.output_of(Job("several", [])).read_text() == f"{60 * 2**20}\n"


def test_a_job_that_takes_too_long_is_stopped_with_all_that_it_started(place: Place) -> None:
    place.limit_s = 0.5
    pid = place.folder / "pid"
    child = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    taken = place.run(Job("endless", [["sh", "-c", '"$@" & wait', "sh", *python(child)], python("print('never')")]))
    assert taken.stopped
    assert taken.because == ""
    assert place.output_of(Job("endless", [])).read_bytes() == b""
    if pid.exists() and pid.read_text():
        assert _is_gone(int(pid.read_text()))


def _is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("command", "because"),
    [
        (python("import sys; sys.exit('no such thing')"), "exit 1: no such thing"),
        (python("raise SystemExit(3)"), "exit 3: without a word"),
        (["/nonexistent/tool"], "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/tool'"),
    ],
)
def test_a_job_that_fails_says_why_and_is_not_asked_again(place: Place, command: list[str], because: str) -> None:
    counted = place.folder / "counted"
    fine = python(f"open({str(counted)!r}, 'a').write('x')")
    found = taken_in_turns(place, 3, [Job("fine", [fine]), Job("failing", [command])])
    assert len(found["fine"]) == 3
    assert counted.read_text() == "xxxx", "a round to warm up, and three"
    assert [taken.because for taken in found["failing"]] == [because]
    assert median(found["failing"]).because == because


def test_what_was_stopped_is_told_as_stopped_and_has_no_ratio() -> None:
    subject = Subject("", Path(), ASKED, has_goals=True)
    floor = Taken(0.3, 0.3, 32, stopped=False, because="")
    (row,) = _told(subject, "next", "git-cliff 2.14", Taken(60, 60, 900, stopped=True, because=""), floor, 60)
    assert (row.figure, row.unit, row.ratio, row.note) == (60_000, "ms, stopped", None, "not finished after 60 s")
    whole, peak = _told(subject, "changelog", "tidegate", Taken(0.9, 1.0, 64, stopped=False, because=""), floor, 60)
    assert (whole.name, whole.ratio, whole.goal, whole.met) == ("changelog, tidegate", 3.0, 1100, True)
    assert (peak.name, peak.figure, peak.ratio, peak.met) == ("changelog, peak", 64, 2.0, True)
    (other,) = _told(subject, "next", "commitizen 4.19", Taken(0.9, 1.0, 64, stopped=False, because=""), floor, 60)
    assert other.goal is None


def test_the_last_release_is_the_highest_final_one() -> None:
    tags = ["v1.9.0", "v1.10.0", "v2.0.0-rc.1", "billing-v9.0.0", "v7", ""]
    assert last_final(tags, "v{version}") == "v1.10.0"
    assert last_final(tags, "x{version}") is None


def test_our_own_commands_ask_every_question(tmp_path: Path) -> None:
    assert list(own_jobs(ASKED)) == list(peers.jobs_of(peers.Installed({}, {}), ASKED, tmp_path))
    assert "12 modules" not in own_jobs(peers.Asked("v{version}", "v1.0.0", []))


def test_the_peers_are_configured_for_the_same_tags(tmp_path: Path) -> None:
    folders = {name: Path("/opt") for name in peers.ENVIRONMENTS}
    asked = peers.Asked("release.v{version}", "release.v1.2.0", ASKED.modules)
    jobs = peers.jobs_of(peers.Installed(folders, {}), asked, tmp_path)
    assert {question: len(found) for question, found in jobs.items()} == {
        "changelog": 4,
        "last notes": 3,
        "next": 4,
        "12 modules": 2,
    }
    configs = {path.name: tomllib.loads(path.read_text()) for path in tmp_path.glob("*.toml")}
    pattern = re.compile(configs["cliff.toml"]["git"]["tag_pattern"])
    assert pattern.search("release.v1.2.0")
    assert not pattern.search("release-v1.2.0")
    assert configs["cz.toml"]["tool"]["commitizen"]["tag_format"] == "release.v$version"
    assert configs["psr.toml"]["semantic_release"]["tag_format"] == "release.v{version}"
    module = re.compile(configs["cliff-billing-tax-v.toml"]["git"]["tag_pattern"])
    assert module.search("billing-tax-v1.0.0")
    assert not module.search("billing-core-v1.0.0")
    asked_for = [job.commands[0][-1] for job in jobs["last notes"] if job.name.startswith("commitizen")]
    assert asked_for == ["1.2.0"]


@pytest.mark.parametrize("environment", peers.ENVIRONMENTS)
def test_a_peer_that_is_installed_answers(environment: str, history: Path, place: Place) -> None:
    there = [found.parent for found in CACHE.glob("*/complete")]
    complete = [found for found in there if re.fullmatch(rf"{environment}-[0-9a-f]{{12}}", found.name)]
    if not complete:
        pytest.skip("not installed: make bench installs it")
    git(place.folder, "clone", "--quiet", "--local", str(history), "clone")
    place.folder /= "clone"
    git(place.folder, "remote", "set-url", "origin", "https://github.com/example/example.git")
    place.env = {**ISOLATED, "GH_TOKEN": "x", "NO_COLOR": "1"}
    tags = git(history, "tag").split()
    asked = peers.Asked("v{version}", last_final(tags, "v{version}") or "", ASKED.modules)
    jobs = peers.jobs_of(peers.Installed({environment: complete[0] / "bin"}, {}), asked, place.scratch)
    failed = {(question, job.name): place.run(job).because for question, found in jobs.items() for job in found}
    assert {name: because for name, because in failed.items() if because} == {}


def test_a_clone_without_blobs_gives_the_same_answers_and_fetches_nothing(history: Path, tmp_path: Path) -> None:
    clone = without_blobs(history, tmp_path / "blobless")
    before = git(clone, "count-objects", "-v")
    for path, tag_format in (*ASKED.modules, (".", "v{version}")):
        assert _answer(clone, path, tag_format) == _answer(history, path, tag_format)
    assert git(clone, "count-objects", "-v") == before


def _answer(folder: Path, path: str, tag_format: str) -> tuple[History, str]:
    found = unreleased(open_repository(folder), path, (), TagFormat(tag_format))
    return found, json.dumps(str(found.next().version))
