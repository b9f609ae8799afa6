"""Change a rule from a date on: first see who would change and how, computed for real; then let it hold.

The configuration is the place of the rules, ``ref`` holds those by which the warehouse was computed. A plan computes
the published days that a changed configuration concerns in a transaction that is rolled back. Applying writes the rules
and touches these days in one transaction, then restates them month by month; killed in between, the touched days wait,
and the same call, or the next run, goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.rules import change
from fieldwork.rules.reference import Changes, adopt, take_turn
from fieldwork.settings import Settings

from .difference import compare
from .progress import Progress, silent
from .rebuild import add, one_by_one, restate
from .scratch import compute_days, scratch

#: Why the days wait (``ops.touched.reason``).
REASON: Final = "rules"
_CONCERNED: Final = """
insert into asked_day (employee_id, work_date)
select employee_id, work_date from concerned_day where work_date >= :since and work_date < :until
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the configuration would change; ``connection`` has ``difference`` as long as the plan lives."""

    connection: sa.Connection
    changes: Changes
    #: person-days computed: those concerned, and those that must be computed together with them
    person_days: int


@contextlib.contextmanager
def plan_rules(engine: sa.Engine, settings: Settings, *, progress: Progress = silent) -> Iterator[Plan]:
    """Compute the concerned days by the rules of ``settings``; nothing of it is kept, nobody else sees it.

    Raises ConfigError for a mistake in the configuration, or when a version or a shift is changed that days carry.
    """
    with scratch(engine) as connection:
        changes = adopt(connection, settings)
        days = 0
        if changes.person_days:
            for first, after in one_by_one(change.months(connection), progress, "plan"):
                days += compute_days(connection, (_CONCERNED, {"since": first, "until": after}))
                compare(connection)
        yield Plan(connection, changes, days)


def apply_rules(engine: sa.Engine, settings: Settings, *, run_id: str, progress: Progress = silent) -> dict[str, Any]:
    """Let the configuration's rules hold, and restate the published days that they concern.

    Returns ``{concerned, person_days, <dataset>: {inserted, changed, removed, unchanged}}``: person-days whose rules
    changed, and what the restatement of all days that wait for rules did. Raises what :func:`plan_rules` raises, and
    what build, audit and publish raise: then the rules hold, and the days not published yet wait.
    """
    with engine.begin() as connection:
        take_turn(connection)
        changes = adopt(connection, settings)
        if changes.person_days:
            change.touch(connection, REASON)
        waiting = change.waiting(connection, REASON)
    total: dict[str, Any] = {"concerned": changes.person_days, "person_days": 0}
    for first, after in one_by_one(waiting, progress, "restate"):
        add(total, restate(engine, settings, run_id=f"{run_id}-{first:%Y%m}", since=first, until=after))
    return total
