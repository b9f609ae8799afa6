"""Pages' bytes to Arrow tables, without a Python object per cell.

Arrow reads lines of JSON; a page is read as ONE line whose list of rows has a known shape. Line breaks in a JSON
document stand only between tokens (inside a string they are escaped), so turning them into blanks changes nothing.
Several pages are read at once, a line each: that is a fifth quicker than one after another.
What Arrow refuses (a number as text, a broken pair of surrogates, a key given twice) is read again, tolerantly:
orjson, then per column and at last per cell; a cell that fits no way is null and its row says so.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from fieldwork.connectors.cells import column, holds_nan
from fieldwork.errors import BadResponse, PayloadTooLarge

#: Vendor's field name -> how it stands on the wire.
Fields = Mapping[str, pa.DataType]

#: Bytes of pages that are read at once at the most.
_AT_ONCE: Final = 16 << 20
#: Only as many threads read at once as there are processors: more take memory and each other's turns.
_TURNS: Final = threading.BoundedSemaphore(os.cpu_count() or 1)
_CUT: Final = "Ask again; if it stays, the vendor changed its answer: tell the maintainers which call it was."


@dataclass(frozen=True, slots=True)
class Page:
    """One page: ``head`` holds the scalars around the list, ``rows`` the list in the asked fields' types.

    ``faults`` is null where all cells of a row could be typed, else the sentence why not (without the value).
    ``listed`` is false when the document holds no such list.
    """

    head: Mapping[str, Any]
    rows: pa.RecordBatch
    faults: pa.Array
    listed: bool = True


def read_page(body: bytes, at: str, fields: Fields, head: Fields) -> Page:
    """The list ``at`` (a name, or ``outer.inner``) of a JSON document; other fields of a row are passed over.

    ``head`` names the scalars wanted beside the list: at the top, or (``outer.inner``) beside an inner list.
    Raises BadResponse when the body is no JSON object in UTF-8, PayloadTooLarge when it is nested too deeply.
    """
    return read_pages([body], at, fields, head)[0]


def read_pages(bodies: Sequence[bytes], at: str, fields: Fields, head: Fields) -> list[Page]:
    """Each body as :func:`read_page` reads it; one that is not as promised makes all of them be read alone."""
    alone = len(bodies) == 1
    try:
        if alone or sum(map(len, bodies)) <= _AT_ONCE:
            with _TURNS:
                return _read_fast(bodies, at, fields, head)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        if alone:
            return [_without_nul(_read_tolerantly(bodies[0], at, fields, head))]
    return [read_page(body, at, fields, head) for body in bodies]


def together(pages: Sequence[Page]) -> Page:
    """Pages of the same fields as one; the head is the first page's."""
    if len(pages) == 1:
        return pages[0]
    rows = pa.concat_batches([page.rows for page in pages])
    return Page(pages[0].head, rows, pa.concat_arrays([page.faults for page in pages]), all(p.listed for p in pages))


def document(body: bytes) -> dict[str, Any]:
    """A small answer as Python objects; raises BadResponse or PayloadTooLarge like :func:`read_page`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _lenient(body)
    if not isinstance(value, dict):
        raise BadResponse("An answer is not a JSON object.", todo=_CUT)
    return value


def _lenient(body: bytes) -> Any:
    """Python's own reader also takes lone surrogates and NaN: those cells become parse errors, not lost pages."""
    try:
        return json.loads(body.decode("utf-8"))
    except RecursionError:
        problem = "nested"
    except UnicodeDecodeError:
        problem = "encoding"
    except ValueError:
        problem = "syntax"
    if problem == "nested":
        raise PayloadTooLarge("An answer is nested deeper than any honest one.", todo=_CUT)
    raise BadResponse(f"An answer is no JSON in UTF-8 ({problem}).", todo=_CUT)


# --- the fast way


