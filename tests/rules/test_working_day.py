"""The working day of a punch, asked as the load asks it: by shift, at the borders, and where shifts change."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.rules import working_day
from fieldwork.rules.reference import seed_reference
from tests.rules.world import MORE_SHIFTS, World, with_config

TUESDAY = date(2026, 11, 3)


@pytest.fixture
def shifts(world: World) -> World:
    """N works nights, O the office, L early, V evenings, G guards; X nights until Tuesday, the office from then on."""
    start = date(2000, 1, 1)
    own = {"N": "night", "L": "early", "V": "evening", "G": "guard", "X": "night"}
    roster = [{"scope": "employee", "subject": e, "from": start, "shift": s} for e, s in own.items()]
    roster.append({"scope": "employee", "subject": "X", "from": TUESDAY, "shift": "office"})
    config = world.settings.config
    world.settings = with_config(
        world.settings, roster=[*config["roster"], *roster], shift=[*config["shift"], *MORE_SHIFTS]
    )
    for employee in "NOLVGX":
        world.employee(employee)
    with world.engine.begin() as connection:
        seed_reference(connection, world.settings, TUESDAY, TUESDAY)
    return world


def touched(
    world: World, *punches: tuple[str, str, str | None], kind: str = "in", base: str | None = None
) -> list[Any]:
    more = {"k": kind, "b": base and world.at(TUESDAY, base)}
    rows = [{"e": e, "t": world.at(TUESDAY, clock), "d": stated, **more} for e, clock, stated in punches]
    columns = "employee_id text, punched_at timestamptz, kind text, work_date date, base_at timestamptz"
    with world.engine.begin() as connection:
        connection.execute(sa.text(f"create temporary table incoming_punch ({columns})"))
        connection.execute(sa.text("insert into incoming_punch values (:e, :t, :k, :d, :b)"), rows)
        found = connection.execute(sa.text(working_day.touched())).all()
        connection.execute(sa.text("drop table incoming_punch"))
    return sorted((e, d.day) for e, d in found)


@pytest.mark.parametrize(
    ("employee", "clock", "day"),
    [
        ("O", "00:00:00", 3),
        ("O", "23:59:59", 3),
        ("O", "02:30", 3),
        ("N", "22:00", 3),
        ("N", "06:02", 2),
        ("N", "13:59:59", 2),
        ("N", "14:00", 3),
        ("L", "-1 23:50", 3),
        ("L", "15:59:59", 3),
        ("L", "16:00", 4),
        ("V", "00:40", 2),
        ("V", "06:29:59", 2),
        ("V", "06:30", 3),
        ("X", "06:02", 2),
        ("X", "07:29:59", 2),
        ("X", "07:30", 3),
        ("X", "+1 02:00", 4),
    ],
)
def test_where_a_punch_belongs(shifts: World, employee: str, clock: str, day: int) -> None:
    assert touched(shifts, (employee, clock, None)) == [(employee, day)]


def test_the_source_wins_within_a_day(shifts: World) -> None:
    assert touched(shifts, ("O", "09:00", "2026-11-02"), ("N", "06:02", "2026-11-03")) == [("N", 3), ("O", 2)]
    assert touched(shifts, ("O", "09:00", "2026-11-01")) == [("O", 3)]


@pytest.mark.parametrize(
    ("employee", "kind", "clock", "base", "day"),
    [
        ("O", "in", "22:05", "22:00", 3),
        ("O", "in", "+1 00:10", "22:00", 3),
        ("O", "in", "-1 23:50", "00:00", 3),
        ("O", "out", "06:02", "06:00", 2),
        ("O", "out", "18:02", "18:00", 3),
        ("V", "out", "+1 00:40", "23:00", 3),
        ("O", "out", "08:01", "08:00", 3),  # early and guard end then: by name
        ("G", "out", "08:01", "08:00", 2),  # but one's own shift comes first
        ("O", "out", "02:05", "02:00", 3),  # no shift ends then
        ("O", "in", "09:00", "-2 09:00", 3),  # a mistake
        ("O", "out", "09:00", "-2 18:00", 3),
        ("N", "field", "06:02", "09:00", 2),  # says nothing about a check-in
    ],
)
def test_the_shift_that_the_source_compares_with_names_the_day(
    shifts: World, employee: str, kind: str, clock: str, base: str, day: int
) -> None:
    assert (employee, day) in touched(shifts, (employee, clock, None), kind=kind, base=base)


def test_the_stated_day_wins_over_the_planned_time(shifts: World) -> None:
    assert touched(shifts, ("O", "06:02", "2026-11-03"), kind="out", base="06:00") == [("O", 3)]


def test_a_check_in_touches_its_date_too(shifts: World) -> None:
    """It may prove a visit of that date."""
    assert touched(shifts, ("N", "06:02", None), kind="field") == [("N", 2), ("N", 3)]
    assert touched(shifts, ("O", "09:00", "2026-11-02"), kind="field") == [("O", 2), ("O", 3)]


def test_each_day_once(shifts: World) -> None:
    assert touched(shifts, ("O", "09:00", None), ("O", "18:00", None), ("N", "22:00", None)) == [("N", 3), ("O", 3)]


def test_without_a_known_shift_it_is_the_local_date(shifts: World) -> None:
    assert touched(shifts, ("stranger", "00:30", None)) == [("stranger", 3)]


def test_the_build_gives_punches_the_same_days(shifts: World) -> None:
    for clock in ("22:00", "+1 06:02"):
        shifts.punch("N", TUESDAY, f"field {clock}")
    shifts.build("2026-11-02", "2026-11-05")
    assert [shifts.day("N", f"2026-11-0{n}")["punches"] for n in (2, 3, 4)] == [0, 2, 0]
