"""What may be given in a case, and the rows that it means.

=================  ====================================================================================================
``shift``          the person's shift, by name; else what the company's roster plans
``roster``         lines of roster.csv: ``{ 2026-11-08 = "day" }``
``employee``       columns of core.employee: ``{ team = "North", hired_on = 2026-11-04 }``
``punches``        ``in 09:00, out +1 06:02, field 10:00``; each may say ``base 09:00`` and ``for 2026-11-02``
``daily``          punches of several days, counted from the case's: ``{ "0 to 4" = "in 09:00, out 18:00" }``
``days``           how many days from the case's on are computed; else the day and its neighbours
``leave``          ``leave 09:00 - 12:00; trip 13:00 - 18:00; out …; overtime …``
``accounts``       ``{ A = "0 m", B = "250 m radius 100", C = "nowhere" }``: metres north of the case's own place; ``in
                   Kashgar`` is far in the west, where longitudes are small enough to pass for latitudes
``visits``         ``{ V1 = "10:00 - 11:00 at A", V2 = "15:00 at B done" }``: any status; planned when none is said
``check_ins``      ``{ a = "10:05 at 20 m accuracy 30", b = "10:40 nowhere" }``: field punches with a name and a place,
                   which may be spoilt: ``swapped``, ``times a million``, ``without longitude``
``tasks``          ``{ T1 = "due 2026-11-03 done 17:00 at A", T2 = "due 2026-11-04 cancelled" }``
``opportunities``  ``{ O1 = "created 10:00 won 2026-11-03 1200.50 CNY", O2 = "created -1 09:00" }``
=================  ====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.warehouse.schema import core
from tests.rules.world import METRE, ORIGIN, World

from .cases import Case

_CLOCK: Final = r"(?:[+-]\d+ )?\d\d:\d\d(?::\d\d)?"
_PLACE: Final = r"(?:at )?(?:(?P<metres>-?[\d.]+) m(?P<west> in Kashgar)?|(?P<nowhere>nowhere)|(?P<null>\(0, 0\)))"
#: what phones and middleware do to a position
_SPOILT: Final[Mapping[str, Callable[[float, float], tuple[float, float | None]]]] = {
    "swapped": lambda latitude, longitude: (longitude, latitude),
    "times a million": lambda latitude, longitude: (latitude * 1e6, longitude * 1e6),
    "without longitude": lambda latitude, longitude: (latitude, None),
}


class Notebook(World):
    """A world that keeps the rows until they are written all at once."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        super().__init__(engine, settings)
        self._rows: dict[sa.Table, dict[tuple[str, ...], list[dict[str, Any]]]] = {}
        zones = [(rule["from"], rule.get("time_zone")) for rule in settings.config["rules"]]
        self._zones = [(since, ZoneInfo(zone or settings.time_zone.key)) for since, zone in sorted(zones)]

    def zone_of(self, day: date) -> ZoneInfo:
        """The zone of the rules that hold on a day."""
        return [zone for since, zone in self._zones if since <= day][-1]

    def at(self, day: date | str, clock: str) -> datetime:
        self.zone = self.zone_of(date.fromisoformat(day) if isinstance(day, str) else day)
        return super().at(day, clock)

    def insert(self, table: sa.Table, **values: Any) -> None:
        self._rows.setdefault(table, {}).setdefault(tuple(values), []).append(values)

    def write(self) -> None:
        """Everything noted so far into the warehouse."""
        with self.engine.begin() as connection:
            for table, shapes in self._rows.items():
                for rows in shapes.values():
                    connection.execute(sa.insert(table), rows)
        self._rows.clear()


def give(world: World, case: Case) -> None:
    """Write one case's facts."""
    world.employee(case.employee_id, **case.given.get("employee", {}))
    for kind, content in case.given.items():
        if write := KINDS.get(kind):
            write(world, case, content)


def _punches(world: World, case: Case, text: str) -> None:
    for punch in filter(None, text.split(", ")):
        world.punch(case.employee_id, case.day, punch)


def _daily(world: World, case: Case, told: Mapping[str, str]) -> None:
    for ahead, punches in ((n, punches) for days, punches in told.items() for n in day_numbers(days)):
        for punch in punches.split(", "):
            world.punch(case.employee_id, case.day + timedelta(days=ahead), punch)


def day_numbers(text: str) -> range:
    """``0 to 4`` or ``7``: days after the case's."""
    first, _, last = text.partition(" to ")
    return range(int(first), int(last or first) + 1)


def _leave(world: World, case: Case, text: str) -> None:
    for approval in filter(None, text.split("; ")):
        world.leave(case.employee_id, case.day, approval)


