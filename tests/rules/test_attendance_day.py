# ruff: noqa: E501 - one case a line reads as a table
"""Attendance, case by case: what was planned and punched, and what the day's row says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from fieldwork import settings as settings_module
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server
from tests.rules.world import World, with_roster

#: Tuesday, a plain working day; the others by their name
TUESDAY, SATURDAY, MAKEUP, HOLIDAY = "2026-11-03", "2026-11-07", "2026-10-10", "2026-10-01"

_SINCE = date(2000, 1, 1)
_GRACES = {"grace_in_minutes": 5, "grace_out_minutes": 0}
MORE_SHIFTS = [
    {"name": "early", "from": _SINCE, "kind": "fixed", "starts": time(0, 0), "ends": time(8, 0), **_GRACES},
    {"name": "evening", "from": _SINCE, "kind": "fixed", "starts": time(14, 0), "ends": time(23, 0), **_GRACES},
    {"name": "sweep", "from": _SINCE, "kind": "fixed", "starts": time(7, 30), "ends": time(11, 30), **_GRACES},
    {
        "name": "guard", "from": _SINCE, "kind": "fixed", "starts": time(20, 0), "ends": time(8, 0),
        "break_starts": time(1, 0), "break_ends": time(2, 0), **_GRACES,
    },
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One person's punches of one day; ``says``: columns of the row and their values."""

    name: str
    punches: str
    says: dict[str, Any]
    leave: str = ""
    shift: str = "office"
    day: str = TUESDAY
    more: dict[str, Any] = field(default_factory=dict)


def minutes(**of: int) -> dict[str, int]:
    return {f"{name}_minutes": value for name, value in of.items()}


def status(name: str, *anomalies: str, **more: int) -> dict[str, Any]:
    return {"status": name, "anomalies": list(anomalies), **minutes(**more)}


