"""A recorded tag against what is found under its name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tidegate.core.tag import SeenTag, Standing, TagRecord, hold_against, hold_against_here

RECORD = TagRecord(
    "billing", "1.2.0", "v1.2.0", "a" * 40, "c" * 40, "billing-1.2.0", datetime(2026, 12, 1, tzinfo=UTC), "rita"
)
AGAIN = "tidegate tag set billing 1.2.0 --at cccccccccccc"


@pytest.mark.parametrize(
    ("seen", "where", "standing", "remedy"),
    [
        (SeenTag("a" * 40, "c" * 40), "here", Standing.SAME, ""),
        (None, "here", Standing.DELETED, f"set it again, as it was: {AGAIN}"),
        (None, "origin", Standing.ABSENT, f"if it is to be there: {AGAIN} --push --remote origin"),
        (
            SeenTag("b" * 40, "d" * 40),
            "here",
            Standing.MOVED,
            f"find out who moved it; then: git tag -d v1.2.0 && {AGAIN}",
        ),
        (
            SeenTag("b" * 40, "c" * 40),
            "here",
            Standing.REWRITTEN,
            f"find out who moved it; then: git tag -d v1.2.0 && {AGAIN}",
        ),
        (
            SeenTag("b" * 40, "d" * 40),
            "origin",
            Standing.MOVED,
            "find out who pushed it; deploy nothing from it until the tag at origin is as it was",
        ),
    ],
)
def test_how_a_recorded_tag_stands(seen: SeenTag | None, where: str, standing: Standing, remedy: str) -> None:
    found = hold_against(RECORD, seen, where)
    assert (found.standing, found.remedy) == (standing, remedy)
    assert found.was == "aaaaaaaaaaaa at commit cccccccccccc"
    assert found.is_bad is (standing not in (Standing.SAME, Standing.ABSENT))


def test_a_tag_that_nobody_recorded_is_held_against_the_remote() -> None:
    here, other = SeenTag("a" * 40, "c" * 40), SeenTag("b" * 40, "c" * 40)
    for there, standing in ((here, Standing.SAME), (None, Standing.ABSENT), (other, Standing.DIFFERENT)):
        found = hold_against_here("billing", "1.2.0", "v1.2.0", here, there, "origin")
        assert (found.standing, found.is_bad) == (standing, standing is Standing.DIFFERENT)
    different = hold_against_here("billing", "1.2.0", "v1.2.0", here, other, "origin")
    assert different.now == "bbbbbbbbbbbb at commit cccccccccccc"
    assert different.remedy == (
        "find out which of the two is meant; fetch the remote's with: git fetch origin "
        "+refs/tags/v1.2.0:refs/tags/v1.2.0"
    )
