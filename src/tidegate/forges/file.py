"""Pull requests from a file that a CI job writes: the list that GitHub's own command prints.

    gh pr list --state merged --limit 1000 --json number,title,labels,mergeCommit,author,reviews > pulls.json

Of each, ``number`` and ``title`` must be there; ``labels`` may be names or objects with a ``name``, ``mergeCommit`` a
name or an object with an ``oid``, ``author`` a name or an object with a ``login``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tidegate.core.pull_request import PullRequest
from tidegate.errors import UsageError

_FIELDS = "number,title,labels,mergeCommit,author,reviews"
MAX_BYTES = 64 << 20
"""The most that a file may hold."""


class FileForge:
    """Reads a file once, when it is asked."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def pull_requests(self) -> tuple[PullRequest, ...]:
        """All that the file lists; see :class:`tidegate.forges.contract.Forge`."""
        found: dict[int, PullRequest] = {}
        for place, entry in self._entries():
            pull = self._pull(place, entry)
            if pull.number in found:
                self._wrong(f"number {pull.number} is there twice")
            found[pull.number] = pull
        return tuple(found.values())

    def _entries(self) -> Iterator[tuple[str, Any]]:
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UsageError(
                f"the file cannot be read: {error.strerror}", where=str(self._path), remedy="name a file that is there"
            ) from error
        if len(content) > MAX_BYTES:
            self._wrong(f"it has more than {MAX_BYTES} bytes")
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            self._wrong(f"it is no JSON: {str(error)[:200]}")
        if not isinstance(document, list):
            self._wrong("it is no list of pull requests")
        yield from ((f"entry {number}", entry) for number, entry in enumerate(document, start=1))

    def _pull(self, place: str, entry: Any) -> PullRequest:
        if not isinstance(entry, dict):
            self._wrong(f"{place} is no object")
        number, title = entry.get("number"), entry.get("title")
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 10**9:
            self._wrong(f"{place} has no number")
        if not isinstance(title, str):
            self._wrong(f"{place} has no title")
        return PullRequest(
            number=number,
            title=title,
            labels=tuple(self._named(place, label, "name") for label in self._list(place, entry, "labels")),
            merged_as=self._named(place, entry.get("mergeCommit"), "oid"),
            author=self._named(place, entry.get("author"), "login"),
            approved_by=self._approvals(place, entry),
        )

    def _approvals(self, place: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
        """Who approved last: of one person's reviews the last that is a yes or a no counts."""
        last: dict[str, str] = {}
        for review in self._list(place, entry, "reviews"):
            if not isinstance(review, dict):
                self._wrong(f"{place} has a review that is no object")
            if review.get("state") in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}:
                last[self._named(place, review.get("author"), "login")] = review["state"]
        return tuple(name for name, state in last.items() if state == "APPROVED" and name)

    def _list(self, place: str, entry: Mapping[str, Any], key: str) -> list[Any]:
        found = entry.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            self._wrong(f"{place} has {key} that are no list")
        return list(found)

    def _named(self, place: str, value: Any, key: str) -> str:
        inner = value.get(key) if isinstance(value, dict) else value
        if inner is None:
            return ""
        if not isinstance(inner, str):
            self._wrong(f"{place} has a {key} that is no text")
        return inner

    def _wrong(self, what: str) -> NoReturn:
        raise UsageError(
            f"these are no pull requests: {what}",
            where=str(self._path),
            remedy=f"write the file with: gh pr list --state merged --json {_FIELDS}",
        )
