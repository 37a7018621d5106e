"""The page about strictness knows every mark, and every mark is on some key."""

from __future__ import annotations

import re
from pathlib import Path

from tidegate.core import policy as models
from tidegate.core.policy import Section, Stricter

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "explanation" / "strictness.md").read_text("utf-8")


def marks() -> dict[str, Stricter]:
    """The mark of every key that has one, by section and key."""
    return {
        f"{name}.{key}": mark
        for name in models.__all__
        if isinstance(section := getattr(models, name), type) and issubclass(section, Section)
        for key, field in section.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Stricter)
    }


def test_the_page_names_every_mark() -> None:
    rows = re.findall(r"^\| ([a-z ,]+) \| ", PAGE, re.MULTILINE)
    told = [word for row in rows[1:] for word in row.split(", ")]
    assert sorted(told) == sorted(mark.value for mark in Stricter)


def test_every_mark_is_on_a_key_and_no_key_has_two() -> None:
    assert set(marks().values()) == set(Stricter)
    doubled = [
        f"{name}.{key}"
        for name in models.__all__
        if isinstance(section := getattr(models, name), type) and issubclass(section, Section)
        for key, field in section.model_fields.items()
        if sum(isinstance(mark, Stricter) for mark in field.metadata) > 1
    ]
    assert doubled == []
