"""rebuild: compute published days again from the facts, by the rules of each day.

Nothing should change: a day is computed again whenever a fact or a rule of it changes. A rebuild proves that, or mends
what a fault of an earlier version left behind. Days are rebuilt month by month, each month a run of its own that reads
nothing, is audited and published like any other; a rehearsal publishes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger

from .audit import audit
from .build import build
from .difference import compare
from .progress import Progress, silent
from .publish import publish
from .scratch import compute_days, scratch

#: Days of employment have attendance, of the others those with a punch have a row.
_DAYS: Final = """
select employee_id, work_date from mart.attendance_day where work_date >= :since and work_date < :until
union
select employee_id, work_date from mart.uncounted_punch where work_date >= :since and work_date < :until
"""
_PUBLISHED: Final = f"insert into asked_day (employee_id, work_date) {_DAYS}"
_TOUCH: Final = f"""
insert into ops.touched (employee_id, work_date, seq, reason, noted_at)
select employee_id, work_date, nextval('ops.touch_seq'), 'rebuild', now()
from ({_DAYS}) as published
on conflict (employee_id, work_date) do nothing
"""  # noqa: S608 - our own words


def rebuild(
    engine: sa.Engine, settings: Settings, *, run_id: str, since: date, until: date, progress: Progress = silent
) -> dict[str, Any]:
    """Compute and publish the published days of ``[since, until)`` again.

    Returns ``{person_days, <dataset>: {inserted, changed, removed, unchanged}}``, summed over the months. Raises what
    build, audit and publish raise; months before are published then, and the same call goes on with the others.
    """
    total: dict[str, Any] = {"person_days": 0}
    for first, after in one_by_one(months(since, until), progress, "rebuild"):
        with engine.begin() as connection:
            connection.execute(sa.text(_TOUCH), {"since": first, "until": after})
        add(total, restate(engine, settings, run_id=f"{run_id}-{first:%Y%m}", since=first, until=after))
    return total


@contextlib.contextmanager
def rehearse(
    engine: sa.Engine, *, since: date, until: date, progress: Progress = silent
) -> Iterator[tuple[sa.Connection, int]]:
    """What a rebuild of ``[since, until)`` would do: person-days, and a connection to ask ``difference`` with.

    Nothing of it is kept.
    """
    days = 0
    with scratch(engine) as connection:
        for first, after in one_by_one(months(since, until), progress, "rehearse"):
            days += compute_days(connection, (_PUBLISHED, {"since": first, "until": after}))
            compare(connection)
        yield connection, days


def restate(engine: sa.Engine, settings: Settings, *, run_id: str, since: date, until: date) -> dict[str, Any]:
    """Build, audit and publish the touched person-days of ``[since, until)`` in a run that reads nothing.

    Returns ``{person_days, <dataset>: {inserted, changed, removed, unchanged}}``.
    """
    run = ledger.Run(run_id, since, until, settings.now().astimezone(UTC), (), False, False, "running", "restate")
    with ledger.held(engine, run_id):
        with engine.begin() as connection:
            ledger.write_run(connection, run)
        try:
            built = build(engine, settings, run_id=run_id)
            audit(engine, settings, run_id=run_id)
            published = publish(engine, settings, run_id=run_id)
        except BaseException as error:
            with engine.begin() as connection:
                ledger.finish_run(connection, run_id, error=str(error) or type(error).__name__)
            raise
        with engine.begin() as connection:
            ledger.finish_run(connection, run_id)
    return {"person_days": built["person_days"], **published}


def add(total: dict[str, Any], part: dict[str, Any]) -> None:
    """Add what one restatement did to what others did."""
    for name, count in part.items():
        if isinstance(count, dict):
            add(total.setdefault(name, {}), count)
        else:
            total[name] = total.get(name, 0) + count


def months(since: date, until: date) -> list[tuple[date, date]]:
    """``[since, until)`` cut at the first of each month; raises ConfigError when it is empty."""
    if since >= until:
        raise ConfigError(f"Nothing lies between {since} and {until}.", todo="`until` is the first day not included.")
    found = []
    while since < until:
        after = min(until, (since.replace(day=1) + timedelta(days=32)).replace(day=1))
        found.append((since, after))
        since = after
    return found


def one_by_one(spans: Sequence[tuple[date, date]], progress: Progress, label: str) -> Iterator[tuple[date, date]]:
    """The spans, with a word on how many are done."""
    for done, span in enumerate(spans):
        progress(label, done, len(spans))
        yield span
    progress(label, len(spans), len(spans))
