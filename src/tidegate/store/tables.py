"""The tables of Tidegate, all named ``tg_...``; the engine's tables lie beside them in the same database.

Times are RFC 3339 text in UTC with microseconds, which sorts as the time does, on both databases; they come from our
clock, never from SQL. Invariants that must survive a bug of ours are indexes and checks here.

Lock order of every transaction that decides: organisation, release, lease, head of the log (``store/locks.py``).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from tidegate.clock import from_text, to_text
from tidegate.core.canonical import canonical
from tidegate.core.rollout import ACTIVE


class Instant(TypeDecorator[datetime]):
    """An aware datetime as text; a naive one is refused before it reaches the database."""

    impl = sa.String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        """To text."""
        return None if value is None else to_text(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> datetime | None:
        """From text."""
        return None if value is None else from_text(value)


class Json(TypeDecorator[Any]):
    """A value as canonical JSON text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """To canonical text."""
        return None if value is None else canonical(value).decode()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """To plain lists, dicts, strings and numbers."""
        return None if value is None else json.loads(value)


class Words(TypeDecorator[str]):
    """Free text, much of it a stranger's. PostgreSQL stores no NUL and neither stores half a surrogate pair.

    What cannot be stored is replaced rather than refused: the words of a target that fails must never be what keeps its
    failure from being recorded.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """To text that both databases take."""
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """``text`` with what no database and no canonical JSON can hold replaced."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = sa.String(160)
_NAME = sa.String(64)
_DIGEST = sa.String(71)

