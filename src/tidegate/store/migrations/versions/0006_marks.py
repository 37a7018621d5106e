"""What people say of a release: ticks, waivers, reviews, documents; its date, its reason, its downtime."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table and add the columns; nothing that was there changes."""
    op.add_column("tg_release", sa.Column("planned_at", sa.String(length=27), nullable=True))
    op.add_column("tg_release", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("tg_release", sa.Column("criterion", sa.Text(), nullable=True))
    op.add_column("tg_release", sa.Column("downtime", sa.Boolean(), nullable=True))
    op.create_table(
        "tg_mark",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=255), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=71), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("until", sa.String(length=27), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("not_needed", sa.Boolean(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.String(length=27), nullable=True),
        sa.CheckConstraint(
            "kind IN ('tick', 'waiver', 'waiver-yes', 'review', 'document')", name=op.f("ck_tg_mark_kind")
        ),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_mark_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_mark")),
    )
    op.create_index(op.f("ix_tg_mark_release"), "tg_mark", ["release"], unique=False)
    op.create_index(
        "uq_tg_mark_standing",
        "tg_mark",
        ["release", "kind", "name", "part", "person", "subject"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
