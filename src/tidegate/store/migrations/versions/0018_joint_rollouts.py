"""Rollouts of several components, carried out as one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_TIME, _ID, _NAME, _DIGEST = sa.String(length=27), sa.String(length=160), sa.String(length=64), sa.String(length=71)


def upgrade() -> None:
    """Create the table; the rollouts that were there are part of none."""
    op.create_table(
        "tg_joint_rollout",
        sa.Column("id", _ID, nullable=False),
        sa.Column("release", _ID, nullable=False),
        sa.Column("environment", _NAME, nullable=False),
        sa.Column("state", _NAME, nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("granted", _DIGEST, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("back_of", _NAME, nullable=False),
        sa.Column("back_by", sa.Text(), nullable=True),
        sa.Column("accepts_data_loss", sa.Boolean(), nullable=False),
        sa.CheckConstraint("place >= 0", name=op.f("ck_tg_joint_rollout_place")),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_joint_rollout_release_tg_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_joint_rollout")),
    )
    op.create_index(op.f("ix_tg_joint_rollout_due_at"), "tg_joint_rollout", ["due_at"])
    condition = sa.text("state IN ('in_doubt', 'paused', 'returning', 'running', 'waiting')")
    op.create_index(
        "uq_tg_joint_rollout_under_way",
        "tg_joint_rollout",
        ["release", "environment"],
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )
    op.add_column("tg_rollout", sa.Column("joint", _ID, nullable=True))
    op.create_index(op.f("ix_tg_rollout_joint"), "tg_rollout", ["joint"])
