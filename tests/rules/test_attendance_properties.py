"""What holds of any day whatever: the order of input never matters, and the parts sum to the whole.

The whole is counted minute by minute in plain Python, over invented shifts in zones whose clocks change.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldwork.settings import Settings
from fieldwork.warehouse import server
from fieldwork.warehouse.schema import core, mart
from tests.golden.company import scratch
from tests.golden.facts import Notebook
from tests.rules.world import MORE_SHIFTS, ORIGIN, with_config

MINUTE = timedelta(minutes=1)
#: ordinary days, and days of 23, 25, 23½ and 24½ hours
PLACES = [
    ("Asia/Shanghai", date(2026, 11, 3)),
    ("Europe/Berlin", date(2026, 3, 28)),
    ("Europe/Berlin", date(2026, 10, 24)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
    ("Australia/Lord_Howe", date(2026, 10, 3)),
]
PEOPLE = 60
FEW = settings(
    max_examples=2, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32 - 1)

Minutes = set[datetime]


def minutes(start: datetime, end: datetime) -> Minutes:
    """The minutes of a span, by their beginning, in UTC."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    return {first + n * MINUTE for n in range(max(0, (last - first) // MINUTE))}


@dataclass
class Person:
    """A shift of one's own, and what was punched in each of its parts."""

    employee_id: str
    parts: list[tuple[int, int]]
    breaks: list[tuple[int, int]]
    punches: list[tuple[int, int] | None] = field(default_factory=list)
    leave: list[tuple[str, int, int]] = field(default_factory=list)

    def shift(self) -> dict[str, Any]:
        hours = [{"starts": clock(a), "ends": clock(b)} for a, b in self.parts]
        return {
            "name": f"s-{self.employee_id}",
            "from": date(2000, 1, 1),
            "kind": "fixed",
            **({"parts": hours} if len(hours) > 1 else hours[0]),
            **({"breaks": [{"starts": clock(a), "ends": clock(b)} for a, b in self.breaks]} if self.breaks else {}),
            "grace_in_minutes": 5,
            "grace_out_minutes": 0,
        }

    def roster(self) -> dict[str, Any]:
        whose = {"scope": "employee", "subject": self.employee_id, "from": date(2000, 1, 1)}
        return whose | {"pattern": [f"s-{self.employee_id}"]}


