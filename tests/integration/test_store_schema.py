"""The schema: migrations lead to exactly the tables that the code works on, on both databases, from many processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.sql.elements import TextClause

from tests.support.patience import PATIENCE_S
from tidegate.core.actor import Actor, Assurance
from tidegate.core.adoption import Proposal
from tidegate.core.approval import Answer, Approval
from tidegate.core.effect import Package, Token
from tidegate.core.facts import Release
from tidegate.core.joint_rollout import UNDER_WAY, JointState
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import ACTIVE, Direction, RolloutState
from tidegate.core.wave import Wave
from tidegate.engine.queue import LegQueue
from tidegate.errors import ConflictError, InternalError, StoreError
from tidegate.store import leases, policies, proposals, releases, requests, rollouts, schema, spent, tables
from tidegate.store.database import Database, open_database
from tidegate.store.schema import ensure_schema, ours
from tidegate.store.tables import metadata, tell_postgresql

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
RITA = Actor("rita", "ssh", Assurance.SIGNATURE)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, brought to this version."""
    made = open_database(database_url)
    ensure_schema(made)
    yield made
    made.close()


def predicates(database: Database) -> dict[str, str]:
    """The WHERE of each partial unique index, as the database itself has it."""
    with database.read() as connection:
        if database.kind == "sqlite":
            rows = connection.execute(
                sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'")
            )
        else:
            rows = connection.execute(
                sa.text("SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '% WHERE %'")
            )
        return {name: text.partition(" WHERE ")[2] for name, text in rows if name.startswith("uq_tg_")}


def test_the_migrations_lead_to_the_tables_of_the_code(database: Database) -> None:
    with database.write() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_object": ours,
                "version_table": "tg_schema",
            },
        )
        tell_postgresql()
        assert compare_metadata(context, metadata) == []


def test_each_partial_index_has_the_predicate_of_the_code(database: Database) -> None:
    tell_postgresql()
    declared = {
        str(index.name): str(
            where if isinstance(where, TextClause) else where.compile(compile_kwargs={"literal_binds": True})
        )
        for table in metadata.tables.values()
        for index in table.indexes
        if (where := index.dialect_options[database.kind]["where"]) is not None
    }
    found = predicates(database)
    assert (
        found.keys()
        == declared.keys()
        == {
            "uq_tg_policy_active",
            "uq_tg_approval_standing",
            "uq_tg_request_waiting",
            "uq_tg_rollout_active",
            "uq_tg_joint_rollout_under_way",
            "uq_tg_proposal_open",
            "uq_tg_proposal_answer_standing",
            "uq_tg_mark_standing",
        }
    )
    for state in RolloutState:
        assert (f"'{state.value}'" in found["uq_tg_rollout_active"]) is (state in ACTIVE)
        assert (f"'{state.value}'" in declared["uq_tg_rollout_active"]) is (state in ACTIVE)
    for joint in JointState:
        assert (f"'{joint.value}'" in found["uq_tg_joint_rollout_under_way"]) is (joint in UNDER_WAY)
        assert (f"'{joint.value}'" in declared["uq_tg_joint_rollout_under_way"]) is (joint in UNDER_WAY)
    assert "revoked_at IS NULL" in found["uq_tg_approval_standing"]
    assert "ended_at IS NULL" in found["uq_tg_request_waiting"]
    assert "ended_at IS NULL" in found["uq_tg_proposal_open"]
    assert "ended_at IS NULL" in found["uq_tg_mark_standing"]
    assert "revoked_at IS NULL" in found["uq_tg_proposal_answer_standing"]


def test_the_tables_of_the_engine_are_not_ours(database: Database) -> None:
    queue = LegQueue(database)
    queue.migrate()
    queue.close()
    test_the_migrations_lead_to_the_tables_of_the_code(database)
    with database.read() as connection:
        names = set(sa.inspect(connection).get_table_names())
    assert {name for name in names if name.startswith("tg_")} - {"tg_schema", "tg_executor"} == set(metadata.tables)
    assert ("tg_executor" in names) is (database.kind == "postgresql")


