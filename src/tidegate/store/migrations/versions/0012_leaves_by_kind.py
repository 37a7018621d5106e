"""An index of the leaves by kind: each decision asks the log for those of a few rare kinds."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the index; nothing that was there changes."""
    op.create_index(op.f("ix_tg_leaf_kind"), "tg_leaf", ["kind"])
