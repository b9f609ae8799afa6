"""Which person-days a run builds, when they are ripe, and that a second build makes the same rows."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.errors import CalendarYearUnknown, ConfigError
from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.warehouse.schema import core, mart, ops
from tests.rules.world import World, with_config, with_roster


@pytest.fixture
def world(warehouse: sa.Engine, settings: Settings) -> World:
    """Empty; nothing extracted yet."""
    return World(warehouse, settings)


@pytest.fixture
def extracted(world: World) -> World:
    world.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
    world.employee("E1")
    return world


def chosen(world: World) -> list[tuple[str, str]]:
    return [(r["employee_id"], str(r["work_date"])[5:]) for r in world.rows(mart.build_person_day)]


# --- which days
def test_every_day_of_the_window_half_open(extracted: World) -> None:
    extracted.build("2026-11-03", "2026-11-05")
    assert chosen(extracted) == [("E1", "11-03"), ("E1", "11-04")]


def test_from_the_first_day_of_employment_to_the_last(extracted: World) -> None:
    extracted.employee("E2", hired_on=date(2026, 11, 4), left_on=date(2026, 11, 5))
    extracted.build("2026-11-03", "2026-11-07")
    assert [d for e, d in chosen(extracted) if e == "E2"] == ["11-04", "11-05"]


def test_who_is_no_longer_listed_still_has_days(extracted: World) -> None:
    extracted.employee("E2", missing_since=datetime(2026, 11, 1, tzinfo=UTC))
    extracted.build("2026-11-03", "2026-11-04")
    assert ("E2", "11-03") in chosen(extracted)


def test_published_days_are_left_alone_touched_ones_are_not(extracted: World) -> None:
    extracted.run("2026-11-03", "2026-11-06")
    extracted.touch("E1", "2026-11-04")
    extracted.build("2026-11-03", "2026-11-06", "r2")
    assert chosen(extracted) == [("E1", "11-04")]


def test_touched_days_outside_the_window_are_built(extracted: World) -> None:
    extracted.touch("E1", "2026-10-20")
    extracted.build("2026-11-03", "2026-11-04")
    assert chosen(extracted) == [("E1", "10-20"), ("E1", "11-03")]


def test_a_touched_day_of_another_year_brings_its_calendar(extracted: World) -> None:
    extracted.touch("E1", "2025-10-01")
    extracted.build("2026-11-03", "2026-11-04")
    assert extracted.day("E1", "2025-10-01")["status"] == "holiday"


def test_a_touched_day_outside_employment_has_no_row(extracted: World) -> None:
    extracted.employee("E2", hired_on=date(2026, 11, 4))
    extracted.punch("E2", "2026-11-03", "in 09:00")
    extracted.touch("E2", "2026-11-03")
    assert extracted.build("2026-11-03", "2026-11-04") == {
        "person_days": 2, "attendance_days": 1, "uncounted": 1, "visits": 0, "contested": 0, "unmatched": 0,
    }  # fmt: skip


# --- ripe
@pytest.mark.parametrize(
    ("shift", "until", "ripe"),
    [
        ("office", "+1 00:00", True),
        ("office", "23:59:59", False),
        ("night", "+1 10:00", True),
        ("night", "+1 09:59:59", False),
        ("flexible", "+1 00:00", True),
    ],
)
def test_a_day_is_ripe_when_its_punches_have_been_read(world: World, shift: str, until: str, ripe: bool) -> None:
    world.settings = with_roster(world.settings, {"E1": shift})
    world.employee("E1")
    world.covered(world.at("2026-11-03", "00:00"), world.at("2026-11-03", until))
    world.build("2026-11-03", "2026-11-04")
    assert bool(chosen(world)) is ripe


@pytest.mark.parametrize(
    ("second", "ripe"),
    [
        ({}, True),
        ({"state": "extracted"}, False),
        ({"stream": "leave"}, False),
        ({"kind": "replay"}, False),
    ],
)
def test_windows_add_up_only_when_punches_were_loaded(world: World, second: dict[str, Any], ripe: bool) -> None:
    world.employee("E1")
    world.covered(world.at("2026-11-03", "00:00"), world.at("2026-11-03", "12:00"))
    world.covered(world.at("2026-11-03", "12:00"), world.at("2026-11-03", "+1 00:00"), **second)
    world.build("2026-11-03", "2026-11-04")
    assert bool(chosen(world)) is ripe


def test_a_gap_is_not_covered(world: World) -> None:
    world.employee("E1")
    world.covered(world.at("2026-11-03", "00:00"), world.at("2026-11-03", "12:00"))
    world.covered(world.at("2026-11-03", "12:01"), world.at("2026-11-03", "+1 00:00"))
    world.build("2026-11-03", "2026-11-04")
    assert chosen(world) == []


def test_an_unripe_touch_waits(world: World) -> None:
    world.employee("E1")
    world.touch("E1", "2026-11-20")
    world.run("2026-11-03", "2026-11-04")
    assert [str(t["work_date"]) for t in world.rows(ops.touched)] == ["2026-11-20"]


def test_the_night_that_was_unripe_is_asked_for_again(world: World) -> None:
    """Nobody punched in that night, so nothing touches it: the next day's run must think of it."""
    world.settings = with_roster(world.settings, {"E1": "night"})
    world.employee("E1")
    world.covered(None, world.at("2026-11-04", "02:30"))
    world.run("2026-11-03", "2026-11-04")
    assert world.rows(mart.attendance_day) == []
    world.covered(world.at("2026-11-01", "00:00"), world.at("2026-11-05", "02:30"))
    world.run("2026-11-04", "2026-11-05", "r2")
    assert [(str(r["work_date"]), r["status"]) for r in world.rows(mart.attendance_day)] == [("2026-11-03", "absent")]


