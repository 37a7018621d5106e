"""What was done with backups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_TIME, _ID, _NAME, _DIGEST = sa.String(length=27), sa.String(length=160), sa.String(length=64), sa.String(length=71)


def upgrade() -> None:
    """Create the table; nothing that was there changes."""
    op.create_table(
        "tg_backup",
        sa.Column("id", _ID, nullable=False),
        sa.Column("backup", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("environment", _NAME, nullable=False),
        sa.Column("act", _NAME, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", _DIGEST, nullable=False),
        sa.Column("figures", _DIGEST, nullable=False),
        sa.Column("report", _DIGEST, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_tg_backup_size")),
        sa.CheckConstraint("act != 'taken' OR backup = id", name=op.f("ck_tg_backup_taken")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_backup")),
    )
    op.create_index(op.f("ix_tg_backup_backup"), "tg_backup", ["backup"])
    op.create_index(op.f("ix_tg_backup_name"), "tg_backup", ["name"])
