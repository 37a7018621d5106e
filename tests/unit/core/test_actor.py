from __future__ import annotations

import pytest

from tidegate.core.actor import AUTOMATION, Actor, Assurance

ORDER = [Assurance.ASSERTED, Assurance.TOKEN, Assurance.SESSION, Assurance.PASSKEY, Assurance.SIGNATURE]


@pytest.mark.parametrize("weaker", range(5))
@pytest.mark.parametrize("stronger", range(5))
def test_each_assurance_is_more_than_the_one_before(weaker: int, stronger: int) -> None:
    assert ORDER[stronger].at_least(ORDER[weaker]) is (stronger >= weaker)


def test_assurance_is_not_compared_as_text() -> None:
    # As texts, "token" would be more than "signature".
    assert not Assurance.TOKEN.at_least(Assurance.SIGNATURE)


def test_automation_is_no_person() -> None:
    assert Actor.automation("watch") == Actor(AUTOMATION, "watch", Assurance.ASSERTED)
    assert Actor.automation("watch").is_automation
    assert not Actor("alice", "cli", Assurance.SIGNATURE).is_automation


def test_an_actor_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Actor("alice", "cli", Assurance.ASSERTED).assurance = Assurance.SIGNATURE  # type: ignore[misc]
