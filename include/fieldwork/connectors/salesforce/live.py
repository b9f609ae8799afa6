"""What stands in Salesforce now: live values of our fields, by record id or by external id, some hundred in a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import orjson
import pyarrow as pa

from fieldwork.connectors.base import LIVE
from fieldwork.connectors.cells import column
from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.paging import pages
from fieldwork.connectors.salesforce import problems, soql
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Writing
from fieldwork.errors import BadResponse
from fieldwork.streams import INSTANT, TEXT
from fieldwork.writeback.fields import FIELDS

#: Records that one retrieval by id gives.
IDS: Final = 2000
#: A query stands in the URL, of which Salesforce takes about 16 KB: bytes that its keys may take, percent-encoded.
QUERY_BYTES: Final = 14_000
#: What a key takes beside itself: two quotes, a comma, a blank, and a colon that is encoded.
AROUND: Final = 14
_EDITOR: Final = "LastModifiedById"

Record = dict[str, Any]


def page_size(writing: Writing, key_bytes: int, batch_size: int) -> int:
    """Keys that one call reads: a multiple of what one call writes, where so many fit."""
    fits = IDS if writing.by_id else min(IDS, QUERY_BYTES // (key_bytes + AROUND))
    return max(1, fits - fits % batch_size if fits > batch_size else fits)


def current(client: SalesforceClient, options: Options, writing: Writing, kind: str, keys: Sequence[str]) -> pa.Table:
    """The live records among ``keys``; see :class:`fieldwork.connectors.base.CrmTarget`."""
    read = _by_id if writing.by_id else _by_key
    records = list(read(client, options, writing, list(dict.fromkeys(keys)))) if keys else []
    return _as_table(writing, kind, records, client.user_id)


def _asked(writing: Writing) -> list[str]:
    marks = [writing.write_key] if writing.write_key else []
    return list(dict.fromkeys(["Id", writing.key, _EDITOR, *writing.fields.values(), *marks]))


def _by_id(client: SalesforceClient, options: Options, writing: Writing, keys: list[str]) -> Iterator[Record]:
    path = f"{options.base}/composite/sobjects/{writing.object}"
    for first in range(0, len(keys), IDS):
        some = keys[first : first + IDS]
        answer = client.call("POST", path, {"ids": some, "fields": _asked(writing)})
        if answer.status != 200:
            raise problems.refused(problems.problem(answer), f"to read {writing.object}")
        listed = orjson.loads(answer.body)
        if not isinstance(listed, list) or len(listed) != len(some):
            raise BadResponse(
                f"Salesforce was asked for {len(some)} records of {writing.object} and answered something else.",
                todo="The next attempt asks again.",
            )
        yield from (one for one in listed if isinstance(one, dict))


def _by_key(client: SalesforceClient, options: Options, writing: Writing, keys: list[str]) -> Iterator[Record]:
    def fetch(path: str) -> tuple[list[Record], str | None]:
        whole = document(client.read(path).body)
        return whole.get("records", []), None if whole.get("done", True) else whole.get("nextRecordsUrl")

    for some in _packed(keys):
        query = soql.by_key(writing.object, _asked(writing), key=writing.key, values=some)
        for records in pages(fetch, f"{options.base}/query?{urlencode({'q': query})}"):
            yield from records


def _packed(keys: Sequence[str]) -> Iterator[list[str]]:
    """The keys in groups of which each fits into one URL."""
    group: list[str] = []
    size = 0
    for key in keys:
        takes = len(quote_plus(soql.text(key))) + len("%2C+")
        if group and (size + takes > QUERY_BYTES or len(group) == IDS):
            yield group
            group, size = [], 0
        group.append(key)
        size += takes
    if group:
        yield group


def _as_table(writing: Writing, kind: str, records: Sequence[Record], me: str | None) -> pa.Table:
    faults: list[str | None] = [None] * len(records)

    def texts(field: str) -> pa.Array:
        return column(field, [one.get(field) for one in records], TEXT, faults)

    editors = [one.get(_EDITOR) for one in records]
    arrays = {
        "key": texts(writing.key),
        "crm_id": texts("Id"),
        "write_key": texts(writing.write_key) if writing.write_key else pa.nulls(len(records), TEXT),
        "by_others": pa.array([who != me if who and me else None for who in editors], LIVE["by_others"]),
    }
    for name, field in writing.fields.items():
        ours = FIELDS[kind][name]
        if ours == INSTANT:
            arrays[name] = texts(field).cast(INSTANT)
        else:
            arrays[name] = column(field, [one.get(field) for one in records], ours, faults)
    unreadable = next((fault for fault in faults if fault), None)
    if unreadable:
        raise BadResponse(f"A record of {writing.object} cannot be read: {unreadable}.", todo="Mend the mapping.")
    return pa.table(arrays)
