"""The first acts on an empty directory of a host: several at once, and one that was killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidegate.drivers.host import agent

_REQUEST: dict[str, Any] = {"component": "shop", "environment": "production", "token": [1, 0]}


def test_a_first_act_does_not_take_what_another_made_meanwhile_for_foreign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = agent.Place(str(tmp_path / "shop"))
    listed = agent.list_of

    def list_after_another(path: str) -> list[str]:
        monkeypatch.setattr(agent, "list_of", listed)
        agent.enter(place, _REQUEST)
        return listed(path)

    monkeypatch.setattr(agent, "list_of", list_after_another)
    agent.enter(place, _REQUEST)
    assert agent.seen_token(place) == [1, 0]


def test_a_first_act_that_was_killed_before_it_owned_the_directory_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = agent.Place(str(tmp_path / "shop"))

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(agent, "own", killed)
        with pytest.raises(SystemExit):
            agent.enter(place, _REQUEST)
    assert not place.has_foreign_content()
    agent.enter(place, _REQUEST)
    assert agent.seen_token(place) == [1, 0]


def test_what_was_there_before_the_first_act_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("by hand")
    with pytest.raises(agent.RefusalError, match="holds files that Tidegate did not put there"):
        agent.enter(agent.Place(str(tmp_path)), _REQUEST)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
