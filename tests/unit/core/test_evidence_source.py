"""The sources of reports that nobody named: as short as tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.effect import check_name
from tidegate.core.evidence_source import distinct_sources


@pytest.mark.parametrize(
    ("files", "sources"),
    [
        (["reports/anything.xml"], ["junit"]),
        (["reports/unit.xml", "reports/contract.xml"], ["unit", "contract"]),
        (["unit/junit.xml", "contract/junit.xml"], ["unit-junit", "contract-junit"]),
        (["a/x/junit.xml", "b/x/junit.xml", "a/y/junit.xml"], ["a-x-junit", "b-x-junit", "a-y-junit"]),
        (["a/tests.1.xml", "a/tests.2.xml"], ["tests.1", "tests.2"]),
        (["a/.hidden", "a/plain"], ["hidden", "plain"]),
        (["a/my tests (1).xml", "a/my tests (2).xml"], ["my-tests-1", "my-tests-2"]),
        (["a/--x.xml", "a/y.xml"], ["x", "y"]),
        (["ü/a.xml", "b/a.xml"], ["a", "b-a"]),
        (["a.xml", "a.xml"], ["", ""]),
        (["a.xml", "a.xml", "b.xml"], ["", "", "b"]),
        (["a.xml", "a.json"], ["", ""]),
        (["é.xml", "ü.xml"], ["", ""]),
    ],
)
def test_sources_of_files(files: list[str], sources: list[str]) -> None:
    assert distinct_sources("junit", [file.split("/") for file in files]) == sources


PARTS = st.lists(st.text(min_size=1, max_size=5).filter(lambda part: "/" not in part), min_size=1, max_size=4)


@given(st.lists(PARTS, min_size=2, max_size=5))
def test_sources_are_names_of_which_no_two_are_the_same(files: list[list[str]]) -> None:
    sources = distinct_sources("junit", files)
    named = [source for source in sources if source]
    assert len(sources) == len(files)
    assert len(set(named)) == len(named)
    for source in named:
        assert check_name(source, "source") == source


def test_a_long_path_makes_a_name_that_fits() -> None:
    files = [["x" * 300, "a" * 300 + ".xml"], ["y" * 300, "b" * 300 + ".xml"]]
    assert [len(source) for source in distinct_sources("junit", files)] == [100, 100]
