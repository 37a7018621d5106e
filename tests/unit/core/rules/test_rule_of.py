"""Each rule is found from its findings, stands in a chapter, and names keys that a policy can say."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tidegate.core.policy import Policy
from tidegate.core.rules import RULES, Rule, rule_of


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_found_from_its_own_id_and_from_what_is_below_it(rule: Rule) -> None:
    for name in (rule.id, *rule.also):
        assert rule_of(name) is rule
        assert rule_of(f"{name}.something") is rule


def test_an_id_that_only_begins_like_a_rule_is_none() -> None:
    assert rule_of("gateway") is None
    assert rule_of("") is None


@pytest.mark.parametrize(
    ("rule", "key"), [(rule, key) for rule in RULES for key in rule.keys], ids=lambda each: getattr(each, "id", each)
)
def test_the_keys_of_a_rule_exist_in_the_schema(rule: Rule, key: str) -> None:
    schema = Policy.model_json_schema(by_alias=True)
    node: dict[str, Any] | None = schema
    for step in key.split("."):
        assert node is not None, f"{rule.id}: {key} leads nowhere before {step}"
        node = _below(schema, node, step)
    assert node is not None, f"{rule.id}: {key} leads nowhere"


def _below(schema: dict[str, Any], node: dict[str, Any], step: str) -> dict[str, Any] | None:
    """What a step of a key leads to; a placeholder is any name of a mapping."""
    for alternative in [node, *node.get("anyOf", [])]:
        each = alternative
        while "$ref" in each:
            each = schema["$defs"][each["$ref"].rpartition("/")[2]]
        if re.fullmatch(r"\{\w+\}", step):
            found = each.get("additionalProperties") or next(iter(each.get("patternProperties", {}).values()), None)
        else:
            found = each.get("properties", {}).get(step)
        if isinstance(found, dict):
            return found
    return None