CASES = [
    # --- in time and late
    Case("on time", "in 08:58, out 18:03", status("present", worked=485, late=0, early=0, planned=480)),
    Case("within the grace", "in 09:05, out 18:00", status("present", late=0, worked=475)),
    Case("the last second of the grace", "in 09:05:59, out 18:00", status("present", late=0)),
    Case("a minute past the grace counts from the start", "in 09:06, out 18:00", status("late", late=6)),
    Case("late, in whole minutes", "in 09:47:59, out 18:00", status("late", late=47)),
    Case("nobody is late before the start", "in 07:00, out 18:00", status("present", late=0, worked=600)),
    # --- early
    Case("a second before the end is no whole minute", "in 09:00, out 17:59:01", status("present", early=0)),
    Case("a whole minute early", "in 09:00, out 17:59:00", status("early", early=1)),
    Case("late and early is late, and both are counted", "in 10:00, out 17:00", status("late", late=60, early=60)),
    # --- worked
    Case("the break is not worked", "in 09:00, out 18:00", status("present", worked=480)),
    Case("half a break", "in 12:30, out 18:00", status("late", late=210, worked=300)),
    Case("gone before the break", "in 09:00, out 11:00", status("early", early=420, worked=120)),
    Case("seconds are dropped from the sum, not from its parts", "in 09:00:40, out 18:00:30", status("present", worked=479)),
    # --- missing punches
    Case("no punch at all", "", status("absent", worked=0, late=0, early=0)),
    Case("no out", "in 09:00", status("incomplete", "missing_out", worked=0, early=0)),
    Case("no in", "out 18:00", status("incomplete", "missing_in", worked=0, late=0)),
    Case("incomplete still says how late", "in 09:30", status("incomplete", "missing_out", late=30)),
    Case("an out before the in is no last out", "out 08:00, in 09:00", status("incomplete", "missing_out", "out_before_in")),
    Case("one check-in alone is a coming", "field 09:00", status("incomplete", "missing_out")),
    # --- which punches
    Case("the earliest in and the latest out", "in 09:00, out 12:00, in 12:50, out 18:00", status("present", worked=480)),
    Case("check-ins in the field come and go", "field 08:50, field 14:00, field 18:10", status("present", worked=500)),
    Case("a field check-in before the in", "field 08:30, in 09:40, out 18:00", status("present", late=0)),
    Case("an in is no going", "in 09:00, in 18:00", status("incomplete", "missing_out")),
    # --- near-duplicates
    Case("thirty seconds apart are one", "in 09:00:00, in 09:00:30, out 18:00", {"punches": 2, **status("present", "near_duplicate")}),
    Case("thirty-one seconds apart are two", "in 09:00:00, in 09:00:31, out 18:00", {"punches": 3, **status("present")}),
    Case("a chain of duplicates is one", "in 09:00:00, in 09:00:25, in 09:00:50, out 18:00", {"punches": 2}),
    Case("the earliest is kept, whatever its kind", "out 18:00:00, in 18:00:10", {"punches": 1, **status("incomplete", "missing_in", "near_duplicate")}),
    # --- overtime
    Case("overtime below the tolerance is none", "in 09:00, out 18:29", status("present", overtime=0)),
    Case("overtime from the tolerance on", "in 09:00, out 18:30", status("present", overtime=30)),
    Case("a rest day is all overtime", "in 10:00, out 15:00", status("rest", "punch_on_rest_day", worked=240, overtime=240, planned=0), day=SATURDAY),
    # --- the calendar
    Case("a weekend", "", status("rest", planned=0), day=SATURDAY),
    Case("a weekend is never late", "in 11:00, out 12:00", status("rest", "punch_on_rest_day", late=0, early=0), day=SATURDAY),
    Case("a holiday", "", status("holiday", planned=0, late=0), day=HOLIDAY),
    Case("a make-up workday is worked", "in 09:30, out 18:00", status("late", late=30, planned=480), day=MAKEUP),
    Case("no punch on a make-up workday", "", status("absent"), day=MAKEUP),
    Case("leave on a holiday is a holiday", "", status("holiday", leave=0), "leave 09:00 - 18:00", day=HOLIDAY),
    # --- leave
    Case("leave all day", "", status("leave", leave=480), "leave 00:00 - +1 00:00"),
    Case("leave of exactly the shift", "", status("leave", leave=480), "leave 09:00 - 18:00"),
    Case("leave around the break is leave all day", "", status("leave", leave=480), "leave 09:00 - 12:00; leave 13:00 - 18:00"),
    Case("a minute is missing", "", status("absent", leave=479), "leave 09:01 - 18:00"),
    Case("leave over the start moves it", "in 11:04, out 18:00", status("present", late=0, leave=120), "leave 09:00 - 11:00"),
    Case("late after leave", "in 11:10, out 18:00", status("late", late=10), "leave 09:00 - 11:00"),
    Case("leave until noon: due at noon, not after the break", "in 13:00, out 18:00", status("late", late=60, leave=180), "leave 09:00 - 12:00"),
    Case("leave over the end moves it", "in 09:00, out 15:00", status("present", early=0, leave=180), "leave 15:00 - 18:00"),
    Case("leave in the middle moves nothing", "in 10:00, out 18:00", status("late", late=60, leave=60), "leave 14:00 - 15:00"),
    Case("leave end to end is one leave", "in 12:00, out 18:00", status("present", leave=180), "leave 09:00 - 10:00; out 10:00 - 12:00"),
    Case("a trip counts like leave", "", status("leave"), "trip 08:00 - 20:00"),
    Case("approved overtime is no leave", "", status("absent", leave=0), "overtime 09:00 - 18:00"),
    Case("half a day of leave and nothing else", "", status("absent", leave=180), "leave 09:00 - 12:00"),
    Case("punches on leave", "in 09:30, out 10:00", status("leave", "punch_on_leave", late=0, early=0, worked=30), "leave 09:00 - 18:00"),
    # --- night shifts
    Case("a night", "in 21:55, out +1 06:02", status("present", worked=487, planned=480), shift="night"),
    Case("a night, late", "in 22:10, out +1 06:00", status("late", late=10), shift="night"),
    Case("a night, early", "in 22:00, out +1 05:00", status("early", early=60), shift="night"),
    Case("late after midnight", "in +1 00:30, out +1 06:00", status("late", late=150), shift="night"),
    Case("out long after the night", "in 22:00, out +1 13:59", status("present", overtime=479), shift="night"),
    Case("a night's field check-in", "in 22:00, field +1 06:30", status("present", overtime=30), shift="night"),
    Case("Friday's night ends on Saturday", "in 22:00, out +1 06:00", status("present"), shift="night", day="2026-11-06"),
    Case("a night over the month's end", "in 22:00, out +1 06:00", status("present", worked=480), shift="night", day="2026-10-30"),
    Case("leave over a night's start", "in +1 02:03, out +1 06:00", status("present", leave=240), "leave 22:00 - +1 02:00", shift="night"),
    Case("a break after midnight", "in 20:00, out +1 08:00", status("present", worked=660, planned=660), shift="guard"),
    Case("a shift from midnight begins the evening before", "in -1 23:50, out 08:00", status("present", worked=490), shift="early"),
    Case("an evening ends after midnight", "in 14:00, out +1 00:40", status("present", overtime=100), shift="evening"),
    Case("office overtime past midnight belongs to the date", "in 09:00, out +1 00:40", status("incomplete", "missing_out")),
    # --- flexible
    Case("flexible: on time until ten", "in 10:00:59, out 19:01", status("present", late=0, planned=480), shift="flexible"),
    Case("flexible: late after ten", "in 10:01, out 19:01", status("late", late=1), shift="flexible"),
    Case("flexible: early birds go early", "in 08:00, out 17:00", status("present", early=0), shift="flexible"),
    Case("flexible: not before the day is whole", "in 08:00, out 16:30", status("early", early=30), shift="flexible"),
    Case("flexible: not before four", "in 06:00, out 15:30", status("early", early=30), shift="flexible"),
    Case("flexible: leave in the morning counts", "in 12:00, out 19:00", status("present", leave=120), "leave 10:00 - 12:00", shift="flexible"),
    Case("flexible: leave all day", "", status("leave"), "leave 09:00 - 20:00", shift="flexible"),
    Case("flexible: of unknown coming, nobody left early after four", "out 18:54", status("incomplete", "missing_in", early=0, overtime=0), shift="flexible"),
    Case("flexible: of unknown coming, gone before four", "out 15:30", status("incomplete", "missing_in", early=30), shift="flexible"),
    Case("flexible: of unknown coming, overtime after the latest day's end", "out 19:45", status("incomplete", "missing_in", overtime=45), shift="flexible"),
    Case("flexible: leave in the morning is a coming", "out 18:54", status("incomplete", "missing_in", early=6, leave=60), "leave 09:00 - 11:00", shift="flexible"),
    # --- what the source states
    Case("the source's times name the roster's shift", "in 09:03 base 09:00, out 18:00 base 18:00", {"shift": "office", **status("present")}),
    Case("the source's times name another shift", "in 07:40 base 07:30, out 11:30 base 11:30", {"shift": "sweep", **status("late", "base_differs_from_roster", late=10, planned=240)}),
    Case("one base is enough", "in 10:20 base 10:00, out 19:30", {"shift": "flexible", **status("late", "base_differs_from_roster", late=20)}),
    Case("times of no known shift hold as they are", "in 10:40 base 10:30, out 19:00 base 19:30", {"shift": "office", **status("late", "base_differs_from_roster", late=10, early=30)}),
    Case("the source's working day wins", "in 09:00, out +1 00:40 for 2026-11-03", status("present", overtime=400)),
    Case("a stated day far away is a mistake", "in 09:00 for 2026-10-03, out 18:00", status("present")),
    Case("the source's night belongs to the day it starts", "in 22:06 base 22:00, out +1 06:02 base +1 06:00", {"shift": "night", **status("late", "base_differs_from_roster", late=6, worked=476)}),
    Case("the source's night, first in after midnight", "in +1 00:30 base 22:00, out +1 06:02 base +1 06:00", {"shift": "night", **status("late", "base_differs_from_roster", late=150)}),
    Case("the source's night, no in", "out +1 04:00 base +1 06:00", {"shift": "night", **status("incomplete", "base_differs_from_roster", "missing_in", early=120)}),
    Case("an end that no shift has says nothing about the day", "in 18:00, out +1 02:05 base +1 02:00", status("incomplete", "missing_out")),
    Case("the stated day wins over the planned time", "out +1 06:02 base +1 06:00 for 2026-11-04", status("absent")),
    Case("a planned time of another week is a mistake", "in 09:00 base -7 09:00, out 18:00 base -7 18:00", status("present", late=0, worked=480)),
    Case("a very long day", "in 05:00, out 22:00", status("present", "long_span")),
]  # fmt: skip


