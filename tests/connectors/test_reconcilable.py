"""What the two systems say when they are only asked which records they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from fieldwork.connectors.base import Days, Reconcilable
from fieldwork.connectors.keys import keys_of
from fieldwork.connectors.salesforce import counting
from fieldwork.connectors.salesforce.options import options
from fieldwork.sandbox.up import Sandbox
from fieldwork.streams import STREAMS
from tests.connectors.sandboxed import city, company, config, dingtalk, salesforce
from tests.sandbox.small import at

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = Days(company().since, company().until)


@pytest.fixture(scope="module")
def servers() -> Iterator[Sandbox]:
    with city() as sandbox:
        yield sandbox


def _batch(stream: str, **row: Any) -> pa.RecordBatch:
    schema = STREAMS[stream].schema
    return pa.RecordBatch.from_pylist([{name: row.get(name) for name in schema.names}], schema=schema)


@pytest.mark.parametrize(
    ("stream", "row", "day", "measure"),
    [
        ("punches", {"punched_at": at("2026-11-02 23:59:59")}, date(2026, 11, 2), None),
        ("punches", {"punched_at": at("2026-11-03 00:00:00")}, date(2026, 11, 3), None),
        ("tasks", {"due_on": date(2026, 11, 2)}, date(2026, 11, 2), None),
        ("accounts", {}, None, None),
        ("leave", {"start_at": at("2026-11-02 09:00:00"), "end_at": at("2026-11-02 10:00:59")}, date(2026, 11, 2), 60),
        ("visits", {"planned_start": at("2026-11-02 09:00:00")}, date(2026, 11, 2), None),
        ("opportunities", {"amount": Decimal("1.25")}, None, Decimal("1.25")),
    ],
)
def test_a_key_has_the_day_and_measure_of_its_record(stream: str, row: Any, day: Any, measure: Any) -> None:
    key = keys_of(_batch(stream, **row, out_of_scope="why"), STREAMS[stream], ZONE).to_pylist()[0]
    assert (key["day"], key["measure"], key["out_of_scope"]) == (day, measure, "why")


def test_both_systems_can_be_compared(servers: Sandbox) -> None:
    assert isinstance(dingtalk(servers), Reconcilable)
    assert isinstance(salesforce(servers), Reconcilable)


def _keys(source: Any, stream: str, people: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    rows = [row for part in source.keys(stream, DAYS, people) for batch in part.read() for row in batch.to_pylist()]
    return {row["key"]: row for row in rows}


def test_salesforce_counts_what_it_lists(servers: Sandbox) -> None:
    source = salesforce(servers)
    counted = {row["day"]: row["rows"] for row in source.totals("visits", DAYS).to_pylist()}
    listed = _keys(source, "visits")
    alive = [row for row in servers.records("Event") if not row["IsDeleted"] and row["StartDateTime"]]
    assert sum(counted.values()) == len(alive) >= len(listed) > 0
    assert {row["day"] for row in listed.values()} <= {DAYS.since + timedelta(days=n) for n in range(5)}
    everybody = source.totals("crm_users", DAYS).to_pylist()
    assert everybody == [{"day": None, "rows": len(servers.records("User")), "sum": None}]


def test_salesforce_is_asked_by_key_for_what_lies_in_the_bin_too(servers: Sandbox) -> None:
    table = company().tables["visits"]
    binned = table["visit_id"][0].as_py()
    flags = pa.array([key == binned for key in table["visit_id"].to_pylist()])
    spoilt = table.set_column(table.schema.get_field_index("deleted"), "deleted", flags)
    servers.salesforce.load(replace(company(), tables={**company().tables, "visits": spoilt}))
    found = [row for batch in salesforce(servers).lookup("visits", [binned, "nothing"]) for row in batch.to_pylist()]
    assert [(row["key"], row["deleted"]) for row in found] == [(binned, True)]
    assert binned not in _keys(salesforce(servers), "visits")
    servers.salesforce.load(company())


def test_an_org_that_does_not_group_by_a_field_is_not_counted(servers: Sandbox) -> None:
    servers.inject("/queryAll", "status", status=400, body=[{"errorCode": "MALFORMED_QUERY", "message": "no group"}])
    assert salesforce(servers).totals("visits", DAYS) is None
    servers.clear()


def test_a_long_span_is_counted_in_parts_and_records_without_a_day_once() -> None:
    reading = options(config()).readings["visits"]
    queries = list(counting.totals(STREAMS["visits"], reading, Days(date(2016, 1, 1), date(2026, 1, 1))))
    assert len(queries) == 3
    assert [query.count("StartDateTime != null") for query in queries] == [0, 1, 1]
    assert all("GROUP BY DAY_ONLY(StartDateTime)" in query and "IsDeleted = false" in query for query in queries)
    assert "2016-01-01T00:00:00Z" in queries[0] and "2026-01-01T00:00:00Z" in queries[2]


def test_dingtalk_reads_again_and_counts_nothing(servers: Sandbox) -> None:
    source = dingtalk(servers)
    assert source.totals("punches", DAYS) is None
    assert source.lookup("punches", ["1"]) is None
    assert (source.remembers("punches"), source.remembers("leave")) == (179, None)
    assert {row["day"] for row in _keys(source, "punches").values()} == {
        DAYS.since + timedelta(days=n) for n in range(5)
    }


def test_people_who_are_not_listed_are_asked_for_and_known_or_not(servers: Sandbox) -> None:
    source = dingtalk(servers, {"dingtalk": {"also_user_ids": ["ghost"]}})
    asked = source.asked("punches", ["leaver"])
    assert {"ghost", "leaver", "u00001"} <= set(asked)
    assert source.asked("employees", ["leaver"]) == []
    servers.clear()
    assert source.unknown("punches", DAYS, ["ghost", "leaver", "u00001"]) == ["ghost", "leaver"]
    assert servers.calls()["/topapi/attendance/getupdatedata"] == 2  # those who are listed are not asked about
    assert salesforce(servers).asked("visits", ["x"]) == salesforce(servers).unknown("visits", DAYS, ["x"]) == ()