def test_the_first_rows_are_there_once(database: Database) -> None:
    ensure_schema(database)
    with database.read() as connection:
        assert sorted(connection.execute(sa.select(tables.meta.c.name)).scalars()) == [
            "epoch",
            "organization",
            "origin",
        ]
        assert connection.execute(sa.select(tables.head.c.size)).scalars().all() == [0]


def test_a_newer_schema_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE tg_schema SET version_num = '9999'"))
    with pytest.raises(
        StoreError, match="the database has schema 9999, which this version of Tidegate does not know"
    ) as caught:
        ensure_schema(database)
    assert caught.value.remedy == "use the version of Tidegate that wrote it, or a newer one"


def _ensure(url: str, ready: object, outcomes: object) -> None:
    ready.wait(PATIENCE_S)  # type: ignore[attr-defined]
    made = open_database(url)
    try:
        ensure_schema(made)
        made.close()
        outcomes.put("done")  # type: ignore[attr-defined]
    except Exception as error:  # noqa: BLE001  whatever it is, the test has to see it
        outcomes.put(repr(error))  # type: ignore[attr-defined]


def test_four_processes_that_come_at_once_make_one_schema(database_url: str) -> None:
    context = multiprocessing.get_context("fork")
    ready, outcomes = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_ensure, args=(database_url, ready, outcomes)) for _ in range(4)]
    for process in processes:
        process.start()
    assert [outcomes.get(timeout=PATIENCE_S) for _ in processes] == ["done"] * 4
    for process in processes:
        process.join(30)
    made = open_database(database_url)
    test_the_first_rows_are_there_once(made)
    made.close()


# What the schema itself refuses, whatever the code does.


def put_release(connection: sa.Connection, name: str = "billing-1.1.0") -> None:
    release = Release(name, "minor", ReleaseState.OPEN, (), NOW, "rita")
    releases.insert(connection, release, policy=f"sha256:{'0' * 64}", opened_by=RITA, packages={}, notes="")


def rollout_row(
    name: str, state: RolloutState = RolloutState.RUNNING, environment: str = "production"
) -> rollouts.Rollout:
    return rollouts.Rollout(
        id=name,
        release="billing-1.1.0",
        component="billing",
        environment=environment,
        direction=Direction.FORWARD,
        state=state,
        subject="",
        granted="",
        source=None,
        target=Package("1.1.0", "0" * 64),
        waves=(Wave(("web1",)),),
        wave=0,
        token=Token(1, 1),
        legs=1,
        started_at=NOW,
        started_by=RITA,
    )


def test_one_active_rollout_for_each_component_and_environment(database: Database) -> None:
    with database.write() as connection:
        put_release(connection)
        rollouts.insert(connection, rollout_row("one"))
        rollouts.insert(connection, rollout_row("elsewhere", environment="staging"))
        rollouts.insert(connection, rollout_row("over", RolloutState.SUCCEEDED))
        for state in sorted(ACTIVE):
            with pytest.raises(ConflictError, match="another rollout of billing is under way in production"):
                rollouts.insert(connection, rollout_row("two", state))
    with (
        pytest.raises(InternalError, match="a rule of the schema stopped a wrong record"),
        database.write() as connection,
    ):
        connection.execute(sa.update(tables.rollout).where(tables.rollout.c.id == "over").values(state="paused"))


def test_one_policy_is_active(database: Database) -> None:
    row = {"digest": "x", "adopted_at": NOW, "adopted_by": {}}
    with database.write() as connection:
        connection.execute(sa.insert(tables.policy).values(number=1, active=True, **row))
        connection.execute(sa.insert(tables.policy).values([{"number": n, "active": False, **row} for n in (2, 3)]))
        assert len(policies.history(connection)) == 3
    with pytest.raises(InternalError, match="a rule of the schema"), database.write() as connection:
        connection.execute(sa.update(tables.policy).where(tables.policy.c.number == 2).values(active=True))


