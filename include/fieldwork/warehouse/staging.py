"""Staging: one unlogged table per batch, filled with Arrow through ADBC, slice by slice.

Rows and the note that their slice is staged (``ops.slice``) commit together, so a killed extraction goes on with the
slices that are missing. A server crash empties unlogged tables; :func:`count` against the notes finds out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import sqlalchemy as sa

from fieldwork.errors import FieldworkError, StagingLost, WarehouseUnavailable
from fieldwork.streams import DAY, FLAG, INSTANT, MONEY, NUMBER, REMARKS, TEXT, Stream

#: Filled by the check step; null where they do not apply.
ANNOTATIONS: Final[tuple[str, ...]] = ("owner_known", "account_known")
#: Rows that travel in one COPY: large enough to be quick, small enough for flat memory.
ROWS_PER_COPY: Final = 50_000

_TYPES: Final[dict[pa.DataType, Any]] = {
    TEXT: sa.Text(),
    INSTANT: sa.DateTime(timezone=True),
    DAY: sa.Date(),
    NUMBER: sa.Double(),
    MONEY: sa.Numeric(18, 2),
    FLAG: sa.Boolean(),
}


def table(stream: Stream, batch_id: int) -> sa.Table:
    """The staging table of a batch: ``seq``, the canonical columns, the remarks, the annotations."""
    return sa.Table(
        f"b{batch_id}",
        sa.MetaData(),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        *(sa.Column(name, _TYPES[kind]) for name, kind in (stream.column_types | REMARKS).items()),
        *(sa.Column(name, sa.Boolean) for name in ANNOTATIONS),
        schema="staging",
        prefixes=["UNLOGGED"],
    )


def create(connection: sa.Connection, stream: Stream, batch_id: int) -> None:
    """Make the table unless it is there."""
    table(stream, batch_id).create(connection, checkfirst=True)


def drop(connection: sa.Connection, stream: Stream, batch_id: int) -> None:
    """Drop the table if it is there."""
    table(stream, batch_id).drop(connection, checkfirst=True)


def count(connection: sa.Connection, stream: Stream, batch_id: int) -> int | None:
    """Rows in the table; None when there is no table."""
    staged = table(stream, batch_id)
    if not sa.inspect(connection).has_table(staged.name, schema="staging"):
        return None
    return connection.execute(sa.select(sa.func.count()).select_from(staged)).scalar_one()


def require(connection: sa.Connection, stream: Stream, batch_id: int, expected: int) -> None:
    """Raise StagingLost when the table does not hold the rows that the ledger says it does."""
    staged = count(connection, stream, batch_id)
    if staged == expected:
        return
    raise StagingLost(
        f"{expected} rows of {stream.name} should wait in staging (batch {batch_id}), {staged or 0} are there.",
        todo="PostgreSQL came back from a crash, which empties staging: start the run again, the stream is read anew.",
    )


class Stager:
    """One ADBC connection that copies slices of one batch; not shared between threads."""

    def __init__(self, url: str, stream: Stream, batch_id: int) -> None:
        self._stream = stream
        self._batch_id = batch_id
        with _typed():
            self._connection = adbc.connect(url)
            self._do("set synchronous_commit = off")  # the rows are unlogged: there is nothing to wait for
            self._connection.commit()

    def stage(self, name: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Copy one slice and note it, in one transaction; returns its rows. On any error nothing of it stays."""
        rows = 0
        try:
            for chunk in _chunks(batches):
                rows += chunk.num_rows
                with _typed(), self._connection.cursor() as cursor:
                    cursor.adbc_ingest(f"b{self._batch_id}", chunk, mode="append", db_schema_name="staging")
            with _typed():
                self._do(
                    "insert into ops.slice (batch_id, slice, rows, staged_at) values ($1, $2, $3, now())"
                    " on conflict do nothing",
                    (self._batch_id, name, rows),
                )
                self._connection.commit()
        except BaseException:
            with contextlib.suppress(adbc.Error):
                self._connection.rollback()
            raise
        return rows

    def close(self) -> None:
        """Give the connection back."""
        with contextlib.suppress(adbc.Error):
            self._connection.close()

    def _do(self, statement: str, parameters: tuple[object, ...] = ()) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)


def _chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows >= ROWS_PER_COPY:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
    if rows:
        yield pa.Table.from_batches(held)


@contextlib.contextmanager
def _typed() -> Iterator[None]:
    try:
        yield
    except FieldworkError:
        raise
    except adbc.Error as error:
        state = getattr(error, "sqlstate", None) or "no SQLSTATE"
        raise WarehouseUnavailable(
            f"Staging failed in PostgreSQL ({type(error).__name__}, {state}).",  # its text may hold a row
            todo="Run again; if it stays, look at the server's log at the time of this message.",
        ) from None
