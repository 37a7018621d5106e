"""JUnit XML: what runners write is counted; what contradicts itself is refused with its sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.junit import JUnitReader
from tidegate.readers.registry import read_report
from tidegate.readers.xml_report import DEPTH_LIMIT

CASE = '<testcase name="a"/>'
FAIL = '<testcase name="f"><failure message="no"/></testcase>'
ERROR = '<testcase name="e"><error/></testcase>'
SKIP = '<testcase name="s"><skipped/></testcase>'
BOTH = '<testcase name="b"><failure/><error/></testcase>'
SKIP_ERROR = '<testcase name="se"><skipped/><error/></testcase>'
NOT_FOUND = '<testcase status="notrun"><skipped message="Unable to find executable: /t"/></testcase>'
WARNED = "<testcase><warning>No tests found</warning></testcase>"
TOLD_TO_SKIP = '<testcase status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'


def counts(xml: str) -> tuple[object, ...]:
    values = read_report("report.xml", xml.encode(), "junit").values
    return tuple(values[name] for name in ("total", "passed", "failed", "errors", "skipped"))


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (f"<testsuite>{CASE}{CASE}{FAIL}{ERROR}{SKIP}</testsuite>", (5, 2, 2, 1, 1)),
        ("<testsuite/>", (0, 0, 0, 0, 0)),
        ("<testsuites/>", (0, 0, 0, 0, 0)),
        ('<testsuites tests="0"><testsuite tests="0"/></testsuites>', (0, 0, 0, 0, 0)),
        (f"<testsuite>{BOTH}{SKIP_ERROR}</testsuite>", (2, 0, 2, 2, 0)),
        (f'<testsuite tests="2" failures="1" errors="2" skipped="1">{BOTH}{SKIP_ERROR}</testsuite>', (2, 0, 2, 2, 0)),
        # Suites within suites: the outer one counts what is in it, or only its own.
        (f'<testsuite tests="3">{CASE}<testsuite tests="2">{CASE}{CASE}</testsuite></testsuite>', (3, 3, 0, 0, 0)),
        (f'<testsuite tests="1">{CASE}<testsuite tests="2">{CASE}{CASE}</testsuite></testsuite>', (3, 3, 0, 0, 0)),
        # Some runners count errors as failures, too.
        (f'<testsuite tests="2" failures="2">{FAIL}{ERROR}</testsuite>', (2, 0, 2, 1, 0)),
        # GoogleTest lists what it did not run without an element of its own.
        (
            '<testsuite tests="1" disabled="1"><testcase name="x" status="notrun"/></testsuite>',
            (1, 0, 0, 0, 1),
        ),
        # A status says that a case failed, and nothing stands in it; CTest shows as skipped what it could not run.
        ('<testsuite tests="2"><testcase status="failed"/><testcase status="passed"/></testsuite>', (2, 1, 1, 0, 0)),
        ('<testsuite failures="1"><testcase status="Fail"/><testcase result="ok"/></testsuite>', (2, 1, 1, 0, 0)),
        ('<testsuite errors="1"><testcase status="error"><error/></testcase></testsuite>', (1, 0, 1, 1, 0)),
        (
            f'<testsuite tests="2" failures="0" disabled="0" skipped="2">{NOT_FOUND}{TOLD_TO_SKIP}</testsuite>',
            (2, 0, 1, 0, 1),
        ),
        # PHPUnit warns of a class without tests by a case of its own.
        (
            f'<testsuite tests="2" warnings="1" failures="0" skipped="1">{WARNED}{SKIP}</testsuite>',
            (2, 0, 0, 0, 2),
        ),
        # Attributes are missing; names are the same; a namespace; output that looks like a result.
        (f"<testsuites><testsuite>{CASE}{CASE}</testsuite></testsuites>", (2, 2, 0, 0, 0)),
        (f'<testsuite xmlns="http://junit.org">{FAIL}</testsuite>', (1, 0, 1, 0, 0)),
        ("<testsuite><testcase><system-out>&lt;failure/&gt;</system-out></testcase></testsuite>", (1, 1, 0, 0, 0)),
        ("<testsuite><testcase><a><error/></a></testcase></testsuite>", (1, 1, 0, 0, 0)),
        ("<testsuite><testcase><rerunFailure/><flakyError/></testcase></testsuite>", (1, 1, 0, 0, 0)),
    ],
)
def test_the_cases_are_counted(xml: str, expected: tuple[int, ...]) -> None:
    assert counts(xml) == expected


def test_any_encoding_that_xml_knows() -> None:
    xml = f"<?xml version='1.0' encoding='utf-16'?><testsuite name='é'>{CASE}</testsuite>"
    assert read_report("r.xml", xml.encode("utf-16"), "junit").values["total"] == 1
    latin = b"<?xml version='1.0' encoding='iso-8859-1'?><testsuite name='\xe9'/>"
    assert read_report("r.xml", latin, "junit").values["total"] == 0


@pytest.mark.parametrize(
    ("attributes", "cases", "expected"),
    [
        ("", '<testcase time="0.25"/><testcase time="1,000.5"/><testcase/>', 1000.75),
        ('time="2.5"', '<testcase time="0.25"/>', 2.5),
        ('time="2"', '<testsuite time="1"/><testsuite time="1"/>', 2.0),
        ("", '<testsuite time="1"/><testsuite time="1.5e0"><testsuite time="9"/></testsuite>', 2.5),
        ("", "", 0.0),
    ],
)
def test_the_duration_is_that_of_the_outermost_suites(attributes: str, cases: str, expected: float) -> None:
    xml = f"<testsuite {attributes}>{cases}</testsuite>"
    assert read_report("r.xml", xml.encode()).values["duration_s"] == expected


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (("2026-02-10T18:00:00+01:00", "2026-02-10T18:00:00+00:00"), datetime(2026, 2, 10, 17, tzinfo=UTC)),
        (("2026-02-10T18:00:00",), None),
        (("0001-01-01T00:00:00+14:00", "soon", ""), None),
        ((), None),
    ],
)
def test_the_earliest_start_that_names_an_instant(stamps: tuple[str, ...], expected: datetime | None) -> None:
    suites = "".join(f'<testsuite timestamp="{stamp}"/>' for stamp in stamps)
    assert read_report("r.xml", f"<testsuites>{suites}</testsuites>".encode()).taken_at == expected


def test_the_summary_is_a_sentence() -> None:
    summaries = [read_report("r.xml", f"<testsuite>{xml}</testsuite>".encode()).summary for xml in (CASE, ERROR + SKIP)]
    assert summaries == [
        "1 test: 1 passed, 0 failed, 0 skipped",
        "2 tests: 0 passed, 1 failed, 1 skipped (1 of the failed by an error)",
    ]


DTD = "it declares a document type or entities, which no test runner does"
BROKEN = "it is not well-formed XML"
NO_SECONDS = "which is no number of seconds"
BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><testsuite name="&c;"></testsuite>'
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>please sign in</body></html>"


@pytest.mark.parametrize(
    ("xml", "because"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        (HTML, "it is an HTML page"),
        ("<HTML ><body/></HTML>", "it is an HTML page"),
        (BOMB, DTD),
        ('<!DOCTYPE testsuite SYSTEM "file:///etc/passwd"><testsuite/>', DTD),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1/">]><testsuite>&x;</testsuite>', DTD),
        ('{"tests": 3}', f"{BROKEN}: not well-formed (invalid token): line 1, column 0; it seems to be JSON"),
        ("1..3\nok 1", f"{BROKEN}: syntax error: line 1, column 0; it seems to be plain text"),
        (f"<testsuite>{CASE}", f"{BROKEN}: no element found: line 1, column 31"),
        ("<testsuite/><testsuite/>", f"{BROKEN}: junk after document element: line 1, column 12"),
        ("<testsuite>&x;</testsuite>", f"{BROKEN}: undefined entity: line 1, column 11"),
        (
            "<?xml version='1.0' encoding='klingon'?><testsuite/>",
            "its encoding cannot be read: unknown encoding: klingon",
        ),
        ("<coverage/>", "its root is <coverage>"),
        ("<testcase/>", "its root is <testcase>"),
        ('<testsuite tests="3">' + CASE * 2 + "</testsuite>", "<testsuite> declares 3 tests, and 2 are in it"),
        (
            f'<testsuite name="unit" tests="2" failures="0">{CASE}{FAIL}</testsuite>',
            "the suite 'unit' declares 0 failures, and 1 are in it",
        ),
        (
            f'<testsuite name="unit" failures="1">{CASE}</testsuite>',
            "the suite 'unit' declares 1 failures, and 0 are in it",
        ),
        (f'<testsuite errors="0">{ERROR}</testsuite>', "<testsuite> declares 0 errors, and 1 are in it"),
        (f'<testsuite skipped="2">{SKIP}</testsuite>', "<testsuite> declares 2 skipped, and 1 are in it"),
        (
            f'<testsuites tests="0"><testsuite>{FAIL}</testsuite></testsuites>',
            "<testsuites> declares 0 tests, and 1 are in it",
        ),
        (
            f'<testsuites failures="0"><testsuite>{FAIL}</testsuite></testsuites>',
            "<testsuites> declares 0 failures, and 1 are in it",
        ),
        ('<testsuite tests="-1"/>', "<testsuite> declares tests='-1', which is no count"),
        ('<testsuite tests="NaN"/>', "<testsuite> declares tests='NaN', which is no count"),
        ('<testsuite tests=""/>', "<testsuite> declares tests='', which is no count"),
        ('<testsuite failures="0.0"/>', "<testsuite> declares failures='0.0', which is no count"),
        ('<testsuite errors="٣"/>', "<testsuite> declares errors='٣', which is no count"),
        (
            '<testsuite tests="99999999999999999999"/>',
            "<testsuite> declares tests='99999999999999999999', which is no count",
        ),
        ('<testsuite time="-1"/>', f"<testsuite> has the time '-1', {NO_SECONDS}"),
        ('<testsuite><testcase name="x" time="nan"/></testsuite>', f"test case 'x' has the time 'nan', {NO_SECONDS}"),
        ('<testsuite time="inf"/>', f"<testsuite> has the time 'inf', {NO_SECONDS}"),
        ('<testsuite time="e5"/>', f"<testsuite> has the time 'e5', {NO_SECONDS}"),
        ('<testsuite time="."/>', f"<testsuite> has the time '.', {NO_SECONDS}"),
        ("<testsuite><error/></testsuite>", "<error> stands outside of every test case, so the run itself broke"),
        ("<testsuite><testcase><testcase/></testcase></testsuite>", "<testcase> stands inside of a test case"),
        ("<testsuite><testcase><a><testsuite/></a></testcase></testsuite>", "<testsuite> stands inside of a test case"),
        ("<testsuite>" * (DEPTH_LIMIT + 1), f"its elements are nested more than {DEPTH_LIMIT} deep"),
        ("<testsuite><testcase>" + "<a>" * 100_000, f"its elements are nested more than {DEPTH_LIMIT} deep"),
    ],
)
def test_a_broken_or_hostile_report_is_refused_with_its_sentence(xml: str, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_report("report.xml", xml.encode(), "junit")
    assert caught.value.what == f"this is not a JUnit XML report that can be relied on: {because}"
    assert caught.value.where == "report.xml"
    assert caught.value.remedy


def test_a_time_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(UsageError, match="has duration_s as a number from 0, and 1e\\+99 is given"):
        read_report("r.xml", b'<testsuite time="1e99"/>')


CASES = st.lists(st.sampled_from([CASE, FAIL, ERROR, SKIP]), max_size=8)


@given(CASES, st.integers(0, 7))
def test_a_report_that_lost_or_gained_a_case_is_refused(cases: list[str], which: int) -> None:
    kinds = {"tests": "<testcase", "failures": "<failure", "errors": "<error", "skipped": "<skipped"}
    declared = " ".join(f'{name}="{sum(mark in case for case in cases)}"' for name, mark in kinds.items())
    whole = f"<testsuites><testsuite {declared}>{{}}</testsuite></testsuites>"
    assert counts(whole.format("".join(cases)))[0] == len(cases)
    for edited in (cases[:which] + cases[which + 1 :], [*cases, CASE], [*cases, FAIL]):
        if edited != cases:
            with pytest.raises(UsageError, match="declares"):
                counts(whole.format("".join(edited)))


@given(st.binary(max_size=80) | st.text("<>/testsuiecaflr= \"'&;!-[]?", max_size=80).map(str.encode))
def test_reading_is_total(data: bytes) -> None:
    reader = JUnitReader()
    assert reader.recognises("x", data) in (True, False)
    with pytest.raises(UsageError):
        reader.read(data)
