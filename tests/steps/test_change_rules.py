"""A rule changes from a date on: the plan says what would happen, applying does just that, no run does half of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.steps import difference
from fieldwork.steps.change_rules import apply_rules, plan_rules
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server
from fieldwork.warehouse.schema import core, mart, ops, ref
from tests.conftest import fresh_database
from tests.rules.world import World, with_config, with_roster

DAYS = [f"2026-11-{n:02}" for n in range(2, 14) if n not in (7, 8)]
SINCE, UNTIL = "2026-11-02", "2026-11-14"
CHANGED = date(2026, 11, 9)


@pytest.fixture(scope="module")
def template(pg_server: server.Server) -> Iterator[str]:
    """The name of a database in which two people's days are published.

    E1 comes seven minutes late and visits a customer 400 m off, E2 works nights.
    """
    with fresh_database(pg_server) as url:
        here = _world(url)
        here.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
        here.account("a1")
        for person in ("E1", "E2"):
            here.employee(person)
        for day in DAYS:
            here.punch("E1", day, "in 09:07")
            here.punch("E1", day, "out 18:20")
            here.check_in("E1", day, "10:30", 400)
            here.visit("E1", f"v{day}", day, "10:00 - 11:00", "a1")
            here.punch("E2", day, "in 22:00")
            here.punch("E2", day, "out +1 06:10")
        here.run(SINCE, UNTIL, "r1")
        here.engine.dispose()
        yield str(sa.make_url(url).database)


@pytest.fixture
def world(pg_server: server.Server, template: str) -> Iterator[World]:
    """Those two people."""
    with fresh_database(pg_server, template) as url:
        here = _world(url)
        yield here
        here.engine.dispose()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the audit, which costs seconds and is not what these tests are about."""
    monkeypatch.setattr("fieldwork.steps.rebuild.audit", lambda *_, **__: {})


def _world(url: str) -> World:
    settings = settings_module.load({"FIELDWORK_HOME": "/nowhere", "FIELDWORK_WAREHOUSE_URL": url})
    engine = engine_module.connect(sa.make_url(url).set(drivername="postgresql+psycopg"))
    return World(engine, with_roster(settings, {"E2": "night"}))


def rules(world: World, **over: Any) -> Settings:
    """The configuration with another version from CHANGED on."""
    later = {**world.settings.config["rules"][0], "version": "2026-2", "from": CHANGED, **over}
    return with_config(world.settings, rules=[*world.settings.config["rules"], later])


def night_shift(world: World, **over: Any) -> Settings:
    """The configuration with other hours of the night shift from CHANGED on."""
    (night,) = [s for s in world.settings.config["shift"] if s["name"] == "night"]
    return with_config(world.settings, shift=[*world.settings.config["shift"], {**night, "from": CHANGED, **over}])


def everything(world: World) -> dict[str, Any]:
    """All that anybody else could see of a plan."""
    tables = [*mart.JOINED, *mart.HISTORY.values(), *mart.BUILD.values(), mart.build_person_day]
    tables += [ref.rule_version, ref.shift, ref.roster, ops.touched, ops.run, ops.step]
    return {table.fullname: world.rows(table) for table in tables}


def published(world: World) -> dict[str, Any]:
    return {
        table.name: [{k: v for k, v in row.items() if k != "published_at"} for row in world.rows(table)]
        for table in mart.JOINED
    }


# --- the plan
def test_a_plan_says_who_would_change_and_how(world: World) -> None:
    before = everything(world)
    with plan_rules(world.engine, rules(world, default_radius_m=500, overtime_tolerance_minutes=15)) as plan:
        assert (plan.changes.first_day, plan.changes.person_days) == (CHANGED, 10)
        assert difference.people(plan.connection) == 1
        assert difference.turns(plan.connection) == [("visit_check", "out_of_range", "verified", 5)]
        told = {(d, c): n for d, c, n in difference.columns(plan.connection)}
        lines = [(r["employee_id"], str(r["work_date"]), r["old"], r["new"]) for r in difference.lines(plan.connection)
                 if r["column_name"] == "overtime_minutes" and r["dataset"] == "attendance_day"]  # fmt: skip
        counts = difference.counts(plan.connection)
    assert told["attendance_day", "overtime_minutes"] == told["performance_day", "visits_verified"] == 5
    assert lines == [("E1", f"2026-11-{n:02}", "0", "20") for n in range(9, 14)]
    assert counts["attendance_day"] == {"new": 0, "gone": 0, "changed": 5, "same_values": 5}
    assert everything(world) == before


