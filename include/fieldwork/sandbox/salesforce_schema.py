"""The Salesforce sandbox's objects and fields, and how a company's streams fill them.

Field names are those of ``include/config/fieldwork.toml``; standard ones as in vendors/crm-apis.md section 1.8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

FieldType = Literal[
    "id", "reference", "string", "picklist", "email", "phone", "boolean", "double", "currency", "date", "datetime"
]

INSTANT: Final = pa.timestamp("us", tz="UTC")
ARROW: Final[dict[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "currency": pa.float64(),
    "date": pa.date32(),
    "datetime": INSTANT,
}
NUMBERS: Final = ("double", "currency")


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``to`` is the object a reference leads to; ``source`` the canonical column that fills it."""

    name: str
    type: FieldType
    source: str | None = None
    to: str | None = None
    length: int = 0
    scale: int = 0
    external_id: bool = False
    writable: bool = False
    #: what rows have when nothing fills the field
    constant: Any = None

    @property
    def arrow(self) -> pa.DataType:
        return ARROW.get(self.type, pa.string())

    @property
    def relationship(self) -> str | None:
        """The name under which a query reaches the parent: OwnerId -> Owner, User__c -> User__r."""
        if self.to is None:
            return None
        return self.name.removesuffix("__c") + "__r" if self.name.endswith("__c") else self.name.removesuffix("Id")


@dataclass(frozen=True, slots=True)
class SObject:
    """One object: its fields by name in lower case, the stream that fills it and the prefix of its new ids."""

    name: str
    fields: dict[str, Field]
    stream: str | None
    prefix: str

    @property
    def external_field(self) -> Field | None:
        return next((field for field in self.fields.values() if field.external_id), None)


def _object(name: str, stream: str | None, prefix: str, *fields: Field) -> tuple[str, SObject]:
    common = (
        Field("Id", "id", length=18),
        Field("IsDeleted", "boolean", "deleted", constant=False),
        Field("CreatedDate", "datetime", "created_at"),
        Field("LastModifiedDate", "datetime", "modified_at"),
        Field("SystemModstamp", "datetime", "modified_at"),
        Field("LastModifiedById", "reference", to="User", length=18),
    )
    merged = {field.name.lower(): field for field in (*common, *fields)}
    return name.lower(), SObject(name, merged, stream, prefix)


def _ref(name: str, to: str, source: str | None = None, *, writable: bool = False) -> Field:
    return Field(name, "reference", source, to, 18, writable=writable)


def _text(name: str, length: int, source: str | None = None, *, constant: str | None = None) -> Field:
    return Field(name, "string", source, length=length, writable=source is None, constant=constant)


def _number(name: str, scale: int = 0) -> Field:
    return Field(name, "double", length=18, scale=scale, writable=True)


OBJECTS: Final[dict[str, SObject]] = dict(
    [
        _object(
            "User", "crm_users", "005",
            Field("Id", "id", "crm_user_id", length=18),
            Field("Username", "string", "email", length=80),
            Field("Name", "string", "name", length=121),
            Field("Email", "email", "email", length=128),
            Field("EmployeeNumber", "string", "employee_no", length=20),
            Field("MobilePhone", "phone", "mobile", length=40),
            Field("IsActive", "boolean", "active", constant=True),
            _ref("ManagerId", "User", "manager_id"),
        ),
        _object(
            "Account", "accounts", "001",
            Field("Id", "id", "account_id", length=18),
            Field("Name", "string", "name", length=255, writable=True),
            _ref("OwnerId", "User", "owner_id", writable=True),
            Field("BillingLatitude", "double", "latitude", length=18, scale=15, writable=True),
            Field("BillingLongitude", "double", "longitude", length=18, scale=15, writable=True),
            Field("Checkin_Radius__c", "double", "radius_m", length=18, writable=True),
        ),
        _object(
            "Event", "visits", "00U",
            Field("Id", "id", "visit_id", length=18),
            _ref("OwnerId", "User", "owner_id", writable=True),
            _ref("AccountId", "Account", "account_id"),
            _ref("WhatId", "Account", "account_id", writable=True),
            _text("Subject", 255, constant="Visit"),
            Field("StartDateTime", "datetime", "planned_start", writable=True),
            Field("EndDateTime", "datetime", "planned_end", writable=True),
            Field("IsAllDayEvent", "boolean", constant=False),
            Field("IsChild", "boolean", constant=False),
            Field("IsArchived", "boolean", constant=False),
            Field("Actual_Start__c", "datetime", "actual_start", writable=True),
            Field("Actual_End__c", "datetime", "actual_end", writable=True),
            Field("Visit_Status__c", "picklist", "status", length=40, writable=True),
            _text("Checkin_Verdict__c", 40),
            Field("Checkin_At__c", "datetime", writable=True),
            _number("Checkin_Minutes_Off__c"),
            _text("Checkin_Reason__c", 255),
            _text("Fieldwork_Write__c", 80),
        ),
        _object(
            "Task", "tasks", "00T",
            Field("Id", "id", "task_id", length=18),
            _ref("OwnerId", "User", "owner_id", writable=True),
            _ref("AccountId", "Account", "account_id"),
            _ref("WhatId", "Account", "account_id", writable=True),
            _text("Subject", 255, constant="Follow up"),
            Field("ActivityDate", "date", "due_on", writable=True),
            Field("CompletedDateTime", "datetime", "completed_at"),
            Field("Status", "picklist", "status", length=40, writable=True),
            Field("Priority", "picklist", length=40, writable=True, constant="Normal"),
            Field("IsArchived", "boolean", constant=False),
        ),
        _object(
            "Opportunity", "opportunities", "006",
            Field("Id", "id", "opportunity_id", length=18),
            _text("Name", 120, constant="Opportunity"),
            _ref("OwnerId", "User", "owner_id", writable=True),
            _ref("AccountId", "Account", "account_id", writable=True),
            Field("StageName", "picklist", "stage", length=255, writable=True),
            Field("Amount", "currency", "amount", length=18, scale=2, writable=True),
            Field("CurrencyIsoCode", "picklist", "currency", length=3, writable=True),
            Field("CloseDate", "date", "closed_on", writable=True),
            Field("IsWon", "boolean", "is_won"),
        ),
        _object(
            "Daily_Performance__c", None, "a01",
            Field("External_Id__c", "string", length=80, external_id=True, writable=True),
            _text("Name", 80),
            _ref("User__c", "User", writable=True),
            Field("Work_Date__c", "date", writable=True),
            _text("Attendance_Status__c", 40),
            _number("Visits_Planned__c"), _number("Visits_Done__c"), _number("Visits_Verified__c"),
            _number("Tasks_Due__c"), _number("Tasks_On_Time__c"), _number("Follow_Ups__c"),
            _number("Opportunities_Created__c"), _number("Opportunities_Won__c"),
            Field("Amount_Won__c", "currency", length=18, scale=2, writable=True),
            _number("Performance_Index__c", 4),
            _text("Rule_Version__c", 40),
            _text("Fieldwork_Write__c", 80),
        ),
    ]
)  # fmt: skip

