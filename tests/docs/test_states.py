"""The page of the states is made from the tables, and is up to date."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest

from scripts.generate_states import PAGE, SECTIONS, explained, page

TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""


def test_the_page_is_up_to_date() -> None:
    assert page() == TEXT, "run `python scripts/generate_states.py`"


@pytest.mark.parametrize("section", SECTIONS, ids=[section[0] for section in SECTIONS])
def test_every_transition_is_drawn_and_no_other(section: tuple[object, ...]) -> None:
    title, _, machine, _ = section
    diagram = TEXT.split(f"## {title}\n")[1].split("```mermaid\n")[1].split("```")[0]
    drawn = set(re.findall(r"^    (\w+) --> (\w+): ([\w ]+)$", diagram, re.MULTILINE))
    table = machine.table  # type: ignore[attr-defined]
    assert drawn == {(a.value, b.value, event.value) for a, row in table.items() for event, b in row.items()}


@pytest.mark.parametrize("section", SECTIONS, ids=[section[0] for section in SECTIONS])
def test_every_state_stands_in_its_table(section: tuple[object, ...]) -> None:
    _, _, machine, states = section
    assert set(machine.table) == set(states)  # type: ignore[attr-defined, call-overload]


def test_a_state_that_nobody_explains_is_a_mistake() -> None:
    class Mood(StrEnum):
        """Moods.

        good
            All is well.
        """

        GOOD = "good"
        BAD = "bad"

    with pytest.raises(SystemExit, match=r"^Mood does not explain bad$"):
        explained(Mood)
