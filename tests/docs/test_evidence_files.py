"""The page of evidence files: its examples are read, and it names every kind with all of its fields."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator

from tidegate.core.evidence_kind import KINDS, STATED
from tidegate.readers.registry import read_report

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CORPUS = Path(__file__).parents[1] / "corpus" / "reports"
PAGE = (REFERENCE / "evidence-files.md").read_text(encoding="utf-8")
EXAMPLES = [dedent(text) for text in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)]


@pytest.mark.parametrize(("text", "kind"), list(zip(EXAMPLES, ["backup", "reviews"], strict=True)))
def test_an_example_is_read(text: str, kind: str) -> None:
    assert read_report("evidence.json", text.encode()).kind == kind


def test_every_kind_that_can_be_stated_is_named_with_its_fields() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", PAGE.partition("| kind | values |")[2], re.MULTILINE))
    for name in STATED:
        kind = KINDS[name]
        expected = {field + "?" * (field in kind.optional) for field in kind.fields}
        assert set(re.findall(r"`([a-z_0-9]+\??)`", rows[name])) == expected, name


@pytest.mark.parametrize(("schema", "module"), [("evidence", "stated_backup"), ("reviews", "reviews")])
def test_the_schema_takes_what_is_read_and_names_every_kind(schema: str, module: str) -> None:
    said = json.loads((REFERENCE / f"{schema}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(said)
    validator = Draft202012Validator(said)
    for good in (CORPUS / module / "good").iterdir():
        assert validator.is_valid(json.loads(good.read_text(encoding="utf-8"))), good.name
    assert not validator.is_valid({"tidegate": f"{schema}/2"})
    if schema == "evidence":
        assert said["properties"]["kind"]["enum"] == list(STATED)
