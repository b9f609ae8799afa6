"""The load step on the punches that the extract measurement left in staging, people loaded first."""

from __future__ import annotations

import os
import time
from datetime import date

import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.orchestration.environment import prepare_environment
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.warehouse.engine import open_engine

from .peak import cpu_seconds, report


def main() -> None:
    """Load; print the measurement."""
    settings = settings_module.load()
    engine = open_engine(settings)
    prepare_environment(settings)
    from fieldwork.orchestration.sessions import open_source

    since, until = (date.fromisoformat(os.environ[name]) for name in ("BENCH_SINCE", "BENCH_UNTIL"))
    plan(engine, settings, run_id="bench-people", since=since, until=until, streams=["employees"])
    source = open_source(settings, "fieldwork_attendance")
    extract(engine, settings, source, run_id="bench-people", stream="employees")
    with engine.begin() as connection:
        connection.execute(sa.text("update ops.batch set state = 'checked' where state = 'extracted'"))
        newest = connection.execute(
            sa.text("select run_id from ops.run where run_id <> 'bench-people' order by 1 desc limit 1")
        )
        run_id = newest.scalar_one()
    load(engine, settings, run_id="bench-people")
    begun, cpu = time.perf_counter(), cpu_seconds()
    counts = load(engine, settings, run_id=run_id)["punches"]
    report(counts["loaded"] + counts["duplicate"], time.perf_counter() - begun, cpu)


if __name__ == "__main__":
    main()
