from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.core.policytest import CaseFile
from tidegate.policyfile.reference import (
    CASES_PAGE_FILE,
    PAGE_FILE,
    SCHEMA_FILE,
    cases_page,
    json_schema,
    json_schema_text,
    page,
)

PROJECT = Path(__file__).parents[3]
WRITE = "run `python -m tidegate.policyfile.reference`"


@pytest.mark.parametrize(
    ("file", "text"), [(SCHEMA_FILE, json_schema_text()), (PAGE_FILE, page()), (CASES_PAGE_FILE, cases_page())]
)
def test_what_is_made_from_the_models_is_up_to_date(file: Path, text: str) -> None:
    assert (PROJECT / file).read_text(encoding="utf-8") == text, WRITE


def test_every_key_is_described_and_none_may_be_empty() -> None:
    schema = json_schema()
    sections = [schema, *(part for part in schema["$defs"].values() if part.get("type") == "object")]
    for section in sections:
        assert section["description"]
        for name, key in section.get("properties", {}).items():
            assert len(key["description"]) > 5, name
            assert {"type": "null"} not in key.get("anyOf", [])


def test_an_editor_knows_unknown_keys_and_the_choices() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["ReleaseType"]["additionalProperties"] is False
    assert schema["$defs"]["Bump"]["enum"] == ["major", "minor", "patch"]
    assert schema["required"] == ["tidegate"]
    assert schema["$defs"]["Policy.required"]["required"] == ["tidegate", "organization", "timezone"]


def test_the_schema_of_cases_knows_what_may_be_written_short() -> None:
    schema = json_schema(CaseFile)
    assert schema["title"] == "Tidegate cases"
    assert schema["required"] == ["tidegate-tests", "cases"]
    definitions = schema["$defs"]
    name = {"pattern": "^([A-Za-z0-9][A-Za-z0-9._-]{0,62})$", "type": "string"}
    assert definitions["Given"]["anyOf"][0]["anyOf"] == [name, {"type": "array", "items": name}]
    assert definitions["Expect"]["anyOf"][0]["$ref"] == "#/$defs/Verdict"
    case = definitions["Case"]["properties"]["given"]["anyOf"]
    assert case == [{"$ref": "#/$defs/Given"}, {"items": {"$ref": "#/$defs/Given"}, "type": "array"}]
    piece = definitions["Piece"]["anyOf"][1]
    assert piece["additionalProperties"] == {"type": ["number", "boolean", "string"]}