def test_a_plan_of_the_rules_in_force_is_empty(world: World) -> None:
    with plan_rules(world.engine, world.settings) as plan:
        assert (plan.changes.entries, plan.changes.person_days, plan.person_days) == ((), 0, 0)


def test_a_plan_of_days_to_come_concerns_nobody(world: World) -> None:
    with plan_rules(world.engine, rules(world, **{"from": date(2026, 11, 14)})) as plan:
        assert (plan.changes.first_day, plan.changes.person_days) == (date(2026, 11, 14), 0)


@pytest.mark.parametrize("name", ["rules", "shift"])
def test_what_published_days_carry_is_not_changed_in_place(world: World, name: str) -> None:
    over = {"duplicate_seconds": 9} if name == "rules" else {"grace_in_minutes": 9}
    entries = [{**e, **over} for e in world.settings.config[name]]
    wrong = with_config(world.settings, **{name: entries})
    with pytest.raises(ConfigError, match="published days were computed with"), plan_rules(world.engine, wrong):
        pass
    with pytest.raises(ConfigError, match="published days were computed with"):
        apply_rules(world.engine, wrong, run_id="a1")


# --- a run before it is applied
def test_a_run_refuses_to_compute_new_days_by_half_a_change(world: World) -> None:
    world.settings = rules(world, default_radius_m=500)
    before = everything(world)
    with pytest.raises(ConfigError, match=r"from 2026-11-09 on, and 10 person-days.*rules plan"):
        world.build("2026-11-14", "2026-11-16", "r2")
    after = everything(world)
    for told in (before, after):
        told.pop("ops.run"), told.pop("ops.step")
    assert after == before


def test_a_rule_of_days_to_come_needs_nobodys_word(world: World) -> None:
    world.settings = rules(world, default_radius_m=500, **{"from": date(2026, 11, 14)})
    world.run("2026-11-14", "2026-11-16", "r2")
    carried = {str(r["work_date"]): r["rule_version"] for r in world.rows(mart.attendance_day, employee_id="E1")}
    assert (carried["2026-11-13"], carried["2026-11-14"]) == ("2000-1", "2026-2")


# --- applying
def test_applying_does_what_the_plan_said_and_leaves_the_days_before(world: World) -> None:
    old = world.rows(mart.attendance_day)
    changed = rules(world, default_radius_m=500, overtime_tolerance_minutes=15)
    done = apply_rules(world.engine, changed, run_id="a1")
    assert (done["concerned"], done["person_days"]) == (10, 10)
    assert done["visit_check"] == {"inserted": 0, "changed": 5, "removed": 0, "unchanged": 0}
    assert [r for r in world.rows(mart.attendance_day) if r["work_date"] < CHANGED] == [
        r for r in old if r["work_date"] < CHANGED
    ]
    assert {r["rule_version"] for r in world.rows(mart.visit_check) if r["work_date"] >= CHANGED} == {"2026-2"}
    assert world.rows(ops.touched) == []
    with plan_rules(world.engine, changed) as plan:
        assert plan.changes.entries == ()
    assert apply_rules(world.engine, changed, run_id="a2") == {"concerned": 0, "person_days": 0}
    world.settings = changed
    world.run("2026-11-14", "2026-11-15", "r2")


@pytest.mark.usefixtures("quick")
def test_applied_rules_equal_rules_that_always_were(world: World) -> None:
    changed = rules(world, default_radius_m=500, overtime_tolerance_minutes=15, duplicate_seconds=5)
    apply_rules(world.engine, changed, run_id="a1")
    ours = published(world)
    with world.engine.begin() as connection:
        for table in mart.JOINED:
            connection.execute(sa.delete(table))
    world.settings = changed
    world.run(SINCE, UNTIL, "fresh")
    assert published(world) == ours


@pytest.mark.usefixtures("quick")
def test_killed_after_the_rules_hold_the_days_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = rules(world, default_radius_m=500)

    def dies(*_: Any, **__: Any) -> Any:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("fieldwork.steps.rebuild.publish", dies)
        with pytest.raises(RuntimeError):
            apply_rules(world.engine, changed, run_id="a1")
    assert {(r["reason"], r["work_date"] >= CHANGED) for r in world.rows(ops.touched)} == {("rules", True)}
    again = apply_rules(world.engine, changed, run_id="a2")
    assert (again["concerned"], again["person_days"]) == (0, 10)
    assert world.rows(ops.touched) == []


