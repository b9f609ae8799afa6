"""打卡 punches: ``attendance/listRecord``, all punches of up to 50 people over up to 7 days in one answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.connectors.canonical import Draft, to_canonical_place
from fieldwork.connectors.contact import known
from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.cut import Group, Piece
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.connectors.json_arrow import Page, together
from fieldwork.errors import BadResponse
from fieldwork.streams import STREAMS

#: What one call may ask for.
USERS: Final = 50
DAYS: Final = 7
#: Calls in one slice: columns of a few thousand rows cost little more to convert than those of one page.
CALLS: Final = 4

_PATH: Final = "/attendance/listRecord"
_FIELDS: Final = {
    "id": pa.int64(),
    "userId": pa.string(),
    "userCheckTime": pa.int64(),
    "workDate": pa.int64(),
    "baseCheckTime": pa.int64(),
    "gmtModified": pa.int64(),
    "checkType": pa.string(),
    "locationResult": pa.string(),
    "invalidRecordType": pa.string(),
    "userLatitude": pa.float64(),
    "userLongitude": pa.float64(),
    "userAccuracy": pa.float64(),
    "userAddress": pa.string(),
    "deviceId": pa.string(),
    "deviceSN": pa.string(),
}
_KINDS: Final = pa.array(["OnDuty", "OffDuty"]), pa.array(["in", "out"])


def read_punches(client: DingTalkClient, options: Options, group: Group, piece: Piece) -> pa.RecordBatch:
    """The group's punches of the piece, in canonical columns.

    Whether ``checkDateTo`` is included is not documented: the answer is cut to ``[start, end)`` here, so that
    neighbouring slices never hold the same punch.
    """
    span = {
        "checkDateFrom": _local(piece.start, options),
        "checkDateTo": _local(_whole_second(piece.end), options),
        "isI18n": False,
    }
    asked = [{"userIds": group.users[n : n + USERS], **span} for n in range(0, len(group.users), USERS)]
    pages = client.pages(_PATH, asked, "recordresult", _FIELDS)
    if not all(page.listed for page in pages):
        raise BadResponse(f"DingTalk's answer to {_PATH} has no recordresult.", todo="Ask again later.")
    return within(to_canonical(together(pages), options), piece)


def to_canonical(page: Page, options: Options) -> pa.RecordBatch:
    """Vendor's columns to ours: OnDuty is ``in``, OffDuty ``out``, and outside the fence ``field``."""
    draft, cell = Draft(page.faults), page.rows.column
    check_type = known(cell("checkType"))
    invalid = pc.or_(pc.is_valid(known(cell("invalidRecordType"))), pc.is_null(check_type))
    draft.out_of_scope(invalid, "invalid punch")
    latitude, longitude = to_canonical_place(cell("userLatitude"), cell("userLongitude"), options.datum)
    return draft.batch(
        STREAMS["punches"],
        {
            "record_id": cell("id").cast(pa.string()),
            "user_id": cell("userId"),
            "punched_at": draft.instants(cell("userCheckTime"), "userCheckTime"),
            "kind": _kind(check_type, cell("locationResult")),
            "latitude": latitude,
            "longitude": longitude,
            "accuracy_m": cell("userAccuracy"),
            "place": known(cell("userAddress")),
            "device_id": pc.coalesce(known(cell("deviceId")), known(cell("deviceSN"))),
            "work_date": draft.days(cell("workDate"), "workDate", options.zone),
            "base_at": draft.instants(cell("baseCheckTime"), "baseCheckTime"),
            "modified_at": draft.instants(cell("gmtModified"), "gmtModified"),
        },
    )


def within(batch: pa.RecordBatch, piece: Piece) -> pa.RecordBatch:
    """The rows of the piece; a row whose time is unknown stays, for quarantine to hold."""
    times = batch.column("punched_at")
    low, high = pa.scalar(piece.start, times.type), pa.scalar(piece.end, times.type)
    inside = pc.and_(pc.greater_equal(times, low), pc.less(times, high))
    if pc.all(inside, skip_nulls=False, min_count=0).as_py():
        return batch
    return batch.filter(pc.fill_null(inside, True))


def _kind(check_type: pa.Array, location_result: pa.Array) -> pa.Array:
    """A check type that we do not know stays as it is: the checks name it."""
    place = pc.index_in(check_type, value_set=_KINDS[0])
    kind = pc.coalesce(_KINDS[1].take(place), check_type)
    outside = pc.and_(pc.fill_null(pc.equal(location_result, "Outside"), False), pc.is_valid(place))
    return pc.if_else(outside, "field", kind)


def _local(instant: datetime, options: Options) -> str:
    return f"{instant.astimezone(options.zone):%Y-%m-%d %H:%M:%S}"


def _whole_second(instant: datetime) -> datetime:
    return instant if instant.microsecond == 0 else instant.replace(microsecond=0) + timedelta(seconds=1)