@pytest.fixture(scope="module")
def built(pg_server: server.Server, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All cases in one company, one person each, built by one run."""
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute("drop database if exists cases with (force)")
        connection.execute("create database cases template template_fieldwork")
    engine = engine_module.connect(make_url(pg_server.url("cases")).set(drivername="postgresql+psycopg"))
    home = {"FIELDWORK_HOME": str(tmp_path_factory.mktemp("home")), "FIELDWORK_WAREHOUSE_URL": pg_server.url("cases")}
    people = {case.name: f"E{number:03}" for number, case in enumerate(CASES)}
    roster = {people[case.name]: case.shift for case in CASES if case.shift != "office"}
    world = World(engine, with_roster(settings_module.load(home), roster, MORE_SHIFTS))
    world.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
    for case in CASES:
        world.employee(people[case.name])
        for text in filter(None, case.punches.split(", ")):
            world.punch(people[case.name], case.day, text)
        for text in filter(None, case.leave.split("; ")):
            world.leave(people[case.name], case.day, text)
    world.build("2026-10-01", "2026-11-09")
    yield world, people
    engine.dispose()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_day(built: tuple[World, dict[str, str]], case: Case) -> None:
    world, people = built
    row = world.day(people[case.name], case.day)
    assert {name: row[name] for name in case.says} == case.says


def test_every_person_has_every_day_once(built: tuple[World, dict[str, str]]) -> None:
    world, people = built
    with world.engine.begin() as connection:
        count, distinct = connection.execute(
            sa.text("select count(*), count(distinct (employee_id, work_date)) from build.attendance_day")
        ).one()
    assert count == distinct == len(people) * 39


def test_punches_are_counted_on_one_day_only(built: tuple[World, dict[str, str]]) -> None:
    world, people = built
    night = people["a night"]
    assert world.day(night, "2026-11-04")["punches"] == 0
    assert world.day(night, "2026-11-02")["punches"] == 0
