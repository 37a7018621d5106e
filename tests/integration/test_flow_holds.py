"""The line is stopped: at once, also for what is in flight; a fix passes where somebody who may says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.flows import Organisation, refused
from tidegate.core.effect import EffectState
from tidegate.core.rollout import RolloutState
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import abreast, approval, audit, hold, judge, leg, resuming, rollback
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.store import rollouts

STOPPED = "rita stopped the line until it is lifted: incident 4711"


def test_what_was_allowed_and_not_begun_is_not_begun(org: Organisation) -> None:
    started = org.start(org.prepared())
    made = hold.add(org.house, org.claim("rita"), "incident 4711")
    org.carry()
    stopped = org.rollout(started)
    assert (stopped.state, stopped.because) == (RolloutState.PAUSED, STOPPED)
    assert org.running() == ["absent", "absent"]
    hold.lift(org.house, org.claim("rita"), made.id)
    resuming.resume(org.house, started, org.claim("rita"))
    org.carry()
    assert org.running() == ["1.1.0", "1.1.0"]
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_a_hold_of_a_client_stops_what_is_theirs(make_org: Callable[..., Organisation]) -> None:
    clients = {"acme": {"title": "Acme"}, "globex": {"title": "Globex"}}
    org = make_org(clients=clients, components={"billing": {"client": "acme"}})
    release = org.prepared()
    hold.add(org.house, org.claim("rita"), "their audit", client="globex")
    assert org.decide(release).allowed
    made = hold.add(org.house, org.claim("rita"), "incident 4711", client="acme", environment="production")
    assert made.place == "client acme"
    assert org.reasons(release) == [STOPPED]
    assert org.decide(release, "staging").allowed
    hold.lift(org.house, org.claim("rita"), made.id)
    assert org.decide(release).allowed
    with refused(org, NotFoundError, 'the policy knows no client "initech"', "hold"):
        hold.add(org.house, org.claim("rita"), "?", client="initech")
    with pytest.raises(UsageError, match="a hold is of a component or of a client"):
        hold.add(org.house, org.claim("rita"), "?", client="acme", component="billing")


def test_between_two_waves_it_stops(org: Organisation) -> None:
    started = org.start(org.prepared())
    org.carry_one()
    hold.add(org.house, org.claim("rita"), "incident 4711", environment="production")
    org.carry()
    assert org.rollout(started).state is RolloutState.PAUSED
    assert org.running() == ["1.1.0", "absent"]
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.running() == ["absent", "absent"]


def carried_on(org: Organisation, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> str:
    """Have one leg carry a rollout on; ``meanwhile`` is done once it has gathered what it decides from next."""
    look_ahead = judge.look_ahead
    done: list[object] = []

    def gather(*arguments: Any) -> Any:
        found = look_ahead(*arguments)
        if not done:
            done.append(meanwhile())
        return found

    monkeypatch.setattr(leg, "look_ahead", gather)
    started = org.start(org.prepared())
    leg.carry_waves(org.house, started, 1, lambda: None, lambda: True)
    assert done
    return started


def test_what_was_gathered_before_the_line_was_stopped_lets_nothing_go_on(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    rita = org.claim("rita")
    started = carried_on(org, monkeypatch, lambda: hold.add(org.house, rita, "incident 4711"))
    stopped = org.rollout(started)
    assert (stopped.state, stopped.because) == (RolloutState.PAUSED, STOPPED)
    assert org.running() == ["1.1.0", "absent"]
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_what_was_gathered_before_an_approval_was_revoked_lets_nothing_go_on(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def revoke() -> None:
        approval.revoke(org.house, "billing-1.1.0", "production", org.claim("carol"))

    stopped = org.rollout(carried_on(org, monkeypatch, revoke))
    assert (stopped.state, org.running()) == (RolloutState.PAUSED, ["1.1.0", "absent"])
    assert "approv" in stopped.because
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_what_changed_nothing_that_is_decided_from_lets_it_go_on(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say_something() -> None:
        with org.house.database.write() as connection:
            connection.execute(sa.text("INSERT INTO tg_meta (name, value) VALUES ('something', 'else')"))

    started = carried_on(org, monkeypatch, say_something)
    assert (org.rollout(started).state, org.running()) == (RolloutState.SUCCEEDED, ["1.1.0", "1.1.0"])
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_the_next_wave_is_dispatched_by_the_policy_of_that_moment(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []
    begin = leg._begin_wave

    def begun(*arguments: Any) -> Any:
        began.append("anew")
        return begin(*arguments)

    monkeypatch.setattr(leg, "_begin_wave", begun)
    started = carried_on(org, monkeypatch, lambda: org.adopt(people={"dave": {"name": "David"}}))
    assert (org.rollout(started).state, began) == (RolloutState.SUCCEEDED, ["anew", "anew"])


def test_what_was_gathered_is_not_gathered_again_where_nothing_has_changed(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = org.start(org.prepared())
    gathered: list[str] = []
    lay_out = judge.lay_out

    def counted(connection: sa.Connection, release: str, *arguments: Any, **more: Any) -> Any:
        gathered.append(release)
        return lay_out(connection, release, *arguments, **more)

    monkeypatch.setattr(judge, "lay_out", counted)
    leg.carry_waves(org.house, started, 1, lambda: None, lambda: True)
    # On SQLite while the first wave was waited for, on PostgreSQL after it.
    assert (org.rollout(started).state, gathered) == (RolloutState.SUCCEEDED, ["billing-1.1.0"])


def test_effects_are_dispatched_durably_before_a_unit_is_asked_in_every_wave(org: Organisation) -> None:
    seen: dict[str, EffectState] = {}
    started = org.start(org.prepared())

    def asked(said: str) -> None:
        (unit,) = (unit for unit in ("web1", "web2") if unit in said)
        with org.house.database.read() as connection:
            rows = rollouts.effects_of(connection, rollouts.load(connection, started))
        seen[unit] = next(row.state for row in rows if row.effect.unit == unit)

    leg.carry_waves(replace(org.house, say=asked), started, 1, lambda: None, lambda: True)
    assert seen == {"web1": EffectState.DISPATCHED, "web2": EffectState.DISPATCHED}
    assert org.rollout(started).state is RolloutState.SUCCEEDED


def test_within_a_wave_it_stops_before_the_units_whose_turn_has_not_come(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leg, "AT_ONCE", 1)
    monkeypatch.setattr(abreast, "AT_ONCE", 1)
    org.adopt(environments={"production": {"strategy": {"rolling": None, "recreate": {}}}})
    started = org.start(org.prepared())
    held: list[str] = []

    def stop(said: str) -> None:
        if not held and "web1" in said:
            held.append(hold.add(org.house, org.claim("rita"), "incident 4711").id)

    org.house = replace(org.house, say=stop)
    org.carry()
    assert org.running() == ["1.1.0", "absent"]
    stopped = org.rollout(started)
    assert (stopped.state, stopped.because) == (RolloutState.PAUSED, STOPPED)
    with pytest.raises(DecisionRefusedError):
        resuming.resume(org.house, started, org.claim("rita"))
    hold.lift(org.house, org.claim("rita"), held[0])
    resuming.resume(org.house, started, org.claim("rita"))
    org.carry()
    assert (org.running(), org.rollout(started).state) == (["1.1.0", "1.1.0"], RolloutState.SUCCEEDED)
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_within_a_wave_that_was_stopped_the_way_back_leads_everywhere(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leg, "AT_ONCE", 1)
    monkeypatch.setattr(abreast, "AT_ONCE", 1)
    org.adopt(environments={"production": {"strategy": {"rolling": None, "recreate": {}}}})
    started = org.start(org.prepared())

    def stop(said: str) -> None:
        if "1.1.0 on web1" in said:
            resuming.pause_by_person(org.house, started, org.claim("rita"), "wait")

    org.house = replace(org.house, say=stop)
    org.carry()
    assert (org.running(), org.rollout(started).because) == (["1.1.0", "absent"], "wait")
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert (org.running(), org.rollout(started).state) == (["absent", "absent"], RolloutState.ROLLED_BACK)


def test_a_fix_passes_where_somebody_says_so(org: Organisation) -> None:
    rita = org.claim("rita")
    made = hold.add(org.house, rita, "incident 4711")
    feature = org.prepared()
    with pytest.raises(ConflictError, match=r'billing-1\.1\.0 is no fix: it contains "second"'):
        hold.pass_fix(org.house, rita, made.id, feature, "mends it")
    org.sql("UPDATE tg_item SET changes = replace(changes, 'feat', 'fix')")
    for person, key, because in (("alice", None, "alice may not hold"), ("rita", "", "rita is only asserted")):
        with pytest.raises(NotPermittedError, match=because):
            hold.pass_fix(org.house, org.claim(person, key), made.id, feature, "mends it")
    assert org.reasons(feature) == [STOPPED]
    hold.pass_fix(org.house, rita, made.id, feature, "mends it")
    assert org.kinds()[-1] == "hold.passed"
    (found,) = [f for f in org.decide(feature).findings if f.rule == "hold"]
    assert found.notable
    assert found.message == "rita stopped the line (incident 4711), and rita lets this fix pass: mends it"
    org.start(feature)
    org.carry()
    assert org.running() == ["1.1.0", "1.1.0"]
    other = hold.add(org.house, rita, "another one")
    with pytest.raises(NotFoundError, match="there is no hold"):
        hold.pass_fix(org.house, rita, "hold-0", feature, "mends it")
    with pytest.raises(DecisionRefusedError):
        org.start(org.prepared("1.2.0"))
    assert other.id != made.id


def test_who_may_not_stop_the_line_any_more_lets_nothing_pass(org: Organisation) -> None:
    release = org.prepared()
    org.sql("UPDATE tg_item SET changes = replace(changes, 'feat', 'fix')")
    made = hold.add(org.house, org.claim("rita"), "incident 4711")
    hold.pass_fix(org.house, org.claim("rita"), made.id, release, "mends it")
    assert org.reasons(release) == []
    org.adopt(permits={"hold": ["carol"]})
    assert set(org.reasons(release)) == {STOPPED}
