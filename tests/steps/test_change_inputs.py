"""Whatever may be configured is planned, and concerns exactly the person-days that count otherwise by it.

What counts otherwise is found without the plan: all published days are computed by the changed configuration, and the
joined rows compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.rules.reference import adopt
from fieldwork.settings import Settings
from fieldwork.steps.change_rules import apply_rules, plan_rules
from fieldwork.steps.difference import compare
from fieldwork.steps.scratch import compute_days, scratch
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server
from fieldwork.warehouse.schema import mart, ops
from tests.conftest import fresh_database
from tests.rules.world import World, with_config, with_roster

SINCE, UNTIL = "2026-11-02", "2026-11-14"
DAYS: Final = [f"2026-11-{n:02}" for n in range(2, 14) if n not in (7, 8)]
CHANGED = date(2026, 11, 9)
EVERY_DAY: Final = {f"11-{n:02}" for n in range(2, 14)}
SPLIT: Final[dict[str, Any]] = {
    "name": "split", "from": date(2000, 1, 1), "kind": "fixed", "grace_in_minutes": 5, "grace_out_minutes": 0,
    "parts": [{"starts": time(9), "ends": time(13)}, {"starts": time(15), "ends": time(19)}],
}  # fmt: skip
_ALL: Final = """
insert into asked_day (employee_id, work_date)
select employee_id, work_date from mart.attendance_day union select employee_id, work_date from mart.uncounted_punch
"""


@pytest.fixture(scope="module")
def template(pg_server: server.Server) -> Iterator[str]:
    """The name of a database in which four people's days are published.

    E1 works in the office and checks in off plan, E2 at night, E4 of the team Mall on the split shift; E3 left on the
    5th and punches on the 10th.
    """
    with fresh_database(pg_server) as url:
        here = _world(url)
        here.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
        here.account("a1", 700)
        here.employee("E1"), here.employee("E2"), here.employee("E4", team="Mall")
        here.employee("E3", left_on=date(2026, 11, 5))
        for day in DAYS:
            here.punch("E1", day, "in 09:00"), here.punch("E1", day, "out 18:20")
            here.punch("E2", day, "in 22:00"), here.punch("E2", day, "out +1 06:10")
            for clock in ("in 09:00", "out 13:00", "in 15:10", "out 19:00"):
                here.punch("E4", day, clock)
        here.check_in("E1", "2026-11-11", "10:30")
        here.punch("E3", "2026-11-04", "in 09:00")
        here.punch("E3", "2026-11-10", "in 09:00")
        here.touch("E3", "2026-11-10")
        here.run(SINCE, UNTIL)
        here.engine.dispose()
        yield str(sa.make_url(url).database)


@pytest.fixture
def world(pg_server: server.Server, template: str, tmp_path: Path) -> Iterator[World]:
    """Those people, with a roster file of their own that says nothing yet."""
    with fresh_database(pg_server, template) as url:
        here = _world(url)
        here.settings = lines(here.settings, tmp_path)
        yield here
        here.engine.dispose()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the audit, which costs seconds and is not what these tests are about."""
    monkeypatch.setattr("fieldwork.steps.rebuild.audit", lambda *_, **__: {})


def _world(url: str) -> World:
    settings = settings_module.load({"FIELDWORK_HOME": "/nowhere", "FIELDWORK_WAREHOUSE_URL": url})
    engine = engine_module.connect(sa.make_url(url).set(drivername="postgresql+psycopg"))
    return World(engine, with_roster(settings, {"E2": "night", "E4": "split"}, [SPLIT]))


def lines(settings: Settings, folder: Path, *said: str) -> Settings:
    path = folder / f"roster{len(said)}.csv"
    path.write_text("\n".join(["employee_id,work_date,shift", *said]) + "\n", encoding="utf-8")
    return dataclasses.replace(settings, roster_file=path)


def more(settings: Settings, table: str, **entry: Any) -> Settings:
    return with_config(settings, **{table: [*settings.config[table], entry]})


