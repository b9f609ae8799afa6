"""The way to the warehouse: its URL, a SQLAlchemy engine, and the handshake with its schema."""

from __future__ import annotations

from typing import Final

import psycopg
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from fieldwork.errors import ConfigError, SchemaOutdated, WarehouseUnavailable
from fieldwork.settings import Settings

from . import migrate, server

OLDEST_SERVER: Final = 150000
#: Classes of SQLSTATE that pass: no connection, rolled back for another, no room, stopped by somebody, a lock not had.
_PASSING: Final = ("08", "40", "53", "57", "55P03")


def warehouse_url(settings: Settings) -> URL:
    """The warehouse's URL for psycopg 3; starts the embedded server when none is configured.

    Raises ConfigError for a URL that is not PostgreSQL's.
    """
    if settings.warehouse_url is None:
        here = server.start(settings.home, user=settings.postgres_user)
        _ensure_database(here.url("postgres"), settings.database)
        return make_url(here.url(settings.database)).set(drivername="postgresql+psycopg")
    try:
        url = make_url(settings.warehouse_url)
    except Exception:
        url = None
    if url is None or url.get_backend_name() not in {"postgresql", "postgres"}:
        raise ConfigError(
            "FIELDWORK_WAREHOUSE_URL is not a PostgreSQL URL.", todo="Write postgresql://user:password@host:5432/name."
        ) from None
    return url.set(drivername="postgresql+psycopg")


def libpq_url(engine: Engine) -> str:
    """The engine's URL as psql and ADBC take it, password included: never log it."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def open_engine(settings: Settings) -> Engine:
    """An engine on a warehouse whose schema fits this version; the embedded one is migrated on the way.

    Raises WarehouseUnavailable, SchemaOutdated (a configured server is migrated by `fieldwork migrate` alone).
    """
    engine = connect(warehouse_url(settings))
    at, head = migrate.version(engine), migrate.head()
    if at != head and settings.warehouse_url is None:
        migrate.upgrade(engine)
    elif at != head:
        raise SchemaOutdated(
            f"The warehouse's schema is at {at or 'nothing'}, this version of Fieldwork needs {head}.",
            todo="Run `fieldwork migrate` (older warehouse) or upgrade Fieldwork (newer warehouse).",
        )
    return engine


def connect(url: URL) -> Engine:
    """An engine on any PostgreSQL of at least version 15; raises WarehouseUnavailable or ConfigError."""
    engine = create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,  # parameters of a failing statement are people's data
        connect_args={"application_name": "fieldwork", "connect_timeout": 10, "options": "-c timezone=UTC"},
    )
    try:
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            found = raw.info.server_version if isinstance(raw, psycopg.Connection) else 0
    except OperationalError:
        raise WarehouseUnavailable(
            f"No PostgreSQL answers at {url.host}:{url.port or 5432}, database {url.database}, as {url.username}.",
            todo="Check that it runs and that FIELDWORK_WAREHOUSE_URL or the connection fieldwork_warehouse is right.",
        ) from None
    if found < OLDEST_SERVER:
        raise ConfigError(f"PostgreSQL {found // 10000} is too old.", todo="Use PostgreSQL 15 or newer.")
    return engine


def unavailable(error: BaseException, doing: str) -> WarehouseUnavailable | None:
    """The error to raise instead of a driver's when the server went away or could not go on; None for any other.

    The driver's own text is dropped: it quotes the statement, and may quote a row.
    """
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None) or ""
    lost = error.connection_invalidated or (isinstance(error, OperationalError) and not state)
    if not lost and not state.startswith(_PASSING):
        return None
    kind = f"{type(error.orig).__name__}, {state or 'no SQLSTATE'}"
    return WarehouseUnavailable(
        f"PostgreSQL went away, or could not go on, during {doing} ({kind}).",
        todo="Look at the server, its log and its disk, then run again: what had not been committed is done again.",
    )


def _ensure_database(admin_url: str, name: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            try:
                connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name)))
            except psycopg.errors.DuplicateDatabase:
                return  # another process was faster
