"""A source that changes its records: noticed, named, printed as a difference; old data stays, and one can go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.connectors.base import Source
from fieldwork.errors import BatchRuleFailed
from fieldwork.quality import batch_field
from fieldwork.quality.acceptance import Acceptance
from fieldwork.sandbox.up import Sandbox
from fieldwork.settings import Settings
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger
from tests.connectors.sandboxed import city, company, dingtalk, salesforce

from .rows import planned, rows_of

CHANGED = "select field, change from ops.batch_field where change <> 'same' order by field"
FAILED = (
    "select rule, severity, keys from ops.check_result where dataset = 'fields' and outcome = 'failed'"
    " and run_id = 'after' order by rule"
)
LOADED = "select md5(string_agg(t::text, '|' order by t::text)) from core.{} as t"
PEOPLE = "/topapi/v2/user/list"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with city() as running:
        yield running


@pytest.fixture(autouse=True)
def as_it_was(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.clear()


def _extracted(engine: Engine, settings: Settings, sandbox: Sandbox, run_id: str, *streams: str) -> None:
    """The streams into staging, by sources that have seen nothing yet."""
    planned(engine, settings, run_id, since=company().since, until=date(2026, 11, 7), streams=list(streams), full=True)
    sources: dict[str, Source] = {"attendance": dingtalk(sandbox), "crm": salesforce(sandbox)}
    for stream in streams:
        extract(engine, settings, sources[STREAMS[stream].side], run_id=run_id, stream=stream)


def _loaded(engine: Engine, settings: Settings, sandbox: Sandbox, run_id: str, *streams: str) -> None:
    _extracted(engine, settings, sandbox, run_id, *streams)
    check(engine, settings, run_id=run_id)
    load(engine, settings, run_id=run_id)


def test_every_stream_is_known_after_its_first_batch_and_the_same_again_is_no_news(
    warehouse: Engine, settings: Settings, sandbox: Sandbox
) -> None:
    _loaded(warehouse, settings, sandbox, "before", *STREAMS)
    known = "select stream, mapped, kinds, looked_at > 10, present = looked_at from ops.known_field where field = "
    assert rows_of(warehouse, f"{known} '/attendance/listRecord userCheckTime'") == [
        ("punches", True, ["number"], True, True)
    ]
    assert rows_of(warehouse, f"{known} '/attendance/listRecord corpId'") == [("punches", False, ["text"], True, True)]
    assert rows_of(warehouse, f"{known} 'Event StartDateTime'") == [("visits", True, ["datetime"], True, True)]
    streams = dict(rows_of(warehouse, "select stream, count(*) from ops.known_field where present > 0 group by 1"))
    assert streams.keys() == STREAMS.keys()
    _loaded(warehouse, settings, sandbox, "after", "employees", "visits")
    assert rows_of(warehouse, FAILED) == []
    assert rows_of(warehouse, "select count(*) from ops.batch_field") == [(0,)], "what is known is not kept again"
    (total,) = rows_of(
        warehouse, "select sum(total) from ops.check_result where rule = 'fields.new' and run_id = 'after'"
    )
    assert total[0] > 30


def test_an_attendance_system_of_another_version(warehouse: Engine, settings: Settings, sandbox: Sandbox) -> None:
    _loaded(warehouse, settings, sandbox, "before", "employees")
    before = rows_of(warehouse, LOADED.format("employee"))
    sandbox.inject(
        PEOPLE, "reshape", times=9999, drop=["admin"], retype=["hired_date", "active"],
        rename={"job_number": "jobNo"}, add={"badge": "7", "unionid": "x" * 300},
    )  # fmt: skip
    _extracted(warehouse, settings, sandbox, "after", "employees")
    with pytest.raises(
        BatchRuleFailed, match=r"Rules about whole batches failed: fields\.missing: .*; fields\.retyped: "
    ) as refused:
        check(warehouse, settings, run_id="after")
    assert rows_of(warehouse, CHANGED) == [
        (f"{PEOPLE} {name}", change)
        for name, change in (
            ("active", "changed"), ("admin", "gone"), ("badge", "new"), ("hired_date", "retyped"),
            ("jobNo", "new"), ("job_number", "missing"), ("unionid", "longer"),
        )
    ]  # fmt: skip
    assert rows_of(warehouse, FAILED) == [
        (f"fields.{rule}", severity, [f"{PEOPLE} {name}" for name in names])
        for rule, severity, *names in (
            ("gone", "warning", "admin"), ("longer", "info", "unionid"), ("missing", "critical", "job_number"),
            ("new", "info", "active", "badge", "jobNo"), ("retyped", "critical", "hired_date"),
        )
    ]  # fmt: skip
    for line in (
        f"{PEOPLE} job_number: text -> nothing (missing)",
        f"{PEOPLE} hired_date: number -> text (retyped)",
        f"{PEOPLE} jobNo: nothing -> text (new)",
        f"{PEOPLE} job_number may have been renamed to jobNo",
    ):
        assert line in refused.value.happened
    names = company().tables["employees"]["name"].to_pylist()
    assert not any(name in str(refused.value) for name in names if name)
    assert rows_of(warehouse, LOADED.format("employee")) == before, "old data is untouched"
    assert rows_of(warehouse, "select state from ops.batch where run_id = 'after'") == [("extracted",)]

    both = frozenset(["fields.missing", "fields.retyped"])
    check(warehouse, settings, run_id="after", accepted=Acceptance(both, by="ann", why="the mapping follows"))
    load(warehouse, settings, run_id="after")
    accepted = "select distinct accepted_by from ops.check_result where accepted_by is not null"
    assert rows_of(warehouse, accepted) == [("ann: the mapping follows",)]
    assert rows_of(warehouse, "select who, action, purpose, detail ->> 'rules' from ops.audit_log") == [
        ("ann, run after", "accept failed rules", "the mapping follows", '["fields.missing", "fields.retyped"]')
    ]
    _loaded(warehouse, settings, sandbox, "third", "employees")  # told of once: what is gone is forgotten


def test_a_crm_whose_object_was_changed(warehouse: Engine, settings: Settings, sandbox: Sandbox) -> None:
    _loaded(warehouse, settings, sandbox, "before", "crm_users", "accounts", "visits")
    before = rows_of(warehouse, LOADED.format("visit"))
    sandbox.inject(
        "/sobjects/Event/describe", "reshape", times=9999, drop=["Subject", "Actual_End__c"],
        retype=["StartDateTime"], add={"Mood__c": ""},
    )  # fmt: skip
    _extracted(warehouse, settings, sandbox, "after", "visits")
    with pytest.raises(BatchRuleFailed, match=r"Event StartDateTime: datetime -> text \(retyped\)"):
        check(warehouse, settings, run_id="after")
    assert rows_of(warehouse, CHANGED) == [
        ("Event Actual_End__c", "missing"), ("Event Mood__c", "new"), ("Event StartDateTime", "retyped"),
        ("Event Subject", "gone"),
    ]  # fmt: skip
    assert rows_of(warehouse, LOADED.format("visit")) == before


FIELD = "/attendance/listRecord deviceId"


@pytest.mark.parametrize(
    ("share", "looked_at", "change"),
    [
        (0.5, 4, "same"),  # half of the records have it: four without prove nothing
        (0.5, 40, "gone"),  # forty without are no accident, but days off may lack what working days have
        (0.995, 9, "gone"),
        (0.995, 10, "missing"),
        (0.0, 1000, "same"),  # it never was there
    ],
)
def test_few_records_without_a_field_prove_nothing(
    warehouse: Engine, settings: Settings, share: float, looked_at: int, change: str
) -> None:
    planned(warehouse, settings, "run")
    seen: dict[str, Any] = {"name": FIELD, "mapped": True, "kinds": [], "present": 0, "longest": 0}
    with warehouse.begin() as connection:
        run = ledger.read_run(connection, "run")
        window = ledger.Window(None, run.as_of)
        batch = ledger.open_batch(connection, run_id="run", system="dingtalk", stream="punches", window=window)
        connection.execute(
            sa.text(
                "insert into ops.known_field"
                " values ('dingtalk', 'punches', :field, true, '{}', 1000, :present, 0, 1, 1)"
            ),
            {"field": FIELD, "present": int(share * 1000)},
        )
        batch_field.note(connection, batch.batch_id, [seen | {"looked_at": looked_at}])
        batch_field.compare(connection, batch)
    assert rows_of(warehouse, "select field, change from ops.batch_field") == [(FIELD, change)]
