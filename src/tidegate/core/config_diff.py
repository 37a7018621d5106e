"""What differs between two configuration files of a component, told without a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.settings import Value, is_secret

HIDDEN = "[hidden]"
_LONGEST = 120


class Change(StrEnum):
    """What happens to a setting."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that differs; a value that may be a secret is hidden, and ``None`` where there is none."""

    key: str
    change: Change
    before: str | None
    after: str | None


def differences(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[SettingChange, ...]:
    """The settings that differ, by name.

    Whether a setting is hidden goes by either value: one that was a secret is not shown when it no longer is.

    Source: HD-06, TP-08.
    """
    return tuple(
        _change(key, before, after)
        for key in sorted(before.keys() | after.keys())
        if key not in before or key not in after or not _equal(before[key], after[key])
    )


def _equal(one: Value, other: Value) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _change(key: str, before: Mapping[str, Value], after: Mapping[str, Value]) -> SettingChange:
    hidden = any(is_secret_here(key, values[key]) for values in (before, after) if key in values)

    def shown(values: Mapping[str, Value]) -> str | None:
        return _shown(values[key], hidden) if key in values else None

    change = Change.ADDED if key not in before else Change.REMOVED if key not in after else Change.CHANGED
    return SettingChange(key, change, shown(before), shown(after))


def is_secret_here(key: str, value: Value) -> bool:
    """Whether a value may be a secret; a reference to one says only where it is."""
    return not is_reference(value) and is_secret(key, value)


def is_reference(value: Value) -> bool:
    """Whether a value is a reference, such as ``secret:env:DB_PASSWORD``."""
    return isinstance(value, str) and value.startswith(("secret:env:", "secret:file:", "secret:command:"))


def _shown(value: Value, hidden: bool) -> str:
    if hidden and not is_reference(value):
        return HIDDEN
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
