"""Which reader takes a report, and what is told to one whom none takes."""

from __future__ import annotations

import json

import pytest

from tidegate.core.evidence_kind import KINDS
from tidegate.errors import UsageError
from tidegate.readers.registry import LIMIT_BYTES, READERS, read_report
from tidegate.readers.sniff import describe

JUNIT = b"<testsuites><testsuite/></testsuites>"
READ = ", ".join(dict.fromkeys(reader.kind for reader in READERS))


def test_each_reader_reads_into_a_kind_that_there_is() -> None:
    assert READERS[0].kind == "junit"
    assert {reader.kind for reader in READERS} <= KINDS.keys()


def test_a_report_is_known_by_its_bytes_and_not_by_its_name() -> None:
    assert read_report("coverage.json", JUNIT).kind == "junit"
    assert read_report("coverage.json", b"\xef\xbb\xbf<?xml version='1.0'?>\n<testsuite />").kind == "junit"


OF = "it is {}, and no report that can be read"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "an empty file"),
        (b"<!doctype HTML><p>", "an HTML page"),
        (b"\n<html lang='en'>", "an HTML page"),
        (b"<?xml version='1.0'?><!-- x --><clover line-rate='1'>", "XML with the root <clover>"),
        (b"<", "XML"),
        (b'{"a":1}', "JSON"),
        (b"[]", "JSON"),
        (b"ok", "plain text"),
        (b"a\0b", "a binary file"),
        (b"PK\x03\x04...", "a ZIP archive"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"%PDF-1.7", "a PDF"),
    ],
)
def test_what_no_reader_takes_is_named_for_what_it_is(data: bytes, what: str) -> None:
    assert describe(data) == what
    with pytest.raises(UsageError) as caught:
        read_report("report.xml", data)
    assert caught.value.what == OF.format(what)
    assert caught.value.remedy == f"give a report of one of these kinds: {READ}"


def test_what_a_windows_shell_redirects_is_said_to_be_saved_in_utf_8() -> None:
    with pytest.raises(UsageError) as caught:
        read_report("audit.json", '{"auditReportVersion": 2}'.encode("utf-16"))
    assert caught.value.what == "it is text in UTF-16, and no report is recognised in that"
    assert caught.value.remedy == "save it in UTF-8, and give it again"


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("documents", "evidence of kind documents is not read from reports"),
        ("junti", "there is no kind of evidence 'junti'; did you mean junit?"),
        ("xyz", "there is no kind of evidence 'xyz'"),
    ],
)
def test_a_kind_that_nothing_reads(kind: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_report("report.xml", JUNIT, kind)
    assert (caught.value.what, caught.value.remedy) == (what, f"give one of: {READ}")


def test_a_command_is_run_and_no_file_is_read_for_it() -> None:
    with pytest.raises(UsageError) as caught:
        read_report("report.xml", JUNIT, "command")
    assert caught.value.remedy == ("have it run: tidegate evidence run RELEASE --source NAME --expects TEXT -- COMMAND")


def test_a_report_of_another_kind_than_named_is_refused() -> None:
    with pytest.raises(UsageError, match="it seems to be XML with the root <testsuites>"):
        read_report("report.xml", JUNIT, "benchmark")
    with pytest.raises(UsageError) as caught:
        read_report("report.xml", JUNIT, "coverage")
    assert caught.value.what == "it is XML with the root <testsuites>, and no report of kind coverage that can be read"
    assert caught.value.remedy.startswith("give a coverage.py JSON report or a Cobertura XML report or ")


def test_a_report_beyond_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(UsageError) as caught:
        read_report("report.xml", bytes(LIMIT_BYTES + 1), "junit")
    assert caught.value.what == f"the report has {LIMIT_BYTES + 1} bytes, and at most {LIMIT_BYTES} are read"


def test_a_hostile_file_name_plays_no_tricks() -> None:
    with pytest.raises(UsageError) as caught:
        read_report("\x1b[2Jreport\n.xml", json.dumps([]).encode())
    assert caught.value.where == "\\x1b[2Jreport\\n.xml"
