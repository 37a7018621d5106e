"""Holds of versions that were taken back, incidents, and drills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


_ID, _NAME, _DIGEST, _TIME = sa.String(160), sa.String(64), sa.String(71), sa.String(27)


def upgrade() -> None:
    """Add what a hold of a version says, and create the tables; the holds that are there are of no version."""
    for name, length in (("version", 128), ("package", 64), ("rollback", 160)):
        empty = sa.text("''")
        op.add_column("tg_hold", sa.Column(name, sa.String(length), nullable=False, server_default=empty))
    _create_incidents()
    _create_drills()


def _create_incidents() -> None:
    op.create_table(
        "tg_incident",
        sa.Column("id", _ID, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("component", _NAME, nullable=False),
        sa.Column("environment", _NAME, nullable=False),
        sa.Column("release", _ID, nullable=False),
        sa.Column("reverses", _ID, nullable=False),
        sa.Column("rollback", _ID, nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("began_at", _TIME, nullable=True),
        sa.Column("detected_at", _TIME, nullable=False),
        sa.Column("restored_at", _TIME, nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_tg_incident_closed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_incident")),
    )
    op.create_index(op.f("ix_tg_incident_release"), "tg_incident", ["release"])
    op.create_index(op.f("ix_tg_incident_rollback"), "tg_incident", ["rollback"])
    op.create_table(
        "tg_incident_paper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident", _ID, nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("taken_at", _TIME, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('document', 'evidence')", name=op.f("ck_tg_incident_paper_kind")),
        sa.ForeignKeyConstraint(["incident"], ["tg_incident.id"], name=op.f("fk_tg_incident_paper_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_incident_paper")),
    )
    op.create_index(op.f("ix_tg_incident_paper_incident"), "tg_incident_paper", ["incident"])


def _create_drills() -> None:
    op.create_table(
        "tg_drill",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("of", _NAME, nullable=False),
        sa.Column("environment", _NAME, nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("began_by", sa.Text(), nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=True),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("measured", sa.Text(), nullable=False),
        sa.Column("report", _DIGEST, nullable=False),
        sa.Column("statement", _DIGEST, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("(ended_at IS NULL) = (succeeded IS NULL)", name=op.f("ck_tg_drill_ended")),
        sa.CheckConstraint("seconds IS NULL OR seconds >= 0", name=op.f("ck_tg_drill_seconds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tg_drill")),
    )
    op.create_index(op.f("ix_tg_drill_name"), "tg_drill", ["name"])
