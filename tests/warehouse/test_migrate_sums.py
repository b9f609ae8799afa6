"""A warehouse that was published before performance had its parts gets them from the attendance beside each row."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command

from fieldwork.warehouse import migrate, server
from fieldwork.warehouse.engine import connect

#: status, planned, leave, late, early, and then planned days, leave days, duty and duty kept
DAYS = [
    ("present", 480, 0, 0, 0, 1, "0.0000", 480, 480),
    ("late", 480, 180, 20, 10, 1, "0.3750", 300, 270),
    ("absent", 480, 0, 0, 0, 1, "0.0000", 480, 0),
    ("incomplete", 480, 0, 0, 0, 1, "0.0000", 0, 0),
    ("leave", 480, 480, 0, 0, 1, "1.0000", 0, 0),
    ("rest", 0, 0, 0, 0, 0, "0.0000", 0, 0),
]


@pytest.fixture
def old(pg_server: server.Server) -> Iterator[sa.Engine]:
    """A warehouse at the first schema."""
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute("drop database if exists first_schema")
        connection.execute("create database first_schema")
    engine = connect(sa.make_url(pg_server.url("first_schema")).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        alembic = migrate.config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0001")
    yield engine
    engine.dispose()


def publish(engine: sa.Engine) -> None:
    """The six days in mart; each with an earlier version, believed for an hour, that was planned 100 minutes longer."""
    attendance = (
        "employee_id, work_date, punches, worked_minutes, late_minutes, early_minutes, overtime_minutes, "
        "leave_minutes, planned_minutes, status, anomalies, rule_version"
    )
    performance = (
        "employee_id, work_date, status, worked_minutes, late_minutes, early_minutes, overtime_minutes, "
        "exposure_minutes, visits_planned, visits_done, visits_verified, tasks_due, tasks_on_time, follow_ups, "
        "opportunities_created, opportunities_won, amount_won, rule_version"
    )
    with engine.begin() as connection:
        for n, (status, planned, leave, late, early, *_) in enumerate(DAYS):
            told = {"d": f"2026-11-{n + 1:02}", "s": status, "p": planned, "l": leave, "late": late, "early": early}
            for longer, table, columns, values in (
                (0, "mart.{0}_day", "published_at", "'2026-12-01 02:00Z'"),
                (
                    100,
                    "mart.{0}_day_history",
                    "published_at, believed_until",
                    "'2026-12-01 01:00Z', '2026-12-01 02:00Z'",
                ),
                (0, "build.{0}_day", "run_id", "'r'"),
            ):
                told["p"] = planned and planned + longer
                connection.execute(
                    sa.text(
                        f"insert into {table.format('attendance')} ({attendance}, {columns}) values "
                        f"('E1', :d, 0, 0, :late, :early, 0, :l, :p, :s, '{{}}', 'a', {values})"
                    ),
                    told,
                )
                connection.execute(
                    sa.text(
                        f"insert into {table.format('performance')} ({performance}, {columns}) values "
                        f"('E1', :d, :s, 0, :late, :early, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'a', {values})"
                    ),
                    told,
                )


def test_every_row_gets_its_parts(old: sa.Engine) -> None:
    publish(old)
    migrate.upgrade(old)
    names = "planned_minutes, leave_minutes, planned_days, leave_days::text, duty_minutes, duty_kept_minutes"
    for table in ("mart.performance_day", "build.performance_day"):
        with old.connect() as connection:
            rows = connection.execute(sa.text(f"select status, {names} from {table} order by work_date")).tuples().all()
        assert rows == [(s, p, leave, *parts) for s, p, leave, _, _, *parts in DAYS], table
    with old.connect() as connection:
        history = connection.execute(
            sa.text("select planned_minutes, duty_minutes from mart.performance_day_history order by work_date")
        ).tuples()
        assert history.all() == [(580, 580), (580, 400), (580, 580), (580, 0), (580, 0), (0, 0)]
