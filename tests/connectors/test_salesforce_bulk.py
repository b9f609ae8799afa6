"""Jobs of the Bulk API: a job runs once it is let go, every row has its fate, and a job left behind is settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from fieldwork.connectors.base import CHANGED, BulkTarget, RowResult
from fieldwork.connectors.salesforce import SalesforceTarget
from fieldwork.connectors.salesforce.bulk import as_csv
from fieldwork.connectors.salesforce.options import options
from fieldwork.errors import BadResponse, CrmRejected, SourceUnavailable
from fieldwork.sandbox.up import Sandbox

from .sandboxed import city, company, config, salesforce_target
from .test_salesforce_target import _day, _rows

OBJECT = "Daily_Performance__c"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with city() as running:
        yield running


@pytest.fixture
def target(sandbox: Sandbox) -> SalesforceTarget:
    return salesforce_target(sandbox)


def days(count: int, **more: Any) -> pa.Table:
    return _rows("performance", *(_day(f"E{n}:2026-11-02", visits_planned=n, **more) for n in range(count)))


def test_salesforce_takes_jobs(target: SalesforceTarget) -> None:
    assert isinstance(target, BulkTarget)
    assert (target.bulk_from, target.bulk_size) == (10_000, 50_000)


def test_a_cell_is_left_alone_emptied_or_set() -> None:
    writing = options(config()).writings["performance"]
    rows = _rows(
        "performance",
        {"key": "a", "work_date": date(2026, 11, 2), "status": "present", "amount_won": Decimal("1234567.10")},
        {"key": 'b,"c"', "work_date": None, "status": None, "amount_won": Decimal("0.00")},
    )
    rows = rows.append_column("write_key", pa.array(["w1", "w2"]))
    rows = rows.append_column(CHANGED, pa.array([["work_date", "amount_won"], ["status"]]))
    assert as_csv(writing, rows).decode().splitlines() == [
        "External_Id__c,Work_Date__c,Attendance_Status__c,Amount_Won__c,Fieldwork_Write__c",
        "a,2026-11-02,,1234567.10,w1",
        '"b,""c""",,#N/A,,w2',
    ]


def test_every_row_has_its_fate_whatever_order_salesforce_tells_it_in(
    sandbox: Sandbox, target: SalesforceTarget
) -> None:
    target.upsert("performance", days(1))
    rows = days(40)
    status = pa.array(["x" * 41 if n == 7 else "late" for n in range(40)])
    bad = rows.set_column(rows.column_names.index("status"), "status", status)
    job = target.submit("performance", bad)
    assert len(sandbox.records(OBJECT)) == 1, "nothing runs before it is let go"
    keys = bad.column("key").to_pylist()
    results = target.collect("performance", job, keys)
    assert [one.key for one in results] == keys
    assert [n for n, one in enumerate(results) if not one.ok] == [7]
    assert (results[7].code, results[7].retryable) == ("STRING_TOO_LONG", False)
    assert "data value too large" in str(results[7].message)
    assert [one.created for one in results] == [n not in (0, 7) for n in range(40)]
    assert results[3].crm_id == {r["External_Id__c"]: r["Id"] for r in sandbox.records(OBJECT)}[keys[3]]
    assert target.collect("performance", job, keys) == results, "a second call gives the same"


def test_visits_are_updated_by_their_ids_with_instants(sandbox: Sandbox, target: SalesforceTarget) -> None:
    visits = company().tables["visits"]
    key = visits.filter(pa.compute.invert(visits["deleted"]))["visit_id"][0].as_py()
    at = datetime(2026, 11, 2, 1, 2, 3, tzinfo=UTC)
    row = {
        "key": key,
        "checkin_verdict": "verified",
        "checkin_at": at,
        "checkin_minutes_off": 0,
        "checkin_reason": "a\nb",
    }
    job = target.submit("visit", _rows("visit", row))
    assert target.collect("visit", job, [key]) == [RowResult(key, True, created=False, crm_id=key)]
    (live,) = target.current("visit", [key]).to_pylist()
    assert {name: live[name] for name in row} == row


def test_a_job_left_behind_before_it_was_let_go_is_stopped(sandbox: Sandbox, target: SalesforceTarget) -> None:
    rows = days(3)
    job = target.submit("performance", rows)
    assert target.recall("performance", job, rows.column("key").to_pylist()) is None
    assert sandbox.records(OBJECT) == []
    assert target.recall("performance", "750NOTHERE", []) is None


def test_a_job_left_behind_while_it_ran_is_waited_for(sandbox: Sandbox, target: SalesforceTarget) -> None:
    rows = days(3)
    keys = rows.column("key").to_pylist()
    job = target.submit("performance", rows)
    target.client.call("PATCH", f"/services/data/v62.0/jobs/ingest/{job}", {"state": "UploadComplete"})
    results = target.recall("performance", job, keys)
    assert results is not None
    assert [one.ok for one in results] == [True, True, True]
    assert len(sandbox.records(OBJECT)) == 3


def test_rows_that_a_job_did_not_come_to_may_be_sent_again(sandbox: Sandbox, target: SalesforceTarget) -> None:
    sandbox.salesforce.jobs.stop_after = 2
    rows = days(3)
    results = target.collect("performance", target.submit("performance", rows), rows.column("key").to_pylist())
    assert [(one.ok, one.retryable) for one in results] == [(True, False), (True, False), (False, True)]


def test_a_job_that_fails_before_its_first_row_is_refused_whole(sandbox: Sandbox) -> None:
    over = {"salesforce": {"write": {"performance": {"status": "Mood__c"}}}}
    target = salesforce_target(sandbox, over)
    rows = days(2)
    with pytest.raises(CrmRejected) as raised:
        target.collect("performance", target.submit("performance", rows), rows.column("key").to_pylist())
    assert (raised.value.crm_code, "Mood__c" in str(raised.value.crm_message)) == ("JOB_FAILED", True)
    assert "Mood__c" not in str(raised.value)


@pytest.mark.parametrize("fault", ["lost_answer", "status_503", "reset"])
def test_a_job_whose_making_is_in_doubt_never_runs(fault: str, sandbox: Sandbox, target: SalesforceTarget) -> None:
    sandbox.inject("/jobs/ingest", fault)
    with pytest.raises((SourceUnavailable, BadResponse)):
        target.submit("performance", days(2))
    assert sandbox.records(OBJECT) == []
    assert sandbox.calls()["/services/data/v62.0/jobs/ingest"] == 1


def test_questions_about_a_job_are_repeated(sandbox: Sandbox, target: SalesforceTarget) -> None:
    rows = days(2)
    job = target.submit("performance", rows)
    sandbox.inject("/jobs/ingest", "status_503", times=2)
    sandbox.inject("/successfulResults", "truncate")
    assert [one.ok for one in target.collect("performance", job, rows.column("key").to_pylist())] == [True, True]
    assert len(sandbox.records(OBJECT)) == 2
