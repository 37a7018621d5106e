"""Views as JSON can say them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tidegate.core.rollout import RolloutState
from tidegate.views.plain import plain_value


@dataclass(frozen=True, slots=True)
class View:
    """One of everything that a view may hold."""

    at: datetime
    state: RolloutState
    waves: tuple[tuple[str, ...], ...]
    more: dict[str, object]


def test_everything_that_a_view_holds_becomes_json() -> None:
    view = View(
        datetime(2026, 12, 1, tzinfo=UTC),
        RolloutState.PAUSED,
        (("web1",),),
        {
            "length": timedelta(seconds=2),
            "root": b"\x00\xff",
            "day": date(2026, 1, 2),
            "path": Path("a"),
            "set": {"b", "a"},
        },
    )
    assert json.loads(json.dumps(plain_value(view))) == {
        "at": "2026-12-01T00:00:00.000000Z",
        "state": "paused",
        "waves": [["web1"]],
        "more": {"length": 2.0, "root": "00ff", "day": "2026-01-02", "path": "a", "set": ["a", "b"]},
    }


def test_what_json_cannot_say_is_not_guessed() -> None:
    with pytest.raises(TypeError, match="object has no form in JSON"):
        plain_value(object())
