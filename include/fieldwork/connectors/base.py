"""What a connector is: the two shapes that steps rely on, and the slice that extraction is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

import pyarrow as pa

from fieldwork.streams import Window


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of one stream's window that is fetched, staged and retried as a whole.

    ``name`` is stable for the same window and people, so that a second attempt knows which slices are staged.
    ``read`` fetches it: batches of the stream's ``schema``; raises a typed error of :mod:`fieldwork.errors`.
    """

    name: str
    read: Callable[[], Iterator[pa.RecordBatch]]


class Source(Protocol):
    """One outside system that is read."""

    system: str
    #: how many slices may be under way at once (rate x latency, about 10 for most vendors)
    parallel: int

    def slices(self, stream: str, window: Window) -> Sequence[Slice]:
        """The window cut into slices; together they hold every record of it once, save what the vendor repeats."""
        ...

    def read(self, stream: str, window: Window) -> Iterator[pa.RecordBatch]:
        """All slices, one after another: canonical columns of ``streams.STREAMS[stream].schema``."""
        ...


@dataclass(frozen=True, slots=True)
class Days:
    """The days ``[since, until)`` of the company's time zone, for which a source is asked what it has."""

    since: date
    until: date


@runtime_checkable
class Reconcilable(Source, Protocol):
    """A source that also says which records it has, so that the warehouse can be compared with it."""

    def remembers(self, stream: str) -> int | None:
        """How many days back the system answers for; None = for ever."""
        ...

    def totals(self, stream: str, days: Days) -> pa.Table | None:
        """By the system's own counting: ``day`` (instants by their day in UTC; null = none), ``rows``, ``sum``.

        Deleted records are not counted. None: this system does not count. ``sum`` is that of ``streams.MEASURE``, null
        where the system cannot sum it up.
        """
        ...

    def keys(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[Slice]:
        """Which records there are on the days, or without a day, deleted ones left out: batches of ``streams.KEYS``.

        ``people`` are asked for too where records are asked for by person: people whom the system may list no more.
        """
        ...

    def lookup(self, stream: str, keys: Sequence[str]) -> Iterator[pa.RecordBatch] | None:
        """Those of the records that exist, deleted ones too (``deleted``); None: cannot be asked by key."""
        ...

    def asked(self, stream: str, people: Sequence[str]) -> Sequence[str]:
        """Whom :meth:`keys` asks for by id, ``people`` among them; empty: records are not asked for by person."""
        ...

    def unknown(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[str]:
        """Those of the people whom the system does not know: a call for them answers nothing, and no error."""
        ...


@dataclass(frozen=True, slots=True)
class RowResult:
    """What the CRM answered for one row: ``code`` and ``message`` are the CRM's own words when it refused.

    ``retryable`` says that the same row may succeed later (a lock, an outage).
    """

    key: str
    ok: bool
    created: bool = False
    crm_id: str | None = None
    code: str | None = None
    message: str | None = None
    retryable: bool = False


class CrmTarget(Protocol):
    """One CRM that is written to. ``kind`` is ``visit`` (updated by record id) or ``performance`` (by external id)."""

    system: str
    batch_size: int
    parallel: int

    def preflight(self, kind: str) -> None:
        """Raise ConfigError that lists what the CRM lacks or does not let us write, before anything is sent."""
        ...

    def current(self, kind: str, keys: Sequence[str]) -> pa.Table:
        """Live values of our fields: column ``key`` and our canonical field names; absent records have no row."""
        ...

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        """Write at most ``batch_size`` rows (column ``key`` + fields); one result a row, in order.

        Raises a typed error when the whole request failed; its rows then have no result.
        """
        ...
