"""The schema: migrations and models agree, everything has a comment, facts start with the person."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
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
    revision = ScriptDirectory.from_config(migrate.config()).get_revision("0008")
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