def company(settings: Settings, **day: Any) -> Settings:
    return with_config(settings, company={**settings.config["company"], "days": [day]})


def version(settings: Settings, **over: Any) -> Settings:
    return more(settings, "rules", **{**settings.config["rules"][0], "version": "2026-2", "from": CHANGED, **over})


def concerned(world: World, changed: Settings) -> set[tuple[str, str]]:
    with plan_rules(world.engine, changed) as plan:
        rows = plan.connection.execute(sa.text("select employee_id, work_date::text from concerned_day")).tuples().all()
        assert len(rows) == plan.changes.person_days
        return {(person, day[5:]) for person, day in rows}


def counts_otherwise(world: World, changed: Settings) -> set[tuple[str, str]]:
    with scratch(world.engine) as connection:
        adopt(connection, changed)
        compute_days(connection, (_ALL, {}))
        compare(connection)
        rows = connection.execute(sa.text("select distinct employee_id, work_date::text from difference")).tuples()
        return {(person, day[5:]) for person, day in rows}


def of(person: str, *days: int) -> set[tuple[str, str]]:
    return {(person, f"11-{n:02}") for n in days}


FROM_CHANGED: Final = {(person, day) for person in ("E1", "E2", "E4") for day in EVERY_DAY if day >= "11-09"}
EVERYBODY_ON_THE_11TH: Final = of("E1", 11) | of("E2", 11) | of("E4", 11)
#: Where a night shift moves, the days beside it are concerned too: the border to them moves.
CHANGES: Final[dict[str, tuple[Callable[[Settings, Path], Settings], set[tuple[str, str]]]]] = {
    "a date of roster.csv": (lambda s, to: lines(s, to, "E1,2026-11-05,flexible"), of("E1", 5)),
    "a date of roster.csv that says what holds": (lambda s, to: lines(s, to, "E1,2026-11-05,office"), set()),
    "a day off in roster.csv, at night": (lambda s, to: lines(s, to, "E2,2026-11-10,rest"), of("E2", 9, 10, 11)),
    "a worked Saturday in roster.csv": (lambda s, to: lines(s, to, "E4,2026-11-07,office"), of("E4", 7)),
    "a company holiday": (
        lambda s, _: company(s, date=date(2026, 11, 11), kind="holiday"), EVERYBODY_ON_THE_11TH,
    ),
    "half a company workday": (
        lambda s, _: company(s, date=date(2026, 11, 11), kind="half"), EVERYBODY_ON_THE_11TH | of("E2", 10, 12),
    ),
    "a company day by another name": (
        lambda s, _: company(s, date=date(2026, 11, 11), kind="workday", name="moving day"), set(),
    ),
    "an hours system of the company": (
        lambda s, _: more(s, "hours", scope="company", subject="*", system="comprehensive", settlement="month",
                          **{"from": CHANGED}),
        FROM_CHANGED,
    ),
    "an hours system of a team": (
        lambda s, _: more(s, "hours", scope="team", subject="Mall", system="irregular", **{"from": CHANGED}),
        {(person, day) for person, day in FROM_CHANGED if person == "E4"},
    ),
    "an hours system of one person": (
        lambda s, _: more(s, "hours", scope="employee", subject="E1", system="irregular",
                          **{"from": date(2026, 11, 4), "until": date(2026, 11, 6)}),
        of("E1", 4, 5),
    ),
    "a rotation": (
        lambda s, _: more(s, "roster", scope="employee", subject="E1", pattern=["office", "office", "rest"],
                          **{"from": CHANGED}),
        of("E1", 11),
    ),
    "a roster that knows no weekends": (
        lambda s, _: more(s, "roster", scope="company", subject="*", shift="office", follows="holidays",
                          **{"from": date(2026, 11, 3)}),
        of("E1", 7, 8),
    ),
    "other parts of a split shift": (
        lambda s, _: more(s, "shift", **{
            **SPLIT, "from": CHANGED, "parts": [SPLIT["parts"][0], {"starts": time(15, 30), "ends": time(19)}],
        }),
        {(person, day) for person, day in FROM_CHANGED if person == "E4"},
    ),
    "a rule that came later": (lambda s, _: version(s, nearby_m=500), FROM_CHANGED | of("E3", 10)),
    "another rule that came later": (lambda s, _: version(s, long_span_minutes=500), FROM_CHANGED | of("E3", 10)),
    "a version that says the usual": (lambda s, _: version(s, leave_joins_break=False), FROM_CHANGED | of("E3", 10)),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_concerned_are_exactly_the_days_that_count_otherwise(world: World, tmp_path: Path, name: str) -> None:
    change, expected = CHANGES[name]
    changed = change(world.settings, tmp_path)
    found = concerned(world, changed)
    assert found == expected
    assert found >= counts_otherwise(world, changed)


@pytest.mark.usefixtures("quick")
def test_all_of_it_applied_equals_what_always_was(world: World, tmp_path: Path) -> None:
    """A run refuses, the plan is applied, and a rebuild by the same configuration changes nothing."""
    changed = version(company(world.settings, date=date(2026, 11, 11), kind="half"), nearby_m=500)
    changed = more(changed, "hours", scope="team", subject="Mall", system="irregular", **{"from": date(2026, 11, 3)})
    changed = lines(changed, tmp_path, "E1,2026-11-05,flexible", "E2,2026-11-10,rest", "E4,2026-11-07,office")
    world.settings = changed
    with pytest.raises(ConfigError, match="rules plan"):
        world.build("2026-11-14", "2026-11-15", "r2")
    assert world.rows(ops.touched) == []
    old = world.rows(mart.uncounted_punch)
    expected = concerned(world, changed)
    done = apply_rules(world.engine, changed, run_id="a1")
    assert done["concerned"] == len(expected) > 20
    assert done["uncounted_punch"] == {"inserted": 0, "changed": 1, "removed": 0, "unchanged": 0}
    assert done["unmatched_check_in"]["changed"] == 1
    assert [{**r, "rule_version": "2026-2", "published_at": None} for r in old] == [
        {**r, "published_at": None} for r in world.rows(mart.uncounted_punch)
    ]
    assert world.rows(ops.touched) == []
    assert counts_otherwise(world, changed) == set()
    with plan_rules(world.engine, changed) as plan:
        assert not plan.changes
    history = {r["work_date"] for t in mart.HISTORY.values() for r in world.rows(t)}
    assert {f"{day:%m-%d}" for day in history} <= {day for _, day in expected}


@pytest.mark.usefixtures("quick")
def test_what_is_said_of_one_person_is_restated_by_the_next_run(world: World, tmp_path: Path) -> None:
    """Beside a rule of days to come, which concerns nobody yet."""
    world.settings = version(world.settings, nearby_m=500, **{"from": date(2026, 11, 20)})
    world.settings = lines(world.settings, tmp_path, "E1,2026-11-05,flexible", "E4,2026-12-24,rest")
    world.build("2026-11-14", "2026-11-15", "r2")
    built = world.rows(mart.build_person_day, employee_id="E1")
    assert [str(r["work_date"]) for r in built] == ["2026-11-05", "2026-11-14"]
    assert world.day("E1", "2026-11-05")["shift"] == "flexible"


def test_a_plan_says_what_the_roster_file_says_otherwise(world: World, tmp_path: Path) -> None:
    changed = lines(world.settings, tmp_path, "E1,2026-11-05,flexible", "E4,2026-12-24,rest")
    with plan_rules(world.engine, changed) as plan:
        found = plan.changes.lines
    assert found is not None
    assert (found.dates, found.people) == (2, 2)
    assert (found.first_day, found.last_day) == (date(2026, 11, 5), date(2026, 12, 24))
