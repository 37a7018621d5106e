"""What rollouts brought to databases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the table; nothing that was there changes."""
    op.create_table(
        "tg_database",
        sa.Column("rollout", sa.String(length=160), nullable=False),
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("newest", sa.Text(), nullable=False),
        sa.Column("brought", sa.String(length=71), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("settled_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["rollout"], ["tg_rollout.id"], name=op.f("fk_tg_database_rollout")),
        sa.PrimaryKeyConstraint("rollout", name=op.f("pk_tg_database")),
    )
    op.create_index(op.f("ix_tg_database_component"), "tg_database", ["component", "environment"], unique=False)
