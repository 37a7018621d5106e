"""Who has which hand in a release, who speaks for whom, and the meetings of boards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add a column and two tables; what was there says nothing new."""
    op.add_column("tg_item", sa.Column("hands", sa.Text(), nullable=False, server_default="{}"))
    op.create_table(
        "tg_delegation",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("to", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("until", sa.String(length=27), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_delegation")),
    )
    op.create_index(op.f("ix_tg_delegation_by"), "tg_delegation", ["by"], unique=False)
    op.create_table(
        "tg_meeting",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("board", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("agenda", sa.Text(), nullable=False),
        sa.Column("called_by", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("attended", sa.Text(), nullable=True),
        sa.Column("approved", sa.Text(), nullable=True),
        sa.Column("record", sa.String(length=71), nullable=True),
        sa.Column("minutes", sa.String(length=71), nullable=True),
        sa.Column("minutes_signature", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_meeting")),
    )
