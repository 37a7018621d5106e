"""Emergencies that were declared, and what is owed afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TIME, _ID, _NAME, _DIGEST = sa.String(length=27), sa.String(length=160), sa.String(length=64), sa.String(length=71)


def upgrade() -> None:
    """Create the tables; nothing that was there changes."""
    op.create_table(
        "tg_emergency",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("declared_at", _TIME, nullable=False),
        sa.Column("declared_by", sa.Text(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("acknowledge_by", _TIME, nullable=True),
        sa.Column("calls", sa.Text(), nullable=False),
        sa.Column("called", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("acknowledged_at", _TIME, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("called >= 0", name=op.f("ck_tg_emergency_called")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_emergency")),
    )
    op.create_index(op.f("ix_tg_emergency_due_at"), "tg_emergency", ["due_at"])
    op.create_table(
        "tg_debt",
        sa.Column("id", sa.String(length=400), nullable=False),
        sa.Column("release", _ID, nullable=False),
        sa.Column("emergency", _ID, nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("teams", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("author_may", sa.Boolean(), nullable=False),
        sa.Column("environment", _NAME, nullable=False),
        sa.Column("subject", _DIGEST, nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("remind_at", _TIME, nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("document", _DIGEST, nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name=op.f("ck_tg_debt_settled")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_debt")),
    )
    op.create_index(op.f("ix_tg_debt_release"), "tg_debt", ["release"])
    op.create_index(op.f("ix_tg_debt_remind_at"), "tg_debt", ["remind_at"])
