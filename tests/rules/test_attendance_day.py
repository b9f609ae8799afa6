"""Attendance beside the golden cases: what holds of all person-days together."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from tests.rules.world import World, with_roster

SINCE, UNTIL = date(2026, 10, 1), date(2026, 11, 9)


def test_every_person_has_every_day_once(world: World) -> None:
    people = ["E1", "E2", "E3"]
    for employee in people:
        world.employee(employee)
        world.punch(employee, "2026-11-03", "in 09:00")
        world.leave(employee, "2026-11-04", "leave 09:00 - 18:00")
    world.build(str(SINCE), str(UNTIL))
    with world.engine.begin() as connection:
        found = connection.execute(sa.text("select employee_id, work_date from build.attendance_day")).all()
    days = [SINCE + timedelta(days=n) for n in range((UNTIL - SINCE).days)]
    assert sorted(map(tuple, found)) == [(employee, day) for employee in people for day in days]


def test_punches_are_counted_on_one_day_only(world: World) -> None:
    world.settings = with_roster(world.settings, {"N": "night"})
    world.employee("N")
    world.punch("N", "2026-11-03", "in 21:55")
    world.punch("N", "2026-11-03", "out +1 06:02")
    world.build(str(SINCE), str(UNTIL))
    assert [world.day("N", f"2026-11-0{n}")["punches"] for n in (2, 3, 4)] == [0, 2, 0]
