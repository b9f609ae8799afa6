"""reconcile: what a source has and the warehouse lacks, or the other way round, is found and named; the rest is quiet.

Real servers, real connectors: a loaded city, in which one thing after another is made to differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, make_url

from fieldwork import settings as settings_module
from fieldwork.connectors.base import Days
from fieldwork.errors import ConfigError, NotReconciled
from fieldwork.sandbox.company import Company
from fieldwork.sandbox.up import Sandbox
from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.steps.publish import publish
from fieldwork.steps.reconcile import begin, judge, reconcile_stream
from fieldwork.steps.repair import repair
from fieldwork.steps.withdraw import withdraw
from fieldwork.streams import STREAMS
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server
from tests.connectors import sandboxed

from .rows import NOW, RowSource, rows_of

CITY = sandboxed.company()
DAYS = Days(CITY.since, CITY.until + timedelta(days=30))
FINDINGS = "select stream, kind, key, day, status, seen from ops.reconcile_finding order by finding_id"


class World:
    """A warehouse that was loaded from the city, and its two systems."""

    def __init__(self, engine: Engine, settings: Settings, sandbox: Sandbox) -> None:
        self.engine, self.settings, self.sandbox = engine, settings, sandbox
        self.runs = 0

    def source(self, side: str, over: Any = None) -> Any:
        if side == "attendance":
            return sandboxed.dingtalk(self.sandbox, over)
        return sandboxed.salesforce(self.sandbox, over)

    def compare(
        self, *streams: str, quick: bool = False, kind: str = "reconcile", over: Any = None
    ) -> dict[str, dict[str, Any]]:
        """The findings by stream; all streams if none is named."""
        self.runs += 1
        run_id = f"reconcile {self.runs}"
        begin(self.engine, self.settings, run_id=run_id, streams=streams, kind=kind)
        return {
            name: reconcile_stream(
                self.engine, self.settings, self.source(STREAMS[name].side, over),
                run_id=run_id, stream=name, days=DAYS, quick=quick,
            )
            for name in streams or STREAMS
        }  # fmt: skip

    def withdraw(self, *streams: str) -> dict[str, int]:
        """Withdraw what is gone, and publish; what ``repair`` does besides reading again and the audit."""
        begin(self.engine, self.settings, run_id="withdraw", streams=streams, kind="repair")
        found = withdraw(self.engine, self.settings, run_id="withdraw", streams=streams)
        build(self.engine, self.settings, run_id="withdraw")
        publish(self.engine, self.settings, run_id="withdraw")
        return found

    def findings(self) -> list[tuple[Any, ...]]:
        return rows_of(self.engine, FINDINGS)

    def one(self, query: str) -> Any:
        return rows_of(self.engine, query)[0][0]

    def do(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), values)


@pytest.fixture(scope="module")
def city() -> Iterator[Sandbox]:
    with sandboxed.city() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def template(pg_server: server.Server, city: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a database into which the city was loaded and published."""
    name = "reconcile_template"
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template_fieldwork")
        settings = _settings(tmp_path_factory.mktemp("home"), pg_server.url(name))
        engine = _engine(pg_server.url(name))
        plan(engine, settings, run_id="load", since=CITY.since, until=CITY.until, as_of=NOW)
        for stream in STREAMS:
            source = sandboxed.dingtalk(city) if STREAMS[stream].side == "attendance" else sandboxed.salesforce(city)
            extract(engine, settings, source, run_id="load", stream=stream)
        with engine.begin() as loading:
            loading.execute(sa.text("update ops.batch set state = 'checked'"))
        load(engine, settings, run_id="load")
        build(engine, settings, run_id="load")
        publish(engine, settings, run_id="load")
        engine.dispose()
        yield name
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def world(pg_server: server.Server, template: str, city: Sandbox, tmp_path: Any) -> Iterator[World]:
    """A copy of the loaded warehouse; the city is put right again afterwards."""
    name = "reconcile_copy"
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
        engine = _engine(pg_server.url(name))
        yield World(engine, _settings(tmp_path, pg_server.url(name)), city)
        engine.dispose()
        city.load(CITY)
        connection.execute(f"drop database {name} with (force)")


def _engine(url: str) -> Engine:
    return engine_module.connect(make_url(url).set(drivername="postgresql+psycopg"))


def _settings(home: Any, url: str) -> Settings:
    told = {"FIELDWORK_HOME": str(home), "FIELDWORK_WAREHOUSE_URL": url, "FIELDWORK_NOW": NOW.isoformat()}
    return settings_module.load(told)


