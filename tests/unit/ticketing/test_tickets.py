"""Tickets from a file: the one that is named, or a refusal that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import NotFoundError, TidegateError, UsageError
from tidegate.ticketing.contract import Ticket
from tidegate.ticketing.registry import tickets

GOOD = {"name": "CHG-7", "title": "Pay by card", "status": "approved", "url": "https://tickets.example/7"}


def written(directory: Path, document: Any) -> str:
    path = directory / "tickets.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


@pytest.mark.parametrize("prefix", ["", "file:"])
def test_the_ticket_of_that_name(tmp_path: Path, prefix: str) -> None:
    system = tickets(prefix + written(tmp_path, [{"name": "CHG-6", "title": "Other"}, GOOD]))
    assert system.ticket("CHG-7") == Ticket(**GOOD)
    assert system.ticket("CHG-6") == Ticket("CHG-6", "Other")


@pytest.mark.parametrize(
    ("document", "kind", "sentence"),
    [
        ([], NotFoundError, 'there is no ticket "CHG-7"'),
        ("<html>", UsageError, "these are no tickets: it is no JSON"),
        ("[" * 200_000, UsageError, "these are no tickets: it is no JSON"),
        ({}, UsageError, "these are no tickets: it is no list of tickets"),
        ([GOOD, GOOD], UsageError, 'the ticket "CHG-7" is there twice'),
        (["CHG-7"], UsageError, "entry 1 is no object"),
        ([{"title": "x"}], UsageError, "entry 1 has no name"),
        ([{"name": "CHG-7"}], UsageError, "entry 1 has no title"),
        ([{**GOOD, "status": 7}], UsageError, "entry 1 has a status that is no text"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, document: Any, kind: type[TidegateError], sentence: str) -> None:
    with pytest.raises(kind) as caught:
        tickets(written(tmp_path, document)).ticket("CHG-7")
    assert sentence in caught.value.what
    assert caught.value.remedy


def test_a_file_or_a_system_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the file cannot be read: No such file"):
        tickets(str(tmp_path / "none.json")).ticket("CHG-7")
    with pytest.raises(UsageError, match='there is no ticketing system "jira"'):
        tickets("jira:CHG")
