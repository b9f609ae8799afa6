"""Writes to the Salesforce sandbox: sObject Collections and single records, judged field by field.

A request is one transaction of the store: rows are judged in order, those that pass are applied under one stamp and
journalled before the answer is given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from fieldwork.sandbox.salesforce_schema import OBJECTS, SObject, parse
from fieldwork.sandbox.salesforce_store import Change, Store
from fieldwork.sandbox.state import Journal

ROLLED_BACK = (
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)

#: who writes: the app's Run As user, or somebody at the screen
INTEGRATION = "005SB000000000INT1"
PERSON = "005SB000000000PER1"

#: what a record's fields would do; raises RowError when it is refused
Judge = Callable[[Mapping[str, Any]], "Outcome"]


class RowError(Exception):
    """Why one record was not written."""

    def __init__(self, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, list(fields)


@dataclass(slots=True)
class Outcome:
    """What became of one record of a request."""

    identifier: str | None = None
    created: bool = False
    refused: RowError | None = None
    sobject: SObject | None = None
    values: dict[str, Any] = field(default_factory=dict)
    #: the values as they came, for the journal
    raw: dict[str, Any] = field(default_factory=dict)

    def as_json(self, *, upsert: bool) -> dict[str, Any]:
        """A row of the answer."""
        if self.refused is not None:
            error = {"statusCode": self.refused.code, "message": self.refused.message, "fields": self.refused.fields}
            return {"success": False, "errors": [error]}
        result: dict[str, Any] = {"id": self.identifier, "success": True, "errors": []}
        return {**result, "created": self.created} if upsert else result


class Writer:
    """Judges, applies and journals."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store, self._journal = store, journal
        self._replay(journal.replay())

    def upsert(self, sobject: SObject, key: str, records: Sequence[Any], *, all_or_none: bool) -> list[Outcome]:
        """Insert or update by external id; every row with a key that stands twice in the request fails."""
        external = sobject.fields[key.lower()]
        keys = Counter(record.get(external.name) for record in records if isinstance(record, dict))

        def judge(record: Mapping[str, Any]) -> Outcome:
            value = record.get(external.name)
            if "id" in {name.lower() for name in record}:
                raise RowError("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Id", ["Id"])
            if not isinstance(value, str) or not value:
                raise RowError("MISSING_ARGUMENT", f"{external.name} not specified", [external.name])
            if keys[value] > 1:
                raise RowError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [external.name])
            existing = self.store.sheets[sobject.name.lower()].find(value)
            return self._judged(sobject, record, existing)

        return self._transact(records, judge, sobject, all_or_none=all_or_none)

    def update(self, records: Sequence[Any], *, all_or_none: bool, by: str = INTEGRATION) -> list[Outcome]:
        """Update by record id; the type of each record stands in its attributes. Ids that stand twice all fail."""
        ids = Counter(_id_of(record) for record in records if isinstance(record, dict))

        def judge(record: Mapping[str, Any]) -> Outcome:
            sobject = OBJECTS.get(_type_of(record).lower())
            if sobject is None:
                raise RowError("INVALID_TYPE", f"sObject type '{_type_of(record)}' is not supported.")
            identifier = _id_of(record)
            if not identifier:
                raise RowError("MISSING_ARGUMENT", "Id not specified in an update call")
            if ids[identifier] > 1:
                raise RowError("DUPLICATE_VALUE", f"Duplicate id specified: {identifier}", ["Id"])
            self._must_stand(sobject, identifier)
            fields = {name: value for name, value in record.items() if name.lower() != "id"}
            return self._judged(sobject, fields, identifier)

        return self._transact(records, judge, None, all_or_none=all_or_none, by=by)

    def delete(self, ids: Sequence[str], *, all_or_none: bool, by: str = INTEGRATION) -> list[Outcome]:
        """Delete by record id, whatever the object; a deleted record is found by ``queryAll`` alone."""

        def judge(record: Mapping[str, Any]) -> Outcome:
            identifier = _id_of(record)
            sobject = next((o for o in OBJECTS.values() if self.store.sheets[o.name.lower()].has(identifier)), None)
            if sobject is None:
                raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            self._must_stand(sobject, identifier)
            return Outcome(identifier, False, None, sobject, {"IsDeleted": True}, {"IsDeleted": True})

        records = [{"id": identifier, "attributes": {"type": "any"}} for identifier in ids]
        return self._transact(records, judge, None, all_or_none=all_or_none, by=by)

    def _must_stand(self, sobject: SObject, identifier: str) -> None:
        sheet = self.store.sheets[sobject.name.lower()]
        if not sheet.has(identifier):
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if identifier in sheet.deleted:
            raise RowError("ENTITY_IS_DELETED", "entity is deleted")

    def insert(self, sobject: SObject, record: Mapping[str, Any]) -> Outcome:
        """One new record."""

        def judge(row: Mapping[str, Any]) -> Outcome:
            key = sobject.external_field
            value = row.get(key.name) if key else None
            twin = self.store.sheets[sobject.name.lower()].find(value) if isinstance(value, str) else None
            if key and twin:
                message = f"duplicate value found: {key.name} duplicates value on record with id: {twin}"
                raise RowError("DUPLICATE_VALUE", message)
            return self._judged(sobject, row, None)

        return self._transact([record], judge, sobject, all_or_none=False)[0]

    def _judged(self, sobject: SObject, record: Mapping[str, Any], existing: str | None) -> Outcome:
        raw = {name: value for name, value in record.items() if name != "attributes"}
        values = {}
        for name, value in raw.items():
            target = sobject.fields.get(name.lower())
            if target is None or not target.writable:
                message = f"Unable to create/update fields: {name}. Please check the security settings of this field."
                raise RowError("INVALID_FIELD_FOR_INSERT_UPDATE", message, [name])
            try:
                parsed = parse(target, value)
            except (TypeError, ValueError):
                message = f"{name}: value not of required type: {target.type}"
                raise RowError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [name]) from None
            if isinstance(parsed, str) and target.length and len(parsed) > target.length:
                message = f"{name}: data value too large (max length={target.length})"
                raise RowError("STRING_TOO_LONG", message, [name])
            if target.to and parsed is not None and not self.store.sheets[target.to.lower()].has(parsed):
                raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [name])
            values[target.name] = parsed
        return Outcome(existing, existing is None, None, sobject, values, raw)

    def _transact(self, records: Sequence[Any], judge: Judge, sobject: SObject | None, *,
                  all_or_none: bool, by: str = INTEGRATION) -> list[Outcome]:  # fmt: skip
        with self.store.lock:
            outcomes = [_tried(judge, record, sobject) for record in records]
            failed = any(outcome.refused for outcome in outcomes)
            if all_or_none and failed:
                return [o if o.refused else Outcome(refused=RowError(*ROLLED_BACK)) for o in outcomes]
            passed = [outcome for outcome in outcomes if outcome.refused is None]
            if not passed:
                return outcomes
            stamp = self.store.tick()
            for outcome in passed:
                if outcome.identifier is None and outcome.sobject is not None:
                    outcome.identifier = self.store.new_id(outcome.sobject)
            self._journal.append([_entry(outcome, stamp, by) for outcome in passed])
            changes: dict[str, list[Change]] = defaultdict(list)
            for outcome in passed:
                if outcome.sobject and outcome.identifier:
                    changes[outcome.sobject.name.lower()].append((outcome.identifier, outcome.values))
            for name, written in changes.items():
                self.store.apply(name, written, stamp, by)
            return outcomes

    def _replay(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Apply journalled entries, those of one request and object at once."""
        for (name, at, by), together in groupby(entries, key=lambda e: (e["object"], e["at"], e.get("by"))):
            sobject = OBJECTS[name.lower()]
            changes = [(entry["id"], _parsed(sobject, entry["values"])) for entry in together]
            self.store.apply(name.lower(), changes, self.store.tick(datetime.fromisoformat(at)), by)


def _tried(judge: Judge, record: Any, sobject: SObject | None) -> Outcome:
    try:
        if not isinstance(record, dict) or not _type_of(record):
            raise RowError("INVALID_TYPE", "attributes.type is missing")
        if sobject is not None and _type_of(record).lower() != sobject.name.lower():
            raise RowError("INVALID_TYPE", f"records must all be of type {sobject.name}")
        outcome = judge(record)
    except RowError as refused:
        return Outcome(refused=refused)
    return outcome


def _parsed(sobject: SObject, values: Mapping[str, Any]) -> dict[str, Any]:
    targets = {name: sobject.fields[name.lower()] for name in values}
    return {target.name: parse(target, values[name]) for name, target in targets.items()}


def _id_of(record: Mapping[str, Any]) -> str:
    identifier = next((value for name, value in record.items() if name.lower() == "id"), None)
    return identifier if isinstance(identifier, str) else ""


def _type_of(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    return str(attributes.get("type") or "") if isinstance(attributes, dict) else ""


def _entry(outcome: Outcome, stamp: datetime, by: str) -> dict[str, Any]:
    name = outcome.sobject.name if outcome.sobject else ""
    return {"object": name, "id": outcome.identifier, "at": stamp.isoformat(), "by": by, "values": outcome.raw}
