"""How several verdicts become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.verdict import Verdict, combine

ALLOW, DENY, CANNOT_TELL = Verdict.ALLOW, Verdict.DENY, Verdict.CANNOT_TELL


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ([], DENY),
        ([ALLOW], ALLOW),
        ([ALLOW, ALLOW], ALLOW),
        ([DENY], DENY),
        ([CANNOT_TELL], CANNOT_TELL),
        ([ALLOW, CANNOT_TELL], CANNOT_TELL),
        ([CANNOT_TELL, DENY, ALLOW], DENY),
    ],
)
def test_deny_wins_over_cannot_tell_which_wins_over_allow(several: list[Verdict], one: Verdict) -> None:
    assert combine(several) is one


def test_a_verdict_is_its_words() -> None:
    assert [str(verdict) for verdict in Verdict] == ["allow", "deny", "cannot tell"]


@given(st.lists(st.sampled_from(Verdict)), st.sampled_from(Verdict))
def test_one_more_verdict_never_turns_a_no_into_a_yes(several: list[Verdict], more: Verdict) -> None:
    if several and combine(several) is not ALLOW:
        assert combine([*several, more]) is not ALLOW


@given(st.lists(st.sampled_from(Verdict)))
def test_the_order_of_verdicts_does_not_matter(several: list[Verdict]) -> None:
    assert combine(reversed(several)) is combine(several)
