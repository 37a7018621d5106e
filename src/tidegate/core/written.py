"""A value as a policy file writes it, for what is said of one that is not what it should be."""

from __future__ import annotations

import json
from collections.abc import Mapping

_LONGEST = 60


def written(value: object) -> str:
    """The value in few words: ``"soon"``, ``true``, ``7``; of a list or a mapping only that it is one."""
    if isinstance(value, str):
        return json.dumps(value[:_LONGEST], ensure_ascii=False)
    if isinstance(value, bool | None):
        return json.dumps(value)
    if isinstance(value, int | float):
        return str(value)[:_LONGEST]
    return "a mapping" if isinstance(value, Mapping) else "a list"


__all__ = ["written"]
