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
from tidegate.core.joint_rollout import UNDER_WAY
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
_WHERE = "where"


def _unique_among(name: str, *columns: sa.ColumnElement[Any], where: sa.ColumnElement[bool] | sa.TextClause) -> None:
    """A unique index over the rows alone for which ``where`` holds."""
    sa.Index(name, *columns, unique=True, sqlite_where=where, info={_WHERE: where})


def tell_postgresql() -> None:
    """Say the condition of each partial index in PostgreSQL's own words, before an index is made or compared there.

    Not where they are declared: that imports PostgreSQL's dialects, a tenth of the start of a command on SQLite.
    """
    for index in (index for table in metadata.tables.values() for index in table.indexes):
        if _WHERE in index.info:
            index.dialect_options["postgresql"]["where"] = index.info[_WHERE]


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
_unique_among(
    "uq_tg_policy_active",
    policy.c.active,
    where=sa.text("active"),
)

proposal = sa.Table(
    "tg_proposal",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("replaces", _DIGEST, nullable=False),
    sa.Column("proposed_at", Instant, nullable=False),
    sa.Column("proposed_by", Json, nullable=False),
    sa.Column("because", Words, nullable=False, default=""),
    sa.Column("statement", _DIGEST, nullable=False, default=""),
    sa.Column("signature", sa.Text, nullable=False, default=""),
    sa.Column("ended_at", Instant),
    sa.Column("adoption", sa.Integer, sa.ForeignKey("tg_policy.number"), unique=True),
    sa.CheckConstraint("(ended_at IS NULL) = (adoption IS NULL)", name="ended"),
)
"""A policy that somebody proposed; its content lies under ``digest``. It is open until it is adopted: ``adoption`` is
the number of the policy that it became. ``replaces`` is what was active when it was proposed."""
_unique_among(
    "uq_tg_proposal_open",
    proposal.c.digest,
    where=proposal.c.ended_at.is_(None),
)

