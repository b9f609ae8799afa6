"""The checks of the punches that the extract measurement left in staging: ours, and the same predicates as bare SQL.

``BENCH_CHECKS``: ``gx`` (the suite by Great Expectations), ``bare`` (one statement, one pass, and the uniqueness beside
it), or ``step`` (the whole step: notes, days, fields, suite, quarantine, ledger). Both ways must count the same.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import date
from typing import Any

import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.orchestration.environment import prepare_environment
from fieldwork.quality import annotate, marks, parameters, runner, suites
from fieldwork.quality.acceptance import Acceptance
from fieldwork.settings import Settings
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.engine import open_engine

from .peak import report

DIRTY = r"'[[:cntrl:]\u200b-\u200d\u2060\ufeff]|^\s|\s$'"
#: Every rule of the suite as the condition that breaks it.
PREDICATES = {
    "readable": "parse_error is not null",
    "key_given": "record_id is null",
    "key_length": "length(record_id) not between 1 and 255",
    "key_clean": f"record_id ~ {DIRTY}",
    "owner_given": "user_id is null",
    "owner_length": "length(user_id) not between 1 and 255",
    "owner_clean": f"user_id ~ {DIRTY}",
    "owner_known": "not owner_known",
    "kind_given": "kind is null",
    "kind_known": "kind not in ('in', 'out', 'field')",
    "time_given": "punched_at is null",
    "time_plausible": "punched_at < '2010-01-01T00:00:00+00:00'",
    "time_not_future": "punched_at > :latest_plausible",
    "day_agrees": "not day_agrees",
    "latitude_in_range": "latitude not between -90 and 90",
    "longitude_in_range": "longitude not between -180 and 180",
    "latitude_with_longitude": "latitude is null and longitude is not null",
    "longitude_with_latitude": "longitude is null and latitude is not null",
    "not_null_island": "latitude = 0 and longitude = 0",
    "accuracy_not_negative": "accuracy_m < 0",
    "accuracy_usable": "accuracy_m > 1000",
    "modified_not_future": "modified_at > :latest_plausible",
}
TWICE = "select coalesce(sum(n), 0) from (select count(*) as n from {} group by record_id having count(*) > 1) as twice"
ACCEPTED = Acceptance(frozenset(["punches.bad_share"]), by="bench", why="a rehearsal")


def prepared(engine: sa.Engine, settings: Settings) -> tuple[ledger.Run, ledger.Batch]:
    """The batch of punches that the extract measurement left, its people loaded, with the notes of the check."""
    prepare_environment(settings)
    from fieldwork.orchestration.sessions import open_source

    since, until = (date.fromisoformat(os.environ[name]) for name in ("BENCH_SINCE", "BENCH_UNTIL"))
    plan(engine, settings, run_id="bench-people", since=since, until=until, streams=["employees"])
    extract(engine, settings, open_source(settings, "fieldwork_attendance"), run_id="bench-people", stream="employees")
    with engine.begin() as connection:
        connection.execute(sa.text("update ops.batch set state = 'checked' where state = 'extracted'"))
    load(engine, settings, run_id="bench-people")
    with engine.begin() as connection:
        number = connection.execute(
            sa.text("select max(batch_id) from ops.batch where stream = 'punches'")
        ).scalar_one()
        ledger.update_batch(connection, number, state="extracted")
        batch = ledger.read_batch(connection, number)
        annotate.mark_unknown(connection, STREAMS["punches"], batch)
        marks.mark(connection, STREAMS["punches"], batch)
        connection.execute(sa.text(f'analyze staging."b{number}"'))
        return ledger.read_run(connection, batch.run_id), batch


def by_gx(
    engine: sa.Engine, settings: Settings, told: dict[str, Any], batch: ledger.Batch, rows: int
) -> dict[str, int]:
    """Failing rows by rule."""
    suite = suites.read(settings.expectations, "punches")
    table = staging.table(STREAMS["punches"], batch.batch_id).name
    outcomes = runner.run(engine.url, suite, table=table, rows=rows, parameters=told, key="seq")
    return {o.rule.removeprefix("punches."): o.failing for o in outcomes if o.failing is not None}


def by_hand(engine: sa.Engine, told: dict[str, Any], batch: ledger.Batch) -> dict[str, int]:
    """The same, in one pass."""
    table = f'staging."b{batch.batch_id}"'
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in PREDICATES.values())
    statement = sa.text(f"select {counts}, ({TWICE.format(table)}) from {table}")
    with engine.begin() as connection:
        connection.execute(sa.text("set local work_mem = '128MB'"))
        found = connection.execute(statement, {"latest_plausible": told["latest_plausible"]}).one()
    return dict(zip([*PREDICATES, "key_once"], map(int, found), strict=True))


def main() -> None:
    """Measure the second time: GX's import and the cache are the process's own affair."""
    settings = settings_module.load()
    engine = open_engine(settings)
    run, batch = prepared(engine, settings)
    with engine.begin() as connection:
        told = parameters.of_batch(connection, settings, run, batch)
        rows = staging.count(connection, STREAMS["punches"], batch.batch_id) or 0
    which = os.environ["BENCH_CHECKS"]
    if which == "step":
        by_gx(engine, settings, told, batch, rows)
        begun = time.perf_counter()
        check(engine, settings, run_id=run.run_id, accepted=ACCEPTED)
        report(rows, time.perf_counter() - begun)
        return
    seconds, found = 0.0, {}
    for _ in range(2):
        begun = time.perf_counter()
        found = by_gx(engine, settings, told, batch, rows) if which == "gx" else by_hand(engine, told, batch)
        seconds = time.perf_counter() - begun
    other = by_hand(engine, told, batch) if which == "gx" else found
    if found != other:
        sys.exit(f"Both ways must count the same: {found} {other}")
    report(rows, seconds)


if __name__ == "__main__":
    main()
