"""What a day's run costs over one and over ten times the history: ``python -m tests.bench.daily_run``.

Two warehouses of one company, one with ten times as many days. Each gets the same next day from a source in memory:
check, load, build, audit, publish, and the write-back's difference as a dry run. Processor seconds count the steps'
process and the server's; rows read are those that the server read in tables that grow, by scans and by indexes. Then
one punch arrives twenty days late: how many person-days are rebuilt, and what it costs. Options by environment:
BENCH_STAFF (people), BENCH_HISTORY (days of the shorter history, from 21 up), BENCH_TIMES.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from fieldwork import settings as settings_module
from fieldwork.steps.audit import audit
from fieldwork.steps.build import build
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.steps.publish import publish
from fieldwork.steps.write_back import write_back
from fieldwork.warehouse import ledger, migrate, server
from fieldwork.warehouse.engine import connect
from tests.steps.rows import RowSource

from . import cpu
from .history import Accepting, Rows, fill, people, publish_all, rows_of_day

STAFF: Final = int(os.environ.get("BENCH_STAFF", "1000"))
HISTORY: Final = int(os.environ.get("BENCH_HISTORY", "30"))
TIMES: Final = int(os.environ.get("BENCH_TIMES", "10"))
#: The day that is run; the histories end before it.
DAY: Final = date(2026, 11, 3)
#: Days that are run before it, so that caches and imports are warm, and after it: the quickest of the measured counts.
WARM, MEASURED = 1, 3
STEPS: Final = ("extract", "check", "load", "build", "audit", "publish", "write_back")
#: Tables that are as long as the history, the books (a few rows a run) left out.
_GROWING: Final = "schemaname in ('core', 'place', 'mart')"

Cost = dict[str, float]


class Warehouse:
    """One of the two."""

    def __init__(self, here: server.Server, name: str, staff: int, days: int) -> None:
        with psycopg.connect(here.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")  # type: ignore[call-overload]
        url = here.url(name)
        self.postmaster = int((here.data / "postmaster.pid").read_text().split()[0])
        self.engine = connect(sa.make_url(url).set(drivername="postgresql+psycopg"))
        self.settings = settings_module.load({"FIELDWORK_HOME": "/nowhere", "FIELDWORK_WAREHOUSE_URL": url})
        migrate.upgrade(self.engine)
        first = DAY - timedelta(days=days)
        ahead = WARM + MEASURED
        fill(self.engine, self.settings, staff, first, days + ahead)
        reread = self.settings.config["extract"]["reread_days"]
        self.days = {
            n: rows_of_day(self.engine, self.settings, DAY + timedelta(days=n), take_out=n >= 0)
            for n in range(-reread, ahead)
        }
        self.reread = reread
        self.people = people(self.engine)
        publish_all(self.engine, self.settings, first, DAY)

    def run(self, n: int) -> dict[str, Cost]:
        """The n-th day: what each step cost."""
        day, run_id = DAY + timedelta(days=n), f"day-{n}"
        as_of = datetime.combine(day + timedelta(days=1), datetime.min.time(), self.settings.time_zone)
        self._forget_ahead(day)
        plan(
            self.engine, self.settings, run_id=run_id, since=day, until=day + timedelta(days=1), dry_run=True,
            as_of=as_of + timedelta(hours=26),
        )  # fmt: skip
        calls = self._calls(run_id, self.days[n], self._punches(n))
        costs = {step: self._measure(calls[step]) for step in STEPS}
        with self.engine.begin() as connection:
            ledger.finish_run(connection, run_id)
        return costs

    def late_punch(self) -> tuple[int, Cost]:
        """One punch of twenty days ago: person-days that it rebuilds, and what its load, build and publication cost."""
        day = DAY + timedelta(days=WARM + MEASURED - 1)
        midnight = datetime.combine(day, datetime.min.time(), self.settings.time_zone)
        row = {
            "record_id": "late",
            "user_id": "u7",
            "punched_at": midnight - timedelta(days=20, hours=-7),
            "kind": "in",
        }
        plan(
            self.engine, self.settings, run_id="late", since=day, until=day + timedelta(days=1), streams=["punches"],
            as_of=midnight + timedelta(days=2),
        )  # fmt: skip
        punches = [[row, *self._punches(WARM + MEASURED - 1)]]
        extract(self.engine, self.settings, RowSource("dingtalk", punches=punches), run_id="late", stream="punches")
        check(self.engine, self.settings, run_id="late")
        built: dict[str, Any] = {}

        def restate() -> None:
            load(self.engine, self.settings, run_id="late")
            built.update(build(self.engine, self.settings, run_id="late"))
            publish(self.engine, self.settings, run_id="late")

        cost = self._measure(restate)
        return built["person_days"], cost

    def _punches(self, n: int) -> list[dict[str, Any]]:
        """Those of the n-th day, and of the days before that are read again with it."""
        return [row for day in range(n - self.reread, n + 1) for row in self.days[day]["punches"]]

    def _calls(self, run_id: str, rows: Rows, punches: list[dict[str, Any]]) -> dict[str, Callable[[], Any]]:
        engine, settings = self.engine, self.settings
        attendance = RowSource("dingtalk", employees=[self.people], punches=[punches], leave=[rows["leave"]])
        crm = RowSource(
            "salesforce", visits=[rows["visits"]], tasks=[rows["tasks"]], opportunities=[rows["opportunities"]]
        )

        def extracted() -> None:
            for source, streams in ((attendance, ("employees", "punches", "leave")), (crm, ())):
                for stream in streams or ("crm_users", "accounts", "visits", "tasks", "opportunities"):
                    extract(engine, settings, source, run_id=run_id, stream=stream)

        told: dict[str, Any] = {"run_id": run_id}
        return {
            "extract": extracted,
            "check": lambda: check(engine, settings, **told),
            "load": lambda: load(engine, settings, **told),
            "build": lambda: build(engine, settings, **told),
            "audit": lambda: audit(engine, settings, **told),
            "publish": lambda: publish(engine, settings, **told),
            "write_back": lambda: write_back(engine, settings, Accepting(), **told),
        }

    def _forget_ahead(self, day: date) -> None:
        """The books of days to come, which the history brought with it: they are not read yet."""
        with self.engine.begin() as connection:
            connection.execute(
                sa.text("delete from ops.run where run_id like 'past-%' and since >= :day"), {"day": day}
            )
            connection.execute(
                sa.text(
                    "delete from ops.batch where run_id like 'past-%' and run_id not in (select run_id from ops.run)"
                )
            )

    def _measure(self, work: Callable[[], Any]) -> Cost:
        rows, used, begun = self._rows_read(), cpu.seconds(self.postmaster), time.perf_counter()
        work()
        took, used = time.perf_counter() - begun, cpu.seconds(self.postmaster) - used
        return {"seconds": took, "cpu": used, "rows": self._rows_read() - rows}

    def _rows_read(self) -> float:
        """Rows read so far in the tables that grow; a server process tells its last ones when it ends, so all end."""
        others = (
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
            "and pid <> pg_backend_pid() and backend_type = 'client backend'"
        )
        query = f"select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables where {_GROWING}"
        with self.engine.connect() as connection:
            while connection.exec_driver_sql(others).all():
                time.sleep(0.01)
                connection.rollback()
            connection.exec_driver_sql("select pg_stat_clear_snapshot()")
            found = float(connection.exec_driver_sql(query).scalar_one())
        self.engine.dispose()
        return found


def measure(here: server.Server, name: str, days: int) -> tuple[dict[str, Cost], tuple[int, Cost]]:
    """The cheapest of the measured days, step by step; and the late punch."""
    warehouse = Warehouse(here, name, STAFF, days)
    turns = [warehouse.run(n) for n in range(WARM + MEASURED)][WARM:]
    late = warehouse.late_punch()
    warehouse.engine.dispose()
    return {step: {what: min(t[step][what] for t in turns) for what in turns[0][step]} for step in STEPS}, late


def show(short: dict[str, Cost], long: dict[str, Cost], console: Console) -> None:
    """A table: each step, and all of them, at both histories and as a ratio."""
    table = Table(
        "step", "cpu s", f"cpu s at {TIMES}×", "ratio", "wall s", f"at {TIMES}×", "rows read", f"at {TIMES}×", "ratio",
        title=f"A day's run of {STAFF:,} people over {HISTORY} and over {HISTORY * TIMES} days of history",
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    total = {
        what: (sum(c[what] for c in short.values()), sum(c[what] for c in long.values()))
        for what in ("cpu", "seconds", "rows")
    }
    lines = [(step, {what: (short[step][what], long[step][what]) for what in total}) for step in STEPS]
    for name, cost in [*lines, ("all", total)]:
        (a, b), (c, d), (e, f) = cost["cpu"], cost["seconds"], cost["rows"]
        table.add_row(
            name, f"{a:.2f}", f"{b:.2f}", f"{b / max(a, 0.01):.2f}×", f"{c:.2f}", f"{d:.2f}", f"{e:,.0f}", f"{f:,.0f}",
            f"{f / max(e, 1):.2f}×",
        )  # fmt: skip
    console.print(table)


def main(console: Console | None = None) -> None:
    """Measure and print."""
    home = Path(tempfile.mkdtemp(prefix="fieldwork-bench-"))
    home.chmod(0o755)
    try:
        here = server.start(home)
        console = console or Console(highlight=False, width=120)
        logging.disable(logging.WARNING)  # the calendar's, once a run
        (short, late), (long, later) = measure(here, "short", HISTORY), measure(here, "long", HISTORY * TIMES)
        show(short, long, console)
        for days, (rebuilt, cost) in ((HISTORY, late), (HISTORY * TIMES, later)):
            console.print(
                f"One punch twenty days late, {days} days of history: {rebuilt} person-day rebuilt,"
                f" {cost['rows']:,.0f} rows read, {cost['cpu']:.2f} processor seconds."
            )
    finally:
        server.remove(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
