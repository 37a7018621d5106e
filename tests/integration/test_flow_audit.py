"""The log against those who change it: every change of it is found, and every decision can be made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import pairwise

import pytest
import sqlalchemy as sa

import tidegate
from tests.support.flows import NOW, Organisation, keys
from tidegate.clock import to_text
from tidegate.core.checkpoint import Standing
from tidegate.core.leaf import encode
from tidegate.core.merkle import Frontier, leaf_hash
from tidegate.core.rules import release_ready
from tidegate.errors import NotPermittedError, RefusedError, UsageError
from tidegate.orchestration import audit, record, rollback
from tidegate.signing import ssh
from tidegate.store import contents, log, policies, tables


@pytest.fixture
def told(org: Organisation) -> Organisation:
    """An organisation that has a history: refusals, a rollout, a rollback."""
    release = org.open()
    with pytest.raises(Exception, match="is refused"):
        org.start(release)
    org.tested(release)
    org.approve(release)
    org.start(release)
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert audit.verify(org.house).holds
    return org


def bytes_of(org: Organisation, number: int) -> bytes:
    with org.house.database.read() as connection:
        return next(data for index, data, _ in log.entries(connection) if index == number)


def put(org: Organisation, number: int, data: bytes, *, with_hash: bool = False) -> None:
    table = tables.leaf
    values = {"bytes": data} | ({"hash": leaf_hash(data)} if with_hash else {})
    with org.house.database.write() as connection:
        connection.execute(sa.update(table).where(table.c.number == number).values(**values))


def rebuild(org: Organisation) -> None:
    """Compute the head anew from the leaves as they are, as somebody would who holds the database."""
    with org.house.database.write() as connection:
        edge, last = Frontier(), None
        for row in connection.execute(sa.select(tables.leaf).order_by(tables.leaf.c.number)):
            edge, last = edge.append(bytes(row.hash)), row.at
        assert last is not None
        connection.execute(sa.update(tables.head).values(size=edge.size, frontier=edge.encode(), last_at=to_text(last)))


def problem(org: Organisation) -> tuple[int | None, str]:
    found = audit.verify(org.house).problem
    assert found is not None
    assert found.remedy
    return found.index, found.what


def test_one_changed_byte_names_its_entry(told: Organisation) -> None:
    for number in (0, 3, len(told.leaves()) - 1):
        data = bytes_of(told, number)
        for place in (0, len(data) // 3, len(data) // 2, len(data) - 1):
            changed = bytearray(data)
            changed[place] ^= 1
            put(told, number, bytes(changed))
            index, what = problem(told)
            assert index == number
            assert what == f"entry {number} was changed: its bytes do not have the hash that was stored with them"
        put(told, number, data)
    assert audit.verify(told.house).holds


def test_a_leaf_changed_together_with_its_hash_is_found_by_the_head(told: Organisation) -> None:
    put(told, 4, bytes_of(told, 4).replace(b"alice", b"carol"), with_hash=True)
    index, what = problem(told)
    assert index is None
    assert "do not lead to the root in the head" in what


def test_swapped_leaves_are_found(told: Organisation) -> None:
    told.sql("UPDATE tg_leaf SET number = -1 WHERE number = 2")
    told.sql("UPDATE tg_leaf SET number = 2 WHERE number = 3")
    told.sql("UPDATE tg_leaf SET number = 3 WHERE number = -1")
    assert problem(told) == (2, "entry 2 is in the wrong place: it was written as entry 3")


def test_a_deleted_leaf_is_found(told: Organisation) -> None:
    told.sql("DELETE FROM tg_leaf WHERE number = 5")
    assert problem(told) == (5, "entry 5 is missing: entry 6 stands in its place")


def test_a_cut_tail_is_found_by_the_head(told: Organisation) -> None:
    last = len(told.leaves()) - 1
    told.sql("DELETE FROM tg_leaf WHERE number = :number", number=last)
    assert problem(told) == (last, f"entry {last} is missing: the head counts {last + 1} entries")


def test_a_leaf_that_is_filed_elsewhere_is_found(told: Organisation) -> None:
    last = len(told.leaves()) - 1
    table = tables.leaf
    for number, values in (
        (last, {"release": "another-1.0.0"}),
        (4, {"kind": "nothing.happened"}),
        (3, {"at": NOW - timedelta(days=1)}),
        (2, {"release": None}),
    ):
        with told.house.database.write() as connection:
            connection.execute(sa.update(table).where(table.c.number == number).values(values))
        assert problem(told) == (number, f"entry {number} is filed under another kind, time or release than it says")


def test_a_damaged_head_is_found(told: Organisation) -> None:
    with told.house.database.write() as connection:
        connection.execute(sa.update(tables.head).values(frontier=b"x"))
    assert problem(told)[1].startswith("the head of the audit log is damaged")


def test_the_log_grows_and_agrees_with_its_checkpoint(told: Organisation) -> None:
    text = audit.export_checkpoint(told.house, keys() / "rita")
    assert audit.against(told.house, text).standing is Standing.SAME
    told.open("1.2.0")
    found = audit.against(told.house, text)
    assert (found.standing, found.holds) == (Standing.GROWN, True)


def _cut(org: Organisation) -> None:
    org.sql("DELETE FROM tg_leaf WHERE number >= 5")
    rebuild(org)


def _rewrite(org: Organisation) -> None:
    put(org, 4, bytes_of(org, 4).replace(b"alice", b"carol"), with_hash=True)
    rebuild(org)


@pytest.mark.parametrize(("act", "standing"), [(_cut, Standing.CUT), (_rewrite, Standing.REBUILT)])
def test_who_rewrites_log_and_head_together_is_found_by_the_checkpoint(
    told: Organisation, act: Callable[[Organisation], None], standing: Standing
) -> None:
    text = audit.export_checkpoint(told.house, keys() / "rita")
    act(told)
    assert audit.verify(told.house).holds
    found = audit.against(told.house, text)
    assert (found.standing, found.holds) == (standing, False)
    assert found.remedy


def test_a_checkpoint_counts_by_a_signature_of_somebody_the_policy_knows(told: Organisation) -> None:
    text = audit.export_checkpoint(told.house, keys() / "mallory")
    with pytest.raises(NotPermittedError, match="which is none of checkpoint"):
        audit.against(told.house, text)
    unsigned = text.partition("\n\n")[0] + "\n"
    with pytest.raises(NotPermittedError, match="is not signed"):
        audit.against(told.house, unsigned)
    mine = audit.export_checkpoint(told.house, keys() / "rita")
    with pytest.raises(NotPermittedError, match="the statement was changed"):
        audit.against(told.house, mine.replace("\ntime 2026", "\ntime 2027"))
    with pytest.raises(UsageError):
        audit.against(told.house, "nothing")


def test_every_decision_is_made_again_and_is_the_same(told: Organisation) -> None:
    found = list(audit.rejudge(told.house))
    assert [(f.kind, f.verdict) for f in found] == [
        ("decision.denied", "deny"),
        ("rollout.started", "allow"),
        ("rollout.continued", "allow"),
        ("rollback.started", "allow"),
    ]
    assert {f.problem for f in found} == {""}
    assert {f.other_versions for f in found} == {None}


@pytest.mark.parametrize("version", ["0.0.1", ""])
def test_what_an_earlier_version_said_in_other_words_is_the_same_decision(
    org: Organisation, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    with monkeypatch.context() as before:
        before.setattr(release_ready, "_said", lambda state: f"now {state.value}")
        before.setattr(record, "__version__", version or tidegate.__version__)
        org.released()
    found = list(audit.rejudge(org.house))
    assert {f.reworded for f in found} == {bool(version)}
    # The same version would have said it in the same words: then somebody else has written them.
    assert {f.problem.partition("; ")[2] for f in found} == {"" if version else "different: findings"}


def test_decisions_are_made_again_under_the_policy_of_their_time(told: Organisation) -> None:
    told.adopt(permits={"start": ["tech-leads"]}, people={"alice": None})
    told.clock.go(timedelta(days=300))
    assert {f.problem for f in audit.rejudge(told.house)} == {""}


def test_a_decision_is_kept_with_the_holidays_it_was_made_by(org: Organisation) -> None:
    org.adopt(calendar={"holidays": [{"country": "US"}]})
    christmas = datetime(2026, 12, 25, 18, tzinfo=UTC)
    org.clock.go(christmas - org.house.now())
    release = org.open()
    with pytest.raises(RefusedError):
        org.start(release)
    (finding,) = [found for found in org.decide(release).findings if found.rule == "holiday"][:1]
    assert finding.message == "Christmas Day: public holiday in US, until Sat 26 Dec 2026 00:00 PST"
    leaf = org.leaves()[-1]
    assert leaf.versions["holidays"] == version("holidays")
    with org.house.database.read() as connection:
        kept = json.loads(contents.fetch(connection, leaf.digests["facts"]))["holidays"]
    assert [(one["country"], one["days"]["2026-12-25"]) for one in kept] == [("US", "Christmas Day")]
    assert {f.problem for f in audit.rejudge(org.house)} == {""}


def test_changed_facts_are_found(told: Organisation) -> None:
    leaf = next(leaf for leaf in told.leaves() if leaf.kind == "rollout.started")
    table = tables.content
    with told.house.database.write() as connection:
        where = table.c.digest == leaf.digests["facts"]
        data = bytes(connection.execute(sa.select(table.c.bytes).where(where)).scalar_one())
        connection.execute(sa.update(table).where(where).values(bytes=data.replace(b"alice", b"carol")))
    bad = [f for f in audit.rejudge(told.house) if f.problem]
    assert [(f.index, f.kind) for f in bad] == [(leaf.index, "rollout.started")]
    assert "was changed" in bad[0].problem
    told.sql("DELETE FROM tg_content WHERE digest = :digest", digest=leaf.digests["facts"])
    bad = [f for f in audit.rejudge(told.house) if f.problem]
    assert "is missing" in bad[0].problem


def test_a_changed_policy_is_found_even_by_the_process_that_knows_it(told: Organisation) -> None:
    with told.house.database.write() as connection:
        adoption = policies.active(connection)
        assert adoption is not None
        where = tables.content.c.digest == adoption.digest
        connection.execute(sa.update(tables.content).where(where).values(bytes=b"{}"))
    assert all("was changed" in f.problem for f in audit.rejudge(told.house))


def test_a_verdict_that_was_forged_is_found_by_judging_again(told: Organisation) -> None:
    from dataclasses import replace

    leaf = next(leaf for leaf in told.leaves() if leaf.kind == "decision.denied")
    put(told, leaf.index, encode(replace(leaf, verdict="allow")), with_hash=True)
    rebuild(told)
    assert audit.verify(told.house).holds
    bad = [f for f in audit.rejudge(told.house) if f.problem]
    assert [f.index for f in bad] == [leaf.index]
    assert "judged again it is deny" in bad[0].problem


def test_a_leaf_that_cannot_be_read_does_not_keep_the_others_from_being_judged(told: Organisation) -> None:
    put(told, 1, b"nothing")
    found = list(audit.rejudge(told.house))
    assert [f.index for f in found if f.problem] == [1]
    assert len(found) == 5


def test_the_time_of_the_log_never_runs_backwards(org: Organisation) -> None:
    release = org.open()
    org.clock.go(-timedelta(days=2))
    org.tested(release)
    org.clock.go(timedelta(days=2) - timedelta(seconds=30))
    org.approve(release)
    org.start(release)
    org.carry()
    leaves = org.leaves()
    assert all(earlier.time < later.time for earlier, later in pairwise(leaves))
    assert audit.verify(org.house).holds
    assert {f.problem for f in audit.rejudge(org.house)} == {""}
    assert org.running() == ["1.1.0", "1.1.0"]


def test_the_log_of_one_release(org: Organisation) -> None:
    first, second = org.open(), org.open("1.2.0")
    assert {leaf.data["release"] for leaf in audit.leaves(org.house, first)} == {first}
    assert len(audit.leaves(org.house, second)) == 1


def test_every_signature_in_the_log_can_be_verified_by_anybody(told: Organisation) -> None:
    from tests.support.flows import policy
    from tidegate.store import contents

    signed = [leaf for leaf in told.leaves() if leaf.data.get("signature")]
    assert {leaf.kind for leaf in signed} >= {
        "release.opened",
        "decision.denied",
        "approval.granted",
        "rollout.started",
    }
    with told.house.database.read() as connection:
        for leaf in signed:
            person = policy().policy.people[leaf.actor.person]
            statement = contents.fetch(connection, leaf.data["statement"])
            ssh.verify(statement, leaf.data["signature"], person.keys, leaf.actor.person, ssh.ACT)


@pytest.mark.parametrize("column", ["bytes", "hash"])
def test_a_leaf_that_was_made_a_text_is_named(org: Organisation, column: str) -> None:
    if org.house.database.kind != "sqlite":
        pytest.skip("PostgreSQL takes no text where bytes stand")
    org.prepared()
    org.sql(f"UPDATE tg_leaf SET {column} = 'mallory' WHERE number = 2")  # noqa: S608

    problem = audit.verify(org.house).problem

    assert problem is not None
    assert problem.index == 2


def test_a_head_that_is_missing_is_told(org: Organisation) -> None:
    org.open()
    org.sql("DELETE FROM tg_head")

    problem = audit.verify(org.house).problem

    assert problem is not None
    assert problem.what == "the head of the log is missing"
