"""Bad rows as systems really send them, over HTTP: each ends in quarantine with the right reason, and counts add up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from fieldwork.errors import BadResponse, CursorLoop, FieldworkError, PayloadTooLarge
from fieldwork.sandbox.dingtalk_rows import records_shelf
from fieldwork.sandbox.up import serving
from fieldwork.settings import Settings
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from tests.connectors.sandboxed import dingtalk, salesforce
from tests.sandbox.small import ACCOUNTS, USERS, at, company, staff, visits

from .rows import planned, rows_of

ADDS_UP = (
    "select stream, extracted, extracted = loaded + unchanged + quarantined + duplicate + out_of_scope"
    " from ops.batch where state = 'closed' order by stream"
)
RESULTS = "select rule, failing from ops.check_result where outcome = 'failed' and severity <> 'critical' order by rule"


def _journey(engine: Engine, settings: Settings, sources: Mapping[str, Any]) -> dict[str, Any]:
    """Extract, check and load the streams, each by its source."""
    planned(engine, settings, "run", since=date(2026, 11, 2), until=date(2026, 11, 4), streams=list(sources))
    for stream, source in sources.items():
        extract(engine, settings, source, run_id="run", stream=stream)
    check(engine, settings, run_id="run")
    return load(engine, settings, run_id="run")


#: What stands in the punch's own record (a pattern), what is sent instead, and the rule it breaks (None: it is loaded).
PUNCHES: dict[str, tuple[str, str, str | None]] = {
    "nan": ('"userLatitude":[0-9.]+', '"userLatitude":NaN', "readable"),
    "huge": ('"userAccuracy":10', '"userAccuracy":1e400', "readable"),
    "text": ('"userCheckTime":[0-9]+', '"userCheckTime":"soon"', "readable"),
    "seconds": ('"userCheckTime":([0-9]+)000', r'"userCheckTime":\1', "readable"),
    "surrogate": ('"here"', r'"\\ud800"', "readable"),
    "nul": ('"here"', r'"a\\u0000b"', "readable"),
    "no time": ('"userCheckTime":[0-9]+,', "", "time_given"),
    "new kind": ('"OnDuty"', '"Lunch"', "kind_known"),
    "nobody": ('"userId":"u0"', '"userId":"u9"', "owner_known"),
    "dirty": ('"userId":"u0"', '"userId":"u\u200b0"', "owner_clean"),
    "swapped": ('"userLatitude":[0-9.]+', '"userLatitude":121.4', "latitude_in_range"),
    "millionfold": ('"userLongitude":[0-9.]+', '"userLongitude":121400000', "longitude_in_range"),
    "far day": ('"workDate":[0-9]+', '"workDate":1388534400000', "day_agrees"),
    "key twice": ('"userId":"u0"', '"userId":"u8","userId":"u0"', None),
    "null island": (
        '"userLatitude":[0-9.]+,"userLongitude":[0-9.]+', '"userLatitude":0,"userLongitude":0', None
    ),
    "inaccurate": ('"userAccuracy":10', '"userAccuracy":5000', None),
    "formula": ('"here"', '"=HYPERLINK(1)"', None),
    "good": ("", "", None),
}  # fmt: skip


def test_punches(warehouse: Engine, settings: Settings) -> None:
    begin = at("2026-11-02 09:00:00")
    rows = [
        {
            "record_id": str(n), "user_id": "u0", "punched_at": begin + timedelta(minutes=n), "kind": "in",
            "latitude": 31.0, "longitude": 121.0, "accuracy_m": 10.0, "place": "here", "device_id": name,
            "work_date": date(2026, 11, 2),
        }
        for n, name in enumerate(PUNCHES, start=1)
    ]  # fmt: skip
    there = company(employees=staff(1), punches=rows)
    with serving(there) as sandbox:
        source = dingtalk(sandbox, {"dingtalk": {"checkins": False}})
        sandbox.inject("/attendance/listRecord", "rewrite", times=99, pairs=_pairs(there.tables["punches"]))
        counts = _journey(warehouse, settings, {"employees": source, "punches": source})["punches"]
    aside = "select payload ->> 'device_id', rule from ops.quarantine"
    assert dict(rows_of(warehouse, aside)) == {
        name: f"punches.{rule}" for name, (_, _, rule) in PUNCHES.items() if rule is not None
    }
    kept = dict(rows_of(warehouse, "select device_id, place from core.punch join place.punch_place using (record_id)"))
    assert kept.keys() == {name for name, (_, _, rule) in PUNCHES.items() if rule is None}
    assert kept["formula"] == "=HYPERLINK(1)"
    assert rows_of(warehouse, "select employee_no from core.employee") == [("000",)], "leading zeros are kept"
    assert rows_of(warehouse, ADDS_UP) == [("employees", 1, True), ("punches", len(PUNCHES), True)]
    assert (counts["loaded"], counts["quarantined"]) == (5, 13)
    assert (
        dict(rows_of(warehouse, RESULTS)).items()
        >= {"punches.accuracy_usable": 1, "punches.not_null_island": 1}.items()
    )


def _pairs(punches: pa.Table) -> list[tuple[str, str]]:
    """Each punch's own record as it stands on the wire, and as it is to be sent."""
    wire = b"".join(bytes(piece) for piece in records_shelf(punches).pieces).decode()
    records = re.findall(r"{[^{}]+}", wire)
    found = []
    for name, (pattern, sent, _) in PUNCHES.items():
        (record,) = [one for one in records if f'"deviceId":"{name}"' in one]
        changed, times = re.subn(pattern, sent, record, count=1)
        assert times == 1, (name, record)
        found.append((record, changed))
    return found