def without(stream: str, *keys: str, column: str | None = None) -> Company:
    """The city as if records of a stream had never been (or rows with these values in another column)."""
    table = CITY.tables[stream]
    kept = pc.invert(pc.is_in(table[column or STREAMS[stream].key], value_set=pa.array(keys)))
    return replace(CITY, tables={**CITY.tables, stream: table.filter(kept)})


def test_a_loaded_city_differs_in_nothing(world: World) -> None:
    found = world.compare()
    assert {name: part["findings"] for name, part in found.items()} == {name: {} for name in STREAMS}
    assert all(part["source_rows"] == part["warehouse_rows"] > 0 for part in found.values())
    punches = "select count(distinct day), bool_and(source_rows = warehouse_rows) from ops.reconcile_total"
    assert rows_of(world.engine, f"{punches} where stream = 'punches'") == [(5, True)]
    sums = "select sum(source_sum) = sum(warehouse_sum) from ops.reconcile_total where stream = "
    assert [world.one(f"{sums} '{name}'") for name in ("leave", "visits", "opportunities")] == [True] * 3
    assert judge(world.engine, "reconcile 1") == {"open": 0}
    assert rows_of(world.engine, "select tablename from pg_tables where schemaname = 'staging'") == []
    assert rows_of(world.engine, "select count(*) from ops.batch where kind = 'reconcile' and state = 'open'") == [(0,)]


def _lose_one_of_each(world: World) -> dict[str, str]:
    """Take one record of every stream but people out of core, and have it found by both ways of comparing."""
    gone = {}
    for name, stream in STREAMS.items():
        if name == "employees":
            continue
        table = {"punches": "punch", "crm_users": "crm_user", "opportunities": "opportunity"}.get(
            name, name.rstrip("s")
        )
        live = {"leave": "where start_at < '2026-11-06'"}.get(name, "where not deleted")
        live = "" if name in {"punches", "accounts", "crm_users"} else live
        gone[name] = world.one(f"select max({stream.key}) from core.{table} {live}")
        world.do(f"delete from core.{table} where {stream.key} = :key", key=gone[name])
    for quick in (True, False):
        found = world.compare(quick=quick)
        assert {name: part["findings"] for name, part in found.items() if part["findings"]} == {
            name: {"missing": 1} for name in gone
        }
    assert {stream: (kind, key, status, seen) for stream, kind, key, _, status, seen in world.findings()} == {
        name: ("missing", key, "open", 2) for name, key in gone.items()
    }
    return gone


def test_one_missing_row_of_each_stream_is_named(world: World) -> None:
    gone = _lose_one_of_each(world)
    with pytest.raises(NotReconciled, match=r"differ in 7 records: .*\(missing\), .* and 2 more"):
        judge(world.engine, "reconcile 2")
    done = repair(world.engine, world.settings, world.source, run_id="repair", streams=["punches"])
    assert done["runs"] == 1
    found = world.compare("punches", "tasks", kind="repair")
    assert {name: part["findings"] for name, part in found.items()} == {"punches": {}, "tasks": {"missing": 1}}
    assert {row[0]: row[4] for row in world.findings()} == dict.fromkeys(gone, "open") | {"punches": "repaired"}
    assert rows_of(world.engine, "select state from ops.run where run_id like 'repair-%'") == [("done",)]


@pytest.mark.slow
def test_one_missing_row_of_each_stream_is_repaired(world: World) -> None:
    _lose_one_of_each(world)
    before = [rows_of(world.engine, f"select count(*) from core.{name}") for name in ("punch", "task", "account")]
    repair(world.engine, world.settings, world.source, run_id="repair", streams=list(STREAMS))
    assert all(part["findings"] == {} for part in world.compare(kind="repair").values())
    assert {row[4] for row in world.findings()} == {"repaired"}
    after = [rows_of(world.engine, f"select count(*) from core.{name}") for name in ("punch", "task", "account")]
    assert [n[0][0] + 1 for n in before] == [n[0][0] for n in after]


def test_the_source_counts_itself_and_only_days_that_differ_are_read(world: World) -> None:
    world.sandbox.clear()
    world.compare("visits", "tasks", "opportunities", "accounts", "crm_users", quick=True)
    assert world.sandbox.calls() == {
        "/services/oauth2/token": 5,
        "/services/data/v62.0/queryAll": 3,
        "/services/data/v62.0/query": 2,
    }
    counted = "select sum(source_rows), sum(warehouse_rows), count(*) from ops.reconcile_total"
    there, here, days = rows_of(world.engine, counted)[0]
    assert (there == here, days > 10) == (True, True)
    world.do("delete from core.visit where visit_id = (select min(visit_id) from core.visit where not deleted)")
    assert world.compare("visits", quick=True)["visits"]["findings"] == {"missing": 1}
    read = world.one("select sum(source_rows) from ops.reconcile_total where counted = 'by key'")
    assert 0 < read < world.one("select count(*) from core.visit")


