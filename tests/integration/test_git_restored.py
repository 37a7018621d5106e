"""A merge that was released, taken back by a release, and comes back: it asks for what it had brought."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tidegate.core.version import TagFormat
from tidegate.git import calls
from tidegate.git.history import Source, unreleased
from tidegate.git.releases import read_releases
from tidegate.git.repository import open_repository
from tidegate.orchestration.notes import Asked, gather, scope_of

V = TagFormat("v{version}")
Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Runs Git in a repository of its own; answers what it said."""

    def run(*words: str) -> str:
        named = ["git", "-c", "user.name=Alice", "-c", "user.email=alice@example.org", *words]
        return subprocess.run(named, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "-q", "-b", "main")
    return run


def change(git: Git, folder: Path, message: str, file: str) -> None:
    """Commit a new file."""
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(message)
    git("add", "-A")
    git("commit", "-qm", message)


def merged_released_and_taken_back(git: Git, folder: Path, brought: dict[str, str]) -> None:
    """A merge of some commits, by file, in v1.0.0; its revert in v1.0.1."""
    change(git, folder, "feat: begin", "a")
    git("switch", "-qc", "topic")
    for file, message in brought.items():
        change(git, folder, message, file)
    git("switch", "-q", "main")
    git("merge", "-q", "--no-ff", "-m", "Merge branch 'topic'", "topic")
    git("tag", "v1.0.0")
    git("revert", "-m1", "--no-edit", "HEAD")
    git("tag", "v1.0.1")


@pytest.mark.parametrize(
    ("brought", "becomes", "kind"),
    [
        ({"b": "fix: one", "c": "feat: two", "d": "docs: three"}, "1.1.0", "feat"),
        ({"b": "feat!: one", "c": "feat: two"}, "2.0.0", "feat"),
        ({"b": "fix: one"}, "1.0.2", "fix"),
        ({"b": "docs: one"}, "1.0.2", "revert"),
    ],
)
@pytest.mark.parametrize("title", ["Reapply \"Merge branch 'topic'\"", ""])
def test_it_asks_for_the_largest_that_it_had_brought(
    git: Git, tmp_path: Path, brought: dict[str, str], becomes: str, kind: str, title: str
) -> None:
    merged_released_and_taken_back(git, tmp_path, brought)
    git("revert", "--no-edit", "HEAD")
    if title:
        git("commit", "-q", "--amend", "-m", title, "-m", git("log", "-1", "--format=%b"))
    history = unreleased(open_repository(tmp_path), ".", (), V)
    assert str(history.next().version) == becomes
    assert [one.kind for one in history.changes] == [kind]
    assert "Merge branch 'topic'" in history.changes[0].summary


def test_notes_and_changelog_tell_it_as_the_next_version_does(git: Git, tmp_path: Path) -> None:
    merged_released_and_taken_back(git, tmp_path, {"b": "feat: two"})
    git("revert", "--no-edit", "HEAD")
    git("tag", "v1.1.0")
    repository = open_repository(tmp_path)
    told = gather(repository, scope_of(repository, None, "", (), V), Asked(until="v1.1.0"), datetime.now(UTC)).told
    assert [one.kind for one in told.changes] == ["feat"]
    (first, *_) = (one for one in read_releases(repository, Source(".", V)) if one.version is not None)
    assert (first.tag, [one.kind for one in first.changes]) == ("v1.1.0", ["feat"])


def test_what_it_had_brought_to_others_asks_nothing(git: Git, tmp_path: Path) -> None:
    merged_released_and_taken_back(git, tmp_path, {"api/b": "feat!: one", "web/c": "fix: two"})
    git("revert", "--no-edit", "HEAD")
    repository = open_repository(tmp_path)
    assert str(unreleased(repository, "web", (), V).next().version) == "1.0.2"
    assert str(unreleased(repository, "api", (), V).next().version) == "2.0.0"


def test_what_was_taken_back_and_brought_back_in_one_range_is_nothing(git: Git, tmp_path: Path) -> None:
    merged_released_and_taken_back(git, tmp_path, {"b": "feat: two"})
    git("tag", "-d", "v1.0.1")
    git("revert", "--no-edit", "HEAD")
    assert unreleased(open_repository(tmp_path), ".", (), V).next().version is None


@pytest.mark.parametrize("named", ["", "This reverts commit 1234567890123456789012345678901234567890."])
def test_a_claim_that_leads_nowhere_is_a_fix(git: Git, tmp_path: Path, named: str) -> None:
    merged_released_and_taken_back(git, tmp_path, {"b": "feat: two"})
    git("commit", "-q", "--allow-empty", "-m", "Reapply \"Merge branch 'topic'\"", "-m", named or "For reasons.")
    history = unreleased(open_repository(tmp_path), ".", (), V)
    assert (str(history.next().version), [one.kind for one in history.changes]) == ("1.0.2", ["revert"])


def test_thousands_of_claims_are_few_questions(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged_released_and_taken_back(git, tmp_path, {"b": "feat: two"})
    revert = git("rev-parse", "HEAD")
    claim = f"Reapply \"Merge branch 'topic'\"\n\nThis reverts commit {revert}."
    commits = [
        f"commit refs/heads/main\ncommitter A <a@example.org> {number} +0000\ndata {len(claim)}\n{claim}\n"
        for number in range(3000)
    ]
    commits[0] += f"from {revert}\n"
    stream = "\n".join(commits)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=tmp_path, input=stream.encode(), check=True)
    repository = open_repository(tmp_path)
    asked: list[Sequence[str]] = []
    start = calls.start_git

    def counted(words: Sequence[str], *rest: Any, **named: Any) -> subprocess.Popen[bytes]:
        asked.append(words)
        return start(words, *rest, **named)

    monkeypatch.setattr(calls, "start_git", counted)
    assert str(unreleased(repository, ".", (), V).next().version) == "1.1.0"
    assert len(asked) < 35
    asked.clear()
    (first, *_) = read_releases(repository, Source(".", V))
    assert {one.kind for one in first.changes} == {"feat", "revert"}
    assert len(asked) < 35
