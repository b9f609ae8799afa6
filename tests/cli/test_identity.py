"""`fieldwork identity`: ids and never names, unless they are asked for; what a decision would do, and does."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.steps.company import Company, visit
from typer.testing import CliRunner, Result

from fieldwork.cli import app
from fieldwork.cli.identity_tables import REASONS
from fieldwork.errors import ConfigError
from fieldwork.rules import identity, people
from fieldwork.settings import Settings

ANN: dict[str, Any] = {
    "user_id": "u1", "employee_no": "001", "name": "Canary Ann", "email": "canary@x.com", "mobile": "13900009999",
    "team": "North", "hired_on": date(2020, 1, 1),
}  # fmt: skip
BEN: dict[str, Any] = {"user_id": "u2", "employee_no": "002", "name": "Canary Ben", "team": "South"}


@pytest.fixture
def company(warehouse: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Company:
    """Ann and Ben; CRM user X is one of the two, and has a visit."""
    monkeypatch.setenv("FIELDWORK_WAREHOUSE_URL", str(settings.warehouse_url))
    monkeypatch.setenv("FIELDWORK_HOME", str(settings.home))
    monkeypatch.setenv("FIELDWORK_NOW", "2026-11-09T03:00:00+00:00")
    here = Company(warehouse, settings)
    here.load(employees=[ANN, BEN])
    user = {"crm_user_id": "X", "employee_no": "002", "email": "canary@x.com", "name": "Canary X"}
    here.load("salesforce", crm_users=[user, {"crm_user_id": "Y"}], visits=[visit("v1", "X", 3)])
    return here


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, ["identity", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_a_question_is_asked_answered_and_gone(company: Company) -> None:
    (asked,) = json.loads(run("review", "--json").stdout)
    assert (asked["external_id"], asked["reason"], asked["candidates"]) == ("X", "rules_disagree", ["001", "002"])
    assert (asked["rows_held"], asked["status"]) == (1, "open")
    assert "rules name different people" in run("review").stdout
    assert "Y" in run("review", "--all").stdout

    company.forget_touched()
    rehearsed = run("link", "salesforce", "X", "002", "--dry-run").stdout
    assert "visits 1" in rehearsed
    assert "002: 2026-11-03" in rehearsed
    assert "nothing was changed" in rehearsed
    assert company.links("X") == []
    done = run("link", "salesforce", "X", "002", "--purpose", "asked her").stdout
    assert done.splitlines()[:-1] == rehearsed.splitlines()[:-1]
    assert company.touched() == [("002", "11-03")]
    assert "Nothing waits for a decision." in run("review").stdout
    assert "decided" in run("review", "--all").stdout
    assert "It is so already." in run("link", "salesforce", "X", "002").stdout


def test_what_is_known_of_a_person_and_of_an_id(company: Company) -> None:
    run("link", "salesforce", "X", "002", "--purpose", "asked her")
    run("unlink", "salesforce", "X", "--until", "2026-11-01")
    known = json.loads(run("show", "X", "--json").stdout)
    links = [(row["valid_from"], row["valid_to"], row["employee_id"]) for row in known["links"]]
    assert links == [("1900-01-01", "2026-11-01", None), ("2026-11-01", None, "002")]
    assert [row["purpose"] for row in known["decisions"]] == ["asked her", None]
    run("unlink", "salesforce", "X")
    assert "Nothing waits" in run("review").stdout
    everything = json.loads(run("review", "--all", "--json").stdout)
    assert [(q["external_id"], q["rows_held"]) for q in everything if q["reason"] == "unlinked"] == [("X", 1)]
    run("link", "salesforce", "X", "002", "--from", "2026-11-01")
    told = run("show", "002").stdout
    assert "dingtalk" in told
    assert "South" in told
    with pytest.raises(ConfigError, match="Nothing is known of 'Z'"):
        run("show", "Z")


def test_posts_are_set_right(company: Company) -> None:
    run("team", "001", "South", "--manager", "002", "--from", "2026-11-02", "--until", "2026-11-04")
    assert company.ask("select team, manager_employee_id, rule from ref.post") == [("South", "002", "manual")]
    with pytest.raises(ConfigError, match="From which day"):
        run("team", "001", "South")
    run("team", "001", "West", "--from", "2026-11-04", "--new", "--dry-run")
    assert company.ask("select count(*) from ref.post") == [(1,)]
    company.load(employees=[BEN])
    run("left", "001", "2026-11-06")
    assert company.ask("select left_on::text from core.employee where employee_id = '001'") == [("2026-11-06",)]


def test_names_are_shown_to_those_who_ask_and_it_is_noted(company: Company) -> None:
    for words in (("review",), ("review", "--json"), ("show", "001"), ("show", "X", "--json")):
        output = run(*words).output
        assert not [secret for secret in ("Canary", "canary@", "9999") if secret in output]
    assert company.ask("select count(*) from ops.audit_log") == [(0,)]
    (asked,) = json.loads(run("review", "--json", "--names", "--purpose", "merging").stdout)
    assert asked["names"] == {"X": "Canary X", "001": "Canary Ann", "002": "Canary Ben"}
    assert "names" in run("review", "--names").stdout
    assert "001: Canary Ann" in run("show", "001", "--names").stdout
    assert company.ask("select action, purpose, rows from ops.audit_log order by audit_id") == [
        ("identity.names", "merging", 3), ("identity.names", None, 3), ("identity.names", None, 1),
    ]  # fmt: skip
    company_wide = company.ask("select string_agg(detail::text || who, '') from ops.audit_log")[0][0]
    assert "anary" not in company_wide


def test_every_reason_is_told_in_words() -> None:
    others = {"unknown", "unlinked", "outside_link", "file_disagrees", "no_such_person"}
    assert set(REASONS) == {*identity.REASONS, *people.REASONS, people.ONCE, *others}