def _read_fast(bodies: Sequence[bytes], at: str, fields: Fields, head: Fields) -> list[Page]:
    lines = [body.replace(b"\n", b" ").replace(b"\r", b" ") for body in bodies]
    if len(lines) > 1 and not all(map(_keeps_to_its_line, lines)):
        raise pa.ArrowInvalid("a document that may run into the next")
    text = b"\n".join(lines)
    table = pj.read_json(
        pa.BufferReader(text),
        read_options=pj.ReadOptions(block_size=len(text) + 1, use_threads=False),
        parse_options=pj.ParseOptions(explicit_schema=_shape(at, fields, head), unexpected_field_behavior="ignore"),
    )
    if table.num_rows != len(bodies):
        raise pa.ArrowInvalid("more documents than pages")
    listed = _inner(table, at)
    items = listed.flatten()
    if items.null_count:
        raise pa.ArrowInvalid("a null among the rows")
    rows = pa.RecordBatch.from_arrays(items.flatten(), names=list(fields))
    rows.validate(full=True)
    if any(map(holds_nan, rows)):
        raise pa.ArrowInvalid("not a number")
    heads = zip(*(_inner(table, name).to_pylist() for name in head), strict=True) if head else [()] * len(bodies)
    whole = _without_nul(Page({}, rows, pa.nulls(rows.num_rows, pa.string())))
    return _apart(whole, [dict(zip(head, cells, strict=True)) for cells in heads], listed)


def _keeps_to_its_line(line: bytes) -> bool:
    """Whether the line is sure to hold a document of its own, or to be refused.

    Between two lines stand then ``}``, a line break and ``{``: outside of strings only where a document ends and the
    next one starts, inside of a string never, since a line break there must be escaped.
    """
    return line[:64].lstrip()[:1] == b"{" and line[-64:].rstrip()[-1:] == b"}"


def _apart(whole: Page, heads: Sequence[Mapping[str, Any]], listed: pa.ListArray) -> list[Page]:
    """The rows of all documents cut to pages again."""
    pages, first = [], 0
    for found, size in zip(heads, pc.list_value_length(listed).to_pylist(), strict=True):
        rows, faults = whole.rows.slice(first, size or 0), whole.faults.slice(first, size or 0)
        pages.append(Page(found, rows, faults, size is not None))
        first += size or 0
    return pages


def _shape(at: str, fields: Fields, head: Fields) -> pa.Schema:
    """The document's schema: dotted names become structs."""
    wanted: dict[str, pa.DataType] = {**head, at: pa.list_(pa.struct(list(fields.items())))}
    top: dict[str, pa.DataType] = {}
    inner: dict[str, dict[str, pa.DataType]] = {}
    for name, kind in wanted.items():
        outer, dot, rest = name.partition(".")
        if dot:
            inner.setdefault(outer, {})[rest] = kind
        else:
            top[name] = kind
    top.update({outer: pa.struct(list(parts.items())) for outer, parts in inner.items()})
    return pa.schema(list(top.items()))


def _inner(table: pa.Table, name: str) -> pa.Array:
    outer, dot, rest = name.partition(".")
    array = table.column(outer).chunk(0)
    return pc.struct_field(array, rest) if dot else array


# --- the tolerant way


def _read_tolerantly(body: bytes, at: str, fields: Fields, head: Fields) -> Page:
    whole = document(body)
    listed = _reach(whole, at)
    if listed is not None and not isinstance(listed, list):
        raise BadResponse("An answer has something else where its rows should be.", todo=_CUT)
    items: Sequence[Any] = listed or []
    broken = [not isinstance(item, dict) for item in items]
    rows: list[dict[str, Any]] = [item if isinstance(item, dict) else {} for item in items]
    faults: list[str | None] = ["a row is no record" if one else None for one in broken]
    columns = [column(name, [row.get(name) for row in rows], kind, faults) for name, kind in fields.items()]
    return Page(
        {name: _reach(whole, name) for name in head},
        pa.RecordBatch.from_arrays(columns, names=list(fields)),
        pa.array(faults, pa.string()),
        listed is not None,
    )


def _reach(whole: Any, name: str) -> Any:
    for step in name.split("."):
        whole = whole.get(step) if isinstance(whole, dict) else None
    return whole


# --- U+0000, which PostgreSQL cannot store


def _may_hold_nul(array: pa.Array) -> bool:
    """A look at the bytes of all texts at once; looking at each text costs ten times as much."""
    data = array.buffers()[2] if pa.types.is_string(array.type) else None
    return data is not None and not np.frombuffer(data, np.uint8).all()


def _without_nul(page: Page) -> Page:
    if not any(map(_may_hold_nul, page.rows)):
        return page
    faults, columns = page.faults, []
    for name, array in zip(page.rows.schema.names, page.rows.columns, strict=True):
        if pa.types.is_string(array.type):
            holds = pc.fill_null(pc.match_substring(array, "\0"), False)
            faults = pc.if_else(pc.and_(holds, pc.is_null(faults)), f"{name} holds U+0000", faults)
            array = pc.replace_substring(array, "\0", "")
        columns.append(array)
    return Page(page.head, pa.RecordBatch.from_arrays(columns, names=page.rows.schema.names), faults, page.listed)
