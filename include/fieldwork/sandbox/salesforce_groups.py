"""Queries that group: how many records, and what sum, for each day or value. The answer has no further pages."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from fieldwork.sandbox.salesforce_query import QueryError, run
from fieldwork.sandbox.salesforce_schema import SObject
from fieldwork.sandbox.salesforce_store import Store, take
from fieldwork.sandbox.soql import Query

#: Groups that one answer may hold.
MOST: Final = 2000
AGGREGATES: Final = ("count", "sum")


def grouped(store: Store, query: Query, *, deleted: bool) -> list[dict[str, Any]]:
    """The groups as JSON values; raises QueryError, also when there are more than :data:`MOST`."""
    found = run(store, query, deleted=deleted)
    rows = take(found.view.rows, found.positions)
    keys = {f"{function}({path})": _cells(found.sobject, rows, function, path) for function, path in query.group}
    measured = {c.path: _cells(found.sobject, rows, "", c.path) for c in query.columns if c.function in AGGREGATES}
    asked = [(c.path, c.function) for c in query.columns if c.function in AGGREGATES]
    groups = pa.table({**keys, **measured}).group_by(list(keys)).aggregate(asked)
    if len(groups) > MOST:
        message = "aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise QueryError("EXCEEDED_ID_LIMIT", message)
    told = {c.name: _told(groups[_place(c.function, c.path)]) for c in query.columns}
    return [
        {"attributes": {"type": "AggregateResult"}, **dict(zip(told, row, strict=True))}
        for row in zip(*told.values(), strict=True)
    ]


def _place(function: str, path: str) -> str:
    """The column of the groups that holds it."""
    return f"{path}_{function}" if function in AGGREGATES else f"{function}({path})"


def _cells(sobject: SObject, rows: pa.Table, function: str, path: str) -> pa.ChunkedArray:
    field = sobject.fields.get(path.lower())
    if field is None:
        raise QueryError("INVALID_FIELD", f"No such column '{path}' on entity '{sobject.name}'.")
    if function != "day_only":
        return rows[field.name]
    if field.type != "datetime":
        raise QueryError("INVALID_FIELD", f"field {field.name} cannot be used with DAY_ONLY")
    return rows[field.name].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)


def _told(cells: pa.ChunkedArray) -> list[Any]:
    return list((cells.cast(pa.string()) if pa.types.is_date(cells.type) else cells).to_pylist())
