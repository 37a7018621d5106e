from __future__ import annotations

import re

import pytest

from tests.support.checked import EVIL, FILES, REPEATED, UNSEEN, checked
from tests.support.schemas import sarif_mistakes
from tidegate.core.lint import LINTS
from tidegate.core.rulebook import REQUIREMENT, SAME_PERSON
from tidegate.policyfile.presets import PRESETS
from tidegate.views.sarif import MISTAKES, github, sarif

ALL = {**FILES, **{name: PRESETS.starter(name).decode() for name in ("helpdesk", "7d")}}

ALL["requirement"] = """\
tidegate: 1
organization: Example
timezone: Europe/Berlin
components: {web: {requires: {api: Release}}, api: {}}
"""

ANNOTATION = re.compile(r"::(error|warning|notice) file=([^,:\n]*),line=[0-9]+,col=[0-9]+,title=([^,:\n]*)::([^\r\n]+)")
"""Workflow commands for GitHub Actions, as their documentation writes them."""


def test_what_strangers_wrote_is_repeated_at_all() -> None:
    # Else the tests of what becomes of it would look at nothing.
    assert any("control character" in finding.message for finding in checked(EVIL).findings)
    found = checked(REPEATED)
    assert any("\u061c%0A::error file=x::" in finding.message for finding in found.findings)
    assert found.undecided[0].default == "\u061ctluafed ::x::"


@pytest.mark.parametrize("text", ALL.values(), ids=list(ALL))
def test_a_log_is_what_the_standard_says(text: str) -> None:
    found = checked(text, "a b%.yaml")
    log = sarif(found)
    assert sarif_mistakes(log) == []
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [*MISTAKES, *(lint.id for lint in LINTS)]
    for result, finding in zip(run["results"], found.findings, strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == finding.rule
        assert result["level"] == finding.severity
        assert result["message"]["text"].startswith(finding.message)
        assert result["message"]["text"].endswith(f". Remedy: {finding.remedy}.")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "a%20b%25.yaml"
        if finding.place.file == "a b%.yaml":
            region = place["region"]
            assert (region["startLine"], region["startColumn"]) == (finding.place.line, finding.place.column)


def test_a_requirement_that_cannot_be_read_is_a_rule_of_the_log() -> None:
    assert "requirement" in {finding.rule for finding in checked(ALL["requirement"]).findings}
    assert {REQUIREMENT, SAME_PERSON} <= MISTAKES.keys()


def test_the_standard_is_asked() -> None:
    log = sarif(checked(FILES["wrong"]))
    log["runs"][0]["results"][0]["level"] = "fatal"
    del log["runs"][0]["tool"]["driver"]["name"]
    assert [mistake.partition(":")[0] for mistake in sarif_mistakes(log)] == [
        "$.runs[0].tool.driver",
        "$.runs[0].results[0].level",
    ]


@pytest.mark.parametrize("text", ALL.values(), ids=list(ALL))
def test_an_annotation_escapes_what_would_end_it(text: str) -> None:
    found = checked(text, "a%b,c:d\n.yaml")
    lines = list(github(found))
    assert len(lines) == len(found.findings)
    for line, finding in zip(lines, found.findings, strict=True):
        match = ANNOTATION.fullmatch(line)
        assert match is not None, line
        kind, file, title, message = match.groups()
        assert kind == {"note": "notice"}.get(finding.severity.value, finding.severity.value)
        assert (file, title) == ("a%25b%2Cc%3Ad%0A.yaml", finding.rule)
        assert not re.search("%(?!25|0A|0D)", message)
        whole = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
        assert whole.startswith(re.sub("[\u061c\u200f]", "", finding.message))
        assert whole.endswith(f"; remedy: {finding.remedy}")


@pytest.mark.parametrize("text", [EVIL, REPEATED, "a: \x1b[2J", 'a: "\u202e"', "\x1b]0;title\x07: [", "a: b\x9b2J"])
def test_an_annotation_disturbs_no_log(text: str) -> None:
    lines = list(github(checked(text, "\x1b[31mred\x1b]0;x\x07\u202elmay\u200f.yaml")))
    assert lines
    assert not [line for line in lines if UNSEEN.search(line)]
