"""``make bench``: rows per second and peak memory, side by side with a bare loop over the same bytes, as ratios; then
write-back, beside a bare client.

Seconds of the clock are the promise; the reader's own processor seconds beside them tell a busy machine from a slower
reader.

A city of over a million punches is served by a process of its own; each measurement is a process of its own too, so
that its peak memory is its own. Options by environment: BENCH_PEOPLE, BENCH_DAYS, BENCH_ROUNDS. At the end a day's run
over one and over ten times the history (daily_run.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from fieldwork.sandbox import up as sandbox
from fieldwork.warehouse import server

from . import daily_run, writeback

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "5000"))
DAYS = int(os.environ.get("BENCH_DAYS", "50"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
#: Punches in the window: the rate budget is lifted, 签到 (another API, ten people a call) is left out.
CONFIG = "[dingtalk]\ncheckins = false\ncalls_per_second = 1000000\n"
#: Measured limit of a loop that turns pages into lines by replacing bytes, which breaks on a string that holds `},{`.
UNSAFE_ROWS_PER_SECOND = 1_705_000 / 4.7

console = Console(highlight=False, width=120)


def measure(what: str, home: Path, **more: str) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    environment = os.environ | {
        "FIELDWORK_HOME": str(home),
        "FIELDWORK_CONFIG": str(home / "bench.toml"),
        "FIELDWORK_CONNECTIONS": str(home / "sandbox" / "connections.json"),
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{what}"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{what} failed:\n{done.stdout}{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def serve(home: Path, latency_ms: int) -> sandbox.Running:
    """The city, from a process of its own."""
    return sandbox.up(home, people=PEOPLE, days=DAYS, faults="usual", rate=0, latency_ms=latency_ms)


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The quickest round; its peak is the highest of all rounds."""
    quickest = min(rounds, key=lambda r: r["seconds"])
    return quickest | {"peak_mb": max(r["peak_mb"] for r in rounds)}


def row(table: Table, name: str, m: dict[str, Any], ratio: str) -> None:
    """One line of the table."""
    rate = m["rows"] / m["seconds"]
    spent = f"{m['seconds']:.2f}", f"{m['cpu_seconds']:.2f}"
    table.add_row(name, f"{m['rows']:,}", *spent, f"{rate:,.0f}", f"{m['peak_mb']:.0f}", ratio)


def main() -> None:
    """Measure and print."""
    home = Path(tempfile.mkdtemp(prefix="fieldwork-bench-"))
    home.chmod(0o755)
    try:
        (home / "bench.toml").write_text(CONFIG)
        running = serve(home, 0)
        span = {
            "BENCH_SINCE": str(running.since),
            "BENCH_UNTIL": str(running.until),
            "FIELDWORK_NOW": f"{running.until + timedelta(days=2)}T00:00:00+08:00",
        }
        table = Table("what", "rows", "seconds", "CPU s", "rows/s", "peak MB", "ratio")
        table.title = f"{PEOPLE:,} people, {DAYS} days"
        for column in table.columns[1:6]:
            column.justify = "right"
        ours, paged, streamed = [], [], []
        for _ in range(ROUNDS):  # alternating: what else the machine does falls on all
            paged.append(measure("bare", home, BENCH_COPY="page", **span))
            ours.append(measure("http_to_staging", home, **span))
            streamed.append(measure("bare", home, **span))
        peer, mine, limit = best(paged), best(ours), best(streamed)
        row(table, "bare loop, a COPY a page", peer, "1")
        row(table, "fieldwork: HTTP → staging", mine, f"{mine['seconds'] / peer['seconds']:.2f}× of the bare loop")
        row(table, "bare loop, one COPY a thread", limit, f"{mine['seconds'] / limit['seconds']:.2f}× is ours")
        unsafe = mine["rows"] / UNSAFE_ROWS_PER_SECOND
        table.add_row(
            "unsafe limit, measured elsewhere",
            f"{mine['rows']:,}",
            f"{unsafe:.2f}",
            "",
            f"{UNSAFE_ROWS_PER_SECOND:,.0f}",
            "362",
            f"{mine['seconds'] / unsafe:.2f}× is ours",
        )
        bare_checks, gx_checks = [], []
        for _ in range(ROUNDS):
            bare_checks.append(measure("checks", home, BENCH_CHECKS="bare", **span))
            gx_checks.append(measure("checks", home, BENCH_CHECKS="gx", **span))
        by_hand, by_gx = best(bare_checks), best(gx_checks)
        row(table, "23 predicates as bare SQL, one pass", by_hand, "1")
        row(
            table, "fieldwork: the same rules by GX", by_gx, f"{by_gx['seconds'] / by_hand['seconds']:.2f}× of bare SQL"
        )
        row(table, "fieldwork: the whole check step", measure("checks", home, BENCH_CHECKS="step", **span), "")
        row(table, "fieldwork: staging → core (first)", measure("staging_to_core", home, **span), "")
        sandbox.down(home)
        serve(home, 50)
        chain = measure("http_to_staging", home, BENCH_PARALLEL="1", **span)
        sliced = measure("http_to_staging", home, **span)
        row(table, "50 ms a page, one slice after another", chain, "1")
        row(table, "50 ms a page, slices in parallel", sliced, f"{chain['seconds'] / sliced['seconds']:.1f}× quicker")
        console.print(table)
        console.print(writeback.show(home, measure))
    finally:
        sandbox.down(home)
        server.remove(home)
        shutil.rmtree(home, ignore_errors=True)
    daily_run.main(console)


if __name__ == "__main__":
    main()
