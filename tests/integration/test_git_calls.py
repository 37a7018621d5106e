"""What is asked of Git ahead, and how few questions an ordinary history needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gitstories import GitStory, checked_out
from tidegate.core.version import TagFormat
from tidegate.errors import RepositoryError, RevisionError
from tidegate.git import calls
from tidegate.git.ahead import begin_reading
from tidegate.git.history import unreleased
from tidegate.git.repository import open_repository

V = TagFormat("v{version}")
ME = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
HEAD = ("rev-parse", "--verify", "HEAD")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    with GitStory(folder) as story:
        story.tag("v1.0.0", story.commit("feat: one", {"a": "1"}))
        story.commit("fix: two", {"a": "2"})
    return checked_out(folder)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    for process in calls._ahead.values():
        process.kill()
        process.communicate()
    calls._ahead.clear()


def ran(trace: Path, folder: Path, *words: str) -> int:
    """How many processes of Git a command line starts, by Git's own trace; it ends with 0."""
    config = trace.with_suffix(".config")
    # Our environment drops GIT_* but for the user's own; so the trace is asked for by the user's configuration.
    config.write_text(f"[trace2]\n\teventTarget = {trace}\n")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": str(config)}
    done = subprocess.run([sys.executable, "-m", "tidegate", *words], cwd=folder, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    return sum(1 for line in trace.read_text().splitlines() if '"event":"start"' in line)


def test_what_was_asked_ahead_is_answered_once_and_then_asked_anew(folder: Path) -> None:
    calls.ask_ahead(HEAD, folder)
    subprocess.run(["git", *ME, "commit", "-qm", "fix: three", "--allow-empty"], cwd=folder, check=True)
    (process,) = calls._ahead.values()
    first = calls.run_git(HEAD, folder, 10)
    assert process.returncode == first.returncode == 0
    later = calls.run_git(HEAD, folder, 10)
    assert later.stdout.decode().strip() == open_repository(folder).head()
    assert first.stdout != later.stdout or process.args
    assert not calls._ahead


def test_what_was_asked_ahead_elsewhere_or_otherwise_is_no_answer(folder: Path, tmp_path: Path) -> None:
    calls.ask_ahead(HEAD, tmp_path)
    calls.ask_ahead(("rev-parse", "--verify", "v1.0.0"), folder)
    assert calls.run_git(HEAD, folder, 10).stdout.decode().strip() == open_repository(folder).head()
    assert len(calls._ahead) == 2


def test_what_fails_ahead_fails_as_it_would_have(folder: Path, tmp_path: Path) -> None:
    calls.ask_ahead(("rev-parse",), tmp_path)
    with pytest.raises(RepositoryError, match="not inside a Git repository"):
        calls.ask_git(("rev-parse",), tmp_path, 10)


def test_without_git_nothing_is_asked_ahead(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    calls.ask_ahead(HEAD, folder)
    assert not calls._ahead
    with pytest.raises(RepositoryError, match="not installed"):
        open_repository(folder)


@pytest.mark.parametrize("below", [".", "deep/er"])
def test_the_first_questions_of_a_history_are_answered_from_ahead(folder: Path, below: str) -> None:
    (folder / below).mkdir(parents=True, exist_ok=True)
    begin_reading(str(folder / below))
    repository = open_repository(folder / below)
    assert len(calls._ahead) == 1, "the tags are still to be asked for"
    commit, tags = repository.commit_and_tags("HEAD")
    assert not calls._ahead
    assert commit == repository.resolve("HEAD")
    assert [tag.name for tag in tags] == ["v1.0.0"]


def test_an_answer_that_is_larger_than_a_pipe_is_whole(folder: Path) -> None:
    head = open_repository(folder).head()
    lines = "".join(f"create refs/tags/v0.{number}.0 {head}\n" for number in range(30_000))
    subprocess.run(["git", "update-ref", "--stdin"], cwd=folder, input=lines.encode(), check=True)
    begin_reading(str(folder))
    assert len(open_repository(folder).commit_and_tags("HEAD")[1]) == 30_001


def test_an_ordinary_history_is_told_by_three_questions(folder: Path, tmp_path: Path) -> None:
    """Where it is, its tags, its log; notes look for fragments too."""
    assert ran(tmp_path / "version", folder, "version", "--tag-format", "v{version}") == 3
    assert ran(tmp_path / "notes", folder, "notes", "--tag-format", "v{version}") == 4
    subprocess.run(["git", "tag", "v1.0.1"], cwd=folder, check=True)
    assert ran(tmp_path / "last", folder, "notes", "--to", "v1.0.1", "--tag-format", "v{version}") == 4


def test_a_highest_tag_that_leads_to_a_file_is_passed_over(folder: Path) -> None:
    subprocess.run(["git", "tag", "v9.0.0", "HEAD:a"], cwd=folder, check=True)
    history = unreleased(open_repository(folder), ".", (), V)
    assert (str(history.current), str(history.next().version)) == ("1.0.0", "1.0.1")


@pytest.mark.parametrize("name", ["v9.0.0", "refs/tags/v9.0.0"])
def test_a_tag_of_a_file_is_no_revision(folder: Path, name: str) -> None:
    subprocess.run(["git", "tag", "v9.0.0", "HEAD:a"], cwd=folder, check=True)
    with pytest.raises(RevisionError, match="no commit"):
        unreleased(open_repository(folder), ".", (), V, name)
    for words in (["version", "--at", name], ["notes", "--to", name], ["notes", "--from", "v1.0.0", "--to", name]):
        done = subprocess.run(
            [sys.executable, "-m", "tidegate", *words, "--tag-format", "v{version}"], cwd=folder, capture_output=True
        )
        assert done.returncode == 5, (words, done.stdout, done.stderr)
        assert b"no commit" in done.stderr


def test_a_highest_version_that_was_not_merged_is_not_the_last_release(folder: Path) -> None:
    for words in (
        ["switch", "-qc", "other", "v1.0.0"],
        ["commit", "-qm", "feat!: x", "--allow-empty"],
        ["tag", "v2.0.0"],
    ):
        subprocess.run(["git", *ME, *words], cwd=folder, check=True)
    history = unreleased(open_repository(folder), ".", (), V, "main")
    assert (str(history.current), [tag.name for tag in history.skipped]) == ("1.0.0", ["v2.0.0"])


def test_a_tag_is_told_from_what_git_finds_before_it(folder: Path) -> None:
    """A bare name is one of Git's own first: a tag ``stash`` or ``heads/main`` does not hide these."""
    repository = open_repository(folder)
    head, first = repository.head(), repository.resolve("v1.0.0")
    for tag in ("stash", "heads/main", head[:7], "release-1.2"):
        subprocess.run(["git", "tag", tag, first], cwd=folder, check=True)
    subprocess.run(["git", "update-ref", "refs/stash", head], cwd=folder, check=True)
    subprocess.run(["git", "branch", "release-1.2", head], cwd=folder, check=True)
    for name in ("stash", "heads/main", head[:7], "release-1.2", "refs/tags/stash", "refs/heads/main"):
        asked = ["git", "rev-parse", "-q", "--verify", f"{name}^{{commit}}"]
        said = subprocess.run(asked, cwd=folder, check=True, capture_output=True).stdout.decode().strip()
        assert repository.commit_and_tags(name)[0] == said, name
