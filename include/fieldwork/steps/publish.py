"""publish: the built rows of a run replace the published ones, in one transaction; what they replace goes to history.

A row that is equal stays as it was published; a row whose visit was deleted, cancelled or moved away, or whose day is
no longer one of employment, is taken out. Readers see the old days or the new ones, never a mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import CountMismatch
from fieldwork.failpoint import reached
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger, published
from fieldwork.warehouse.schema import mart, ops

from .build import clear
from .progress import Progress, silent

_LOCK: Final = published.LOCK
#: A month of a few thousand people is compared in memory.
_WORK_MEM: Final = "128MB"


def publish(engine: sa.Engine, settings: Settings, *, run_id: str, progress: Progress = silent) -> dict[str, Any]:  # noqa: ARG001
    """Publish what the run built; returns ``{dataset: {inserted, changed, removed, unchanged}}``.

    Raises CountMismatch, with nothing published, when a replaced row did not reach history.
    """
    with ledger.step(engine, run_id, "publish") as result:
        reached("before_publish")
        with engine.begin() as connection:
            connection.execution_options(preserve_rowcount=True)
            connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(sa.select(sa.func.set_config("work_mem", _WORK_MEM, True)))
            _give_way(connection, run_id)
            # asked for with the lock in hand: of two publications the later one has the later stamp
            stamp = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            for done, table in enumerate(mart.JOINED):
                progress("publish", done, len(mart.JOINED))
                result[table.name] = _Replacement(connection, table, run_id, stamp).apply()
                reached("mid_publish_tx")
            _clear_touched(connection, run_id)
            clear(connection, run_id)
        progress("publish", len(mart.JOINED), len(mart.JOINED))
        reached("after_publish")
        return result


@dataclass(frozen=True)
class _Replacement:
    """One published table brought to what a run built of it, believed from ``stamp`` on."""

    connection: sa.Connection
    table: sa.Table
    run_id: str
    stamp: datetime

    def apply(self) -> dict[str, int]:
        """Replace; returns the counts. Raises CountMismatch when a replaced row did not reach history."""
        table, built = self.table, self.built
        changed, removed = self._keep_history(built, self.differs), self._keep_history(mart.build_person_day, self.gone)
        deleted = self._run(sa.delete(table).where(self.gone))
        replaced, inserted = self._replace_changed(), self._insert_new()
        count = sa.select(sa.func.count()).select_from(built).where(built.c.run_id == self.run_id)
        total = self.connection.scalar(count) or 0
        if (removed, changed) != (deleted, replaced) or changed + inserted > total:
            raise CountMismatch(
                f"mart.{table.name}: {changed} changed and {removed} removed rows went to history, "
                f"but {replaced} were replaced, {deleted} removed and {inserted} inserted of {total} built.",
                todo="Nothing was published. This is a fault of Fieldwork: report it with these numbers.",
            )
        return {"inserted": inserted, "changed": changed, "removed": removed, "unchanged": total - inserted - changed}

    @property
    def built(self) -> sa.Table:
        return mart.BUILD[self.table.name]

    @property
    def values(self) -> list[str]:
        """The columns that facts and rules decide."""
        return [c.name for c in self.table.columns if not c.primary_key and c.name != "published_at"]

    @property
    def same_key(self) -> sa.ColumnElement[bool]:
        """A built row of the run and the published row of the same key."""
        keys = (self.built.c[c.name] == c for c in self.table.primary_key)
        return sa.and_(self.built.c.run_id == self.run_id, *keys)

    @property
    def differs(self) -> sa.ColumnElement[bool]:
        """Published and built values of one key differ; null equals null."""
        published, fresh = (sa.tuple_(*(c[name] for name in self.values)) for c in (self.table.c, self.built.c))
        return sa.and_(self.same_key, published.is_distinct_from(fresh))

    @property
    def gone(self) -> sa.ColumnElement[bool]:
        """Published rows of computed days for which no row was built."""
        days, mine = mart.build_person_day.c, self.table.c
        computed = sa.and_(
            days.run_id == self.run_id, days.employee_id == mine.employee_id, days.work_date == mine.work_date
        )
        return sa.and_(computed, ~sa.exists().where(self.same_key))

    def _keep_history(self, beside: sa.Table, where: sa.ColumnElement[bool]) -> int:
        """Copy the published rows that are about to be replaced, found with the help of ``beside``."""
        history = mart.HISTORY[self.table.name]
        old = sa.select(*self.table.columns, sa.literal(self.stamp)).select_from(self.table, beside).where(where)
        return self._run(sa.insert(history).from_select([c.name for c in history.columns], old))

    def _replace_changed(self) -> int:
        """Published rows take the built values where these differ.

        An upsert of all built rows would lock, and so write, every row that stays as it is.
        """
        fresh = {name: self.built.c[name] for name in self.values} | {"published_at": sa.literal(self.stamp)}
        return self._run(sa.update(self.table).values(fresh).where(self.differs))

    def _insert_new(self) -> int:
        """Built rows that are not published yet, in the order of their key."""
        built, table = self.built, self.table
        fresh = [sa.literal(self.stamp) if c.name == "published_at" else built.c[c.name] for c in table.columns]
        known = sa.exists().where(self.same_key).correlate(built)
        missing = sa.select(*fresh).where(built.c.run_id == self.run_id, ~known)
        in_order = missing.order_by(*(built.c[column.name] for column in table.primary_key))
        return self._run(sa.insert(table).from_select([c.name for c in table.columns], in_order))

    def _run(self, statement: sa.Insert | sa.Update | sa.Delete) -> int:
        """Rows that the statement wrote."""
        return self.connection.execute(statement).rowcount


def _give_way(connection: sa.Connection, run_id: str) -> None:
    """Take out of other runs' builds the days that this run built after them: they saw less than we did."""
    theirs, mine = mart.build_person_day, mart.build_person_day.alias("mine")
    later = sa.and_(
        mine.c.run_id == run_id,
        theirs.c.run_id != run_id,
        theirs.c.employee_id == mine.c.employee_id,
        theirs.c.work_date == mine.c.work_date,
        theirs.c.place_in_line < mine.c.place_in_line,
    )
    for built in mart.BUILD.values():
        of_theirs = (built.c[name] == theirs.c[name] for name in ("run_id", "employee_id", "work_date"))
        connection.execute(sa.delete(built).where(*of_theirs, later))
    connection.execute(sa.delete(theirs).where(later))


def _clear_touched(connection: sa.Connection, run_id: str) -> None:
    """Forget the touches that this run has answered; one that came later stays."""
    t, days = ops.touched.c, mart.build_person_day.c
    connection.execute(
        sa.delete(ops.touched).where(
            days.run_id == run_id,
            days.employee_id == t.employee_id,
            days.work_date == t.work_date,
            t.seq <= days.touch_seq,
        )
    )
