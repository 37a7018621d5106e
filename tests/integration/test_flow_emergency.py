"""Emergencies and debts on both databases: signed, called once, owed once, reminded of once, settled once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import NOW, Organisation, refused
from tidegate.core.debt import DebtKind
from tidegate.core.leaf import Leaf
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import debt, emergency, rollback, sweep
from tidegate.orchestration.facts import recent_emergencies
from tidegate.store import debts, emergencies, policies

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MakeOrg = Callable[..., Organisation]

OCCASIONS = ("emergency.declared", "emergency.called", "emergency.ended", "debt.due", "debt.overdue")
POLICY: dict[str, Any] = {
    "people": {"alice": {"email": "t@example.org"}},
    "contacts": {
        "first": {"title": "First line", "reach": "+1 555 0100", "group": "tech-leads"},
        "second": {"title": "Second line", "reach": "file:ONCALL.md", "group": "module-team"},
        "third": {"title": "The boss", "reach": "+1 555 0101"},
    },
    "components": {"billing": {"owners": "module-team"}},
    "release_types": {
        "emergency": {
            "bump": "minor",
            "criteria": ["Production down"],
            "gates": ["tests"],
            "afterwards": {
                "post_mortem": "3d",
                "retrospective_approval": [{"from": "module-team", "count": 2}],
                "approval_within": "2d",
            },
        }
    },
    "emergency": {
        "types": ["emergency"],
        "declared_by": ["rm"],
        "call": ["first", "second", "third"],
        "acknowledge_within": "15m",
        "post_mortem": "7d",
    },
    "communication": [{"on": one, "to": "file:NOTICES.md", "say": "status"} for one in OCCASIONS],
}


@pytest.fixture
def org(make_org: MakeOrg) -> Organisation:
    return make_org(**POLICY)


def declare(org: Organisation, person: str = "rita", key: str | None = None, **said: Any) -> str:
    given = {"incident": "INC-1", "reason": "it is down", "criterion": "production DOWN", "components": ["billing"]}
    return emergency.declare(org.house, org.claim(person, key), **{**given, **said}).emergency.id


def of_kind(org: Organisation, *kinds: str) -> list[Leaf]:
    return [leaf for leaf in org.leaves() if leaf.kind in kinds]


def lines(org: Organisation, name: str = "NOTICES.md") -> list[str]:
    path = org.root / name
    return [line.partition(" <!--")[0] for line in path.read_text().splitlines()] if path.exists() else []


def sweep_all(org: Organisation) -> None:
    """Do what is due, and what became due by it."""
    org.sweep()
    org.sweep()


def gone(org: Organisation) -> str:
    """An emergency release that went to production; its id."""
    release = org.open(type_="emergency")
    org.tested(release)
    declare(org)
    org.start(release)
    org.carry()
    return release


def owed(org: Organisation, release: str) -> list[debts.DebtRow]:
    with org.house.database.read() as connection:
        return debts.of(connection, release=release)


# ---- who is called


def test_the_first_contact_is_called_with_the_declaration_and_the_others_one_by_one(org: Organisation) -> None:
    one = declare(org)
    assert [leaf.data["contact"] for leaf in of_kind(org, "emergency.called", "emergency.escalated")] == ["first"]
    assert sweep.next_due(org.house) == NOW
    sweep_all(org)
    assert sweep.next_due(org.house) == NOW + 15 * MINUTE
    for minutes, contact in ((15, "second"), (30, "third")):
        org.clock.now = NOW + minutes * MINUTE - timedelta(seconds=1)
        sweep_all(org)
        assert contact not in [leaf.data["contact"] for leaf in of_kind(org, "emergency.escalated")]
        org.clock.now = NOW + minutes * MINUTE
        sweep_all(org)
        assert of_kind(org, "emergency.escalated")[-1].data["contact"] == contact
    org.clock.go(DAY)
    sweep_all(org)
    told = [line for line in lines(org) if " call " in line]
    assert len(told) == 3
    assert told[1] == (
        f"- Example: call Second line (file:ONCALL.md) for {one}: nobody has acknowledged. INC-1, Production down: it "
        f"is down. Acknowledge: tidegate emergency acknowledge {one}"
    )
    assert lines(org, "ONCALL.md") == [told[1]]


def test_who_looks_at_the_same_time_calls_nobody_twice(org: Organisation) -> None:
    one = declare(org)
    org.clock.go(40 * MINUTE)
    beside = org.beside()
    jobs = [job for each in (org, beside) for name, job in sweep.due_jobs(each.house, "x") if name.startswith("call ")]
    assert len(jobs) == 2
    for job in jobs:
        job()
    emergency.call_due(beside.house, one)
    assert [leaf.data["contact"] for leaf in of_kind(org, "emergency.escalated")] == ["second", "third"]
    beside.house.database.close()


def test_whoever_acknowledges_stops_the_calls(org: Organisation) -> None:
    one = declare(org)
    org.clock.go(20 * MINUTE)
    row = emergency.acknowledge(org.house, org.claim("carol"), one)
    assert (row.emergency.acknowledged_by, row.due_at) == ("carol", None)
    leaf = of_kind(org, "emergency.acknowledged")[0]
    assert (leaf.data["after_s"], leaf.data["late"]) == (1200, True)
    assert leaf.data["signature"].startswith("-----BEGIN SSH SIGNATURE-----")
    org.clock.go(DAY)
    sweep_all(org)
    assert of_kind(org, "emergency.escalated") == []
    with refused(org, ConflictError, f"{one} was acknowledged by carol", "emergency"):
        emergency.acknowledge(org.house, org.claim("alice"), one)


# ---- who may


DECLARED = {
    "who may not": ({"person": "alice"}, NotPermittedError, "alice may not declare an emergency"),
    "a stranger": ({"person": "eve", "key": "mallory"}, NotPermittedError, 'the policy knows no person "eve"'),
    "a name alone": ({"key": ""}, NotPermittedError, "rita has not signed: what is done in an emergency is signed"),
    "another's key": ({"key": "mallory"}, NotPermittedError, "rita"),
    "no criterion of it": ({"criterion": "boredom"}, NotFoundError, 'the policy knows no criterion "boredom"'),
    "no component": ({"components": ["ledger"]}, NotFoundError, 'the policy knows no component "ledger"'),
}


@pytest.mark.parametrize(("how", "kind", "said"), DECLARED.values(), ids=DECLARED)
def test_a_declaration_that_is_refused_leaves_its_leaf_and_nothing_else(
    org: Organisation, how: dict[str, Any], kind: type[Any], said: str
) -> None:
    with refused(org, kind, said, "emergency"):
        declare(org, **how)


@pytest.mark.parametrize("empty", [{"incident": " "}, {"reason": ""}, {"components": []}, {"reason": "x" * 2001}])
def test_a_declaration_says_what_it_must(org: Organisation, empty: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        declare(org, **empty)


def test_whom_nobody_called_acknowledges_and_ends_nothing(org: Organisation) -> None:
    one = declare(org)
    with refused(org, NotPermittedError, "rita may not acknowledge it", "emergency"):
        emergency.acknowledge(org.house, org.claim("rita"), one)
    with refused(org, NotPermittedError, "carol has not signed", "emergency"):
        emergency.acknowledge(org.house, org.claim("carol", ""), one)
    with refused(org, NotFoundError, 'there is no emergency "emergency-0"', "emergency"):
        emergency.end(org.house, org.claim("rita"), "emergency-0", "x")
    emergency.end(org.house, org.claim("rita"), one, "it was nothing")
    with refused(org, ConflictError, f"{one} is over already", "emergency"):
        emergency.end(org.house, org.claim("rita"), one, "again")


# ---- what is owed


def test_a_release_that_is_done_owes_what_its_type_says(org: Organisation) -> None:
    release = gone(org)
    found = owed(org, release)
    assert [(row.debt.id, row.debt.due_at - org.house.now()) for row in found] == [
        (f"{release}.approval.module-team.1-1", 2 * DAY),
        (f"{release}.approval.module-team.1-2", 2 * DAY),
        (f"{release}.post-mortem", 3 * DAY),
    ]
    [leaf] = of_kind(org, "debt.opened")
    assert set(leaf.data["debts"]) == {row.debt.id for row in found}
    # Taken back afterwards it owes nothing twice.
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert len(owed(org, release)) == 3
    assert len(of_kind(org, "debt.opened")) == 1


def test_an_ordinary_release_owes_nothing(org: Organisation) -> None:
    org.released()
    assert of_kind(org, "debt.opened") == []


def test_an_emergency_without_a_release_owes_its_own_post_mortem(org: Organisation) -> None:
    one = declare(org)
    emergency.end(org.house, org.claim("rita"), one, "rolled back")
    with org.house.database.read() as connection:
        [row] = debts.of(connection, emergency=one)
    assert (row.debt.kind, row.debt.due_at, row.debt.teams) == (DebtKind.POST_MORTEM, NOW + 7 * DAY, ("module-team",))


def test_one_post_mortem_is_enough(org: Organisation) -> None:
    release = gone(org)
    with org.house.database.read() as connection:
        [one] = emergencies.everything(connection)
    emergency.end(org.house, org.claim("rita"), one.emergency.id, "fixed")
    with org.house.database.read() as connection:
        found = debts.of(connection, emergency=one.emergency.id)
    assert [row.debt.id for row in found if row.debt.kind is DebtKind.POST_MORTEM] == [f"{release}.post-mortem"]


def test_it_is_reminded_of_when_it_is_due_and_when_it_is_overdue_once_each(org: Organisation) -> None:
    release = gone(org)
    start, mine = org.house.now(), f"{release}.post-mortem"
    for gap, expected in ((0, []), (2, [False]), (2.5, [False]), (3, [False, True]), (9, [False, True])):
        org.clock.now = start + gap * DAY
        sweep_all(org)
        sweep_all(org)
        given = [leaf.data["overdue"] for leaf in of_kind(org, "debt.reminded") if leaf.data["debt"] == mine]
        assert given == expected, gap
    said = [line for line in lines(org) if "the post-mortem of" in line]
    assert [(" is due " in line, " was due " in line) for line in said] == [(True, False), (False, True)]
    assert lines(org, "ONCALL.md")[-1] == said[-1]  # The contact of the team that owes it.


def test_who_comes_too_late_to_warn_says_only_that_it_is_overdue(org: Organisation) -> None:
    release = gone(org)
    org.clock.go(30 * DAY)
    sweep_all(org)
    sweep_all(org)
    given = [leaf.data for leaf in of_kind(org, "debt.reminded")]
    assert [(one["debt"], one["overdue"]) for one in given] == [(row.debt.id, True) for row in owed(org, release)]


def test_what_is_overdue_stops_the_team_and_settling_it_lets_it_go(org: Organisation, tmp_path: Path) -> None:
    release = gone(org)
    following = org.prepared("1.2.0")
    assert org.decide(following).allowed
    org.clock.go(2 * DAY)
    stopped = [f.looked_at[0] for f in org.decide(following).against()]
    assert stopped == [f"{release}.approval.module-team.1-1", f"{release}.approval.module-team.1-2"]
    document = tmp_path / "post-mortem.md"
    document.write_text("It was DNS.\n")
    row = debt.settle(org.house, org.claim("bob"), f"{release}.post-mortem", document)
    assert (row.settled_by, row.document[:7]) == ("bob", "sha256:")
    debt.settle(org.house, org.claim("bob"), f"{release}.approval.module-team.1-1")
    said = f"bob has settled {release}.approval.module-team.1-1 already: one approval fills one seat"
    with refused(org, ConflictError, said, "debt"):
        debt.settle(org.house, org.claim("bob"), f"{release}.approval.module-team.1-2")
    assert [f.rule for f in org.decide(following).against()] == ["debts"]
    org.sql("UPDATE tg_debt SET settled_at = opened_at, settled_by = (SELECT max(settled_by) FROM tg_debt)")
    assert [f.rule for f in org.decide(following).against()] == ["debts"]


@pytest.mark.parametrize("wiped", ["UPDATE tg_debt SET due_at = '2027-06-01T00:00:00.000000Z'", "DELETE FROM tg_debt"])
def test_a_debt_that_was_wiped_from_its_row_is_still_owed(org: Organisation, wiped: str) -> None:
    release = gone(org)
    following = org.prepared("1.2.0")
    org.sql(wiped)
    assert org.decide(following).allowed
    org.clock.go(2 * DAY)
    stopped = [finding.looked_at[0] for finding in org.decide(following).against()]
    assert stopped == [f"{release}.approval.module-team.1-1", f"{release}.approval.module-team.1-2"]


def test_who_wrote_it_approves_nothing_afterwards(make_org: MakeOrg) -> None:
    org = make_org(**POLICY)
    org.adopt(**{**POLICY, "people": {"alice": {"email": "tester@example.org"}}})
    release = gone(org)
    row = owed(org, release)[0]
    org.sql("UPDATE tg_debt SET authors = :authors", authors='["alice"]')
    said = f"alice may not settle an approval of {release} from module-team: they wrote what was released"
    with refused(org, NotPermittedError, said, "debt"):
        debt.settle(org.house, org.claim("alice"), row.debt.id)


def test_a_debt_is_settled_by_what_it_asks_for(org: Organisation, tmp_path: Path) -> None:
    release = gone(org)
    mortem, approval = f"{release}.post-mortem", f"{release}.approval.module-team.1-1"
    empty = tmp_path / "empty.md"
    empty.write_text(" \n")
    for name, document, said in (
        (mortem, None, "is settled by a document"),
        (mortem, empty, "the document is empty"),
        (approval, empty, "is settled by a signature, not by a document"),
    ):
        with pytest.raises(UsageError, match=said):
            debt.settle(org.house, org.claim("bob"), name, document)
    with refused(org, NotFoundError, "there is no such document", "debt"):
        debt.settle(org.house, org.claim("bob"), mortem, tmp_path / "nowhere.md")
    with refused(org, NotPermittedError, "bob has not signed: a debt is settled with a signature", "debt"):
        debt.settle(org.house, org.claim("bob", ""), approval)
    with refused(org, NotPermittedError, "carol may not settle", "debt"):
        debt.settle(org.house, org.claim("carol"), approval)
    debt.settle(org.house, org.claim("bob"), approval)
    with refused(org, ConflictError, f"{approval} was settled by bob", "debt"):
        debt.settle(org.house, org.claim("alice"), approval)


FORGED = {
    "another criterion": (
        "UPDATE tg_emergency SET criterion = 'Security breach'",
        "the signed statement says something else than the record",
    ),
    "more components": (
        'UPDATE tg_emergency SET components = \'["billing", "identity"]\'',
        "the signed statement says something else",
    ),
    "a longer time": (
        "UPDATE tg_emergency SET expires_at = '2027-12-01T18:00:00.000000Z'",
        "the signed statement says something else",
    ),
    "another declarer": (
        "UPDATE tg_emergency SET declared_by = replace(declared_by, 'rita', 'carol')",
        "carol may not declare one",
    ),
    "no proof": ("UPDATE tg_emergency SET statement = 'sha256:gone'", "nobody has signed its declaration"),
}


@pytest.mark.parametrize("change", FORGED)
def test_an_emergency_that_somebody_changed_in_the_database_lets_nothing_go(org: Organisation, change: str) -> None:
    one = declare(org)
    said, why = FORGED[change]
    org.sql(said)
    with org.house.database.read() as connection:
        policy = policies.current(connection).policy
        (found,) = recent_emergencies(connection, policy, org.clock())
    assert found.id == one
    assert why in found.invalid
    assert not found.in_force(org.clock())


def test_an_emergency_that_the_log_says_is_over_is_not_brought_back(org: Organisation) -> None:
    one = declare(org)
    emergency.end(org.house, org.claim("rita"), one, "the disk was full")
    org.sql("UPDATE tg_emergency SET ended_at = NULL, ended_by = NULL")
    with org.house.database.read() as connection:
        (found,) = recent_emergencies(connection, policies.current(connection).policy, org.clock())
    assert found.invalid == "the log says that it is over, and the record does not"


def test_whoever_is_called_is_told_by_mail_where_they_have_an_address(make_org: MakeOrg) -> None:
    contacts = {
        "first": {"title": "First line", "reach": "+1 555 0100", "group": "tech-leads"},
        "second": {"title": "Second line", "reach": "second@example.org", "group": "module-team"},
        "third": {"title": "Third line", "reach": "+1 555 0101"},
    }
    org = make_org(
        **{**POLICY, "communication": [], "contacts": contacts, "people": {"carol": {"email": "c@example.org"}}}
    )
    declare(org)
    for _ in range(2):
        org.clock.go(15 * MINUTE)
        sweep_all(org)
    called = of_kind(org, "emergency.called", "emergency.escalated")
    assert [(leaf.data["contact"], leaf.data["channels"]) for leaf in called] == [
        ("first", ["email:c@example.org"]),  # a machine calls no number: it writes to those behind it
        ("second", ["email:second@example.org"]),
        ("third", []),
    ]
