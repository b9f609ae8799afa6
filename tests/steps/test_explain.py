"""A published value is walked back to its source rows, and these rows alone give it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from random import Random
from typing import Any, Final

import pytest
import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.steps.absent import no_day, no_punch, no_visit
from fieldwork.steps.explain import Explanation, explain_day, explain_punch, explain_visit
from fieldwork.warehouse.engine import libpq_url
from fieldwork.warehouse.schema import core, mart
from tests.rules.world import World
from tests.steps import companies
from tests.steps.rows import rows_of


@pytest.fixture(scope="module")
def warehouse(shared_warehouse: sa.Engine) -> sa.Engine:
    """Some thirty people of random companies, published."""
    settings = settings_module.load(
        {"FIELDWORK_HOME": "/nowhere", "FIELDWORK_WAREHOUSE_URL": libpq_url(shared_warehouse)}
    )
    companies.run(shared_warehouse, settings, "r1", companies.facts(range(6)))
    return shared_warehouse


#: By dataset: how a row of it is named, and what explains it.
ROWS: Final[dict[str, tuple[str, Callable[..., Explanation]]]] = {
    "performance_day": ("employee_id, work_date", explain_day),
    "visit_check": ("visit_id", explain_visit),
    "unmatched_check_in": ("record_id", explain_punch),
    "uncounted_punch": ("record_id", explain_punch),
}
Key = tuple[str, tuple[Any, ...]]


def explained(warehouse: sa.Engine, key: Key, column: str | None = None) -> Explanation:
    dataset, names = key
    return ROWS[dataset][1](warehouse, *names, column)


def keys(warehouse: sa.Engine, pick: Random, count: int) -> Iterator[Key]:
    """Random rows, as many of each dataset."""
    named = {
        dataset: rows_of(warehouse, f"select {key} from mart.{dataset} order by {key}")
        for dataset, (key, _) in ROWS.items()
    }
    for dataset, rows in named.items():
        yield from ((dataset, pick.choice(rows)) for _ in range(count // len(named)))


def telling(warehouse: sa.Engine, pick: Random) -> Iterator[Key]:
    """A random one of the rows of each dataset on which something of each kind counts."""
    days = "select employee_id, work_date from mart.performance_day where {} order by 1, 2"
    for counts in (
        "leave_minutes > 0 and worked_minutes > 0",
        "visits_verified > 0 and tasks_due > 0",
        "amount_won > 0",
    ):
        yield "performance_day", pick.choice(rows_of(warehouse, days.format(counts)))
    visits = "select visit_id from mart.visit_check where {} order by 1"
    for counts in (
        "verdict = 'verified' and stayed_minutes > 0",
        "verdict = 'verified' and signals <> '{}'",
        "verdict = 'off_schedule'",
    ):
        yield "visit_check", pick.choice(rows_of(warehouse, visits.replace("{}", counts, 1)))
    free = rows_of(
        warehouse, "select reason_code, array_agg(record_id order by 1) from mart.unmatched_check_in group by 1"
    )
    assert len(free) > 5
    for _, records in pick.sample(free, 3):
        yield "unmatched_check_in", (pick.choice(records),)
    yield "uncounted_punch", pick.choice(rows_of(warehouse, "select record_id from mart.uncounted_punch order by 1"))


def wrong(explanation: Explanation) -> list[str]:
    return [
        f"{explanation.employee_id} {explanation.work_date} {explanation.visit_id or explanation.record_id or ''}:"
        f" {c.dataset}.{c.name} is"
        f" {c.value}, but its {', '.join(c.sources) or 'plan'} gives {c.again}"
        for c in explanation.columns
        if not c.holds
    ]


def test_hundreds_of_cells_of_random_rows_come_out_again(warehouse: sa.Engine) -> None:
    cells, told = 0, []
    for key in telling(warehouse, Random(7)):
        found = explained(warehouse, key)
        cells += len(found.columns)
        told += wrong(found)
    assert told == []
    assert cells > 200


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_cells_chosen_one_by_one_come_out_again(warehouse: sa.Engine) -> None:
    pick = Random(8)
    told = []
    for key in keys(warehouse, pick, 200):
        names = [c.name for c in mart.HISTORY[key[0]].columns if c.name != "believed_until"]
        if key[0] == "performance_day":
            names += [c.name for c in mart.attendance_day.columns]
        told += wrong(explained(warehouse, key, pick.choice(names)))
    assert told == []


def test_a_visit_at_midnight_is_explained_by_its_rival_of_the_next_day(
    warehouse: sa.Engine, settings: Settings
) -> None:
    """At 00:05 the next day's visit is nearer, but that one has a check-in of its own: so it speaks for yesterday's."""
    world = World(warehouse, settings)
    world.employee("M1")
    world.account("m")
    world.visit("M1", "evening", "2026-09-16", "23:00 - 23:30", "m")
    world.visit("M1", "night", "2026-09-17", "00:10 - 00:40", "m")
    first, second = world.check_in("M1", "2026-09-17", "00:05"), world.check_in("M1", "2026-09-17", "00:30")
    world.run("2026-09-16", "2026-09-18", "midnight")
    found = explain_visit(warehouse, "evening")
    assert [(c["record_id"], c["minutes_off"], c["proves"]) for c in found.candidates] == [
        (first, 35, "evening"), (second, 60, "night"),
    ]  # fmt: skip
    assert wrong(found) == []


def test_a_row_that_is_not_listed_would_be_missed(warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is one: with one source row withheld the value does not come out."""
    from fieldwork.steps import explain as module

    (day,) = rows_of(
        warehouse, "select employee_id, work_date from mart.performance_day where tasks_due > 1 order by 1, 2 limit 1"
    )
    listed = module.list_sources

    def short(connection: sa.Connection, day: Any) -> dict[str, list[str]]:
        found = listed(connection, day)
        return found | {"task": found["task"][1:]}

    monkeypatch.setattr(module, "list_sources", short)
    assert [c.name for c in explain_day(warehouse, *day, "tasks_due").columns if not c.holds] == ["tasks_due"]


