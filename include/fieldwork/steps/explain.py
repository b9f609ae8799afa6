"""explain: why a published value is what it is, walked back to the source rows and computed again from them alone.

The words come from the warehouse (``report.explain_*``). The proof is made here, in a transaction that is rolled back:
the person-day is computed as a build would, the source rows that it used are listed, and then it is computed once more
over tables that hold these rows and no others. What comes out stands beside the published value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.warehouse.schema import mart, ops, ref

from .absent import no_day, no_visit
from .recompute import ASK, compute_again, list_sources
from .scratch import compute_days, scratch

#: What is published beside the values: no computation gives it.
_NOT_COMPUTED: Final = frozenset({"published_at"})


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a published row. ``again`` is what its source rows alone give; None also where the value is null."""

    dataset: str
    name: str
    value: str | None
    rule: str
    inputs: Mapping[str, Any]
    sources: Sequence[str]
    again: str | None

    @property
    def holds(self) -> bool:
        """The source rows give the published value."""
        return self.again == self.value or self.name in _NOT_COMPUTED


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the columns of one person-day, or of one visit, are as they are."""

    employee_id: str
    work_date: date
    visit_id: str | None
    rule_version: str
    time_zone: str
    published_at: datetime
    #: versions that were believed before
    earlier: int
    #: why the day waits to be computed again; None: it does not
    waits_for: str | None
    columns: Sequence[Column]
    #: kind, record_id, happened_at, told, counts_in, system, batch_id, loaded_at
    sources: Sequence[Mapping[str, Any]]
    #: of a visit: record_id, checked_in_at, minutes_off, distance_m, accuracy_m, in_time, in_range, proves, chosen
    candidates: Sequence[Mapping[str, Any]]
    #: batch_id, dataset, run_id, window_start, window_end, passed, failed, could_not_run
    checks: Sequence[Mapping[str, Any]]


def explain_day(engine: sa.Engine, employee_id: str, work_date: date, column: str | None = None) -> Explanation:
    """Explain a person-day of ``performance_day`` and ``attendance_day``, or one column of it.

    Raises ConfigError when the day is not published, or has no such column.
    """
    told = sa.text("select * from report.explain_performance(:employee_id, :work_date)")
    return _explain(engine, employee_id, work_date, None, told, column)


def explain_visit(engine: sa.Engine, visit_id: str, column: str | None = None) -> Explanation:
    """Explain the check of a visit, or one column of it; raises ConfigError when it is not published."""
    c = mart.visit_check.c
    with engine.connect() as connection:
        row = connection.execute(sa.select(c.employee_id, c.work_date).where(c.visit_id == visit_id)).one_or_none()
        if row is None:
            raise no_visit(connection, visit_id)
    told = sa.text("select * from report.explain_visit(:visit_id)")
    return _explain(engine, row.employee_id, row.work_date, visit_id, told, column)


def _explain(
    engine: sa.Engine, employee_id: str, work_date: date, visit_id: str | None, told: sa.TextClause, column: str | None
) -> Explanation:
    day = {"employee_id": employee_id, "work_date": work_date}
    table = mart.visit_check if visit_id else mart.performance_day
    key = {"employee_id": employee_id, "visit_id": visit_id} if visit_id else day
    with scratch(engine) as connection:
        rows = connection.execute(told, day | {"visit_id": visit_id}).mappings().all()
        if not rows:
            raise no_day(connection, employee_id, work_date)
        chosen = _choose(rows, column)
        facts = _facts(connection, table, key, day)
        compute_days(connection, (ASK, day))
        candidates = _candidates(connection, visit_id) if visit_id else []
        used = list_sources(connection, day)
        again = compute_again(connection, day, visit_id, (tuple(row["sources"]) for row in chosen), used)
    facts["sources"] = _relevant(facts["sources"], used, {k for row in chosen for k in row["sources"]}, visit_id)
    columns = [
        Column(
            row["dataset"],
            row["column_name"],
            row["value"],
            row["rule"],
            row["inputs"] or {},
            row["sources"],
            again[tuple(row["sources"])].get((row["dataset"], row["column_name"])),
        )
        for row in chosen
    ]
    return Explanation(employee_id, work_date, visit_id, columns=columns, candidates=candidates, **facts)


def _choose(rows: Sequence[Any], column: str | None) -> Sequence[Any]:
    """The rows of the column, or all; raises ConfigError when there is no such column."""
    chosen = [row for row in rows if column in (None, row["column_name"])]
    if not chosen:
        known = ", ".join(sorted({row["column_name"] for row in rows}))
        raise ConfigError(f"There is no column {column}.", todo=f"Choose among {known}.")
    return chosen


def _facts(
    connection: sa.Connection, table: sa.Table, key: Mapping[str, Any], day: Mapping[str, Any]
) -> dict[str, Any]:
    """What the warehouse knows of the published row besides its values."""
    rules, history = ref.rule_version.c, mart.HISTORY[table.name]
    row = connection.execute(sa.select(table.c.rule_version, table.c.published_at).filter_by(**key)).one()
    earlier = sa.select(sa.func.count()).select_from(history).filter_by(**key)
    sources = sa.text("select * from report.explain_source(:employee_id, :work_date)")
    checks = sa.text("select * from report.explain_check(:employee_id, :work_date)")
    return {
        "rule_version": row.rule_version,
        "published_at": row.published_at,
        "time_zone": connection.scalar(sa.select(rules.time_zone).where(rules.version == row.rule_version)),
        "earlier": connection.scalar(earlier),
        "waits_for": connection.scalar(sa.select(ops.touched.c.reason).filter_by(**day)),
        "sources": [dict(found) for found in connection.execute(sources, day).mappings()],
        "checks": [dict(found) for found in connection.execute(checks, day).mappings()],
    }


def _candidates(connection: sa.Connection, visit_id: str) -> list[dict[str, Any]]:
    """The check-ins that could say something about the visit, of the build that was made last."""
    statement = files(__package__).joinpath("explain_candidate.sql").read_text(encoding="utf-8")
    return [dict(row) for row in connection.execute(sa.text(statement), {"visit_id": visit_id}).mappings()]


def _relevant(
    details: Sequence[Mapping[str, Any]], used: Mapping[str, Sequence[str]], kinds: set[str], visit_id: str | None
) -> list[Mapping[str, Any]]:
    """Of the day's source rows those that the columns are computed from; of a visit its own and its customer's."""
    punches = {i for kind in ("punch", "check_in") if kind in kinds for i in used.get(kind, [])}
    if visit_id:
        return [row for row in details if visit_id in (row["record_id"], row["part_of"])]
    return [row for row in details if (row["record_id"] in punches if row["kind"] == "punch" else row["kind"] in kinds)]
