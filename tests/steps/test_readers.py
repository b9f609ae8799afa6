"""A reader in a process of its own asks every 5 ms: the old days or the new ones, never a mix, never what failed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import AuditFailed
from fieldwork.settings import Settings
from fieldwork.steps.audit import audit
from fieldwork.warehouse.engine import libpq_url
from fieldwork.warehouse.schema import core, mart
from tests.rules.world import World
from tests.steps.test_build import busy, kill

SINCE, UNTIL = "2026-11-03", "2026-11-05"
#: One statement, so one moment: everything that the views show, but for the stamps of the publication.
LOOK = """
select md5(concat(
    (select string_agg(to_jsonb(a)::text, '|' order by employee_id, work_date) from report.attendance_day as a),
    (select string_agg(to_jsonb(v)::text, '|' order by visit_id) from report.visit_check as v),
    (select string_agg(to_jsonb(p)::text, '|' order by employee_id, work_date) from report.performance_day as p),
    (select string_agg(to_jsonb(m)::text, '|' order by employee_id, month) from report.performance_month as m)
))
"""
#: Prints every answer that differs from the last one; at the end of its input how often it looked.
READER = f"""
import sys, threading, time, psycopg
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute("set role fieldwork_reader")
    last, looks = None, 0
    while not over.is_set():
        begun = time.perf_counter()
        seen = connection.execute({LOOK!r}, prepare=True).fetchone()[0]
        looks += 1
        if seen != last:
            last = seen
            print(seen, flush=True)
        time.sleep(max(0.0, 0.005 - (time.perf_counter() - begun)))
print(looks)
"""


class Reader:
    """What it saw, in order, and how often it looked."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.looks = 0


@contextmanager
def reading(engine: Engine) -> Iterator[Reader]:
    """A reader for the length of the block; it has looked once when the block begins."""
    reader = Reader()
    command = [sys.executable, "-c", READER, libpq_url(engine)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader.seen.append(process.stdout.readline().strip())
        yield reader
        time.sleep(0.05)
        said, _ = process.communicate()
        *seen, looks = said.split()
        reader.seen += seen
        reader.looks = int(looks)


@pytest.fixture
def world(warehouse: Engine, settings: Settings) -> World:
    """Two people, two days, published; then everything about them changed, and built again in run r2."""
    here = World(warehouse, settings)
    here.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
    here.employee("E1")
    busy(here)
    here.run(SINCE, UNTIL)
    changed(here, "r2", "08:50")
    return here


def changed(world: World, run_id: str, clock: str) -> None:
    """Another punch for everybody and every visit an hour later: each table has other rows. Built, not published."""
    later = {"planned_start": core.visit.c.planned_start + sa.text("interval '1 hour'")}
    world.change(core.visit, later | {"planned_end": core.visit.c.planned_end + sa.text("interval '1 hour'")})
    for person in ("E1", "E2"):
        for day in ("2026-11-03", "2026-11-04"):
            world.punch(person, day, f"in {clock}")
        world.touch(person, "2026-11-03", "2026-11-04")
    world.build(SINCE, UNTIL, run_id)


def looked(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(sa.text(LOOK)).scalar_one())


def test_a_failing_audit_and_killed_publications_show_nothing_and_a_publication_all(world: World) -> None:
    old = looked(world.engine)
    with reading(world.engine) as reader:
        world.change(mart.BUILD["attendance_day"], {"late_minutes": -1}, run_id="r2", employee_id="E1")
        with pytest.raises(AuditFailed, match=r"attendance_day.late_minutes \(2 of 4 rows\)"):
            audit(world.engine, world.settings, run_id="r2")
        world.change(mart.BUILD["attendance_day"], {"late_minutes": 0}, run_id="r2", employee_id="E1")
        audit(world.engine, world.settings, run_id="r2")
        kill(world, "publish", "mid_publish_tx:2", "r2")
        between = looked(world.engine)
        world.publish("r2")
        new = looked(world.engine)
    assert between == old != new
    assert reader.seen == [old, new]
    assert reader.looks > 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_every_point_and_published_again_and_again(world: World) -> None:
    allowed = [looked(world.engine)]
    with reading(world.engine) as reader, reading(world.engine) as other:
        for number, point in enumerate(
            ("before_publish", "mid_publish_tx:1", "mid_publish_tx:2", "mid_publish_tx:3", "after_publish"), start=2
        ):
            kill(world, "publish", point, f"r{number}")
            assert (looked(world.engine) == allowed[-1]) is (point != "after_publish")
            world.publish(f"r{number}")
            allowed.append(looked(world.engine))
            changed(world, f"r{number + 1}", f"08:{50 - number}")
    assert len(set(allowed)) == 6
    assert reader.seen == other.seen == allowed
