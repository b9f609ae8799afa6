"""Reconciliation where ids and persons are not one to one: what waits is not missing, a second account is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from fieldwork.connectors.base import Days, Slice
from fieldwork.steps.reconcile import begin, reconcile_stream
from fieldwork.streams import KEYS, Window

from .company import Company, punch, visit
from .test_decide import ANN, BEN, decide

DAYS = Days(date(2026, 11, 2), date(2026, 11, 7))
FINDINGS = "select kind, key from ops.reconcile_finding where status = 'open' order by 1, 2"
HAL: dict[str, Any] = {"user_id": "u1", "employee_no": "077", "name": "Hal", "hired_on": date(2026, 11, 4)}


class Listing:
    """A source that lists these keys, and knows no more of them."""

    parallel = 1

    def __init__(self, system: str, *listed: dict[str, Any]) -> None:
        self.system, self.listed = system, listed

    def slices(self, stream: str, window: Window) -> Sequence[Slice]:
        return ()

    def read(self, stream: str, window: Window) -> Iterator[pa.RecordBatch]:
        return iter(())

    def remembers(self, stream: str) -> None:
        return None

    def totals(self, stream: str, days: Days) -> None:
        return None

    def keys(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[Slice]:
        return [Slice("keys", self._all)]

    def _all(self) -> Iterator[pa.RecordBatch]:
        rows = [{name: row.get(name) for name in KEYS.schema.names} for row in self.listed]
        yield pa.RecordBatch.from_pylist(rows, schema=KEYS.schema)

    def lookup(self, stream: str, keys: Sequence[str]) -> None:
        return None

    def asked(self, stream: str, people: Sequence[str]) -> Sequence[str]:
        return ()

    def unknown(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[str]:
        return ()


def compare(company: Company, stream: str, system: str, *listed: dict[str, Any]) -> dict[str, Any]:
    company.runs += 1
    run_id, settings = f"compare-{company.runs}", company.on(8)
    begin(company.engine, settings, run_id=run_id, streams=[stream])
    source = Listing(system, *listed)
    return reconcile_stream(company.engine, settings, source, run_id=run_id, stream=stream, days=DAYS)


def people(*ids: str) -> list[dict[str, Any]]:
    return [{"key": one} for one in ids]


def visits(**day_of: int) -> list[dict[str, Any]]:
    return [
        {"key": key, "day": date(2026, 11, day), "person": "X", "measure": Decimal(60)} for key, day in day_of.items()
    ]


def test_a_row_that_waits_for_its_person_is_not_missing(company: Company) -> None:
    company.load(employees=[ANN, BEN])
    company.load("salesforce", crm_users=[{"crm_user_id": "X"}], visits=[visit("v1", "X", 3), visit("v2", "X", 4)])
    told = compare(company, "visits", "salesforce", *visits(v1=3, v2=4))
    assert (told["source_rows"], told["warehouse_rows"], told["set_aside"], told["findings"]) == (2, 0, 2, {})
    decide(company, "salesforce", "X", "002", since="2026-11-04")
    told = compare(company, "visits", "salesforce", *visits(v1=3, v2=4))
    assert (told["source_rows"], told["warehouse_rows"], told["set_aside"], told["findings"]) == (2, 1, 1, {})
    decide(company, "salesforce", "X", None)
    told = compare(company, "visits", "salesforce", *visits(v1=3, v2=4, v3=4))
    assert (told["set_aside"], company.ask(FINDINGS)) == (2, [("missing", "v3")])


def test_rows_that_moved_with_their_id_are_where_they_were(company: Company) -> None:
    company.load(employees=[ANN, BEN], punches=[punch("p1", "u1", 3), punch("p2", "u1", 5)])
    decide(company, "dingtalk", "u1", "002", since="2026-11-04")
    listed = [{"key": f"p{n}", "day": date(2026, 11, day), "person": "u1"} for n, day in ((1, 3), (2, 5))]
    assert compare(company, "punches", "dingtalk", *listed)["findings"] == {}


def test_two_accounts_of_one_person_are_both_there(company: Company) -> None:
    company.load(employees=[ANN | {"mobile": "13800000001"}, BEN])
    again = {"user_id": "u5", "employee_no": "001", "name": "Ann", "mobile": "13800000001"}
    company.load(employees=[ANN | {"mobile": "13800000001"}, BEN, again])
    assert company.ask("select count(*) from core.employee") == [(2,)]
    assert compare(company, "employees", "dingtalk", *people("u1", "u2", "u5"))["findings"] == {}
    assert compare(company, "employees", "dingtalk", *people("u1", "u2"))["findings"] == {}
    compare(company, "employees", "dingtalk", *people("u1", "u2", "u5", "u6"))
    assert company.ask(FINDINGS) == [("missing", "u6")]


def test_an_id_that_passed_on_is_there_once(company: Company) -> None:
    company.load(employees=[ANN | {"left_on": date(2026, 11, 2)}, BEN])
    company.load(employees=[HAL, BEN])
    assert company.ask("select employee_id, missing_since is null from core.employee order by 1") == [
        ("001", False), ("002", True), ("077", True),
    ]  # fmt: skip
    told = compare(company, "employees", "dingtalk", *people("u1", "u2"))
    assert (told["source_rows"], told["warehouse_rows"], told["findings"]) == (2, 2, {})
    compare(company, "employees", "dingtalk", *people("u1", "u2", "u3"))
    assert company.ask(FINDINGS) == [("missing", "u3")]


def test_a_badge_that_nobody_can_tell_whose_it_is_waits_and_is_not_missing(company: Company) -> None:
    company.load(employees=[BEN, ANN, HAL | {"hired_on": None}])
    assert company.ask("select employee_id from core.employee") == [("002",)]
    told = compare(company, "employees", "dingtalk", *people("u1", "u1", "u2"))
    assert (told["set_aside"], told["findings"]) == (2, {})
