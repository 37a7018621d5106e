"""The release template that a release was opened from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the column; the releases that were there were opened from none."""
    op.add_column("tg_release", sa.Column("template", sa.Text(), nullable=True))
