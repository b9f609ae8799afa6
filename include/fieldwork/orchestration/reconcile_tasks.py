"""What the tasks of ``reconcile_nightly`` do: compare one side's streams, repair them if wanted, judge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from fieldwork.orchestration import reporting, sessions, tasks
from fieldwork.orchestration.tasks import Counts


def plan(run_id: str, params: Mapping[str, Any]) -> Counts:
    """Note the run."""
    from fieldwork.steps.reconcile import begin, usual_days

    engine, settings = tasks.open_warehouse()
    days = usual_days(settings, _day(params["since"]), _day(params["until"]))
    begin(engine, settings, run_id=run_id, streams=params["streams"])
    return {"since": str(days.since), "until": str(days.until)}


def compare(run_id: str, conn_id: str, side: str, params: Mapping[str, Any]) -> Counts:
    """Compare the side's streams; what is found is open until a later comparison no longer finds it."""
    return _compare(run_id, conn_id, side, params)


def repair(run_id: str, conn_id: str, side: str, params: Mapping[str, Any]) -> Counts:
    """Read again what is missing and withdraw what is gone, then compare again; skipped unless wanted."""
    from airflow.sdk.exceptions import AirflowSkipException

    from fieldwork.steps.reconcile import begin
    from fieldwork.steps.repair import repair as step_

    if not params["repair"]:
        raise AirflowSkipException("The run's params ask for no repair.")
    engine, settings = tasks.open_warehouse()
    streams = _of(side, params)
    source = sessions.open_source(settings, conn_id)
    name = f"{run_id}-repair-{side}"
    done = step_(engine, settings, lambda _: source, run_id=name, streams=streams, progress=reporting.current())
    begin(engine, settings, run_id=f"{run_id}-again-{side}", streams=streams, kind="repair")
    again = _compare(f"{run_id}-again-{side}", conn_id, side, params)
    tasks.finish(f"{run_id}-again-{side}")
    return {**done, "again": again}


def judge(run_id: str) -> Counts:
    """Fail when anything is open that this run found."""
    from fieldwork.steps.reconcile import judge as step_

    engine, _ = tasks.open_warehouse()
    return step_(engine, run_id)


def _compare(run_id: str, conn_id: str, side: str, params: Mapping[str, Any]) -> Counts:
    from fieldwork.steps.reconcile import reconcile_stream, usual_days

    engine, settings = tasks.open_warehouse()
    source = sessions.open_source(settings, conn_id)
    days = usual_days(settings, _day(params["since"]), _day(params["until"]))
    return {
        name: reconcile_stream(
            engine, settings, source, run_id=run_id, stream=name, days=days, quick=bool(params["quick"]),
            progress=reporting.current(),
        )
        for name in _of(side, params)
    }  # fmt: skip


def _of(side: str, params: Mapping[str, Any]) -> list[str]:
    from fieldwork.streams import STREAMS

    return [name for name, stream in STREAMS.items() if stream.side == side and name in params["streams"]]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
