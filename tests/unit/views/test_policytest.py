"""The results of cases as a report that a CI reads, and as JSON; read back by Tidegate's own reader."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.cases import ask, book, but, case
from tidegate.core.policytest import Judged, coverage_of
from tidegate.readers.registry import read_report
from tidegate.views.plain import plain_value
from tidegate.views.policytest import CaseView, RunView, junit_of, record_of

AT = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
HOSTILE = "a \"<b>&amp;</b>' ]]> \U0001f600"


def views(*asked: Judged, least: int | None = None, file: str = "tidegate.tests.yaml") -> RunView:
    cases = [CaseView(file, number, one) for number, one in enumerate(asked, start=3)]
    coverage = coverage_of(book().policy, [(one.trial, one.decision) for one in asked])
    return RunView("tidegate.yaml", cases, coverage, least)


def parsed(data: bytes) -> ET.Element:
    return ET.fromstring(data)  # noqa: S314


GOOD, BAD = ask(case("allow")), ask(case("allow", but(evidence={"tests": {"failed": 1}})))


@pytest.mark.parametrize(
    ("view", "passed", "failed"),
    [
        (views(GOOD), 1, 0),
        (views(GOOD, BAD, BAD), 1, 2),
        (views(GOOD, least=10), 2, 0),
        (views(GOOD, BAD, least=90), 1, 2),
    ],
)
def test_our_own_reader_counts_what_was_run(view: RunView, passed: int, failed: int) -> None:
    reading = read_report("report.xml", junit_of(view, AT))
    assert reading.kind == "junit"
    assert (reading.values["total"], reading.values["passed"]) == (passed + failed, passed)
    assert (reading.values["failed"], reading.values["errors"]) == (failed, 0)
    assert reading.taken_at == AT


def test_a_failure_says_what_was_expected_and_what_stands_in_the_way() -> None:
    root = parsed(junit_of(views(GOOD, BAD, least=90), AT))
    first, second = root.findall("testsuite")
    assert (first.get("name"), first.get("failures")) == ("tidegate.tests.yaml", "1")
    failure = first.findall("testcase")[1].find("failure")
    assert failure is not None
    assert failure.get("message") == "expected allow, and it is deny"
    place, problem, finding = str(failure.text).splitlines()
    assert (place, problem) == ("tidegate.tests.yaml:4", "expected allow, and it is deny")
    assert finding.startswith("gate.tests: deny: junit from tests: ")
    coverage = second.find("testcase")
    assert coverage is not None
    assert coverage.get("name") == "the cases try at least 90% of the policy"
    assert "the train modules: stands in the way" in str(coverage[0].text)


def test_what_strangers_wrote_cannot_leave_its_place() -> None:
    given = but(holds=[{"by": "olga", "reason": HOSTILE}])
    hostile = ask({**case("allow", given), "name": HOSTILE})
    data = junit_of(views(hostile, file=f"{HOSTILE}\ufffe\x1b"), AT)
    testcase = parsed(data).find("testsuite/testcase")
    assert testcase is not None
    assert testcase.get("name") == HOSTILE
    assert testcase.get("classname") == f"{HOSTILE}\ufffd\ufffd"
    assert HOSTILE in str(testcase[0].text)
    assert read_report("report.xml", data).values["failed"] == 1


def test_the_record_of_a_run() -> None:
    record: Any = json.loads(json.dumps(plain_value(record_of(views(GOOD, BAD, least=90)))))
    assert (record["ok"], record["passed"], record["failed"], record["policy"]) == (False, 1, 1, "tidegate.yaml")
    good, bad = record["cases"]
    assert (good["name"], good["file"], good["line"], good["ok"], good["problems"]) == (
        "it",
        "tidegate.tests.yaml",
        3,
        True,
        [],
    )
    assert bad["problems"] == ["expected allow, and it is deny"]
    assert bad["decision"]["verdict"] == "deny"
    coverage = record["coverage"]
    assert (coverage["tried"], coverage["total"], coverage["percent"], coverage["least"]) == (17, 42, 40, 90)
    hold = coverage["demands"][0]
    assert hold == {
        "path": "hold",
        "rule": "hold",
        "what": "no hold stops the line",
        "passes": True,
        "stands_in_the_way": False,
        "untried": [
            {
                "way": "stands in the way",
                "hint": "a case with holds: [{by: NAME, reason: ...}], that expects {deny: hold}",
            }
        ],
    }


def test_a_run_is_good_when_all_pass_and_enough_is_tried() -> None:
    assert views(GOOD).good
    assert views(GOOD, least=38).good
    assert not views(GOOD, least=39).good
    assert not views(GOOD, BAD).good
    assert RunView("x", [], None, None).good
