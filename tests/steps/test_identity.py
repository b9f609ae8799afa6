"""Who is who as ids pass on: badges, employee numbers and CRM users, through the loads that tell of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.rules import identity, identity_file, sql
from fieldwork.settings import Settings, merge

from .company import OPEN, Company, punch, visit
from .rows import at, planned

HEAD = "system,external_id,employee_id,valid_from,valid_to\n"
ANN: dict[str, Any] = {
    "user_id": "u1", "employee_no": "001", "name": "Ann", "mobile": "13900000001", "hired_on": date(2020, 1, 1),
}  # fmt: skip
BEN: dict[str, Any] = {
    "user_id": "u2", "employee_no": "002", "name": "Ben", "mobile": "13900000002", "hired_on": date(2021, 1, 1),
}  # fmt: skip
HEIR: dict[str, Any] = {"name": "Hal", "mobile": "13900000009", "hired_on": date(2026, 11, 4)}


def test_a_leavers_badge_that_a_newcomer_got_is_the_newcomers_from_the_day_of_hiring(company: Company) -> None:
    company.load(employees=[ANN | {"left_on": date(2026, 11, 2)}, BEN])
    company.load(punches=[punch("1", "u1", 2), punch("2", "u1", 4), punch("3", "u1", 5)])
    company.forget_touched()
    company.load(employees=[HEIR | {"user_id": "u1", "employee_no": "077"}, BEN])
    assert company.links("u1") == [("001", None, "2026-11-04", "source"), ("077", "2026-11-04", None, "source")]
    assert company.owners() == {"1": "001", "2": "077", "3": "077"}
    assert company.touched() == [("001", "11-04"), ("001", "11-05"), ("077", "11-04"), ("077", "11-05")]
    people = "select employee_id, user_id, name, left_on::text, missing_since is null from core.employee order by 1"
    assert company.ask(people) == [
        ("001", "u1", "Ann", "2026-11-02", False), ("002", "u2", "Ben", None, True), ("077", "u1", "Hal", None, True),
    ]  # fmt: skip
    assert company.ask("select stream, kind, extracted, loaded, touched from ops.batch where kind = 'move'") == [
        ("punches", "move", 2, 2, 4)
    ]
    company.load(punches=[punch("4", "u1", 1), punch("5", "u1", 6)])
    assert (company.owners()["4"], company.owners()["5"]) == ("001", "077")


def test_an_id_of_which_nobody_can_tell_is_held_from_the_day_on_and_asked_about(company: Company) -> None:
    company.load(employees=[ANN, BEN])
    other = {"user_id": "u1", "employee_no": "077", "name": "Somebody"}
    result = company.load(on=6, employees=[other, BEN], punches=[punch("1", "u1", 5), punch("2", "u1", 6)])
    assert result["employees"]["quarantined"] == 1
    assert company.links("u1") == [("001", None, "2026-11-06", "source")]
    assert company.owners() == {"1": "001"}
    assert company.ask(OPEN) == [("u1", "reused_or_renumbered", ["001"])]
    assert company.ask("select stream, key, status from ops.quarantine order by 1") == [
        ("employees", "u1", "held"), ("punches", "2", "held"),
    ]  # fmt: skip
    assert company.ask("select name, missing_since from core.employee where employee_id = '001'") == [("Ann", None)]
    company.load(on=7, employees=[other | {"mobile": ANN["mobile"]}, BEN])
    assert company.links("u1") == [("001", None, "2026-11-06", "source"), ("001", "2026-11-06", None, "source")]
    assert company.owners() == {"1": "001", "2": "001"}
    assert company.ask(OPEN) == []


def test_a_number_that_passed_on_does_not_turn_a_decision_by_hand(company: Company, tmp_path: Path) -> None:
    company.load(employees=[ANN | {"left_on": date(2026, 6, 30)}, BEN])
    heir = HEIR | {"user_id": "u9", "employee_no": "001"}
    company.load(employees=[BEN, heir])
    path = tmp_path / "identity.csv"
    path.write_text(f"{HEAD}dingtalk,u9,dingtalk:u9,,\n")
    company.settings = replace(company.settings, identity_file=path)
    company.load(employees=[BEN, heir | {"name": "Hal Lee"}])
    assert company.ask("select employee_id, name from core.employee where employee_no = '001' order by 1") == [
        ("001", "Ann"), ("dingtalk:u9", "Hal Lee"),
    ]  # fmt: skip


def test_another_attendance_system_finds_its_people_by_number(company: Company) -> None:
    company.load(employees=[ANN, BEN], punches=[punch("1", "u1", 2)])
    company.load("feishu", employees=[{"user_id": "f1", "employee_no": "001", "mobile": ANN["mobile"]}])
    assert company.links("f1") == [("001", None, None, "employee_no")]
    company.load("feishu", punches=[punch("2", "f1", 3)])
    assert company.owners() == {"1": "001", "2": "001"}


def test_the_order_of_trust_and_the_rules_are_a_setting(company: Company) -> None:
    company.settings = replace(
        company.settings, config=merge(company.settings.config, {"identity": {"rules": ["mobile", "name"]}})
    )
    company.load(employees=[ANN, BEN])
    users = [
        {"crm_user_id": "A", "employee_no": "001", "mobile": BEN["mobile"]},
        {"crm_user_id": "B", "name": "Ann"},
    ]
    company.load("salesforce", crm_users=users)
    assert (company.links("A"), company.links("B")) == (
        [("002", None, None, "mobile")], [("001", None, None, "name")],
    )  # fmt: skip


def test_a_user_handed_from_one_rep_to_the_next_is_the_next_ones_from_the_day_it_was_changed(company: Company) -> None:
    company.load(employees=[ANN, BEN])
    user = {"crm_user_id": "A", "employee_no": "001", "modified_at": at("2026-10-01 08:00")}
    company.load("salesforce", crm_users=[user], visits=[visit("v1", "A", 3), visit("v2", "A", 5), visit("v3", "A", 6)])
    company.forget_touched()
    handed = user | {"employee_no": "002", "modified_at": at("2026-11-05 09:00")}
    company.load("salesforce", crm_users=[handed])
    assert company.links("A") == [
        ("001", None, "2026-11-05", "employee_no"), ("002", "2026-11-05", None, "employee_no"),
    ]  # fmt: skip
    assert company.owners("visit", "visit_id") == {"v1": "001", "v2": "002", "v3": "002"}
    assert company.touched() == [("001", "11-05"), ("001", "11-06"), ("002", "11-05"), ("002", "11-06")]
    assert company.ask("select employee_id from core.crm_user") == [("002",)]
    assert company.ask("select action, detail ->> 'was', detail ->> 'now' from ops.audit_log") == [
        ("identity.link", "001", "002")
    ]


def test_a_user_merged_into_another_takes_its_records_along(company: Company) -> None:
    company.load(employees=[ANN, BEN])
    users = [{"crm_user_id": "A", "employee_no": "001"}, {"crm_user_id": "B"}]
    company.load("salesforce", crm_users=users, visits=[visit("v1", "A", 3), visit("v2", "B", 4)])
    assert company.owners("visit", "visit_id") == {"v1": "001"}
    company.load("salesforce", visits=[visit("v2", "A", 4, modified_at=at("2026-11-05 08:00"))])
    assert company.owners("visit", "visit_id") == {"v1": "001", "v2": "001"}
    assert company.ask("select status from ops.quarantine") == [("superseded",)]


def settings_with(settings: Settings, rules: Any) -> Settings:
    return replace(settings, config={**settings.config, "identity": {"rules": rules}})


@pytest.mark.parametrize("rules", [["employee_no", "employee_no"], ["manual"], ["emial"], "email", None])
def test_rules_that_nobody_knows_are_refused(rules: Any) -> None:
    with pytest.raises(ConfigError, match=r"\[identity\] rules.* employee_no, email, mobile, name"):
        identity.comparing(settings_with(settings_module.load({}), rules))


def test_a_mistake_in_the_rules_or_the_file_shows_before_anything_is_read(company: Company, tmp_path: Path) -> None:
    for settings in (
        settings_with(company.settings, ["emial"]),
        replace(company.settings, identity_file=tmp_path / "no"),
    ):
        with pytest.raises(ConfigError):
            planned(company.engine, settings, "run")
    assert company.ask("select count(*) from ops.run") == [(0,)]


def test_the_rules_are_listed_in_order_of_trust_and_each_has_its_file() -> None:
    names = [rule.name for rule in identity.RULES]
    assert names == ["manual", "file", "source", "employee_no", "email", "mobile", "name"]
    for rule in identity.RULES:
        if rule.compares:
            assert f"-- Rule {rule.name}: " in sql.read(f"identity_by_{rule.name}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("system,id\n", "has other columns"),
        (f"{HEAD}dingtalk,,001,,\n", "line 2: a needed cell is empty"),
        (f"{HEAD}dingtalk,u1,001,3 Nov,\n", "line 2: .* is not YYYY-MM-DD"),
        (f"{HEAD}dingtalk,u1,001,2026-11-03,2026-11-03\n", "line 2: valid_to is not after valid_from"),
    ],
)
def test_a_file_that_cannot_be_read_says_which_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "identity.csv"
    path.write_text(text, encoding="utf-8-sig")
    with pytest.raises(ConfigError, match=problem):
        identity_file.read(path)
    path.unlink()
    with pytest.raises(ConfigError, match="There is no file"):
        identity_file.read(path)
