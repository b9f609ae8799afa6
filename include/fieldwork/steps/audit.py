"""audit: the joined rows that a run has built, against their suites, before any reader sees them.

GX judges a view of the run's own rows; what it finds stands in ``ops.check_result`` under batch 0.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import AuditFailed
from fieldwork.failpoint import reached
from fieldwork.quality import joined, outcome, results, runner, suites
from fieldwork.quality.outcome import RuleOutcome
from fieldwork.quality.viewed import view
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import core, mart, ref

from .progress import Progress, silent

#: Tables with one row for each employed person-day of a run.
_OF_EACH_DAY: Final = ("attendance_day", "performance_day")


def audit(engine: sa.Engine, settings: Settings, *, run_id: str, progress: Progress = silent) -> dict[str, Any]:
    """Check the run's rows in ``build``; returns ``{table: {checked, warnings}}`` (rows, rules).

    Raises AuditFailed when a critical rule failed (results are kept, nothing is published), CheckCouldNotRun or
    SuiteUnfit.
    """
    with ledger.step(engine, run_id, "audit") as result:
        with engine.begin() as connection:
            ledger.read_run(connection, run_id)
        reached("before_audit")
        failed: list[RuleOutcome] = []
        for done, table in enumerate(mart.JOINED):
            progress("audit", done, len(mart.JOINED))
            outcomes, rows = _audit_table(engine, settings, run_id, table)
            failed += [o for o in outcomes if o.severity == "critical" and o.outcome == "failed"]
            warned = sum(o.severity == "warning" and o.outcome == "failed" for o in outcomes)
            result[table.name] = {"checked": rows, "warnings": warned}
        progress("audit", len(mart.JOINED), len(mart.JOINED))
        if failed:
            raise _refusal(run_id, failed)
        reached("after_audit")
        return result


def _audit_table(engine: sa.Engine, settings: Settings, run_id: str, table: sa.Table) -> tuple[list[RuleOutcome], int]:
    name, built = table.name, mart.BUILD[table.name]
    suite = suites.read(settings.expectations, name)
    with engine.begin() as connection:
        rows = _count(connection, built, run_id)
        told = {"min_rows": 0, "max_rows": settings.section("quality")["max_rows"]}
        if name in _OF_EACH_DAY:
            person_days = _employed_days(connection, run_id)
            told = {"min_rows": person_days, "max_rows": person_days}
    keys = [column.name for column in table.primary_key]
    with view(engine, f"audit_{name}", run_id, joined.rows_of(built, run_id)) as made:
        outcomes = runner.run(engine.url, suite, table=made, rows=rows, parameters=told, key=None, named_by=keys)
    with engine.begin() as connection:
        results.record(connection, suite, outcomes, run_id=run_id)
    outcome.require_run(outcomes, name)
    return outcomes, rows


def _count(connection: sa.Connection, table: sa.Table, run_id: str) -> int:
    return connection.execute(sa.select(sa.func.count()).where(table.c.run_id == run_id)).scalar_one()


def _employed_days(connection: sa.Connection, run_id: str) -> int:
    """Person-days that the run computes and on which the person was employed: each has one joined row."""
    d, e, p = mart.build_person_day.c, core.employee.c, ref.post.c
    now = d.work_date.between(sa.func.coalesce(e.hired_on, d.work_date), sa.func.coalesce(e.left_on, d.work_date))
    then = sa.exists().where(
        p.employee_id == d.employee_id,
        p.valid_from <= d.work_date,
        sa.or_(p.valid_to.is_(None), p.valid_to > d.work_date),
    )
    query = sa.select(sa.func.count()).where(d.run_id == run_id, d.employee_id == e.employee_id, sa.or_(now, then))
    return connection.execute(query).scalar_one()


def _refusal(run_id: str, failed: Sequence[RuleOutcome]) -> AuditFailed:
    named = ", ".join(o.rule if o.failing is None else f"{o.rule} ({o.failing} of {o.total} rows)" for o in failed)
    tables = ", ".join(f"build.{name}" for name in dict.fromkeys(o.rule.partition(".")[0] for o in failed))
    return AuditFailed(
        f"{len(failed)} critical rules failed on the joined rows of run {run_id}: {named}.",
        todo="Nothing was published; readers still see the earlier rows. See which days they are:"
        f" `fieldwork checks results --run {shlex.quote(run_id)} --failed`, and look at this run's rows in {tables}"
        ' (psql "$(fieldwork url)"). Mend the facts or the rules that made them, and start the run again.',
    )
