"""The product: the extract step on the punches stream, with the session from Airflow's HttpHook."""

from __future__ import annotations

import os
import time
from datetime import date

import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.orchestration.environment import prepare_environment
from fieldwork.steps.extract import extract
from fieldwork.steps.plan import plan
from fieldwork.streams import Window
from fieldwork.warehouse.engine import open_engine

from .peak import cpu_seconds, report


def main() -> None:
    """Extract; print the measurement; leave the batch for the next measurement."""
    settings = settings_module.load()
    engine = open_engine(settings)
    prepare_environment(settings)
    from fieldwork.orchestration.sessions import open_source

    source = open_source(settings, "fieldwork_attendance")
    source.parallel = int(os.environ.get("BENCH_PARALLEL", source.parallel))
    source.slices("employees", Window(None, settings.now()))[0].read()  # the list of people is kept by the source
    run_id = f"bench-{time.time_ns()}"
    since, until = (date.fromisoformat(os.environ[name]) for name in ("BENCH_SINCE", "BENCH_UNTIL"))
    plan(engine, settings, run_id=run_id, since=since, until=until, streams=["punches"])
    begun, cpu = time.perf_counter(), cpu_seconds()
    result = extract(engine, settings, source, run_id=run_id, stream="punches")
    seconds = time.perf_counter() - begun
    with engine.begin() as connection:
        connection.execute(sa.text("update ops.batch set state = 'checked' where state = 'extracted'"))
    report(result["extracted"], seconds, cpu)


if __name__ == "__main__":
    main()
