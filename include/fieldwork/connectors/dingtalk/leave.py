"""Approved leave, trips, outings and overtime: the 考勤 view of a user's day names the approvals that touch it.

DingTalk lists no approvals by window. ``getleavestatus`` says who is away when (no id, no kind); ``getupdatedata``
answers for one user and day, with ids and kinds. ``leave_discovery = "status"`` asks the second only where the first
found something; ``"every_day"`` asks it for every user and day: complete, and that many calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa

from fieldwork.connectors.canonical import Draft
from fieldwork.connectors.cells import storable
from fieldwork.connectors.dingtalk import codes
from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.cut import Group, Piece
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.connectors.json_arrow import Page
from fieldwork.connectors.paging import pages
from fieldwork.streams import STREAMS

_FIELDS: Final = ("procInst_id", "tag_name", "biz_type", "begin_time", "end_time")
#: Where each canonical column is read from, for the sentence of a row that cannot be typed.
_READ: Final = ("procInst_id", "userid", "tag_name", "begin_time", "end_time")

#: What one slice holds: people and days, by the way of finding.
STATUS: Final = (100, 180)
EVERY_DAY: Final = (10, 7)

STATUS_PATH: Final = "/topapi/attendance/getleavestatus"
DAY_PATH: Final = "/topapi/attendance/getupdatedata"
_PAGE: Final = 20
_KINDS: Final = {"请假": "leave", "出差": "trip", "外出": "out", "加班": "overtime"}
#: biz_type, where the tag says nothing: 1 overtime, 3 leave; 2 is a trip or an outing, so the tag must say.
_BIZ_KINDS: Final = {"1": "overtime", "3": "leave"}


def read_leave(client: DingTalkClient, options: Options, group: Group, piece: Piece) -> pa.RecordBatch:
    """The group's approvals that overlap the piece, each once, in canonical columns."""
    if options.leave_discovery == "status":
        days: Iterable[tuple[str, date]] = _away(client, options, group, piece)
    else:
        days = [(user, day) for user in group.users for day in _days(piece, options)]
    approvals: dict[tuple[Any, ...], tuple[str, Mapping[str, Any]]] = {}
    for user, day in days:
        for approval in _approvals(client, user, day):
            which = (user, *(approval.get(name) for name in ("procInst_id", "begin_time", "end_time")))
            approvals[which] = (user, approval)
    return _canonical(list(approvals.values()), options, piece)


def is_known(client: DingTalkClient, user: str, day: date) -> bool:
    """Whether DingTalk knows the person; only the call for one user and day says that it does not."""
    body = {"userid": user, "work_date": day.isoformat()}
    return client.answer(DAY_PATH, body, nothing=codes.UNKNOWN_PERSON) is not None


def _away(client: DingTalkClient, options: Options, group: Group, piece: Piece) -> list[tuple[str, date]]:
    """Who is away, and the first day of it: distinct, in order."""

    def fetch(offset: int) -> tuple[Page, int | None]:
        page = client.rows(
            STATUS_PATH,
            {
                "userid_list": ",".join(group.users),
                "start_time": piece.start_ms,
                "end_time": piece.end_ms,
                "offset": offset,
                "size": _PAGE,
            },
            "result.leave_status",
            {"userid": pa.string(), "start_time": pa.int64()},
            {"result.has_more": pa.bool_()},
        )
        return page, offset + _PAGE if page.head["result.has_more"] else None

    found: set[tuple[str, date]] = set()
    for page in pages(fetch, 0):
        starts = Draft(page.faults).days(page.rows.column("start_time"), "start_time", options.zone)
        rows = zip(page.rows.column("userid").to_pylist(), starts.to_pylist(), strict=True)
        found.update((user, day) for user, day in rows if user and day)
    return sorted(found)


def _approvals(client: DingTalkClient, user: str, day: date) -> list[Mapping[str, Any]]:
    """Approvals of one user's day; none for a user whom DingTalk does not know any more."""
    answer = client.answer(DAY_PATH, {"userid": user, "work_date": day.isoformat()}, nothing=codes.UNKNOWN_PERSON)
    result = (answer or {}).get("result")
    listed = result.get("approve_list") if isinstance(result, Mapping) else None
    approvals = [one for one in listed or [] if isinstance(one, Mapping)]
    client.sampler.records(DAY_PATH, approvals, _FIELDS)
    return approvals


def _days(piece: Piece, options: Options) -> Iterator[date]:
    day = piece.start.astimezone(options.zone).date()
    last = (piece.end - timedelta(microseconds=1)).astimezone(options.zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _canonical(approvals: list[tuple[str, Mapping[str, Any]]], options: Options, piece: Piece) -> pa.RecordBatch:
    faults: list[str | None] = []
    rows: dict[str, list[Any]] = {name: [] for name in STREAMS["leave"].columns}
    for user, approval in approvals:
        start, end = (_instant(approval.get(name), options) for name in ("begin_time", "end_time"))
        if start and end and not _belongs(start, end, piece):
            continue
        row = (storable(_approval_id(user, approval)), user, storable(_kind(approval)), start, end)
        faults.append(
            next((f"{name} cannot be read" for name, value in zip(_READ, row, strict=True) if not value), None)
        )
        for column, value in zip(rows.values(), row, strict=True):
            column.append(value)
    types = STREAMS["leave"].column_types
    return Draft(pa.array(faults, pa.string())).batch(
        STREAMS["leave"], {name: pa.array(values, types[name]) for name, values in rows.items()}
    )


def _belongs(start: datetime, end: datetime, piece: Piece) -> bool:
    """Whether an approval overlaps the piece and is not the one before's: it began here, or before the window."""
    return start < piece.end and end > piece.start and (piece.first or start >= piece.start)


def _kind(approval: Mapping[str, Any]) -> Any:
    """Our word for it; a tag that we do not know stays as it is: the checks name it."""
    tag = approval.get("tag_name")
    known = _KINDS.get(tag) if isinstance(tag, str) else None
    return known or _BIZ_KINDS.get(str(approval.get("biz_type"))) or tag


def _approval_id(user: str, approval: Mapping[str, Any]) -> str:
    given = approval.get("procInst_id")
    if given:
        return str(given)
    parts = [user, *(str(approval.get(name)) for name in ("tag_name", "begin_time", "end_time"))]
    return f"d-{sha256('|'.join(parts).encode()).hexdigest()[:24]}"


def _instant(text: Any, options: Options) -> datetime | None:
    """A local wall-clock text such as ``2026-11-05 09:00:00``."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=options.zone)
    except (TypeError, ValueError):
        return None
