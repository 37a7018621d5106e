"""The shares that a rollout shifts: of the traffic, or of the users for whom a flag is on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the share of an effect; those that were there have none."""
    op.add_column("tg_effect", sa.Column("share_of", sa.String(128), nullable=False, server_default=sa.text("''")))
    op.add_column("tg_effect", sa.Column("share_points", sa.Integer))
