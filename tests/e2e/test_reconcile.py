"""`fieldwork reconcile` as a person gives it: quiet when all is there, exit code 1 when not, and `--repair`."""

from __future__ import annotations

import psycopg
import pytest

from fieldwork.errors import DagFailed
from fieldwork.orchestration.dag_run import run_dag
from fieldwork.settings import load

from .conftest import Journey

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DAYS = ("--since", "2026-11-02", "--until", "2026-12-01")


def test_compared_spoilt_and_repaired(journey: Journey) -> None:
    assert journey.run() == 0
    assert journey.fieldwork("reconcile", *DAYS) == 0, journey.said()
    before = journey.mart()
    with psycopg.connect(journey.database_url) as connection:
        row = "delete from core.{} where {} = (select min({}) from core.{}) returning {}"
        lost = [
            str(connection.execute(row.format(t, k, k, t, k)).fetchone()[0])  # type: ignore[arg-type,index]
            for t, k in (("punch", "record_id"), ("task", "task_id"))
        ]
    assert journey.fieldwork("reconcile", *DAYS, "--quick") == 1
    said = journey.said()
    assert "[NotReconciled]" in said or "NotReconciled" in said
    assert all(key in said for key in lost)
    assert journey.fieldwork("reconcile", *DAYS, "--repair") == 0, journey.said()
    assert journey.ask("select distinct status from ops.reconcile_finding") == [("repaired",)]
    assert journey.mart() == before
    assert journey.fieldwork("reconcile", "--streams", "nothing") == 2


def test_the_dag_fails_when_something_is_missing_and_repairs_when_told_to(journey: Journey) -> None:
    assert journey.run() == 0
    settings = load(
        {
            "FIELDWORK_HOME": str(journey.home),
            "FIELDWORK_WAREHOUSE_URL": journey.database_url,
            "FIELDWORK_CONFIG": str(journey.home / "sandbox" / "company.toml"),
            "FIELDWORK_CONNECTIONS": str(journey.home / "sandbox" / "connections.json"),
            "FIELDWORK_NOW": "2026-11-08T02:30:00+08:00",
        }
    )
    days = {"since": "2026-11-02", "until": "2026-12-01"}
    with psycopg.connect(journey.database_url) as connection:
        connection.execute("delete from core.punch where record_id = (select min(record_id) from core.punch)")
    with pytest.raises(DagFailed, match=r"judge: \[NotReconciled\].* 1 records: punches .*\(missing\)"):
        run_dag("reconcile_nightly", days, settings=settings)
    assert journey.ask("select state from ops.run where kind = 'reconcile'") == [("failed",)]
    run = run_dag("reconcile_nightly", days | {"repair": True}, settings=settings)
    assert set(run.tasks.values()) == {"success"}
    assert journey.ask("select kind, status from ops.reconcile_finding") == [("missing", "repaired")]
