"""The notes beside staged rows: what no single column can tell is marked, and nothing else is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.quality import annotate, marks
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import core
from tests.steps.rows import RowSource, at, loaded, planned

DAY = date(2026, 11, 2)


def _marked(engine: Engine, settings: Settings, column: str, **streams: list[dict[str, Any]]) -> list[str]:
    """Stage the streams in one run; the keys of the first one's rows in which ``column`` is false. Marked twice."""
    from fieldwork.steps.extract import extract

    planned(engine, settings, "now")
    name = next(iter(streams))
    for stream, rows in streams.items():
        system = {"attendance": "dingtalk", "crm": "salesforce"}[STREAMS[stream].side]
        extract(engine, settings, RowSource(system, **{stream: [rows]}), run_id="now", stream=stream)
    with engine.begin() as connection:
        (batch,) = ledger.batches(connection, "now", stream=name)
        staged = staging.table(STREAMS[name], batch.batch_id)
        for _ in range(2):
            annotate.mark_unknown(connection, STREAMS[name], batch)
            marks.mark(connection, STREAMS[name], batch)
        key = staged.c[STREAMS[name].key]
        assert connection.execute(sa.select(sa.func.count()).where(staged.c[column])).scalar_one() == 0
        return list(connection.execute(sa.select(key).where(~staged.c[column]).order_by(key)).scalars())


def test_a_manager_is_known_from_the_same_list_or_from_an_earlier_one(warehouse: Engine, settings: Settings) -> None:
    loaded(warehouse, settings, "before", "dingtalk", employees=[{"user_id": "boss"}])
    people = [
        {"user_id": "u1", "manager_user_id": "boss"},
        {"user_id": "u2", "manager_user_id": "u1"},
        {"user_id": "u3", "manager_user_id": "nobody"},
        {"user_id": "u4"},
    ]
    assert _marked(warehouse, settings, "manager_known", employees=people) == ["u3"]


def test_an_employee_number_that_lost_its_zeros(warehouse: Engine, settings: Settings) -> None:
    before = [{"user_id": f"u{n}", "employee_no": number} for n, number in enumerate(("007", "070", "7", None))]
    loaded(warehouse, settings, "before", "dingtalk", employees=before)
    now = [{"user_id": f"u{n}", "employee_no": number} for n, number in enumerate(("7", "070", "8", "9"))]
    assert _marked(warehouse, settings, "number_kept", employees=now) == ["u0"]


def test_a_crm_user_whom_nobody_knows(warehouse: Engine, settings: Settings) -> None:
    loaded(
        warehouse, settings, "before", "dingtalk",
        employees=[{"user_id": "u1", "employee_no": "001", "email": "ann@example.com"}],
    )  # fmt: skip
    users = [
        {"crm_user_id": "by number", "employee_no": "001"},
        {"crm_user_id": "by mail", "email": "ann@example.com"},
        {"crm_user_id": "by mobile in this run", "mobile": "8613900000000"},
        {"crm_user_id": "by nothing", "employee_no": "002", "email": "x@example.com"},
        {"crm_user_id": "without anything"},
    ]
    people = [{"user_id": "u2", "mobile": "8613900000000"}]
    assert _marked(warehouse, settings, "person_linked", crm_users=users, employees=people) == [
        "by nothing",
        "without anything",
    ]


def test_an_account_whose_owner_nobody_knows(warehouse: Engine, settings: Settings) -> None:
    accounts = [{"account_id": "a1", "owner_id": "c1"}, {"account_id": "a2", "owner_id": "c2"}, {"account_id": "a3"}]
    marked = _marked(warehouse, settings, "owner_known", accounts=accounts, crm_users=[{"crm_user_id": "c1"}])
    assert marked == ["a2"]


def test_a_punch_far_from_the_day_that_the_source_states(warehouse: Engine, settings: Settings) -> None:
    punched = {
        "on it": "2026-11-02 09:00", "night before": "2026-11-01 22:00", "night after": "2026-11-03 06:00",
        "a week later": "2026-11-09 09:00", "days before": "2026-10-31 09:00",
    }  # fmt: skip
    punches = [
        {"record_id": name, "user_id": "u1", "punched_at": at(when), "kind": "in", "work_date": DAY}
        for name, when in punched.items()
    ]
    punches.append({"record_id": "no day", "user_id": "u1", "punched_at": at("2030-01-01 09:00"), "kind": "in"})
    assert _marked(warehouse, settings, "day_agrees", punches=punches) == ["a week later", "days before"]


@pytest.mark.parametrize(("stream", "missing"), [("visits", "planned_hours"), ("punches", "day_agrees")])
def test_a_table_that_an_earlier_version_staged_is_completed(warehouse: Engine, stream: str, missing: str) -> None:
    with warehouse.begin() as connection:
        staging.create(connection, STREAMS[stream], 1)
        before = {column["name"] for column in sa.inspect(connection).get_columns("b1", schema="staging")}
        connection.execute(sa.text(f"alter table staging.b1 drop column {missing}, drop column manager_known"))
        for _ in range(2):
            staging.complete(connection, STREAMS[stream], 1)
        assert {c["name"] for c in sa.inspect(connection).get_columns("b1", schema="staging")} == before


def test_the_notes_are_no_part_of_the_record() -> None:
    for stream in STREAMS.values():
        assert set(staging.notes(stream)).isdisjoint(stream.columns)
        columns = {column.name for column in staging.table(stream, 1).columns}
        assert columns == {*stream.columns, *staging.notes(stream), "parse_error"}
    assert core.employee.c.employee_no.nullable
