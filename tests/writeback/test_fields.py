"""What may leave for the CRM is a list, and the mapping can name nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings, load, merge
from fieldwork.steps.plan import plan
from fieldwork.warehouse.schema import classes, core, mart, metadata
from fieldwork.writeback.fields import COLUMNS, FIELDS, check, kinds, mapped


def with_(**tables: object) -> Settings:
    settings = load({})
    return replace(settings, config=merge(settings.config, tables))


def test_the_shipped_mapping_names_every_field() -> None:
    settings = load({})
    assert kinds(settings) == ("visit", "performance")
    assert {kind: mapped(settings, "salesforce", kind) for kind in kinds(settings)} == {
        kind: tuple(fields) for kind, fields in FIELDS.items()
    }


def test_every_field_is_a_column_that_holds_work() -> None:
    held = {
        (kind, name): classes.holds(column) for kind, columns in COLUMNS.items() for name, column in columns.items()
    }
    assert set(held.values()) == {classes.WORK}
    assert {kind: set(columns) for kind, columns in COLUMNS.items()} == {kind: set(f) for kind, f in FIELDS.items()}


#: What columns that must stay are called here and elsewhere.
LOOKS_LIKE = r"lat(itude)?$|lon(gitude)?$|^place$|distance|accuracy|radius|device|^name$|mobile|phone|mail|_minutes$"


def test_nothing_that_looks_like_a_place_a_contact_or_pay_holds_work() -> None:
    """A column that nobody has classified may not leave either, so a new one is safe until somebody calls it work."""
    columns = [c for t in metadata.tables.values() if t.schema in {"core", "place", "mart", "build"} for c in t.columns]
    alike = [column for column in columns if re.search(LOOKS_LIKE, column.name)]
    assert len(alike) > 30
    assert [f"{c.table.fullname}.{c.name}" for c in alike if classes.holds(c) == classes.WORK] == []


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (mart.performance_day.c.late_minutes, "what pay is computed from"),
        (mart.visit_check.c.distance_m, "a place"),
        (core.employee.c.mobile, "a contact"),
        (core.punch_place.c.latitude, "a place"),
        (mart.HISTORY["performance_day"].c.overtime_minutes, "what pay is computed from"),
        (mart.visit_check.c.stayed_minutes, "a place"),
        (mart.attendance_day.c.missed_minutes, "what pay is computed from"),
        (mart.unmatched_check_in.c.reason_code, "nobody said what"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_must_stay_is_refused_by_what_it_holds_whatever_it_is_called(
    monkeypatch: pytest.MonkeyPatch, column: sa.Column[Any], what: str
) -> None:
    """Somebody adds a field under an innocent name: the configuration maps it, and the start of the run refuses it."""
    innocent = column._copy(name="punctuality")
    sa.Table("anything", sa.MetaData(), innocent)
    monkeypatch.setitem(COLUMNS["performance"], "punctuality", innocent)
    settings = with_(salesforce={"write": {"performance": {"punctuality": "Punctuality__c"}}})
    with pytest.raises(ConfigError, match=what):
        mapped(settings, "salesforce", "performance")
    with pytest.raises(ConfigError, match=what):
        check(settings)


def test_everything_that_may_leave_is_judged_before_anything_is_read(warehouse: Engine) -> None:
    day = date(2026, 11, 2)
    bad = with_(salesforce={"write": {"performance": {"late_minutes": "Late__c"}}})
    with pytest.raises(ConfigError, match="late_minutes"):
        plan(
            warehouse,
            bad,
            run_id="r1",
            since=day,
            until=day + timedelta(days=1),
            as_of=datetime(2026, 11, 8, tzinfo=UTC),
        )
    with warehouse.connect() as connection:
        assert connection.execute(sa.text("select count(*) from ops.run")).scalar_one() == 0


@pytest.mark.parametrize(
    "tables",
    [
        {"salesforce": {"write": {"invoice": {"object": "Invoice", "key": "Id", "amount": "Amount"}}}},
        {"hubspot": {"write": {"visit": {"object": "meetings", "key": "id", "distance": "distance"}}}},
        {"write_back": {"ours": {"visit": ["distance_m"]}}},
        {"write_back": {"kinds": ["invoice"]}},
    ],
)
def test_every_system_and_kind_is_judged(tables: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        check(with_(**tables))


def test_a_field_mapped_to_nothing_is_left_out() -> None:
    fewer = with_(salesforce={"write": {"visit": {"checkin_reason": ""}}})
    assert mapped(fewer, "salesforce", "visit") == ("checkin_verdict", "checkin_at", "checkin_minutes_off")
    check(fewer)


@pytest.mark.parametrize("name", ["latitude", "late_minutes", "name", "key2"])
def test_a_mapping_of_anything_else_is_refused(name: str) -> None:
    settings = with_(salesforce={"write": {"performance": {name: "Some__c"}}})
    with pytest.raises(ConfigError, match=name) as raised:
        mapped(settings, "salesforce", "performance")
    assert "visits_planned" in raised.value.todo


def test_a_mapping_of_nothing_is_refused() -> None:
    settings = with_(other={"write": {"visit": {"object": "Meeting", "key": "id"}}})
    with pytest.raises(ConfigError, match="maps no field"):
        mapped(settings, "other", "visit")


def test_an_unknown_kind_and_an_unknown_system_are_refused() -> None:
    with pytest.raises(ConfigError, match="invoice"):
        kinds(with_(write_back={"kinds": ["invoice"]}))
    with pytest.raises(ConfigError, match=r"hubspot\.write\.visit"):
        mapped(load({}), "hubspot", "visit")
    check(load({}))
