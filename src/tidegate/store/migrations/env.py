"""Run the migrations on the connection that ``store/schema.py`` hands over."""

from __future__ import annotations

from alembic import context

from tidegate.store.tables import metadata


def ours(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:
    """The engine's tables lie in the same database, ``tg_executor`` among them: none of them is Alembic's to drop."""
    return not (kind == "table" and reflected and name not in metadata.tables)


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
