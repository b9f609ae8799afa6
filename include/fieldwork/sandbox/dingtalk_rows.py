"""Punches as DingTalk's wire rows, rendered to JSON bytes once, column by column.

Rows are sorted by user and time and lie one behind another, each with its trailing comma, so that a user's rows
between two instants are a slice of bytes (two, where a piece ends): an answer is a join of slices, however large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.sandbox.gcj import to_gcj

ZONE: Final = "Asia/Shanghai"
#: field punches before noon are rendered as on-duty ones, later ones as off-duty ones
NOON: Final = 12
#: rows rendered at a time: few enough to stay in the processor's cache
PIECE: Final = 16_384
PARTS: Final = {"in": "OnDuty", "out": "OffDuty"}

Render = Callable[[pa.Table], pa.LargeStringArray]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Rendered rows of many users, :data:`PIECE` rows to a piece; ``times`` (ms) ascend within each user's span.

    ``bounds[p]`` says where the rows of piece ``p`` begin and, last, where it ends.
    """

    spans: dict[str, tuple[int, int]]
    times: npt.NDArray[np.int64]
    pieces: list[memoryview]
    bounds: list[npt.NDArray[np.int64]]

    def between(self, users: Iterable[str], start: int, end: int) -> list[tuple[int, int]]:
        """Row ranges of the users with ``start <= time <= end`` (ms); nothing for a user without rows."""
        found = []
        for user in users:
            first, last = self.spans.get(user, (0, 0))
            times = self.times[first:last]
            low, high = np.searchsorted(times, start, "left"), np.searchsorted(times, end, "right")
            if low < high:
                found.append((first + int(low), first + int(high)))
        return found

    def read(self, ranges: Sequence[tuple[int, int]]) -> bytes:
        """The rows of these ranges as the inside of a JSON list."""
        slices = []
        for low, high in ranges:
            for piece in range(low // PIECE, (high - 1) // PIECE + 1):
                bounds, before = self.bounds[piece], piece * PIECE
                first, last = max(low - before, 0), min(high - before, PIECE)
                slices.append(self.pieces[piece][bounds[first] : bounds[last]])
        return b"".join(slices)[:-1]


def records_shelf(punches: pa.Table) -> Shelf:
    """Rows of 打卡详情 (``attendance/listRecord``): all punches but the field ones without an accuracy."""
    return _shelf(punches.filter(pc.invert(_is_checkin(punches))), _record)


def checkins_shelf(punches: pa.Table) -> Shelf:
    """Rows of 签到 (``topapi/checkin/record/get``): field punches without an accuracy; no id, no working day."""
    return _shelf(punches.filter(_is_checkin(punches)), _checkin)


def milliseconds(column: pa.ChunkedArray) -> pa.Array:
    """Instants or dates (midnight in Shanghai) as ms since 1970; null where unknown."""
    if pa.types.is_date(column.type):
        column = pc.assume_timezone(column.cast(pa.timestamp("ms")), ZONE)
    instants = column.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64())
    return instants.combine_chunks() if isinstance(instants, pa.ChunkedArray) else instants


def wire_id(text: str) -> int:
    """A record id as the vendor's number: its own digits, else 63 bits of its hash."""
    if text.isascii() and text.isdigit() and len(text) < 19 and text[0] != "0":
        return int(text)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


def _is_checkin(punches: pa.Table) -> pa.ChunkedArray:
    accuracy = punches["accuracy_m"]
    unknown = pc.or_(pc.is_null(accuracy), pc.is_nan(pc.fill_null(accuracy, 0.0)))
    return pc.and_(pc.fill_null(pc.equal(punches["kind"], "field"), False), unknown)


def _shelf(punches: pa.Table, render: Render) -> Shelf:
    """Sort and render; a punch without an instant stands at the best instant its other columns give."""
    known = punches.filter(pc.is_valid(punches["user_id"]))
    guesses = [milliseconds(known[name]) for name in ("punched_at", "modified_at", "base_at", "work_date")]
    placed = known.append_column("at", [pc.coalesce(*guesses, pa.scalar(0, pa.int64()))])
    placed = placed.sort_by([("user_id", "ascending"), ("at", "ascending"), ("record_id", "ascending")])
    pieces = [placed.slice(first, PIECE).combine_chunks() for first in range(0, len(placed), PIECE)]
    with ThreadPoolExecutor() as pool:
        rendered = list(pool.map(render, pieces))
    users = placed["user_id"].combine_chunks().dictionary_encode()
    ends = np.cumsum(np.bincount(users.indices.to_numpy(), minlength=len(users.dictionary))).tolist()
    return Shelf(
        spans=dict(zip(users.dictionary.to_pylist(), zip([0, *ends], ends, strict=False), strict=True)),
        times=placed["at"].combine_chunks().to_numpy(),
        pieces=[memoryview(rows.buffers()[2]) for rows in rendered],
        bounds=[np.frombuffer(rows.buffers()[1], np.int64) for rows in rendered],
    )