VISITS: dict[str, tuple[str, str, str | None]] = {
    "00U0": ('"StartDateTime":"[^"]+"', '"StartDateTime":"2026-11-02 10:00"', "readable"),
    "00U1": ('"StartDateTime":"[^"]+"', '"StartDateTime":"+1e9"', "readable"),
    "00U2": ('"Visit_Status__c":"Planned"', '"Visit_Status__c":"Postponed"', "status_known"),
    "00U3": ('"Visit_Status__c":"Planned"', '"Visit_Status__c":null', "status_given"),
    "00U4": ('"OwnerId":"005A"', '"OwnerId":"005Z"', "owner_known"),
    "00U5": ('"OwnerId":"005A"', '"OwnerId":""', "owner_given"),
    "00U6": ('"AccountId":"001A"', '"AccountId":"001Z"', "account_known"),
    "00U7": ('"EndDateTime":"2026', '"EndDateTime":"2025', "planned_in_order"),
    "00U8": ('"SystemModstamp":"2026', '"SystemModstamp":"2036', "modified_not_future"),
    "00U9": ('"Id":"00U9"', '"Id":"00U\\\\t9"', "key_clean"),
    "00UA": ('"IsDeleted":false', '"IsDeleted":"perhaps"', "readable"),
    "00UB": ('"Id":"00UB"', '"Id":"00UC"', None),
    "00UC": ("", "", None),
}  # fmt: skip


def test_visits(warehouse: Engine, settings: Settings) -> None:
    modified = at("2026-11-01 08:00:00")
    rows = [
        {
            "visit_id": key, "owner_id": "005A", "account_id": "001A", "planned_start": at("2026-11-02 14:00:00"),
            "planned_end": at("2026-11-02 15:00:00"), "status": "planned", "deleted": False,
            "modified_at": modified + timedelta(seconds=n),
        }
        for n, key in enumerate(VISITS)
    ]  # fmt: skip
    pairs = []
    with serving(company(employees=staff(1), crm_users=USERS, accounts=ACCOUNTS, visits=rows)) as sandbox:
        source = salesforce(sandbox)
        people = dingtalk(sandbox)
        page = source.client.read(_first_query(source)).body.decode()
        for key, (pattern, sent, _) in VISITS.items():
            (record,) = re.findall(rf'{{"attributes":{{[^}}]*}}[^}}]*"Id":"{key}"[^}}]*}}', page)
            changed, times = re.subn(pattern, sent, record, count=1)
            assert times == 1, (key, record)
            pairs.append((record, changed))
        sandbox.inject("/queryAll", "rewrite", times=99, pairs=pairs)
        counts = _journey(
            warehouse, settings, {"employees": people, "crm_users": source, "accounts": source, "visits": source}
        )["visits"]
    aside = rows_of(warehouse, "select key, rule from ops.quarantine")
    assert {key.replace("\t", ""): rule for key, rule in aside} == {
        key: f"visits.{rule}" for key, (_, _, rule) in VISITS.items() if rule is not None
    }
    assert rows_of(warehouse, "select visit_id from core.visit") == [("00UC",)]
    assert (counts["loaded"], counts["duplicate"], counts["quarantined"]) == (1, 1, 11)
    assert {row[2] for row in rows_of(warehouse, ADDS_UP)} == {True}


