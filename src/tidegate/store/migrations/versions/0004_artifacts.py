"""What is built of a release besides its package."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table; nothing that was there changes."""
    op.create_table(
        "tg_artifact",
        sa.Column("release", sa.String(length=160), nullable=False),
        sa.Column("component", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("built_at", sa.String(length=27), nullable=False),
        sa.Column("built_by", sa.String(length=64), nullable=False),
        sa.Column("pushed_at", sa.String(length=27), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release", "component"],
            ["tg_item.release", "tg_item.component"],
            name=op.f("fk_tg_artifact_release_component"),
        ),
        sa.PrimaryKeyConstraint("release", "component", "kind", "name", name=op.f("pk_tg_artifact")),
    )
