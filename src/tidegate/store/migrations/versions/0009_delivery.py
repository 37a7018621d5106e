"""How the delivery of a message stands, its subject, and to what it invites."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; what was delivered is so, everything else waits."""
    op.add_column("tg_message", sa.Column("state", sa.String(length=64), nullable=False, server_default="waiting"))
    op.add_column("tg_message", sa.Column("subject", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("tg_message", sa.Column("event", sa.Text(), nullable=True))
    op.add_column("tg_message", sa.Column("forgiven", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tg_message", sa.Column("state_at", sa.String(length=27), nullable=True))
    op.execute("UPDATE tg_message SET state = 'delivered' WHERE delivered_at IS NOT NULL")
    op.drop_index("ix_tg_message_due", "tg_message")
    op.create_index("ix_tg_message_due", "tg_message", ["due_at", "key"])
    op.create_index("ix_tg_message_state", "tg_message", ["state", "key"])
