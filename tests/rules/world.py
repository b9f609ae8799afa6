"""A company written in short: people, punches, leave and visits straight into the warehouse, then a run over them.

Times are Shanghai's wall clock unless the world has another zone: ``09:00``, ``09:05:59``, ``+1 06:02`` (the next day).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.publish import publish
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import core, mart, ops

#: a point in Shanghai, and how many degrees of latitude a metre is there
HERE = (31.2304, 121.4737)
METRE = 1 / 111_195.08
ORIGIN = {"system": "test", "batch_id": 1, "loaded_at": datetime(2026, 1, 1, tzinfo=UTC)}

_SINCE = date(2000, 1, 1)
_GRACES = {"grace_in_minutes": 5, "grace_out_minutes": 0}
#: shifts beside the shipped ones
MORE_SHIFTS = [
    {"name": "early", "from": _SINCE, "kind": "fixed", "starts": time(0, 0), "ends": time(8, 0), **_GRACES},
    {"name": "evening", "from": _SINCE, "kind": "fixed", "starts": time(14, 0), "ends": time(23, 0), **_GRACES},
    {"name": "sweep", "from": _SINCE, "kind": "fixed", "starts": time(7, 30), "ends": time(11, 30), **_GRACES},
    {
        "name": "guard", "from": _SINCE, "kind": "fixed", "starts": time(20, 0), "ends": time(8, 0),
        "break_starts": time(1, 0), "break_ends": time(2, 0), **_GRACES,
    },
]  # fmt: skip


class World:
    """What the tests write facts with, and read joined rows from."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.zone = ZoneInfo(settings.config["rules"][0].get("time_zone", settings.config["company"]["time_zone"]))
        self._ids = itertools.count(1)

    # --- facts
    def insert(self, table: sa.Table, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.insert(table).values(**values))

    def at(self, day: date | str, clock: str) -> datetime:
        """``clock`` on the day, ``+1 06:02`` on the day after."""
        start = date.fromisoformat(day) if isinstance(day, str) else day
        if clock[0] in "+-":
            ahead, clock = clock.split(" ")
            start += timedelta(days=int(ahead))
        return datetime.fromisoformat(f"{start}T{clock}").replace(tzinfo=self.zone)

    def employee(self, employee_id: str, **more: Any) -> None:
        self.insert(
            core.employee,
            **{"employee_id": employee_id, "user_id": f"u-{employee_id}", "name": f"Name {employee_id}"} | more,
            **ORIGIN,
        )

    def punch(self, employee_id: str, day: date | str, text: str, **more: Any) -> str:
        """``in 09:00``, ``field +1 00:10``; ``base 10:00`` and ``for 2026-11-02`` may follow."""
        kind, _, clock = text.partition(" ")
        clock, _, stated = clock.partition(" for ")
        clock, _, base = clock.partition(" base ")
        place = {n: more.pop(n) for n in ("latitude", "longitude", "accuracy_m") if n in more}
        record = {
            "employee_id": employee_id,
            "record_id": f"p{next(self._ids):04}",
            "user_id": f"u-{employee_id}",
            "punched_at": self.at(day, clock),
            "kind": kind,
            "work_date": date.fromisoformat(stated) if stated else None,
            "base_at": self.at(day, base) if base else None,
        } | more
        self.insert(core.punch, **record, **ORIGIN)
        if place:
            self.insert(
                core.punch_place,
                employee_id=employee_id,
                record_id=record["record_id"],
                punched_at=record["punched_at"],
                **place,
            )
        return str(record["record_id"])

    def check_in(self, employee_id: str, day: date | str, clock: str, metres: float | None = 0, **more: Any) -> str:
        """A field check-in so many metres north of HERE; None = without a position."""
        place = {} if metres is None else {"latitude": HERE[0] + metres * METRE, "longitude": HERE[1]}
        return self.punch(employee_id, day, f"field {clock}", **place, **more)

    def leave(self, employee_id: str, day: date | str, text: str) -> None:
        """``leave 09:00 - 12:00``."""
        kind, _, span = text.partition(" ")
        start, end = span.split(" - ")
        self.insert(
            core.leave,
            employee_id=employee_id,
            approval_id=f"l{next(self._ids)}",
            user_id=f"u-{employee_id}",
            kind=kind,
            start_at=self.at(day, start),
            end_at=self.at(day, end),
            **ORIGIN,
        )

    def account(self, account_id: str, metres: float | None = 0, radius_m: float | None = None) -> None:
        """A customer so many metres north of HERE; None = nobody knows where."""
        place = {} if metres is None else {"latitude": HERE[0] + metres * METRE, "longitude": HERE[1]}
        self.insert(core.account, account_id=account_id, name=account_id, radius_m=radius_m, **place, **ORIGIN)

    def visit(self, employee_id: str, visit_id: str, day: date | str, span: str, account_id: str, **more: Any) -> None:
        """``span``: ``10:00 - 11:00``."""
        start, _, end = span.partition(" - ")
        values = {
            "employee_id": employee_id,
            "visit_id": visit_id,
            "owner_id": f"c-{employee_id}",
            "account_id": account_id,
            "planned_start": self.at(day, start),
            "planned_end": self.at(day, end) if end else None,
            "status": "planned",
            "deleted": False,
        }
        self.insert(core.visit, **values | more, **ORIGIN)

    def change(self, table: sa.Table, values: Mapping[str, Any], **where: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.update(table).filter_by(**where).values(**values))

    def delete(self, table: sa.Table, **where: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.delete(table).filter_by(**where))

    def touch(self, employee_id: str, *days: str) -> None:
        with self.engine.begin() as connection:
            for day in days:
                connection.execute(
                    sa.text(
                        "insert into ops.touched values (:e, :d, nextval('ops.touch_seq'), 'test', now()) "
                        "on conflict (employee_id, work_date) do update set seq = excluded.seq"
                    ),
                    {"e": employee_id, "d": date.fromisoformat(day)},
                )

    def covered(self, start: datetime | None, end: datetime, **more: Any) -> None:
        """Punches have been extracted for ``[start, end)``."""
        batch = {"run_id": "earlier", "system": "test", "stream": "punches", "kind": "extract", "state": "closed"}
        self.insert(ops.batch, **batch | more, window_start=start, window_end=end, opened_at=end)

    # --- runs
    def plan(self, since: str, until: str, run_id: str = "r1") -> str:
        with self.engine.begin() as connection:
            days = date.fromisoformat(since), date.fromisoformat(until)
            as_of = datetime(2027, 1, 1, tzinfo=UTC)
            ledger.write_run(connection, ledger.Run(run_id, *days, as_of, ("punches",), False, True, "running"))
        return run_id

    def build(self, since: str, until: str, run_id: str = "r1") -> dict[str, Any]:
        return build(self.engine, self.settings, run_id=self.plan(since, until, run_id))

    def publish(self, run_id: str = "r1") -> dict[str, Any]:
        return publish(self.engine, self.settings, run_id=run_id)

    def run(self, since: str, until: str, run_id: str = "r1") -> dict[str, Any]:
        self.build(since, until, run_id)
        return self.publish(run_id)

    # --- joined rows
    def rows(self, table: sa.Table, **where: Any) -> list[dict[str, Any]]:
        with self.engine.begin() as connection:
            query = sa.select(table).filter_by(**where).order_by(*table.primary_key)
            return [dict(row) for row in connection.execute(query).mappings()]

    def day(self, employee_id: str, day: str) -> dict[str, Any]:
        """The built attendance row."""
        (row,) = self.rows(mart.BUILD["attendance_day"], employee_id=employee_id, work_date=date.fromisoformat(day))
        return row

    def verdicts(self) -> dict[str, tuple[str, str | None]]:
        """Built visits: verdict and the check-in that speaks for it."""
        return {r["visit_id"]: (r["verdict"], r["record_id"]) for r in self.rows(mart.BUILD["visit_check"])}


def with_config(settings: Settings, **tables: Any) -> Settings:
    """Settings with some tables or lists of the configuration replaced."""
    return dataclasses.replace(settings, config={**settings.config, **tables})


def with_roster(
    settings: Settings, shifts: Mapping[str, str], more_shifts: Sequence[Mapping[str, Any]] = ()
) -> Settings:
    """Settings in which these employees work these shifts, everyone else ``office``."""
    start = date(2000, 1, 1)
    own = [{"scope": "employee", "subject": e, "from": start, "shift": s} for e, s in shifts.items()]
    return with_config(
        settings,
        roster=[*settings.config["roster"], *own],
        shift=[*settings.config["shift"], *more_shifts],
    )
