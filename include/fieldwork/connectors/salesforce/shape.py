"""The fields of an org's object as its description tells them; a query shows only the fields that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Reading
from fieldwork.connectors.shape import FieldSeen

#: A description speaks for every record: it counts as so many that have the field.
_RECORDS: Final = 100
#: Salesforce's types by the kind of value that they hold; any other is a kind of its own.
_KINDS: Final = {
    **dict.fromkeys(
        ("id", "reference", "string", "picklist", "multipicklist", "combobox", "textarea", "email", "phone", "url"),
        "text",
    ),
    **dict.fromkeys(("double", "currency", "percent", "int", "long"), "number"),
}


def described(client: SalesforceClient, options: Options, reading: Reading) -> Iterator[FieldSeen]:
    """The object's fields, and those that the settings map and the org does not have; one call.

    An org that does not describe the object to us tells nothing: its query says better what is wrong.
    """
    answer = client.call("GET", f"{options.base}/sobjects/{reading.object}/describe")
    if answer.status != 200:
        return
    fields: list[Any] = document(answer.body).get("fields") or []
    there = {str(one["name"]): one for one in fields if isinstance(one, dict) and "name" in one}
    mapped = set(reading.fields.values())
    for name in sorted(there.keys() | mapped):
        kind = there.get(name, {}).get("type")
        yield FieldSeen(
            f"{reading.object} {name}",
            name in mapped,
            (_KINDS.get(str(kind), str(kind)),) if kind else (),
            looked_at=_RECORDS,
            present=_RECORDS if kind else 0,
            longest=int(there.get(name, {}).get("length") or 0),
        )
