"""Policies that are proposed, and what people answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the two tables; nothing that was there changes."""
    op.create_table(
        "tg_proposal",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("replaces", sa.String(length=71), nullable=False),
        sa.Column("proposed_at", sa.String(length=27), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.String(length=27), nullable=True),
        sa.Column("adoption", sa.Integer(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (adoption IS NULL)", name=op.f("ck_tg_proposal_ended")),
        sa.ForeignKeyConstraint(["adoption"], ["tg_policy.number"], name=op.f("fk_tg_proposal_adoption")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_proposal")),
        sa.UniqueConstraint("adoption", name=op.f("uq_tg_proposal_adoption")),
    )
    op.create_index(
        "uq_tg_proposal_open",
        "tg_proposal",
        ["digest"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "tg_proposal_answer",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("proposal", sa.String(length=160), nullable=False),
        sa.Column("replaces", sa.String(length=71), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("answer", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.CheckConstraint("answer IN ('approve', 'reject')", name=op.f("ck_tg_proposal_answer_answer")),
        sa.ForeignKeyConstraint(["proposal"], ["tg_proposal.id"], name=op.f("fk_tg_proposal_answer_proposal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_proposal_answer")),
    )
    op.create_index(op.f("ix_tg_proposal_answer_proposal"), "tg_proposal_answer", ["proposal"], unique=False)
    op.create_index(
        "uq_tg_proposal_answer_standing",
        "tg_proposal_answer",
        ["proposal", "replaces", "person", "role"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