def test_what_the_bin_lost_is_gone_and_what_lies_in_it_is_deleted(world: World) -> None:
    purged, binned = (row[0] for row in rows_of(
        world.engine, "select visit_id from core.visit where not deleted order by 1 limit 2"
    ))  # fmt: skip
    world.sandbox.purge("Event", purged)
    world.do("update core.visit set planned_start = planned_start - interval '60 days' where visit_id = :v", v=binned)
    world.sandbox.load(_deleted(binned))
    world.sandbox.purge("Event", purged)
    assert world.compare("visits")["visits"]["findings"] == {"gone": 1}
    world.do("update core.visit set planned_start = planned_start + interval '60 days' where visit_id = :v", v=binned)
    assert world.compare("visits")["visits"]["findings"] == {"deleted": 1, "gone": 1}

    before = world.one("select count(*) from mart.visit_check")
    assert world.withdraw("visits") == {"visits": 1}
    assert world.compare("visits", kind="repair")["visits"]["findings"] == {"deleted": 1}
    assert [row[4] for row in world.findings()] == ["repaired", "open"]
    assert world.one("select count(*) from mart.visit_check") == before - 1
    ledger = (
        "select extracted, loaded, unchanged, quarantined from ops.batch where kind = 'repair' and state = 'closed'"
    )
    assert rows_of(world.engine, ledger) == [(1, 1, 0, 0)]


def _deleted(visit: str) -> Company:
    """The city in which somebody put the visit into the bin, before we last read."""
    table = CITY.tables["visits"]
    flags = pc.or_(table["deleted"], pc.equal(table["visit_id"], visit))
    changed = table.set_column(table.schema.get_field_index("deleted"), "deleted", flags)
    return replace(CITY, tables={**CITY.tables, "visits": changed})


def test_a_punch_and_a_leave_that_were_taken_back_leave_and_are_kept_aside(world: World) -> None:
    person, punch, day = rows_of(
        world.engine, "select employee_id, record_id, punched_at from core.punch where kind = 'in' order by 2 limit 1"
    )[0]
    approval = world.one("select min(approval_id) from core.leave where kind <> 'overtime'")
    spoilt = _without_punch(punch)
    world.sandbox.load(replace(spoilt, tables={**spoilt.tables, "leave": without("leave", approval).tables["leave"]}))
    found = world.compare("punches", "leave")
    assert {name: part["findings"] for name, part in found.items()} == {"punches": {"gone": 1}, "leave": {"gone": 1}}
    assert world.withdraw("punches", "leave") == {"punches": 1, "leave": 1}
    assert rows_of(world.engine, "select stream, key, rule, status from ops.quarantine order by 1 desc") == [
        ("punches", punch, "punches.gone", "superseded"), ("leave", approval, "leave.gone", "superseded"),
    ]  # fmt: skip
    assert rows_of(world.engine, f"select 1 from core.punch where record_id = '{punch}'") == []
    assert rows_of(world.engine, f"select 1 from place.punch_place where record_id = '{punch}'") == []
    changed = f"select count(*) from mart.attendance_day_history where employee_id = '{person}'"
    assert world.one(changed) >= 1, day
    assert all(part["findings"] == {} for part in world.compare("punches", "leave", kind="repair").values())


def _without_punch(record: str) -> Company:
    """The city without the punch that DingTalk gives this id."""
    from fieldwork.sandbox.dingtalk_rows import wire_id

    table = CITY.tables["punches"]
    keys = [key for key in table["record_id"].to_pylist() if str(wire_id(key)) == record]
    return without("punches", *keys)


def test_a_record_gone_and_another_missing_on_one_day_are_both_found_by_key(world: World) -> None:
    lost = world.one("select min(visit_id) from core.visit where planned_start::date = '2026-11-03' and not deleted")
    copy = """to_jsonb(v) || '{"visit_id": "invented"}'"""
    made = f"jsonb_populate_record(null::core.visit, {copy}) as p"
    copied = f"select p.* from core.visit as v, {made} where v.visit_id = :v"
    world.do(f"insert into core.visit {copied}", v=lost)  # as long as the lost one: the sums are the same too
    world.do("delete from core.visit where visit_id = :v", v=lost)
    assert world.compare("visits", quick=True)["visits"]["findings"] == {}  # the counts are the same
    assert world.compare("visits")["visits"]["findings"] == {"gone": 1, "missing": 1}
    assert {(kind, key) for _, kind, key, *_ in world.findings()} == {("gone", "invented"), ("missing", lost)}


