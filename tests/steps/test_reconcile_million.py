"""One missing row in a million is found and named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from requests import Session
from sqlalchemy import Engine

from fieldwork import settings as settings_module
from fieldwork.connectors.base import Days
from fieldwork.connectors.table import build_source
from fieldwork.sandbox import up as sandbox
from fieldwork.settings import Settings, merge
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.steps.reconcile import begin, reconcile_stream

from .rows import rows_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
PUNCHES_ALONE = {"dingtalk": {"checkins": False, "calls_per_second": 1_000_000}}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[sandbox.Running]:
    """Five thousand people over fifty days, served by a process of its own."""
    home = tmp_path / "sandbox"
    yield sandbox.up(home, people=5000, days=55, faults="none", rate=0)
    sandbox.down(home)


def test_one_missing_punch_in_a_million_is_named(warehouse: Engine, settings: Settings, city: sandbox.Running) -> None:
    now = f"{city.until}T12:00:00+08:00"
    told = {"FIELDWORK_HOME": str(settings.home), "FIELDWORK_WAREHOUSE_URL": str(settings.warehouse_url)}
    settings = settings_module.load(told | {"FIELDWORK_NOW": now})
    login = {"login": sandbox.APP_KEY, "password": sandbox.APP_SECRET}
    config = merge(settings.config, PUNCHES_ALONE)
    source = build_source("dingtalk", session=Session(), base_url=city.attendance_url, config=config, **login)
    plan(warehouse, settings, run_id="load", since=city.since, until=city.until, as_of=settings.now())
    for stream in ("employees", "punches"):
        extract(warehouse, settings, source, run_id="load", stream=stream)
    with warehouse.begin() as connection:
        connection.execute(sa.text("update ops.batch set state = 'checked'"))
    load(warehouse, settings, run_id="load")
    count = rows_of(warehouse, "select count(*) from core.punch")[0][0]
    assert count > 1_000_000
    lost = rows_of(warehouse, "select record_id from core.punch order by md5(record_id) limit 1")[0][0]
    with warehouse.begin() as connection:
        connection.execute(sa.text("delete from core.punch where record_id = :lost"), {"lost": lost})
    begin(warehouse, settings, run_id="reconcile", streams=["punches"])
    began = time.perf_counter()
    found = reconcile_stream(
        warehouse, settings, source, run_id="reconcile", stream="punches", days=Days(city.since, city.until)
    )
    print(f"{count:,} punches compared in {time.perf_counter() - began:.1f} s")
    assert (found["findings"], found["source_rows"] - found["warehouse_rows"]) == ({"missing": 1}, 1)
    assert rows_of(warehouse, "select stream, kind, key from ops.reconcile_finding") == [("punches", "missing", lost)]
