"""Every key of a policy that says everything, changed one at a time: it is noticed, and turned round it is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.everything import EVERYTHING
from tidegate.core import policy as models
from tidegate.core.policy import Policy, Section
from tidegate.core.rulebook import resolved_of
from tidegate.core.strictness import Difference, compare

Keys = tuple[str | int, ...]

TEXTS = ("x", "1d", "90d", "daily", "yearly", "> 7%", "> 3x baseline", "0-4 hours", "-3d", "< 3h", "undecided")
WORDS = ("production", "staging", "patch", "mon-fri", "12:00", "2026-06-01", "2027-06-01", "always", "never", "session")
OTHERS: tuple[Any, ...] = (*TEXTS, *WORDS, 1, 7, True, False, "a", "leads", "medium", "tests.total > 5")


def paths(value: Any, above: Keys = ()) -> Iterator[Keys]:
    """Every place in a document but its root."""
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*above, step)
        yield from paths(value[step], (*above, step))


def changed(path: Keys, how: str, other: Any) -> Policy | None:
    """The policy with one place changed; None: it is none then."""
    document = json.loads(json.dumps(EVERYTHING))  # a copy in which no two places are one
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    found = place[path[-1]]
    if how == "removed":
        del place[path[-1]]
    elif how == "reversed":
        place[path[-1]] = found[::-1] if isinstance(found, list) else found
    elif how == "doubled":
        place[path[-1]] = [*found, *found] if isinstance(found, list) else found
    else:
        place[path[-1]] = other
    try:
        return Policy.model_validate_json(json.dumps(document))
    except ValidationError:
        return None


@lru_cache(maxsize=1)
def everything() -> Policy:
    return Policy.model_validate_json(json.dumps(EVERYTHING))


PATHS = list(paths(EVERYTHING))
HOW = st.sampled_from(["removed", "reversed", "doubled", "another", "another"])
variants = st.builds(changed, st.sampled_from(PATHS), HOW, st.sampled_from(OTHERS))


def turned_round(found: Difference) -> str:
    return repr((found.after, found.before, found.now, found.was, found.direction.reversed, found.kind))


def as_it_is(found: Difference) -> str:
    return repr((found.before, found.after, found.was, found.now, found.direction, found.kind))


def held_together(before: Policy, after: Policy) -> None:
    there, back = compare(before, after), compare(after, before)
    assert (there == ()) is (resolved_of(before) == resolved_of(after))
    assert sorted(map(turned_round, there)) == sorted(map(as_it_is, back))
    assert all(found.sentence and found.was is not found.now for found in there)


@settings(max_examples=100)
@given(variants, variants)
def test_a_change_is_noticed_and_turned_round_it_is_the_same(one: Policy | None, other: Policy | None) -> None:
    before, after = one or everything(), other or everything()
    held_together(before, after)


@pytest.mark.parametrize("section", EVERYTHING)
def test_what_is_taken_away_is_noticed(section: str) -> None:
    for path in PATHS:
        if path[0] == section and (without := changed(path, "removed", None)) is not None:
            held_together(everything(), without)


def test_it_says_something_of_every_section_there_is() -> None:
    said: set[type[Section]] = set()

    def look(value: Any) -> None:
        if isinstance(value, Section):
            said.add(type(value))
            for key in type(value).model_fields:
                look(getattr(value, key))
        for entry in value.values() if hasattr(value, "values") else value if isinstance(value, tuple) else ():
            look(entry)

    look(everything())
    known = {found for name in models.__all__ if isinstance(found := getattr(models, name), type)}
    assert {found.__name__ for found in known if issubclass(found, Section)} - {found.__name__ for found in said} == {
        "Section"
    }
