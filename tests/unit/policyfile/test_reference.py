from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.policyfile.reference import PAGE_FILE, SCHEMA_FILE, json_schema, json_schema_text, page

PROJECT = Path(__file__).parents[3]
WRITE = "run `python -m tidegate.policyfile.reference`"


@pytest.mark.parametrize(("file", "text"), [(SCHEMA_FILE, json_schema_text()), (PAGE_FILE, page())])
def test_what_is_made_from_the_models_is_up_to_date(file: Path, text: str) -> None:
    assert (PROJECT / file).read_text(encoding="utf-8") == text, WRITE


def test_every_key_is_described_and_none_may_be_empty() -> None:
    schema = json_schema()
    sections = [schema, *(part for part in schema["$defs"].values() if part["type"] == "object")]
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
    assert schema["required"] == ["tidegate", "organization", "timezone"]
