from __future__ import annotations

import re

import pytest

from tests.support.checked import EVIL, FILES, REPEATED, UNSEEN, checked, too_long
from tidegate.cli.render_policy_check import check_lines
from tidegate.policyfile.presets import PRESETS

ALL = {**FILES, **{name: PRESETS.starter(name).decode() for name in PRESETS.offered()}}
DEEP = "/srv/" + "a-long-name-of-a-directory/" * 4 + "tidegate.yaml"


def said(text: str, name: str = "tidegate.yaml") -> list[str]:
    """All that is said, without colours."""
    lines = check_lines(checked(text, name), notes=True, points=True)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]


@pytest.mark.parametrize("name", ["tidegate.yaml", DEEP], ids=["short", "long"])
@pytest.mark.parametrize("text", ALL.values(), ids=list(ALL))
def test_it_fits_the_terminal(text: str, name: str) -> None:
    assert too_long("\n".join(said(text, name))) == []


@pytest.mark.parametrize("text", [EVIL, REPEATED, "a: \x1b[2J", 'a: "\u202e"', "\x1b]0;title\x07: [", "a: b\x9b2J"])
def test_nothing_disturbs_the_terminal(text: str) -> None:
    lines = said(text, "\x1b[31mred\x1b]0;x\x07\u202elmay\u200f.yaml")
    assert lines
    assert not [line for line in lines if UNSEEN.search(line)]


def test_a_long_place_stands_whole_on_a_line_of_its_own() -> None:
    assert said(FILES["wrong"], DEEP)[:5] == [
        "✗ error: approval.unreachable",
        f"    {DEEP}:8:50",
        "    2 approvals from team: 1 person of it (ann and ben) may give them when ann",
        "    or ben wrote what is released",
        "    remedy: add enabled people to team, ask for fewer, or let authors count",
    ]
