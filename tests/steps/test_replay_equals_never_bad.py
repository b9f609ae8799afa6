"""Quarantine, mend, replay: the joined dataset is, byte for byte, what it would be had no row ever been bad."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url

from fieldwork.quality.choice import OPEN, Choice
from fieldwork.quality.mend import act, mend
from fieldwork.sandbox.city import generate
from fieldwork.settings import Settings
from fieldwork.steps.replay import choose, replay
from fieldwork.streams import STREAMS
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server
from tests.conftest import fresh_database
from tests.rules.world import with_config

from .rows import rows_of
from .spoiling import critical, joined, journey, mart, mendings, rows_of_company, spoilt

COMPANY = generate(people=60, days=5, faults="none")
GOOD = rows_of_company(COMPANY)
TABLES = ("attendance_day", "visit_check", "performance_day")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No share of bad rows is too many."""
    return with_config(settings, quality={**settings.section("quality"), "max_bad_share": 1.0})


@pytest.fixture
def never_bad(pg_server: server.Server, settings: Settings) -> Iterator[Engine]:
    """A warehouse that was given the rows as they should be."""
    with fresh_database(pg_server) as url:
        engine = engine_module.connect(make_url(url).set(drivername="postgresql+psycopg"))
        journey(engine, settings, COMPANY, GOOD, "good", to="publish", checked=())
        yield engine
        engine.dispose()


@pytest.mark.parametrize(
    ("streams", "published"),
    [
        pytest.param(("employees", "punches", "visits"), True, id="three streams"),
        pytest.param(tuple(STREAMS), True, marks=pytest.mark.slow, id="all streams"),
        pytest.param(tuple(STREAMS), False, marks=pytest.mark.slow, id="all streams, before publishing"),
    ],
)
def test_five_hundred_bad_rows_of_all_rules(
    settings: Settings, warehouse: Engine, never_bad: Engine, streams: tuple[str, ...], published: bool
) -> None:
    bad, pairs = spoilt(GOOD, 500, seed=7, streams=streams)
    to = "publish" if published else "load"
    journey(warehouse, settings, COMPANY, bad, "bad", to=to, checked=streams)
    assert {rule for (rule,) in rows_of(warehouse, "select distinct rule from ops.quarantine")} >= {
        rule for name in streams for rule in critical(name)
    }
    assert mart(warehouse, "visit_check") != mart(never_bad, "visit_check")

    changes = mendings(warehouse, pairs)
    assert len(changes) == 500
    with warehouse.begin() as connection:
        act(connection, "ann")
        mend(connection, changes)
    choose(warehouse, settings, run_id="again", choice=Choice.of(statuses=OPEN), who="ann")
    assert replay(warehouse, settings, run_id="again", who="ann")["still_bad"] == {}
    joined(warehouse, settings, "again")

    assert rows_of(warehouse, "select distinct status from ops.quarantine") == [("replayed",)]
    for table in TABLES:
        assert mart(warehouse, table) == mart(never_bad, table), table
        assert (mart(warehouse, f"{table}_history") == []) is not published, table
    waiting = "select employee_id, work_date from ops.touched order by 1, 2"  # days whose punches are not read yet
    assert rows_of(warehouse, waiting) == rows_of(never_bad, waiting)
