"""Compare one stream, set-based: digests by day first, then the records of the days that differ, and of no others.

All tables are temporary and live until the caller's transaction ends. ``theirs`` is a view of the staged keys, ``ours``
a view of core, until :meth:`Comparison.note`; the statements are the ``.sql`` files beside this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.quality.choice import OPEN
from fieldwork.streams import KEYS, Stream
from fieldwork.warehouse import staging
from fieldwork.warehouse.schema import ops, reconcile

from .ours import other_accounts, ours

_DAY: Final = sa.Column("day", sa.Date)
_PERSON: Final = sa.Column("person", sa.Text)
_MODIFIED: Final = sa.Column("modified_at", sa.DateTime(timezone=True))


def _temporary(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table that the transaction takes with it."""
    copies = (column._copy() for column in columns)
    return sa.Table(name, sa.MetaData(), *copies, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


#: Days that were asked for, and those of them that are compared by key.
_ASKED: Final = _temporary("asked_day", _DAY)
_COMPARED: Final = _temporary("compared_day", _DAY)
#: Keys that wait in quarantine, or were dismissed there: counted, not compared.
_ASIDE: Final = _temporary("aside", sa.Column("key", sa.Text))
#: People whom the source does not know: their records cannot be compared; and the same as findings.
_UNKNOWN: Final = _temporary("unknown_person", _PERSON)
_UNANSWERED: Final = _temporary("unanswered", _PERSON)
_LOOKED_UP: Final = _temporary(
    "looked_up", sa.Column("key", sa.Text), sa.Column("deleted", sa.Boolean), _DAY, _MODIFIED
)
#: As differences.sql makes it.
_DIFFERENCE: Final = _temporary(
    "difference", sa.Column("kind", sa.Text), sa.Column("key", sa.Text), _DAY, _MODIFIED, sa.Column("later", sa.Boolean)
)
#: Hashes of a million keys stay in memory.
_WORK_MEM: Final = "128MB"


@dataclass(frozen=True)
class Comparison:
    """One stream of one system, compared by a run."""

    run_id: str
    system: str
    stream: Stream
    zone: str
    #: what the source stamped later came after we read; None: it has no stamps
    mark: datetime | None
    #: what becomes of findings that are no longer found: settled or repaired
    settled: str

    def lay_out(
        self,
        connection: sa.Connection,
        staged: int,
        *,
        asked: Sequence[date],
        compared: Sequence[date],
        unknown: Sequence[str],
    ) -> None:
        """Make the views over both sides and the lists of days and people."""
        connection.execute(sa.select(sa.func.set_config("work_mem", _WORK_MEM, True)))
        table = staging.table(KEYS, staged)
        connection.execute(sa.text(f'analyze staging."{table.name}"'))
        c = table.c
        there = sa.and_(c.key.is_not(None), c.out_of_scope.is_(None), sa.func.coalesce(c.deleted, False).is_(False))
        _view(connection, "theirs", sa.select(c.key, c.day, c.modified_at, c.person, c.measure).where(there))
        mine: sa.Select[Any] = ours(self.stream, self.system, self.zone)
        if self.stream.name == "employees":
            listed = sa.table("theirs", sa.column("key", sa.Text))
            mine = sa.select(sa.union_all(mine, other_accounts(self.system, listed)).subquery("person"))
        _view(connection, "ours", mine)
        q = ops.quarantine.c
        waits = [q.system == self.system, q.stream == self.stream.name, q.status.in_((*OPEN, "dismissed"))]
        _ASIDE.create(connection)
        aside = sa.select(q.key).where(*waits, q.key.is_not(None)).distinct()
        connection.execute(sa.insert(_ASIDE).from_select(["key"], aside))
        _fill(connection, _ASKED, asked)
        _fill(connection, _COMPARED, compared)
        _fill(connection, _UNKNOWN, unknown)

    def totals(self, connection: sa.Connection) -> int:
        """Both sides by day into ``day_total``; returns how many days differ."""
        self._run(connection, "totals")
        return int(connection.execute(sa.text("select count(*) from day_total where differs")).scalar_one())

    def differences(self, connection: sa.Connection) -> list[str]:
        """The records that differ into ``difference``; returns the keys that the source's list lacks."""
        self._run(connection, "differences")
        return list(connection.execute(sa.text("select key from difference where kind = 'gone'")).scalars())

    def look_up(self, connection: sa.Connection, batches: Iterable[pa.RecordBatch]) -> None:
        """Say of those keys which are deleted or elsewhere there."""
        _LOOKED_UP.create(connection)
        for batch in batches:
            rows = batch.select(["key", "deleted", "day", "modified_at"]).to_pylist()
            if rows:
                connection.execute(sa.insert(_LOOKED_UP), [row | {"deleted": bool(row["deleted"])} for row in rows])
        self._run(connection, "found_again")

    def note(self, connection: sa.Connection, unanswered: Sequence[str]) -> dict[str, Any]:
        """Keep totals and findings, take the views away; returns the sums and ``findings`` by kind."""
        _fill(connection, _UNANSWERED, unanswered)
        sums = self._run(connection, "note_totals").mappings().one()
        found = self._run(connection, "note_findings").all()
        connection.execute(sa.text("drop view pg_temp.theirs, pg_temp.ours"))
        return {**sums, "findings": {row.kind: int(row.findings) for row in found}}

    def note_counts(self, connection: sa.Connection, counts: Sequence[dict[str, Any]]) -> None:
        """Keep what the source counted itself, beside ours (``day, source_rows, warehouse_rows, …``)."""
        about = {"run_id": self.run_id, "system": self.system, "stream": self.stream.name, "counted": "by the source"}
        if counts:
            connection.execute(sa.insert(reconcile.total), [about | count for count in counts])

    def settle(self, connection: sa.Connection, asked: Sequence[date]) -> None:
        """The source counts what we do on all the days: nothing is found any more."""
        _fill(connection, _ASKED, asked)
        _fill(connection, _UNANSWERED, [])
        _DIFFERENCE.create(connection)
        self._run(connection, "note_findings")

    def _run(self, connection: sa.Connection, name: str) -> sa.CursorResult[Any]:
        statement = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
        said = {"run_id": self.run_id, "system": self.system, "stream": self.stream.name}
        return connection.execute(sa.text(statement), {**said, "mark": self.mark, "settled": self.settled})


def counted(
    connection: sa.Connection, stream: Stream, system: str, theirs: pa.Table, days: Sequence[date]
) -> list[dict[str, Any]]:
    """The source's own counts beside ours by the same days (in UTC); days that neither has anything of are left out."""
    records = ours(stream, system, "UTC").subquery().c
    wanted = sa.and_(records.live, sa.or_(records.day.is_(None), records.day.in_(days)))
    query = sa.select(records.day, sa.func.count(), sa.func.sum(records.measure)).where(wanted).group_by(records.day)
    mine = {day: (rows, total) for day, rows, total in connection.execute(query).tuples()}
    yours = {row["day"]: row for row in theirs.to_pylist()}
    return [
        {
            "day": day,
            "source_rows": yours.get(day, {}).get("rows") or 0,
            "warehouse_rows": mine.get(day, (0, None))[0],
            "source_sum": yours.get(day, {}).get("sum"),
            "warehouse_sum": mine.get(day, (0, None))[1],
        }
        for day in sorted(mine.keys() | yours.keys(), key=lambda day: (day is None, day))
    ]


def days_between(since: date, until: date) -> Iterator[date]:
    """Every day of ``[since, until)``."""
    return (date.fromordinal(n) for n in range(since.toordinal(), until.toordinal()))


def _view(connection: sa.Connection, name: str, query: sa.Select[Any]) -> None:
    connection.execute(sa.CreateView(query, name, metadata=sa.MetaData(), temporary=True, or_replace=True))


def _fill(connection: sa.Connection, table: sa.Table, values: Sequence[Any]) -> None:
    """Make a table of one column hold these values."""
    table.create(connection)
    (column,) = table.columns
    if values:
        connection.execute(sa.insert(table), [{column.name: value} for value in values])
