"""A day's run reads no more rows over ten times the history; the server counts them, so no other load blurs it."""

from __future__ import annotations

import pytest

from fieldwork.warehouse import server

from .daily_run import STEPS, WARM, Warehouse

STAFF = 60


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_rows_that_a_days_run_reads_do_not_grow_with_the_history(pg_server: server.Server) -> None:
    read = []
    for name, days in (("daily_short", 30), ("daily_long", 300)):
        warehouse = Warehouse(pg_server, name, STAFF, days)
        costs = [warehouse.run(n) for n in range(WARM + 1)][WARM]
        rebuilt, late = warehouse.late_punch()
        warehouse.engine.dispose()
        assert rebuilt >= 1
        read.append({step: costs[step]["rows"] for step in STEPS} | {"late": late["rows"]})
    short, long = read
    # a short history is read through where that is cheaper than looking up: more rows then, never fewer
    grown = {step: (short[step], long[step]) for step in long if long[step] > 1.25 * short[step] + 2000}
    assert set(grown) <= {"write_back"}, grown
