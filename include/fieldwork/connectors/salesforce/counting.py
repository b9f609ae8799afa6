"""What Salesforce is asked when the warehouse is compared with it: its own counts by day, and the records' keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pyarrow as pa

from fieldwork.connectors.base import Days
from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.salesforce import soql
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Reading
from fieldwork.streams import DAY, DAY_COLUMN, INSTANT, MEASURE, MONEY, Stream

#: Ids that fit into the address of one query.
AT_ONCE: Final = 200
#: Salesforce answers at most 2,000 groups, and no further page of them.
MOST_DAYS: Final = 1800
TOTALS: Final = pa.schema([("day", DAY), ("rows", pa.int64()), ("sum", MONEY)])


def narrow(reading: Reading, stream: Stream) -> Reading:
    """The reading of key, owner, day, measure and stamps alone."""
    wanted = {stream.key, stream.person, DAY_COLUMN.get(stream.name), "modified_at", "deleted"}
    wanted |= set(MEASURE.get(stream.name, ()))
    fields = {name: field for name, field in reading.fields.items() if name in wanted}
    return replace(reading, fields=fields, values={})


def resource(reading: Reading) -> str:
    """``queryAll`` answers with deleted records and archived activities too, ``query`` without."""
    return "queryAll" if "deleted" in reading.fields else "query"


def listed(stream: Stream, reading: Reading, days: Days, zone: ZoneInfo) -> str:
    """The query for the live records of the days, and of no day."""
    conditions = [*_alive(reading), *_on(stream, reading, days, zone)]
    return soql.listed(reading.object, reading.fields.values(), key=reading.fields[stream.key], conditions=conditions)


def by_keys(stream: Stream, reading: Reading, keys: Sequence[str]) -> Iterator[str]:
    """Queries for these records, wherever they are."""
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        yield soql.by_key(reading.object, reading.fields.values(), key=reading.fields[stream.key], values=some)


def totals(stream: Stream, reading: Reading, days: Days) -> Iterator[str]:
    """Queries that count the live records by day (of an instant: its day in UTC), each over days that fit an answer."""
    column = DAY_COLUMN.get(stream.name)
    field = reading.fields.get(column) if column else None
    by_instant = column is not None and stream.column_types[column] == INSTANT
    day = f"DAY_ONLY({field})" if field and by_instant else field
    for part in _parts(days) if field else [days]:
        edges = _edges(part, ZoneInfo("UTC")) if by_instant else (part.since, part.until)
        conditions = [*_alive(reading), *([soql.of_days(field, *edges)] if field else [])]
        if part.since != days.since:  # the records without a day are counted once
            conditions.append(f"{field} != null")
        yield soql.counted(
            reading.object,
            key=reading.fields[stream.key],
            day=day,
            summed=_summed(stream, reading),
            conditions=conditions,
        )


def table(client: SalesforceClient, options: Options, reading: Reading, query: str) -> pa.Table | None:
    """The counts; None when the org does not group by such a field."""
    answer = client.call("GET", f"{options.base}/{resource(reading)}?{urlencode({'q': query})}")
    if answer.status != 200:
        return None
    groups = [one for one in document(answer.body).get("records") or [] if isinstance(one, dict)]
    rows = [{"day": _day(one.get("d")), "rows": int(one.get("n") or 0), "sum": _money(one.get("s"))} for one in groups]
    return pa.Table.from_pylist(rows, TOTALS)


def _alive(reading: Reading) -> list[str]:
    """Deleted records do not count."""
    own = [f"({reading.where})"] if reading.where else []
    return [*own, *([f"{reading.fields['deleted']} = false"] if "deleted" in reading.fields else [])]


def _on(stream: Stream, reading: Reading, days: Days, zone: ZoneInfo) -> list[str]:
    column = DAY_COLUMN.get(stream.name)
    field = reading.fields.get(column) if column else None
    if column is None or field is None:
        return []
    by_instant = stream.column_types[column] == INSTANT
    return [soql.of_days(field, *(_edges(days, zone) if by_instant else (days.since, days.until)))]


def _edges(days: Days, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (days.since, days.until))
    return start, end


def _parts(days: Days) -> Iterator[Days]:
    since = days.since
    while since < days.until:
        until = min(since + timedelta(days=MOST_DAYS), days.until)
        yield Days(since, until)
        since = until


def _summed(stream: Stream, reading: Reading) -> str | None:
    """An amount; in an org of several currencies Salesforce converts before it adds up, so then nothing is compared."""
    names = MEASURE.get(stream.name, ())
    return reading.fields.get(names[0]) if len(names) == 1 and "currency" not in reading.fields else None


def _day(text: Any) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) else None


def _money(number: Any) -> Decimal | None:
    return None if number is None else Decimal(str(number)).quantize(Decimal("0.01"))
