"""Write-back: a million records compared with their receipts, and 20,000 records sent at 100 ms a call.

The peer of the sending is a bare concurrent client that sends batches of the same size and number to the same server,
from as many threads, and reads nothing, keeps nothing and notes nothing. Each measurement is a process of its own:
``python -m tests.bench.writeback`` with BENCH_WHAT.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
import sqlalchemy as sa
from rich.table import Table

from fieldwork import settings as settings_module
from fieldwork.connectors.base import CrmTarget
from fieldwork.connectors.table import build_target
from fieldwork.sandbox import up as sandbox
from fieldwork.steps.write_back import send_difference
from fieldwork.warehouse.engine import open_engine
from fieldwork.writeback import difference

RECORDS: Final = int(os.environ.get("BENCH_RECORDS", "1000000"))
SENT: Final = int(os.environ.get("BENCH_SENT", "20000"))
LATENCY_MS: Final = 100
THREADS: Final = 8
BATCH: Final = 200
CONFIG: Final = "[salesforce]\ncalls_per_second = 1000000\nbulk_from = {bulk}\n"

_DAYS = """
insert into mart.performance_day (employee_id, work_date, team, status, worked_minutes, late_minutes, early_minutes,
    overtime_minutes, exposure_minutes, visits_planned, visits_done, visits_verified, tasks_due, tasks_on_time,
    follow_ups, opportunities_created, opportunities_won, amount_won, performance_index, rule_version, published_at)
select 'E' || lpad((n / 250)::text, 5, '0'), date '2026-01-01' + n % 250, 'North', 'present', 480, 0, 0, 0, 480, n % 9,
    n % 5, n % 4, 2, 1, 1, 0, 0, (n % 1000) * 1.37, (n % 10000) / 100.0, '2000-1', now()
