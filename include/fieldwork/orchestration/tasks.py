"""What the DAGs' tasks do: open the warehouse and the connection, call one step, hand back its counts.

Steps are imported inside the functions: a task that extracts should not pay for Great Expectations. Counts and ids go
to XCom, never rows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from fieldwork import failpoint
from fieldwork.orchestration import reporting, sessions, webhooks, window
from fieldwork.settings import Settings
from fieldwork.settings import load as load_settings
from fieldwork.steps.progress import Progress

if TYPE_CHECKING:
    from sqlalchemy import Engine

Counts = dict[str, Any]

_log: Final = logging.getLogger(__name__)


class WarehouseStep(Protocol):
    """A step that needs nothing but the warehouse."""

    def __call__(self, engine: Engine, settings: Settings, *, run_id: str, progress: Progress) -> Counts: ...


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


def check(run_id: str) -> Counts:
    """Set the bad rows of every extracted stream aside."""
    from fieldwork.steps.check import check as step_

    return _in_warehouse(step_, run_id)


def load(run_id: str) -> Counts:
    """Good rows into ``core``, with the ledger."""
    from fieldwork.steps.load import load as step_

    return _in_warehouse(step_, run_id)


def build(run_id: str) -> Counts:
    """The touched person-days, joined again."""
    from fieldwork.steps.build import build as step_

    return _in_warehouse(step_, run_id)


def audit(run_id: str) -> Counts:
    """What was built, judged before anybody reads it."""
    from fieldwork.steps.audit import audit as step_

    return _in_warehouse(step_, run_id)


def publish(run_id: str) -> Counts:
    """What was built, in place of what was published."""
    from fieldwork.steps.publish import publish as step_

    return _in_warehouse(step_, run_id)


def write_back(run_id: str, *, accept_mass_change: bool = False) -> Counts:
    """The difference to the CRM, and to the webhooks where there are any; a dry run only counts it. The sample of
    changes stays in ``ops.step``: it tells of people.
    """
    from fieldwork.steps.write_back import write_back as step_

    engine, settings = open_warehouse()
    progress = reporting.current()
    with webhooks.told_too(engine, settings, run_id=run_id, accept_mass_change=accept_mass_change, progress=progress):
        target = sessions.open_target(settings)
        found = step_(engine, settings, target, run_id=run_id, accept_mass_change=accept_mass_change, progress=progress)
    return {kind: _counts(told) for kind, told in found.items()}


def rehearse_undo(batch: int) -> Counts:
    """What taking a write batch back would do, in numbers."""
    from fieldwork.steps.crm_undo import rehearse_undo as step_

    engine, _ = open_warehouse()
    return dict(_counts(step_(engine, batch)))


def crm_undo(run_id: str, batch: int) -> Counts:
    """Take a write batch back."""
    from fieldwork.steps.crm_undo import crm_undo as step_

    engine, settings = open_warehouse()
    target = sessions.open_target(settings)
    return step_(engine, settings, target, number=batch, run_id=run_id, progress=reporting.current())


def finish(run_id: str) -> Counts:
    """The run is done; warnings, such as rows that wait in quarantine for long, go to the log."""
    from fieldwork.steps.finish import finish as step_

    engine, settings = open_warehouse()
    result = step_(engine, settings, run_id=run_id)
    for warning in result["warnings"]:
        _log.warning("%s `fieldwork quarantine ageing` tells which.", warning)
    return result


def _counts(told: Any) -> Any:
    """A step's numbers without its sample."""
    return {name: value for name, value in told.items() if name != "sample"} if isinstance(told, dict) else told


def _in_warehouse(step_: WarehouseStep, run_id: str) -> Counts:
    engine, settings = open_warehouse()
    return step_(engine, settings, run_id=run_id, progress=reporting.current())


def open_warehouse() -> tuple[Engine, Settings]:
    """Engine and settings: FIELDWORK_WAREHOUSE_URL, else the connection ``fieldwork_warehouse``, else embedded."""
    from fieldwork.warehouse.engine import open_engine

    settings = load_settings()
    failpoint.arm(settings.failpoint)
    if settings.warehouse_url is None:
        settings = replace(settings, warehouse_url=sessions.warehouse_url())
    return open_engine(settings), settings
