"""Whatever a policy file holds, it is answered with findings in our own words.

300 files are tried, or as many as ``TIDEGATE_FUZZ_DOCUMENTS`` says: ``make fuzz`` tries 10,000.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hypothesis import assume, given, settings

from tests.support.lints import EVERYTHING
from tests.support.policy_documents import HOUSE, files, policies
from tidegate.app import check_target
from tidegate.cli.render_policy_check import check_lines
from tidegate.core.lint import LINTS, Given
from tidegate.core.policy import Policy
from tidegate.core.rulebook import policy_of, resolved_of
from tidegate.core.strictness import compare
from tidegate.core.undecided import undecided
from tidegate.errors import PolicyError
from tidegate.policyfile import yaml
from tidegate.policyfile.check import Checked, Finding, check_policy
from tidegate.policyfile.events import UnreadableError, events
from tidegate.policyfile.load import LoadedPolicy, TargetCheck, load_policy, look_into
from tidegate.views.explain import explain
from tidegate.views.policy_check import check_record
from tidegate.views.sarif import MISTAKES, github, sarif

FILES = int(os.environ.get("TIDEGATE_FUZZ_DOCUMENTS", "300"))
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
NAME = "tidegate.yaml"
RULES = {*MISTAKES, *(lint.id for lint in LINTS)}

FOREIGN = re.compile(
    r"pydantic|ruamel|Input should|validation error|Value error|Traceback|<class|<tidegate|object at 0x"
    r"|\b(?:datetime|timedelta|Decimal|frozenset|mappingproxy|PosixPath|OrderedDict)\.?\(|\b(?:None|True|False)\b"
    r"|\{'|\['|\('|', '|[a-z]': |\bNoneType\b|Scalar\(|Mapping\(|Sequence\("
)
"""What only a library, or Python itself, would write."""


UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, ends the line, or turns the text round."""


def check_sentence(text: str, what: str) -> None:
    assert text, what
    assert not UNSEEN.search(text), (what, text)
    assert len(text) < 2_000, (what, text)
    found = FOREIGN.search(text)
    assert found is None, (what, found, text)


def check_finding(finding: Finding, lines: int) -> None:
    assert finding.rule in RULES, finding
    check_sentence(finding.message, "message")
    check_sentence(finding.remedy, "remedy")
    for place in (finding.place, *finding.also):
        assert place.column >= 1, finding
        assert 1 <= place.line <= (lines if place.file == NAME else 2_000), finding
        assert place.file == NAME or place.file.startswith("preset:"), finding


def check_answers(checked: Checked) -> None:
    """What the command prints of it, in each of its forms."""
    json.dumps(check_record(checked), ensure_ascii=False).encode()
    json.dumps(sarif(checked)).encode()
    assert not any(UNSEEN.search(line) for line in github(checked))
    for line in check_lines(checked, notes=True, points=True):
        assert not UNSEEN.search(re.sub(r"\x1b\[[0-9;]*m", "", line)), line


@settings(max_examples=FILES)
@given(files())
def test_whatever_a_file_holds_is_answered_with_findings(content: bytes) -> None:
    checked = check_policy(content, NAME, NOW, abilities=EVERYTHING, check_target=check_target)
    lines = len(re.split(rb"\r\n|\r|\n", content))
    for finding in checked.findings:
        check_finding(finding, lines)
    check_answers(checked)
    assert checked.ok or checked.findings
    loaded, mistakes = loads(content, check_target)
    assert (loaded is None) == (checked.policy is None)
    assert {mistake.what for mistake in mistakes} <= {finding.message for finding in checked.findings}
    if loaded is not None:
        assert resolved_of(policy_of(loaded.resolved)) == loaded.resolved


def loads(
    content: bytes, check_target: TargetCheck | None = None
) -> tuple[LoadedPolicy | None, tuple[PolicyError, ...]]:
    """The policy, as whoever adopts it reads it, or the mistakes."""
    try:
        return load_policy(content, NAME, check_target=check_target), ()
    except PolicyError as error:
        return None, error.mistakes


@cache
def house() -> Policy:
    return look_into(json.dumps(HOUSE).encode(), NAME)[0].policy


@settings(max_examples=FILES // 10)
@given(policies())
def test_whatever_a_policy_says_is_looked_at_explained_and_compared(document: dict[str, Any]) -> None:
    loaded, _ = loads(json.dumps(document).encode())
    assume(loaded is not None)
    assert loaded is not None
    given_ = Given(loaded.policy, loaded.rulebook, NOW, loaded, (house(),), EVERYTHING)
    for lint in LINTS:
        for found in lint.check(given_):
            check_sentence(found.message, lint.id)
            check_sentence(found.remedy, lint.id)
            loaded.locate(found.path, at_key=found.at_key)
    for point in undecided(loaded.policy, loaded):
        assert point.id
        assert point.default
    assert explain(loaded.policy).topics
    there, back = compare(house(), loaded.policy), compare(loaded.policy, house())
    assert len(there) == len(back)


@settings(max_examples=FILES // 10)
@given(files())
def test_what_is_read_quickly_is_what_the_judge_reads(content: bytes) -> None:
    try:
        text = yaml._text_of(content)
        quick = yaml._quickly(text, NAME)
    except UnreadableError:
        return  # no text, or more than any reader takes
    assert quick is None or quick == yaml._Composer(text, NAME).compose(events(text))
