"""Notices: said once, when they are due, and as announced only when they were delivered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import NOW, Organisation
from tidegate.orchestration import delivery
from tidegate.store import outbox, releases

DAY = timedelta(days=1)
ANNOUNCED = [{"on": "release.opened", "to": "file:NOTICES.md", "say": "announced"}]
ALL = [
    *ANNOUNCED,
    {"on": "rollout.progressed", "to": "file:NOTICES.md", "say": "status"},
    {"on": "release.completed", "to": ["file:NOTICES.md", "file:done/DONE.md"], "say": "released"},
    {"on": "release.rolled_back", "to": "file:NOTICES.md", "say": "rolled-back"},
]


def lines(org: Organisation, name: str = "NOTICES.md") -> list[str]:
    path = org.root / name
    return [line.partition(" <!--")[0] for line in path.read_text().splitlines()] if path.exists() else []


def announced(org: Organisation, release: str) -> Any:
    with org.house.database.read() as connection:
        return releases.load(connection, release).facts.announced_at


def sent(org: Organisation, release: str) -> list[outbox.MessageRow]:
    with org.house.database.read() as connection:
        return outbox.of_release(connection, release)


def test_a_release_is_announced_when_the_notice_was_delivered(make_org: Callable[..., Organisation]) -> None:
    org = make_org(communication=ANNOUNCED, release_types={"minor": {"notice": "7d"}})
    release = org.prepared()
    assert announced(org, release) is None
    assert any("announce" in reason for reason in org.reasons(release))
    org.clock.go(timedelta(hours=5))
    org.sweep()
    assert announced(org, release) == NOW + timedelta(hours=5)
    decision = org.decide(release)
    assert decision.blocked_by_time_only
    assert decision.next_possible == NOW + timedelta(hours=5) + 7 * DAY
    assert org.kinds()[-1] == "message.delivered"


def test_a_message_that_announces_nothing_starts_no_notice(make_org: Callable[..., Organisation]) -> None:
    org = make_org(communication=[{**ANNOUNCED[0], "say": "status"}])
    release = org.open()
    org.sweep()
    assert lines(org) == ["- Example: billing 1.1.0"]
    assert announced(org, release) is None


def test_the_story_of_a_release_is_told_in_order_and_once(make_org: Callable[..., Organisation]) -> None:
    from tidegate.orchestration import rollback

    org = make_org(communication=ALL)
    org.released()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    for _ in range(3):
        org.sweep()
    assert sorted(lines(org)) == [
        "- Example: billing 1.1.0 (minor) is planned",
        "- Example: billing 1.1.0 is released",
        "- Example: billing 1.1.0 was taken back: production runs absent again: asked for by rita",
        "- Example: billing 1.1.0: rolling out to production",
    ]
    assert lines(org, "done/DONE.md") == ["- Example: billing 1.1.0 is released"]
    assert org.messages() == []


def test_two_executors_send_it_once(make_org: Callable[..., Organisation]) -> None:
    org = make_org(communication=ANNOUNCED)
    release = org.open()
    other = org.beside()
    (message,) = org.messages()
    delivery.deliver(org.house, message, "one")
    delivery.deliver(other.house, message, "two")
    assert len(lines(org)) == 1
    (row,) = sent(org, release)
    assert (row.claimed_by, row.attempts, row.delivered_at) == ("one", 1, NOW)
    assert org.kinds().count("message.delivered") == 1
    other.house.database.close()


def test_a_claim_whose_holder_died_is_taken_up_and_nothing_is_said_twice(
    make_org: Callable[..., Organisation], monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(*_: Any) -> Any:
        raise PowerCutError

    org = make_org(communication=ANNOUNCED)
    release = org.open()
    (message,) = org.messages()
    monkeypatch.setattr(outbox, "delivered", cut)
    with pytest.raises(PowerCutError):
        delivery.deliver(org.house, message, "one")
    monkeypatch.undo()
    org.sweep()
    assert (len(lines(org)), announced(org, release)) == (1, None)
    org.clock.go(delivery.CLAIM)
    org.sweep()
    assert (len(lines(org)), announced(org, release)) == (1, NOW + delivery.CLAIM)


def test_what_cannot_be_delivered_is_tried_again_ever_more_rarely_and_is_shown(
    make_org: Callable[..., Organisation],
) -> None:
    org = make_org(communication=ANNOUNCED)
    release = org.open()
    (org.root / "NOTICES.md").mkdir()
    waits = []
    for _ in range(12):
        org.sweep()
        (message,) = org.messages()
        assert "the message cannot be written: Is a directory" in message.error
        assert message.due_at is not None
        waits.append(message.due_at - org.clock.now)
        org.clock.now = message.due_at
    growing = [timedelta(seconds=min(2**n, 900)) for n in range(12)]
    assert growing[-1] == delivery.LONGEST_BACK_OFF
    assert all(whole * 0.75 <= wait <= whole for wait, whole in zip(waits, growing, strict=True))
    assert len({wait / whole for wait, whole in zip(waits, growing, strict=True)}) > 6
    assert announced(org, release) is None
    (org.root / "NOTICES.md").rmdir()
    org.sweep()
    assert org.messages() == []
    assert announced(org, release) == org.clock.now
    assert sent(org, release)[0].error == ""


def test_a_channel_that_is_none_is_shown_and_disturbs_nothing_else(make_org: Callable[..., Organisation]) -> None:
    org = make_org(communication=[{**ANNOUNCED[0], "to": ["file:../outside.md", "file:NOTICES.md"]}])
    org.open()
    org.sweep()
    (message,) = org.messages()
    assert "lies outside" in message.error
    assert len(lines(org)) == 1
    assert not (org.root.parent / "outside.md").exists()


def test_hostile_text_stays_one_line_of_text(make_org: Callable[..., Organisation]) -> None:
    evil = "Evil <script>alert(1)</script> [x](http://evil.example) `rm`"
    org = make_org(organization=evil, communication=ANNOUNCED)
    org.open()
    org.sweep()
    (line,) = (org.root / "NOTICES.md").read_text().splitlines()
    said = line.partition(" <!--")[0]
    assert "<script>" not in said
    assert "\\[x\\](http" in said
    assert "\\`rm\\`" in said


def test_two_channels_that_begin_alike_are_two(make_org: Callable[..., Organisation]) -> None:
    long = "/".join(["directory" * 20] * 3)
    channels: list[str] = [f"file:{long}/one.md", f"file:{long}/two.md"]
    org = make_org(communication=[{**ANNOUNCED[0], "to": channels}])
    org.open()
    assert len(org.messages()) == 2
    org.sweep()
    for name in ("one.md", "two.md"):
        assert len(lines(org, str(Path(long) / name))) == 1


def test_a_message_is_due_with_what_it_tells_or_not_at_all(
    make_org: Callable[..., Organisation], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate.orchestration import release

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    org = make_org(communication=ANNOUNCED)
    monkeypatch.setattr(release, "record", fail)
    with pytest.raises(RuntimeError):
        org.open()
    assert org.messages() == []
    assert org.counts()["tg_release"] == 0
