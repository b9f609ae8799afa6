"""Salesforce as a source: one query a stream, by the time of the last change, deleted records too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlencode

import pyarrow as pa

from fieldwork.connectors.base import Days, Slice
from fieldwork.connectors.json_arrow import Page, read_page
from fieldwork.connectors.keys import keys_of
from fieldwork.connectors.paging import pages
from fieldwork.connectors.salesforce import counting, problems, soql
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Reading
from fieldwork.connectors.salesforce.rows import to_canonical, wire_fields
from fieldwork.connectors.salesforce.shape import described
from fieldwork.connectors.shape import FieldSeen
from fieldwork.connectors.transport import Answer
from fieldwork.errors import BadResponse, ConfigError, FieldworkError, TruncatedRead
from fieldwork.streams import STREAMS, Stream, Window

_HEAD: Final = {"totalSize": pa.int64(), "done": pa.bool_(), "nextRecordsUrl": pa.string()}


class SalesforceSource:
    """The streams that ``[salesforce.read.*]`` maps; a stream is one slice: its records are asked for in order."""

    system: str = "salesforce"
    parallel: int = 4

    def __init__(self, client: SalesforceClient, options: Options) -> None:
        self.client = client
        self._options = options

    def slices(self, stream: str, window: Window) -> Sequence[Slice]:
        """See :class:`fieldwork.connectors.base.Source`; the window's end is not used."""
        reading = self._reading(stream)
        since = "all" if window.start is None else f"{soql.instant(window.start)}.."
        return [Slice(f"{stream}:{since}", lambda: self._batches(STREAMS[stream], reading, window))]

    def read(self, stream: str, window: Window) -> Iterator[pa.RecordBatch]:
        """All slices, one after another."""
        for part in self.slices(stream, window):
            yield from part.read()

    def shape(self, stream: str) -> Sequence[FieldSeen]:
        """See :class:`fieldwork.connectors.shape.Shaped`: the object's own description."""
        reading = self._options.readings.get(stream)
        return [] if reading is None else list(described(self.client, self._options, reading))

    # --- reconciliation; see :class:`fieldwork.connectors.base.Reconcilable`

    def remembers(self, stream: str) -> int | None:  # noqa: ARG002
        """Salesforce forgets nothing."""
        return None

    def totals(self, stream: str, days: Days) -> pa.Table | None:
        """Salesforce's own counting (``GROUP BY``)."""
        reading = self._reading(stream)
        found = [
            counting.table(self.client, self._options, reading, query)
            for query in counting.totals(STREAMS[stream], reading, days)
        ]
        return None if any(part is None for part in found) else pa.concat_tables(found)

    def keys(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[Slice]:  # noqa: ARG002
        """Id, owner, day, measure and stamp of the live records, archived ones too."""
        reading = counting.narrow(self._reading(stream), STREAMS[stream])
        query = counting.listed(STREAMS[stream], reading, days, self._options.zone)
        return [Slice(f"{stream}:keys", lambda: self._keys(query, stream, reading))]

    def lookup(self, stream: str, keys: Sequence[str]) -> Iterator[pa.RecordBatch] | None:
        """By id, deleted ones too, while they lie in the recycle bin."""
        reading = counting.narrow(self._reading(stream), STREAMS[stream])
        queries = counting.by_keys(STREAMS[stream], reading, keys)
        return (rows for query in queries for rows in self._keys(query, stream, reading))

    def asked(self, stream: str, people: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """Nothing is asked by person."""
        return ()

    def unknown(self, stream: str, days: Days, people: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """So nobody can be unknown."""
        return ()

    def _keys(self, query: str, stream: str, reading: Reading) -> Iterator[pa.RecordBatch]:
        for rows in self._answers(query, STREAMS[stream], reading):
            yield keys_of(rows, STREAMS[stream], self._options.zone)

    def _reading(self, stream: str) -> Reading:
        reading = self._options.readings.get(stream)
        if reading is None:
            raise ConfigError(f"Salesforce has no stream {stream}.", todo=f"Map it in [salesforce.read.{stream}].")
        return reading

    def _batches(self, stream: Stream, reading: Reading, window: Window) -> Iterator[pa.RecordBatch]:
        """One batch a page; raises TruncatedRead when Salesforce gave fewer or more records than it counted."""
        query = soql.modified_since(
            reading.object,
            reading.fields.values(),
            stamp=reading.fields["modified_at"],
            key=reading.fields[stream.key],
            where=reading.where,
            start=window.start,
        )
        return self._answers(query, stream, reading)

    def _answers(self, query: str, stream: Stream, reading: Reading) -> Iterator[pa.RecordBatch]:
        fields = wire_fields(stream, reading)

        def fetch(path: str) -> tuple[Page, str | None]:
            headers = {"Sforce-Query-Options": f"batchSize={self._options.page_size}"}
            answer = self.client.call("GET", path, headers=headers)
            if answer.status != 200:
                raise _not_read(answer, reading)
            page = read_page(answer.body, "records", fields, _HEAD)
            _same_spelling(answer.body, page, reading)
            return page, _next(page)

        resource = counting.resource(reading)
        got, counted = 0, 0
        for page in pages(fetch, f"{self._options.base}/{resource}?{urlencode({'q': query})}"):
            got, counted = got + len(page.rows), page.head["totalSize"]
            yield to_canonical(page, stream, reading, self._options)
        if got != counted:
            raise TruncatedRead(
                f"Salesforce counted {counted} records of {reading.object} and gave {got}.",
                todo="The next attempt reads them again; nothing of this slice is kept.",
            )


def _next(page: Page) -> str | None:
    """The path of the next page, None at the end; it must be a path: the token goes nowhere else."""
    if not page.listed or page.head["totalSize"] is None:
        raise BadResponse("Salesforce's answer to a query has no records.", todo="Ask again later.")
    following = page.head["nextRecordsUrl"]
    if page.head["done"] or following is None:
        return None
    if not str(following).startswith("/services/data/"):
        raise BadResponse("Salesforce's next page is somewhere else.", todo="Check the connection's host.")
    return str(following)


def _same_spelling(body: bytes, page: Page, reading: Reading) -> None:
    """Salesforce finds a field in any case and answers in its own: a name spelt otherwise would read as unknown."""
    for name, field in reading.fields.items():
        if len(page.rows) and f'"{field}"'.encode() not in body:
            raise ConfigError(
                f'[{reading.setting}] {name} = "{field}" is not how Salesforce spells that field.',
                todo="Write the field's API name with its capitals.",
            )


def _not_read(answer: Answer, reading: Reading) -> FieldworkError:
    """A refused query: what the org does not have is named by the setting that asked for it."""
    found = problems.problem(answer)
    if found.code == "INVALID_QUERY_LOCATOR":
        return BadResponse("Salesforce has forgotten this query's pages.", todo="The next attempt asks anew.")
    if found.code == "INVALID_TYPE":
        return ConfigError(
            f'[{reading.setting}] object = "{reading.object}" is unknown to this org or hidden from its Run As user.',
            todo="Name the org's object, or give the user access.",
        )
    if found.code == "INVALID_FIELD":
        names = [name for name, field in reading.fields.items() if field.lower() == (found.field or "").lower()]
        which = f'{names[0]} = "{found.field}"' if names else f"a field of {reading.object}"
        return ConfigError(
            f"[{reading.setting}] {which} is unknown to this org or hidden from its Run As user.",
            todo='Deploy include/salesforce/, name the org\'s own field, or leave the column out by mapping it to "".',
        )
    if found.code == "MALFORMED_QUERY":
        return ConfigError(f"[{reading.setting}] makes no valid query.", todo="Look at its where.")
    return problems.refused(found, f"the query for {reading.object}")