@pytest.mark.usefixtures("quick")
def test_days_that_a_run_has_built_but_not_published_are_concerned_too(world: World) -> None:
    world.build("2026-11-16", "2026-11-17", "late")
    apply_rules(world.engine, rules(world, default_radius_m=500), run_id="a1")
    world.publish("late")
    assert {(r["employee_id"], str(r["work_date"])) for r in world.rows(ops.touched)} == set()
    assert {r["rule_version"] for r in world.rows(mart.attendance_day, work_date=date(2026, 11, 16))} == {"2026-2"}


@pytest.mark.usefixtures("quick")
def test_a_version_that_was_wrong_is_withdrawn(world: World) -> None:
    wrong = rules(world, default_radius_m=5000)
    apply_rules(world.engine, wrong, run_id="a1")
    first, second = wrong.config["rules"]
    right = {**second, "version": "2026-2b", "default_radius_m": 500}
    mended = with_config(wrong, rules=[first, {**second, "withdrawn": True}, right])
    assert apply_rules(world.engine, mended, run_id="a2")["concerned"] == 10
    assert {r["rule_version"] for r in world.rows(mart.visit_check) if r["work_date"] >= CHANGED} == {"2026-2b"}
    assert "2026-2" in {r["rule_version"] for r in world.rows(mart.HISTORY["visit_check"])}
    assert {r["version"]: r["valid_to"] for r in world.rows(ref.rule_version)}["2026-2"] == CHANGED


# --- whom a change concerns
def concerned(world: World, changed: Settings) -> set[tuple[str, str]]:
    with plan_rules(world.engine, changed) as plan:
        rows = plan.connection.execute(sa.text("select employee_id, work_date::text from concerned_day"))
        return {(e, d[5:]) for e, d in rows}


def test_a_shift_concerns_those_who_work_it(world: World) -> None:
    nights = {("E2", f"11-{n:02}") for n in range(9, 14)}
    assert concerned(world, night_shift(world, grace_in_minutes=10)) == nights
    moved = night_shift(world, starts=time(23), ends=time(7))
    assert concerned(world, moved) == nights | {("E2", "11-08")}, "the night before ends where the moved one begins"


def test_a_shift_concerns_those_whose_punches_are_compared_with_it(world: World) -> None:
    world.change(core.punch, {"base_at": world.at("2026-11-10", "22:00")}, employee_id="E1", kind="in",
                 punched_at=world.at("2026-11-10", "09:07"))  # fmt: skip
    assert {d for e, d in concerned(world, night_shift(world, grace_in_minutes=10)) if e == "E1"} == {
        "11-09", "11-10", "11-11",
    }, "the day of the punch; near midnight it may count for the days beside"  # fmt: skip


@pytest.mark.usefixtures("quick")
def test_a_border_that_moves_concerns_the_day_before(world: World) -> None:
    """E2 leaves the night shift: the morning of the 9th belonged to it, what is punched then counts elsewhere now."""
    (night,) = [r for r in world.settings.config["roster"] if r["subject"] == "E2"]
    office = {**night, "from": CHANGED, "shift": "office"}
    changed = with_config(world.settings, roster=[*world.settings.config["roster"], office])
    assert min(d for _, d in concerned(world, changed)) == "11-08"
    apply_rules(world.engine, changed, run_id="a1")
    ours = published(world)
    world.settings = changed
    for day in range(2, 14):
        world.touch("E2", f"2026-11-{day:02}")
    world.run(SINCE, UNTIL, "fresh")
    assert published(world) == ours


# --- who works which shift
def test_one_persons_shift_is_a_fact_and_restates_their_days(world: World) -> None:
    own = {
        "scope": "employee",
        "subject": "E1",
        "from": date(2026, 11, 5),
        "until": date(2026, 11, 6),
        "shift": "flexible",
    }
    world.settings = with_config(world.settings, roster=[*world.settings.config["roster"], own])
    world.build("2026-11-14", "2026-11-15", "r2")
    assert [str(r["work_date"]) for r in world.rows(mart.build_person_day, employee_id="E1")] == [
        "2026-11-05", "2026-11-14",
    ]  # fmt: skip
    assert world.day("E1", "2026-11-05")["status"] == "present"


def test_a_teams_shift_is_a_rule(world: World) -> None:
    world.change(core.employee, {"team": "North"}, employee_id="E1")
    team = {"scope": "team", "subject": "North", "from": date(2026, 11, 5), "shift": "flexible"}
    world.settings = with_config(world.settings, roster=[*world.settings.config["roster"], team])
    with pytest.raises(ConfigError, match="rules plan"):
        world.build("2026-11-14", "2026-11-15", "r2")
    assert concerned(world, world.settings) == {("E1", f"11-{n:02}") for n in range(5, 14)}
