"""Commands about the warehouse: ``migrate``, ``url``, ``sql``, ``psql``, ``stop``."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table
from sqlalchemy import URL, Engine

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.warehouse import engine as engines
from fieldwork.warehouse import migrate as migrations
from fieldwork.warehouse import server

from .console import err, out

READER = "fieldwork_reader"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(url)
    app.command()(sql)
    app.command()(psql)
    app.command()(stop)


def open_warehouse(*, fill_empty: bool = False) -> tuple[Engine, Settings]:
    """The warehouse that every command means: FIELDWORK_WAREHOUSE_URL, the Airflow connection, or the embedded one.

    ``fill_empty`` makes the schema in a database that has none; one that has an older schema is left alone.
    """
    from .connections import with_airflow_warehouse

    settings = with_airflow_warehouse(settings_module.load())
    if fill_empty:
        engine = engines.connect(engines.warehouse_url(settings))
        if migrations.version(engine) is None:
            migrations.upgrade(engine)
        engine.dispose()
    return engines.open_engine(settings), settings


def migrate() -> None:
    """Bring the warehouse's schema to this version. A second call changes nothing.

    The embedded warehouse is migrated by itself; a server of your own only by this command.
    """
    from .connections import with_airflow_warehouse

    engine = engines.connect(engines.warehouse_url(with_airflow_warehouse(settings_module.load())))
    before = migrations.version(engine)
    migrations.upgrade(engine)
    out.print(f"The warehouse is at {migrations.head()} (was {before or 'empty'}).")


def url() -> None:
    """Print the warehouse's URL, password included, for psql and BI tools; starts the embedded server if it is down."""
    engine, _ = open_warehouse()
    typer.echo(engines.libpq_url(engine))


def sql(
    query: Annotated[str, typer.Argument(help='One statement, e.g. "select * from report.performance_day limit 5".')],
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV instead of a table.")] = False,
    limit: Annotated[int, typer.Option(help="Rows to show; 0 = all.", min=0)] = 200,
) -> None:
    """Ask the warehouse one question. Read-only: nothing can be changed this way, whatever the statement says."""
    engine, _ = open_warehouse()
    names, rows, more = ask(engines.libpq_url(engine), query, limit)
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([harmless(cell) for cell in row] for row in rows)
    else:
        table = Table(*names)
        for row in rows:
            table.add_row(*("" if cell is None else str(cell) for cell in row))
        out.print(table)
    if more:
        err.print(f"Only the first {limit:,} rows are shown; --limit 0 shows all.")


def ask(url: str, query: str, limit: int = 0) -> tuple[list[str], list[tuple[Any, ...]], bool]:
    """Column names, rows, and whether there are more; one statement in a read-only transaction of the reading role.

    Raises ConfigError with the server's message when the statement is wrong or not allowed.
    """
    with psycopg.connect(url, options="-c default_transaction_read_only=on -c statement_timeout=10min") as connection:
        role = connection.execute(
            "select 1 from pg_roles where rolname = %s and pg_has_role(rolname, 'member')", [READER]
        ).fetchone()
        if role is not None:
            connection.execute(f"set role {READER}")
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, prepare=True)  # prepared: one statement only
                if cursor.description is None:
                    return [], [], False
                rows = cursor.fetchmany(limit + 1) if limit else cursor.fetchall()
                names = [column.name for column in cursor.description]
                return names, rows[:limit] if limit else rows, bool(limit) and len(rows) > limit
        except psycopg.Error as error:
            said = error.diag.message_primary or str(error)
            raise ConfigError(
                f"PostgreSQL says: {said}", todo="Mend the statement; to write, use `fieldwork psql`."
            ) from None
        finally:
            connection.rollback()


def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to psql, after `--`.")] = None,
) -> None:
    """Open psql on the warehouse: the one in PATH, else the embedded server's own."""
    engine, _ = open_warehouse()
    program = shutil.which("psql") or str(server.wheel() / "bin" / "psql")
    environment = os.environ | {"PGPASSWORD": engine.url.password or ""}
    here = engine.url
    bare = URL.create("postgresql", here.username, None, here.host, here.port, here.database, here.query)
    os.execvpe(program, [program, bare.render_as_string(), *(arguments or [])], environment)


def stop() -> None:
    """Stop the embedded server; what it holds stays."""
    settings = settings_module.load()
    out.print("Stopped." if server.stop(settings.home) else "It was not running.")


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe; numbers stay numbers."""
    if isinstance(cell, str) and cell[:1] in "=+-@\t\r＝＋－＠" and cell:
        return f"'{cell}"
    return cell
