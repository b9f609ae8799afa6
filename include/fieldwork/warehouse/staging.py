"""Staging: one unlogged table per batch, filled with Arrow through ADBC, slice by slice.

Rows and the note that their slice is staged (``ops.slice``) commit together, so a killed extraction goes on with the
slices that are missing. A server crash empties unlogged tables; :func:`count` against the notes finds out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import sqlalchemy as sa

from fieldwork.errors import FieldworkError, StagingLost, WarehouseUnavailable
from fieldwork.streams import DAY, FLAG, INSTANT, MONEY, NUMBER, REMARKS, TEXT, Stream

#: Filled by the check step; null where they do not apply.
ANNOTATIONS: Final[tuple[str, ...]] = ("owner_known", "account_known")
#: Rows that travel in one COPY at the most: memory stays flat however long a slice is.
ROWS_PER_COPY: Final = 10_000
#: Whole slices are committed when they hold so many rows, or so much time has passed: a kill costs no more than that.
ROWS_PER_COMMIT: Final = 10_000
SECONDS_PER_COMMIT: Final = 2.0

_TYPES: Final[dict[pa.DataType, Any]] = {
    TEXT: sa.Text(),
    INSTANT: sa.DateTime(timezone=True),
    DAY: sa.Date(),
    NUMBER: sa.Double(),
    MONEY: sa.Numeric(18, 2),
    FLAG: sa.Boolean(),
}


#: An open way into the warehouse for Arrow (ADBC's package is untyped).
Ingest: TypeAlias = Any


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


@contextlib.contextmanager
def ingest(url: str) -> Iterator[Ingest]:
    """One way in for many stagers: what ADBC asks the server about its types costs more than the connection does."""
    with _typed():
        first = adbc.connect(url)
    try:
        yield first
    finally:
        _close(first)


class Stager:
    """A connection of its own, through ``way_in``, that copies slices of one batch; not shared between threads.

    Small slices travel together: a COPY and a commit for each costs more than its rows do. Only whole slices are
    committed; those that were copied since the last commit are lost with the process and read again.
    """

    def __init__(self, way_in: Ingest, stream: Stream, batch_id: int) -> None:
        self._stream = stream
        self._batch_id = batch_id
        #: read and not yet copied
        self._waiting: list[pa.RecordBatch] = []
        #: whole slices that the next commit makes stay, with their rows
        self._whole: list[tuple[str, int]] = []
        self._committed_at = time.monotonic()
        with _typed():
            self._connection = way_in.adbc_clone()
            self._execute("set synchronous_commit = off")  # the rows are unlogged: there is nothing to wait for
            self._connection.commit()

    def stage(self, name: str, batches: Iterable[pa.RecordBatch]) -> list[str]:
        """Take one slice in; returns the slices that are committed by now (often none, then several at once).

        On an error nothing of this slice stays; whole slices before it are committed if they can be.
        """
        begun, copied, rows = len(self._waiting), False, 0
        try:
            for batch in batches:
                self._waiting.append(batch)
                rows += batch.num_rows
                if sum(one.num_rows for one in self._waiting) >= ROWS_PER_COPY:
                    copied = True
                    self._copy()
        except BaseException:
            if copied:
                self._forget()
            else:
                del self._waiting[begun:]
            raise
        self._whole.append((name, rows))
        ripe = sum(rows for _, rows in self._whole) >= ROWS_PER_COMMIT
        return self.commit() if ripe or time.monotonic() - self._committed_at > SECONDS_PER_COMMIT else []

    def commit(self) -> list[str]:
        """Make the whole slices stay; returns their names."""
        names = [name for name, _ in self._whole]
        try:
            self._copy()
            if self._whole:
                self._note(self._whole)
            with _typed():
                self._connection.commit()
        except BaseException:
            self._forget()
            raise
        self._whole = []
        self._committed_at = time.monotonic()
        return names

    def close(self) -> None:
        """Give the connection back; what is not committed is gone."""
        _close(self._connection)

    def _copy(self) -> None:
        rows = pa.Table.from_batches(self._waiting, self._stream.schema)
        self._waiting = []
        if rows.num_rows:
            known = [name for name in rows.column_names if rows[name].null_count < rows.num_rows]
            rows = rows.select(known or rows.column_names)  # a column of nulls is neither sent nor read
            with _typed(), self._connection.cursor() as cursor:
                cursor.adbc_ingest(f"b{self._batch_id}", rows, mode="append", db_schema_name="staging")

    def _note(self, slices: list[tuple[str, int]]) -> None:
        statement = "insert into ops.slice (batch_id, slice, rows, staged_at) values ($1, $2, $3, now())"
        with _typed(), self._connection.cursor() as cursor:
            cursor.executemany(statement, [(self._batch_id, name, rows) for name, rows in slices])

    def _forget(self) -> None:
        self._waiting, self._whole = [], []
        with contextlib.suppress(adbc.Error):
            self._connection.rollback()

    def _execute(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)


def _close(connection: Ingest) -> None:
    with contextlib.suppress(adbc.Error):
        connection.close()


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
