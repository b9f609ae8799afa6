"""Plans follow the post of the day: rosters and hours of the team that somebody was in, and each employment's days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fieldwork.errors import ConfigError
from fieldwork.settings import merge
from fieldwork.steps import difference
from fieldwork.steps.audit import audit
from fieldwork.steps.build import build
from fieldwork.steps.change_rules import plan_rules
from fieldwork.steps.explain import explain_day
from fieldwork.steps.publish import publish

from .company import Company, punch, visit
from .test_posting import ANN, BOSS, say

_ALWAYS = date(2000, 1, 1)
#: day, night, rest, from the Monday on
TURNS = {
    "scope": "team", "subject": "Board", "from": _ALWAYS, "pattern": ["office", "night", "rest"],
    "anchor": date(2026, 11, 2),
}  # fmt: skip
SETTLED = {
    "scope": "team", "subject": "Board", "from": _ALWAYS, "system": "comprehensive", "settlement": "month",
    "plan": "roster",
}  # fmt: skip
PLAN = (
    "select to_char(work_date, 'DD'), team, shift, hours_system from report.attendance_day"
    " where employee_id = '001' order by 1"
)
LISTED = "select record_id, work_date::text, reason from report.uncounted_punch order by 1"


def board_works_in_turns(company: Company, roster_file: Path) -> None:
    """The team Board has a rotation and comprehensive hours; Ann works the night of the 6th by a date of her own."""
    roster_file.write_text("employee_id,work_date,shift\n001,2026-11-06,night\n", encoding="utf-8")
    told = company.settings.config
    more: dict[str, Any] = {"roster": [*told["roster"], TURNS], "hours": [*told["hours"], SETTLED]}
    company.settings = replace(company.settings, config=merge(told, more), roster_file=roster_file)


def test_shift_rotation_and_hours_are_those_of_the_days_team(company: Company, tmp_path: Path) -> None:
    board_works_in_turns(company, tmp_path / "roster.csv")
    company.load(on=8, employees=[BOSS, ANN], punches=[punch("p", "u1", 2)])
    company.publish()
    north = [f"{day:02} North office standard".split() for day in (2, 3, 4, 5)]
    usual = [*north, ["06", "North", "night", "standard"], ["07", "North", None, "standard"]]
    assert company.ask(PLAN) == [tuple(line) for line in usual]
    assert say(company, team="Board", since="2026-11-03", until="2026-11-07") == [
        ("001", f"11-0{day}") for day in (3, 4, 5, 6)
    ]
    company.publish()
    assert company.ask(PLAN) == [
        ("02", "North", "office", "standard"), ("03", "Board", "night", "comprehensive"),
        ("04", "Board", None, "comprehensive"), ("05", "Board", "office", "comprehensive"),
        ("06", "Board", "night", "comprehensive"), ("07", "North", None, "standard"),
    ]  # fmt: skip
    # one period, of four days; Ann was in Board on the last of them
    assert company.ask("select team, days from report.hours_period where employee_id = '001'") == [("Board", 4)]


def test_every_employment_has_its_days_and_the_gap_none(company: Company) -> None:
    """The first employment was never computed when the second was told: it is asked for, built and audited."""
    punches = [punch("p1", "u1", 2), punch("p2", "u1", 5), punch("p3", "u1", 6)]
    company.load(on=4, employees=[BOSS, ANN | {"left_on": date(2026, 11, 3)}], punches=punches[:1])
    company.load(on=8, employees=[BOSS, ANN | {"hired_on": date(2026, 11, 6), "team": "Board"}], punches=punches)
    run_id = f"run-{company.runs}"
    build(company.engine, company.settings, run_id=run_id)
    audit(company.engine, company.settings, run_id=run_id)
    publish(company.engine, company.settings, run_id=run_id)
    assert company.teams("001") == ["North", "North", "Board", "Board"]
    assert company.ask(LISTED) == [("p2", "2026-11-05", "after_leaving")]


def test_a_gap_that_was_none_counts_its_punches(company: Company) -> None:
    hired_again = ANN | {"hired_on": date(2026, 11, 6)}
    company.load(on=4, employees=[BOSS, ANN | {"left_on": date(2026, 11, 3)}], punches=[punch("p1", "u1", 2)])
    company.load(on=8, employees=[BOSS, hired_again], punches=[punch("p2", "u1", 5)])
    company.publish()
    assert company.ask(LISTED) == [("p2", "2026-11-05", "after_leaving")]
    company.load(on=8, employees=[BOSS, ANN | {"hired_on": date(2026, 11, 5)}], punches=[punch("p2", "u1", 5)])
    assert company.touched() == [("001", "11-05")]
    company.publish()
    assert company.ask(LISTED) == []


def test_views_of_visits_and_check_ins_name_the_team_of_the_day(company: Company) -> None:
    here = {"latitude": 31.2304, "longitude": 121.4737, "accuracy_m": 20.0}
    away = punch("p", "u1", 3, "field", "15:00") | here
    company.load(on=6, employees=[BOSS, ANN, ANN | {"user_id": "u2", "employee_no": "002"}], punches=[away])
    customer = {"account_id": "a1", "name": "Acme", "owner_id": "A", "latitude": 31.2304, "longitude": 121.4737}
    company.load(
        "salesforce", on=6, crm_users=[{"crm_user_id": "A", "employee_no": "001", "modified_at": None}],
        accounts=[customer], visits=[visit("v1", "A", 3)],
    )  # fmt: skip
    say(company, team="Board", since="2026-11-03", until="2026-11-04")
    company.publish()
    # the CRM user is somebody else's from the 5th on: on the 3rd the customer was Ann's
    company.load(
        "salesforce", on=7,
        crm_users=[{"crm_user_id": "A", "employee_no": "002", "modified_at": company.on(5).now()}],
    )  # fmt: skip
    for view in ("visit_check", "unproven_visit", "unmatched_check_in", "off_plan_visit"):
        assert company.ask(f"select employee_id, team from report.{view}") == [("001", "Board")], view
    assert company.ask("select own_customer from report.unmatched_check_in") == [(True,)]
    assert company.ask("select employee_id from core.crm_user") == [("002",)]


def test_a_teams_new_roster_concerns_those_who_were_in_it_on_the_day(company: Company) -> None:
    company.load(on=8, employees=[BOSS, ANN], punches=[punch("p", "u1", 2)])
    say(company, team="Board", since="2026-11-03", until="2026-11-05")
    company.publish()
    nights = {"scope": "team", "subject": "Board", "from": date(2026, 11, 4), "shift": "night"}
    told = company.settings.config
    company.settings = replace(company.settings, config=merge(told, {"roster": [*told["roster"], nights]}))
    with plan_rules(company.engine, company.on(8)) as plan:
        found = {(line["employee_id"], f"{line['work_date']:%d}") for line in difference.lines(plan.connection)}
    assert {day for who, day in found if who == "001"} == {"04"}
    assert {day for who, day in found if who == "B1"} == {"04", "05", "06"}


def test_team_and_manager_of_the_day_are_explained_and_come_out_again(company: Company) -> None:
    company.load(on=6, employees=[BOSS, ANN], punches=[punch("p", "u1", 3)])
    company.publish()
    company.load(on=6, employees=[BOSS, ANN | {"team": "South", "manager_user_id": None}], punches=[])
    told = explain_day(company.engine, "001", date(2026, 11, 3))
    assert [c.name for c in told.columns if not c.holds] == []
    shown = {c.name: (c.value, c.rule) for c in told.columns if c.name in {"team", "manager_employee_id"}}
    assert {name: value for name, (value, _) in shown.items()} == {"team": "North", "manager_employee_id": "B1"}
    assert all("on the day" in rule for _, rule in shown.values())


def test_a_gap_between_employments_is_told_when_it_is_asked_about(company: Company) -> None:
    company.load(on=4, employees=[BOSS, ANN | {"left_on": date(2026, 11, 3)}], punches=[])
    company.load(on=8, employees=[BOSS, ANN | {"hired_on": date(2026, 11, 6)}], punches=[punch("p", "u1", 2)])
    with pytest.raises(ConfigError, match="not employed on 2026-11-04"):
        explain_day(company.engine, "001", date(2026, 11, 4))
    with pytest.raises(ConfigError, match="not published"):
        explain_day(company.engine, "001", date(2026, 11, 3))