from generate_series(0, :count - 1) as n
"""
_RECEIPTS = """
insert into ops.receipt (system, kind, key, ok, crm_id, payload, outbox_id, answered_at)
select 'salesforce', 'performance', key, true, 'a01', payload, 0, now() from pg_temp.difference
"""
_RESTATE = """
update mart.performance_day set visits_done = visits_done + 1, published_at = clock_timestamp()
where ('x' || substr(md5(employee_id || work_date), 1, 8))::bit(32)::bigint % :every = 0
"""
_EMPTY = """
truncate mart.performance_day, mart.visit_check, ops.outbox, ops.receipt, ops.conflict, ops.write_batch, ops.write_mark
"""


def show(home: Path, measure: Callable[..., dict[str, Any]]) -> Table:
    """All measurements as a table; ``measure`` runs one of ours in a process of its own."""
    table = Table("what", "records", "seconds", "CPU s", "calls", "peak MB", "ratio", title="Write-back")
    for column in table.columns[1:6]:
        column.justify = "right"

    def line(name: str, told: dict[str, Any], ratio: str = "") -> None:
        peak = f"{told['peak_mb']:.0f}" + (f" + {told['server_mb']:.0f}" if told.get("server_mb") else "")
        spent = f"{told['seconds']:.2f}", f"{told['cpu_seconds']:.2f}"
        table.add_row(name, f"{told['rows']:,}", *spent, str(told.get("calls", "")), peak, ratio)

    config = home / "writeback.toml"
    config.write_text(CONFIG.format(bulk=0))
    told = {"FIELDWORK_CONFIG": str(config), "FIELDWORK_NOW": "2027-01-01T00:00:00+08:00"}
    line("difference, all records", measure("writeback", home, BENCH_WHAT="difference_all", **told))
    line("difference, a day of 1 % changed", measure("writeback", home, BENCH_WHAT="difference_day", **told))
    sandbox.down(home)
    sandbox.up(home, people=8, days=2, faults="none", rate=0, latency_ms=LATENCY_MS)
    peer = measure("writeback", home, BENCH_WHAT="bare", **told)
    line(f"bare client, {LATENCY_MS} ms a call", peer, "1")
    for name, what in (("fieldwork, new records", "create"), ("fieldwork, changed records", "update")):
        ours = measure("writeback", home, BENCH_WHAT=what, **told)
        line(name, ours, f"{ours['seconds'] / peer['seconds']:.2f}× of the bare client")
    config.write_text(CONFIG.format(bulk=1))
    jobs = measure("writeback", home, BENCH_WHAT="update", **told)
    line("fieldwork, changed records, as a job", jobs, f"{jobs['seconds'] / peer['seconds']:.2f}× of the bare client")
    return table


def main() -> None:
    """One measurement."""
    what = os.environ["BENCH_WHAT"]
    if what == "bare":
        _report(SENT, *_timed(_bare))
    elif what.startswith("difference"):
        _difference(day=what == "difference_day")
    else:
        _send(restate=what == "update")


def _difference(*, day: bool) -> None:
    """Compare a million person-days with their receipts: all of them, or what was published since."""
    settings = settings_module.load()
    engine = open_engine(settings)
    if not day:
        with engine.begin() as connection:
            connection.execute(sa.text(_EMPTY))
            connection.execute(sa.text(_DAYS), {"count": RECORDS})
            difference.stage(connection, settings, "salesforce", "performance")
            connection.execute(sa.text(_RECEIPTS))
        with engine.begin() as connection:
            connection.execute(sa.text(_RESTATE), {"every": 100})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze mart.performance_day, ops.receipt")
    with engine.connect() as connection, connection.begin() as transaction:
        pid = connection.exec_driver_sql("select pg_backend_pid()").scalar_one()
        found, *spent = _timed(
            lambda: difference.stage(connection, settings, "salesforce", "performance", everything=not day)
        )
        server_mb = _anonymous_mb(pid)
        transaction.rollback()
    _report(found.looked_at, found, *spent, server_mb=server_mb)


def _send(*, restate: bool) -> None:
    """Send 20,000 person-days that the CRM has not, or that changed."""
    settings = settings_module.load()
    engine, target = open_engine(settings), _target(settings)
    with engine.begin() as connection:
        if restate:
            connection.execute(sa.text(_RESTATE), {"every": 1})
        else:
            connection.execute(sa.text(_EMPTY))
            connection.execute(sa.text(_DAYS), {"count": SENT})
    found, *spent = _timed(
        lambda: send_difference(engine, settings, target, run_id=f"bench-{time.time_ns()}", accept_mass_change=True)
    )
    done = found["performance"]
    if done["accepted"] != SENT:
        raise SystemExit(f"{done} is not {SENT} accepted")
    _report(SENT, found, *spent, calls=target.calls)


def _target(settings: settings_module.Settings) -> CrmTarget:
    connection = _connection()
    target = build_target(
        "salesforce", session=requests.Session(), base_url=connection["host"], login=connection["login"],
        password=connection["password"], config=settings.config,
    )  # fmt: skip
    target.parallel = THREADS
    return target


def _bare() -> int:
    """The same number of batches of the same size, to the same address, and nothing else."""
    connection = _connection()
    host = urlsplit(connection["host"])
    form = urlencode(
        {"grant_type": "client_credentials", "client_id": connection["login"], "client_secret": connection["password"]}
    )
    first = http.client.HTTPConnection(host.hostname or "", host.port)
    first.request("POST", "/services/oauth2/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
    token = json.loads(first.getresponse().read())["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    path = "/services/data/v62.0/composite/sobjects/Daily_Performance__c/External_Id__c"

    def some(part: int) -> int:
        mine, done = http.client.HTTPConnection(host.hostname or "", host.port), 0
        for batch in range(part, SENT // BATCH, THREADS):
            records = [_record(n) for n in range(batch * BATCH, (batch + 1) * BATCH)]
            mine.request("PATCH", path, json.dumps({"allOrNone": False, "records": records}), headers)
            done += sum(row["success"] for row in json.loads(mine.getresponse().read()))
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(some, range(THREADS)))


def _record(n: int) -> dict[str, Any]:
    counts = ("Visits_Planned__c", "Visits_Done__c", "Visits_Verified__c", "Tasks_Due__c", "Tasks_On_Time__c",
              "Follow_Ups__c", "Opportunities_Created__c", "Opportunities_Won__c")  # fmt: skip
    return {
        "attributes": {"type": "Daily_Performance__c"}, "External_Id__c": f"B{n:05d}:2026-01-01",
        "Work_Date__c": "2026-01-01", "Attendance_Status__c": "present", "Amount_Won__c": n * 1.37,
        "Performance_Index__c": 50.5, "Rule_Version__c": "2000-1", **dict.fromkeys(counts, 3),
    }  # fmt: skip


def _connection() -> dict[str, str]:
    return dict(json.loads(Path(os.environ["FIELDWORK_CONNECTIONS"]).read_text())["fieldwork_crm"])


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work gives, its seconds and its processor seconds."""
    begun, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - begun, time.process_time() - cpu


def _anonymous_mb(pid: int) -> float:
    """Memory of its own that a process of the server holds; 0 where nobody tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def _report(rows: int, _: Any, seconds: float, cpu_seconds: float, **more: float) -> None:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_mb, **more}))


if __name__ == "__main__":
    main()
