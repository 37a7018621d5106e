"""Which branches and tags have a commit, asked of a real Git."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepository
from tidegate.core.facts import Head
from tidegate.errors import RepositoryError
from tidegate.git.heads import heads
from tidegate.git.repository import open_repository


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    """Main with one commit, and a branch ``side`` with one more."""
    repository = GitRepository(tmp_path / "repository")
    repository.commit("feat: first", {"a": "1"})
    repository.tag("v1.0.0")
    repository.branch("side")
    repository.commit("feat: second", {"a": "2"})
    repository.tag("v1.1.0", message="an annotated one")
    return repository


def found(repository: GitRepository, commit: str, *references: str) -> dict[str, bool]:
    seen = heads(open_repository(repository.path), commit, references)
    return {head.name: head.contains for head in seen}


def test_a_branch_has_what_can_be_reached_from_it(made: GitRepository) -> None:
    first, second = made.git("rev-parse", "main"), made.head()
    both = ("refs/heads/main", "refs/heads/side")
    assert found(made, first, *both) == {"heads/main": True, "heads/side": True}
    assert found(made, second, *both) == {"heads/main": False, "heads/side": True}
    assert heads(open_repository(made.path), second, ["refs/heads/side"]) == (Head("heads/side", second, True),)


def test_a_tag_has_the_very_commit_that_it_is_on(made: GitRepository) -> None:
    first, second = made.git("rev-parse", "main"), made.head()
    both = ("refs/tags/v1.0.0", "refs/tags/v1.1.0")
    assert found(made, first, *both) == {"tags/v1.0.0": True, "tags/v1.1.0": False}
    assert found(made, second, *both) == {"tags/v1.0.0": False, "tags/v1.1.0": True}
    (annotated,) = heads(open_repository(made.path), second, ["refs/tags/v1.1.0"])
    assert annotated.commit == second


def test_a_folder_has_all_that_lies_in_it(made: GitRepository) -> None:
    made.git("branch", "release/v1.0.0", "main")
    made.git("branch", "release/v1.1.0", "side")
    made.git("update-ref", "refs/remotes/origin/release/v1.1.0", "main")
    second = made.head()
    assert found(made, second, "refs/heads/release", "refs/remotes/origin/release") == {
        "heads/release/v1.0.0": False,
        "heads/release/v1.1.0": True,
        "remotes/origin/release/v1.1.0": False,
    }


def test_what_is_not_there_is_not_found(made: GitRepository) -> None:
    assert found(made, made.head(), "refs/heads/other", "refs/heads/mai") == {}
    assert found(made, made.head()) == {}


def test_a_commit_that_is_not_here_is_refused(made: GitRepository) -> None:
    with pytest.raises(RepositoryError, match="there is no commit"):
        found(made, "0" * 40, "refs/heads/main")


@pytest.mark.parametrize("name", ["--exec=sh", "$(touch x)", "a b", "\u202emain"])
def test_a_strange_name_is_only_a_name(made: GitRepository, name: str, tmp_path: Path) -> None:
    assert found(made, made.head(), f"refs/heads/{name}", name) == {}
    assert not (tmp_path / "x").exists()
