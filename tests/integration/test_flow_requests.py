"""Starts that wait: when they happen, when they end, and that a signature is believed only as long as it holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.flows import Organisation
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer
from tidegate.core.rollout import RolloutState
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, TidegateError
from tidegate.orchestration import approval, hold, rollback, rollout, sweep
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.identity import Claim
from tidegate.store import requests

TEN_MINUTES = timedelta(minutes=10)

WINDOWS = {"production": {"windows": [{"days": "wed", "from": "10:00", "to": "12:00"}]}}
"""The next one opens a day after the clock of these tests."""


def ask(org: Organisation, release: str, environment: str = "production", person: str = "rita") -> str:
    return rollout.ask_start(org.house, release, environment, org.claim(person))


def test_the_last_approval_starts_it(org: Organisation) -> None:
    release = org.open()
    org.tested(release)
    org.approve(release, "alice", "bob")
    request = ask(org, release)
    org.sweep()
    waiting = org.request(request)
    assert "needs 1 approval from tech-leads" in waiting.because
    org.approve(release, "carol")
    org.sweep()
    org.carry()
    ended = org.request(request)
    assert (ended.rollout, ended.ended_at) == (f"{release}.production.1", org.clock.now)
    assert org.running() == ["1.1.0", "1.1.0"]


def test_the_executor_starts_it(org: Organisation) -> None:
    release = org.open()
    org.tested(release)
    request = ask(org, release)
    with org.executing() as house:
        org.wait_until(lambda: org.request(request).because != "")
        for person in ("alice", "bob", "carol"):
            approval.answer(house, release, "production", org.claim(person), Answer.APPROVE)
        org.wait_for(f"{release}.production.1")
    assert org.running() == ["1.1.0", "1.1.0"]


def test_what_time_alone_blocks_starts_when_it_opens(org: Organisation) -> None:
    org.adopt(environments=WINDOWS)
    release = org.prepared()
    request = ask(org, release)
    org.sweep()
    assert org.request(request).due_at == org.clock.now + timedelta(days=1)
    assert sweep.next_due(org.house) == org.clock.now + timedelta(days=1)
    org.clock.go(timedelta(hours=23, minutes=59))
    org.sweep()
    assert org.request(request).ended_at is None
    org.clock.go(timedelta(minutes=1))
    org.sweep()
    assert org.request(request).rollout == f"{release}.production.1"


def test_a_refusal_that_stays_the_same_is_recorded_once(org: Organisation) -> None:
    release = org.open()
    ask(org, release)
    for _ in range(5):
        org.sweep()
        org.clock.go(sweep.ASK_AGAIN)
    assert org.kinds().count("decision.denied") == 1
    org.tested(release)
    org.sweep()
    org.sweep()
    assert org.kinds().count("decision.denied") == 2


def test_a_change_while_it_is_asked_is_not_lost(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    release = org.open()
    org.tested(release)
    org.approve(release, "alice", "bob")
    request = ask(org, release)
    real = rollout.refuse

    def meanwhile(*arguments: Any) -> Any:
        # The last approval arrives when this look has already decided.
        monkeypatch.setattr(sweep, "_postpone", approve_first)
        return real(*arguments)

    postpone = sweep._postpone

    def approve_first(*arguments: Any) -> None:
        org.approve(release, "carol")
        postpone(*arguments)

    monkeypatch.setattr(rollout, "refuse", meanwhile)
    org.sweep()
    monkeypatch.undo()
    assert org.request(request).due_at == org.clock.now
    org.sweep()
    assert org.request(request).rollout == f"{release}.production.1"


UNPERMITTED: list[tuple[str, str | None, str]] = [
    ("alice", None, "alice may not start in production"),
    ("rita", "", "rita is only asserted; production asks for signature"),
    ("rita", "alice", "which is none of rita"),
    ("zoe", "", 'the policy knows no person "zoe"'),
]


def test_who_may_not_start_may_not_ask_for_it(org: Organisation) -> None:
    release = org.open()
    for person, key, sentence in UNPERMITTED:
        with pytest.raises(NotPermittedError, match=sentence):
            rollout.ask_start(org.house, release, "production", org.claim(person, key))
        assert org.kinds()[-1] == "start.denied"
    assert org.counts()["tg_request"] == 0


def test_a_signature_is_kept_as_such_or_not_believed(org: Organisation) -> None:
    release = org.open()
    rita = Actor("rita", "ssh", Assurance.SIGNATURE)
    with pytest.raises(NotPermittedError, match="the signature of rita itself is needed"):
        rollout.ask_start(org.house, release, "production", rita)


def test_what_cannot_be_asked_for(org: Organisation) -> None:
    release = org.open()
    ask(org, release)
    with pytest.raises(NotFoundError, match='the policy knows no environment "moon"'):
        ask(org, release, "moon")
    with pytest.raises(ConflictError, match=r"a start of billing-1\.1\.0 in production waits already"):
        ask(org, release)


def test_a_release_that_is_given_up_takes_its_waiting_starts_with_it(org: Organisation) -> None:
    release = org.open()
    request = ask(org, release)
    release_flow.cancel(org.house, release, org.claim("rita"), "not needed")
    ended = org.request(request)
    assert (ended.ended_at, ended.because) == (org.clock.now, "the release was cancelled")
    with pytest.raises(ConflictError, match=r"release billing-1\.1\.0 is cancelled"):
        ask(org, release)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"people": {"rita": {"keys": []}}}, "the policy lists no key of rita"),
        ({"people": {"rita": {"disabled": True}}}, "rita is disabled"),
        (
            {"people": {"rita": None, "carol": {"groups": ["tech-leads", "rm"]}}},
            'the policy knows no person "rita"',
        ),
    ],
)
def test_who_is_not_proven_any_more_starts_nothing(org: Organisation, changes: dict[str, Any], sentence: str) -> None:
    release = org.prepared()
    request = ask(org, release)
    org.adopt(**changes)
    org.sweep()
    ended = org.request(request)
    assert (ended.ended_at, ended.rollout) == (org.clock.now, "")
    assert sentence in ended.because
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.data["request"]) == ("start.denied", request)
    assert org.counts()["tg_rollout"] == 0


def test_who_lost_the_right_waits_and_is_told_why(org: Organisation) -> None:
    release = org.prepared()
    request = ask(org, release)
    org.adopt(permits={"start": ["tech-leads"]})
    org.sweep()
    waiting = org.request(request)
    assert waiting.ended_at is None
    assert "rita may not start in production" in waiting.because


TAMPERED = [
    "UPDATE tg_request SET actor = replace(actor, 'rita', 'carol')",
    "UPDATE tg_request SET environment = 'staging'",
    "UPDATE tg_request SET signature = ''",
    "UPDATE tg_request SET statement = ''",
    "DELETE FROM tg_content WHERE digest = (SELECT statement FROM tg_request WHERE ended_at IS NULL)",
]


def test_a_row_that_was_tampered_with_starts_nothing(org: Organisation) -> None:
    release = org.prepared()
    for statement in TAMPERED:
        request = ask(org, release)
        org.sql(statement)
        org.sweep()
        found = org.request(request)
        assert (found.rollout, found.ended_at) == ("", org.clock.now), statement
    assert org.counts()["tg_rollout"] == 0


def test_a_row_that_was_made_up_starts_nothing(org: Organisation) -> None:
    release = org.prepared()
    forged = requests.Request(
        "start-forged",
        release,
        "production",
        Actor("rita", "ssh", Assurance.SIGNATURE),
        org.clock.now,
        due_at=org.clock.now,
    )
    with org.house.database.write() as connection:
        requests.put(connection, forged)
    org.sweep()
    assert org.request("start-forged").because == "what rita signed for this start is not there"


def test_two_executors_try_a_waiting_start_once(org: Organisation) -> None:
    release = org.prepared()
    request = org.request(ask(org, release))
    other = org.beside()
    sweep.try_start(org.house, request)
    before = org.counts()
    sweep.try_start(other.house, request)
    other.house.database.close()
    assert org.counts() == before
    assert org.kinds().count("rollout.started") == 1


def test_lifting_a_hold_asks_again_at_once(org: Organisation) -> None:
    release = org.prepared()
    held = hold.add(org.house, org.claim("rita"), "stop the line")
    request = ask(org, release)
    org.sweep()
    assert "stop the line" in org.request(request).because
    hold.lift(org.house, org.claim("rita"), held.id)
    org.sweep()
    assert org.request(request).rollout == f"{release}.production.1"


def test_what_waits_for_a_release_that_came_to_its_end_is_ended(org: Organisation) -> None:
    release = org.prepared()
    org.start(release)
    request = ask(org, release, "staging")
    org.carry()
    assert org.request(request).because == "the release is complete"
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.rollout(f"{release}.production.1").state is RolloutState.ROLLED_BACK


@pytest.mark.parametrize(
    "wiped",
    [
        "DELETE FROM tg_hold",
        "UPDATE tg_hold SET lifted_at = since, lifted_by = by",
        "UPDATE tg_hold SET environment = 'staging'",
        "UPDATE tg_hold SET expires_at = since",
    ],
)
def test_a_hold_that_was_wiped_from_its_row_still_stops_until_it_is_over(org: Organisation, wiped: str) -> None:
    release = org.prepared()
    hold.add(org.house, org.claim("rita"), "a smell of smoke", environment="production", lasts=TEN_MINUTES)
    org.sql(wiped)
    (finding,) = org.decide(release).against()
    assert (finding.rule, "a smell of smoke" in finding.message) == ("hold", True)
    org.clock.go(TEN_MINUTES)
    assert org.decide(release).allowed


def test_a_hold_that_would_stop_nothing_is_refused(org: Organisation) -> None:
    with pytest.raises(NotFoundError, match='no environment "prod"'):
        hold.add(org.house, org.claim("rita"), "stop", environment="prod")
    with pytest.raises(NotFoundError, match='no component "x"'):
        hold.add(org.house, org.claim("rita"), "stop", component="x")
    for lasts in (timedelta(0), timedelta(days=-1), timedelta(days=401)):
        with pytest.raises(TidegateError, match="a hold lasts at least a moment") as caught:
            hold.add(org.house, org.claim("rita"), "stop", lasts=lasts)
        assert caught.value.exit_code == 2
    with pytest.raises(TidegateError, match="a hold needs a reason"):
        hold.add(org.house, org.claim("rita"), "  ")
    with pytest.raises(NotPermittedError, match="rita is only asserted; hold asks for signature"):
        hold.add(org.house, Claim("rita"), "stop")
    with pytest.raises(NotPermittedError, match="alice may not hold"):
        hold.lift(org.house, org.claim("alice"), "hold-1")
    assert org.counts()["tg_hold"] == 0