meta = sa.Table(
    "tg_meta",
    metadata,
    sa.Column("name", _NAME, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""``organization`` (the row locked first), ``epoch`` (raised when the store is restored), ``origin`` of the log."""

content = sa.Table(
    "tg_content",
    metadata,
    sa.Column("digest", _DIGEST, primary_key=True),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)
"""What is named by its digest: resolved policies, facts, decisions, reports, statements. Never changed."""

policy = sa.Table(
    "tg_policy",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("adopted_at", Instant, nullable=False),
    sa.Column("adopted_by", Json, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)
"""What was adopted, in order; exactly one row is active once there is any."""
sa.Index(
    "uq_tg_policy_active",
    policy.c.active,
    unique=True,
    sqlite_where=sa.text("active"),
    postgresql_where=sa.text("active"),
)

release = sa.Table(
    "tg_release",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("type", _NAME, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("policy", _DIGEST, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("opened_by", Json, nullable=False),
    sa.Column("announced_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("notes", Words, nullable=False, default=""),
)

item = sa.Table(
    "tg_item",
    metadata,
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), primary_key=True),
    sa.Column("component", _NAME, primary_key=True),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("from_version", sa.String(128), nullable=False),
    sa.Column("to_version", sa.String(128), nullable=False),
    sa.Column("subject", Json, nullable=False),
    sa.Column("content_at", Instant, nullable=False),
    sa.Column("changes", Json, nullable=False),
    sa.Column("authors", Json, nullable=False),
    sa.Column("package", sa.String(64), nullable=False),
)
"""The components of a release, ordered; a single release is a bundle of one. ``package`` is the artifact's SHA-256."""

evidence = sa.Table(
    "tg_evidence",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), nullable=False, index=True),
    sa.Column("component", _NAME, nullable=False),
    sa.Column("kind", _NAME, nullable=False),
    sa.Column("source", _NAME, nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("bound", Json, nullable=False),
    sa.Column("values", Json, nullable=False),
    sa.Column("taken_at", Instant, nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("report", _DIGEST, nullable=False),
    sa.Column("added_by", _NAME, nullable=False),
)
"""Append-only."""

approval = sa.Table(
    "tg_approval",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), nullable=False, index=True),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("person", _NAME, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("answer", _NAME, nullable=False),
    sa.Column("role", _NAME, nullable=False),
    sa.Column("subject", _DIGEST, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("revoked_at", Instant),
)
sa.Index(
    "uq_tg_approval_standing",
    approval.c.release,
    approval.c.environment,
    approval.c.subject,
    approval.c.person,
    unique=True,
    sqlite_where=approval.c.revoked_at.is_(None),
    postgresql_where=approval.c.revoked_at.is_(None),
)

spent = sa.Table(
    "tg_spent",
    metadata,
    sa.Column("nonce", _ID, primary_key=True),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("at", Instant, nullable=False),
)
"""The nonces of signed acts: a statement is spent once. Approvals are spent by their id, which is their nonce."""

hold = sa.Table(
    "tg_hold",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("reason", Words, nullable=False),
    sa.Column("by", Json, nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("component", _NAME, nullable=False),
    sa.Column("lifted_at", Instant),
    sa.Column("lifted_by", Json),
)

request = sa.Table(
    "tg_request",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False, default=""),
    sa.Column("signature", sa.Text, nullable=False, default=""),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("rollout", _ID),
    sa.Column("ended_at", Instant),
    sa.Column("because", Words, nullable=False, default=""),
)
"""A start that waits until it is allowed: asked again when anything about its release changes, and at ``due_at``. What
its person signed is kept, and verified again whenever it is asked: the row alone proves nothing."""
sa.Index(
    "uq_tg_request_waiting",
    request.c.release,
    request.c.environment,
    unique=True,
    sqlite_where=request.c.ended_at.is_(None),
    postgresql_where=request.c.ended_at.is_(None),
)

_ACTIVE_STATES = sorted(state.value for state in ACTIVE)

rollout = sa.Table(
    "tg_rollout",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), index=True),
    sa.Column("component", _NAME, nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("direction", _NAME, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("subject", _DIGEST, nullable=False),
    sa.Column("granted", _DIGEST, nullable=False),
    sa.Column("from_version", sa.String(128), nullable=False),
    sa.Column("from_package", sa.String(64), nullable=False),
    sa.Column("to_version", sa.String(128), nullable=False),
    sa.Column("to_package", sa.String(64), nullable=False),
    sa.Column("waves", Json, nullable=False),
    sa.Column("wave", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("counter", sa.Integer, nullable=False),
    sa.Column("legs", sa.Integer, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("started_by", Json, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False, default=""),
    sa.Column("signature", sa.Text, nullable=False, default=""),
    sa.Column("ended_at", Instant),
    sa.Column("due_at", Instant, index=True),
    sa.Column("because", Words, nullable=False, default=""),
    sa.Column("reverses", _ID),
    sa.CheckConstraint("wave >= 0", name="wave"),
)
"""One subject to one environment. ``granted`` is the release's subject digest under which the start was allowed;
``subject`` the component's own. ``wave`` is the one that is carried, or was carried last. ``statement`` and
``signature`` are what who started it signed, verified again at each checkpoint; empty where they came otherwise."""
sa.Index(
    "uq_tg_rollout_active",
    rollout.c.component,
    rollout.c.environment,
    unique=True,
    sqlite_where=rollout.c.state.in_(_ACTIVE_STATES),
    postgresql_where=rollout.c.state.in_(_ACTIVE_STATES),
)

effect = sa.Table(
    "tg_effect",
    metadata,
    sa.Column("key", sa.String(700), primary_key=True),
    sa.Column("rollout", _ID, sa.ForeignKey("tg_rollout.id"), nullable=False, index=True),
    sa.Column("wave", sa.Integer, nullable=False),
    sa.Column("unit", sa.String(128), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("act", _NAME, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("package", sa.String(64), nullable=False),
    sa.Column("previous_version", sa.String(128), nullable=False),
    sa.Column("previous_package", sa.String(64), nullable=False),
    sa.Column("intended_at", Instant, nullable=False),
    sa.Column("dispatched_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("detail", Words, nullable=False, default=""),
    sa.UniqueConstraint("rollout", "wave", "unit", "attempt"),
)

lease = sa.Table(
    "tg_lease",
    metadata,
    sa.Column("component", _NAME, primary_key=True),
    sa.Column("environment", _NAME, primary_key=True),
    sa.Column("holder", _ID, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("counter", sa.Integer, nullable=False),
    sa.Column("since", Instant, nullable=False),
)
"""Who may act on a component in an environment. ``holder`` is a rollout, or empty; ``counter`` only ever rises."""

watch = sa.Table(
    "tg_watch",
    metadata,
    sa.Column("rollout", _ID, sa.ForeignKey("tg_rollout.id"), primary_key=True),
    sa.Column("wave", sa.Integer, nullable=False),
    sa.Column("whole", Json, nullable=False),
    sa.Column("checkpoint", Json, nullable=False),
    sa.Column("samples", Json, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ends_at", Instant, nullable=False),
    sa.Column("said", Words, nullable=False, default=""),
)
"""``whole`` is the detector over the whole rollout, which takes back; ``checkpoint`` the one since the last wave, which
promotes: there is one alpha for the rollout, and each wave must prove itself."""

message = sa.Table(
    "tg_message",
    metadata,
    sa.Column("key", sa.String(400), primary_key=True),
    sa.Column("release", _ID, index=True),
    sa.Column("occasion", _NAME, nullable=False),
    sa.Column("say", _NAME, nullable=False),
    sa.Column("channel", Words, nullable=False),
    sa.Column("body", Words, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("claimed_by", sa.String(128)),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("delivered_at", Instant),
    sa.Column("error", Words, nullable=False, default=""),
)
"""The outbox. ``due_at`` is empty once it is delivered; whoever delivers claims it by moving ``due_at`` ahead."""
sa.Index("ix_tg_message_due", message.c.due_at)

leaf = sa.Table(
    "tg_leaf",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
    sa.Column("kind", _NAME, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("release", _ID, index=True),
)

head = sa.Table(
    "tg_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
    sa.Column("last_at", sa.String(27), nullable=False),
    sa.CheckConstraint("id = 1", name="one"),
)
"""The head of the log: one row, locked last, by everybody who writes a leaf."""


def raw(column: sa.Column[Any]) -> sa.ColumnElement[bytes]:
    """The column's bytes, whatever somebody stored there: SQLite lets a text stand where bytes should."""
    return sa.cast(column, sa.LargeBinary).label(column.name)
