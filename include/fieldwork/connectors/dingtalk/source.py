"""DingTalk as a source: which slices a stream's window is made of, and who reads each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from fieldwork.connectors.base import Days, Slice
from fieldwork.connectors.dingtalk import checkins, leave, people, punches
from fieldwork.connectors.dingtalk.checkins import read_checkins
from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.cut import Group, Piece, groups, named, pieces
from fieldwork.connectors.dingtalk.leave import is_known, read_leave
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.connectors.dingtalk.people import Directory
from fieldwork.connectors.dingtalk.punches import read_punches
from fieldwork.connectors.keys import keys_of
from fieldwork.connectors.shape import FieldSeen
from fieldwork.errors import ConfigError
from fieldwork.streams import STREAMS, Stream, Window

#: Days back that DingTalk has punches of, less one: the time of day counts too.
REMEMBERED: Final = 179
#: The calls whose records make up each stream.
_CALLS: Final = {
    "employees": (people.PATH,),
    "punches": (punches.PATH, checkins.PATH),
    "leave": (leave.STATUS_PATH, leave.DAY_PATH),
}

Read = Callable[[DingTalkClient, Options, Group, Piece], Iterator[pa.RecordBatch]]


class DingTalkSource:
    """Streams ``employees``, ``punches`` (with 签到) and ``leave``; the list of people is read once an object."""

    system: str = "dingtalk"
    parallel: int = 8

    def __init__(self, client: DingTalkClient, options: Options) -> None:
        self.client = client
        self._options = options
        self._directory = Directory(client, options)

    def slices(self, stream: str, window: Window) -> Sequence[Slice]:
        """See :class:`fieldwork.connectors.base.Source`; raises ConfigError for a stream of another system."""
        return self._slices(stream, window, ())

    def _slices(self, stream: str, window: Window, also: Sequence[str]) -> Sequence[Slice]:
        if stream == "employees":
            return [Slice("employees", lambda: iter([self._directory.employees()]))]
        if stream == "punches":
            parts = self._parts(
                "punches", window, also, punches.USERS * punches.CALLS, punches.DAYS, _one(read_punches)
            )
            if self._options.checkins:
                parts += self._parts("checkins", window, also, punches.USERS, punches.DAYS, read_checkins)
            return parts
        if stream == "leave":
            by_status = self._options.leave_discovery == "status"
            people, days = leave.STATUS if by_status else leave.EVERY_DAY
            return self._parts("leave", window, also, people, days, _one(read_leave))
        raise ConfigError(f"DingTalk has no stream {stream}.", todo="Choose among: employees, punches, leave.")

    def read(self, stream: str, window: Window) -> Iterator[pa.RecordBatch]:
        """All slices, one after another."""
        for part in self.slices(stream, window):
            yield from part.read()

    def shape(self, stream: str) -> Sequence[FieldSeen]:
        """See :class:`fieldwork.connectors.shape.Shaped`: what this object has sampled so far."""
        return list(self.client.sampler.seen(_CALLS[stream]))

    # --- reconciliation; see :class:`fieldwork.connectors.base.Reconcilable`

    def remembers(self, stream: str) -> int | None:
        """DingTalk gives no punches that are older than 180 days."""
        return REMEMBERED if stream == "punches" else None

    def totals(self, stream: str, days: Days) -> pa.Table | None:  # noqa: ARG002
        """DingTalk counts nothing."""
        return None

    def keys(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[Slice]:
        """All of it is read again, as it is by the extraction, and only its keys are handed on."""
        zone = self._options.zone
        start, end = (datetime.combine(day, time(), zone) for day in (days.since, days.until))
        return [_keys_alone(part, STREAMS[stream], zone) for part in self._slices(stream, Window(start, end), people)]

    def lookup(self, stream: str, keys: Sequence[str]) -> Iterator[pa.RecordBatch] | None:  # noqa: ARG002
        """Nothing can be asked by its key."""
        return None

    def asked(self, stream: str, people: Sequence[str]) -> Sequence[str]:
        """Everybody listed, those that the settings add, and ``people``."""
        return [] if stream == "employees" else sorted({*self._directory.user_ids(), *people})

    def unknown(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """Asked one by one, those who are not listed; DingTalk names them only when a single day is asked for."""
        listed = set(self._directory.listed())
        day = days.until - timedelta(days=1)
        return [user for user in people if user not in listed and not is_known(self.client, user, day)]

    def _parts(self, what: str, window: Window, also: Sequence[str], people: int, days: int, read: Read) -> list[Slice]:
        zone = self._options.zone
        spans = pieces(window, days, zone)
        everyone = groups(self.asked(what, also), people) if spans else []
        return [
            Slice(named(what, span, group, zone), _bound(read, self.client, self._options, group, span))
            for span in spans
            for group in everyone
        ]


def _bound(
    read: Read, client: DingTalkClient, options: Options, group: Group, piece: Piece
) -> Callable[[], Iterator[pa.RecordBatch]]:
    return lambda: read(client, options, group, piece)


def _keys_alone(part: Slice, stream: Stream, zone: ZoneInfo) -> Slice:
    return Slice(part.name, lambda: (keys_of(rows, stream, zone) for rows in part.read()))


def _one(read: Callable[[DingTalkClient, Options, Group, Piece], pa.RecordBatch]) -> Read:
    """A reader of one batch as a reader of batches."""

    def batches(client: DingTalkClient, options: Options, group: Group, piece: Piece) -> Iterator[pa.RecordBatch]:
        yield read(client, options, group, piece)

    return batches
