"""Enqueueing legs and asking how they stand, from any process: a command enqueues without running anything itself."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tidegate.engine import lease
from tidegate.engine.legs import Json, LegReport, LegState
from tidegate.store import failure
from tidegate.store.database import Database

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

APPLICATION = "tidegate"
QUEUE = "tidegate"
VERSION = "wf-1"
"""Fixed: the engine's own hash of the sources would leave every running leg behind at each change of the code."""

_STATES = {
    "ENQUEUED": LegState.QUEUED,
    "DELAYED": LegState.QUEUED,
    "PENDING": LegState.RUNNING,
    "SUCCESS": LegState.DONE,
}


class LegQueue:
    """The queue of legs in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client: DBOSClient | None = None
        self._lock = threading.Lock()
        self._migrated = False

    def migrate(self) -> None:
        """Create the engine's tables where they are missing, or bring them to this version; safe from many processes.

        Done once by each queue: every start asks for it.

        Raises:
            StoreError: the database cannot be reached or changed.
        """
        if self._migrated:
            return
        with failure.wrapped(self._database.where):
            self.client()._sys_db.run_migrations()
        if self._database.kind == "postgresql":
            lease.create_table(self._database)
        self._migrated = True

    def enqueue(self, connection: sa.Connection, leg_name: str, leg_id: str, argument: Json) -> None:
        """Enqueue a leg in the transaction of ``connection``: it exists if and only if that commits.

        A second call with the same id, now or in a year, changes nothing.

        Args:
            leg_name: the versioned name under which the body is registered, such as ``rollout.leg.v1``.
            argument: something that JSON can say.

        Raises:
            StoreError: as the transaction around it says.
        """
        self.client().enqueue_in_transaction(
            connection,
            {"queue_name": QUEUE, "workflow_name": leg_name, "workflow_id": leg_id, "app_version": VERSION},
            argument,
        )

    def status(self, leg_id: str) -> LegReport:
        """How a leg stands, and what it returned or raised.

        Raises:
            StoreError: the database cannot be read.
        """
        with failure.wrapped(self._database.where):
            found = self.client().list_workflows(workflow_ids=[leg_id], load_input=False)
        return _report(found[0]) if found else LegReport(LegState.ABSENT)

    def running(self) -> dict[str, str]:
        """The legs that an executor has claimed and not finished: leg id to executor id.

        Raises:
            StoreError: the database cannot be read.
        """
        with failure.wrapped(self._database.where):
            found = self.client().list_workflows(
                status="PENDING", queue_name=QUEUE, load_input=False, load_output=False
            )
        return {workflow.workflow_id: workflow.executor_id or "" for workflow in found}

    def close(self) -> None:
        """Let go of the client; the database stays open."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.destroy()

    def client(self) -> DBOSClient:
        """The engine's client, made at first use: importing the engine takes some 0.2 s of CPU."""
        with self._lock:
            if self._client is None:
                self._client = _client(self._database)
            return self._client


def settings() -> dict[str, Any]:
    """What the client and the engine must agree on."""
    from dbos import DBOSPortableJSONSerializer

    return {"serializer": DBOSPortableJSONSerializer(), "use_listen_notify": False}


def quiet(level: int) -> None:
    """Hand the engine's log to ours: nothing on the terminal by itself, from ``level`` on to whoever listens."""
    logger = logging.getLogger("dbos")
    logger.handlers = [logging.NullHandler()]
    logger.propagate = True
    logger.setLevel(level)


def _client(database: Database) -> DBOSClient:
    from dbos import DBOSClient

    quiet(logging.CRITICAL)
    return DBOSClient(
        system_database_engine=database.engine_of_workflows(),
        application_name=APPLICATION,
        lazy=True,
        # A command says that the server is gone; the engine would wait for it without a word.
        retry_connection_errors=False,
        **settings(),
    )


def _report(workflow: WorkflowStatus) -> LegReport:
    state = _STATES.get(workflow.status, LegState.FAILED)
    return LegReport(
        state,
        executor=workflow.executor_id or "",
        result=workflow.output if state is LegState.DONE else None,
        error=str(workflow.error or workflow.status) if state is LegState.FAILED else "",
    )
