"""When a rollback has taken a database back over what a rollout had brought to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the column; what is there was never taken back by Tidegate."""
    op.add_column("tg_database", sa.Column("undone_at", sa.String(length=27), nullable=True))
