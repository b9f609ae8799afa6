"""What is published is what the facts say: a rebuild changes nothing, in whatever order the facts came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.steps import difference
from fieldwork.steps.rebuild import months, rebuild, rehearse
from fieldwork.warehouse import server
from fieldwork.warehouse.engine import connect
from fieldwork.warehouse.schema import mart
from tests.conftest import fresh_database
from tests.steps import companies
from tests.steps.rows import rows_of

SPAN = {"since": date(2026, 9, 1), "until": date(2026, 11, 1)}


def opened(url: str) -> tuple[sa.Engine, Settings]:
    engine = connect(sa.make_url(url).set(drivername="postgresql+psycopg"))
    return engine, settings_module.load({"FIELDWORK_HOME": "/nowhere", "FIELDWORK_WAREHOUSE_URL": url})


def published(engine: sa.Engine) -> dict[str, list[Any]]:
    """Every row of the joined tables but for its stamp, as text."""
    told = {}
    for table in mart.JOINED:
        names = ", ".join(c.name for c in table.columns if c.name != "published_at")
        told[table.name] = rows_of(
            engine, f"select r::text from (select {names} from mart.{table.name}) as r order by 1"
        )
    return told


@pytest.fixture(scope="module")
def template(pg_server: server.Server) -> Iterator[str]:
    """A database in which three random companies are published."""
    with fresh_database(pg_server) as url:
        engine, settings = opened(url)
        companies.run(engine, settings, "r1", companies.facts(range(50, 53)))
        engine.dispose()
        yield str(sa.make_url(url).database)


@pytest.fixture
def company(pg_server: server.Server, template: str) -> Iterator[tuple[sa.Engine, Settings]]:
    with fresh_database(pg_server, template) as url:
        engine, settings = opened(url)
        yield engine, settings
        engine.dispose()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the audit, which costs seconds and is not what these tests are about."""
    monkeypatch.setattr("fieldwork.steps.rebuild.audit", lambda *_, **__: {})


@pytest.mark.usefixtures("quick")
def test_a_rebuild_changes_nothing(company: tuple[sa.Engine, Settings]) -> None:
    engine, settings = company
    before = published(engine)
    of_employment, others = rows_of(
        engine,
        "select (select count(*) from mart.attendance_day),"
        " (select count(distinct (employee_id, work_date)) from mart.uncounted_punch)",
    )[0]
    days = of_employment + others
    assert others > 0
    with rehearse(engine, **SPAN) as (connection, computed):
        assert computed == days
        assert list(difference.lines(connection)) == []
    done = rebuild(engine, settings, run_id="b", **SPAN)
    assert done["person_days"] == days
    assert {name: (n["inserted"], n["changed"], n["removed"]) for name, n in done.items() if name != "person_days"} == {
        table.name: (0, 0, 0) for table in mart.JOINED
    }
    assert published(engine) == before
    assert rows_of(engine, "select count(*) from ops.touched") == [(0,)]


@pytest.mark.usefixtures("quick")
def test_what_a_fault_left_behind_is_found_and_mended(company: tuple[sa.Engine, Settings]) -> None:
    engine, settings = company
    before = published(engine)
    day, check = mart.attendance_day, mart.visit_check
    with engine.begin() as connection:
        some = sa.select(day.c.employee_id).order_by(day.c.employee_id).limit(1).scalar_subquery()
        dates = sa.select(day.c.work_date).where(day.c.employee_id == some).order_by(day.c.work_date).limit(3)
        wrong = sa.update(day).where(day.c.employee_id == some, day.c.work_date.in_(dates)).values(late_minutes=77)
        assert connection.execute(wrong).rowcount == 3
        first, last = connection.execute(sa.select(sa.func.min(check.c.visit_id), sa.func.max(check.c.visit_id))).one()
        connection.execute(sa.delete(check).where(check.c.visit_id == first))
        ghost = [sa.literal("ghost") if c.name == "visit_id" else c for c in check.columns]
        copied = sa.select(*ghost).where(check.c.visit_id == last)
        connection.execute(sa.insert(check).from_select([c.name for c in check.columns], copied))
    with rehearse(engine, **SPAN) as (connection, _):
        found = difference.counts(connection)
        assert found["attendance_day"] == {"new": 0, "gone": 0, "changed": 3, "same_values": 0}
        assert found["visit_check"] == {"new": 1, "gone": 1, "changed": 0, "same_values": 0}
    assert published(engine) != before, "a rehearsal mends nothing"
    rebuild(engine, settings, run_id="b", **SPAN)
    assert published(engine) == before
    assert rows_of(engine, "select count(*) from mart.visit_check_history where visit_id = 'ghost'") == [(1,)]


@pytest.mark.usefixtures("quick")
def test_a_rebuild_reads_nothing_and_leaves_other_months_alone(company: tuple[sa.Engine, Settings]) -> None:
    engine, settings = company
    with engine.begin() as connection:
        connection.execute(sa.text("update mart.attendance_day set late_minutes = 77"))
        connection.execute(sa.text("insert into ops.touched values ('x', '2026-10-05', 1, 'test', now())"))
    rebuild(engine, settings, run_id="b", since=date(2026, 9, 20), until=date(2026, 10, 1))
    wrong = rows_of(engine, "select min(work_date), max(work_date) from mart.attendance_day where work_date between "
                            "'2026-09-20' and '2026-09-30' and late_minutes = 77")  # fmt: skip
    assert wrong == [(None, None)]
    assert rows_of(engine, "select count(*) from mart.attendance_day where late_minutes = 77")[0][0] > 0
    assert rows_of(engine, "select employee_id from ops.touched") == [("x",)]
    assert rows_of(engine, "select streams::text, state from ops.run where run_id like 'b-%'") == [("[]", "done")]


@pytest.mark.parametrize("seeds", [range(50, 53), pytest.param(range(300, 320), marks=pytest.mark.slow)])
def test_the_order_of_the_facts_never_matters(pg_server: server.Server, template: str, seeds: range) -> None:
    """The same companies come again in another order, in other batches: the joined rows are the same to the byte."""
    told = []
    for turn in range(2):
        with fresh_database(pg_server) as url:
            engine, settings = opened(url)
            every, pick = companies.facts(seeds), Random(turn)
            if turn:
                with engine.begin() as connection:
                    connection.execute(sa.text("alter sequence ops.batch_batch_id_seq restart with 7000"))
                for rows in every.values():
                    pick.shuffle(rows)
            companies.run(engine, settings, f"r{turn}", every)
            told.append(published(engine))
            assert rows_of(engine, "select min(batch_id) > 6000 from core.punch") == [(bool(turn),)]
            engine.dispose()
    assert told[0] == told[1]
    assert all(told[0].values())


def test_a_span_is_cut_at_the_first_of_each_month() -> None:
    cuts = [date(2026, 1, 30), date(2026, 2, 1), date(2026, 3, 1), date(2026, 3, 2)]
    assert months(cuts[0], cuts[-1]) == list(pairwise(cuts))
    with pytest.raises(ConfigError, match="Nothing lies between"):
        months(date(2026, 3, 2), date(2026, 3, 2))
