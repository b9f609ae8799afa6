"""Rows as Salesforce takes them, and its answers as results of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson
import pyarrow as pa

from fieldwork.connectors.base import CHANGED, RowResult
from fieldwork.connectors.salesforce import problems
from fieldwork.connectors.salesforce.options import Writing
from fieldwork.connectors.transport import Answer
from fieldwork.errors import BadResponse, ConfigError, CrmRejected

#: Codes of a row that may go through later.
RETRYABLE: Final = frozenset({"UNABLE_TO_LOCK_ROW", "API_TEMPORARILY_UNAVAILABLE"})
#: Codes that say of a record to be deleted that it is gone already.
GONE: Final = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "NOT_FOUND"})
METADATA: Final = "include/salesforce/"


def checked_keys(rows: pa.Table, kind: str, most: int) -> list[str]:
    """The keys, if Salesforce can take them at once; raises ConfigError for too many rows or a key that stands twice
    (Salesforce would refuse both rows).
    """
    keys: list[str] = rows.column("key").to_pylist()
    if len(keys) > most:
        raise ConfigError(f"{len(keys)} rows in one call.", todo=f"Send at most {most}.")
    if len(set(keys)) != len(keys) or None in keys:
        raise ConfigError(f"A {kind} without a key, or twice in one call.", todo="Send each key once.")
    return keys


def sent_fields(writing: Writing, rows: pa.Table) -> dict[str, str]:
    """Our columns of ``rows`` that go out -> the org's fields; one that the company does not map is not sent."""
    mapped = {name: field for name, field in writing.fields.items() if name in rows.column_names}
    if writing.write_key and "write_key" in rows.column_names:
        mapped["write_key"] = writing.write_key
    return mapped


def as_records(writing: Writing, rows: pa.Table) -> list[dict[str, Any]]:
    """The rows as the records of a collection: of each row the fields that it changes, and its idempotency key."""
    fields = sent_fields(writing, rows)
    key = "id" if writing.by_id else writing.key
    return [
        {
            "attributes": {"type": writing.object},
            key: row["key"],
            **{field: wire(row[name]) for name, field in fields.items() if is_sent(row, name)},
        }
        for row in rows.to_pylist()
    ]


def is_sent(row: dict[str, Any], name: str) -> bool:
    """Whether the row changes this field."""
    changed = row.get(CHANGED)
    return changed is None or name in changed or name == "write_key"


def wire(value: Any) -> Any:
    """One value in JSON's types."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}+0000"
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def results(answer: Answer, keys: Sequence[str], writing: Writing) -> list[RowResult]:
    """One result a row; Salesforce answers in the order of the request.

    Raises CrmRejected when the request was refused as a whole, BadResponse when the answer names other rows.
    """
    if answer.status != 200:
        raise refused_whole(answer, len(keys), writing)
    try:
        listed = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        listed = None
    if not isinstance(listed, list) or len(listed) != len(keys):
        raise BadResponse(
            f"Salesforce's answer does not name {len(keys)} results.", todo="What was written is read back by itself."
        )
    return [_result(key, one) for key, one in zip(keys, listed, strict=True)]


def deleted(answers: Sequence[RowResult]) -> Iterator[RowResult]:
    """Results of a deletion: what is gone already is deleted."""
    for one in answers:
        yield RowResult(one.key, True, crm_id=one.crm_id) if one.code in GONE else one


def refused_whole(answer: Answer, rows: int, writing: Writing) -> CrmRejected:
    """The error for a request that was refused as a whole."""
    code, message = problems.words(answer)
    return CrmRejected(
        f"Salesforce refused to write {rows} records of {writing.object} ({code}).",
        todo=f"Compare [{writing.setting}] with the org; deploy {METADATA} if fields are missing.",
        crm_code=code,
        crm_message=message,
    )


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
