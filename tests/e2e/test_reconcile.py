"""`fieldwork reconcile` as a person gives it: quiet when all is there, exit code 1 when not, and `--repair`."""

from __future__ import annotations

import psycopg
import pytest

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
