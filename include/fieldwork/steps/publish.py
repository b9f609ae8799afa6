"""publish: the built rows of a run replace the published ones, in one transaction; what they replace goes to history.

A row that is equal stays as it was published; a row whose visit was deleted, cancelled or moved away, or whose day is
no longer one of employment, is taken out. Readers see the old days or the new ones, never a mix.
"""

from __future__ import annotations

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

    differs = sa.and_(same_key, _differ(table, built, values))

    changed = _keep_history(connection, table, built, differs)
    removed = _keep_history(connection, table, days, gone)
    deleted = connection.execute(sa.delete(table).where(gone)).rowcount
    replaced = _replace_changed(connection, table, built, values, differs)
    inserted = _insert_new(connection, table, built, run_id, same_key)
    total = connection.scalar(sa.select(sa.func.count()).select_from(built).where(built.c.run_id == run_id)) or 0
    if (removed, changed) != (deleted, replaced) or changed + inserted > total:
        raise CountMismatch(
            f"mart.{table.name}: {changed} changed and {removed} removed rows went to history, "
            f"but {replaced} were replaced, {deleted} removed and {inserted} inserted of {total} built.",
            todo="Nothing was published. This is a fault of Fieldwork: report it with these numbers.",
        )
    return {"inserted": inserted, "changed": changed, "removed": removed, "unchanged": total - inserted - changed}


def _differ(table: sa.Table, built: sa.Table, values: list[str]) -> sa.ColumnElement[bool]:
    """Published and built values differ; null equals null."""
    published, fresh = (sa.tuple_(*(columns[name] for name in values)) for columns in (table.c, built.c))
    return published.is_distinct_from(fresh)


def _keep_history(connection: sa.Connection, table: sa.Table, beside: sa.Table, where: sa.ColumnElement[bool]) -> int:
    """Copy the published rows that are about to be replaced, found with the help of ``beside``; returns how many."""
    history = mart.HISTORY[table.name]
    old = sa.select(*table.columns, sa.func.now()).select_from(table, beside).where(where)
    return connection.execute(sa.insert(history).from_select([c.name for c in history.columns], old)).rowcount


def _replace_changed(
    connection: sa.Connection, table: sa.Table, built: sa.Table, values: list[str], differs: sa.ColumnElement[bool]
) -> int:
    """Published rows take the built values where these differ; returns how many.

    An upsert of all built rows would lock, and so write, every row that stays as it is.
    """
    fresh = {name: built.c[name] for name in values} | {"published_at": sa.func.now()}
    return connection.execute(sa.update(table).values(fresh).where(differs)).rowcount


def _insert_new(
    connection: sa.Connection, table: sa.Table, built: sa.Table, run_id: str, same_key: sa.ColumnElement[bool]
) -> int:
    """Built rows that are not published yet, in the order of their key; returns how many."""
    fresh = [sa.func.now() if c.name == "published_at" else built.c[c.name] for c in table.columns]
    keys = [built.c[column.name] for column in table.primary_key]
    missing = sa.select(*fresh).where(built.c.run_id == run_id, ~sa.exists().where(same_key).correlate(built))
    statement = sa.insert(table).from_select([c.name for c in table.columns], missing.order_by(*keys))
    return connection.execute(statement).rowcount


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