def test_what_counts_is_listed_and_adds_up(warehouse: sa.Engine) -> None:
    """In SQL: as many source rows name a count as the count says."""
    counts = [
        "visits_planned", "visits_done", "visits_verified", "tasks_due", "tasks_on_time", "follow_ups",
        "opportunities_created", "opportunities_won",
    ]  # fmt: skip
    told = rows_of(
        warehouse,
        "select p.employee_id, p.work_date, e.column_name, e.value, count(s.record_id)::text "
        "from (select * from mart.performance_day order by md5(employee_id || work_date) limit 60) as p "
        "cross join lateral report.explain_performance(p.employee_id, p.work_date) as e "
        "left join lateral report.explain_source(p.employee_id, p.work_date) as s on e.column_name = any(s.counts_in) "
        f"where e.dataset = 'performance_day' and e.column_name = any(array{counts}) group by 1, 2, 3, 4",
    )
    assert len(told) == 60 * len(counts)
    assert [row for row in told if row[3] != row[4]] == []
    assert len({row[3] for row in told}) > 2


def test_facts_that_changed_since_are_told(warehouse: sa.Engine) -> None:
    (day,) = rows_of(
        warehouse, "select employee_id, work_date from mart.performance_day where tasks_due > 0 order by 1, 2 limit 1"
    )
    with warehouse.connect() as connection:
        open_tasks = sa.text("update core.task set status = 'cancelled' where employee_id = :e and due_on = :d")
        with connection.begin():
            connection.execute(open_tasks, dict(zip("ed", day, strict=True)))
            connection.execute(
                sa.text("insert into ops.touched values (:e, :d, 1, 'tasks', now())"), dict(zip("ed", day, strict=True))
            )
    found = explain_day(warehouse, *day)
    assert found.waits_for == "tasks"
    assert {c.name for c in found.columns if not c.holds} - {"performance_index"} == {"tasks_due", "tasks_on_time"}
    assert {c.again for c in found.columns if c.name == "tasks_due"} == {"0"}


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (("nobody", date(2026, 10, 1)), "no employee nobody"),
        (("gone", date(2027, 1, 1)), "not employed on 2027-01-01"),
        (("gone", date(2026, 8, 1)), "not published: it was not computed yet"),
        (("v-none",), "no visit of this id was loaded"),
        (("v-cancelled",), "cancelled in the CRM"),
        (("v-deleted",), "deleted in the CRM"),
        (("v-unplanned",), "no planned start"),
        (("v-ahead",), "its day .2027-01-01, UTC. is not published"),
        (("p-none", None), "no punch of this id was loaded"),
        (("p-in", None), "no field check-in: it counts in its working day"),
        (("p-field", None), "near-duplicate of another check-in, or its day is not published yet"),
    ],
)
def test_what_is_not_published_says_why(warehouse: sa.Engine, key: tuple[Any, ...], why: str) -> None:
    origin = {"system": "s", "batch_id": 1, "loaded_at": datetime(2026, 1, 1, tzinfo=UTC)}
    ahead = {"planned_start": datetime(2027, 1, 1, tzinfo=UTC)}
    visits = {
        "v-cancelled": {"status": "cancelled"}, "v-deleted": {"deleted": True}, "v-unplanned": {}, "v-ahead": ahead,
    }  # fmt: skip
    with warehouse.connect() as connection, connection.begin() as transaction:
        person = {"employee_id": "gone", "user_id": "gone", "left_on": date(2026, 12, 31)}
        connection.execute(sa.insert(core.employee).values(person | origin))
        for visit_id, more in visits.items():
            row = {"employee_id": "gone", "visit_id": visit_id, "owner_id": "c", "status": "planned", "deleted": False}
            connection.execute(sa.insert(core.visit).values(row | more | origin))
        for kind in ("in", "field"):
            row = {"employee_id": "gone", "record_id": f"p-{kind}", "user_id": "gone", "kind": kind}
            connection.execute(sa.insert(core.punch).values(row | origin | {"punched_at": ahead["planned_start"]}))
        if key[-1] is None:
            error = no_punch(connection, key[0])
        else:
            error = no_visit(connection, *key) if len(key) == 1 else no_day(connection, *key)
        transaction.rollback()
    assert re.search(why, str(error))


