"""Evidence that a script states: what no tool reports, of its kind's types, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.evidence_kind import KINDS, STATED
from tidegate.errors import UsageError
from tidegate.readers.registry import READERS, read_report
from tidegate.readers.stated import StatedReader


def stated(**changes: Any) -> bytes:
    whole = {
        "tidegate": "evidence/1",
        "kind": "backup",
        "taken_at": "2026-02-10T18:00:00Z",
        "values": {"verified": True, "offsite": False, "bytes": 12},
        **changes,
    }
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def test_a_backup() -> None:
    reading = read_report("backup.json", stated())
    assert (reading.kind, reading.values) == ("backup", {"verified": True, "offsite": False, "bytes": 12})
    assert reading.taken_at == datetime(2026, 2, 10, 18, tzinfo=UTC)
    assert reading.summary == "verified: yes, offsite: no, bytes: 12"
    assert read_report("backup.json", stated(summary="nightly")).summary == "nightly"


def test_what_a_tool_reports_is_never_stated() -> None:
    read = {reader.kind for reader in READERS if not isinstance(reader, StatedReader)}
    assert set(STATED) & read <= {"performance"}
    assert set(STATED) <= KINDS.keys()
    assert {"junit", "coverage", "reviews", "command", "sarif"}.isdisjoint(STATED)


LIST = "acceptance, backup, drill, environment, health, package, performance, smoke, training"


@pytest.mark.parametrize(
    ("data", "because", "remedy"),
    [
        (
            stated(kind="junit"),
            "its kind is 'junit', which is read from a report",
            f"add the report of the tool that finds it; stated are: {LIST}",
        ),
        (stated(kind="bakup"), "its kind is 'bakup', which is unknown", f"give one of: {LIST}"),
        (
            stated(kind=3),
            "the report has 3 as kind, which is no text",
            "write it as docs/reference/evidence-files.md says",
        ),
    ],
)
def test_another_kind_is_refused_with_what_to_do(data: bytes, because: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_report("e.json", data)
    assert caught.value.what == f"this is not a file of evidence of kind acceptance that can be relied on: {because}"
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (stated(tidegate="evidence/2"), "its format is 'evidence/2', and must be 'evidence/1'"),
        (stated(bytes=3), "it has a member 'bytes', which is unknown"),
        (stated(values=...), "the report has no 'values'"),
        (stated(values={}), "evidence of kind backup needs 'verified', and it is not given"),
        (
            stated(values={"verified": "yes", "offsite": True}),
            "evidence of kind backup has verified as bool, and 'yes' is given",
        ),
        (
            stated(values={"verified": True, "offsite": True, "bytes": -1}),
            "evidence of kind backup has bytes as a number from 0, and -1 is given",
        ),
        (stated(taken_at=...), "the report has no 'taken_at'"),
        (
            stated(taken_at="2026-02-10T18:00:00"),
            "the report has '2026-02-10T18:00:00' as taken_at, which is no time with an offset",
        ),
        (stated(kind="drill"), "its kind is 'drill'"),
    ],
)
def test_a_broken_file_is_refused_with_its_sentence(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        StatedReader("backup").read(data)
    assert caught.value.what == f"this is not a file of evidence of kind backup that can be relied on: {because}"


@given(st.binary(max_size=60))
def test_reading_is_total(noise: bytes) -> None:
    reader = StatedReader("backup")
    assert reader.recognises("x", noise) in (True, False)
    with pytest.raises(UsageError):
        reader.read(noise)
