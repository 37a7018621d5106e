"""An incident: opened by a rollback in production with its facts, written up, closed by what the policy demands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.flows import Organisation
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import audit, incident, rollback
from tidegate.orchestration.incident import IncidentStandsError
from tidegate.store import incidents
from tidegate.views.incident import IncidentView, incident_view

DEMANDS = {
    "documents": {"incident-report": {"title": "Incident report"}},
    "gates": {"smoke": {"evidence": "smoke", "pass": "smoke.total > 0 && smoke.failed == 0"}},
    "rollback": {"documents": ["incident-report"], "validation": ["smoke"]},
    "communication": [
        {"on": "incident.opened", "to": "file:NOTICES.md", "say": "status"},
        {"on": "incident.closed", "to": "file:NOTICES.md", "say": "status"},
    ],
}


def only(org: Organisation) -> IncidentView:
    with org.house.database.read() as connection:
        (row,) = incidents.everything(connection)
    return incident_view(org.house, row.id)


def taken_back(org: Organisation, reason: str = "checkout answers 500") -> IncidentView:
    org.released("1.1.0")
    org.clock.go(timedelta(minutes=10))
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), reason=reason)
    org.clock.go(timedelta(seconds=40))
    org.carry()
    return only(org)


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def smoke(org: Organisation, tmp_path: Path, *, failed: int = 0, taken: str = "") -> Path:
    from tidegate.clock import to_text

    values = {"total": 3, "failed": failed}
    stated = {
        "tidegate": "evidence/1",
        "kind": "smoke",
        "taken_at": taken or to_text(org.house.now()),
        "values": values,
    }
    return written(tmp_path, f"smoke{failed}.json", json.dumps(stated))


def test_a_rollback_in_production_opens_one_with_its_facts(org: Organisation) -> None:
    org.adopt(**DEMANDS)
    view = taken_back(org)
    assert view.title == "billing 1.1.0 was taken back in production"
    assert (view.release, view.facts["from"], view.facts["to"]) == ("billing-1.1.0", "1.1.0", "absent")
    assert view.facts["because"] == "asked for by rita: checkout answers 500"
    assert view.facts["taken_back_by"]["assurance"] == "signature"
    assert [unit["state"] for unit in view.facts["units"]] == ["confirmed", "confirmed"]
    assert set(view.facts["digests"]) == {"pinned", "current", "facts", "decision"}
    assert (view.detected_after_s, view.restored_after_s) == (600, 40)
    said = [m.body for m in org.messages() if m.occasion == "incident.opened"]
    assert said == [f"Example: {view.id} is open: {view.title}; asked for by rita: checkout answers 500"]
    kinds = org.kinds()
    assert kinds.index("incident.opened") > kinds.index("rollback.started")
    assert kinds[-1] == "incident.restored"
    assert audit.verify(org.house).holds
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_elsewhere_nothing_is_opened(org: Organisation) -> None:
    release = org.prepared()
    org.start(release, "staging")
    org.carry()
    rollback.roll_back(org.house, "billing", "staging", org.claim("rita"))
    org.carry()
    assert "incident.opened" not in org.kinds()


def test_it_is_closed_when_all_is_so_that_is_demanded(org: Organisation, tmp_path: Path) -> None:
    org.adopt(**DEMANDS)
    before = smoke(org, tmp_path)
    name = taken_back(org).id
    rita = org.claim("rita")
    with pytest.raises(
        IncidentStandsError, match=r"cannot be closed: Incident report: not attached \(and 1 more\)"
    ) as caught:
        incident.close(org.house, rita, name, "fixed")
    assert caught.value.exit_code == 3
    assert org.kinds()[-1] == "incident.denied"
    incident.attach(org.house, rita, name, written(tmp_path, "r.md", "# What happened"), document="incident-report")
    incident.attach(org.house, rita, name, before)
    with pytest.raises(IncidentStandsError, match="gate smoke, asked again: there is no smoke evidence of since then"):
        incident.close(org.house, rita, name, "fixed")
    incident.attach(org.house, rita, name, smoke(org, tmp_path, failed=1))
    with pytest.raises(IncidentStandsError, match=r"asked again: smoke: smoke\.failed == 0: deny"):
        incident.close(org.house, rita, name, "fixed")
    org.clock.go(timedelta(seconds=5))
    incident.attach(org.house, rita, name, smoke(org, tmp_path))
    incident.close(org.house, rita, name, "1.1.1 brings a fix")
    view = only(org)
    assert (view.closed_by, view.outcome, view.closed_at) == ("rita", "1.1.1 brings a fix", org.house.now())
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.data["outcome"], bool(leaf.data["signature"])) == ("incident.closed", view.outcome, True)
    with pytest.raises(ConflictError, match=f"{name} was closed by rita"):
        incident.close(org.house, rita, name, "again")


def test_it_is_not_closed_before_the_way_back_is_over(org: Organisation) -> None:
    org.released()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    name = only(org).id
    with pytest.raises(IncidentStandsError, match="what ran before runs again: the rollback is not over"):
        incident.close(org.house, org.claim("rita"), name, "fixed")
    org.carry()
    incident.close(org.house, org.claim("rita"), name, "fixed")


def test_who_may_and_what_is_signed(org: Organisation, tmp_path: Path) -> None:
    name = taken_back(org).id
    for person, key, because in (
        ("alice", None, "alice may not rollback in production"),
        ("rita", "", "only asserted"),
    ):
        with pytest.raises(NotPermittedError, match=because):
            incident.close(org.house, org.claim(person, key), name, "fixed")
        with pytest.raises(NotPermittedError, match=because):
            incident.attach(org.house, org.claim(person, key), name, smoke(org, tmp_path))
        with pytest.raises(NotPermittedError, match=because):
            incident.open_by_hand(
                org.house, org.claim(person, key), "odd", component="billing", environment="production"
            )
    assert org.kinds()[-1] == "incident.denied"


def test_a_person_opens_one(org: Organisation) -> None:
    org.released()
    rita = org.claim("rita")
    made = incident.open_by_hand(org.house, rita, "invoices are late", component="billing", environment="production")
    assert only(org).title == "invoices are late"
    assert org.leaves()[-1].data["signature"]
    incident.close(org.house, rita, made.id, "the printer was off")
    with pytest.raises(UsageError, match="an incident needs its outcome"):
        incident.close(org.house, rita, made.id, " ")
    with pytest.raises(NotFoundError, match='the policy knows no component "shop"'):
        incident.open_by_hand(org.house, rita, "odd", component="shop", environment="production")
    with pytest.raises(NotFoundError, match='there is no incident "incident-9"'):
        incident.close(org.house, rita, "incident-9", "x")


def test_hostile_words_keep_no_rollback_from_going(org: Organisation) -> None:
    org.released()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), reason="\x00 \x1b[31m" + "x" * 3000)
    org.carry()
    assert org.running() == ["absent", "absent"]
    assert only(org).restored_at is not None
