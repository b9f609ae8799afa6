"""build: compute the joined rows of the run's person-days into ``build``; readers see none of it yet.

One transaction: which person-days, what is planned for them, attendance, visits, performance. The statements are the
``.sql`` files of ``rules``; a second call computes the same rows again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.failpoint import reached
from fieldwork.rules import calendar, proof, reference, sql, working_day
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.warehouse.merge import hold_off
from fieldwork.warehouse.schema import mart, ops

from .progress import Progress, silent

_log: Final = logging.getLogger(__name__)

#: sorts of a month of a few thousand people stay in memory; a page is found as quickly by an index as by a scan; views
#: are joined in the best order, not as written
_PLANNER: Final = {
    "work_mem": "128MB",
    "random_page_cost": "1.1",
    "join_collapse_limit": "11",
    "from_collapse_limit": "11",
    "enable_memoize": "off",
}

_DAYS: Final = (
    "create temporary table asked_day (employee_id text, work_date date) on commit drop",
    "create temporary table linked_day (employee_id text, work_date date, touch_seq bigint) on commit drop",
)
_RUN_DAY: Final = "create temporary table run_day on commit drop as table build.person_day with no data"
_RUN_DAY_ROWS: Final = "insert into run_day select * from build.person_day where run_id = :run_id"
_KNOWN_CUSTOMER: Final = (
    "create temporary table known_customer (check_in_no bigint primary key, account_id text, "
    "distance_m double precision, at_customer boolean) on commit drop"
)
#: parts of the way within which customers are looked for, one after the other
_LOOKS: Final = (0.5, 1.0)
_PARTS: Final = ("attendance", "visits", "performance")


def build(engine: sa.Engine, settings: Settings, *, run_id: str, progress: Progress = silent) -> dict[str, Any]:
    """Build the run's person-days.

    Returns ``{person_days, attendance_days, uncounted, visits, contested, unmatched}``.

    Raises ConfigError and CalendarYearUnknown; then nothing was built.
    """
    with ledger.step(engine, run_id, "build") as result:
        with engine.begin() as connection:
            tune(connection)
            _prepare(connection, settings, run_id)
            result["person_days"] = choose(connection, run_id)
            hold_off(connection, "accounts")
            result |= compute(connection, run_id, progress=progress)
            _note_cells(connection)
        reached("after_build")
        return result


def tune(connection: sa.Connection) -> None:
    """Let the planner do, until the transaction ends, what the statements of the rules need."""
    for name, value in _PLANNER.items():
        connection.execute(sa.select(sa.func.set_config(name, value, True)))


def choose(connection: sa.Connection, run_id: str) -> int:
    """Note in ``build.person_day`` and ``run_day`` what is computed for ``asked_day``; returns how many person-days."""
    connection.execute(sa.text("analyze asked_day"))
    connection.execute(sa.text(sql.read("linked_day")))
    connection.execute(sa.text("analyze linked_day"))
    found = connection.execute(sa.text(sql.read("person_day")), {"run_id": run_id}).rowcount
    connection.execute(sa.text(_RUN_DAY))
    connection.execute(sa.text(_RUN_DAY_ROWS), {"run_id": run_id})
    connection.execute(sa.text("analyze run_day"))
    return found


def compute(connection: sa.Connection, run_id: str, *, progress: Progress = silent) -> dict[str, Any]:
    """The joined rows of ``run_day`` into ``build``.

    Returns ``{attendance_days, uncounted, visits, contested, unmatched}``.
    """
    result: dict[str, Any] = {}
    progress("build", 0, len(_PARTS))
    _plan(connection)
    result["attendance_days"] = _insert(connection, "attendance_day", run_id)
    result["uncounted"] = _insert(connection, "uncounted_punch", run_id)
    progress("build", 1, len(_PARTS))
    reached("mid_build")
    result["contested"] = _weigh(connection)
    result["visits"] = _insert(connection, "visit_check", run_id)
    result["unmatched"] = _list_unmatched(connection, run_id)
    progress("build", 2, len(_PARTS))
    _insert(connection, "performance_day", run_id)
    progress("build", 3, len(_PARTS))
    return result


def clear(connection: sa.Connection, run_id: str) -> None:
    """Forget what this run built, and what runs that have ended left behind."""
    run = ops.run.c
    ended = sa.select(run.run_id).where(run.state != "running")
    for table in (mart.build_person_day, *mart.BUILD.values()):
        connection.execute(sa.delete(table).where((table.c.run_id == run_id) | table.c.run_id.in_(ended)))


def open_days(connection: sa.Connection) -> None:
    """The empty tables ``asked_day``, which the caller fills, and ``linked_day``."""
    for statement in _DAYS:
        connection.execute(sa.text(statement))


def _prepare(connection: sa.Connection, settings: Settings, run_id: str) -> None:
    """Bring the rules up to date and note which person-days the run is asked for."""
    run = ledger.read_run(connection, run_id)
    for warning in calendar.warnings(run.as_of.astimezone(settings.time_zone).date()):
        _log.warning(warning)
    clear(connection, run_id)
    reference.seed_reference(connection, settings, run.since, run.until - timedelta(days=1))
    open_days(connection)
    window = {"since": run.since, "until": run.until, "reads": run.kind != "restate"}
    connection.execute(sa.text(sql.read("asked_day")), window)


def _plan(connection: sa.Connection) -> None:
    """What is planned for each person-day, the punches with their working day, and the shift that holds."""
    _scratch(connection, "planned_day", "off_day", "visit_plan", "incoming_punch")
    for name, select in (("day_punch", working_day.of_each_punch_once()), ("astray_day", working_day.astray())):
        connection.execute(sa.text(f"create temporary table {name} on commit drop as\n{select}"))
        connection.execute(sa.text(f"analyze {name}"))
    _scratch(connection, "punched_day", "shift_part")
    connection.execute(sa.text(sql.read("split_part")))


def _weigh(connection: sa.Connection) -> int:
    """Which check-in speaks for which visit; returns how many pairs were contested."""
    _scratch(connection, "check_in", "visit_candidate")
    connection.execute(sa.text(sql.read("swapped_check_in")))
    _scratch(connection, "check_in_trail")
    connection.execute(sa.text(sql.read("check_in_signal")))
    contested = proof.prove(connection)
    _scratch(connection, "visit_witness", "visit_stay")
    return contested


def _list_unmatched(connection: sa.Connection, run_id: str) -> int:
    """The check-ins that prove no visit; returns how many."""
    _scratch(connection, "free_check_in")
    connection.execute(sa.text(_KNOWN_CUSTOMER))
    for share in _LOOKS:
        connection.execute(sa.text(sql.read("known_customer")), {"share": share})
    connection.execute(sa.text("analyze known_customer"))
    return _insert(connection, "unmatched_check_in", run_id)


def _note_cells(connection: sa.Connection) -> None:
    """Where the check-ins are that name a customer by nearness, or none: what an account that moves may touch.

    Accounts stand still from before they are looked at until this is kept: one that moves later finds it.
    """
    connection.execute(sa.text(sql.read("check_in_cell")))


def _scratch(connection: sa.Connection, *names: str) -> None:
    """Fill tables that live until the transaction ends, each by the file of its name."""
    for name in names:
        connection.execute(sa.text(sql.read(name)))
        connection.execute(sa.text(f"analyze {name}"))


def _insert(connection: sa.Connection, name: str, run_id: str) -> int:
    """Rows into ``build.<name>``; returns how many."""
    count = connection.execute(sa.text(sql.read(name)), {"run_id": run_id}).rowcount
    connection.execute(sa.text(f"analyze build.{name}"))
    return count
