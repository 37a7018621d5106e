"""Pull requests from a file, as GitHub's command writes it and as an enemy would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.core.pull_request import PullRequest
from tidegate.errors import UsageError
from tidegate.forges.registry import forge

REMEDY = "write the file with: gh pr list --state merged --json number,title,labels,mergeCommit,author,reviews"


def read(folder: Path, document: Any) -> tuple[PullRequest, ...]:
    path = folder / "pulls.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return forge(str(path)).pull_requests()


def test_what_githubs_command_prints_is_read(tmp_path: Path) -> None:
    entry = {
        "number": 7,
        "title": "feat: totals",
        "labels": [{"id": "L1", "name": "breaking", "color": "b60205"}],
        "mergeCommit": {"oid": "a" * 40},
        "author": {"login": "alice"},
        "reviews": [
            {"author": {"login": "bob"}, "state": "CHANGES_REQUESTED"},
            {"author": {"login": "bob"}, "state": "APPROVED"},
            {"author": {"login": "carol"}, "state": "APPROVED"},
            {"author": {"login": "carol"}, "state": "DISMISSED"},
            {"author": {"login": "dave"}, "state": "COMMENTED"},
        ],
    }
    assert read(tmp_path, [entry, {"number": 8, "title": "x"}]) == (
        PullRequest(7, "feat: totals", ("breaking",), "a" * 40, "alice", ("bob",)),
        PullRequest(8, "x"),
    )
    assert read(tmp_path, []) == ()


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("{", "it is no JSON: Expecting property name"),
        ("[" * 100_000, "it is no JSON: "),
        ({}, "it is no list of pull requests"),
        ([1], "entry 1 is no object"),
        ([{"title": "x"}], "entry 1 has no number"),
        ([{"number": True, "title": "x"}], "entry 1 has no number"),
        ([{"number": 10**9, "title": "x"}], "entry 1 has no number"),
        ([{"number": 1, "title": None}], "entry 1 has no title"),
        ([{"number": 1, "title": "x", "labels": {}}], "entry 1 has labels that are no list"),
        ([{"number": 1, "title": "x", "labels": [1]}], "entry 1 has a name that is no text"),
        ([{"number": 1, "title": "x", "reviews": [1]}], "entry 1 has a review that is no object"),
        ([{"number": 1, "title": "x"}] * 2, "number 1 is there twice"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, document: Any, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, document)
    assert caught.value.what.startswith(f"these are no pull requests: {what}")
    assert caught.value.remedy == REMEDY


def test_a_forge_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='there is no forge "gitea"'):
        forge("gitea:https://example.org")
    with pytest.raises(UsageError, match="the file cannot be read: No such file or directory"):
        forge(str(tmp_path / "none")).pull_requests()
