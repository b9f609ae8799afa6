"""One MetaData for every table, and the two shorthands that make a table read like its data dictionary."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, DateTime, MetaData, Table
from sqlalchemy.types import TypeEngine

#: Each PostgreSQL schema and what it holds; the comment stands on the schema itself.
SCHEMAS: Final[dict[str, str]] = {
    "staging": "One unlogged table per batch, dropped when the batch is closed",
    "core": "Current records by stream, as the sources gave them",
    "place": "Coordinates of punches, alone, with a short life",
    "ref": "Calendar, shifts, roster, identity links and dated rules",
    "build": "The joined rows being made; nobody but the loader reads them",
    "mart": "The joined dataset and its history",
    "report": "Stable views for analysts",
    "ops": "Runs, batches, watermarks, quarantine, check results, write-back",
}

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata: Final = MetaData(naming_convention=NAMING)

INSTANT: Final = DateTime(timezone=True)


def key(name: str, kind: type[TypeEngine[Any]] | TypeEngine[Any], comment: str, **more: Any) -> Column[Any]:
    """A primary-key column."""
    return Column(name, kind, primary_key=True, nullable=False, comment=comment, **more)


def must(name: str, kind: type[TypeEngine[Any]] | TypeEngine[Any], comment: str, **more: Any) -> Column[Any]:
    """A column that is never null."""
    return Column(name, kind, nullable=False, comment=comment, **more)


def may(
    name: str, kind: type[TypeEngine[Any]] | TypeEngine[Any], comment: str, *parts: Any, **more: Any
) -> Column[Any]:
    """A column that may be null: unknown, or not yet."""
    return Column(name, kind, *parts, nullable=True, comment=comment, **more)


def table(full_name: str, comment: str, *parts: Any) -> Table:
    """A table given as ``schema.name``."""
    schema, name = full_name.split(".")
    return Table(name, metadata, *parts, schema=schema, comment=comment)
