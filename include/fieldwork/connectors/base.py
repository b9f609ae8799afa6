"""What a connector is: the two shapes that steps rely on, and the slice that extraction is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol, runtime_checkable

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


#: What stands beside our fields in the rows that a target gives and takes.
#: ``crm_id``: the CRM's own id of the record; ``write_key``: the idempotency key of the write that it holds, null where
#: the CRM has no field for it; ``by_others``: somebody else changed it last, null = not known.
LIVE: Final[dict[str, pa.DataType]] = {"crm_id": pa.string(), "write_key": pa.string(), "by_others": pa.bool_()}
#: The names of the fields to write in a row; without this column, all.
CHANGED: Final = "changed"


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


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls that the CRM grants in 24 hours, to all who use it together, and how many of them are left."""

    granted: int
    left: int


class CrmTarget(Protocol):
    """One CRM that is written to. ``kind`` is ``visit`` (updated by record id) or ``performance`` (by external id).

    A write is never repeated by the target itself when it may have been executed: it raises a TransientError, and the
    caller reads back what stands.
    """

    system: str
    #: rows of one ``upsert`` or ``delete``
    batch_size: int
    #: calls that may be under way at once
    parallel: int

    @property
    def calls(self) -> int:
        """Calls made so far that count against the CRM's quota."""
        ...

    def allow(self, calls: int | None) -> None:
        """Make so many calls more and then raise ApiShareUsed, before anything is sent; None: no such limit."""
        ...

    def quota(self) -> Quota | None:
        """What the CRM grants; None when it counts no calls. Costs a call where there is one."""
        ...

    def predict(self, kind: str, rows: int, key_bytes: int) -> int:
        """Calls that reading and writing so many rows takes; ``key_bytes`` is the mean length of their keys."""
        ...

    def preflight(self, kind: str) -> None:
        """Raise ConfigError that lists what the CRM lacks or does not let us write, before anything is sent."""
        ...

    def creates(self, kind: str) -> bool:
        """Whether a row whose record is absent makes it; else the row is refused."""
        ...

    def page_size(self, kind: str, key_bytes: int) -> int:
        """How many keys ``current`` reads in one call."""
        ...

    def current(self, kind: str, keys: Sequence[str]) -> pa.Table:
        """Live values: column ``key``, those of :data:`LIVE`, and our canonical fields; absent records have no row."""
        ...

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        """Write at most ``batch_size`` rows; one result a row, in order.

        Columns: ``key``, fields, maybe ``write_key`` and :data:`CHANGED`. Raises CrmRejected when the CRM refused the
        request as a whole, another typed error when it failed; its rows then have no result.
        """
        ...

    def delete(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        """Delete at most ``batch_size`` records (columns ``key``, ``crm_id``); a record that is gone is deleted."""
        ...


@runtime_checkable
class BulkTarget(CrmTarget, Protocol):
    """A CRM that takes many rows as one job, which it works through by itself."""

    #: from so many rows on jobs are used; 0 = never
    bulk_from: int
    #: rows of one job
    bulk_size: int

    def submit(self, kind: str, rows: pa.Table) -> str:
        """Hand over at most ``bulk_size`` rows as one job; its name. Nothing is executed yet."""
        ...

    def collect(self, kind: str, job: str, keys: Sequence[str]) -> Sequence[RowResult]:
        """Let a job run and wait for it; a result for each key, in order. A second call gives the same."""
        ...

    def recall(self, kind: str, job: str, keys: Sequence[str]) -> Sequence[RowResult] | None:
        """Stop a job that a process left behind. None: it never ran and never will; else its results."""
        ...
