"""A warehouse with published visits takes the later columns, and says of old rows what they already said in words."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import make_url

from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import migrate, server

START = datetime(2026, 11, 3, 2, tzinfo=UTC)
#: verdict, hour of the check-in, the sentence then, and the name now
OLD = [
    ("verified", 2, "Checked in during the planned time, 20 m from the customer.", "on_site"),
    ("off_schedule", 0, "Checked in 20 m from the customer, but …", "too_early"),
    ("off_schedule", 9, "Checked in 20 m from the customer, but …", "too_late"),
    ("out_of_range", 2, "Checked in during the planned time, but 900 m …", "too_far"),
    ("unverifiable", 2, "The CRM has no position of the customer to compare with.", "customer_not_located"),
    ("unverifiable", 2, "Checked in during the planned time, but without a position.", "check_in_not_located"),
    ("no_check_in", None, "No check-in from 120 minutes before …", "no_check_in"),
]


@pytest.fixture
def old(pg_server: server.Server) -> sa.Engine:
    """A database at the first schema."""
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute("drop database if exists old_visits with (force)")
        connection.execute("create database old_visits")
    engine = engine_module.connect(make_url(pg_server.url("old_visits")).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        alembic = migrate.config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0001")
    return engine


def test_published_visits_are_kept_and_named(old: sa.Engine) -> None:
    visit = sa.text(
        "insert into mart.visit_check (employee_id, visit_id, work_date, planned_start, checked_in_at, verdict, "
        "reason, rule_version, published_at) "
        "values ('E1', :id, '2026-11-03', :start, :at, :verdict, :reason, '2000-1', now())"
    )
    rules = sa.text(
        "insert into ref.rule_version "
        "values ('2000-1', '2000-01-01', null, 'Asia/Shanghai', 30, 120, 120, 300, 100, 30, 240, 'CNY', '{}', 'hash')"
    )
    with old.begin() as connection:
        connection.execute(rules)
        connection.execute(sa.text(
            "insert into core.account (account_id, latitude, longitude, system, batch_id, loaded_at) "
            "values ('a', 31.2304, 121.4737, 's', 1, now()), ('b', 0, 0, 's', 1, now())"
        ))  # fmt: skip
        for n, (verdict, hour, reason, _) in enumerate(OLD):
            at = None if hour is None else START.replace(hour=hour)
            values = {"id": f"v{n}", "start": START, "at": at, "verdict": verdict, "reason": reason}
            connection.execute(visit, values)
    migrate.upgrade(old)
    with old.connect() as connection:
        told = connection.execute(
            sa.text("select reason_code, signals from report.visit_check order by visit_id")
        ).all()
        assert [tuple(row) for row in told] == [(code, []) for *_, code in OLD]
        limits = sa.text("select nearby_m, poor_accuracy_m, speed_limit_kmh from ref.rule_version")
        assert tuple(connection.execute(limits).one()) == (1000, 1000, 900)
        cells = connection.scalars(sa.text("select cell from core.account order by account_id")).all()
        assert cells == [24246 * 72000 + 60294, None]
    old.dispose()
