"""签到 field check-ins: ``topapi/checkin/record/get``, a product beside 打卡, with a place and without a record id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.connectors.canonical import Draft, to_canonical_place
from fieldwork.connectors.contact import known
from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.cut import Group, Piece
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.connectors.dingtalk.punches import within
from fieldwork.connectors.json_arrow import Page
from fieldwork.connectors.paging import pages
from fieldwork.streams import STREAMS

PATH: Final = "/topapi/checkin/record/get"
_USERS: Final = 10
_PAGE: Final = 100
#: One person may be asked for over this long, several together over a day.
_ALONE: Final = timedelta(days=10)
_TOGETHER: Final = timedelta(days=1)

_FIELDS: Final = {
    "userid": pa.string(),
    "checkin_time": pa.int64(),
    "place": pa.string(),
    "detail_place": pa.string(),
    "latitude": pa.float64(),
    "longitude": pa.float64(),
}


def read_checkins(client: DingTalkClient, options: Options, group: Group, piece: Piece) -> Iterator[pa.RecordBatch]:
    """The group's field check-ins of the piece, as punches of kind ``field``."""
    for users, span in calls(group.users, piece):
        for page in pages(partial(_fetch, client, users, span), 0):
            yield within(to_canonical(page, options), span)


def calls(users: tuple[str, ...], piece: Piece) -> Iterator[tuple[tuple[str, ...], Piece]]:
    """The piece and its people cut to what a call may ask for, in the fewest calls.

    Ten people by the day, unless the group's rest is so small that asking each alone over ten days takes fewer.
    """
    alone, together = _cut(piece, _ALONE), _cut(piece, _TOGETHER)
    for first in range(0, len(users), _USERS):
        some = users[first : first + _USERS]
        if len(some) * len(alone) < len(together):
            yield from (((user,), span) for user in some for span in alone)
        else:
            yield from ((some, span) for span in together)


def to_canonical(page: Page, options: Options) -> pa.RecordBatch:
    """Vendor's columns to ours; the record id is ``c-`` and a hash of who and when."""
    draft, cell = Draft(page.faults), page.rows.column
    latitude, longitude = to_canonical_place(cell("latitude"), cell("longitude"), options.datum)
    return draft.batch(
        STREAMS["punches"],
        {
            "record_id": _record_ids(cell("userid"), cell("checkin_time")),
            "user_id": cell("userid"),
            "punched_at": draft.instants(cell("checkin_time"), "checkin_time"),
            "kind": pa.array(["field"] * len(page.rows), pa.string()),
            "latitude": latitude,
            "longitude": longitude,
            "place": pc.coalesce(known(cell("detail_place")), known(cell("place"))),
        },
    )


def _fetch(client: DingTalkClient, users: tuple[str, ...], span: Piece, cursor: int) -> tuple[Page, int | None]:
    page = client.rows(
        PATH,
        {
            "userid_list": ",".join(users),
            "start_time": span.start_ms,
            "end_time": span.end_ms,
            "cursor": cursor,
            "size": _PAGE,
        },
        "result.page_list",
        _FIELDS,
        {"result.next_cursor": pa.int64()},
    )
    following = page.head["result.next_cursor"]
    return page, None if following is None else int(following)


def _cut(piece: Piece, longest: timedelta) -> list[Piece]:
    found, start = [], piece.start
    while start < piece.end:
        end = min(start + longest, piece.end)
        found.append(Piece(start, end))
        start = end
    return found


def _record_ids(users: pa.Array, times: pa.Array) -> pa.Array:
    names = pc.binary_join_element_wise(users, times.cast(pa.string()), "|").to_pylist()
    return pa.array(
        [None if name is None else f"c-{sha256(name.encode()).hexdigest()[:24]}" for name in names], pa.string()
    )
