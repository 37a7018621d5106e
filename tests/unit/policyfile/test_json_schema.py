"""Our JSON Schema as an editor uses it: it accepts what Tidegate accepts, and marks mistakes where they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from jsonschema import ValidationError

from tests.support.policy_documents import PRESETS, policies
from tests.support.schemas import policy_validator
from tests.unit.policyfile.policies import GOOD
from tidegate.cli.commands.init import STARTER
from tidegate.errors import PolicyError
from tidegate.policyfile.load import look_into
from tidegate.policyfile.tree import plain_value
from tidegate.policyfile.yaml import read_yaml

WHOLE = sorted(path.name for path in PRESETS.glob("*.yaml"))


def value(text: str) -> Any:
    """What a YAML text says, as plain values."""
    return plain_value(read_yaml(text.encode(), "p.yaml").root)


def marked(document: Any) -> list[str]:
    """Where an editor marks mistakes."""
    return sorted({_deepest(error).json_path for error in policy_validator().iter_errors(document)})


def _deepest(error: ValidationError) -> ValidationError:
    """What is wrong by the one branch of a choice that is of the right kind, as editors tell it."""
    branches = [found for found in error.context or () if found.validator != "type" or found.path]
    return _deepest(branches[0]) if len({found.schema_path[0] for found in branches}) == 1 else error


@pytest.mark.parametrize("name", WHOLE)
def test_it_accepts_each_preset_and_starter(name: str) -> None:
    document = value((PRESETS / name).read_text(encoding="utf-8"))
    assert marked(document) == []


@pytest.mark.parametrize("text", [GOOD, STARTER], ids=["the policy of the tests", "the starter without a preset"])
def test_it_accepts_what_is_right(text: str) -> None:
    assert marked(value(text)) == []


@settings(max_examples=30)
@given(policies())
def test_it_accepts_what_tidegate_accepts(document: dict[str, Any]) -> None:
    try:
        look_into(json.dumps(document).encode(), "p.yaml")
    except PolicyError:
        assume(False)
    assert marked(document) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        # unknown keys
        ("tidegate: 1", "tidegate: 1\ntrain: {}", "$"),
        ("purpose: staging", "purpos: staging", "$.environments.staging"),
        ("count: 2", "number: 2", "$.release_types.minor.approvals[0]"),
        ("allow: [fix, docs]", "allows: [fix, docs]", "$.environments.production.freeze"),
        # values that are none of the choices
        ("bump: patch", "bump: tiny", "$.release_types.hotfix.bump"),
        ("purpose: production", "purpose: prod", "$.environments.production.purpose"),
        ("skips: [train, windows", "skips: [train, window", "$.release_types.hotfix.skips[1]"),
        ("on: release.completed", "on: release.complete", "$.communication[0].on"),
        ("tidegate: 1", "tidegate: 2", "$.tidegate"),
        # what must be there
        ("timezone: America/Los_Angeles\n", "", "$"),
        ("name: Bob Example, ", "", "$.people.bob"),
        ("{bump: patch, skips", "{skips", "$.release_types.hotfix"),
        (', pass: "tests.total > 0 && tests.failed == 0"', "", "$.gates.tests"),
        ("for: 24h\n", "observes: []\n", "$.watch.production"),
        ("[{error_rate: \"> 5%\"}, {health_check: failed}]", "[]", "$.watch.production.roll_back_when"),
        # values of another kind
        ("notice: 7d", "notice: 7", "$.release_types.minor.notice"),
        ("gates: [tests]\n", "gates: tests\n", "$.release_types.minor.gates"),
        ("count: 2", "count: two", "$.release_types.minor.approvals[0].count"),
        ("count: 2", "count: 0", "$.release_types.minor.approvals[0].count"),
        ("organization: 7D Solutions", "organization: 7", "$.organization"),
        ("staging: {purpose: staging}", "staging: [staging]", "$.environments.staging"),
        ("freeze: {before", "freeze: [before", "$.environments.production.freeze"),
        ("tests: {evidence", "tests: null\n  more: {evidence", "$.gates.tests"),
        # texts that are written otherwise
        ("notice: 7d", "notice: 7 days", "$.release_types.minor.notice"),
        ("notice: 7d", 'notice: ""', "$.release_types.minor.notice"),
        ("after: [{environment: staging, soak: 24h}]", "after: [staging?]", "$.environments.production.after[0]"),
        ("soak: 24h", "soak: 24 h", "$.environments.production.after[0].soak"),
        ("batch: 25%", "batch: a quarter", "$.environments.production.strategy.rolling.batch"),
        ('error_rate: "> 5%"', 'error_rate: "5"', "$.watch.production.roll_back_when[0].error_rate"),
        ("from: 2026-02-10", "from: soon", "$.trains.modules.from"),
        ("from: $owners}]\n  hotfix", "from: $owner s}]\n  hotfix", "$.release_types.minor.approvals[1].from"),
        ('to: "file:news.txt"', 'to: "fax:news"', "$.communication[0].to"),
        ("email: alice@7d.example", "email: alice", "$.people.alice.email"),
        ("  bob: {name", '  "b b": {name', "$.people"),
    ],
)  # fmt: skip
def test_it_marks_a_mistake_where_it_stands(old: str, new: str, where: str) -> None:
    assert GOOD.count(old) >= 1
    text = GOOD.replace(old, new, 1)
    if "freeze: [" in new:
        text = text.replace("allow: [fix, docs]}", "allow]")
    document = value(text)
    assert where in marked(document)
    # What an editor marks, Tidegate refuses too.
    with pytest.raises(PolicyError):
        look_into(text.encode(), "p.yaml")


BUILDS = 'tidegate: 1\nextends: ["preset:7d@1"]\n'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (BUILDS + "release_types: {minor: {notice: 14d}}\n", []),
        (BUILDS.replace("tidegate: 1\n", ""), ["$"]),
        (BUILDS + "release_types: {minor: {notise: 14d}}\n", ["$.release_types.minor"]),
        (
            BUILDS.replace("extends", "#") + "organization: x\ntimezone: UTC\nrelease_types: {a: {}}",
            ["$.release_types.a"],
        ),
    ],
)
def test_a_file_that_builds_on_another_leaves_out_what_that_one_says(text: str, where: list[str]) -> None:
    assert marked(value(text)) == where


def test_nothing_else_is_marked() -> None:
    text = GOOD.replace("notice: 7d", "notice: 7 days").replace("purpose: staging", "purpos: staging")
    assert marked(value(text)) == ["$.environments.staging", "$.release_types.minor.notice"]
