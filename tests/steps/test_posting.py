"""Team, manager and employment as of the day: transfers, re-hires, corrections, and just the days that they concern."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from fieldwork.errors import ConfigError
from fieldwork.settings import merge
from fieldwork.steps.decide import link
from fieldwork.steps.posting import set_last_day, set_post

from .company import Company, punch
from .rows import at

BOSS: dict[str, Any] = {"user_id": "b1", "employee_no": "B1", "name": "Bo", "team": "Board"}
CHIEF: dict[str, Any] = {"user_id": "b2", "employee_no": "B2", "name": "Chi", "team": "Board"}
ANN: dict[str, Any] = {
    "user_id": "u1", "employee_no": "001", "name": "Ann", "team": "North", "manager_user_id": "b1",
    "hired_on": date(2020, 1, 1),
}  # fmt: skip
PUNCH = punch("p", "u1", 2)
MONTH = ["visits_planned", "days", "worked_minutes", "exposure_minutes", "days_absent", "tasks_due"]


@pytest.fixture
def published(company: Company) -> Company:
    """Ann in team North under Bo; 2 to 5 November are published."""
    company.load(on=6, employees=[BOSS, CHIEF, ANN], punches=[PUNCH])
    company.publish()
    return company


def managers(company: Company) -> list[Any]:
    query = "select manager_employee_id from mart.performance_day where employee_id = '001' order by work_date"
    return [manager for (manager,) in company.ask(query)]


def say(company: Company, **more: Any) -> list[tuple[str, str]]:
    """Set Ann's post right; the person-days that it touched."""
    more = {name: date.fromisoformat(v) if name in {"since", "until"} else v for name, v in more.items()}
    done = set_post(company.engine, company.on(9), "001", who="tester", **more)
    return [(employee, f"{day:%m-%d}") for employee, day in done.touched]


def test_a_transfer_counts_in_both_teams_from_the_day_on_which_it_is_read(published: Company) -> None:
    published.load(on=8, employees=[BOSS, CHIEF, ANN | {"team": "South", "manager_user_id": "b2"}], punches=[PUNCH])
    assert published.touched() == []
    published.publish()
    published.load(on=11, employees=[BOSS, CHIEF, ANN | {"team": "South", "manager_user_id": "b2"}], punches=[PUNCH])
    published.publish()
    assert published.teams("001") == ["North"] * 6 + ["South"] * 3
    assert managers(published) == ["B1"] * 6 + ["B2"] * 3
    assert published.ask(
        "select valid_from::text, valid_to::text, team, manager_user_id, rule from report.post"
        " where employee_id = '001' order by 1"
    ) == [("2020-01-01", "2026-11-08", "North", "b1", "source"), ("2026-11-08", None, "South", "b2", "source")]
    assert published.ask(
        "select team, people, days from report.performance_team_month where team <> 'Board' order by 1"
    ) == [("North", 1, 6), ("South", 1, 3)]
    sums = ", ".join(f"sum({name})" for name in MONTH)
    assert published.ask(f"select {sums} from report.performance_team_month") == published.ask(
        f"select {sums} from report.performance_month"
    )
    teams = (
        "select distinct work_date < '2026-11-08', team from report.attendance_day where employee_id = '001' order by 1"
    )
    assert published.ask(teams) == [(False, "South"), (True, "North")]


def test_the_past_keeps_its_team_when_it_is_computed_again(published: Company) -> None:
    published.load(on=8, employees=[BOSS, CHIEF, ANN | {"team": "South"}], punches=[PUNCH, punch("q", "u1", 3)])
    assert published.publish() == {"inserted": 6, "changed": 1, "removed": 0, "unchanged": 0}
    assert published.teams("001") == ["North"] * 6


def test_a_correction_touches_just_its_days_and_no_others(published: Company) -> None:
    assert say(published, team="Board", since="2026-11-03", until="2026-11-05") == [("001", "11-03"), ("001", "11-04")]
    assert published.publish()["changed"] == 2
    assert published.teams("001") == ["North", "Board", "Board", "North"]
    assert say(published, team="Board", since="2026-11-04") == [("001", "11-05")]
    assert say(published, manager="B2", since="2026-11-05") == [("001", "11-05")]
    published.publish()
    assert managers(published) == ["B1", "B1", "B1", "B2"]
    assert published.ask("select action, rows, detail ->> 'team' from ops.audit_log order by audit_id") == [
        ("identity.team", 2, "Board"), ("identity.team", 1, "Board"), ("identity.team", 1, None),
    ]  # fmt: skip
    assert published.ask(
        "select valid_from::text, valid_to::text, team, manager_employee_id from ref.post order by 1"
    ) == [
        ("2026-11-03", "2026-11-04", "Board", None), ("2026-11-04", "2026-11-05", "Board", None),
        ("2026-11-05", None, "Board", "B2"),
    ]  # fmt: skip


