"""LCOV: what the records list, merged by file; and every way in which one contradicts itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.lcov import LcovReader
from tidegate.readers.registry import read_report

RECORD = """\
TN:unit
SF:src/a.js
FN:1,f
FNDA:2,f
FNF:1
FNH:1
DA:1,2
DA:2,0
DA:3,1,c2hhMQ==
LF:3
LH:2
BRDA:3,0,0,1
BRDA:3,0,1,-
BRF:2
BRH:1
end_of_record
"""


def values(text: str) -> dict[str, object]:
    return dict(read_report("lcov.info", text.encode()).values)


def changed(old: str, new: str) -> bytes:
    assert old in RECORD
    return RECORD.replace(old, new).encode()


def test_lines_and_branches_are_counted() -> None:
    expected = {"line": 2 / 3, "branch": 0.5, "lines_total": 3, "lines_covered": 2}
    assert values(RECORD) == expected
    assert values("# made by x\n\n" + RECORD.replace("\n", "\r\n")) == expected
    assert read_report("x", RECORD.encode()).summary == "2 of 3 lines covered in 1 file, 1 of 2 branches"
    assert read_report("x", RECORD.encode()).taken_at is None


def test_records_of_one_file_are_merged() -> None:
    other = "SF:src/a.js\nDA:2,7\nDA:9,0\nBRDA:3,0,1,4\nend_of_record\n"
    assert values(RECORD + other) == {"line": 0.75, "branch": 1.0, "lines_total": 4, "lines_covered": 3}
    assert values(RECORD + other.replace("a.js", "b.js"))["lines_total"] == 5


def test_the_name_of_a_branch_may_be_a_text() -> None:
    found = values("SF:a.py\nDA:2,1\nBRDA:2,0,jump, to 3,1\nBRDA:2,0,jump to 4,0\nBRF:2\nBRH:1\nend_of_record\n")
    assert found["branch"] == 0.5


def test_a_branch_that_is_listed_twice_counts_once_however_the_tool_counts_it() -> None:
    twice = RECORD.replace("BRDA:3,0,1,-\n", "BRDA:3,0,1,-\nBRDA:3,0,0,2\n")
    assert values(twice) == values(RECORD)
    assert values(twice.replace("BRF:2\nBRH:1", "BRF:3\nBRH:2")) == values(RECORD)


def test_totals_may_be_left_out() -> None:
    assert values("SF:a\nDA:1,1\nend_of_record") == {"line": 1.0, "lines_total": 1, "lines_covered": 1}


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"", "it is empty"),
        (b"<html>", "it seems to be an HTML page"),
        (b"hello", "it seems to be plain text"),
        (changed("LF:3", "LF:4"), "the record of 'src/a.js' declares LF:4, and 3 are listed"),
        (changed("LH:2", "LH:3"), "the record of 'src/a.js' declares LH:3, and 2 are listed"),
        (changed("BRF:2", "BRF:1"), "the record of 'src/a.js' declares BRF:1, and 2 are listed"),
        (changed("BRH:1", "BRH:2"), "the record of 'src/a.js' declares BRH:2, and 1 are listed"),
        (changed("DA:2,0\n", ""), "the record of 'src/a.js' declares LF:3, and 2 are listed"),
        (changed("DA:2,0", "DA:2,-1"), "line 8 has '-1', which is no count"),
        (changed("DA:2,0", "DA:2,NaN"), "line 8 has 'NaN', which is no count"),
        (changed("DA:2,0", "DA:2"), "line 8 has '', which is no count"),
        (changed("DA:2,0", "DA:0,0"), "line 8 tells of the line 0, which is none"),
        (changed("LF:3", "LF:3.0"), "line 10 has '3.0', which is no count"),
        (changed("BRDA:3,0,1,-", "BRDA:3,0"), "line 13 is 'BRDA:3,0', which is no branch"),
        (changed("BRDA:3,0,1,-", "BRDA:3,0,1,x"), "line 13 has 'x', which is no count"),
        (changed("end_of_record\n", ""), "the record of 'src/a.js' has no end, so that something was cut"),
        (changed("end_of_record", "SF:b"), "line 16 begins a record before the record of 'src/a.js' has ended"),
        (b"TN:\nDA:1,1\n", "line 2 is DA outside of every record"),
        (b"TN:\nend_of_record\n", "line 2 is end_of_record outside of every record"),
        (changed("FNF:1", "<p>no</p>"), "line 5 begins with '<p>no</p>', which is no keyword"),
        (b"SF:\x1b[2J\nDA:1,1\n", r"the record of '\x1b[2J' has no end, so that something was cut"),
        (b"TN:\n", "it measures no line in 0 files, so that there is no ratio"),
        (b"SF:a\nLF:0\nLH:0\nend_of_record\n", "it measures no line in 1 file, so that there is no ratio"),
    ],
)
def test_a_broken_or_hostile_tracefile_is_refused_with_its_sentence(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        LcovReader().read(data)
    assert caught.value.what == f"this is not an LCOV tracefile that can be relied on: {because}"
    assert caught.value.remedy


@given(st.binary(max_size=80) | st.text("TN:SFDALH,0123456789-\n", max_size=80).map(str.encode))
def test_reading_is_total(data: bytes) -> None:
    reader = LcovReader()
    assert reader.recognises("x", data) in (True, False)
    with pytest.raises(UsageError):
        reader.read(data)