def _first_query(source: Any) -> str:
    """The path of the first page of visits, as the source asks for it."""
    reading = source._options.readings["visits"]
    fields = ", ".join(dict.fromkeys(reading.fields.values()))
    query = f"SELECT {fields} FROM Event WHERE (IsChild = false) ORDER BY SystemModstamp, Id"
    return f"{source._options.base}/queryAll?{urlencode({'q': query})}"


def test_records_of_one_second_over_the_border_of_a_page_are_all_loaded(warehouse: Engine, settings: Settings) -> None:
    rows = [row | {"modified_at": at("2026-11-01 08:00:00")} for row in visits(450)]
    with serving(company(employees=staff(1), crm_users=USERS, accounts=ACCOUNTS, visits=rows)) as sandbox:
        crm = salesforce(sandbox, {"salesforce": {"page_size": 200}})
        sources = {"employees": dingtalk(sandbox), "crm_users": crm, "accounts": crm, "visits": crm}
        assert _journey(warehouse, settings, sources)["visits"]["loaded"] == 450
        planned(warehouse, settings, "again", since=date(2026, 11, 2), until=date(2026, 11, 4), streams=["visits"])
        extract(warehouse, settings, crm, run_id="again", stream="visits")
        check(warehouse, settings, run_id="again")
        counts = load(warehouse, settings, run_id="again")["visits"]
    assert (counts["unchanged"], counts["touched"]) == (450, 0), "all of that second are read again, none is news"


def test_a_page_that_comes_twice_is_a_typed_error(warehouse: Engine, settings: Settings) -> None:
    with serving(company(crm_users=USERS, accounts=ACCOUNTS, visits=visits(450))) as sandbox:
        sandbox.inject("/query", "duplicate_page", after=2)
        source = salesforce(sandbox, {"salesforce": {"page_size": 200}})
        planned(warehouse, settings, "run", since=date(2026, 11, 2), until=date(2026, 11, 4))
        with pytest.raises(CursorLoop):
            extract(warehouse, settings, source, run_id="run", stream="visits")
    assert rows_of(warehouse, "select count(*) from staging.b1") == [(0,)]


@pytest.mark.parametrize(
    ("pair", "kind"),
    [
        (("here", "\udcff\udcfe"), BadResponse),  # no UTF-8
        (('"recordresult":', '"recordresult":' + "[" * 100_000), PayloadTooLarge),  # nested without end
        (('"recordresult":[', '"recordresult":{'), BadResponse),  # no JSON any more
    ],
    ids=["no-utf8", "deep", "no-json"],
)
def test_a_page_that_cannot_be_read_is_a_typed_error_and_nothing_of_it_is_staged(
    warehouse: Engine, settings: Settings, pair: tuple[str, str], kind: type[FieldworkError]
) -> None:
    punch = {"record_id": "1", "user_id": "u0", "punched_at": at("2026-11-02 09:00:00"), "kind": "in", "place": "here"}
    with serving(company(employees=staff(1), punches=[punch])) as sandbox:
        sandbox.inject("/attendance/listRecord", "rewrite", times=99, pairs=[pair])
        source = dingtalk(sandbox, {"dingtalk": {"checkins": False}})
        planned(warehouse, settings, "run", since=date(2026, 11, 2), until=date(2026, 11, 4))
        with pytest.raises(kind):
            extract(warehouse, settings, source, run_id="run", stream="punches")
    assert rows_of(warehouse, "select state, extracted from ops.batch") == [("open", 0)]
    assert rows_of(warehouse, "select count(*) from staging.b1") == [(0,)]
