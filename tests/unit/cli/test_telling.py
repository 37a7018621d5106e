"""What a person who follows a rollout is told: each thing once, and a long watch not at every look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click

from tidegate.cli.telling import LONGEST_SILENCE_S, Silence, Teller
from tidegate.core.calendar import zone
from tidegate.core.effect import EffectState
from tidegate.core.rollout import Direction, RolloutState
from tidegate.views.rollout import RolloutView, UnitView, WatchView

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)


def unit(name: str, wave: int, state: EffectState, detail: str = "") -> UnitView:
    return UnitView(name, wave, state, "deploy", 1, NOW, NOW, None, detail)


def view(state: RolloutState, *units: UnitView, watch: WatchView | None = None, because: str = "") -> RolloutView:
    return RolloutView(
        id="shop-1.1.0.production.1",
        release="shop-1.1.0",
        component="shop",
        environment="production",
        direction=Direction.FORWARD,
        state=state,
        source="1.0.0",
        target="1.1.0",
        package="",
        wave=1,
        waves=(("web1",), ("web2",)),
        units=units,
        watch=watch,
        token="1.1",
        started_at=NOW,
        started_by="rita",
        ended_at=None,
        because=because,
        reverses="",
        reversed_by="",
    )


def told(*views: RolloutView, back: RolloutView | None = None) -> list[str]:
    lines: list[str] = []
    teller = Teller(lambda line: lines.append(click.unstyle(line)), zone("America/Los_Angeles"), lambda: NOW)
    for one in views:
        teller.tell(one)
        if back is not None:
            teller.taken_back(one, back)
    return lines


def test_each_thing_is_told_once() -> None:
    running = view(RolloutState.RUNNING, unit("web1", 1, EffectState.DISPATCHED))
    confirmed = view(RolloutState.RUNNING, unit("web1", 1, EffectState.CONFIRMED))
    assert told(running, running, confirmed, confirmed) == [
        "rolling out shop 1.0.0 -> 1.1.0 in production",
        "  wave 1 of 2: web1",
        "    ✓ web1 runs 1.1.0",
    ]


def test_a_failure_says_why_and_never_reaches_the_terminal_as_it_is() -> None:
    failed = view(RolloutState.PAUSED, unit("web1", 1, EffectState.FAILED, "exit 3: \x1b[2Jno\ndisk"))
    assert told(failed)[-1] == "    ✗ web1 failed: exit 3: [2Jno disk"


def test_a_watch_speaks_in_the_zone_of_the_policy() -> None:
    said = "Proven good. The watch lasts until 2026-12-01T18:05:00.914567Z at least."
    watching = view(RolloutState.WATCHING, watch=WatchView(NOW, NOW + timedelta(minutes=5), said))
    assert told(watching)[1:] == [
        "  watching until Tue 1 Dec 2026 10:05 PST (in 5 minutes)",
        "    Proven good. The watch lasts until Tue 1 Dec 2026 10:05 PST at least.",
    ]


def test_a_rollback_is_told_with_its_reason_and_its_units() -> None:
    bad = view(RolloutState.REVERSING, because="Proven bad: 4 of 6 requests failed")
    back = replace(
        view(RolloutState.RUNNING, unit("web1", 1, EffectState.CONFIRMED)),
        id="back",
        direction=Direction.BACK,
        source="1.1.0",
        target="absent",
        waves=(("web1",),),
    )
    assert told(bad, bad, back=back)[1:] == [
        "  ↩ it is taken back: Proven bad: 4 of 6 requests failed",
        "rolling back shop 1.1.0 -> absent in production",
        "    ✓ web1 runs nothing",
    ]


def test_a_watch_of_a_day_does_not_fill_the_terminal() -> None:
    clock = [0.0]
    silence = Silence(lambda: clock[0])
    spoken = 0
    for look in range(24 * 3600):
        clock[0] = float(look)
        spoken += silence.broken_by(f"Proven good: {look} requests")
    assert 24 * 3600 / LONGEST_SILENCE_S <= spoken <= 24 * 3600 / LONGEST_SILENCE_S + 10


def test_another_verdict_is_told_at_once_and_the_same_sentence_never_again() -> None:
    clock = [0.0]
    silence = Silence(lambda: clock[0])
    assert silence.broken_by("Not proven yet: 1 request")
    assert not silence.broken_by("Not proven yet: 2 requests")
    assert silence.broken_by("Proven bad: 3 requests")
    clock[0] = 1e6
    assert not silence.broken_by("Proven bad: 3 requests")
