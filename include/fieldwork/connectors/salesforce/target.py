"""Salesforce as the CRM that is written to: check-ins onto visits by record id, daily records by external id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import pyarrow as pa

from fieldwork.connectors.base import RowResult
from fieldwork.connectors.cells import column
from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.paging import pages
from fieldwork.connectors.salesforce import problems, soql
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Writing
from fieldwork.connectors.transport import Answer
from fieldwork.errors import BadResponse, ConfigError, CrmRejected
from fieldwork.streams import INSTANT, TEXT
from fieldwork.writeback.fields import FIELDS

#: Codes of a row that may go through later.
RETRYABLE: Final = frozenset({"UNABLE_TO_LOCK_ROW", "API_TEMPORARILY_UNAVAILABLE"})
METADATA: Final = "include/salesforce/"

#: A query stands in the URL, of which Salesforce takes about 16 KB; keys are percent-encoded there.
_KEYS_A_QUERY: Final = 100


class SalesforceTarget:
    """The kinds that ``[salesforce.write.*]`` maps."""

    system: str = "salesforce"
    batch_size: int = 200
    parallel: int = 8

    def __init__(self, client: SalesforceClient, options: Options) -> None:
        self.client = client
        self._options = options

    def preflight(self, kind: str) -> None:
        """Raises ConfigError that lists the fields which the org lacks or does not let us write."""
        writing = self._writing(kind)
        answer = self.client.call("GET", f"{self._options.base}/sobjects/{writing.object}/describe")
        if answer.status == 404:
            raise _to_deploy(f"this org has no object {writing.object}")
        if answer.status != 200:
            raise problems.refused(problems.problem(answer), f"the description of {writing.object}")
        described = {field["name"]: field for field in document(answer.body).get("fields", [])}
        wrong = list(_shortcomings(writing, described))
        if wrong:
            raise _to_deploy(f"{writing.object} is not ready to be written: {'; '.join(wrong)}")

    def current(self, kind: str, keys: Sequence[str]) -> pa.Table:
        """Live values: column ``key`` and our mapped fields; absent records have no row."""
        writing = self._writing(kind)
        records: list[dict[str, Any]] = []
        for first in range(0, len(keys), _KEYS_A_QUERY):
            records += self._records(writing, keys[first : first + _KEYS_A_QUERY])
        faults: list[str | None] = [None] * len(records)
        arrays = {"key": column(writing.key, [one.get(writing.key) for one in records], TEXT, faults)}
        for name, field in writing.fields.items():
            kind_of = FIELDS[kind][name]
            texts = column(field, [one.get(field) for one in records], TEXT if kind_of == INSTANT else kind_of, faults)
            arrays[name] = texts.cast(INSTANT) if kind_of == INSTANT else texts
        unreadable = next((fault for fault in faults if fault), None)
        if unreadable:
            raise BadResponse(f"A record of {writing.object} cannot be read: {unreadable}.", todo="Mend the mapping.")
        return pa.table(arrays)

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        """See :class:`fieldwork.connectors.base.CrmTarget`.

        Raises ConfigError for too many rows or a key that stands twice (Salesforce would refuse both rows),
        CrmRejected when Salesforce refuses the request as a whole.
        """
        writing = self._writing(kind)
        keys = rows.column("key").to_pylist()
        if len(keys) > self.batch_size:
            raise ConfigError(f"{len(keys)} rows in one call.", todo=f"Send at most {self.batch_size}.")
        if len(set(keys)) != len(keys) or None in keys:
            raise ConfigError(f"A {kind} without a key, or twice in one call.", todo="Send each key once.")
        if not keys:
            return []
        by_id = writing.key == "Id"
        path = f"{self._options.base}/composite/sobjects" + ("" if by_id else f"/{writing.object}/{writing.key}")
        records = [_record(writing, row, by_id=by_id) for row in rows.to_pylist()]
        answer = self.client.call("PATCH", path, {"allOrNone": False, "records": records})
        return _results(answer, keys, writing)

    def _writing(self, kind: str) -> Writing:
        writing = self._options.writings.get(kind)
        if writing is None or kind not in FIELDS:
            raise ConfigError(f"Nothing of kind {kind} is written.", todo=f"Map it in [salesforce.write.{kind}].")
        foreign = sorted(writing.fields.keys() - FIELDS[kind].keys())
        if foreign:
            raise ConfigError(
                f"[{writing.setting}] maps {', '.join(foreign)}, which may not leave for the CRM.",
                todo=f"Choose among: {', '.join(FIELDS[kind])}.",
            )
        return writing

    def _records(self, writing: Writing, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        query = soql.by_key(writing.object, [writing.key, *writing.fields.values()], key=writing.key, values=keys)

        def fetch(path: str) -> tuple[list[dict[str, Any]], str | None]:
            whole = document(self.client.read(path).body)
            return whole.get("records", []), None if whole.get("done", True) else whole.get("nextRecordsUrl")

        for records in pages(fetch, f"{self._options.base}/query?{urlencode({'q': query})}"):
            yield from records


def _shortcomings(writing: Writing, described: dict[str, dict[str, Any]]) -> Iterator[str]:
    key = described.get(writing.key)
    if key is None:
        yield f"{writing.key} is missing"
    elif not (key.get("externalId") or key.get("idLookup")):
        yield f"{writing.key} is no external id"
    for field in writing.fields.values():
        here = described.get(field)
        if here is None:
            yield f"{field} is missing"
        elif not here.get("updateable") or (writing.key != "Id" and not here.get("createable")):
            yield f"{field} may not be written"


def _to_deploy(happened: str) -> ConfigError:
    return ConfigError(
        f"Salesforce: {happened}.",
        todo=f"Deploy the metadata in {METADATA} and give its permission set to the Run As user.",
    )


def _record(writing: Writing, row: dict[str, Any], *, by_id: bool) -> dict[str, Any]:
    """One record as it goes out; a field that the company does not map is not sent."""
    sent = {field: _wire(row[name]) for name, field in writing.fields.items() if name in row}
    return {"attributes": {"type": writing.object}, "id" if by_id else writing.key: row["key"], **sent}


def _wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}+0000"
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _results(answer: Answer, keys: Sequence[str], writing: Writing) -> list[RowResult]:
    """One result a row; Salesforce answers in the order of the request."""
    if answer.status != 200:
        code = problems.problem(answer).code
        raise CrmRejected(
            f"Salesforce refused to write {len(keys)} records of {writing.object} ({code}).",
            todo=f"Compare [{writing.setting}] with the org; deploy {METADATA} if fields are missing.",
        )
    try:
        listed = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        listed = None
    if not isinstance(listed, list) or len(listed) != len(keys):
        raise BadResponse(
            f"Salesforce's answer does not name {len(keys)} results.", todo="The rows are sent again; that is safe."
        )
    return [_result(key, one) for key, one in zip(keys, listed, strict=True)]


def _result(key: str, one: Any) -> RowResult:
    answer: dict[str, Any] = one if isinstance(one, dict) else {}
    if answer.get("success") is True:
        return RowResult(key, True, created=bool(answer.get("created")), crm_id=answer.get("id"))
    errors = answer.get("errors") or [{}]
    first: dict[str, Any] = errors[0] if isinstance(errors[0], dict) else {}
    code = str(first.get("statusCode") or "UNKNOWN")
    return RowResult(
        key, False, crm_id=answer.get("id"), code=code, message=first.get("message"), retryable=code in RETRYABLE
    )
