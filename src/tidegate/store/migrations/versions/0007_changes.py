"""Change requests, with the releases that they are for, what was done to them, and what people answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables; nothing that was there changes."""
    op.create_table(
        "tg_change",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("ticket_says", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.String(length=27), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("assessment", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.String(length=27), nullable=True),
        sa.Column("closed_at", sa.String(length=27), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_change")),
        sa.UniqueConstraint("number", name=op.f("uq_tg_change_number")),
    )
    _releases()
    _acts()
    _answers()


def _releases() -> None:
    op.create_table(
        "tg_change_release",
        sa.Column("change", sa.String(length=160), nullable=False),
        sa.Column("release", sa.String(length=160), nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("subjects", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["change"], ["tg_change.id"], name=op.f("fk_tg_change_release_change")),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_change_release_release")),
        sa.PrimaryKeyConstraint("change", "release", name=op.f("pk_tg_change_release")),
    )
    op.create_index(op.f("ix_tg_change_release_release"), "tg_change_release", ["release"], unique=False)


def _acts() -> None:
    op.create_table(
        "tg_change_act",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=71), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["change"], ["tg_change.id"], name=op.f("fk_tg_change_act_change")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_change_act")),
    )
    op.create_index(op.f("ix_tg_change_act_change"), "tg_change_act", ["change"], unique=False)


def _answers() -> None:
    op.create_table(
        "tg_change_answer",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("change", sa.String(length=160), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("answer", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=71), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=False),
        sa.Column("statement", sa.String(length=71), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("answer IN ('approve', 'reject')", name=op.f("ck_tg_change_answer_answer")),
        sa.ForeignKeyConstraint(["change"], ["tg_change.id"], name=op.f("fk_tg_change_answer_change")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_change_answer")),
        sa.UniqueConstraint(
            "change", "subject", "person", "answer", name=op.f("uq_tg_change_answer_change_subject_person_answer")
        ),
    )
    op.create_index(op.f("ix_tg_change_answer_change"), "tg_change_answer", ["change"], unique=False)
