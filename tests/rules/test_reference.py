"""``ref`` follows the configuration, but never behind the back of days that were published."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.errors import CalendarYearUnknown, ConfigError
from fieldwork.rules import calendar
from fieldwork.rules.reference import seed_reference
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import ref
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
            for table in (ref.rule_version, ref.shift, ref.roster, ref.calendar_day)
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
