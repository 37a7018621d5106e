"""The templates that are shipped are compiled, and what is compiled is what stands in their files."""

from __future__ import annotations

import pytest

from scripts.compile_templates import FOLDER, modules
from tidegate.templates import compiled, notes


def test_what_is_compiled_is_what_the_templates_say() -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")}
    assert found == modules(), "run `python scripts/compile_templates.py`"


@pytest.mark.parametrize("style", notes.STYLES)
def test_a_jinja_that_compiles_otherwise_compiles_anew(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "FORMAT", compiled.FORMAT + 1)
    notes._shipped.cache_clear()
    try:
        assert notes._shipped(style).name is None  # of the source, and not of a module
    finally:
        notes._shipped.cache_clear()
