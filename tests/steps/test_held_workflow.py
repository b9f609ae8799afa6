"""Held rows in the quarantine's workflow: mended, dismissed, replayed and reconciled, they follow what is decided."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.quality import mend
from fieldwork.quality.choice import Choice
from fieldwork.quality.page import facts
from fieldwork.steps.replay import choose, replay
from fieldwork.steps.review import questions

from .company import OPEN, Company, punch, visit
from .rows import at, set_aside
from .test_decide import ADD_UP, ANN, BEN, decide

HAL: dict[str, Any] = {"user_id": "u1", "employee_no": "077", "name": "Hal", "hired_on": date(2026, 11, 4)}
LINES = "select key, rule, status from ops.quarantine order by quarantine_id"


def again(company: Company, choice: Choice | None = None, *, dry_run: bool = False) -> dict[str, Any]:
    """Replay the rows of the choice, on the 9th."""
    company.runs += 1
    run_id, settings = f"again-{company.runs}", company.on(9)
    choose(company.engine, settings, run_id=run_id, choice=choice or Choice(), who="ann", dry_run=dry_run)
    return replay(company.engine, settings, run_id=run_id, who="ann")


def change(company: Company, key: str, **cells: Any) -> None:
    """Mend the newest row of the record."""
    with company.engine.begin() as connection:
        number = connection.execute(
            sa.text("select max(quarantine_id) from ops.quarantine where key = :key"), {"key": key}
        ).scalar_one()
        mend.act(connection, "ann")
        mend.mend(connection, {number: cells})


@pytest.fixture
def waiting(company: Company) -> Company:
    """CRM user X, whom nobody knows, has visits on the 3rd and the 4th."""
    company.load(employees=[ANN, BEN])
    company.load(
        "salesforce", crm_users=[{"crm_user_id": "A", "employee_no": "001"}, {"crm_user_id": "X"}],
        visits=[visit("v2", "X", 3), visit("v3", "X", 4)],
    )  # fmt: skip
    company.forget_touched()
    return company


def test_a_replay_of_held_rows_follows_the_decisions(waiting: Company) -> None:
    found = again(waiting, Choice(statuses=("held",)))
    assert (found["still_bad"], found["person_days"]) == ({"visits.person_known": 2}, 0)
    assert waiting.ask(LINES) == [("v2", "visits.person_known", "held"), ("v3", "visits.person_known", "held")]
    decide(waiting, "salesforce", "X", "002", since="2026-11-04")
    assert waiting.owners("visit", "visit_id") == {"v3": "002"}
    found = again(waiting, Choice(statuses=("held",)))
    assert found["still_bad"] == {"visits.person_known": 1}
    assert [status for _, _, status in waiting.ask(LINES)] == ["held", "replayed"]
    assert waiting.ask(ADD_UP) == [(True,)]


def test_a_held_row_waits_under_the_id_that_a_person_wrote_and_goes_through_as_mended(waiting: Company) -> None:
    waiting.load("salesforce", crm_users=[{"crm_user_id": "Y"}])
    change(waiting, "v2", owner_id="Y", planned_start="2026-11-05T10:00:00+08:00", planned_end=None)
    assert [status for _, _, status in waiting.ask(LINES)] == ["mended", "held"]
    assert again(waiting)["still_bad"] == {"visits.person_known": 1}
    with waiting.engine.begin() as connection:
        assert [(q.external_id, q.rows_held) for q in questions(connection, waiting.on(9))] == [("X", 1), ("Y", 1)]
    decide(waiting, "salesforce", "X", "001")
    assert waiting.owners("visit", "visit_id") == {"v3": "001"}
    decide(waiting, "salesforce", "Y", "002", since="2026-11-05")
    assert waiting.owners("visit", "visit_id") == {"v2": "002", "v3": "001"}
    assert waiting.touched() == [("001", "11-04"), ("002", "11-05")]


def test_who_decided_stands_in_the_rows_history(waiting: Company) -> None:
    decide(waiting, "salesforce", "X", "002", purpose="Ben's old login")
    events = "select distinct who, was, status, reason from ops.quarantine_event"
    assert waiting.ask(events) == [("tester", "held", "replayed", "Its person and customer are known now")]
    decide(waiting, "salesforce", "X", None, purpose="not his")
    assert [status for _, _, status in waiting.ask(LINES)] == ["held", "held"]
    assert waiting.ask(f"{events} where was = 'replayed'") == [("tester", "replayed", "held", "not his")]


def test_a_dismissed_row_stays_away_and_waits_again_when_that_is_taken_back(waiting: Company) -> None:
    chosen = Choice(statuses=("held",))
    with waiting.engine.begin() as connection:
        mend.act(connection, "ann", "of a test system")
        assert mend.dismiss(connection, chosen) == 2
        assert [q.rows_held for q in questions(connection, waiting.on(9))] == [0]
    assert decide(waiting, "salesforce", "X", "002").released == {}
    decide(waiting, "salesforce", "X", None)
    with waiting.engine.begin() as connection:
        assert mend.undo_dismissal(connection, Choice(statuses=("dismissed",))) == 2
    assert [status for _, _, status in waiting.ask(LINES)] == ["held", "held"]
    assert decide(waiting, "salesforce", "X", "002").released == {"visits": 2}


def test_a_row_that_goes_through_at_last_leaves_a_newer_bad_version_waiting(waiting: Company) -> None:
    newer = visit("v2", "X", 3, status="sideways", modified_at=at("2026-11-02 08:00"))
    set_aside(waiting.engine, waiting.on(8), "bad", "salesforce", "status_known", visits=[newer])
    decide(waiting, "salesforce", "X", "002")
    assert waiting.ask(LINES) == [
        ("v2", "visits.person_known", "replayed"), ("v3", "visits.person_known", "replayed"),
        ("v2", "visits.status_known", "new"),
    ]  # fmt: skip
    change(waiting, "v2", status="done")
    assert again(waiting)["still_bad"] == {}
    assert waiting.ask("select status from core.visit where visit_id = 'v2'") == [("done",)]


def test_people_who_are_mended_take_the_rows_of_their_ids_along(company: Company) -> None:
    company.load(employees=[ANN, BEN], punches=[punch("p1", "u1", 3), punch("p2", "u1", 4), punch("p3", "u1", 5)])
    set_aside(company.engine, company.on(8), "bad", "dingtalk", "name_length", employees=[HAL | {"name": ""}])
    assert company.ask("select employee_id from core.employee where missing_since is null") == [("001",)]
    change(company, "u1", name="Hal")
    company.forget_touched()
    rehearsed = again(company, dry_run=True)
    assert (company.owners(), company.touched()) == (dict.fromkeys(("p1", "p2", "p3"), "001"), [])
    found = again(company)
    assert (found["still_bad"], found["person_days"]) == ({}, rehearsed["person_days"])
    assert company.owners() == {"p1": "001", "p2": "077", "p3": "077"}
    assert company.touched() == [(who, day) for who in ("001", "077") for day in ("11-04", "11-05")]
    assert company.links("u1") == [("001", None, "2026-11-04", "source"), ("077", "2026-11-04", None, "source")]
    assert company.ask(f"select kind, loaded from ops.batch where run_id = 'again-{company.runs}' order by 1") == [
        ("move", 2), ("replay", 1),
    ]  # fmt: skip
    assert company.ask(ADD_UP) == [(True,)]


def test_of_two_people_under_one_id_a_replay_outdates_neither(company: Company) -> None:
    company.load(employees=[ANN])
    eve = {"user_id": "u1", "employee_no": "005", "name": "Eve"}
    company.load(employees=[ANN, eve])
    assert company.ask(OPEN) == [("u1", "claimed_twice", ["001", "005"])]
    found = again(company, Choice(statuses=("held",)))
    assert sum(found["still_bad"].values()) == 2
    assert company.ask("select payload ->> 'employee_no', status from ops.quarantine order by 1") == [
        ("001", "held"), ("005", "held"),
    ]  # fmt: skip


def test_ids_to_review_are_on_the_runs_page(waiting: Company) -> None:
    told = facts.collect(waiting.engine, waiting.on(9), f"run-{waiting.runs}")
    assert told.to_review == 1
    assert [(row["rule"], row["held"], row["to_mend"]) for row in told.set_aside] == [("visits.person_known", 2, 0)]
