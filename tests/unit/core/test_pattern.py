"""Regular expressions that are compiled when one is first asked."""

from __future__ import annotations

import re

import pytest

from tidegate.core.pattern import pattern


def test_it_answers_as_a_compiled_one() -> None:
    lazy, compiled = pattern(r"a(?P<digits>[0-9]+)$", re.MULTILINE), re.compile(r"a(?P<digits>[0-9]+)$", re.MULTILINE)

    assert lazy.findall("a1\na22") == compiled.findall("a1\na22") == ["1", "22"]
    assert lazy.sub("b", "a1") == "b"
    found = lazy.search("xa7")
    assert found is not None
    assert found["digits"] == "7"
    assert lazy.pattern == compiled.pattern


def test_it_is_compiled_when_it_is_asked() -> None:
    broken = pattern("(")

    with pytest.raises(re.error, match="missing"):
        broken.match("")
