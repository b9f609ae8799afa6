"""The deployable Salesforce files hold every custom field that the shipped configuration names, with a fitting type."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from fieldwork.settings import ROOT
from fieldwork.streams import DAY, INSTANT, MONEY, NUMBER, STREAMS, TEXT
from fieldwork.writeback.fields import ADDRESS, COUNT, FIELDS

APP = ROOT / "include" / "salesforce" / "force-app" / "main" / "default"
CONFIG = tomllib.loads((ROOT / "include" / "config" / "fieldwork.toml").read_text(encoding="utf-8"))["salesforce"]
NS = "{http://soap.sforce.com/2006/04/metadata}"

#: Which Salesforce types hold what we write or read.
FITTING: dict[pa.DataType, set[str]] = {
    TEXT: {"Text", "Picklist", "Lookup"},
    INSTANT: {"DateTime"},
    DAY: {"Date"},
    COUNT: {"Number"},
    NUMBER: {"Number"},
    MONEY: {"Currency"},
}


def fields() -> dict[str, dict[str, str]]:
    """``Object.Field__c`` and its properties; the fields of events and tasks are declared on Activity."""
    found = {}
    for path in sorted((APP / "objects").glob("*/fields/*.field-meta.xml")):
        root = ElementTree.parse(path).getroot()
        assert root.tag == f"{NS}CustomField"
        values = {child.tag.removeprefix(NS): (child.text or "").strip() for child in root}
        assert path.name == f"{values['fullName']}.field-meta.xml"
        found[f"{path.parents[1].name}.{values['fullName']}"] = values
    return found


def named() -> Iterator[tuple[str, pa.DataType]]:
    """Every custom field that the configuration names, with the type of our side."""
    for kind, table in CONFIG["write"].items():
        for name, field in table.items():
            if name not in ADDRESS:
                yield _declared(table["object"], field), FIELDS[kind][name]
    for stream, table in CONFIG["read"].items():
        for name, field in table.items():
            if isinstance(field, str) and field.endswith("__c") and name in STREAMS[stream].column_types:
                yield _declared(table["object"], field), STREAMS[stream].column_types[name]


def _declared(name: str, field: str) -> str:
    return f"{'Activity' if name in {'Event', 'Task'} else name}.{field}"


@pytest.mark.parametrize(("field", "ours"), list(named()), ids=lambda v: str(v))
def test_every_named_field_ships_with_a_fitting_type(field: str, ours: pa.DataType) -> None:
    shipped = fields()[field]
    assert shipped["type"] in FITTING[ours]
    if ours == MONEY:
        assert (shipped["precision"], shipped["scale"]) == ("18", "2")
    if ours == COUNT:
        assert shipped["scale"] == "0"


def test_nothing_ships_that_the_configuration_does_not_name() -> None:
    key = f"{CONFIG['write']['performance']['object']}.{CONFIG['write']['performance']['key']}"
    marks = {_declared(table["object"], table["write_key"]) for table in CONFIG["write"].values()}
    assert set(fields()) == {field for field, _ in named()} | {key} | marks
    assert len(fields()) == 25


def test_the_external_id_is_unique_and_case_sensitive() -> None:
    shipped = fields()["Daily_Performance__c.External_Id__c"]
    assert {name: shipped[name] for name in ("externalId", "unique", "caseSensitive", "required", "type")} == {
        "externalId": "true", "unique": "true", "caseSensitive": "true", "required": "true", "type": "Text",
    }  # fmt: skip


def test_picklists_hold_our_words() -> None:
    def values(field: str) -> list[str]:
        path = APP / "objects" / field.split(".")[0] / "fields" / f"{field.split('.')[1]}.field-meta.xml"
        return [node.findtext(f"{NS}fullName") or "" for node in ElementTree.parse(path).iter(f"{NS}value")]

    assert values("Activity.Checkin_Verdict__c") == [
        "verified", "off_schedule", "out_of_range", "unverifiable", "no_check_in",
    ]  # fmt: skip
    assert set(values("Daily_Performance__c.Attendance_Status__c")) == {
        "present", "late", "early", "absent", "leave", "rest", "holiday", "incomplete",
    }  # fmt: skip
    assert values("Activity.Visit_Status__c") == list(CONFIG["read"]["visits"]["values"]["status"])


def test_the_permission_set_covers_every_field_and_edits_only_what_is_written() -> None:
    root = ElementTree.parse(APP / "permissionsets" / "Fieldwork.permissionset-meta.xml").getroot()
    granted = {
        node.findtext(f"{NS}field"): node.findtext(f"{NS}editable") == "true"
        for node in root.iter(f"{NS}fieldPermissions")
    }
    needed = {
        name.replace("Activity.", "Event."): "read by Fieldwork" not in values["description"]
        for name, values in fields().items()
        if values["required"] != "true"  # a required field is always visible; naming it fails the deployment
    }
    assert granted == needed


def test_the_project_file_names_the_folder_and_the_version() -> None:
    project = json.loads((Path(ROOT) / "include" / "salesforce" / "sfdx-project.json").read_text(encoding="utf-8"))
    assert project["packageDirectories"] == [{"path": "force-app", "default": True}]
    assert project["sourceApiVersion"] == CONFIG["api_version"]
