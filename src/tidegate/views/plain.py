"""Views as JSON can say them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from tidegate.clock import to_text


def plain_value(value: Any) -> Any:
    """The value in maps, lists, texts, numbers and booleans: fields by their names, moments as RFC 3339 in UTC."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_value(member) for key, member in value.items()}
    if isinstance(value, Set):
        return sorted(plain_value(member) for member in value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain_value(getattr(value, name)) for name in value._fields}
    return _scalar(value) if not isinstance(value, list | tuple) else [plain_value(member) for member in value]


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
