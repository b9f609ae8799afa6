"""A server that went away, or could not go on, is an error of ours that is tried again; a mistake of ours is not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from tests.steps.rows import planned, rows_of

from fieldwork.errors import WarehouseUnavailable
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger

RAISING = "do $$ begin raise exception 'secret of a row' using errcode = '{}'; end $$"


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("select pg_terminate_backend(pg_backend_pid())", "AdminShutdown, 57P01"),
        ("set local statement_timeout = 10; select pg_sleep(5)", "QueryCanceled, 57014"),
        (RAISING.format("40P01"), "DeadlockDetected, 40P01"),
        (RAISING.format("53100"), "DiskFull, 53100"),
        (RAISING.format("55P03"), "LockNotAvailable, 55P03"),
    ],
)
def test_what_passes_is_told_without_the_drivers_words(
    warehouse: Engine, settings: Settings, statement: str, named: str
) -> None:
    planned(warehouse, settings, "run")
    with pytest.raises(WarehouseUnavailable, match=f"during load \\({named}\\)") as lost:
        _step(warehouse, statement)
    assert "secret" not in str(lost.value)
    assert lost.value.__cause__ is None
    assert rows_of(warehouse, "select state, result ->> 'error' from ops.step") == [("failed", "WarehouseUnavailable")]


@pytest.mark.parametrize("statement", ["select 1 / 0", "select nonsense", RAISING.format("23505")])
def test_what_stays_is_left_as_it_is(warehouse: Engine, settings: Settings, statement: str) -> None:
    planned(warehouse, settings, "run")
    with pytest.raises(sa.exc.DBAPIError):
        _step(warehouse, statement)


def _step(engine: Engine, statement: str) -> None:
    with ledger.step(engine, "run", "load"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
