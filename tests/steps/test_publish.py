"""What readers get: the old rows or the new ones, history for what was replaced, nothing for what is equal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.rules.reference import seed_reference
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import core, mart, ops
from tests.rules.world import World
from tests.steps.test_build import busy, kill

SINCE, UNTIL = "2026-11-03", "2026-11-05"


@pytest.fixture
def world(warehouse: sa.Engine, settings: Settings) -> World:
    """Two people, two days, all extracted."""
    here = World(warehouse, settings)
    here.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
    here.employee("E1")
    busy(here)
    return here


def again(world: World, run_id: str = "r2", *days: str) -> dict[str, Any]:
    world.touch("E1", *(days or ("2026-11-03", "2026-11-04")))
    return world.run(SINCE, UNTIL, run_id)


def published(world: World) -> list[Any]:
    return [world.rows(table) for table in mart.JOINED]


def facts(rows: list[Any]) -> list[Any]:
    """Without the stamps."""
    return [[{k: v for k, v in row.items() if k != "published_at"} for row in table] for table in rows]


def counts(inserted: int = 0, changed: int = 0, removed: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"inserted": inserted, "changed": changed, "removed": removed, "unchanged": unchanged}


def test_the_first_time_everything_is_new(world: World) -> None:
    assert world.run(SINCE, UNTIL) == {
        "attendance_day": counts(4), "visit_check": counts(8), "unmatched_check_in": counts(),
        "performance_day": counts(4), "uncounted_punch": counts(),
    }  # fmt: skip
    assert world.rows(mart.HISTORY["visit_check"]) == []
    assert world.rows(mart.build_person_day) == world.rows(mart.BUILD["visit_check"]) == []


def test_the_second_time_nothing_changes(world: World) -> None:
    world.run(SINCE, UNTIL)
    before = published(world)
    same = counts(unchanged=2)
    assert again(world) == {
        "attendance_day": same, "visit_check": counts(unchanged=4), "unmatched_check_in": counts(),
        "performance_day": same, "uncounted_punch": counts(),
    }  # fmt: skip
    assert published(world) == before
    assert world.publish("r2") == {name: counts() for name in mart.BUILD}


def test_a_changed_day_keeps_its_earlier_version(world: World) -> None:
    world.run(SINCE, UNTIL)
    (old,) = world.rows(mart.attendance_day, employee_id="E1", work_date=date(2026, 11, 3))
    world.punch("E1", "2026-11-03", "in 08:50")
    assert again(world)["attendance_day"] == counts(changed=1, unchanged=1)
    (new,) = world.rows(mart.attendance_day, employee_id="E1", work_date=date(2026, 11, 3))
    (kept,) = world.rows(mart.HISTORY["attendance_day"])
    assert (old["status"], new["status"], kept["status"]) == ("late", "present", "late")
    assert kept["published_at"] == old["published_at"]
    assert kept["believed_until"] == new["published_at"]


def test_only_touched_days_are_restated(world: World) -> None:
    world.run(SINCE, UNTIL)
    before = published(world)[0]
    for person in ("E1", "E2"):
        for day in ("2026-11-03", "2026-11-04"):
            world.punch(person, day, "in 08:50")
    again(world, "r2", "2026-11-04")
    after = published(world)[0]
    assert [(r["employee_id"], r["work_date"].day) for r, old in zip(after, before, strict=True) if r != old] == [
        ("E1", 4)
    ]


@pytest.mark.parametrize("change", [{"deleted": True}, {"status": "cancelled"}, {"planned_start": None}])
def test_a_visit_that_is_gone(world: World, change: dict[str, Any]) -> None:
    world.run(SINCE, UNTIL)
    world.change(core.visit, change, visit_id="E1-2026-11-03-1")
    assert again(world)["visit_check"]["removed"] == 1
    assert world.rows(mart.visit_check, visit_id="E1-2026-11-03-1") == []
    assert [h["visit_id"] for h in world.rows(mart.HISTORY["visit_check"], visit_id="E1-2026-11-03-1")] == [
        "E1-2026-11-03-1"
    ]


@pytest.mark.parametrize("touched", [("2026-11-03", "2026-11-04"), ("2026-11-04",)])
def test_a_visit_moved_to_another_day(world: World, touched: tuple[str, ...]) -> None:
    world.run(SINCE, UNTIL)
    moved = {"planned_start": world.at("2026-11-04", "15:00"), "planned_end": world.at("2026-11-04", "16:00")}
    world.change(core.visit, moved, visit_id="E1-2026-11-03-1")
    again(world, "r2", *touched)
    (row,) = world.rows(mart.visit_check, visit_id="E1-2026-11-03-1")
    assert (row["work_date"].day, row["planned_start"]) == (4, moved["planned_start"])
    assert len(world.rows(mart.HISTORY["visit_check"], visit_id="E1-2026-11-03-1")) == 1


def test_a_visit_moved_into_the_future_leaves_its_day(world: World) -> None:
    world.run(SINCE, UNTIL)
    world.change(core.visit, {"planned_start": world.at("2026-12-24", "15:00")}, visit_id="E1-2026-11-03-1")
    world.touch("E1", "2026-12-24")
    assert again(world)["visit_check"]["removed"] == 1
    assert [str(t["work_date"]) for t in world.rows(ops.touched)] == ["2026-12-24"]


def test_days_after_leaving_are_taken_out(world: World) -> None:
    world.run(SINCE, UNTIL)
    world.change(core.employee, {"left_on": date(2026, 11, 3)}, employee_id="E1")
    result = again(world)
    assert result["attendance_day"] == result["performance_day"] == counts(removed=1, unchanged=1)
    assert result["visit_check"] == counts(removed=2, unchanged=2)
    assert result["uncounted_punch"] == counts(inserted=4)


# --- touches
def test_touches_are_answered(world: World) -> None:
    world.run(SINCE, UNTIL)
    again(world)
    assert world.rows(ops.touched) == []


def test_a_touch_that_came_after_the_build_stays(world: World) -> None:
    world.touch("E1", "2026-11-03", "2026-11-04")
    world.build(SINCE, UNTIL)
    world.touch("E1", "2026-11-04")
    world.publish()
    assert [t["work_date"].day for t in world.rows(ops.touched)] == [4]


def test_a_touch_of_a_day_outside_employment_is_answered_too(world: World) -> None:
    world.employee("E3", hired_on=date(2026, 11, 4))
    world.touch("E3", "2026-11-01")
    world.run(SINCE, UNTIL)
    assert world.rows(ops.touched) == []
    assert world.rows(mart.attendance_day, employee_id="E3", work_date=date(2026, 11, 1)) == []


def test_of_two_builds_of_one_day_the_later_one_counts_whichever_is_published_first(world: World) -> None:
    world.build(SINCE, UNTIL, "early")
    world.punch("E1", "2026-11-03", "in 08:50")
    world.touch("E1", "2026-11-03")
    world.run(SINCE, UNTIL, "late")
    new = published(world)
    assert world.publish("early") == {name: counts() for name in mart.BUILD}
    assert published(world) == new
    assert {r["status"] for r in new[0] if r["employee_id"] == "E1" and r["work_date"].day == 3} == {"present"}


# --- killed, and read meanwhile
@pytest.mark.parametrize(
    "point", ["before_publish", "mid_publish_tx", "mid_publish_tx:2", "mid_publish_tx:3", "after_publish"]
)
def test_a_killed_publish_leaves_old_or_new_and_is_repeated(world: World, point: str) -> None:
    world.run(SINCE, UNTIL, "r0")
    old = facts(published(world))
    world.punch("E1", "2026-11-03", "in 08:50")
    world.change(core.visit, {"deleted": True}, visit_id="E1-2026-11-03-1")
    world.touch("E1", "2026-11-03")
    world.build(SINCE, UNTIL, "r1")
    kill(world, "publish", point)
    if point != "after_publish":
        assert facts(published(world)) == old
    world.publish("r1")
    new = facts(published(world))
    assert new != old
    kept = {name: len(world.rows(table)) for name, table in mart.HISTORY.items()}
    assert (kept["attendance_day"], kept["performance_day"]) == (1, 1)
    assert kept["visit_check"] == len(old[1]) - len(new[1]) + 1
    assert world.rows(ops.touched) == []


def test_a_reader_sees_no_mix(world: World) -> None:
    """In the middle of the transaction another connection still sees all tables as they were."""
    world.run(SINCE, UNTIL)
    before = facts(published(world))
    world.punch("E1", "2026-11-03", "in 08:50")
    world.touch("E1", "2026-11-03")
    world.build(SINCE, UNTIL, "r2")
    seen: list[Any] = []

    @sa.event.listens_for(world.engine, "after_cursor_execute")
    def look(connection: sa.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("DELETE FROM ops.touched"):
            with sa.create_engine(world.engine.url).connect() as other:
                seen.append([dict(r) for r in other.execute(sa.select(mart.attendance_day)).mappings()])

    world.publish("r2")
    assert [facts([sorted(seen[0], key=lambda r: (r["employee_id"], r["work_date"]))])[0]] == [before[0]]


# --- reports
def test_reports_name_people_and_count_months(world: World) -> None:
    world.run(SINCE, UNTIL)
    with world.engine.begin() as connection:
        day = connection.execute(sa.text("select * from report.performance_day where employee_id = 'E1'")).mappings()
        assert {r["name"] for r in day} == {"Name E1"}
        month = connection.execute(sa.text("select * from report.performance_month order by employee_id")).mappings()
        assert [(r["employee_id"], str(r["month"]), r["days"], r["visits_verified"]) for r in month] == [
            ("E1", "2026-11-01", 2, 4), ("E2", "2026-11-01", 2, 4),
        ]  # fmt: skip
        team = connection.execute(sa.text("select people, days, visits_planned from report.performance_team_month"))
        assert team.all() == [(2, 4, 8)]
        attended = connection.execute(sa.text("select count(name), count(*) from report.attendance_day")).one()
        assert attended == (4, 4)
        assert connection.execute(sa.text("select count(account) from report.visit_check")).scalar() == 8


def test_check_ins_that_prove_nothing_are_listed_without_a_place(world: World) -> None:
    lone = world.check_in("E1", "2026-11-03", "16:00")
    world.check_in("E1", "2026-11-03", "10:30:20")
    world.run(SINCE, UNTIL)
    with world.engine.begin() as connection:
        rows = connection.execute(sa.text("select * from report.unmatched_check_in")).mappings().all()
    assert [r["record_id"] for r in rows] == [lone]
    assert not {"latitude", "longitude", "cell"} & set(rows[0])


def test_every_view_is_invoked_as_its_reader_and_explained(world: World) -> None:
    with world.engine.begin() as connection:
        seed_reference(connection, world.settings, date(2026, 11, 3), date(2026, 11, 3))
        views = connection.execute(
            sa.text(
                "select oid::regclass::text as view, reloptions, obj_description(oid) as comment, "
                "(select array_agg(attname) from pg_attribute where attrelid = pg_class.oid and attnum > 0 "
                "and col_description(attrelid, attnum) is null) as unexplained "
                "from pg_class where relkind = 'v' and relnamespace in ('report'::regnamespace, 'ref'::regnamespace)"
            )
        ).all()
    assert {"report.performance_day", "report.performance_team_month", "ref.planned_shift"} <= {v.view for v in views}
    assert [v.view for v in views if v.reloptions != ["security_invoker=true"] or not v.comment] == []
    assert {v.view: v.unexplained for v in views if v.unexplained} == {}
