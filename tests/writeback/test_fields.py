"""What may leave for the CRM is a list, and the mapping can name nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings, load, merge
from fieldwork.warehouse.schema import core
from fieldwork.writeback.fields import FIELDS, kinds, mapped


def with_(**tables: object) -> Settings:
    settings = load({})
    return replace(settings, config=merge(settings.config, tables))


def test_the_shipped_mapping_names_every_field() -> None:
    settings = load({})
    assert kinds(settings) == ("visit", "performance")
    assert {kind: mapped(settings, "salesforce", kind) for kind in kinds(settings)} == {
        kind: tuple(fields) for kind, fields in FIELDS.items()
    }


def test_nothing_about_place_person_or_pay_is_on_the_list() -> None:
    people = {"name", "mobile", "email", "latitude", "longitude", "accuracy_m", "place", "distance_m", "device_id"}
    pay = {"late_minutes", "early_minutes", "worked_minutes", "overtime_minutes", "exposure_minutes", "leave_minutes"}
    listed = {name for fields in FIELDS.values() for name in fields}
    assert listed & (people | pay) == set()
    assert people - {"distance_m"} <= {c.name for t in (core.employee, core.punch, core.punch_place) for c in t.columns}


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
