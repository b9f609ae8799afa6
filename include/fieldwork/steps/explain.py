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

from .absent import no_day, no_punch, no_visit
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
    """Why the columns of a person-day, a visit, or a punch that proves or counts nothing are as they are."""

    employee_id: str
    work_date: date
    visit_id: str | None
    #: of the punch, where that is explained
    record_id: str | None
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


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is explained: a row, the tables whose columns are told with it, and the statement that tells them."""

    table: sa.Table
    tables: Sequence[sa.Table]
    told: str
    employee_id: str
    work_date: date
    visit_id: str | None = None
    record_id: str | None = None

    @property
    def day(self) -> dict[str, Any]:
        return {"employee_id": self.employee_id, "work_date": self.work_date}

    @property
    def own(self) -> dict[str, Any]:
        """What names the row among the person's; of a person-day its date."""
        own = {"visit_id": self.visit_id, "record_id": self.record_id}
        return {name: value for name, value in own.items() if value is not None} or {"work_date": self.work_date}


def explain_day(engine: sa.Engine, employee_id: str, work_date: date, column: str | None = None) -> Explanation:
    """Explain a person-day of ``performance_day`` and ``attendance_day``, or one column of it.

    Raises ConfigError when the day is not published, or has no such column.
    """
    tables = (mart.performance_day, mart.attendance_day)
    told = "select * from report.explain_performance(:employee_id, :work_date)"
    return _explain(engine, _Subject(mart.performance_day, tables, told, employee_id, work_date), column)


def explain_visit(engine: sa.Engine, visit_id: str, column: str | None = None) -> Explanation:
    """Explain the check of a visit, or one column of it; raises ConfigError when it is not published."""
    told, table = "select * from report.explain_visit(:visit_id)", mart.visit_check
    with engine.connect() as connection:
        row = _find(connection, table, "visit_id", visit_id)
        if row is None:
            raise no_visit(connection, visit_id)
    return _explain(engine, _Subject(table, (table,), told, *row, visit_id=visit_id), column)


def explain_punch(engine: sa.Engine, record_id: str, column: str | None = None) -> Explanation:
    """Explain a check-in that proves no visit, or a punch that counts nowhere, or one column of its row.

    Raises ConfigError when the punch is neither, or is not published.
    """
    told = "select * from report.explain_punch(:record_id)"
    with engine.connect() as connection:
        for table in (mart.unmatched_check_in, mart.uncounted_punch):
            row = _find(connection, table, "record_id", record_id)
            if row is not None:
                return _explain(engine, _Subject(table, (table,), told, *row, record_id=record_id), column)
        raise no_punch(connection, record_id)


def _find(connection: sa.Connection, table: sa.Table, name: str, key: str) -> tuple[str, date] | None:
    query = sa.select(table.c.employee_id, table.c.work_date).where(table.c[name] == key)
    row = connection.execute(query.order_by(table.c.employee_id).limit(1)).one_or_none()
    return (row.employee_id, row.work_date) if row is not None else None


def _explain(engine: sa.Engine, subject: _Subject, column: str | None) -> Explanation:
    day = subject.day
    with scratch(engine) as connection:
        rows = connection.execute(sa.text(subject.told), day | subject.own).mappings().all()
        if not rows:
            raise no_day(connection, subject.employee_id, subject.work_date)
        chosen = _choose(rows, column)
        facts = _facts(connection, subject)
        compute_days(connection, (ASK, day))
        candidates = _candidates(connection, subject.visit_id) if subject.visit_id else []
        used = list_sources(connection, day)
        kinds = (tuple(row["sources"]) for row in chosen)
        again = compute_again(connection, subject.tables, day, subject.own, kinds, used)
    facts["sources"] = _relevant(facts["sources"], used, chosen, subject)
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
    return Explanation(
        **day,
        visit_id=subject.visit_id,
        record_id=subject.record_id,
        columns=columns,
        candidates=candidates,
        **facts,
    )


def _choose(rows: Sequence[Any], column: str | None) -> Sequence[Any]:
    """The rows of the column, or all; raises ConfigError when there is no such column."""
    chosen = [row for row in rows if column in (None, row["column_name"])]
    if not chosen:
        known = ", ".join(sorted({row["column_name"] for row in rows}))
        raise ConfigError(f"There is no column {column}.", todo=f"Choose among {known}.")
    return chosen


def _facts(connection: sa.Connection, subject: _Subject) -> dict[str, Any]:
    """What the warehouse knows of the published row besides its values."""
    table, day = subject.table, subject.day
    key = {"employee_id": subject.employee_id} | subject.own
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
    details: Sequence[Mapping[str, Any]], used: Mapping[str, Sequence[str]], told: Sequence[Any], subject: _Subject
) -> list[Mapping[str, Any]]:
    """Of the day's source rows those that the columns (``told``) are computed from.

    Of a visit or a punch its own and its customer's, and the visit that a punch comes nearest to proving.
    """
    one = subject.visit_id or subject.record_id
    if one:
        named = {one} | {row["value"] for row in told if row["column_name"] == "visit_id"}
        return [row for row in details if row["record_id"] in named or row["part_of"] == one]
    kinds = {kind for row in told for kind in row["sources"]}
    punches = {i for kind in ("punch", "check_in") if kind in kinds for i in used.get(kind, [])}
    return [row for row in details if (row["record_id"] in punches if row["kind"] == "punch" else row["kind"] in kinds)]