#: canonical status words in the org's own picklists; other words pass as they are
STATUS: Final = {
    "Event": {"planned": "Planned", "done": "Done", "cancelled": "Cancelled"},
    "Task": {"open": "Not Started", "done": "Completed", "cancelled": "Cancelled"},
}


def filled(sobject: SObject, rows: pa.Table) -> pa.Table:
    """A stream's canonical rows as rows of the object; ids that are null cannot be records and are left out."""
    columns = {}
    for field in sobject.fields.values():
        if field.source in rows.column_names:
            columns[field.name] = rows[field.source].cast(field.arrow, safe=False)
        else:
            columns[field.name] = pa.repeat(pa.scalar(None, field.arrow), len(rows))
        if field.constant is not None:
            columns[field.name] = pc.fill_null(columns[field.name], field.constant)
    table = pa.table(columns)
    words = STATUS.get(sobject.name, {})
    if words:
        name = "Visit_Status__c" if sobject.name == "Event" else "Status"
        known = pc.index_in(table[name], value_set=pa.array(list(words)))
        translated = pc.coalesce(pa.array(list(words.values())).take(known.combine_chunks()), table[name])
        table = table.set_column(table.column_names.index(name), name, translated)
    stamps = pc.fill_null(table["SystemModstamp"], pa.scalar(0, INSTANT))
    table = table.set_column(table.column_names.index("SystemModstamp"), "SystemModstamp", stamps)
    return table.filter(pc.is_valid(table["Id"]))


def empty(sobject: SObject) -> pa.Table:
    """The object without records."""
    return pa.schema([(field.name, field.arrow) for field in sobject.fields.values()]).empty_table()


def describe(sobject: SObject) -> dict[str, Any]:
    """The object as the describe call tells it."""
    return {
        "name": sobject.name,
        "label": sobject.name,
        "keyPrefix": sobject.prefix,
        "queryable": True,
        "createable": sobject.stream is None,
        "updateable": True,
        "deletable": True,
        "custom": sobject.name.endswith("__c"),
        "fields": [_described(field) for field in sobject.fields.values()],
    }


def _described(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.name,
        "type": field.type,
        "length": field.length if field.arrow == pa.string() else 0,
        "precision": field.length if field.type in NUMBERS else 0,
        "scale": field.scale,
        "externalId": field.external_id,
        "unique": field.external_id,
        "caseSensitive": field.external_id,
        "idLookup": field.external_id or field.type == "id",
        "createable": field.writable,
        "updateable": field.writable,
        "nillable": field.type not in ("id", "boolean"),
        "referenceTo": [field.to] if field.to else [],
        "relationshipName": field.relationship,
        "picklistValues": [],
        "custom": field.name.endswith("__c"),
    }


def parse(field: Field, value: Any) -> Any:
    """A written JSON value as the field's Python value; raises ValueError when it is none."""
    if value is None:
        return None
    if field.type in NUMBERS:
        return _number_of(value, field.scale)
    reader: Callable[[Any], Any] = _PARSERS.get(field.type, _text_of)
    return reader(value)


def from_text(field: Field, text: str) -> Any:
    """A CSV cell as the JSON value that it stands for; what is none stays text, for :func:`parse` to refuse."""
    if field.type == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if field.type in NUMBERS:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _text_of(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("text expected")
    return value


def _number_of(value: Any, scale: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("number expected")
    return round(float(value), scale)


def _flag_of(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("boolean expected")
    return value


def _date_of(value: Any) -> date:
    return date.fromisoformat(value)


def _instant_of(value: Any) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("offset expected")
    return instant.astimezone(UTC)


_PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "boolean": _flag_of,
    "date": _date_of,
    "datetime": _instant_of,
}