def test_one_standing_answer_for_each_person_and_subject(database: Database) -> None:
    def answer(name: str, environment: str = "production") -> releases.SignedApproval:
        return releases.SignedApproval(Approval(name, RITA, Answer.APPROVE, environment, "s", NOW), b"x", "y")

    def said(connection: sa.Connection, *names: str) -> list[str]:
        found = releases.add_approvals(connection, "billing-1.1.0", [answer(name) for name in names])
        return [error.what if error else "" for error in found]

    seated = "rita has answered for billing-1.1.0 in production already; one person fills one seat"
    again = "this very statement was recorded before: a signed answer counts once, also after it was taken back"
    with database.write() as connection:
        put_release(connection)
        assert said(connection, "a") == [""]
        assert releases.add_approvals(connection, "billing-1.1.0", [answer("b", "staging")]) == [None]
        assert said(connection, "c", "c", "a") == [seated, seated, again]
        assert releases.revoke_approval(connection, "billing-1.1.0", "production", "rita", NOW) == ["a"]
        assert said(connection, "a", "c", "d", "c") == [again, "", seated, again]
    with pytest.raises(InternalError, match="a rule of the schema"), database.write() as connection:
        connection.execute(sa.update(tables.approval).values(revoked_at=None))


def proposal_row(name: str, digest: str = "d", adoption: int | None = None) -> proposals.ProposalRow:
    return proposals.ProposalRow(
        Proposal(name, digest, "rita", NOW), RITA, "active", NOW if adoption else None, adoption
    )


def test_one_open_proposal_for_each_digest(database: Database) -> None:
    with database.write() as connection:
        policies.adopt(connection, b"first", NOW, {})
        proposals.put(connection, proposal_row("one"), "", "")
        proposals.put(connection, proposal_row("another", "e"), "", "")
        with pytest.raises(ConflictError, match="d is proposed already"):
            proposals.put(connection, proposal_row("two"), "", "")
        policies.adopt(connection, b"second", NOW, {})
        proposals.adopted(connection, "one", 2, NOW)
        proposals.put(connection, proposal_row("two"), "", "")
        assert [row.proposal.id for row in proposals.everything(connection)] == ["another", "one", "two"]
        assert [row.adoption for row in proposals.everything(connection)] == [None, 2, None]
    table = tables.proposal
    for where, wrong in (
        (table.c.id == "one", {"ended_at": None, "adoption": None}),
        (table.c.id == "one", {"ended_at": None}),
        (table.c.id == "one", {"adoption": None}),
        (table.c.id == "two", {"ended_at": NOW}),
        (table.c.id == "two", {"ended_at": NOW, "adoption": 2}),
        (table.c.id == "two", {"ended_at": NOW, "adoption": 9}),
    ):
        with pytest.raises(InternalError, match="a rule of the schema"), database.write() as connection:
            connection.execute(sa.update(table).where(where).values(**wrong))


def test_one_standing_answer_for_each_person_role_and_policy_in_force(database: Database) -> None:
    proposal = proposal_row("one").proposal

    def answer(name: str, role: str = "", replaces: str = "active") -> releases.SignedApproval:
        return releases.SignedApproval(Approval(name, RITA, Answer.APPROVE, "", replaces, NOW, role), b"x", "y")

    with database.write() as connection:
        proposals.put(connection, proposal_row("one"), "", "")
        proposals.add_answer(connection, proposal, answer("a"))
        proposals.add_answer(connection, proposal, answer("b", "review"))
        proposals.add_answer(connection, proposal, answer("c", replaces="another"))
        with pytest.raises(ConflictError, match="rita has answered d already; one person fills one seat"):
            proposals.add_answer(connection, proposal, answer("d"))
        assert proposals.revoke_answers(connection, "one", "rita", NOW) == ["a", "b", "c"]
        with pytest.raises(ConflictError, match="this very statement was recorded before"):
            proposals.add_answer(connection, proposal, answer("a"))
        proposals.add_answer(connection, proposal, answer("d"))
    table = tables.proposal_answer
    for wrong in ({"revoked_at": None}, {"answer": "perhaps"}, {"proposal": "none"}):
        with pytest.raises(InternalError, match="a rule of the schema"), database.write() as connection:
            connection.execute(sa.update(table).where(table.c.id.in_(["a", "d"])).values(**wrong))


def test_a_database_of_the_first_schema_is_brought_up_and_keeps_what_it_has(database_url: str) -> None:
    made = open_database(database_url)
    with made.write() as connection:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = {"digest": "x", "adopted_at": NOW, "adopted_by": {}}
        connection.execute(sa.insert(tables.policy).values(number=1, active=True, **row))
    with made.read() as connection:
        assert not sa.inspect(connection).has_table("tg_proposal")
    ensure_schema(made)
    with made.read() as connection:
        assert [one.number for one in policies.history(connection)] == [1]
        assert proposals.everything(connection) == []
    test_the_migrations_lead_to_the_tables_of_the_code(made)
    made.close()


