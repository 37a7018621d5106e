"""Runs of trains with who is aboard, superseded releases, what is done after a release, and what users say of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_TIME, _ID, _NAME = sa.String(length=27), sa.String(length=160), sa.String(length=64)


def upgrade() -> None:
    """Create the tables and columns; nothing that was there changes."""
    op.add_column("tg_release", sa.Column("superseded_by", _ID, nullable=True))
    for name, kind in (("says", sa.Text()), ("note", sa.Text()), ("outcome", _NAME)):
        op.add_column("tg_debt", sa.Column(name, kind, nullable=True))
    op.create_table(
        "tg_feedback",
        sa.Column("id", _ID, nullable=False),
        sa.Column("release", _ID, nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("whose", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("score IS NULL OR (score >= 1 AND score <= 5)", name=op.f("ck_tg_feedback_score")),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_feedback_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_feedback")),
    )
    op.create_index(op.f("ix_tg_feedback_release"), "tg_feedback", ["release"])
    op.create_table(
        "tg_train_run",
        sa.Column("train", _NAME, nullable=False),
        sa.Column("departs_at", _TIME, nullable=False),
        sa.Column("boards_at", _TIME, nullable=False),
        sa.Column("locks_at", _TIME, nullable=False),
        sa.Column("closes_at", _TIME, nullable=False),
        sa.Column("state", _NAME, nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("train", "departs_at", name=op.f("pk_tg_train_run")),
    )
    op.create_index(op.f("ix_tg_train_run_due_at"), "tg_train_run", ["due_at"])
    op.create_table(
        "tg_passenger",
        sa.Column("train", _NAME, nullable=False),
        sa.Column("departs_at", _TIME, nullable=False),
        sa.Column("component", _NAME, nullable=False),
        sa.Column("release", _ID, nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("standing", _NAME, nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("later", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["train", "departs_at"],
            ["tg_train_run.train", "tg_train_run.departs_at"],
            name=op.f("fk_tg_passenger_train_departs_at"),
        ),
        sa.PrimaryKeyConstraint("train", "departs_at", "component", name=op.f("pk_tg_passenger")),
    )
    op.create_index(op.f("ix_tg_passenger_release"), "tg_passenger", ["release"])
