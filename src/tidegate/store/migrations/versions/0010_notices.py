"""The notices of releases at their times, what was announced, and who has read what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TIME, _ID, _NAME, _DIGEST = sa.String(length=27), sa.String(length=160), sa.String(length=64), sa.String(length=71)


def upgrade() -> None:
    """Create the tables; open releases get their timeline when somebody looks at it next."""
    op.create_table(
        "tg_timeline",
        sa.Column("release", _ID, nullable=False),
        sa.Column("moment", _TIME, nullable=True),
        sa.Column("basis", _NAME, nullable=False),
        sa.Column("look_at", _TIME, nullable=True),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.CheckConstraint("basis IN ('', 'planned', 'foreseen', 'done')", name=op.f("ck_tg_timeline_basis")),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_timeline_release")),
        sa.PrimaryKeyConstraint("release", name=op.f("pk_tg_timeline")),
    )
    op.create_index(op.f("ix_tg_timeline_look_at"), "tg_timeline", ["look_at"])
    op.create_table(
        "tg_notice",
        sa.Column("release", _ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", _DIGEST, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", _NAME, nullable=False),
        sa.Column("at", _TIME, nullable=True),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("planned_for", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("people", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('planned', 'sent', 'skipped', 'cancelled')", name=op.f("ck_tg_notice_state")),
        sa.CheckConstraint("due_at IS NULL OR state = 'planned'", name=op.f("ck_tg_notice_due")),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_notice_release")),
        sa.PrimaryKeyConstraint("release", "number", name=op.f("pk_tg_notice")),
        sa.UniqueConstraint("release", "key", name=op.f("uq_tg_notice_release_key")),
    )
    op.create_index(op.f("ix_tg_notice_due_at"), "tg_notice", ["due_at"])
    op.create_table(
        "tg_announcement",
        sa.Column("id", sa.String(length=400), nullable=False),
        sa.Column("release", _ID, nullable=False),
        sa.Column("content", _DIGEST, nullable=False),
        sa.Column("breaking", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("said_at", _TIME, nullable=False),
        sa.Column("delivered_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["release"], ["tg_release.id"], name=op.f("fk_tg_announcement_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_announcement")),
    )
    op.create_index(op.f("ix_tg_announcement_release"), "tg_announcement", ["release"])
    op.create_table(
        "tg_acknowledgement",
        sa.Column("release", _ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", _NAME, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release", "number"],
            ["tg_notice.release", "tg_notice.number"],
            name=op.f("fk_tg_acknowledgement_release_number"),
        ),
        sa.PrimaryKeyConstraint("release", "number", "person", name=op.f("pk_tg_acknowledgement")),
    )
    op.execute(
        "INSERT INTO tg_timeline (release, moment, basis, look_at, texts) "
        "SELECT id, NULL, '', opened_at, '{}' FROM tg_release WHERE state IN ('open', 'rolling')"
    )