def test_what_came_or_changed_after_we_read_is_no_difference(world: World) -> None:
    moved = world.one("select min(visit_id) from core.visit where not deleted")
    punches = CITY.tables["punches"]
    row = punches.slice(0, 1).to_pylist()[0] | {"record_id": "999999", "modified_at": NOW + timedelta(hours=2)}
    more = pa.concat_tables([punches, pa.Table.from_pylist([row], punches.schema)])
    with sandboxed.city() as sandbox:  # of its own: what people edit stays
        sandbox.edit("Event", moved, StartDateTime="2026-11-05T02:00:00Z", EndDateTime="2026-11-05T03:00:00Z")
        sandbox.dingtalk.load(replace(CITY, tables={**CITY.tables, "punches": more}))
        found = World(world.engine, world.settings, sandbox).compare("visits", "punches")
    assert {name: (part["findings"], part["later"]) for name, part in found.items()} == {
        "visits": ({}, 1), "punches": ({}, 1),
    }  # fmt: skip


def test_another_version_in_the_source_that_we_should_have_is_stale(world: World) -> None:
    visit = "(select min(visit_id) from core.visit where planned_start::date = '2026-11-03' and not deleted)"
    won = "(select min(opportunity_id) from core.opportunity where not deleted)"
    world.do(f"update core.visit set planned_end = planned_end + interval '5 minutes' where visit_id = {visit}")
    world.do(f"update core.opportunity set amount = coalesce(amount, 0) + 0.01 where opportunity_id = {won}")
    found = world.compare("visits", "opportunities")
    assert [found[name]["findings"] for name in ("visits", "opportunities")] == [{"stale": 1}] * 2
    # Salesforce sums up amounts, not minutes; and no amounts of an org with several currencies
    one_currency = {"salesforce": {"read": {"opportunities": {"currency": ""}}}}
    found = world.compare("visits", "opportunities", quick=True, over=one_currency)
    assert [found[name]["findings"] for name in ("visits", "opportunities")] == [{}, {"stale": 1}]


def test_what_waits_in_quarantine_is_not_missing(world: World) -> None:
    waits, lost = (row[0] for row in rows_of(world.engine, "select record_id from core.punch order by 1 limit 2"))
    world.do("delete from core.punch where record_id in (:waits, :lost)", waits=waits, lost=lost)
    world.do(
        "insert into ops.quarantine"
        " (batch_id, system, stream, key, payload, rule, reason, status, fingerprint, set_aside_at)"
        " values (1, 'dingtalk', 'punches', :key, '{}', 'r', '', 'new', '', now())",
        key=waits,
    )
    found = world.compare("punches")["punches"]
    assert (found["findings"], found["set_aside"]) == ({"missing": 1}, 1)
    assert [row[2] for row in world.findings()] == [lost]


def test_a_person_whom_the_system_drops_without_a_word_is_named(world: World) -> None:
    """Asked for, answered with nothing and no error: their punches are not gone, the person is unknown."""
    user = world.one("select min(user_id) from core.punch")
    tables = {name: without(name, user, column="user_id").tables[name] for name in ("employees", "punches")}
    world.sandbox.load(replace(CITY, tables={**CITY.tables, **tables}))
    assert world.compare("punches")["punches"]["findings"] == {"unanswered": 1}
    assert [row[:3] for row in world.findings()] == [("punches", "unanswered", user)]
    world.sandbox.load(CITY)
    assert world.compare("punches")["punches"]["findings"] == {}
    assert [row[4] for row in world.findings()] == ["settled"]


def test_a_customer_that_is_gone_is_marked_and_welcomed_back(world: World) -> None:
    account = world.one("select min(account_id) from core.account")
    world.sandbox.purge("Account", account)
    assert world.compare("accounts")["accounts"]["findings"] == {"gone": 1}
    assert world.withdraw("accounts") == {"accounts": 1}
    marked = f"select missing_since is not null from core.account where account_id = '{account}'"
    assert (world.one(marked), world.compare("accounts")["accounts"]["findings"]) == (True, {})
    world.sandbox.load(CITY)
    assert world.compare("accounts", quick=True)["accounts"]["findings"] == {"stale": 1}
    world.withdraw("accounts")
    assert world.compare("accounts")["accounts"]["findings"] == {}


def test_days_that_were_never_read_are_not_compared(world: World) -> None:
    begin(world.engine, world.settings, run_id="r", streams=["punches"])
    source = world.source("attendance")
    early = Days(date(2026, 10, 1), date(2026, 10, 8))
    told = reconcile_stream(world.engine, world.settings, source, run_id="r", stream="punches", days=early)
    assert told == {"skipped": "The stream was not read on these days."}
    with pytest.raises(ConfigError, match="nobody cannot say which records it has"):
        reconcile_stream(world.engine, world.settings, RowSource("nobody"), run_id="r", stream="punches", days=DAYS)
