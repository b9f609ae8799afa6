"""`fieldwork sql` answers and changes nothing, whatever the statement says."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from fieldwork.cli import app
from fieldwork.cli.warehouse import ask
from fieldwork.errors import ConfigError
from fieldwork.settings import Settings


def test_it_answers(database_url: str, warehouse: Engine) -> None:
    assert ask(database_url, "select 1 as one, 'a' as letter") == (["one", "letter"], [(1, "a")], False)
    names, rows, more = ask(database_url, "select generate_series(1, 10)", limit=3)
    assert (names, [row[0] for row in rows], more) == (["generate_series"], [1, 2, 3], True)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from ops.run",
        "insert into mart.attendance_day select * from mart.attendance_day",
        "drop table core.employee",
        "create table x (n int)",
        "select 1; delete from ops.run",
        "commit; delete from ops.run",
        "set transaction read write; delete from ops.run",
        "do $$ begin set local transaction_read_only = off; delete from ops.run; end $$",
        "do $$ begin reset role; delete from ops.run; end $$",
        "select set_config('transaction_read_only', 'off', false), set_config('role', 'fieldwork', false)",
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/fieldwork-sql-test'",
        "with gone as (delete from ops.run returning 1) select * from gone",
        "select pg_read_file('/etc/passwd')",
        "select * from place.punch_place",
        "select payload from ops.quarantine",
        "select theirs from ops.conflict",
        "select payload from ops.outbox",
        "select parked from ops.receipt",
        "select payload from ops.webhook_event",
        "select nonsense",
    ],
)
def test_it_changes_and_leaks_nothing(database_url: str, warehouse: Engine, statement: str) -> None:
    with warehouse.begin() as connection:
        connection.execute(
            text(
                "insert into ops.run values ('r', '2026-11-02', '2026-11-03', now(), '[]', false, false, 'done', now())"
            )
        )
    with pytest.raises(ConfigError, match="PostgreSQL says"):
        ask(database_url, statement)
    with warehouse.connect() as connection:
        assert connection.execute(text("select count(*) from ops.run")).scalar_one() == 1


def test_csv_holds_no_formula_and_a_table_no_markup(settings: Settings, warehouse: Engine) -> None:
    environment = {"FIELDWORK_HOME": str(settings.home), "FIELDWORK_WAREHOUSE_URL": str(settings.warehouse_url)}
    query = "select '=cmd()' as \"=n\", -5 as number, '[/red]' as markup, '<script>' as tag"
    told = CliRunner().invoke(app, ["sql", query, "--csv"], env=environment)
    assert told.stdout.splitlines() == ['"\'=n","number","markup","tag"', '"\'=cmd()",-5,"[/red]","<script>"']
    assert "[/red]" in CliRunner().invoke(app, ["sql", query], env=environment).stdout
