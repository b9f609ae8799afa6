"""What stands in the CRM now, beside the outbox: live values as Arrow into an unlogged table, from there as JSON.

Rows come in through ADBC on a connection of their own, a wave at a time; the statements that compare them run in the
transaction that notes what is to be sent.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import sqlalchemy as sa

from fieldwork.errors import WarehouseUnavailable
from fieldwork.streams import DAY, INSTANT, MONEY, NUMBER, TEXT
from fieldwork.warehouse.engine import libpq_url

from .fields import COUNT, FIELDS
from .wanted import payload

_LIVE: Final = (
    sa.Column("wave", sa.BigInteger),
    sa.Column("key", sa.Text),
    sa.Column("crm_id", sa.Text),
    sa.Column("write_key", sa.Text),
    sa.Column("by_others", sa.Boolean),
)
#: Numbers come in as wide as Arrow holds them: a binary COPY converts nothing.
_TYPES: Final[dict[pa.DataType, Any]] = {
    TEXT: sa.Text(),
    INSTANT: sa.DateTime(timezone=True),
    DAY: sa.Date(),
    COUNT: sa.BigInteger(),
    NUMBER: sa.Double(),
    MONEY: sa.Numeric(18, 2),
}
TEMPORARY: Final = (
    "drop table if exists pg_temp.live",
    """create temporary table live (
        key text primary key, crm_id text, write_key text, by_others boolean, payload jsonb
    ) on commit drop""",
)


def table(system: str, kind: str) -> sa.Table:
    """The unlogged table of one CRM and kind."""
    return sa.Table(
        f"live_{system}_{kind}",
        sa.MetaData(),
        *(column._copy() for column in _LIVE),
        *(sa.Column(name, _TYPES[of]) for name, of in FIELDS[kind].items()),
        schema="staging",
        prefixes=["UNLOGGED"],
    )


def clear(connection: sa.Connection, system: str, kind: str) -> None:
    """Drop what a process that died left."""
    table(system, kind).drop(connection, checkfirst=True)


class LiveTable:
    """One kind's live values, for the length of a sending; only one process writes to a CRM at a time."""

    def __init__(self, engine: sa.Engine, system: str, kind: str) -> None:
        self._engine = engine
        self._kind = kind
        self.table = table(system, kind)
        self._waves = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> LiveTable:
        with self._engine.begin() as connection:
            self.table.drop(connection, checkfirst=True)
            self.table.create(connection)
        with _typed():
            self._adbc = adbc.connect(libpq_url(self._engine), autocommit=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with contextlib.suppress(adbc.Error):
            self._adbc.close()
        with self._engine.begin() as connection:
            self.table.drop(connection, checkfirst=True)

    def stage(self, connection: sa.Connection, rows: pa.Table) -> None:
        """Fill ``pg_temp.live`` of this transaction: key, ids, and our fields as JSON in the form of the payloads."""
        wave = next(self._waves)
        for statement in TEMPORARY:
            connection.exec_driver_sql(statement)
        if rows.num_rows == 0:
            return
        numbered = rows.add_column(0, "wave", pa.repeat(pa.scalar(wave, pa.int64()), rows.num_rows))
        with self._lock, _typed(), self._adbc.cursor() as cursor:
            cursor.adbc_ingest(self.table.name, numbered, mode="append", db_schema_name="staging")
        t = self.table.c
        values: dict[str, sa.ColumnElement[Any]] = {
            name: t[name] for name in rows.column_names if name in FIELDS[self._kind]
        }
        names = ["key", "crm_id", "write_key", "by_others"]
        image = sa.select(*(t[name] for name in names), payload(self._kind, values)).where(t.wave == wave)
        live = sa.table("live", *(sa.column(name) for name in (*names, "payload")), schema="pg_temp")
        connection.execute(sa.insert(live).from_select([*names, "payload"], image))
        connection.execute(sa.delete(self.table).where(t.wave == wave))


@contextlib.contextmanager
def _typed() -> Iterator[None]:
    try:
        yield
    except adbc.Error as error:
        state = getattr(error, "sqlstate", None) or "no SQLSTATE"
        raise WarehouseUnavailable(
            f"Staging live values failed in PostgreSQL ({type(error).__name__}, {state}).",  # its text may hold a row
            todo="Run again; if it stays, look at the server's log at the time of this message.",
        ) from None
