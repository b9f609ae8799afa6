"""A person decides whose an id is: rows that waited go through, others move, and just their days are touched."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fieldwork.errors import ConfigError, CountMismatch
from fieldwork.steps.decide import Decision, Span, link
from fieldwork.steps.review import questions
from fieldwork.warehouse.merge import Merge, Merged

from .company import OPEN, Company, punch, visit
from .rows import at

ANN: dict[str, Any] = {"user_id": "u1", "employee_no": "001", "name": "Ann", "hired_on": date(2020, 1, 1)}
BEN: dict[str, Any] = {"user_id": "u2", "employee_no": "002", "name": "Ben", "hired_on": date(2021, 1, 1)}
ADD_UP = (
    "select bool_and(extracted = loaded + unchanged + quarantined + duplicate + out_of_scope) from ops.batch"
    " where state = 'closed'"
)


def decide(company: Company, system: str, external_id: str, employee_id: str | None, **more: Any) -> Decision:
    for name in ("since", "until"):
        more[name] = date.fromisoformat(more[name]) if name in more else None
    return link(company.engine, company.on(9), system, external_id, employee_id, who="tester", **more)


def statuses(company: Company) -> list[tuple[Any, ...]]:
    return company.ask("select key, status from ops.quarantine order by 1")


@pytest.fixture
def stranger(company: Company) -> Company:
    """Ann has a visit; CRM user X, whom nobody knows, has two visits, a task and an opportunity."""
    company.load(employees=[ANN, BEN])
    task = {"task_id": "t1", "owner_id": "X", "due_on": date(2026, 11, 5), "status": "open", "deleted": False}
    deal = {
        "opportunity_id": "o1", "owner_id": "X", "created_at": at("2026-11-03 10:00"), "closed_on": date(2026, 11, 6),
        "is_won": False, "deleted": False,
    }  # fmt: skip
    company.load(
        "salesforce", crm_users=[{"crm_user_id": "A", "employee_no": "001"}, {"crm_user_id": "X", "active": False}],
        visits=[visit("v1", "A", 3), visit("v2", "X", 3), visit("v3", "X", 4)], tasks=[task], opportunities=[deal],
    )  # fmt: skip
    company.forget_touched()
    return company


def test_rows_that_waited_go_through_when_the_link_is_made_and_touch_just_their_days(stranger: Company) -> None:
    assert stranger.ask(OPEN) == [("X", "unknown", [])]
    done = decide(stranger, "salesforce", "X", "002", purpose="Ben's old login")
    assert done.released == {"visits": 2, "tasks": 1, "opportunities": 1}
    assert stranger.owners("visit", "visit_id") == {"v1": "001", "v2": "002", "v3": "002"}
    # an opportunity that is not won counts on no day of closing
    assert stranger.touched() == [("002", f"11-0{day}") for day in (3, 4, 5)]
    assert [(e, f"{d:%m-%d}") for e, d in done.touched] == stranger.touched()
    assert {status for _, status in statuses(stranger)} == {"replayed"}
    assert stranger.ask(OPEN) == []
    assert stranger.ask("select status from ops.identity_review") == [("decided",)]
    assert stranger.ask("select action, purpose, rows, detail ->> 'employee_id' from ops.audit_log") == [
        ("identity.link", "Ben's old login", 4, "002")
    ]
    assert stranger.ask("select who like '%, tester', at is not null from ops.audit_log") == [(True, True)]
    assert stranger.ask(ADD_UP) == [(True,)]


def test_only_rows_of_the_links_days_go_through(stranger: Company) -> None:
    done = decide(stranger, "salesforce", "X", "002", since="2026-11-04")
    assert done.released == {"visits": 1, "tasks": 1}
    assert statuses(stranger) == [("o1", "held"), ("t1", "replayed"), ("v2", "held"), ("v3", "replayed")]
    assert stranger.ask(OPEN) == [("X", "outside_link", ["002"])]


def test_a_dry_run_tells_all_and_changes_nothing(stranger: Company) -> None:
    rehearsed = decide(stranger, "salesforce", "X", "002", dry_run=True)
    assert stranger.touched() == []
    assert stranger.links("X") == []
    assert stranger.ask("select count(*) from ops.audit_log") == [(0,)]
    assert stranger.ask("select count(*) from ops.batch where kind <> 'extract'") == [(0,)]
    assert decide(stranger, "salesforce", "X", "002") == rehearsed


def test_unlinking_takes_the_rows_back_and_no_rule_links_it_again(stranger: Company) -> None:
    stranger.forget_touched()
    done = decide(stranger, "salesforce", "A", None, purpose="a shared login")
    assert done.spans == [Span(date(1900, 1, 1), None, "001", None)]
    assert done.moved["visits"]["quarantined"] == 1
    assert stranger.owners("visit", "visit_id") == {}
    assert stranger.touched() == [("001", "11-03")]
    stranger.load("salesforce", crm_users=[{"crm_user_id": "A", "employee_no": "001"}], visits=[visit("v9", "A", 6)])
    assert stranger.links("A") == [(None, None, None, "manual")]
    assert [key for key, status in statuses(stranger) if status == "held"] == ["o1", "t1", "v1", "v2", "v3", "v9"]
    assert stranger.ask("select employee_id from core.crm_user where crm_user_id = 'A'") == [(None,)]
    assert stranger.ask(ADD_UP) == [(True,)]
    stranger.forget_touched()
    assert decide(stranger, "salesforce", "A", "001").released == {"visits": 2}
    assert stranger.touched() == [("001", "11-03"), ("001", "11-06")]
    assert stranger.owners("visit", "visit_id") == {"v1": "001", "v9": "001"}


def test_a_link_that_is_moved_takes_every_kind_of_row_and_their_days_along(company: Company) -> None:
    field = punch("p1", "u1", 3, "field") | {"latitude": 31.2, "longitude": 121.5, "accuracy_m": 20.0}
    leave = {
        "approval_id": "l1", "user_id": "u1", "kind": "leave", "start_at": at("2026-11-05 09:00"),
        "end_at": at("2026-11-05 18:00"),
    }  # fmt: skip
    company.load(employees=[ANN, BEN], punches=[punch("p0", "u1", 2), field, punch("p2", "u1", 6)], leave=[leave])
    company.forget_touched()
    done = decide(company, "dingtalk", "u1", "002", since="2026-11-03", until="2026-11-06")
    assert company.owners() == {"p0": "001", "p1": "002", "p2": "001"}
    assert company.ask(
        "select employee_id, latitude, accuracy_m from place.punch_place where latitude is not null"
    ) == [("002", 31.2, 20.0)]
    assert company.owners("leave", "approval_id") == {"l1": "002"}
    assert company.touched() == [(who, day) for who in ("001", "002") for day in ("11-03", "11-05")]
    assert {name: counts["loaded"] for name, counts in done.moved.items()} == {"punches": 1, "leave": 1}
    assert company.links("u1") == [
        ("001", None, "2026-11-03", "source"), ("002", "2026-11-03", "2026-11-06", "manual"),
        ("001", "2026-11-06", None, "source"),
    ]  # fmt: skip
    assert company.ask(ADD_UP) == [(True,)]
    company.forget_touched()
    assert decide(company, "dingtalk", "u1", "001", since="2026-11-03", until="2026-11-06").moved.keys() == {
        "punches", "leave",
    }  # fmt: skip
    assert set(company.owners().values()) == {"001"}


def test_a_crm_users_rows_of_every_kind_move_and_both_peoples_days_are_touched(stranger: Company) -> None:
    decide(stranger, "salesforce", "X", "002")
    stranger.forget_touched()
    done = decide(stranger, "salesforce", "X", "001", since="1900-01-01")
    assert {name: counts["loaded"] for name, counts in done.moved.items()} == {
        "visits": 2, "tasks": 1, "opportunities": 1,
    }  # fmt: skip
    for table in ("visit", "task", "opportunity"):
        assert set(stranger.owners(table, f"{table}_id").values()) == {"001"}
    assert stranger.touched() == [(who, f"11-0{day}") for who in ("001", "002") for day in (3, 4, 5)]


def test_a_decision_that_fails_half_way_leaves_nothing_and_can_be_given_again(
    stranger: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Merge.apply
    with monkeypatch.context() as broken:
        broken.setattr(Merge, "apply", lambda self, c: Merged(real(self, c).loaded + 1, 0, 0, 0))
        with pytest.raises(CountMismatch):
            decide(stranger, "salesforce", "X", "002")
    assert (stranger.links("X"), stranger.touched()) == ([], [])
    assert {status for _, status in statuses(stranger)} == {"held"}
    assert stranger.ask("select count(*) from ops.audit_log") == [(0,)]
    assert decide(stranger, "salesforce", "X", "002").released == {"visits": 2, "tasks": 1, "opportunities": 1}


def test_a_decision_made_twice_changes_nothing_the_second_time(stranger: Company) -> None:
    decide(stranger, "salesforce", "X", "002")
    stranger.forget_touched()
    assert decide(stranger, "salesforce", "X", "002") == Decision()
    assert stranger.touched() == []


def test_what_was_decided_stays_when_the_source_says_it_again(company: Company) -> None:
    company.load(employees=[ANN, BEN], punches=[punch("p1", "u2", 3)])
    decide(company, "dingtalk", "u2", "001", since="2026-11-03", until="2026-11-05")
    company.load(employees=[ANN, BEN], punches=[punch("p1", "u2", 3), punch("p2", "u2", 4), punch("p3", "u2", 5)])
    assert company.owners() == {"p1": "001", "p2": "001", "p3": "002"}


def test_a_shared_badge_is_given_to_people_by_dates(company: Company) -> None:
    shared = [ANN, BEN, {"user_id": "u1", "employee_no": "005", "name": "Eve"}]
    company.load(employees=shared, punches=[punch("p1", "u1", 3), punch("p2", "u1", 5)])
    company.forget_touched()
    done = decide(company, "dingtalk", "u1", "005", until="2026-11-05")
    assert done.released == {"employees": 1, "punches": 1}
    done = decide(company, "dingtalk", "u1", "001", since="2026-11-05")
    assert done.released == {"employees": 1, "punches": 1}
    assert company.owners() == {"p1": "005", "p2": "001"}
    assert company.touched() == [("001", "11-05"), ("005", "11-03")]
    company.load(employees=shared)
    assert company.ask("select employee_id, name from core.employee order by 1") == [
        ("001", "Ann"), ("002", "Ben"), ("005", "Eve"),
    ]  # fmt: skip
    assert company.ask(OPEN) == []


def test_somebody_taken_for_new_turns_out_to_be_who_left(company: Company) -> None:
    company.load(on=3, employees=[ANN | {"left_on": date(2026, 6, 30), "email": "ann@x.com", "team": "North"}, BEN])
    back = {"user_id": "u5", "employee_no": "001", "hired_on": date(2026, 11, 3), "team": "South"}
    company.load(on=5, employees=[BEN, back], punches=[punch("p1", "u5", 3)])
    company.load(
        "salesforce", on=5, crm_users=[{"crm_user_id": "A", "email": "ann@x.com"}], visits=[visit("v1", "A", 4)]
    )
    company.publish()
    assert company.ask(OPEN) == [("u5", "maybe_rehired", ["001"])]
    company.forget_touched()
    done = decide(company, "dingtalk", "u5", "001", since="1900-01-01", purpose="HR says so")
    assert company.owners() == {"p1": "001"}
    assert company.ask(
        "select user_id, team, hired_on::text, left_on from core.employee where employee_id = '001'"
    ) == [("u5", "South", "2026-11-03", None)]
    assert company.ask("select same_as from core.employee where employee_id = 'dingtalk:u5'") == [("001",)]
    assert company.ask("select valid_from::text, valid_to::text, team from ref.post where employee_id = '001'") == [
        ("2020-01-01", "2026-07-01", "North")
    ]
    assert ("001", date(2026, 11, 3)) in done.touched
    assert company.ask(OPEN) == []
    company.load(on=6, employees=[BEN, back])
    company.publish()
    assert company.ask("select distinct employee_id from mart.performance_day order by 1") == [("001",), ("002",)]
    days = "select work_date::text from mart.performance_day where employee_id = '001' order by 1"
    assert company.ask(days) == [("2026-11-03",), ("2026-11-04",)]


@pytest.mark.parametrize(
    ("system", "external_id", "employee_id", "days", "problem"),
    [
        ("dingtalk", "u1", "002", {}, "u1 is linked already: 001 without end.* --from DATE"),
        ("dingtalk", "u1", "009", {"since": "2026-11-03"}, "Nobody has the employee id '009'"),
        ("dingtalk", "u9", "001", {}, "dingtalk has not told of an id 'u9' yet.* --ahead"),
        ("dingding", "u1", "001", {}, "Nothing was ever read from a system 'dingding'.*dingtalk"),
        ("dingtalk", "u1", "002", {"since": "2026-11-03", "until": "2026-11-03"}, "Nothing lies between"),
    ],
)
def test_a_decision_that_cannot_be_meant_is_refused(
    company: Company, system: str, external_id: str, employee_id: str, days: dict[str, str], problem: str
) -> None:
    company.load(employees=[ANN, BEN])
    with pytest.raises(ConfigError, match=problem):
        decide(company, system, external_id, employee_id, **days)


def test_an_id_may_be_linked_before_it_is_met(company: Company) -> None:
    company.load(employees=[ANN, BEN])
    decide(company, "dingtalk", "u9", "002", ahead=True)
    company.load(employees=[ANN, BEN, {"user_id": "u9", "employee_no": "900"}], punches=[punch("p1", "u9", 3)])
    assert company.owners() == {"p1": "002"}
    assert company.ask("select count(*) from core.employee") == [(2,)]


def test_questions_count_the_rows_that_wait_and_put_those_that_hold_most_first(stranger: Company) -> None:
    stranger.load("salesforce", crm_users=[{"crm_user_id": "Y"}, {"crm_user_id": "Z"}], visits=[visit("v7", "Y", 4)])
    with stranger.engine.begin() as connection:
        found = [(q.external_id, q.rows_held, q.matters) for q in questions(connection, stranger.on(9))]
    assert found == [("X", 4, True), ("Y", 1, True), ("Z", 0, False)]


def test_the_newest_of_a_records_held_rows_goes_through(company: Company) -> None:
    company.load(employees=[ANN, BEN])
    company.load("salesforce", visits=[visit("v1", "X", 3)])
    company.load("salesforce", visits=[visit("v1", "Y", 4, modified_at=at("2026-11-02 08:00"))])
    assert decide(company, "salesforce", "X", "001").released == {}  # Y's is what the CRM said last
    assert decide(company, "salesforce", "Y", "002").released == {"visits": 1}
    assert company.owners("visit", "visit_id") == {"v1": "002"}
    assert sorted(status for _, status in statuses(company)) == ["replayed", "superseded"]
