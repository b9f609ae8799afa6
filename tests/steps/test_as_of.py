"""What was believed at an instant is what a reader found at that instant."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.steps import publish as publish_module
from fieldwork.warehouse.schema import core, mart
from tests.rules.world import World

DAYS = ("2026-11-03", "2026-11-04", "2026-11-05")
PEOPLE = ("E1", "E2", "E3")
Snapshot = dict[str, list[dict[str, Any]]]


@pytest.fixture
def world(warehouse: sa.Engine, settings: Settings) -> World:
    """Three people with punches and visits on three days, all extracted."""
    here = World(warehouse, settings)
    here.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
    here.account("a1")
    for person in PEOPLE:
        here.employee(person)
        for day in DAYS:
            here.punch(person, day, "in 09:10")
            here.check_in(person, day, "10:30")
            here.visit(person, f"{person}-{day}", day, "10:00 - 11:00", "a1")
    return here


def published(world: World) -> Snapshot:
    return {table.name: world.rows(table) for table in mart.JOINED}


def as_of(world: World, instant: Any) -> Snapshot:
    found = {}
    with world.engine.connect() as connection:
        for table in mart.JOINED:
            order = ", ".join(c.name for c in table.primary_key)
            query = sa.text(f"select * from report.{table.name}_as_of(:instant) order by {order}")
            rows = connection.execute(query, {"instant": instant}).mappings()
            found[table.name] = [{c.name: row[c.name] for c in table.columns} for row in rows]
    return found


def changes(world: World, pick: Random) -> Iterator[tuple[str, str]]:
    """A few facts that change; the person-days that they touch."""
    for _ in range(pick.randint(1, 4)):
        person, day = pick.choice(PEOPLE), pick.choice(DAYS)
        match pick.randrange(5):
            case 0:
                world.punch(person, day, f"out {pick.randint(15, 20)}:{pick.randint(10, 59)}")
            case 1:
                world.change(core.visit, {"deleted": pick.random() < 0.5}, visit_id=f"{person}-{day}")
            case 2:
                world.change(core.visit, {"status": pick.choice(["done", "planned"])}, visit_id=f"{person}-{day}")
            case 3:
                left_on = pick.choice([None, date(2026, 11, 3), date(2026, 11, 4)])
                world.change(core.employee, {"left_on": left_on}, employee_id=person)
                yield from ((person, other) for other in DAYS)
            case 4:
                moved = world.at(pick.choice(DAYS), "10:30")
                world.change(core.visit, {"planned_start": moved, "planned_end": None}, visit_id=f"{person}-{day}")
                yield from ((person, other) for other in DAYS)
        yield person, day


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_any_instant_gives_back_what_was_published_then(world: World, seed: int) -> None:
    pick, kept = Random(seed), [(datetime(2026, 1, 1, tzinfo=UTC), published(world))]
    for n in range(12):
        for person, day in set(changes(world, pick)):
            world.touch(person, day)
        world.run(DAYS[0], "2026-11-06", f"r{n}")
        with world.engine.connect() as connection:
            now = connection.execute(sa.text("select clock_timestamp()")).scalar_one()
        kept.append((now, published(world)))
    assert all(world.rows(mart.HISTORY[name]) for name in ("attendance_day", "visit_check", "performance_day"))
    assert len({str(snapshot) for _, snapshot in kept}) > 5, "several steps changed something"
    for instant, snapshot in kept:
        assert as_of(world, instant) == snapshot


def test_a_version_is_believed_from_its_stamp_until_the_next(world: World) -> None:
    world.run(DAYS[0], "2026-11-06")
    (old,) = world.rows(mart.attendance_day, employee_id="E1", work_date=date(2026, 11, 3))
    world.punch("E1", DAYS[0], "out 18:00")
    world.touch("E1", DAYS[0])
    world.run(DAYS[0], "2026-11-06", "r2")
    (new,) = world.rows(mart.attendance_day, employee_id="E1", work_date=date(2026, 11, 3))
    instant = timedelta(microseconds=1)
    for when, row in (
        (old["published_at"], old), (new["published_at"] - instant, old), (new["published_at"], new),
    ):  # fmt: skip
        found = as_of(world, when)["attendance_day"]
        assert [r for r in found if (r["employee_id"], r["work_date"]) == ("E1", date(2026, 11, 3))] == [row]
    assert as_of(world, old["published_at"] - instant)["attendance_day"] == []


def test_a_date_means_the_end_of_that_day_in_the_companys_zone(world: World) -> None:
    world.run(DAYS[0], "2026-11-06")
    midnight = datetime(2026, 11, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    with world.engine.begin() as connection:
        for table in (mart.attendance_day, mart.performance_day):
            connection.execute(sa.update(table).values(published_at=midnight))
    for day, rows in ((date(2026, 11, 8), 0), (date(2026, 11, 9), 9)):
        assert len(as_of(world, day)["attendance_day"]) == rows
        with world.engine.connect() as connection:
            short = sa.text("select count(*) from report.performance_as_of(:day)")
            assert connection.execute(short, {"day": day}).scalar_one() == rows


def test_of_two_publications_the_later_one_has_the_later_stamp(world: World) -> None:
    """One that began first and waited for the other is not dated before it."""
    world.run(DAYS[0], "2026-11-06", "r1")
    world.punch("E1", DAYS[0], "out 18:00")
    world.touch("E1", DAYS[0])
    world.build(DAYS[0], "2026-11-06", "waits")
    with world.engine.connect() as other, ThreadPoolExecutor(1) as thread:
        other.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": publish_module._LOCK})
        waits = thread.submit(world.publish, "waits")
        blocked = sa.text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        while not other.execute(blocked).scalar():
            time.sleep(0.01)
        other.execute(sa.update(mart.attendance_day).values(published_at=sa.func.clock_timestamp()))
        other.commit()
        assert waits.result()["attendance_day"]["changed"] == 1
    (old,) = world.rows(mart.HISTORY["attendance_day"])
    assert old["believed_until"] > old["published_at"]


def test_the_functions_show_a_reader_no_more_than_it_may_see(world: World) -> None:
    """security invoker: who may not read mart gets an error, not rows."""
    world.run(DAYS[0], "2026-11-06")
    with world.engine.connect() as connection:
        connection.execute(sa.text("create role nobody_special"))
        connection.execute(sa.text("grant usage on schema report to nobody_special"))
        connection.execute(sa.text("set local role nobody_special"))
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied for schema mart"):
            connection.execute(sa.text("select * from report.attendance_day_as_of(now())"))
        connection.rollback()
