"""Drills: a rollback rehearsed where nothing is at stake, an emergency exercised, production shut while one is due."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation
from tidegate.core.effect import Health
from tidegate.core.release import ReleaseState
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import audit, drill
from tidegate.store import releases
from tidegate.store.drills import DrillRow

DEMANDS: dict[str, Any] = {
    "groups": {"rm": {"title": "Release managers"}},
    "contacts": {"first": {"title": "First line", "reach": "file:ONCALL.md", "group": "tech-leads"}},
    "emergency": {"call": ["first"]},
    "drills": {
        "rollback": {"title": "Rollback", "of": "rollback", "every": "quarterly", "by": "rm", "blocks": True},
        "alarm": {"title": "Alarm", "of": "emergency", "every": "yearly", "by": "rm", "acknowledge_within": "15m"},
        "restore": {"title": "Restore", "of": "restore", "every": "on demand"},
    },
}
NEVER = ["Rollback was never rehearsed with success"]


def carried(org: Organisation, name: str = "rollback", environment: str = "staging") -> DrillRow:
    def follow(rollout: str) -> bool:
        org.clock.go(timedelta(seconds=30))
        org.carry()
        return org.rollout(rollout).state.value == "succeeded"

    return drill.carry(
        org.house, org.claim("rita"), drill.prepare(org.house, org.claim("rita"), name, environment), follow
    )


def twice_in_staging(org: Organisation) -> str:
    """Two versions were rolled out to staging; the later release is on its way."""
    for version in ("1.1.0", "1.2.0"):
        org.start(org.prepared(version), "staging")
        org.carry()
    return "billing-1.2.0"


def standing(org: Organisation) -> drill.Standing:
    (one,) = [one for one in drill.standings(org.house) if one.name == "rollback"]
    return one


def test_a_rollback_is_rehearsed_and_measured(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    release = twice_in_staging(org)
    assert org.reasons(release) == NEVER
    row = carried(org)
    assert (row.succeeded, row.seconds, row.measured["forward_s"]) == (True, 30, 30)
    assert org.running("staging") == ["1.2.0", "1.2.0"]
    assert org.reasons(release) == []
    kinds = org.kinds()
    assert [kind for kind in kinds if kind.startswith("drill.")] == ["drill.begun", "drill.recorded"]
    assert org.leaves()[-1].data["signature"]
    assert "hold.lifted" in kinds
    org.start(release)
    org.carry()
    assert org.running() == ["1.2.0", "1.2.0"]
    assert audit.verify(org.house).holds
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_after_a_quarter_it_is_due_again(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    release = twice_in_staging(org)
    carried(org)
    last = standing(org)
    assert not last.overdue
    assert last.due_at is not None
    org.clock.now = last.due_at - timedelta(microseconds=1)
    assert org.reasons(release) == []
    org.clock.now = last.due_at
    (message,) = org.reasons(release)
    assert message.startswith("Rollback was rehearsed last Tue 1 Dec 2026 10:01 PST, and was due again Mon 1 Mar 2027")
    assert standing(org).overdue


def test_what_was_forged_or_is_of_somebody_who_left_does_not_count(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    release = twice_in_staging(org)
    carried(org)
    for forged in (
        "UPDATE tg_drill SET seconds = 1",
        "UPDATE tg_drill SET environment = 'production'",
        "UPDATE tg_drill SET statement = ''",
    ):
        assert org.reasons(release, supposing=forged) == NEVER
    assert org.reasons(release) == []


def test_one_that_fails_does_not_count(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    release = twice_in_staging(org)
    org.worlds["staging"].health = lambda unit, package: Health.NO
    row = carried(org)
    assert row.succeeded is False
    assert org.reasons(release) == NEVER


def test_never_in_production_and_only_where_it_can_end(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    rita = org.claim("rita")
    with pytest.raises(UsageError, match="production is production: nothing is rehearsed there"):
        drill.prepare(org.house, rita, "rollback", "production")
    release = org.prepared("1.1.0")
    org.start(release, "staging")
    org.carry()
    with pytest.raises(ConflictError, match="billing in staging has no earlier version"):
        drill.prepare(org.house, rita, "rollback", "staging")
    with pytest.raises(NotFoundError, match='the policy knows no drill "fire"'):
        drill.prepare(org.house, rita, "fire", "staging")
    with pytest.raises(UsageError, match="alarm rehearses an emergency"):
        drill.prepare(org.house, rita, "alarm", "staging")
    with pytest.raises(NotPermittedError, match="alice may not hold the drill rollback"):
        drill.prepare(org.house, org.claim("alice"), "rollback", "staging")
    assert org.kinds()[-1] == "drill.denied"
    assert org.running("staging") == ["1.1.0", "1.1.0"]


QUARTERLY: dict[str, Any] = {
    "drills": {"rollback": {"title": "Rollback", "of": "rollback", "every": "quarterly", "by": "rm"}}
}


def test_what_production_has_is_rehearsed_with_when_it_is_due_again(org: Organisation) -> None:
    org.adopt(**QUARTERLY)
    release = twice_in_staging(org)
    org.start(release)
    org.carry()
    org.clock.go(timedelta(days=100))
    row = carried(org)
    assert (row.succeeded, row.measured["forward_s"]) == (True, 30)
    assert (org.running("staging"), org.running()) == (["1.2.0", "1.2.0"], ["1.2.0", "1.2.0"])
    with org.house.database.read() as connection:
        assert releases.load(connection, release).facts.state is ReleaseState.RELEASED
    assert audit.verify(org.house).holds
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_nothing_is_taken_back_that_could_not_go_forward_again(org: Organisation) -> None:
    org.adopt(**QUARTERLY, environments={"staging": {"gates": ["tests"]}}, gates={"tests": {"fresh": "7d"}})
    release = twice_in_staging(org)
    org.start(release)
    org.carry()
    org.clock.go(timedelta(days=100))
    with pytest.raises(ConflictError, match=r"taken back from staging, billing-1\.2\.0 could not go forward again: .*"):
        drill.prepare(org.house, org.claim("rita"), "rollback", "staging")
    assert org.running("staging") == ["1.2.0", "1.2.0"]
    org.tested(release)
    assert carried(org).succeeded


def test_a_rehearsal_by_hand_is_signed_and_is_evidence_for_gates(org: Organisation, tmp_path: Path) -> None:
    gates = {"rehearsed": {"evidence": "drill", "pass": "drill.succeeded && drill.duration_s < 900", "fresh": "92d"}}
    org.adopt(**DEMANDS, gates=gates, environments={"production": {"gates": ["tests", "rehearsed"]}})
    release = org.prepared()
    report = tmp_path / "report.md"
    report.write_text("# Went back in ten minutes")
    with pytest.raises(NotPermittedError, match="rita has not signed"):
        drill.record_by_hand(org.house, org.claim("rita", ""), "rollback", report, succeeded=True, seconds=600)
    assert len(org.reasons(release)) == 2
    row = drill.record_by_hand(org.house, org.claim("rita"), "rollback", report, succeeded=True, seconds=600)
    assert row.report
    assert org.reasons(release) == []
    org.clock.go(timedelta(seconds=1))
    drill.record_by_hand(org.house, org.claim("rita"), "rollback", report, succeeded=False, seconds=600)
    (message,) = org.reasons(release)
    assert message == (
        "drill from rollback: drill.succeeded: deny (drill.succeeded = false; needs drill.succeeded == true), "
        "drill.duration_s < 900: allow (drill.duration_s = 600.0)"
    )


def test_an_exercise_measures_until_somebody_acknowledges(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    rita, carol = org.claim("rita"), org.claim("carol")
    row = drill.call(org.house, rita, "alarm")
    (said,) = [m for m in org.messages() if m.occasion == "drill.called"]
    assert said.channel == "file:ONCALL.md"
    assert said.body.startswith("Example: THIS IS AN EXERCISE. Alarm: rita calls First line (file:ONCALL.md).")
    for person in ("rita", "alice"):
        with pytest.raises(NotPermittedError, match=f"{person} may not acknowledge {row.id}"):
            drill.acknowledge(org.house, org.claim(person), row.id)
    org.clock.go(timedelta(minutes=15))
    done = drill.acknowledge(org.house, carol, row.id)
    assert (done.succeeded, done.seconds) == (True, 900)
    with pytest.raises(ConflictError, match=f"{row.id} was ended by carol"):
        drill.acknowledge(org.house, carol, row.id)
    late = drill.call(org.house, rita, "alarm")
    org.clock.go(timedelta(minutes=15, seconds=1))
    done = drill.acknowledge(org.house, carol, late.id)
    assert (done.succeeded, done.seconds) == (False, 901)
    assert org.leaves()[-1].data["late"] is True


def test_one_that_cannot_come_to_its_end_is_given_up_and_counts_for_nothing(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    release = twice_in_staging(org)
    begun = drill.prepare(org.house, org.claim("rita"), "rollback", "staging").drill
    with pytest.raises(UsageError, match="given up for a reason"):
        drill.abandon(org.house, org.claim("rita"), begun, " ")
    with pytest.raises(NotPermittedError, match="bob may not hold the drill rollback"):
        drill.abandon(org.house, org.claim("bob"), begun, "the machine failed")
    with pytest.raises(NotPermittedError):
        drill.abandon(org.house, org.claim("rita", ""), begun, "the machine failed")

    row = drill.abandon(org.house, org.claim("rita"), begun, "the machine failed")
    assert (row.succeeded, row.measured) == (False, {"abandoned": "the machine failed"})
    assert org.reasons(release) == NEVER
    assert org.kinds()[-1] == "drill.recorded"
    with pytest.raises(ConflictError, match="is over already"):
        drill.abandon(org.house, org.claim("rita"), begun, "once more")


def test_an_exercise_is_not_given_up(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    called = drill.call(org.house, org.claim("rita"), "alarm").id
    with pytest.raises(UsageError, match="ends when somebody acknowledges"):
        drill.abandon(org.house, org.claim("rita"), called, "nobody came")
