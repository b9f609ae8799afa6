"""``ref`` follows the configuration, but never behind the back of days that were published."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.errors import CalendarYearUnknown, ConfigError
from fieldwork.rules import calendar
from fieldwork.rules.reference import seed_reference
from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.warehouse.schema import ops, ref
from tests.rules.world import World, with_config, with_roster

FIRST, LAST = date(2026, 11, 2), date(2026, 11, 6)


def seed(world: World, settings: Settings | None = None, first: date = FIRST, last: date = LAST) -> None:
    with world.engine.begin() as connection:
        seed_reference(connection, settings or world.settings, first, last)


def versions(world: World) -> dict[str, Any]:
    """Which transaction wrote each row last, by table and key."""
    with world.engine.begin() as connection:
        return {
            table.name: connection.execute(
                sa.text(f"select {', '.join(k.name for k in table.primary_key)}, xmin::text from {table.fullname}")
            ).all()
            for table in (ref.rule_version, ref.shift, ref.shift_day, ref.roster, ref.hours, ref.calendar_day)
        }


def rules(settings: Settings, **over: Any) -> list[dict[str, Any]]:
    return [{**settings.config["rules"][0], **over}]


def test_a_second_time_writes_nothing(world: World) -> None:
    seed(world)
    before = versions(world)
    seed(world)
    assert versions(world) == before
    assert len(before["calendar_day"]) == 365


def test_only_what_differs_is_written(world: World) -> None:
    seed(world, with_roster(world.settings, {"E1": "night", "E2": "night"}))
    before = versions(world)
    seed(world, with_roster(world.settings, {"E1": "night", "E2": "flexible"}))
    after = versions(world)
    assert sum(row in before["roster"] for row in after["roster"]) == 2
    assert after["shift"] == before["shift"]
    assert after["shift_day"] == before["shift_day"]


def test_what_left_the_configuration_leaves_the_table(world: World) -> None:
    seed(world, with_roster(world.settings, {"E1": "night"}))
    seed(world)
    assert [r["scope"] for r in world.rows(ref.roster)] == ["company"]


def test_the_calendar_has_whole_years(world: World) -> None:
    seed(world, None, date(2025, 12, 31), date(2026, 1, 1))
    assert {d["work_date"].year for d in world.rows(ref.calendar_day)} == {2025, 2026}


def test_the_day_after_new_years_eve_is_there_for_its_night_shift(world: World) -> None:
    seed(world, None, date(2025, 12, 31), date(2025, 12, 31))
    assert {d["work_date"].year for d in world.rows(ref.calendar_day)} == {2025, 2026}


def test_an_unknown_year_stops_the_run_but_a_touch_in_it_does_not(world: World) -> None:
    unknown = calendar.known_years().stop
    world.touch("E1", f"{unknown}-01-05")
    seed(world)
    with pytest.raises(CalendarYearUnknown, match=str(unknown)):
        seed(world, None, date(unknown, 1, 4), date(unknown, 1, 5))


def test_a_version_may_change_until_a_published_day_carries_it(world: World) -> None:
    world.employee("E1")
    world.run("2026-11-02", "2026-11-03")
    changed = with_config(world.settings, rules=rules(world.settings, overtime_tolerance_minutes=10))
    with pytest.raises(ConfigError, match=r"'2000-1' were changed.*new version and a `from` date"):
        seed(world, changed)
    renamed = with_config(world.settings, rules=rules(world.settings, version="other"))
    with pytest.raises(ConfigError, match="'2000-1' were changed"):
        seed(world, renamed)


def test_an_unused_version_may_change(world: World) -> None:
    seed(world)
    seed(world, with_config(world.settings, rules=rules(world.settings, overtime_tolerance_minutes=10)))
    assert [v["overtime_tolerance_minutes"] for v in world.rows(ref.rule_version)] == [10]


def test_a_new_version_with_a_date_is_taken(world: World) -> None:
    world.employee("E1")
    world.run("2026-11-02", "2026-11-03")
    later = rules(world.settings, version="2026-2", **{"from": date(2026, 11, 4)})
    world.settings = with_config(world.settings, rules=[*world.settings.config["rules"], *later])
    world.build("2026-11-03", "2026-11-06", "r2")
    assert [world.day("E1", f"2026-11-0{n}")["rule_version"] for n in (3, 4, 5)] == ["2000-1", "2026-2", "2026-2"]


def test_a_shift_may_change_until_a_published_day_was_computed_with_it(world: World) -> None:
    world.employee("E1")
    world.run("2026-11-02", "2026-11-03")
    shifts = [{**s, "grace_in_minutes": 1} if s["name"] == "office" else s for s in world.settings.config["shift"]]
    with pytest.raises(ConfigError, match="'office' was changed"):
        seed(world, with_config(world.settings, shift=shifts))
    others = [{**s, "grace_in_minutes": 1} if s["name"] == "night" else s for s in world.settings.config["shift"]]
    seed(world, with_config(world.settings, shift=others))


def test_another_country(world: World) -> None:
    company = {**world.settings.config["company"], "calendar": "DE"}
    with pytest.raises(ConfigError, match="no calendar for 'DE'"):
        seed(world, with_config(world.settings, company=company))


# --- what the calendar and the shifts plan, kept
def kind_of(world: World, day: str) -> tuple[str, str | None, str]:
    (row,) = world.rows(ref.calendar_day, work_date=date.fromisoformat(day))
    return row["kind"], row["half"], row["source"]


def with_days(settings: Settings, *days: dict[str, Any]) -> Settings:
    return with_config(settings, company={**settings.config["company"], "days": list(days)})


def test_the_companys_own_days_lie_over_the_decree_and_can_be_taken_back(world: World) -> None:
    eve = {"date": date(2026, 11, 6), "kind": "half"}
    feast = {"date": date(2026, 11, 5), "kind": "holiday", "name": "ours"}
    seed(world, with_days(world.settings, eve, feast))
    assert [kind_of(world, f"2026-11-0{n}") for n in (5, 6)] == [
        ("holiday", None, "company"),
        ("workday", "first", "company"),
    ]
    seed(world, with_days(world.settings, eve | {"half": "second"}))
    assert [kind_of(world, f"2026-11-0{n}") for n in (5, 6)] == [
        ("workday", None, "decree"),
        ("workday", "second", "company"),
    ]
    seed(world)
    assert kind_of(world, "2026-11-06") == ("workday", None, "decree")


def test_a_day_of_the_company_in_an_unknown_year_makes_it_no_known_one(world: World) -> None:
    unknown = calendar.known_years().stop
    own = with_days(world.settings, {"date": date(unknown, 1, 4), "kind": "workday"})
    seed(world, own)
    assert world.rows(ref.calendar_day, work_date=date(unknown, 1, 4)) == []
    with pytest.raises(CalendarYearUnknown, match=str(unknown)):
        seed(world, own, date(unknown, 1, 4), date(unknown, 1, 4))


def test_the_hours_of_shifts_follow_shifts_rules_and_calendar(world: World) -> None:
    seed(world)
    plain = world.rows(ref.shift_day)
    assert len(plain) == 365 * len(world.settings.config["shift"])
    seed(world, with_days(world.settings, {"date": date(2026, 11, 6), "kind": "half"}))
    assert len(world.rows(ref.shift_day)) == len(plain) + len(world.settings.config["shift"])
    shifts = [{**s, "starts": time(9, 30)} if s["name"] == "office" else s for s in world.settings.config["shift"]]
    seed(world, with_config(world.settings, shift=shifts))
    (office,) = world.rows(ref.shift_day, shift="office", work_date=FIRST)
    assert office["starts_at"] == world.at(FIRST, "09:30")
    seed(world, with_config(world.settings, rules=rules(world.settings, time_zone="UTC")))
    (office,) = world.rows(ref.shift_day, shift="office", work_date=FIRST)
    assert office["starts_at"].astimezone(UTC).hour == 9


def test_the_kept_hours_are_those_of_the_view(world: World) -> None:
    seed(world, with_days(world.settings, {"date": date(2026, 11, 6), "kind": "half"}))
    both = "select count(*) from (table ref.shift_day except table ref.shift_hours) as differing"
    with world.engine.begin() as connection:
        assert connection.execute(sa.text(both)).scalar() == 0


def test_the_dated_roster_is_what_the_file_says(world: World, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    settings = dataclasses.replace(world.settings, roster_file=path)
    path.write_text("employee_id,work_date,shift\nE1,2026-11-03,night\nE1,2026-11-04,rest\nE2,2026-11-03,rest\n")
    seed(world, settings)
    stamp = "select employee_id, work_date, shift, xmin::text as written from ref.roster_day order by 1, 2"
    with world.engine.begin() as connection:
        before = connection.execute(sa.text(stamp)).all()
    path.write_text("employee_id,work_date,shift\nE1,2026-11-03,night\nE1,2026-11-04,office\n")
    seed(world, settings)
    with world.engine.begin() as connection:
        after = connection.execute(sa.text(stamp)).all()
    assert [(r.employee_id, r.work_date.day, r.shift) for r in after] == [("E1", 3, "night"), ("E1", 4, "office")]
    assert after[0] == before[0], "what is the same is not written"


def test_hours_systems_are_kept(world: World) -> None:
    irregular = {"scope": "team", "subject": "North", "from": date(2026, 1, 1), "system": "irregular"}
    seed(world, with_config(world.settings, hours=[*world.settings.config["hours"], irregular]))
    assert [(r["scope"], r["system"]) for r in world.rows(ref.hours)] == [
        ("company", "standard"),
        ("team", "irregular"),
    ]
    seed(world)
    assert [r["scope"] for r in world.rows(ref.hours)] == ["company"]


def test_from_november_on_every_build_warns_of_the_missing_year(world: World, caplog: pytest.LogCaptureFixture) -> None:
    last = calendar.known_years().stop - 1
    for run_id, month in (("before", 10), ("after", 11)):
        caplog.clear()
        world.plan("2026-11-02", "2026-11-03", run_id)
        world.change(ops.run, {"as_of": datetime(last, month, 1, tzinfo=UTC)}, run_id=run_id)
        build(world.engine, world.settings, run_id=run_id)
        warned = [r.message for r in caplog.records if str(last + 1) in r.message]
        assert len(warned) == (month == 11), run_id


@pytest.mark.slow
def test_a_long_roster_file_is_taken_as_columns(world: World, tmp_path: Path) -> None:
    """A year for eight hundred people: read, compared and written in seconds; row by row it would not end."""
    path, first = tmp_path / "roster.csv", date(2026, 1, 1)
    days = [first + timedelta(days=n) for n in range(365)]
    lines = [f"E{n:04},{day},{'rest' if (n + day.day) % 3 else 'night'}" for n in range(800) for day in days]
    path.write_text("\n".join(["employee_id,work_date,shift", *lines, ""]), encoding="utf-8")
    settings = dataclasses.replace(world.settings, roster_file=path)
    for _ in range(2):
        seed(world, settings)
    with world.engine.begin() as connection:
        assert connection.execute(sa.text("select count(*) from ref.roster_day")).scalar() == len(lines)
