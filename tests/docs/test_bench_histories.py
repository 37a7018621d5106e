"""The long histories of the benchmarks: of the shape they were asked for, and always the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.histories import MODULES, TINY_SHAPE, Shape, add_tags, git, kept, long_message, make, without_blobs
from tidegate.core.version import TagFormat
from tidegate.git.repository import open_repository


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(TINY_SHAPE, tmp_path_factory.mktemp("histories") / "tiny")


def test_a_history_has_the_shape_that_was_asked_for(history: Path) -> None:
    assert int(git(history, "rev-list", "--count", "HEAD")) == TINY_SHAPE.commits
    assert int(git(history, "rev-list", "--count", "--merges", "HEAD")) == TINY_SHAPE.merges
    tags = git(history, "tag").split()
    of_modules = [tag for tag in tags if not re.match(r"v[0-9]", tag)]
    assert (len(tags) - len(of_modules), len(of_modules)) == (TINY_SHAPE.releases, TINY_SHAPE.module_releases)
    formats = [TagFormat("v{version}"), *(TagFormat(f"{module}-v{{version}}") for module in MODULES)]
    assert all(any(form.match(tag) for form in formats) for tag in tags)
    assert git(history, "status", "--porcelain") == ""
    assert (history / ".git" / "objects" / "info" / "commit-graph").exists()


def test_something_is_not_released_yet_and_the_last_release_is_final(history: Path) -> None:
    last = git(history, "describe", "--tags", "--match", "v*").split("-")
    assert len(last) == 3, "a tag, commits since, and a name"
    assert int(last[1]) > 0
    for module in MODULES:
        assert git(history, "rev-list", "--count", "HEAD", "--", f"modules/{module}") != "0"


def test_the_same_shape_is_the_same_history_and_another_seed_another(history: Path, tmp_path: Path) -> None:
    again = make(TINY_SHAPE, tmp_path / "again")
    assert git(again, "show-ref") == git(history, "show-ref")
    other = make(Shape(commits=120, merges=20, releases=9, module_releases=13, seed=5), tmp_path / "other")
    assert git(other, "rev-parse", "HEAD") != git(history, "rev-parse", "HEAD")


def test_a_history_is_made_once_and_kept(tmp_path: Path) -> None:
    first = kept(TINY_SHAPE, tmp_path)
    (first / "mark").write_text("kept")
    assert kept(TINY_SHAPE, tmp_path) == first
    assert (first / "mark").exists()
    assert [path.name for path in tmp_path.iterdir()] == [TINY_SHAPE.name], "nothing unfinished is left"


def test_a_shape_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="each merge needs a topic and a commit beside it"):
        Shape(commits=10, merges=9)


def test_a_clone_without_blobs_has_none(history: Path, tmp_path: Path) -> None:
    clone = without_blobs(history, tmp_path / "blobless")
    assert git(clone, "rev-parse", "HEAD") == git(history, "rev-parse", "HEAD")
    held = git(clone, "cat-file", "--batch-check=%(objecttype)", "--batch-all-objects").split()
    assert set(held) <= {"commit", "tree", "tag"}


def test_many_tags_are_there_for_git(history: Path, tmp_path: Path) -> None:
    folder = make(TINY_SHAPE, tmp_path / "tagged")
    before, commit = set(git(folder, "show-ref", "-d").split("\n")), git(folder, "rev-parse", "HEAD")
    add_tags(folder, [f"x{number}" for number in range(1000)], commit)
    repository = open_repository(folder)
    ours = [tag.target for tag in repository.all_tags() if tag.name.startswith("x")]
    assert ours == [commit] * 1000
    assert before < set(git(folder, "show-ref", "-d").split("\n")), "what was there stays"
    assert len(long_message(1_000_000)) > 1_000_000