def _record(punches: pa.Table) -> pa.Array:
    kind = punches["kind"]
    field = pc.fill_null(pc.equal(kind, "field"), False)
    morning = pc.fill_null(pc.less(pc.hour(pc.local_timestamp(_local(punches["at"]))), NOON), False)
    known = pc.case_when(
        pc.make_struct(pc.equal(kind, "in"), pc.equal(kind, "out"), pc.and_(field, morning), field),
        PARTS["in"], PARTS["out"], "OnDuty", "OffDuty", kind,
    )  # fmt: skip
    at, base = punches["at"], milliseconds(punches["base_at"])
    late = pc.and_(pc.equal(kind, "in"), pc.greater(at, base))
    early = pc.and_(pc.equal(kind, "out"), pc.less(at, base))
    result = pc.if_else(pc.fill_null(late, False), "Late", pc.if_else(pc.fill_null(early, False), "Early", "Normal"))
    latitude, longitude = _place(punches)
    ids = pa.array([wire_id(text or "") for text in punches["record_id"].to_pylist()], pa.int64())
    return _rows(
        ("userId", _quoted(punches["user_id"])),
        ("checkType", _quoted(known)),
        ("timeResult", _quoted(result)),
        ("locationResult", _quoted(pc.if_else(field, "Outside", "Normal"))),
        ("sourceType", _quoted(pc.if_else(pc.is_null(latitude), "ATM", "USER"))),
        ("locationMethod", _quoted(pc.if_else(pc.is_null(latitude), pa.scalar(None, pa.string()), "MAP"))),
        ("userCheckTime", _digits(milliseconds(punches["punched_at"]))),
        ("workDate", _digits(milliseconds(punches["work_date"]))),
        ("baseCheckTime", _digits(base)),
        ("planCheckTime", _digits(base)),
        ("gmtModified", _digits(milliseconds(punches["modified_at"]))),
        ("userLatitude", _digits(latitude)),
        ("userLongitude", _digits(longitude)),
        ("userAccuracy", _digits(_finite(punches["accuracy_m"]))),
        ("userAddress", _quoted(punches["place"])),
        ("deviceId", _quoted(punches["device_id"])),
        ("corpId", _quoted(pa.repeat("dingsandbox", len(punches)))),
        ("id", _digits(ids)),
    )


def _checkin(punches: pa.Table) -> pa.Array:
    latitude, longitude = _place(punches)
    return _rows(
        ("checkin_time", _digits(milliseconds(punches["punched_at"]))),
        ("place", _quoted(punches["place"])),
        ("detail_place", _quoted(punches["place"])),
        ("latitude", _quoted(_digits(latitude))),
        ("longitude", _quoted(_digits(longitude))),
        ("userid", _quoted(punches["user_id"])),
    )


def _rows(*fields: tuple[str, pa.Array]) -> pa.Array:
    """JSON objects, each with a trailing comma; a null value leaves its field out, the last field is never null."""
    last = fields[-1][0]
    parts = [
        pc.binary_join_element_wise(_text(f'"{name}":'), value, _text("}," if name == last else ","), _text(""))
        for name, value in fields
    ]
    rows = pc.binary_join_element_wise(_text("{"), *parts, _text(""), null_handling="replace", null_replacement="")
    return rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows


def _text(literal: str) -> pa.Scalar:
    return pa.scalar(literal, pa.large_string())


def _quoted(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Text as JSON strings; each distinct text is escaped once."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = column.cast(pa.large_string()).dictionary_encode()
    escaped = pa.array([orjson.dumps(text).decode() for text in encoded.dictionary.to_pylist()], pa.large_string())
    return escaped.take(encoded.indices)


def _digits(numbers: pa.ChunkedArray | pa.Array) -> pa.Array:
    array = numbers.combine_chunks() if isinstance(numbers, pa.ChunkedArray) else numbers
    return array.cast(pa.large_string())


def _finite(numbers: pa.ChunkedArray) -> pa.Array:
    """NaN and infinities, which JSON cannot say, as unknown."""
    array = numbers.combine_chunks()
    return pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))


def _place(punches: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Latitude and longitude in GCJ-02, to the millimetre; a coordinate without its partner stays as it is."""
    latitude, longitude = _finite(punches["latitude"]), _finite(punches["longitude"])
    north, east = to_gcj(latitude.to_numpy(zero_copy_only=False), longitude.to_numpy(zero_copy_only=False))
    both = pc.and_(pc.is_valid(latitude), pc.is_valid(longitude))
    return (
        pc.if_else(both, pa.array(np.round(north, 8)), latitude),
        pc.if_else(both, pa.array(np.round(east, 8)), longitude),
    )


def _local(milliseconds_utc: pa.ChunkedArray) -> pa.ChunkedArray:
    return milliseconds_utc.cast(pa.timestamp("ms", tz=ZONE))