def test_one_waiting_start_and_one_use_of_a_nonce(database: Database) -> None:
    with database.write() as connection:
        put_release(connection)
        requests.put(connection, requests.Request("one", "billing-1.1.0", "production", RITA, NOW))
        with pytest.raises(ConflictError, match="waits already"):
            requests.put(connection, requests.Request("two", "billing-1.1.0", "production", RITA, NOW))
        requests.end(connection, "one", NOW, because="over")
        requests.put(connection, requests.Request("two", "billing-1.1.0", "production", RITA, NOW))
        spent.spend(connection, "n" * 32, b"statement", NOW)
        with pytest.raises(ConflictError, match="this signed statement was used before"):
            spent.spend(connection, "n" * 32, b"another", NOW)


def test_a_row_hangs_on_its_release(database: Database) -> None:
    inserts: tuple[Callable[[sa.Connection], None], ...] = (
        lambda c: requests.put(c, requests.Request("one", "none", "production", RITA, NOW)),
        lambda c: rollouts.insert(c, rollout_row("one")),
    )
    for insert in inserts:
        with pytest.raises(InternalError, match="a rule of the schema"), database.write() as connection:
            insert(connection)


def test_the_head_of_the_log_is_one_row(database: Database) -> None:
    with pytest.raises(InternalError, match="a rule of the schema"), database.write() as connection:
        connection.execute(sa.insert(tables.head).values(id=2, size=0, frontier=b"", last_at=""))


def test_tokens_only_rise(database: Database) -> None:
    with database.write() as connection:
        first = leases.claim(connection, "billing", "production", "one", NOW)
        with pytest.raises(ConflictError, match="billing in production is held by rollout one"):
            leases.claim(connection, "billing", "production", "two", NOW)
        with pytest.raises(ConflictError, match="billing in production is held by rollout one"):
            leases.raised(connection, "billing", "production", NOW)
        second = leases.claim(connection, "billing", "production", "two", NOW, take_over=True)
        leases.release(connection, "billing", "production", "one")
        assert leases.holds(connection, "billing", "production", "two", second)
        assert leases.raise_epoch(connection) == 2
        third = leases.claim(connection, "billing", "production", "two", NOW)
        leases.raise_to(connection, "billing", "production", Token(7, 9), NOW)
        fourth = leases.claim(connection, "billing", "production", "two", NOW)
        assert leases.raise_epoch(connection) == 8
    assert first < second < third < Token(7, 9) < fourth


def test_free_text_of_strangers_can_always_be_stored(database: Database) -> None:
    with database.write() as connection:
        put_release(connection)
        requests.put(connection, requests.Request("one", "billing-1.1.0", "production", RITA, NOW, due_at=NOW))
        assert requests.claim(connection, "one", NOW, NOW)
        requests.postpone(connection, "one", NOW, "a\x00b\udcffc", claimed_until=NOW)
    with database.read() as connection:
        assert requests.load(connection, "one").because == "a�b?c"


def test_a_change_while_a_request_is_claimed_stays_due(database: Database) -> None:
    from datetime import timedelta

    until, later = NOW + timedelta(seconds=30), NOW + timedelta(days=1)
    with database.write() as connection:
        put_release(connection)
        requests.put(connection, requests.Request("one", "billing-1.1.0", "production", RITA, NOW, due_at=NOW))
        assert requests.claim(connection, "one", NOW, until)
        assert not requests.claim(connection, "one", NOW, until)
        assert requests.touch(connection, "billing-1.1.0", NOW)
        requests.postpone(connection, "one", later, "not yet", claimed_until=until)
        assert requests.load(connection, "one").due_at == NOW
        assert requests.claim(connection, "one", NOW, until)
        requests.postpone(connection, "one", later, "not yet", claimed_until=until)
        assert requests.load(connection, "one").due_at == later
        assert requests.end_all(connection, None, NOW, "over") == 1
        assert not requests.touch(connection, None, NOW)
