"""From Salesforce's records to a stream's canonical columns."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.connectors.canonical import Draft, to_canonical_place
from fieldwork.connectors.contact import emails, known, mobiles
from fieldwork.connectors.json_arrow import Fields, Page
from fieldwork.connectors.salesforce.options import Options, Reading
from fieldwork.streams import DAY, INSTANT, MONEY, TEXT, Stream

#: Money on the wire: read exactly, rounded to cents afterwards.
_EXACT: Final = pa.decimal128(38, 12)
_MOST: Final = pa.scalar(10**16, pa.decimal128(38, 12))


def wire_fields(stream: Stream, reading: Reading) -> Fields:
    """The org's fields that are asked for, and how each stands on the wire."""
    return {field: _on_the_wire(stream.column_types[name]) for name, field in reading.fields.items()}


def to_canonical(page: Page, stream: Stream, reading: Reading, options: Options) -> pa.RecordBatch:
    """One page of records as a batch; a picklist word that ``values`` does not know stays as it is."""
    draft = Draft(page.faults)
    columns = {
        name: _column(page.rows.column(field), field, stream.column_types[name], draft)
        for name, field in reading.fields.items()
    }
    for name, words in reading.values.items():
        columns[name] = _translated(columns[name], words)
    for name, clean in (("email", emails), ("mobile", mobiles)):
        if name in columns:
            columns[name] = clean(columns[name])
    if "latitude" in columns and "longitude" in columns:
        place = to_canonical_place(columns["latitude"], columns["longitude"], options.datum)
        columns["latitude"], columns["longitude"] = place
    if "currency" in stream.column_types and "currency" not in columns and options.default_currency:
        columns["currency"] = _constant(options.default_currency, page)
    if "deleted" in stream.column_types and "deleted" not in columns:
        columns["deleted"] = _constant(False, page)
    return draft.batch(stream, columns)


def _on_the_wire(kind: pa.DataType) -> pa.DataType:
    if kind == MONEY:
        return _EXACT
    return TEXT if kind in (INSTANT, DAY) else kind


def _column(array: pa.Array, field: str, kind: pa.DataType, draft: Draft) -> pa.Array:
    if kind == INSTANT:
        return draft.texts_as_instants(array, field)
    if kind == DAY:
        return draft.texts_as_days(array, field)
    if kind == MONEY:
        draft.fault(pc.greater_equal(pc.abs(array), _MOST), f"{field} is larger than can be stored")
        fits = pc.less(pc.abs(array), _MOST)
        cents = pc.round(pc.if_else(fits, array, pa.scalar(None, _EXACT)), 2, round_mode="half_towards_infinity")
        return cents.cast(MONEY)
    return known(array) if kind == TEXT else array


def _translated(array: pa.Array, words: Any) -> pa.Array:
    place = pc.index_in(array, value_set=pa.array(list(words), TEXT))
    return pc.coalesce(pa.array(list(words.values()), TEXT).take(place), array)


def _constant(value: str | bool, page: Page) -> pa.Array:
    return pa.repeat(pa.scalar(value), len(page.rows))
