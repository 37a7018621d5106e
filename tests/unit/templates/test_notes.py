"""The formats fit the policies whose texts they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

import tidegate.policyfile
from tidegate.core.notes.data import NotesData
from tidegate.core.notes.mandatory import gaps
from tidegate.policyfile.load import load_policy
from tidegate.templates.notes import STYLES, headings, render, style_for

PRESETS = Path(tidegate.policyfile.__file__).with_name("presets")
NOTHING = NotesData("billing", "Billing", "1.0.0", "", None)


@pytest.mark.parametrize(
    ("preset", "style"),
    [
        ("7d", "7d"),
        ("helpdesk", "helpdesk"),
        ("mokowaas", "moko"),
        ("mokocrm", "moko"),
        ("towne-park", "towne-park"),
    ],
)
def test_each_preset_has_its_format(preset: str, style: str) -> None:
    starter = (PRESETS / f"{preset}.starter.yaml").read_bytes()
    sections = load_policy(starter).policy.documents["release-notes"].sections
    assert style_for(sections) == style
    missing = {gap.what for gap in gaps(render(NOTHING, style), sections)}
    assert missing <= {"is not written yet"}, "each section is there, although nothing happened"


@pytest.mark.parametrize("style", STYLES)
def test_the_headings_of_a_format_are_always_there(style: str) -> None:
    told = render(NOTHING, style)
    assert all(f"\n## {heading}\n" in told for heading in headings(style) if "{" not in heading)
