"""The tags that were set."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; nothing that was there changes."""
    op.create_table(
        "tg_tag",
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("content", sa.String(length=71), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=True),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_tag_release")),
        sa.PrimaryKeyConstraint("component", "version", name=op.f("pk_tg_tag")),
    )
    op.create_index(op.f("ix_tg_tag_release"), "tg_tag", ["release"], unique=False)