def test_an_unknown_column_names_those_that_there_are(warehouse: sa.Engine) -> None:
    (day,) = rows_of(warehouse, "select employee_id, work_date from mart.performance_day order by 1, 2 limit 1")
    with pytest.raises(ConfigError, match=r"no column lateness.*late_minutes"):
        explain_day(warehouse, *day, "lateness")


def test_no_name_and_no_place_is_told(warehouse: sa.Engine) -> None:
    """Values planted in every column that is personal appear nowhere."""
    (day,) = rows_of(
        warehouse,
        "select employee_id, work_date from mart.performance_day where visits_verified > 0 order by 1, 2 limit 1",
    )
    (visit,) = rows_of(
        warehouse,
        f"select visit_id from mart.visit_check where employee_id = '{day[0]}' and work_date = '{day[1]}' limit 1",
    )
    with warehouse.begin() as connection:
        connection.execute(sa.update(core.employee).values(name="CANARY", mobile="CANARY", email="CANARY"))
        connection.execute(sa.update(core.account).values(name="CANARY"))
        connection.execute(sa.update(core.punch_place).values(place="CANARY"))
        places = set(
            connection.scalars(sa.union(sa.select(core.punch_place.c.latitude), sa.select(core.account.c.latitude)))
        )
    (free,) = rows_of(warehouse, "select record_id from mart.unmatched_check_in where account_id is not null limit 1")
    told = "".join(
        map(str, (explain_day(warehouse, *day), explain_visit(warehouse, *visit), explain_punch(warehouse, *free)))
    )
    assert "CANARY" not in told
    assert len(places) > 5
    assert [place for place in places if place and f"{place:.4f}" in told] == []