proposal_answer = sa.Table(
    "tg_proposal_answer",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("proposal", _ID, sa.ForeignKey("tg_proposal.id"), nullable=False, index=True),
    sa.Column("replaces", _DIGEST, nullable=False),
    sa.Column("person", _NAME, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("answer", _NAME, nullable=False),
    sa.Column("role", _NAME, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("revoked_at", Instant),
    sa.CheckConstraint("answer IN ('approve', 'reject')", name="answer"),
)
"""What somebody said to a proposal: one standing answer for a person and role, and for the policy that the proposal
would replace (``replaces``). The id is the nonce of what they signed, so that it is recorded once."""
_unique_among(
    "uq_tg_proposal_answer_standing",
    proposal_answer.c.proposal,
    proposal_answer.c.replaces,
    proposal_answer.c.person,
    proposal_answer.c.role,
    where=proposal_answer.c.revoked_at.is_(None),
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
    sa.Column("planned_at", Instant),
    sa.Column("reason", Words),
    sa.Column("criterion", Words),
    sa.Column("downtime", sa.Boolean),
    sa.Column("template", Words),
    sa.Column("superseded_by", _ID),
)
"""``superseded_by`` is the newer release that took its place. ``planned_at``, ``reason``, ``criterion`` and
``downtime`` are what people said of it; empty where nobody has. ``template`` is the
release template that it was opened from."""

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
    sa.Column("hands", Json, nullable=False, default={}, server_default="{}"),
    sa.Column("package", sa.String(64), nullable=False),
)
"""The components of a release, ordered; a single release is a bundle of one. ``package`` is the artifact's SHA-256."""

mark = sa.Table(
    "tg_mark",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), nullable=False, index=True),
    sa.Column("kind", _NAME, nullable=False),
    sa.Column("name", _NAME, nullable=False),
    sa.Column("part", sa.String(255), nullable=False),
    sa.Column("person", _NAME, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("subject", _DIGEST, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("until", Instant),
    sa.Column("reason", Words, nullable=False, default=""),
    sa.Column("not_needed", sa.Boolean, nullable=False, default=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("ended_at", Instant),
    sa.CheckConstraint("kind IN ('tick', 'waiver', 'waiver-yes', 'review', 'document')", name="kind"),
)
"""What people said of a release's checklists, gates and documents. The id is the nonce of what they signed, so that it
is recorded once; ``subject`` is the digest that it is bound to. One standing mark of a kind for a person and point."""
_unique_among(
    "uq_tg_mark_standing",
    mark.c.release,
    mark.c.kind,
    mark.c.name,
    mark.c.part,
    mark.c.person,
    mark.c.subject,
    where=mark.c.ended_at.is_(None),
)

tag = sa.Table(
    "tg_tag",
    metadata,
    sa.Column("component", _NAME, primary_key=True),
    sa.Column("version", sa.String(128), primary_key=True),
    sa.Column("name", sa.String(400), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("commit", sa.String(64), nullable=False),
    sa.Column("content", _DIGEST, nullable=False, default=""),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), index=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", Json, nullable=False),
)
"""What was tagged: ``object`` is the tag object, whose bytes lie under ``content``, ``commit`` what it leads to,
``release`` the release of that version, if there was one. Written before the tag is set, and never changed: a tag that
is not so was moved. A tag without a tag object has no content."""

artifact = sa.Table(
    "tg_artifact",
    metadata,
    sa.Column("release", _ID, primary_key=True),
    sa.Column("component", _NAME, primary_key=True),
    sa.Column("kind", _NAME, primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("file", sa.String(255), nullable=False, default=""),
    sa.Column("built_at", Instant, nullable=False),
    sa.Column("built_by", _NAME, nullable=False),
    sa.Column("pushed_at", Instant),
    sa.Column("tags", Json, nullable=False),
    sa.ForeignKeyConstraint(["release", "component"], ["tg_item.release", "tg_item.component"]),
)
"""What was built of a release's component besides its package. Its digest is in the item's subject; its bytes lie in
the store of artifacts. ``tags``: what each tag became when it was last pushed."""

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
_unique_among(
    "uq_tg_approval_standing",
    approval.c.release,
    approval.c.environment,
    approval.c.subject,
    approval.c.person,
    where=approval.c.revoked_at.is_(None),
)

delegation = sa.Table(
    "tg_delegation",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("by", _NAME, nullable=False, index=True),
    sa.Column("to", _NAME, nullable=False),
    sa.Column("scope", Json, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("until", Instant, nullable=False),
    sa.Column("reason", Words, nullable=False, default=""),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("revoked_at", Instant),
)
"""Who handed their voice to whom, for which groups or roles, until when. The id is the nonce of what they signed."""

meeting = sa.Table(
    "tg_meeting",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("board", _NAME, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("agenda", Json, nullable=False),
    sa.Column("called_by", Json, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant),
    sa.Column("recorded_by", Json),
    sa.Column("attended", Json),
    sa.Column("approved", Json),
    sa.Column("record", _DIGEST),
    sa.Column("minutes", _DIGEST),
    sa.Column("minutes_signature", sa.Text),
)
"""The meetings of boards: the agenda when one is called, the minutes when they are recorded. ``record`` is the digest
of the written minutes, ``minutes`` that of the statement which was signed about them."""

change = sa.Table(
    "tg_change",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("category", _NAME, nullable=False),
    sa.Column("title", Words, nullable=False),
    sa.Column("reason", Words, nullable=False),
    sa.Column("description", Words, nullable=False, default=""),
    sa.Column("entry", Words, nullable=False, default=""),
    sa.Column("ticket", Words, nullable=False, default=""),
    sa.Column("ticket_says", Words, nullable=False, default=""),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("opened_by", _NAME, nullable=False),
    sa.Column("assessment", Json),
    sa.Column("facts", Json),
    sa.Column("submitted_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("outcome", Words, nullable=False, default=""),
)
"""Change requests, numbered from 1. ``facts`` are those of its risk, counted when it was submitted."""

change_release = sa.Table(
    "tg_change_release",
    metadata,
    sa.Column("change", _ID, sa.ForeignKey("tg_change.id"), primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), primary_key=True, index=True),
    sa.Column("components", Json, nullable=False),
    sa.Column("authors", Json, nullable=False),
    sa.Column("subjects", Json, nullable=False),
)
"""The releases that a change request is for; ``subjects`` are their digests by environment when it was submitted."""

change_act = sa.Table(
    "tg_change_act",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("change", _ID, sa.ForeignKey("tg_change.id"), nullable=False, index=True),
    sa.Column("kind", _NAME, nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("person", _NAME, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("how", Words, nullable=False),
    sa.Column("subject", sa.String(71), nullable=False),
    sa.Column("statement", sa.String(71), nullable=False, default=""),
    sa.Column("signature", sa.Text, nullable=False, default=""),
)
"""Append-only: what people did to a change request, each with what they signed; the row alone proves nothing."""

change_answer = sa.Table(
    "tg_change_answer",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("change", _ID, sa.ForeignKey("tg_change.id"), nullable=False, index=True),
    sa.Column("person", _NAME, nullable=False),
    sa.Column("actor", Json, nullable=False),
    sa.Column("answer", _NAME, nullable=False),
    sa.Column("role", _NAME, nullable=False),
    sa.Column("subject", _DIGEST, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("minutes", Words, nullable=False, default=""),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.CheckConstraint("answer IN ('approve', 'reject')", name="answer"),
    sa.UniqueConstraint("change", "subject", "person", "answer"),
)
"""What somebody said to a change request as it was submitted (``subject``). The id is the nonce of what they signed."""

spent = sa.Table(
    "tg_spent",
    metadata,
    sa.Column("nonce", _ID, primary_key=True),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("at", Instant, nullable=False),
)
"""The nonces of signed acts: a statement is spent once. Approvals are spent by their id, which is their nonce."""

database = sa.Table(
    "tg_database",
    metadata,
    sa.Column("rollout", _ID, sa.ForeignKey("tg_rollout.id"), primary_key=True),
    sa.Column("component", _NAME, nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("newest", Words, nullable=False),
    sa.Column("brought", _DIGEST, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("undone_at", Instant),
    sa.Index("ix_tg_database_component", "component", "environment"),
)
"""What a rollout brought to the database of its component: ``digest`` is that of all migrations of its version,
``newest`` the name of the last one that was new, ``brought`` the content that says what they do. Written when it
starts, since from then on they may have been run; ``settled_at`` when it has succeeded; ``undone_at`` when a rollback
had taken the database back over them, as read from it."""

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
    sa.Column("version", sa.String(128), nullable=False, default="", server_default=sa.text("''")),
    sa.Column("package", sa.String(64), nullable=False, default="", server_default=sa.text("''")),
    sa.Column("rollback", _ID, nullable=False, default="", server_default=sa.text("''")),
)
"""``version`` and ``package`` are those of a version that was taken back by the rollout ``rollback``: such a hold is of
that version alone, in one environment."""

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
_unique_among(
    "uq_tg_request_waiting",
    request.c.release,
    request.c.environment,
    where=request.c.ended_at.is_(None),
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
    sa.Column("joint", _ID, index=True),
    sa.CheckConstraint("wave >= 0", name="wave"),
)
"""One subject to one environment. ``granted`` is the release's subject digest under which the start was allowed;
``subject`` the component's own. ``wave`` is the one that is carried, or was carried last. ``statement`` and
``signature`` are what who started it signed, verified again at each checkpoint; empty where they came otherwise.
``joint`` is the joint rollout that it is part of, if any."""
_unique_among(
    "uq_tg_rollout_active",
    rollout.c.component,
    rollout.c.environment,
    where=rollout.c.state.in_(_ACTIVE_STATES),
)

joint_rollout = sa.Table(
    "tg_joint_rollout",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("sequence", Json, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("strategy", Words, nullable=False),
    sa.Column("granted", _DIGEST, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("started_by", Json, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("due_at", Instant, index=True),
    sa.Column("because", Words, nullable=False),
    sa.Column("back_of", _NAME, nullable=False),
    sa.Column("back_by", Json),
    sa.Column("accepts_data_loss", sa.Boolean, nullable=False),
    sa.CheckConstraint("place >= 0", name="place"),
)
"""The rollouts of a release's components to one environment, as one. ``sequence`` are the components in their order,
``place`` the one that is carried, or comes next. ``back_of`` is the component for whose sake it is taken back, empty
where it is taken back as a whole; ``back_by`` who takes it back, and ``accepts_data_loss`` what they said to that."""
_unique_among(
    "uq_tg_joint_rollout_under_way",
    joint_rollout.c.release,
    joint_rollout.c.environment,
    where=joint_rollout.c.state.in_(sorted(state.value for state in UNDER_WAY)),
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
    sa.Column("share_of", sa.String(128), nullable=False, default="", server_default=sa.text("''")),
    sa.Column("share_points", sa.Integer),
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

emergency = sa.Table(
    "tg_emergency",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("incident", Words, nullable=False),
    sa.Column("reason", Words, nullable=False),
    sa.Column("criterion", Words, nullable=False),
    sa.Column("components", Json, nullable=False),
    sa.Column("declared_at", Instant, nullable=False),
    sa.Column("declared_by", Json, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("acknowledge_by", Instant),
    sa.Column("calls", Json, nullable=False),
    sa.Column("called", sa.Integer, nullable=False),
    sa.Column("due_at", Instant, index=True),
    sa.Column("acknowledged_at", Instant),
    sa.Column("acknowledged_by", Json),
    sa.Column("ended_at", Instant),
    sa.Column("ended_by", Json),
    sa.Column("outcome", Words, nullable=False, default=""),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.CheckConstraint("called >= 0", name="called"),
)
"""``statement`` and ``signature`` are what who declared it signed; the row alone proves nothing. ``calls`` are the
contacts with the times at which they are called while nobody has acknowledged; ``called`` of them were, and ``due_at``
is the time of the next one. Whoever calls counts ``called`` on, so that each is called once."""

debt = sa.Table(
    "tg_debt",
    metadata,
    sa.Column("id", sa.String(400), primary_key=True),
    sa.Column("release", _ID, nullable=False, index=True),
    sa.Column("emergency", _ID, nullable=False),
    sa.Column("kind", _NAME, nullable=False),
    sa.Column("name", _NAME, nullable=False),
    sa.Column("components", Json, nullable=False),
    sa.Column("teams", Json, nullable=False),
    sa.Column("by", Json, nullable=False),
    sa.Column("authors", Json, nullable=False),
    sa.Column("author_may", sa.Boolean, nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("subject", sa.String(71), nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("remind_at", Instant, index=True),
    sa.Column("reminded", sa.Integer, nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("settled_by", Json),
    sa.Column("document", _DIGEST, nullable=False, default=""),
    sa.Column("statement", _DIGEST, nullable=False, default=""),
    sa.Column("signature", sa.Text, nullable=False, default=""),
    sa.Column("says", Words),
    sa.Column("note", Words),
    sa.Column("outcome", _NAME),
    sa.CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name="settled"),
)
"""What is owed afterwards, and what is done then without being owed: tasks, looks back, improvements, judgements.
``says`` is what is done, ``note`` what whoever did it had to say, ``outcome`` what a judgement found. ``reminded`` is 1
when it was said that it is soon due, 2 when that it is overdue; ``remind_at`` is when the next of the two is due.
``statement`` and ``signature`` are what who settled it signed."""

feedback = sa.Table(
    "tg_feedback",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), nullable=False, index=True),
    sa.Column("score", sa.Integer),
    sa.Column("text", Words, nullable=False),
    sa.Column("whose", Words, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", Json, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.CheckConstraint("score IS NULL OR (score >= 1 AND score <= 5)", name="score"),
)
"""What users said of a release; append-only. ``score`` is their satisfaction from 1 to 5, ``whose`` who said it, ``by``
who recorded it. The id is the nonce of what they signed."""

incident = sa.Table(
    "tg_incident",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("title", Words, nullable=False),
    sa.Column("component", _NAME, nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("release", _ID, nullable=False, index=True),
    sa.Column("reverses", _ID, nullable=False),
    sa.Column("rollback", _ID, nullable=False, index=True),
    sa.Column("facts", Json, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("opened_by", Json, nullable=False),
    sa.Column("began_at", Instant),
    sa.Column("detected_at", Instant, nullable=False),
    sa.Column("restored_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("closed_by", Json),
    sa.Column("outcome", Words, nullable=False, default=""),
    sa.Column("statement", _DIGEST, nullable=False, default=""),
    sa.Column("signature", sa.Text, nullable=False, default=""),
    sa.CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
)
"""What went wrong, and what became of it. ``rollback`` is the rollout that took back ``reverses``; both are empty where
a person opened it. ``facts`` are those of the moment. ``statement`` and ``signature`` are what who closed it signed."""

incident_paper = sa.Table(
    "tg_incident_paper",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("incident", _ID, sa.ForeignKey("tg_incident.id"), nullable=False, index=True),
    sa.Column("kind", _NAME, nullable=False),
    sa.Column("name", _NAME, nullable=False),
    sa.Column("file", Words, nullable=False),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("values", Json, nullable=False),
    sa.Column("taken_at", Instant, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", Json, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.CheckConstraint("kind IN ('document', 'evidence')", name="kind"),
)
"""Append-only: what people attached to an incident, signed: a document by its name, or a report by its kind."""

drill = sa.Table(
    "tg_drill",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("name", _NAME, nullable=False, index=True),
    sa.Column("of", _NAME, nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("began_by", Json, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("ended_by", Json),
    sa.Column("succeeded", sa.Boolean),
    sa.Column("seconds", sa.Integer),
    sa.Column("measured", Json, nullable=False),
    sa.Column("report", _DIGEST, nullable=False, default=""),
    sa.Column("statement", _DIGEST, nullable=False, default=""),
    sa.Column("signature", sa.Text, nullable=False, default=""),
    sa.CheckConstraint("(ended_at IS NULL) = (succeeded IS NULL)", name="ended"),
    sa.CheckConstraint("seconds IS NULL OR seconds >= 0", name="seconds"),
)
"""Rehearsals: begun, and over. ``due_at`` is by when a call must be acknowledged. ``statement`` and ``signature`` are
what who ended it signed; the row alone proves nothing."""

train_run = sa.Table(
    "tg_train_run",
    metadata,
    sa.Column("train", _NAME, primary_key=True),
    sa.Column("departs_at", Instant, primary_key=True),
    sa.Column("boards_at", Instant, nullable=False),
    sa.Column("locks_at", Instant, nullable=False),
    sa.Column("closes_at", Instant, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("due_at", Instant, index=True),
    sa.Column("because", Words, nullable=False, default=""),
)
"""The runs of trains. ``due_at`` is when the next step of one is due, and empty once it is over; whoever takes a step
claims it by moving ``due_at`` ahead, and the step itself changes ``state`` in the transaction that writes its leaf."""

passenger = sa.Table(
    "tg_passenger",
    metadata,
    sa.Column("train", _NAME, primary_key=True),
    sa.Column("departs_at", Instant, primary_key=True),
    sa.Column("component", _NAME, primary_key=True),
    sa.Column("release", _ID, nullable=False, index=True),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("standing", _NAME, nullable=False),
    sa.Column("because", Json, nullable=False),
    sa.Column("opened", sa.Boolean, nullable=False),
    sa.Column("later", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["train", "departs_at"], ["tg_train_run.train", "tg_train_run.departs_at"]),
)
"""What each component has aboard a run, and what became of it. ``release`` is empty where none could be opened."""

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
    sa.Column("state", _NAME, nullable=False, default="waiting", server_default="waiting"),
    sa.Column("subject", Words, nullable=False, default="", server_default=sa.text("''")),
    sa.Column("event", Json),
    sa.Column("forgiven", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("state_at", Instant),
)
"""The outbox. ``due_at`` is empty where nobody has to do anything; whoever delivers claims it by moving it ahead.

``state`` is what ``store/outbox.py`` says, ``state_at`` since when. ``event`` is to what a message invites.
``forgiven`` are the attempts made before a person had it sent again: they no longer count towards giving up.
"""
sa.Index("ix_tg_message_due", message.c.due_at, message.c.key)
sa.Index("ix_tg_message_state", message.c.state, message.c.key)

timeline = sa.Table(
    "tg_timeline",
    metadata,
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), primary_key=True),
    sa.Column("moment", Instant),
    sa.Column("basis", _NAME, nullable=False),
    sa.Column("look_at", Instant, index=True),
    sa.Column("texts", Json, nullable=False),
    sa.CheckConstraint("basis IN ('', 'planned', 'foreseen', 'done')", name="basis"),
)
"""The moment from which the notices of a release are counted, and where it comes from: people planned it, the policy
foresees it, or the release is done. ``look_at`` is when it is looked at again. ``texts`` are those of templates that
lie in files, by name, with the digest of what was read."""

notice = sa.Table(
    "tg_notice",
    metadata,
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", _DIGEST, nullable=False),
    sa.Column("message", Json, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("at", Instant),
    sa.Column("due_at", Instant, index=True),
    sa.Column("planned_for", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("because", Words, nullable=False, default=""),
    sa.Column("told", Json, nullable=False),
    sa.Column("people", Json, nullable=False),
    sa.UniqueConstraint("release", "key"),
    sa.CheckConstraint("state IN ('planned', 'sent', 'skipped', 'cancelled')", name="state"),
    sa.CheckConstraint("due_at IS NULL OR state = 'planned'", name="due"),
)
"""The notices of a release at a time, numbered from 1. ``at`` is the time, ``due_at`` the same while it is to be sent;
``planned_for`` is the moment of the release from which it was counted. ``told`` are the channels and ``people`` the
people to whom it went."""

announcement = sa.Table(
    "tg_announcement",
    metadata,
    sa.Column("id", sa.String(400), primary_key=True),
    sa.Column("release", _ID, sa.ForeignKey("tg_release.id"), nullable=False, index=True),
    sa.Column("content", _DIGEST, nullable=False),
    sa.Column("breaking", Json, nullable=False),
    sa.Column("messages", Json, nullable=False),
    sa.Column("said_at", Instant, nullable=False),
    sa.Column("delivered_at", Instant),
)
"""What was announced of a release: ``messages`` are the keys in the outbox by which it goes to its audience, and
``delivered_at`` is when the last of them was delivered. Never changed but for that."""

acknowledgement = sa.Table(
    "tg_acknowledgement",
    metadata,
    sa.Column("release", _ID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("person", _NAME, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["release", "number"], ["tg_notice.release", "tg_notice.number"]),
)
"""Who has said, signed, that they have read a notice."""

backup = sa.Table(
    "tg_backup",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("backup", _ID, nullable=False, index=True),
    sa.Column("name", _NAME, nullable=False, index=True),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("act", _NAME, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("outcome", sa.Boolean),
    sa.Column("said", Words, nullable=False),
    sa.Column("kind", _NAME, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", _DIGEST, nullable=False),
    sa.Column("figures", _DIGEST, nullable=False),
    sa.Column("report", _DIGEST, nullable=False),
    sa.Column("by", Json, nullable=False),
    sa.Column("statement", _DIGEST, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.CheckConstraint("size >= 0", name="size"),
    sa.CheckConstraint("act != 'taken' OR backup = id", name="taken"),
)
"""What was done with backups: one row for each act on one, never changed. ``backup`` is the row by which it was taken,
``outcome`` NULL where nobody can tell how it went."""

leaf = sa.Table(
    "tg_leaf",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
    sa.Column("kind", _NAME, nullable=False, index=True),
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
