"""From a vendor's columns to a batch of a stream: instants, days and coordinates in the one form we keep.

A :class:`Draft` collects what is wrong with its rows on the way; :meth:`Draft.batch` puts it beside the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.connectors.datum import Datum, to_wgs84
from fieldwork.streams import DAY, INSTANT, TEXT, Stream

#: What can be milliseconds since 1970: a smaller number is seconds (1973 and earlier in ms), a larger one nonsense.
EARLIEST_MS: Final = 100_000_000_000
LATEST_MS: Final = 7_258_118_400_000


class Draft:
    """Rows of one page on their way to a batch; ``faults`` is the page's, null where a row is in order."""

    def __init__(self, faults: pa.Array) -> None:
        self._faults = faults
        self._out_of_scope = pa.nulls(len(faults), TEXT)

    def fault(self, rows: pa.Array, sentence: str) -> None:
        """The rows where ``rows`` is true cannot be typed; the first fault of a row is kept."""
        if pc.any(rows).as_py():
            fresh = pc.and_(pc.fill_null(rows, False), pc.is_null(self._faults))
            self._faults = pc.if_else(fresh, sentence, self._faults)

    def out_of_scope(self, rows: pa.Array, why: str) -> None:
        """The rows where ``rows`` is true are none of ours."""
        self._out_of_scope = pc.if_else(pc.fill_null(rows, False), why, self._out_of_scope)

    def instants(self, milliseconds: pa.Array, name: str) -> pa.Array:
        """Integers of milliseconds since 1970 as instants; 0 is unknown, what cannot be milliseconds is a fault."""
        known = pc.if_else(pc.equal(milliseconds, 0), pa.scalar(None, pa.int64()), milliseconds)
        odd = pc.or_(pc.less(known, EARLIEST_MS), pc.greater(known, LATEST_MS))
        if pc.any(odd).as_py():
            self.fault(odd, f"{name} is not in milliseconds since 1970")
            known = pc.if_else(odd, pa.scalar(None, pa.int64()), known)
        return pc.multiply(known, 1000).cast(INSTANT)

    def days(self, milliseconds: pa.Array, name: str, zone: ZoneInfo) -> pa.Array:
        """Integers of milliseconds since 1970 as the calendar day that they fall on in ``zone``."""
        return local_days(self.instants(milliseconds, name), zone)

    def texts_as_instants(self, texts: pa.Array, name: str) -> pa.Array:
        """ISO 8601 with an offset (``+0000`` and ``Z`` too) as instants; what is none is a fault."""
        return self._parsed(texts, INSTANT, f"{name} is not an instant with an offset")

    def texts_as_days(self, texts: pa.Array, name: str) -> pa.Array:
        """``YYYY-MM-DD`` as days; what is none is a fault."""
        return self._parsed(texts, DAY, f"{name} is not a date")

    def _parsed(self, texts: pa.Array, kind: pa.DataType, sentence: str) -> pa.Array:
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            cells = [_cell(text, kind) for text in texts]
        self.fault(pa.array([cell is None for cell in cells]), sentence)
        return pa.array([cell and cell.as_py() for cell in cells], kind)

    def batch(self, stream: Stream, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
        """The rows in the stream's schema; columns not given are unknown."""
        rows = len(self._faults)
        arrays = [
            columns[name] if name in columns else pa.nulls(rows, kind) for name, kind in stream.column_types.items()
        ]
        return pa.RecordBatch.from_arrays([*arrays, self._faults, self._out_of_scope], schema=stream.schema)


def local_days(instants: pa.Array, zone: ZoneInfo) -> pa.Array:
    """The calendar day in ``zone`` of each instant."""
    return pc.local_timestamp(instants.cast(pa.timestamp("us", zone.key))).cast(pa.timestamp("s"), safe=False).cast(DAY)


def to_canonical_place(latitude: pa.Array, longitude: pa.Array, source: Datum) -> tuple[pa.Array, pa.Array]:
    """Coordinates in ``source`` (degrees) as WGS-84; a row that lacks one of them, or is (0, 0), is left as it is."""
    if source == "WGS-84" or latitude.null_count == len(latitude):
        return latitude, longitude
    placed = pc.and_(latitude.is_valid(), longitude.is_valid())
    north, east = to_wgs84(latitude.filter(placed).to_numpy(), longitude.filter(placed).to_numpy(), source)
    return pc.replace_with_mask(latitude, placed, pa.array(north)), pc.replace_with_mask(
        longitude, placed, pa.array(east)
    )


def _cell(text: pa.StringScalar, kind: pa.DataType) -> pa.Scalar | None:
    """One text as a scalar of ``kind``; None when it is none. A null is a null scalar."""
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return None