def test_days_that_no_run_asked_for_are_not_built(extracted: World) -> None:
    extracted.run("2026-11-02", "2026-11-03")
    extracted.build("2026-11-05", "2026-11-06", "r2")
    assert chosen(extracted) == [("E1", "11-05")]


# --- zones
def test_a_day_of_25_hours(extracted: World) -> None:
    rules = {**extracted.settings.config["rules"][0], "time_zone": "Europe/Berlin"}
    settings = with_roster(with_config(extracted.settings, rules=[rules]), {"E1": "night"})
    berlin = World(extracted.engine, settings)
    for clock in ("in 22:00", "out +1 06:00"):
        berlin.punch("E1", "2026-10-24", clock)  # the night in which clocks go back; a Saturday
        berlin.punch("E1", "2026-10-26", clock)
    berlin.build("2026-10-24", "2026-10-27")
    assert [berlin.day("E1", d)["worked_minutes"] for d in ("2026-10-24", "2026-10-26")] == [540, 480]


def test_a_day_of_23_hours_is_ripe_at_its_own_midnight(world: World) -> None:
    rules = {**world.settings.config["rules"][0], "time_zone": "Europe/Berlin"}
    berlin = World(world.engine, with_config(world.settings, rules=[rules]))
    berlin.employee("E1")
    berlin.covered(berlin.at("2026-03-29", "00:00"), datetime(2026, 3, 29, 22, tzinfo=UTC))
    berlin.build("2026-03-29", "2026-03-30")
    assert chosen(berlin) == [("E1", "03-29")]


# --- again
def joined(world: World) -> list[Any]:
    return [world.rows(table) for table in mart.BUILD.values()]


def busy(world: World) -> None:
    """Two people with punches, visits and check-ins on two days."""
    world.account("a1")
    world.employee("E2")
    for person in ("E1", "E2"):
        for day in ("2026-11-03", "2026-11-04"):
            world.punch(person, day, "in 09:10")
            world.check_in(person, day, "10:30", 40)
            world.check_in(person, day, "10:50", 10)
            world.visit(person, f"{person}-{day}-1", day, "10:00 - 11:00", "a1")
            world.visit(person, f"{person}-{day}-2", day, "10:30 - 11:30", "a1")
            world.punch(person, day, "out 18:00")