def _accounts(world: World, case: Case, told: Mapping[str, str]) -> None:
    for name, text in told.items():
        at = _parse(_PLACE + r"(?: radius (?P<radius>[\d.]+))?", text)
        radius = float(at["radius"]) if at["radius"] else None
        world.insert(
            core.account, account_id=case.own(name), name=name, radius_m=radius, **_position(case, at), **ORIGIN
        )


def _visits(world: World, case: Case, told: Mapping[str, str]) -> None:
    pattern = rf"(?P<start>{_CLOCK})(?: - (?P<end>{_CLOCK}))?(?: at (?P<account>\w+))?(?: (?P<status>\w+))?"
    for name, text in told.items():
        said = _parse(pattern, text)
        world.insert(
            core.visit,
            employee_id=case.employee_id,
            visit_id=case.own(name),
            owner_id=f"c-{case.employee_id}",
            account_id=said["account"] and case.own(said["account"]),
            planned_start=world.at(case.day, said["start"]),
            planned_end=world.at(case.day, said["end"]) if said["end"] else None,
            status=said["status"] or "planned",
            deleted=False,
            **ORIGIN,
        )


def _check_ins(world: World, case: Case, told: Mapping[str, str]) -> None:
    for name, text in told.items():
        accuracy, spoilt = r"(?: accuracy (?P<accuracy>-?[\d.]+))?", rf"(?: (?P<spoilt>{'|'.join(_SPOILT)}))?"
        said = _parse(rf"(?P<clock>{_CLOCK}) {_PLACE}{accuracy}{spoilt}", text)
        place: dict[str, float | None] = {**_position(case, said)}
        if said["spoilt"]:
            latitude, longitude = _SPOILT[said["spoilt"]](**_position(case, said))
            place = {"latitude": latitude, "longitude": longitude}
        if said["accuracy"]:
            place["accuracy_m"] = float(said["accuracy"])
        world.punch(case.employee_id, case.day, f"field {said['clock']}", record_id=case.own(name), **place)


def _tasks(world: World, case: Case, told: Mapping[str, str]) -> None:
    pattern = (
        r"(?:due (?P<due>[\d-]+))?"
        rf"(?: ?done (?P<done>{_CLOCK}))?(?: ?(?P<status>open|cancelled))?(?: at (?P<account>\w+))?"
    )
    for name, text in told.items():
        said = _parse(pattern, text)
        world.insert(
            core.task,
            employee_id=case.employee_id,
            task_id=case.own(name),
            owner_id=f"c-{case.employee_id}",
            account_id=said["account"] and case.own(said["account"]),
            due_on=date.fromisoformat(said["due"]) if said["due"] else None,
            completed_at=world.at(case.day, said["done"]) if said["done"] else None,
            status=said["status"] or ("done" if said["done"] else "open"),
            deleted=False,
            **ORIGIN,
        )


def _opportunities(world: World, case: Case, told: Mapping[str, str]) -> None:
    pattern = (
        rf"created (?P<created>{_CLOCK})"
        r"(?: (?P<how>won|closed) (?P<closed>[\d-]+))?(?: (?P<amount>[\d.]+)(?: (?P<currency>[A-Z]+))?)?"
    )
    for name, text in told.items():
        said = _parse(pattern, text)
        world.insert(
            core.opportunity,
            employee_id=case.employee_id,
            opportunity_id=case.own(name),
            owner_id=f"c-{case.employee_id}",
            amount=Decimal(said["amount"]) if said["amount"] else None,
            currency=said["currency"],
            created_at=world.at(case.day, said["created"]),
            closed_on=date.fromisoformat(said["closed"]) if said["closed"] else None,
            is_won=said["how"] == "won",
            deleted=False,
            **ORIGIN,
        )


def _parse(pattern: str, text: str) -> dict[str, str]:
    found = re.fullmatch(pattern, text)
    if not found:
        raise ValueError(f"{text!r} is not written as facts.py reads it")
    return found.groupdict()


def _position(case: Case, said: Mapping[str, str]) -> dict[str, float]:
    """Every case has a place of its own, over twenty kilometres from the next."""
    if said["nowhere"]:
        return {}
    if said["null"]:
        return {"latitude": 0.0, "longitude": 0.0}
    latitude, longitude = 28 + 0.2 * (case.number % 25), 105 + 0.25 * (case.number // 25)
    longitude -= 30 if said["west"] else 0
    return {"latitude": latitude + float(said["metres"]) * METRE, "longitude": longitude}


#: told to the company before any fact is written (company.py)
SETTINGS: Final = frozenset({"employee", "shift", "roster", "days"})
#: how each kind of fact is written
KINDS: Final[Mapping[str, Callable[[World, Case, Any], None]]] = {
    "daily": _daily,
    "punches": _punches,
    "leave": _leave,
    "accounts": _accounts,
    "visits": _visits,
    "check_ins": _check_ins,
    "tasks": _tasks,
    "opportunities": _opportunities,
}
