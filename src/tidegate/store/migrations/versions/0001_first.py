"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "tg_content",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tg_content")),
    )
    op.create_table(
        "tg_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", sa.String(length=27), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_tg_head_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_head")),
    )
    op.create_table(
        "tg_hold",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", sa.String(length=27), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=True),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("lifted_at", sa.String(length=27), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_hold")),
    )
    op.create_table(
        "tg_leaf",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_tg_leaf")),
    )
    op.create_index(op.f("ix_tg_leaf_release"), "tg_leaf", ["release"], unique=False)
    op.create_table(
        "tg_lease",
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=160), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("since", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("component", "environment", name=op.f("pk_tg_lease")),
    )
    op.create_table(
        "tg_message",
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=True),
        sa.Column("occasion", sa.String(length=64), nullable=False),
        sa.Column("say", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("due_at", sa.String(length=27), nullable=True),
        sa.Column("claimed_by", sa.String(length=128), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.String(length=27), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tg_message")),
    )
    op.create_index("ix_tg_message_due", "tg_message", ["due_at"], unique=False)
    op.create_index(op.f("ix_tg_message_release"), "tg_message", ["release"], unique=False)
    op.create_table(
        "tg_meta",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tg_meta")),
    )
    op.create_table(
        "tg_policy",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("adopted_at", sa.String(length=27), nullable=False),
        sa.Column("adopted_by", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_tg_policy")),
    )
    op.create_index(
        "uq_tg_policy_active",
        "tg_policy",
        ["active"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "tg_release",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=71), nullable=False),
        sa.Column("opened_at", sa.String(length=27), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("announced_at", sa.String(length=27), nullable=True),
        sa.Column("closed_at", sa.String(length=27), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_release")),
    )
    op.create_table(
        "tg_spent",
        sa.Column("nonce", sa.String(length=160), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_tg_spent")),
    )
    op.create_table(
        "tg_approval",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("answer", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=71), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_approval_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_approval")),
    )
    op.create_index(op.f("ix_tg_approval_release"), "tg_approval", ["release"], unique=False)
    op.create_index(
        "uq_tg_approval_standing",
        "tg_approval",
        ["release", "environment", "subject", "person"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "tg_evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=False),
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("bound", sa.Text(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.String(length=27), nullable=False),
        sa.Column("added_at", sa.String(length=27), nullable=False),
        sa.Column("report", sa.String(length=71), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_evidence_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_evidence")),
    )
    op.create_index(op.f("ix_tg_evidence_release"), "tg_evidence", ["release"], unique=False)
    op.create_table(
        "tg_item",
        sa.Column("release", sa.String(length=160), nullable=False),
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("from_version", sa.String(length=128), nullable=False),
        sa.Column("to_version", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content_at", sa.String(length=27), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("package", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_item_release")),
        sa.PrimaryKeyConstraint("release", "component", name=op.f("pk_tg_item")),
    )
    op.create_table(
        "tg_request",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.String(length=27), nullable=False),
        sa.Column("due_at", sa.String(length=27), nullable=True),
        sa.Column("rollout", sa.String(length=160), nullable=True),
        sa.Column("ended_at", sa.String(length=27), nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_request_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_request")),
    )
    op.create_index(
        "uq_tg_request_waiting",
        "tg_request",
        ["release", "environment"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "tg_rollout",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=True),
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=71), nullable=False),
        sa.Column("granted", sa.String(length=71), nullable=False),
        sa.Column("from_version", sa.String(length=128), nullable=False),
        sa.Column("from_package", sa.String(length=64), nullable=False),
        sa.Column("to_version", sa.String(length=128), nullable=False),
        sa.Column("to_package", sa.String(length=64), nullable=False),
        sa.Column("waves", sa.Text(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("legs", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.String(length=27), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.String(length=27), nullable=True),
        sa.Column("due_at", sa.String(length=27), nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("reverses", sa.String(length=160), nullable=True),
        sa.CheckConstraint("wave >= 0", name=op.f("ck_tg_rollout_wave")),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_rollout_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_rollout")),
    )
    op.create_index(op.f("ix_tg_rollout_due_at"), "tg_rollout", ["due_at"], unique=False)
    op.create_index(op.f("ix_tg_rollout_release"), "tg_rollout", ["release"], unique=False)
    op.create_index(
        "uq_tg_rollout_active",
        "tg_rollout",
        ["component", "environment"],
        unique=True,
        sqlite_where=sa.text("state IN ('in_doubt', 'paused', 'running', 'watching')"),
        postgresql_where=sa.text("state IN ('in_doubt', 'paused', 'running', 'watching')"),
    )
    op.create_table(
        "tg_effect",
        sa.Column("key", sa.String(length=700), nullable=False),
        sa.Column("rollout", sa.String(length=160), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("package", sa.String(length=64), nullable=False),
        sa.Column("previous_version", sa.String(length=128), nullable=False),
        sa.Column("previous_package", sa.String(length=64), nullable=False),
        sa.Column("intended_at", sa.String(length=27), nullable=False),
        sa.Column("dispatched_at", sa.String(length=27), nullable=True),
        sa.Column("ended_at", sa.String(length=27), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["tg_rollout.id"], name=op.f("fk_tg_effect_rollout")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tg_effect")),
        sa.UniqueConstraint("rollout", "wave", "unit", "attempt", name=op.f("uq_tg_effect_rollout_wave_unit_attempt")),
    )
    op.create_index(op.f("ix_tg_effect_rollout"), "tg_effect", ["rollout"], unique=False)
    op.create_table(
        "tg_watch",
        sa.Column("rollout", sa.String(length=160), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("samples", sa.Text(), nullable=False),
        sa.Column("started_at", sa.String(length=27), nullable=False),
        sa.Column("ends_at", sa.String(length=27), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["tg_rollout.id"], name=op.f("fk_tg_watch_rollout")),
        sa.PrimaryKeyConstraint("rollout", name=op.f("pk_tg_watch")),
    )