def test_a_second_build_makes_the_same_rows(extracted: World) -> None:
    busy(extracted)
    counts = extracted.build("2026-11-03", "2026-11-05")
    first = joined(extracted)
    assert counts == {
        "person_days": 4, "attendance_days": 4, "uncounted": 0, "visits": 8, "contested": 16, "unmatched": 0,
    }  # fmt: skip
    assert extracted.build("2026-11-03", "2026-11-05") == counts
    assert joined(extracted) == first


def test_an_ended_runs_leftovers_are_swept(extracted: World) -> None:
    extracted.build("2026-11-03", "2026-11-04", "dead")
    extracted.change(ops.run, {"state": "failed"}, run_id="dead")
    extracted.build("2026-11-03", "2026-11-04", "r2")
    assert {r["run_id"] for r in extracted.rows(mart.BUILD["attendance_day"])} == {"r2"}


def test_nothing_is_built_when_a_rule_is_wrong(extracted: World) -> None:
    extracted.settings = with_config(extracted.settings, roster=[])
    with pytest.raises(ConfigError):
        extracted.build("2026-11-03", "2026-11-04")
    assert joined(extracted) == [[]] * len(mart.JOINED)
    assert [(s["state"], s["result"]) for s in extracted.rows(ops.step)] == [("failed", {"error": "ConfigError"})]


def test_a_missing_calendar_is_announced_in_november(
    extracted: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fieldwork.rules.calendar.known_years", lambda: range(2004, 2027))
    extracted.plan("2026-11-03", "2026-11-04")
    extracted.change(ops.run, {"as_of": datetime(2026, 10, 31, 15, tzinfo=UTC)}, run_id="r1")
    build(extracted.engine, extracted.settings, run_id="r1")
    assert caplog.messages == []
    extracted.change(ops.run, {"as_of": datetime(2026, 10, 31, 16, tzinfo=UTC)}, run_id="r1")
    build(extracted.engine, extracted.settings, run_id="r1")
    assert "2027" in caplog.text


def test_a_year_without_a_calendar(extracted: World) -> None:
    with pytest.raises(CalendarYearUnknown):
        extracted.build("2099-01-04", "2099-01-05")


KILLED = """
import sys
from sqlalchemy import create_engine
from fieldwork import failpoint, settings
from fieldwork.steps import build, publish
here = settings.load({"FIELDWORK_HOME": sys.argv[2], "FIELDWORK_WAREHOUSE_URL": sys.argv[1]})
engine = create_engine(sys.argv[1].replace("postgresql://", "postgresql+psycopg://"))
failpoint.arm(sys.argv[4])
getattr({"build": build, "publish": publish}[sys.argv[3]], sys.argv[3])(engine, here, run_id=sys.argv[5])
"""


def kill(world: World, step: str, point: str, run_id: str = "r1") -> None:
    """Run the step in a process of its own, which dies at the point."""
    url = world.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [sys.executable, "-c", KILLED, url, str(world.settings.home), step, point, run_id]
    assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == -9


@pytest.mark.parametrize("point", ["mid_build", "after_build"])
def test_a_killed_build_leaves_nothing_or_all_and_is_repeated(extracted: World, point: str) -> None:
    busy(extracted)
    extracted.build("2026-11-03", "2026-11-05")
    whole = joined(extracted)
    for table in (mart.build_person_day, *mart.BUILD.values()):
        extracted.delete(table)
    kill(extracted, "build", point)
    assert joined(extracted) == (whole if point == "after_build" else [[]] * len(mart.JOINED))
    build(extracted.engine, extracted.settings, run_id="r1")
    assert joined(extracted) == whole


def test_other_peoples_days_are_not_read_into_ones_own(extracted: World) -> None:
    busy(extracted)
    extracted.delete(core.punch, employee_id="E2")
    extracted.build("2026-11-03", "2026-11-05")
    assert extracted.day("E2", "2026-11-03")["status"] == "absent"
