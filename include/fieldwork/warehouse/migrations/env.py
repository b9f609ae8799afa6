"""Alembic's entry: works on the connection that migrate.upgrade hands over, inside its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from fieldwork.warehouse.schema import SCHEMAS, metadata

connection = context.config.attributes["connection"]
for name in SCHEMAS:
    connection.execute(text(f"create schema if not exists {name}"))
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema="ops",
    include_schemas=True,
    include_name=lambda name, kind, _parents: name in SCHEMAS if kind == "schema" else True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