def clock(minute: int) -> time:
    """Minutes after the midnight of the working day as a clock."""
    return time(minute // 60 % 24, minute % 60)


def invented(pick: Random, employee_id: str) -> Person:
    """A shift in one to three parts, breaks in them, and punches around them; no border in the small hours, where a
    clock may not exist or exist twice.
    """
    borders = [n for n in clear(4 * 60, 29 * 60 + 1) if n % 30 == 0]
    count = pick.choice([1, 1, 1, 2, 3])
    edges = sorted(pick.sample(borders, 2 * count))
    while edges[-1] - edges[0] >= 24 * 60 or edges[0] >= 24 * 60:
        edges = sorted(pick.sample(borders, 2 * count))
    parts = list(zip(edges[::2], edges[1::2], strict=True))
    breaks = []
    for a, b in parts:
        inside = [n for n in clear(a + 15, b) if n % 15 == 0]
        cuts = sorted(pick.sample(inside, min(len(inside) // 2 * 2, 2 * pick.choice([0, 1, 1, 2]))))
        breaks += list(zip(cuts[::2], cuts[1::2], strict=True))
    person = Person(employee_id, parts, breaks)
    for n, (a, b) in enumerate(parts):
        before = max((punched[1] for punched in person.punches if punched), default=a - 90)
        earliest = max(parts[n - 1][1], before + 1) if n else a - 90  # not a near-duplicate of the out before
        latest = parts[n + 1][0] if n + 1 < count else b + 90
        come = pick.choice(clear(max(earliest, a - 90), b))
        gone = clear(max(come, a) + 1, min(latest, b + 90) + (n + 1 == count))
        person.punches.append((come, pick.choice(gone)) if gone and pick.random() < 0.9 else None)
    for _ in range(pick.choice([0, 0, 1, 2])):
        start = pick.choice(clear(edges[0] - 60, edges[-1]))
        person.leave.append((pick.choice(["leave", "trip", "out"]), start, pick.choice(clear(start + 1, start + 400))))
    return person


def clear(first: int, last: int) -> list[int]:
    """The minutes of a span whose clocks exist once on every day."""
    return [n for n in range(first, last) if n % 1440 == 0 or n % 1440 > 3 * 60]


def expected(person: Person, day: date, world: Notebook) -> dict[str, Any]:
    """The columns of the day, counted minute by minute."""
    at = lambda minute: world.at(day + timedelta(days=minute // 1440), f"{clock(minute):%H:%M}")  # noqa: E731
    paused = set().union(*(minutes(at(a), at(b)) for a, b in person.breaks))
    plan = set().union(*(minutes(at(a), at(b)) for a, b in person.parts)) - paused
    away = set().union(*(minutes(at(a), at(b)) for _, a, b in person.leave))
    on_leave = set().union(*(minutes(at(a), at(b)) for kind, a, b in person.leave if kind == "leave"))
    spans = [minutes(at(punched[0]), at(punched[1])) for punched in person.punches if punched]
    there = set().union(*spans)
    gone = plan <= away
    return {
        "planned_minutes": len(plan),
        "leave_minutes": len(plan & away),
        "trip_minutes": len(plan & away) - len(plan & on_leave),
        "attended_minutes": 0 if gone else len((plan - away) & there),
        "missed_minutes": 0 if gone else len(plan - away - there),
        "worked_minutes": sum(len(span - paused) for span in spans),
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def check_the_sum(pg_server: server.Server, home: Path, seed: int) -> None:
    pick = Random(seed)
    zone, day = pick.choice(PLACES)
    people = [invented(pick, f"E{n:03}") for n in range(PEOPLE)]
    with scratch(pg_server, home, "properties") as (engine, shipped):
        world = Notebook(engine, configured(shipped, zone, people))
        world.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
        for person in people:
            world.employee(person.employee_id)
            for n, punched in itertools.product((0, 1), person.punches):
                if punched:
                    told(world, person.employee_id, day, ("in", "out")[n], punched[n])
            for kind, a, b in person.leave:
                span = " - ".join(f"+{minute // 1440} {clock(minute):%H:%M}" for minute in (a, b))
                world.leave(person.employee_id, day, f"{kind} {span}")
        world.write()
        world.build(str(day), str(day + timedelta(days=1)))
        rows = {row["employee_id"]: row for row in world.rows(mart.BUILD["attendance_day"])}
        for person in people:
            row, counted = rows[person.employee_id], expected(person, day, world)
            assert {name: row[name] for name in counted} == counted, (zone, day, person)
            if row["status"] != "leave":
                parts = row["leave_minutes"] + row["attended_minutes"] + row["missed_minutes"]
                assert parts == row["planned_minutes"], (zone, day, person)


def configured(shipped: Settings, zone: str, people: list[Person]) -> Settings:
    rules = [{**shipped.config["rules"][0], "time_zone": zone}]
    shift = [*shipped.config["shift"], *(person.shift() for person in people)]
    return with_config(
        shipped, rules=rules, shift=shift, roster=[*shipped.config["roster"], *(person.roster() for person in people)]
    )


def told(world: Notebook, employee_id: str, day: date, kind: str, minute: int) -> None:
    """A punch whose working day the source states: what is tested is the counting."""
    world.punch(employee_id, day, f"{kind} +{minute // 1440} {clock(minute):%H:%M} for {day}")


@FEW
@given(seed=SEEDS)
def test_the_parts_sum_to_the_whole(pg_server: server.Server, home: Path, seed: int) -> None:
    check_the_sum(pg_server, home, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@MANY
@given(seed=SEEDS)
def test_the_parts_sum_to_the_whole_of_many_days(pg_server: server.Server, home: Path, seed: int) -> None:
    check_the_sum(pg_server, home, seed)


# --- the order of input
CLOCKS = [
    *("08:50", "09:00", "09:00:20", "09:00:50", "11:59", "12:30", "13:00", "17:58", "18:00", "18:00:30", "18:40"),
    *("21:50", "22:00", "23:59:50", "+1 00:00", "+1 00:00:10", "+1 05:50", "+1 06:02", "+1 09:30", "-1 23:50"),
]


def facts(pick: Random) -> list[tuple[str, str]]:
    """Punches of one or two days, some twice at one instant, some with a day or hours that the source states."""
    found = []
    for n in range(pick.randint(0, 9)):
        kind = pick.choice(["in", "in", "out", "out", "field"])
        text = f"{kind} {pick.choice(CLOCKS)}"
        text += pick.choice(["", "", "", " base 09:00", " base 22:00", " base +1 06:00", " base 10:10"])
        text += pick.choice(["", "", "", " for 2026-11-03", " for 2026-11-04", " for 2026-10-01"])
        found.append((f"r{n}", text))
    return found


def shuffled(pick: Random, world: Notebook, day: date) -> Iterator[tuple[str, str]]:
    """Pairs of people with the same facts; the rows of all of them in no order."""
    rows: list[tuple[str, str, str]] = []
    for n in range(PEOPLE // 2):
        twins = f"A{n:03}", f"B{n:03}"
        mine = facts(pick)
        for employee_id in twins:
            world.employee(employee_id, team=f"T{n % 5}")
            rows += [(employee_id, record, text) for record, text in mine]
            if n % 3 == 0:
                leave = [("09:00", "12:00"), ("11:00", "14:00")]
                for number, (start, end) in enumerate(pick.sample(leave, 2)):
                    times = {"start_at": world.at(day, start), "end_at": world.at(day, end)}
                    ids = {"employee_id": employee_id, "approval_id": f"l{start}", "user_id": f"u-{employee_id}"}
                    world.insert(core.leave, kind=("trip", "leave")[number and 0], **ids, **times, **ORIGIN)
        yield twins
    pick.shuffle(rows)
    for employee_id, record, text in rows:
        world.punch(employee_id, day, text, record_id=record)


def check_the_order(pg_server: server.Server, home: Path, seed: int) -> None:
    pick, day = Random(seed), date(2026, 11, 3)
    with scratch(pg_server, home, "properties") as (engine, shipped):
        teams = ["office", "night", "flexible", "evening", "guard"]
        start = {"scope": "team", "from": date(2000, 1, 1)}
        roster = [start | {"subject": f"T{n}", "shift": shift} for n, shift in enumerate(teams)]
        config = shipped.config
        world = Notebook(
            engine,
            with_config(shipped, roster=[*config["roster"], *roster], shift=[*config["shift"], *MORE_SHIFTS]),
        )
        world.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
        twins = list(shuffled(pick, world, day))
        world.write()
        world.build("2026-11-02", "2026-11-06")
        days: dict[str, list[dict[str, Any]]] = {}
        for row in world.rows(mart.BUILD["attendance_day"]):
            days.setdefault(row.pop("employee_id"), []).append(row)
        for one, other in twins:
            assert days[one] == days[other]


@FEW
@given(seed=SEEDS)
def test_the_order_of_input_never_matters(pg_server: server.Server, home: Path, seed: int) -> None:
    check_the_order(pg_server, home, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@MANY
@given(seed=SEEDS)
def test_the_order_of_input_never_matters_to_many_days(pg_server: server.Server, home: Path, seed: int) -> None:
    check_the_order(pg_server, home, seed)
