"""`fieldwork sql` answers and changes nothing, whatever the statement says."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from fieldwork.cli.warehouse import _harmless, ask
from fieldwork.errors import ConfigError


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


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "＝1"])
def test_a_formula_is_defused_in_csv(cell: str) -> None:
    assert _harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", [-1, 1.5, "plain", "", None])
def test_other_cells_stay_as_they_are(cell: object) -> None:
    assert _harmless(cell) == cell
