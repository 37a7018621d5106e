"""A small policy against which no rule of ``policy check`` has anything to say, and changes to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.facts import merged
from tidegate.core.canonical import digest
from tidegate.core.layers import Layers, OneFile
from tidegate.core.lint import LINTS, Abilities, Found, Given, Lint
from tidegate.core.policy import Policy
from tidegate.core.rulebook import compile_policy, resolved_of
from tidegate.policyfile.shorthand import spelled_out
from tidegate.policyfile.yaml import plain_value, read_yaml

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
"""A Monday."""

BASE: Mapping[str, Any] = {
    "tidegate": 1,
    "organization": "Example",
    "timezone": "America/Los_Angeles",
    "people": {
        name: {"name": name.title(), "groups": ["team", "leads"], "keys": [f"key of {name}"]}
        for name in ("ann", "ben", "cem", "dia")
    },
    "permits": {"start": ["team"], "rollback": ["team"]},
    "components": {"billing": {"kind": "module", "tag": "billing-v{version}", "owners": "team"}},
    "release_types": {
        "minor": {"bump": "minor", "gates": ["tests"], "approvals": [{"from": "team", "count": 2}]},
        "patch": {"bump": "patch", "gates": ["tests"], "approvals": [{"from": "leads"}]},
    },
    "gates": {"tests": {"evidence": "junit", "pass": "tests.total > 0 && tests.failed == 0"}},
    "environments": {
        "staging": {"purpose": "staging", "gates": ["tests"]},
        "production": {"purpose": "production", "after": [{"environment": "staging"}]},
    },
    "watch": {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}},
}

EVERYTHING = Abilities(frozenset({"host"}), frozenset({"file"}), frozenset({"junit", "coverage"}))


def given(
    changes: Mapping[str, Any],
    *,
    now: datetime = NOW,
    layers: Layers | None = None,
    built_on: Mapping[str, Any] | None = None,
) -> Given:
    """The small policy with ``changes`` (a value of None takes a key away), ready to be looked at.

    ``built_on`` are changes that stand in the file that it builds on.
    """
    document = merged(merged(BASE, built_on or {}), changes)
    bases = () if built_on is None else (Policy.model_validate_json(json.dumps(merged(BASE, built_on))),)
    keys, document["people"] = document["people"], {n: _keyless(p) for n, p in document["people"].items()}
    policy = Policy.model_validate_json(json.dumps(document))
    book = compile_policy(policy, digest(resolved_of(policy)))
    # The keys are not looked at, only whether there are any: they go in when the policy is compiled.
    people = {
        name: person.model_copy(update={"keys": tuple(keys[name].get("keys", ()))})
        for name, person in policy.people.items()
    }
    policy = policy.model_copy(update={"people": people})
    return Given(policy, book, now, layers or OneFile(), bases, EVERYTHING)


def _keyless(person: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in person.items() if key != "keys"}


def lint(rule: str) -> Lint:
    """The rule of that id."""
    return next(found for found in LINTS if found.id == rule)


def found(rule: str, changes: Mapping[str, Any], **more: Any) -> list[Found]:
    """What one rule says of the small policy with ``changes``."""
    return list(lint(rule).check(given(changes, **more)))


LAID_ON_IT = "# and a file that builds on it:\n"
"""What stands between two files in an example."""


def found_in(rule: str, example: str) -> list[Found]:
    """What one rule says of an example: a piece of a policy, or one and another that builds on it."""
    below, between, over = example.partition(LAID_ON_IT)
    return found(rule, yaml(over), built_on=yaml(below)) if between else found(rule, yaml(example))


def yaml(text: str) -> Any:
    """A piece of a policy as plain values, read as a policy file is."""
    return spelled_out(plain_value(read_yaml(text.encode(), "piece.yaml").root), Policy)
