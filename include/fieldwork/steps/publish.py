"""publish: the built rows of a run replace the published ones, in one transaction; what they replace goes to history.

A row that is equal stays as it was published; a row whose visit was deleted, cancelled or moved away, or whose day is
no longer one of employment, is taken out. Readers see the old days or the new ones, never a mix.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.errors import CountMismatch
from fieldwork.failpoint import reached
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import mart, ops

from .build import clear
from .progress import Progress, silent

#: Any number that no other lock uses: publications follow one another.
_LOCK: Final = 7_263_111


def publish(engine: sa.Engine, settings: Settings, *, run_id: str, progress: Progress = silent) -> dict[str, Any]:  # noqa: ARG001
    """Publish what the run built; returns ``{dataset: {inserted, changed, removed, unchanged}}``.

    Raises CountMismatch, with nothing published, when a replaced row did not reach history.
    """
    with ledger.step(engine, run_id, "publish") as result:
        reached("before_publish")
        with engine.begin() as connection:
            connection.execution_options(preserve_rowcount=True)
            connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            for done, table in enumerate(mart.JOINED):
                progress("publish", done, len(mart.JOINED))
                result[table.name] = _replace(connection, table, run_id)
                reached("mid_publish_tx")
            _clear_touched(connection, run_id)
            clear(connection, run_id)
        progress("publish", len(mart.JOINED), len(mart.JOINED))
        reached("after_publish")
        return result


def _replace(connection: sa.Connection, table: sa.Table, run_id: str) -> dict[str, int]:
    """Bring one published table to what was built of it; returns the counts."""
    built, days = mart.BUILD[table.name], mart.build_person_day
    keys = [column.name for column in table.primary_key]
    values = [column.name for column in table.columns if column.name not in {*keys, "published_at"}]
    same_key = sa.and_(built.c.run_id == run_id, *(built.c[key] == table.c[key] for key in keys))
    computed = sa.and_(
        days.c.run_id == run_id, days.c.employee_id == table.c.employee_id, days.c.work_date == table.c.work_date
    )
    gone = sa.and_(computed, ~sa.exists().where(same_key))

    changed = _keep_history(connection, table, built, sa.and_(same_key, _differ(table, built.c, values)))
    removed = _keep_history(connection, table, days, gone)
    deleted = connection.execute(sa.delete(table).where(gone)).rowcount
    written = _write(connection, table, built, values, run_id)
    total = connection.scalar(sa.select(sa.func.count()).select_from(built).where(built.c.run_id == run_id)) or 0
    if removed != deleted or not changed <= written <= total:
        raise CountMismatch(
            f"mart.{table.name}: {changed} changed and {removed} removed rows went to history, "
            f"but {written} of {total} were written and {deleted} removed.",
            todo="Nothing was published. This is a fault of Fieldwork: report it with these numbers.",
        )
    return {"inserted": written - changed, "changed": changed, "removed": removed, "unchanged": total - written}


def _differ(table: sa.Table, other: sa.ColumnCollection[str, Any], values: list[str]) -> sa.ColumnElement[bool]:
    """Published and other values differ; null equals null."""
    published, fresh = (sa.tuple_(*(columns[name] for name in values)) for columns in (table.c, other))
    return published.is_distinct_from(fresh)


def _keep_history(connection: sa.Connection, table: sa.Table, beside: sa.Table, where: sa.ColumnElement[bool]) -> int:
    """Copy the published rows that are about to be replaced, found with the help of ``beside``; returns how many."""
    history = mart.HISTORY[table.name]
    old = sa.select(*table.columns, sa.func.now()).select_from(table, beside).where(where)
    return connection.execute(sa.insert(history).from_select([c.name for c in history.columns], old)).rowcount


def _write(connection: sa.Connection, table: sa.Table, built: sa.Table, values: list[str], run_id: str) -> int:
    """Built rows in, where they are new or differ; returns how many."""
    fresh = sa.select(*(sa.func.now() if c.name == "published_at" else built.c[c.name] for c in table.columns))
    statement = insert(table).from_select([c.name for c in table.columns], fresh.where(built.c.run_id == run_id))
    update = statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: statement.excluded[name] for name in (*values, "published_at")},
        where=_differ(table, statement.excluded, values),
    )
    return connection.execute(update).rowcount


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
