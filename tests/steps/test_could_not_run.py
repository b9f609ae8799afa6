"""The server goes away in the middle of a check: said so, nothing counted as bad, and the same again goes through."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, make_url

from fieldwork import settings as settings_module
from fieldwork.errors import CheckCouldNotRun, FieldworkError, StagingLost, WarehouseUnavailable
from fieldwork.quality import runner
from fieldwork.settings import Settings
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.warehouse import engine as engines
from fieldwork.warehouse import migrate, server
from fieldwork.warehouse.engine import libpq_url

from .rows import RowSource, at, planned, rows_of

PUNCHES = [
    {"record_id": str(n), "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": kind}
    for n, kind in enumerate(("in", "sideways", "out"))
]
KNOWN = "insert into ref.identity values ('dingtalk', 'u1', '2020-01-01', null, '001', 'file', now())"
LEDGER = "select state, extracted, quarantined from ops.batch order by batch_id"


def _extracted(engine: Engine, settings: Settings) -> None:
    planned(engine, settings, "run")
    with engine.begin() as connection:
        connection.execute(sa.text(KNOWN))
    extract(engine, settings, RowSource("dingtalk", punches=[PUNCHES]), run_id="run", stream="punches")


def _checked_while(engine: Engine, settings: Settings, strike: Callable[[int], None]) -> list[FieldworkError]:
    """Check in a thread; when GX waits for the staged rows, which we hold, strike at its server process.

    They are held once they are marked and before GX asks anything, so that the strike hits the counts, without which
    there is no verdict, and never the names of a few rows, without which there is one. Returns what the check raised.
    """
    raised: list[FieldworkError] = []
    ask = runner.run

    def run() -> None:
        try:
            check(engine, settings, run_id="run")
        except FieldworkError as error:
            raised.append(error)

    url = libpq_url(engine)
    with (
        psycopg.connect(url) as holding,
        psycopg.connect(url, autocommit=True) as watching,
        pytest.MonkeyPatch.context() as patch,
    ):
        waits = (
            "select pid from pg_stat_activity where application_name = 'fieldwork checks' and wait_event_type = 'Lock'"
        )

        def held_first(*args: Any, **named: Any) -> Any:
            holding.execute("lock table staging.b1 in access exclusive mode")
            return ask(*args, **named)

        patch.setattr(runner, "run", held_first)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            pid = _soon(lambda: watching.execute(waits).fetchone())[0]
            strike(pid)
        finally:
            holding.close()
            thread.join()
    return raised


def _soon(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.005)
    raise TimeoutError


def test_a_cut_connection_is_no_bad_data_and_is_tried_again(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings)

    def strike(pid: int) -> None:
        with psycopg.connect(libpq_url(warehouse), autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(%s)", [pid])

    (error,) = _checked_while(warehouse, settings, strike)
    assert isinstance(error, CheckCouldNotRun), error
    assert rows_of(warehouse, LEDGER) == [("extracted", 3, 0)]
    assert rows_of(warehouse, "select count(*) from ops.quarantine") == [(0,)]
    outcomes = "select distinct outcome, failing from ops.check_result where dataset = 'punches' and failing > 0"
    assert rows_of(warehouse, outcomes) == []
    assert check(warehouse, settings, run_id="run") == {"punches": {"checked": 3, "quarantined": 1, "warnings": 0}}


@pytest.fixture
def own_server() -> Iterator[tuple[Engine, Settings, Path]]:
    """A server of the test's own, because it will be shot."""
    home = Path(tempfile.mkdtemp(prefix="fieldwork-shot-"))
    home.chmod(0o755)
    here = server.start(home)
    engine = engines.connect(make_url(here.url("postgres")).set(drivername="postgresql+psycopg"))
    migrate.upgrade(engine)
    settings = settings_module.load({"FIELDWORK_HOME": str(home), "FIELDWORK_WAREHOUSE_URL": here.url("postgres")})
    yield engine, settings, home
    engine.dispose()
    server.remove(home)
    shutil.rmtree(home, ignore_errors=True)


def _shut_down_at_once(home: Path) -> None:
    """What `pg_ctl -m immediate stop` does."""
    here = server.start(home)
    postmaster = int((here.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGQUIT)
    _soon(lambda: not server.running(home))


def test_a_server_that_dies_empties_staging_and_the_stream_is_read_again(
    own_server: tuple[Engine, Settings, Path],
) -> None:
    engine, settings, home = own_server
    _extracted(engine, settings)
    (error,) = _checked_while(engine, settings, lambda _: _shut_down_at_once(home))
    assert isinstance(error, CheckCouldNotRun | WarehouseUnavailable), error
    assert "sideways" not in str(error)
    server.start(home)
    assert rows_of(engine, LEDGER) == [("extracted", 3, 0)]
    with pytest.raises(StagingLost):
        check(engine, settings, run_id="run")
    extract(engine, settings, RowSource("dingtalk", punches=[PUNCHES]), run_id="run", stream="punches")
    assert check(engine, settings, run_id="run") == {"punches": {"checked": 3, "quarantined": 1, "warnings": 0}}
    assert rows_of(engine, LEDGER) == [("checked", 3, 1)]
