"""From canonical rows to what reconciliation compares: key, day, modified stamp, person, measure."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.connectors.canonical import local_days
from fieldwork.streams import DAY_COLUMN, INSTANT, KEYS, MEASURE, MONEY, Stream


def keys_of(rows: pa.RecordBatch, stream: Stream, zone: ZoneInfo) -> pa.RecordBatch:
    """The rows' keys as a batch of ``streams.KEYS``; remarks stay, so that rows out of scope can be told apart."""
    cells = {
        "key": rows.column(stream.key),
        "day": _day(rows, stream, zone),
        "modified_at": _maybe(rows, "modified_at"),
        "person": _maybe(rows, stream.person),
        "measure": _measure(rows, stream),
        "deleted": _maybe(rows, "deleted"),
        "parse_error": rows.column("parse_error"),
        "out_of_scope": rows.column("out_of_scope"),
    }
    kinds = {field.name: field.type for field in KEYS.schema}
    arrays = [pa.nulls(len(rows), kinds[name]) if cells[name] is None else cells[name] for name in kinds]
    return pa.RecordBatch.from_arrays(arrays, schema=KEYS.schema)


def _maybe(rows: pa.RecordBatch, name: str | None) -> pa.Array | None:
    return rows.column(name) if name in rows.schema.names else None


def _day(rows: pa.RecordBatch, stream: Stream, zone: ZoneInfo) -> pa.Array | None:
    column = _maybe(rows, DAY_COLUMN.get(stream.name))
    return local_days(column, zone) if column is not None and column.type == INSTANT else column


def _measure(rows: pa.RecordBatch, stream: Stream) -> pa.Array | None:
    names = MEASURE.get(stream.name)
    if names is None:
        return None
    if len(names) == 1:
        return rows.column(names[0])
    start, end = (rows.column(name).cast(pa.int64()) for name in names)
    return pc.floor(pc.divide(pc.subtract(end, start).cast(pa.float64()), 60_000_000.0)).cast(MONEY)
