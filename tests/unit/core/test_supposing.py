"""What is supposed: how it is written, and the facts with it."""

from __future__ import annotations

import pytest

from tests.support.facts import NOW, facts, hold
from tidegate.core.approval import Answer
from tidegate.core.supposing import Supposition, What, read_supposition, with_approval, without_hold
from tidegate.errors import NotFoundError, UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evidence=a/junit.xml", Supposition(What.EVIDENCE, "a/junit.xml")),
        ("evidence:unit=a=b.xml", Supposition(What.EVIDENCE, "a=b.xml", "unit")),
        ("approval=carol", Supposition(What.APPROVAL, "carol")),
        ("approval:cab=carol", Supposition(What.APPROVAL, "carol", "cab")),
        ("now=2026-12-01T18:00:00Z", Supposition(What.NOW, "2026-12-01T18:00:00Z")),
        ("lifted=hold-1", Supposition(What.LIFTED, "hold-1")),
    ],
)
def test_a_supposition_is_read_as_it_is_written(text: str, expected: Supposition) -> None:
    assert read_supposition(text) == expected


@pytest.mark.parametrize("text", ["", "approval", "approval=", "=carol", "gate=tests", "now:x=2026-12-01T18:00:00Z"])
def test_what_supposes_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is nothing that can be supposed") as refused:
        read_supposition(text)
    assert refused.value.remedy.startswith("write evidence=FILE")


def test_a_supposed_approval_is_of_what_the_release_is_now() -> None:
    before = facts()
    supposed = with_approval(before, "carol", "cab", "production", NOW)
    added = supposed.approvals[-1]
    assert (added.actor.person, added.role, added.answer, added.at) == ("carol", "cab", Answer.APPROVE, NOW)
    assert added.subject == before.release.subject_for("production")
    assert supposed.approvals[:-1] == before.approvals


def test_only_a_hold_that_is_in_force_can_be_lifted() -> None:
    held = facts(holds=[hold(id="hold-1"), hold(id="hold-2")])
    assert [each.id for each in without_hold(held, "hold-1").holds] == ["hold-2"]
    with pytest.raises(NotFoundError, match='no hold "hold-3" is in force'):
        without_hold(held, "hold-3")
