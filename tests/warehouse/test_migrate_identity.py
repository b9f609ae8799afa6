"""A warehouse with links, people and published days is brought to dated identity without losing or restating any."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, make_url

from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import migrate, server

LINKS = """
insert into ref.identity (system, external_id, valid_from, valid_to, employee_id, rule, linked_at) values
    ('dingtalk', 'b1', '1900-01-01', null, 'B1', 'source', now()),
    ('dingtalk', 'u1', '1900-01-01', null, '001', 'source', now()),
    ('salesforce', 'A', '1900-01-01', null, '001', 'file', now()),
    ('salesforce', 'A', '2026-11-03', null, 'B1', 'file', now())
"""
PEOPLE = """
insert into core.employee (employee_id, user_id, team, manager_user_id, system, batch_id, loaded_at) values
    ('001', 'u1', 'North', 'b1', 'dingtalk', 1, now()), ('B1', 'b1', 'Board', null, 'dingtalk', 1, now())
"""
DAYS = """
insert into mart.performance_day (
    employee_id, work_date, team, status, worked_minutes, late_minutes, early_minutes, overtime_minutes,
    exposure_minutes, visits_planned, visits_done, visits_verified, tasks_due, tasks_on_time, follow_ups,
    opportunities_created, opportunities_won, amount_won, rule_version, published_at
) values ('001', '2026-11-03', 'North', 'present', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '2000-1', now())
"""

#: Views and functions as earlier versions made them: one stands on the other.
REMADE = """
create view ref.planned_shift as select employee_id, team from core.employee;
create view report.performance_day as select * from mart.performance_day;
create function report.performance_as_of(instant timestamptz) returns setof mart.performance_day
language sql stable as 'select * from mart.performance_day where published_at <= instant';
create view report.performance_month as
select employee_id, count(*) as days from report.performance_as_of('infinity') group by employee_id;
create function report.months() returns setof report.performance_month
language sql stable as 'select * from report.performance_month';
"""


@pytest.fixture
def before(pg_server: server.Server) -> Iterator[Engine]:
    """A warehouse as the version before left it."""
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute("create database older")
        engine = engine_module.connect(make_url(pg_server.url("older")).set(drivername="postgresql+psycopg"))
        earlier = ScriptDirectory.from_config(migrate.config()).get_revision("0009").down_revision
        with engine.begin() as migrating:
            alembic = migrate.config()
            alembic.attributes["connection"] = migrating
            command.upgrade(alembic, str(earlier))
            for statement in (LINKS, PEOPLE, DAYS, REMADE):
                migrating.exec_driver_sql(statement)
        yield engine
        engine.dispose()
        connection.execute("drop database older with (force)")


def test_what_is_there_stays_and_links_no_longer_overlap(before: Engine) -> None:
    migrate.upgrade(before)
    with before.connect() as connection:
        links = (
            "select valid_from::text, valid_to::text, employee_id from ref.identity where external_id = 'A' order by 1"
        )
        assert list(connection.execute(sa.text(links))) == [
            ("1900-01-01", "2026-11-03", "001"), ("2026-11-03", None, "B1"),
        ]  # fmt: skip
        day = connection.execute(sa.text("select team, manager_employee_id from report.performance_day")).one()
        assert tuple(day) == ("North", "B1")
        posts = "select employee_id, valid_from::text, valid_to, team, rule from report.post order by 1"
        assert list(connection.execute(sa.text(posts))) == [
            ("001", "1900-01-01", None, "North", "source"), ("B1", "1900-01-01", None, "Board", "source"),
        ]  # fmt: skip


def test_a_view_of_somebody_elses_stops_the_migration_and_stays(before: Engine) -> None:
    with before.begin() as connection:
        connection.exec_driver_sql("create view public.my_days as select employee_id from report.performance_day")
    with pytest.raises(sa.exc.DBAPIError, match=r"(?s)Views of your own.*view my_days"):
        migrate.upgrade(before)
    with before.connect() as connection:
        assert connection.execute(sa.text("select count(*) from public.my_days")).scalar_one() == 1
