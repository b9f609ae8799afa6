"""What the DAGs' tasks do: open the warehouse and the connection, call one step, hand back its counts.

Steps are imported inside the functions: a task that extracts should not pay for Great Expectations. Counts and ids go
to XCom, never rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fieldwork import failpoint
from fieldwork.orchestration import reporting, sessions, window
from fieldwork.settings import Settings, load

if TYPE_CHECKING:
    from sqlalchemy import Engine

Counts = dict[str, Any]


def plan(run_id: str, params: Mapping[str, Any], interval: tuple[datetime, datetime] | None) -> Counts:
    """Write down what this run is about (``ops.run``); the steps read it there."""
    from fieldwork.steps.plan import plan as step_

    engine, settings = open_warehouse()
    as_of = settings.now()
    since, until = window.days(params["since"], params["until"], interval, as_of=as_of, zone=settings.time_zone)
    return step_(
        engine, settings, run_id=run_id, since=since, until=until, streams=list(params["streams"]),
        full=params["full"], dry_run=params["dry_run"], as_of=as_of,
    )  # fmt: skip


def extract(run_id: str, stream: str, conn_id: str, params: Mapping[str, Any]) -> Counts:
    """One stream into staging; skips itself when the params leave the stream out."""
    from airflow.sdk.exceptions import AirflowSkipException

    from fieldwork.steps.extract import extract as step_

    if stream not in params["streams"]:
        raise AirflowSkipException(f"The run's params leave out {stream}.")
    engine, settings = open_warehouse()
    source = sessions.open_source(settings, conn_id)
    return step_(engine, settings, source, run_id=run_id, stream=stream, progress=reporting.current())


def step(run_id: str, name: str) -> Counts:
    """One of the steps that need nothing but the warehouse: check, load, build, audit, publish."""
    step_ = getattr(import_module(f"fieldwork.steps.{name}"), name)
    engine, settings = open_warehouse()
    counts: Counts = step_(engine, settings, run_id=run_id, progress=reporting.current())
    return counts


def write_back(run_id: str) -> Counts:
    """The difference to the CRM; a dry run only counts it."""
    from fieldwork.steps.write_back import write_back as step_

    engine, settings = open_warehouse()
    return step_(engine, settings, sessions.open_target(settings), run_id=run_id, progress=reporting.current())


def finish(run_id: str) -> Counts:
    """The run is done."""
    from fieldwork.warehouse import ledger

    engine, _ = open_warehouse()
    with engine.begin() as connection:
        ledger.finish_run(connection, run_id)
    return {"state": "done"}


def open_warehouse() -> tuple[Engine, Settings]:
    """Engine and settings; the Airflow connection ``fieldwork_warehouse`` wins over FIELDWORK_WAREHOUSE_URL."""
    from fieldwork.warehouse.engine import open_engine

    settings = load()
    failpoint.arm(settings.failpoint)
    url = sessions.warehouse_url()
    if url is not None:
        settings = replace(settings, warehouse_url=url)
    return open_engine(settings), settings
