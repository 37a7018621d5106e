"""Run the migrations on the connection that ``store/schema.py`` hands over."""

from __future__ import annotations

from alembic import context

from tidegate.store.schema import ours
from tidegate.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table="tg_schema",
    include_object=ours,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