def test_an_open_correction_holds_until_the_source_says_something_new(published: Company) -> None:
    say(published, team="Board", since="2026-11-03")
    published.load(on=8, employees=[BOSS, CHIEF, ANN | {"name": "Ann Lee"}], punches=[PUNCH])
    published.publish()
    assert published.teams("001") == ["North"] + ["Board"] * 5
    published.load(on=10, employees=[BOSS, CHIEF, ANN | {"team": "South"}], punches=[PUNCH])
    published.load(on=12, employees=[BOSS, CHIEF, ANN | {"team": "South"}], punches=[PUNCH])
    published.publish()
    assert published.teams("001") == ["North"] + ["Board"] * 7 + ["South"] * 2


def test_a_transfer_told_late_is_dated_by_hand_and_restates_the_days_between(published: Company) -> None:
    published.load(on=8, employees=[BOSS, CHIEF, ANN | {"team": "South"}], punches=[PUNCH])
    published.publish()
    assert say(published, team="South", since="2026-11-05") == [("001", f"11-0{day}") for day in (5, 6, 7)]


def test_a_rehire_is_a_second_employment_and_the_gap_is_no_days(company: Company) -> None:
    company.load(on=4, employees=[BOSS, ANN | {"left_on": date(2026, 11, 2)}], punches=[PUNCH])
    company.publish()
    company.load(on=8, employees=[BOSS, ANN | {"hired_on": date(2026, 11, 6), "team": "South"}], punches=[PUNCH])
    assert company.touched() == []
    company.publish()
    days = "select work_date::text, team from mart.performance_day where employee_id = '001' order by 1"
    assert company.ask(days) == [("2026-11-02", "North"), ("2026-11-06", "South"), ("2026-11-07", "South")]
    assert company.ask("select valid_from::text, valid_to::text, team, rule from ref.post") == [
        ("2020-01-01", "2026-11-03", "North", "source")
    ]


def test_a_corrected_day_of_hiring_is_no_rehire(published: Company) -> None:
    published.load(on=6, employees=[BOSS, CHIEF, ANN | {"hired_on": date(2026, 11, 4)}], punches=[PUNCH])
    assert published.touched() == [("001", "11-02"), ("001", "11-03")]
    published.publish()
    published.load(on=6, employees=[BOSS, CHIEF, ANN | {"hired_on": date(2026, 11, 3)}], punches=[PUNCH])
    assert published.touched() == [("001", "11-03")]
    published.publish()
    assert len(published.teams("001")) == 3
    assert published.ask("select count(*) from ref.post") == [(0,)]


def test_a_managers_id_that_passes_on_names_the_next_manager_from_that_day(published: Company) -> None:
    heir = {"user_id": "b1", "employee_no": "B3", "name": "Hu", "team": "Board", "hired_on": date(2026, 11, 4)}
    published.load(on=6, employees=[heir | {"mobile": "1"}, CHIEF, ANN], punches=[PUNCH])
    # nothing tells Bo from Hu but the number: their id is nobody's from today on
    assert published.touched() == []
    link(published.engine, published.on(6), "dingtalk", "b1", "B2", since=date(2026, 11, 4), who="tester")
    assert [day for who, day in published.touched() if who == "001"] == ["11-04", "11-05"]
    published.load(on=6, punches=[punch("late", "u1", 3)])
    published.publish()
    assert managers(published) == ["B1", "B1", "B2", "B2"]


def test_another_teams_roster_may_shift_a_punch_and_the_day_beside_is_touched_too(company: Company) -> None:
    nights = {"scope": "team", "subject": "Board", "from": date(2000, 1, 1), "shift": "night"}
    roster = {"roster": [*company.settings.config["roster"], nights]}
    company.settings = replace(company.settings, config=merge(company.settings.config, roster))
    early = punch("p", "u1", 5) | {"punched_at": at("2026-11-05 06:01"), "kind": "out"}
    company.load(on=7, employees=[BOSS, ANN], punches=[early])
    company.publish()
    assert say(company, team="Board", since="2026-11-04", until="2026-11-05") == [("001", "11-04"), ("001", "11-05")]
    company.publish()
    punches = "select work_date::text, punches from mart.attendance_day where punches > 0"
    assert company.ask(punches) == [("2026-11-04", 1)]


def test_whom_the_source_no_longer_lists_may_be_said_to_have_left(published: Company) -> None:
    published.load(on=6, employees=[BOSS, CHIEF], punches=[PUNCH])
    done = set_last_day(published.engine, published.on(6), "001", date(2026, 11, 3), who="tester", purpose="HR")
    assert done.touched == [("001", date(2026, 11, 4)), ("001", date(2026, 11, 5))]
    assert published.publish()["removed"] == 2
    with pytest.raises(ConfigError, match="lists B1 as somebody at work"):
        set_last_day(published.engine, published.on(6), "B1", date(2026, 11, 3), who="tester")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"team": "Nroth", "since": "2026-11-03"}, "There is no team 'Nroth'"),
        ({"manager": "B9", "since": "2026-11-03"}, "Nobody has the employee id 'B9'"),
        ({"since": "2026-11-03"}, "Neither a team nor a manager"),
        ({"team": "Board", "since": "2026-11-03", "until": "2026-11-03"}, "Nothing lies between"),
        ({"team": "Board", "since": "2019-01-01", "until": "2019-02-01"}, "employed on none of these days"),
    ],
)
def test_a_correction_that_cannot_be_meant_is_refused(published: Company, said: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        say(published, **said)
