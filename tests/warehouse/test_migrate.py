"""The schema: migrations and models agree, everything has a comment, facts start with the person."""

from __future__ import annotations

import hashlib
from datetime import time
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Engine, make_url, text

from fieldwork.errors import SchemaOutdated
from fieldwork.settings import Settings
from fieldwork.warehouse import migrate
from fieldwork.warehouse.engine import connect, open_engine
from fieldwork.warehouse.schema import SCHEMAS, core, mart, metadata
from fieldwork.warehouse.server import Server


def _differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": "ops",
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: name in SCHEMAS if kind == "schema" else True,
            },
        )
        return list(compare_metadata(context, metadata))


def test_models_and_migrations_agree(warehouse: Engine) -> None:
    assert _differences(warehouse) == []


def test_a_drift_is_seen(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("alter table core.visit drop column status"))
        connection.execute(text("comment on column core.punch.kind is 'something else'"))
    assert len(_differences(warehouse)) == 2


def test_a_second_upgrade_changes_nothing(warehouse: Engine) -> None:
    migrate.upgrade(warehouse)
    assert migrate.version(warehouse) == migrate.head()


def test_every_table_view_and_column_has_a_comment(warehouse: Engine) -> None:
    with warehouse.connect() as connection:
        bare = connection.execute(
            text("""
            select n.nspname || '.' || c.relname || coalesce('.' || a.attname, '')
            from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
            left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where n.nspname = any(:schemas) and c.relkind in ('r', 'v', 'm', 'p') and c.relname <> 'alembic_version'
              and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, a.attnum) is null)
            """),
            {"schemas": list(SCHEMAS)},
        ).scalars()
        assert list(bare) == []


def test_facts_are_keyed_by_the_person_first() -> None:
    facts = [core.punch, core.punch_place, core.leave, core.visit, core.task, core.opportunity]
    facts += [*mart.JOINED, *mart.HISTORY.values()]
    assert {next(iter(t.primary_key.columns)).name for t in facts} == {"employee_id"}


def test_a_configured_warehouse_is_not_migrated_behind_your_back(settings: Settings, warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("update ops.alembic_version set version_num = '0000'"))
    with pytest.raises(SchemaOutdated, match="fieldwork migrate"):
        open_engine(settings)


def test_days_published_before_hours_systems_are_standard_and_keep_their_breaks(database_url: str) -> None:
    """A warehouse that holds data of the first schema is brought up to date, its views with it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for schema in SCHEMAS:
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
    engine = connect(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        alembic = migrate.config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0001")
        connection.exec_driver_sql("create view ref.shift_day as select * from ref.shift")
        connection.exec_driver_sql("create view ref.planned_shift as select * from ref.shift_day")
        connection.exec_driver_sql("create view report.attendance_day as select * from mart.attendance_day")
        connection.exec_driver_sql("insert into ref.calendar_day values ('2026-10-01', 'holiday', 'National Day')")
        connection.exec_driver_sql(
            "insert into ref.shift values"
            " ('office', '2000-01-01', null, 'fixed', '09:00', '18:00', '12:00', '13:00', 5, 0),"
            " ('night', '2000-01-01', null, 'fixed', '22:00', '06:00', null, null, 5, 0)"
        )
        connection.exec_driver_sql("insert into ref.roster values ('company', '*', '2000-01-01', null, 'office')")
        for table in ("attendance_day", "attendance_day_history"):
            until = ", believed_until" if table.endswith("history") else ""
            connection.exec_driver_sql(
                f"insert into mart.{table} (employee_id, work_date, punches, worked_minutes, late_minutes,"
                " early_minutes, overtime_minutes, leave_minutes, planned_minutes, status, anomalies, rule_version,"
                " published_at"
                f"{until}) values ('E1', '2026-10-01', 0, 0, 0, 0, 0, 0, 0, 'holiday', '{{}}', '2000-1', now()"
                f"{', now()' if until else ''})"
            )
    migrate.upgrade(engine)
    with engine.begin() as connection:
        for table in ("attendance_day", "attendance_day_history"):
            row = connection.execute(text(f"select * from mart.{table}")).one()
            assert (row.calendar_kind, row.hours_system, row.norm_minutes, row.missed_minutes) == (
                "holiday",
                "standard",
                0,
                None,
            )
        shifts = connection.execute(text("select shift, breaks, parts from ref.shift order by shift")).all()
        assert [tuple(row) for row in shifts] == [
            ("night", None, None),
            ("office", [[time(12), time(13)]], None),
        ]
        assert connection.execute(text("select follows from ref.roster")).scalar() == "calendar"
        assert connection.execute(text("select source from ref.calendar_day")).scalar() == "decree"
    assert _differences(engine) == []
    engine.dispose()


def test_changed_views_or_roles_come_with_a_migration() -> None:
    """Views are made anew after a migration, so a change of theirs needs one, be it empty, to reach a warehouse."""
    folder = Path(migrate.__file__).parent
    now = hashlib.sha256(b"".join((folder / name).read_bytes() for name in migrate.REPEATED)).hexdigest()
    newest = ScriptDirectory.from_config(migrate.config()).get_revision("head").module
    assert now == newest.REPEATED, f"add a migration whose REPEATED is {now}"


def test_changes_of_before_there_were_batches_get_one_each(pg_server: Server) -> None:
    admin = pg_server.url("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("create database before_batches")
    engine = connect(make_url(pg_server.url("before_batches")).set(drivername="postgresql+psycopg"))
    revision = ScriptDirectory.from_config(migrate.config()).get_revision("0006")
    try:
        with engine.begin() as connection:
            alembic = migrate.config()
            alembic.attributes["connection"] = connection
            command.upgrade(alembic, str(revision.down_revision))
            connection.execute(
                text("""
                insert into ops.outbox (run_id, system, kind, key, payload, payload_hash, state, written_at)
                values
                    ('r1', 'salesforce', 'visit', 'v1', '{"a": 1}', 'h', 'sent', '2026-11-02'),
                    ('r1', 'salesforce', 'visit', 'v2', '{"a": 1}', 'h', 'pending', '2026-11-02'),
                    ('r2', 'salesforce', 'visit', 'v1', '{"a": 2}', 'i', 'rejected', '2026-11-03')
                """)
            )
        migrate.upgrade(engine)
        with engine.connect() as connection:
            rows = connection.execute(
                text("""
                select o.key, o.state, o.operation, b.run_id, b.records, b.state
                from ops.outbox as o join ops.write_batch as b using (write_batch_id) order by outbox_id
                """)
            ).all()
            keys = connection.execute(text("select count(distinct idempotency_key) from ops.outbox")).scalar_one()
    finally:
        engine.dispose()
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("drop database before_batches with (force)")
    assert [tuple(row) for row in rows] == [
        ("v1", "sent", "upsert", "r1", 2, "closed"),
        ("v2", "pending", "upsert", "r1", 2, "closed"),
        ("v1", "rejected", "upsert", "r2", 1, "closed"),
    ]
    assert keys == 3
