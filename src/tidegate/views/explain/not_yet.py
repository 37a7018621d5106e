"""What of a topic Tidegate does not act on yet: read from the marks on the schema's keys, so that it stays true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tidegate.core.policy import SAID, Policy, Section
from tidegate.views.explain.words import codes


def not_yet(*keys: Iterable[str]) -> str:
    """One sentence about the keys; empty where there are none."""
    known = list(dict.fromkeys(key for several in keys for key in several))
    if not known:
        return ""
    return f"Tidegate does not act on {codes(known)} yet; it only checks, explains and compares what is said there."


def of_roots(policy: Policy, *roots: str) -> Iterator[str]:
    """The keys below some roots of the file that are written and not acted on yet."""
    for root in roots:
        value = getattr(policy, root)
        if root not in policy.model_fields_set or value in ({}, (), None):
            continue
        if SAID in Policy.model_fields[root].metadata:
            yield root
        else:
            yield from of_value(value, root)


def of_value(value: Any, prefix: str = "") -> Iterator[str]:
    """The keys below a value that are written and not acted on yet, without the names that the policy gives."""
    if isinstance(value, Section):
        for attribute, field in type(value).model_fields.items():
            inner = getattr(value, attribute)
            if inner == field.get_default(call_default_factory=True):
                continue
            key = f"{prefix}.{field.alias or attribute}".removeprefix(".")
            if SAID in field.metadata:
                yield key
            else:
                yield from of_value(inner, key)
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from of_value(entry, prefix)
    elif isinstance(value, tuple):
        for entry in value:
            yield from of_value(entry, prefix)
