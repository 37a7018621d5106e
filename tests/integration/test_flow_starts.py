"""Starting: one transaction or nothing, one rollout or a conflict, and who it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.test_flow_approvals import copied_package
from tests.support.flows import Organisation
from tests.support.patience import PATIENCE_S
from tidegate.core.actor import Actor, Assurance
from tidegate.core.effect import EffectEvent, EffectState, Package, Presence
from tidegate.core.rollout import RolloutState
from tidegate.core.statement import Act
from tidegate.engine.legs import LegInterrupted, LegState
from tidegate.engine.queue import LegQueue
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, TargetError, TidegateError
from tidegate.orchestration import checkpoint, hold, leg, release, resuming, rollback, rollout, sight
from tidegate.orchestration import record as record_module
from tidegate.orchestration.identity import Claim, Proven, prove_act
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.store import holds, leases, log, outbox, policies, rollouts
from tidegate.store.rollouts import EffectRow

MESSAGES = [
    {"on": "rollout.progressed", "to": "file:NOTICES.md", "say": "status"},
    {"on": "release.completed", "to": "file:NOTICES.md", "say": "released"},
]


def proven(org: Organisation, act: Act, person: str = "rita", **concerns: str) -> Proven:
    with org.house.database.read() as connection:
        policy = policies.current(connection).policy
    return prove_act(org.house, policy, org.claim(person), act, **concerns)


def changed(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


# What a refusal and a check leave behind.


def test_a_plain_check_writes_nothing(org: Organisation) -> None:
    opened = org.open()
    before = org.counts()
    assert not org.decide(opened).allowed
    assert org.counts() == before


def test_a_refused_start_leaves_one_denied_leaf(org: Organisation) -> None:
    opened = org.open()
    before = org.counts()
    with pytest.raises(DecisionRefusedError, match="there is no junit evidence for billing") as caught:
        org.start(opened)
    assert caught.value.exit_code == 3
    after = changed(before, org.counts())
    # Its question, facts, decision and the spent signature are part of the record.
    assert set(after) == {"tg_leaf", "tg_content", "tg_spent"}
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.verdict, leaf.actor.person) == ("decision.denied", "deny", "rita")
    assert all(unit.token is None for unit in org.worlds["production"].units.values())


def test_an_unknown_environment_is_refused_by_decision(org: Organisation) -> None:
    opened = org.prepared()
    for environment in ("moon", ""):
        with pytest.raises(DecisionRefusedError, match="the policy knows no environment"):
            org.start(opened, environment)
        assert org.kinds()[-1] == "decision.denied"


def test_an_unknown_release_is_not_found(org: Organisation) -> None:
    with pytest.raises(NotFoundError, match=r'there is no release "billing-9\.9\.9"'):
        org.start("billing-9.9.9")
    assert org.kinds()[-1] == "start.denied"


def test_the_policy_is_asked_before_a_target_is_touched(org: Organisation) -> None:
    opened = org.open()
    for unit in org.worlds["production"].units.values():
        unit.reachable = False
    with pytest.raises(DecisionRefusedError):
        org.start(opened)
    org.tested(opened)
    org.approve(opened)
    before = org.counts()
    with pytest.raises(TargetError, match="the unit does not answer: no answer"):
        org.start(opened)
    assert org.counts() == before


def test_what_the_record_does_not_know_is_not_replaced(org: Organisation) -> None:
    opened = org.prepared()
    org.worlds["production"].units["web1"].running = Package("0.9.0", "9" * 64)
    with pytest.raises(TargetError, match=r"it runs 0\.9\.0 \(999999999999\), and no rollout brought it there"):
        org.start(opened)
    org.worlds["production"].units["web1"].running = Presence.FOREIGN
    with pytest.raises(TargetError, match="something runs there that Tidegate did not put there") as caught:
        org.start(opened)
    assert caught.value.remedy == "tidegate adopt billing production --version VERSION"


def test_what_runs_besides_the_record_is_not_replaced(org: Organisation) -> None:
    org.released()
    org.worlds["production"].units["web2"].running = Package("1.0.9", "9" * 64)
    with pytest.raises(TargetError, match=r"it runs 1\.0\.9 \(999999999999\), and the record says 1\.1\.0"):
        org.start(org.prepared("1.2.0"))


# One transaction.


class FailedError(Exception):
    """What is made to fail in the middle of a start."""


def fail(*_: Any, **__: Any) -> Any:
    raise FailedError


def test_what_cannot_be_recorded_whole_is_not_begun(make_org: Callable[..., Organisation]) -> None:
    org = make_org(communication=MESSAGES)
    opened = org.prepared()
    before = org.counts()
    points: list[tuple[object, str]] = [
        (rollout, "record"),
        (org.legs, "enqueue"),
        (outbox, "put"),
        (log, "append"),
        (org.house.database, "at"),
    ]
    for where, name in points:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, name, fail)
            with pytest.raises(FailedError):
                org.start(opened)
        assert org.counts() == before
        assert org.legs.waiting == []
    assert org.decide(opened).allowed
    org.start(opened)
    org.carry()
    assert org.running() == ["1.1.0", "1.1.0"]


def test_the_leg_is_enqueued_in_the_transaction_that_decides(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = LegQueue(org.house.database)
    house = replace(org.house, queue=queue)
    opened = org.prepared()

    monkeypatch.setattr(rollout, "record", fail)
    with pytest.raises(FailedError):
        rollout.start(house, opened, "production", org.claim("rita"))
    leg = checkpoint.leg_id(f"{opened}.production.1", 1)
    assert queue.status(leg).state is LegState.ABSENT
    monkeypatch.undo()
    rollout.start(house, opened, "production", org.claim("rita"))
    assert queue.status(leg).state is LegState.QUEUED
    queue.close()


def test_a_leaf_that_would_be_too_long_is_shortened_and_never_lost(org: Organisation) -> None:
    with org.house.database.write() as connection:
        entry = record_module.Entry(
            "test.recorded",
            Actor("rita", "a\x00b\udcff", Assurance.ASSERTED),
            data={"because": "x" * 1_000_000, "units": ["web"] * 100_000, "found": {str(n): "y" for n in range(1000)}},
        )
        record_module.record(connection, entry, org.house.now())
    leaf = org.leaves()[-1]
    assert leaf.data["because"].endswith("... (1000000 characters)")
    assert leaf.data["units"][-1] == "and 99800 more"
    assert leaf.data["found"]["..."] == "and 800 more"


# At once.


def at_once(org: Organisation, acts: list[Callable[[Organisation], Any]]) -> list[Any]:
    """Do all ``acts`` at the same moment, each over connections of its own; what each returned or raised."""
    barrier = Barrier(len(acts))

    def one(act: Callable[[Organisation], Any]) -> Any:
        beside = org.beside()
        barrier.wait(PATIENCE_S)
        try:
            return act(beside)
        except TidegateError as error:
            return error
        finally:
            beside.house.database.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_of_many_starts_at_once_one_begins(org: Organisation) -> None:
    opened = org.prepared()
    outcomes = at_once(org, [lambda o: o.start(opened)] * 6)
    begun = [o for o in outcomes if isinstance(o, str)]
    refused = [o for o in outcomes if not isinstance(o, str)]
    assert begun == [f"{opened}.production.1"]
    assert {type(o) for o in refused} == {ConflictError}
    assert {o.exit_code for o in refused} == {6}
    assert all("another rollout of billing is under way in production" in o.what for o in refused)
    org.carry()
    assert org.kinds().count("rollout.started") == 1
    assert org.kinds().count("start.denied") == 5
    assert org.running() == ["1.1.0", "1.1.0"]


def test_two_releases_of_one_component_at_once(org: Organisation) -> None:
    first, second = org.prepared(), org.prepared("1.2.0")
    outcomes = at_once(org, [lambda o: o.start(first), lambda o: o.start(second)] * 2)
    assert sum(isinstance(o, str) for o in outcomes) == 1
    assert {type(o) for o in outcomes if not isinstance(o, str)} == {ConflictError}


def test_two_starts_and_an_approval_at_once(org: Organisation) -> None:
    for number in range(1, 4):
        opened = org.open(f"1.{number}.0")
        org.tested(opened)
        org.approve(opened, "alice", "bob")

        def start(one: Organisation, opened: str = opened) -> Any:
            return one.start(opened)

        def approve(one: Organisation, opened: str = opened) -> Any:
            return one.approve(opened, "carol")

        outcomes = at_once(org, [start, approve, start])
        begun = [o for o in outcomes if isinstance(o, str)]
        # Before the approval a start is refused by decision, after it one begins and the other finds it there.
        assert outcomes[1] is None
        assert len(begun) <= 1
        assert {type(o) for o in outcomes if isinstance(o, TidegateError)} <= {DecisionRefusedError, ConflictError}
        if not begun:
            org.start(opened)
        org.carry()
        assert org.kinds().count("rollout.started") == number


def test_acts_that_lock_everything_at_once_never_deadlock(org: Organisation) -> None:
    opened = org.prepared()
    acts: list[Callable[[Organisation], Any]] = [
        lambda o: o.start(opened),
        lambda o: o.adopt(rehearsal="one"),
        lambda o: hold.add(o.house, o.claim("rita"), "stop", lasts=timedelta(hours=1)),
        lambda o: o.tested(opened),
        lambda o: o.start(opened, "staging"),
        lambda o: rollout.ask_start(o.house, opened, "production", o.claim("rita")),
        lambda o: release.attach(o.house, opened, copied_package(o), o.claim("rita")),
        lambda o: rollback.roll_back(o.house, "billing", "production", o.claim("rita")),
    ]
    for outcome in at_once(org, acts):
        if isinstance(outcome, TidegateError):
            assert outcome.exit_code in (3, 4, 5, 6), outcome
            assert "locked" not in outcome.what
    from tidegate.orchestration import audit

    assert audit.verify(org.house).holds
    assert {found.problem for found in audit.rejudge(org.house)} <= {""}


def test_the_order_of_the_log_is_one_under_many_writers(org: Organisation) -> None:
    opened = org.open()
    outcomes = at_once(org, [lambda o: [o.tested(opened) for _ in range(5)]] * 6)
    assert not [o for o in outcomes if isinstance(o, TidegateError)]
    from tidegate.orchestration import audit

    assert audit.verify(org.house).holds
    times = [leaf.time for leaf in org.leaves()]
    assert times == sorted(set(times))


def test_an_artifact_that_changes_between_the_look_and_the_decision_is_not_carried(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = org.prepared()
    real = sight._source

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(sight, "_source", real)
        found = real(*arguments)
        release.attach(org.house, opened, copied_package(org), org.claim("rita"))
        org.approve(opened)
        return found

    monkeypatch.setattr(sight, "_source", meanwhile)
    started = org.rollout(org.start(opened))
    import hashlib

    assert started.target is not None
    assert started.target.digest == hashlib.sha256(copied_package(org).read_bytes()).hexdigest()


# Who it was.


UNPERMITTED: list[tuple[str, str | None, type[TidegateError], str]] = [
    ("alice", None, DecisionRefusedError, "alice may not start in production"),
    ("rita", "", DecisionRefusedError, r"rita is only asserted \(typed name\); production asks for signature"),
    ("rita", "alice", NotPermittedError, "which is none of rita"),
    ("zoe", "", NotPermittedError, 'the policy knows no person "zoe"'),
    ("tidegate", "", NotPermittedError, 'the policy knows no person "tidegate"'),
]


def test_who_may_not_start(org: Organisation) -> None:
    opened = org.prepared()
    for person, key, kind, sentence in UNPERMITTED:
        with pytest.raises(kind, match=sentence):
            rollout.start(org.house, opened, "production", org.claim(person, key))
        assert org.kinds()[-1] in ("decision.denied", "start.denied")
    assert org.counts()["tg_rollout"] == 0


OTHER_ACTS = [
    (Act.START, {"release": "other-1.0.0", "environment": "production"}, "its release is 'other-1.0.0'"),
    (Act.START, {"release": "billing-1.1.0", "environment": "staging"}, "its environment is 'staging'"),
    (Act.ROLLBACK, {"release": "billing-1.1.0", "environment": "production"}, "its act is 'rollback'"),
]


def test_a_signature_for_something_else_starts_nothing(org: Organisation) -> None:
    opened = org.prepared()
    for act, concerns, sentence in OTHER_ACTS:
        signed = proven(org, act, **concerns)
        with pytest.raises(NotPermittedError, match=f"rita has signed something else: {sentence}"):
            rollout.start(org.house, opened, "production", signed)


def test_a_signed_start_is_spent_once(org: Organisation) -> None:
    opened = org.prepared()
    signed = proven(org, Act.START, release=opened, environment="staging")
    rollout.start(org.house, opened, "staging", signed)
    org.carry()
    rollback.roll_back(org.house, "billing", "staging", org.claim("rita"))
    org.carry()
    with org.house.database.read() as connection:
        (held,) = holds.in_force(connection, org.clock.now)
    hold.lift(org.house, org.claim("rita"), held.id, "it was taken back for this test alone")
    assert org.decide(opened, "staging").allowed
    with pytest.raises(ConflictError, match="this signed statement was used before"):
        rollout.start(org.house, opened, "staging", signed)


def test_a_claimed_actor_is_proven_by_what_was_signed_and_not_by_what_is_said(org: Organisation) -> None:
    opened = org.prepared()
    signed = proven(org, Act.START, release=opened, environment="production", person="alice")
    forged = replace(signed, actor=Actor("rita", "ssh", Assurance.SIGNATURE))
    with pytest.raises(NotPermittedError, match="which is none of rita"):
        rollout.start(org.house, opened, "production", forged)


def test_the_proof_of_a_start_stays_with_it(org: Organisation) -> None:
    started = org.rollout(org.start(org.prepared()))
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.data["statement"]) == ("rollout.started", started.statement)
    assert leaf.data["signature"] == started.signature
    assert started.signature


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"people": {"rita": {"keys": []}}}, "who started it is not proven any more: the policy lists no key of rita"),
        ({"people": {"rita": {"disabled": True}}}, "who started it is not proven any more: rita is disabled"),
        ({"permits": {"start": ["tech-leads"]}}, "rita may not continue in production"),
    ],
    ids=["key removed", "disabled", "right lost"],
)
def test_who_started_is_proven_again_at_each_checkpoint(
    org: Organisation, changes: dict[str, Any], sentence: str
) -> None:
    started = org.start(org.prepared())
    org.adopt(**changes)
    org.carry()
    found = org.rollout(started)
    assert found.state is RolloutState.PAUSED
    assert sentence in found.because
    assert org.running() == ["1.1.0", "absent"]


def test_somebody_else_may_take_a_paused_rollout_on(make_org: Callable[..., Organisation]) -> None:
    org = make_org(permits={"start": ["rm", "tech-leads"]})
    started = org.start(org.prepared())
    org.adopt(people={"rita": {"disabled": True}}, permits={"start": ["rm", "tech-leads"]})
    org.carry()
    assert org.rollout(started).state is RolloutState.PAUSED
    resuming.resume(org.house, started, org.claim("carol"))
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    leaf = next(leaf for leaf in org.leaves() if leaf.kind == "rollout.continued")
    assert leaf.actor.person == "carol"


def _pause(org: Organisation, started: str, claim: Claim) -> None:
    resuming.pause_by_person(org.house, started, claim, "")


def _resume(org: Organisation, started: str, claim: Claim) -> None:
    resuming.resume(org.house, started, claim)


@pytest.mark.parametrize("act", [_pause, _resume])
def test_a_typed_name_neither_pauses_nor_resumes(
    org: Organisation, act: Callable[[Organisation, str, Claim], None]
) -> None:
    started = org.start(org.prepared())
    if act is _resume:
        _pause(org, started, org.claim("rita"))
    with pytest.raises(NotPermittedError, match="rita is only asserted; production asks for signature"):
        act(org, started, org.claim("rita", ""))
    with pytest.raises(NotPermittedError, match="alice may not start"):
        act(org, started, org.claim("alice"))
    assert org.kinds()[-2:] == ["rollout.denied", "rollout.denied"]


def test_a_paused_rollback_is_resumed_by_who_may_roll_back(org: Organisation) -> None:
    org.released()
    back = rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    with org.house.database.write() as connection:
        found = checkpoint.lock_rollout(connection, back)
        checkpoint.pause(connection, found, Actor.automation("test"), org.house.now(), "for the test")
    with pytest.raises(NotPermittedError, match="rita is only asserted"):
        resuming.resume(org.house, back, org.claim("rita", ""))
    resuming.resume(org.house, back, org.claim("rita"))
    org.carry()
    assert org.running() == ["absent", "absent"]


def test_a_name_of_a_person_is_no_name_of_a_group(org: Organisation) -> None:
    from tidegate.errors import PolicyError

    with pytest.raises(PolicyError, match='"rita" is the name of a person and of a group'):
        org.adopt(people={"alice": {"groups": ["rita"]}})


def test_where_less_is_asked_a_typed_name_suffices_there_and_nowhere_else(
    make_org: Callable[..., Organisation],
) -> None:
    org = make_org(environments={"staging": {"assurance": "asserted"}, "production": {"assurance": "asserted"}})
    opened = org.prepared()
    with pytest.raises(
        DecisionRefusedError, match=r"rita is only asserted \(typed name\); production asks for session"
    ):
        rollout.start(org.house, opened, "production", Claim("rita"))
    assert rollout.start(org.house, opened, "staging", Claim("rita"))
    leaf = org.leaves()[-1]
    assert (leaf.actor.assurance, "signature" in leaf.data) == (Assurance.ASSERTED, False)


def test_names_as_long_as_they_may_be_can_still_be_taken_back(make_org: Callable[..., Organisation]) -> None:
    component, version = "b" * 62, "1.1.0-" + "x" * 40
    hosts = {"driver": "host", "hosts": [{"name": "web1", "path": "/srv/web1"}]}
    org = make_org(
        components={component: {"path": "app", "tag": "billing-v{version}", "targets": {"production": hosts}}}
    )
    opened = release.open_release(org.house, component, org.claim("rita"), version=version).release.id
    org.tested(opened)
    org.approve(opened)
    started = org.start(opened)
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    back = rollback.roll_back(org.house, component, "production", org.claim("rita"))
    org.carry()
    assert org.rollout(back).state is RolloutState.SUCCEEDED
    assert org.running() == ["absent", "absent"]


def test_the_lease_is_given_back_and_its_token_only_rises(org: Organisation) -> None:
    org.released()
    with org.house.database.read() as connection:
        first = leases.token(connection, "billing", "production")
    org.released("1.2.0")
    with org.house.database.read() as connection:
        second = leases.token(connection, "billing", "production")
        holder = connection.execute(sa.text("SELECT holder FROM tg_lease")).scalar_one()
    assert first is not None
    assert second is not None
    assert (second > first, holder) == (True, "")


@pytest.mark.parametrize(("stays_s", "legs"), [(60.0, 1), (0.0, 2)])
def test_a_leg_carries_wave_after_wave_until_others_have_waited_long_enough(
    org: Organisation, monkeypatch: pytest.MonkeyPatch, stays_s: float, legs: int
) -> None:
    monkeypatch.setattr(leg, "STAYS_S", stays_s)
    ready = org.prepared()
    with org.executing() as house:
        started = rollout.start(house, ready, "production", org.claim("rita"))
        org.wait_for(started)
    carried = org.rollout(started)
    assert (carried.state, len(carried.waves), carried.legs) == (RolloutState.SUCCEEDED, 2, legs)


@pytest.mark.parametrize("details", [("", ""), ("slow", "")])
def test_effects_are_moved_together_and_what_somebody_else_moved_stays(
    org: Organisation, details: tuple[str, str]
) -> None:
    started = org.start(org.prepared())

    def move(rows: Sequence[EffectRow], event: EffectEvent) -> tuple[list[EffectRow], bool]:
        moves = [(row, event, detail) for row, detail in zip(rows, details, strict=True)]
        return rollouts.move_effects(connection, moves, org.house.now())

    with org.house.database.write() as connection:
        kept = rollouts.load(connection, started)
        checkpoint.intend_wave(connection, kept, 1, org.house.now())
        intended = rollouts.effects_of(connection, kept)
        dispatched, all_were_ours = move(intended, EffectEvent.DISPATCH)
        assert all_were_ours
        assert rollouts.effects_of(connection, kept) == dispatched
        rollouts.move_effect(connection, dispatched[0], EffectEvent.FAIL, org.house.now(), "by another")
        confirmed, all_were_ours = move(dispatched, EffectEvent.CONFIRM)
        assert not all_were_ours
        now = {row.effect.unit: (row.state, row.detail) for row in rollouts.effects_of(connection, kept)}
    assert now == {"web1": (EffectState.FAILED, "by another"), "web2": (EffectState.CONFIRMED, "")}
    assert [row.state for row in confirmed] == [EffectState.CONFIRMED] * 2


def test_who_slept_while_another_carried_its_leg_on_concludes_nothing_of_a_later_wave(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = org.start(org.prepared())
    conclude = leg._conclude
    asked: list[int] = []

    def interrupted() -> None:
        asked.append(1)
        if len(asked) == 2:  # after the wave, before the next one
            raise LegInterrupted

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(leg, "_conclude", conclude)
        with pytest.raises(LegInterrupted):
            leg.carry_waves(org.house, started, 1, interrupted, lambda: True)
        return conclude(*arguments)

    monkeypatch.setattr(leg, "_conclude", late)
    said = leg.carry_waves(org.house, started, 1, lambda: None, lambda: True)

    assert said == {"over": "running"}
    now = org.rollout(started)
    assert (now.state, now.wave, now.legs) == (RolloutState.RUNNING, 1, 1)
    assert org.running() == ["1.1.0", "absent"]
    leg.carry_waves(org.house, started, 1, lambda: None, lambda: True)
    assert (org.rollout(started).state, org.running()) == (RolloutState.SUCCEEDED, ["1.1.0", "1.1.0"])
