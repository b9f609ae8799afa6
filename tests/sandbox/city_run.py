"""A city's tables through the real steps without HTTP: plan, extract, check, load, build, publish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import Slice
from fieldwork.sandbox.company import Company
from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.steps.publish import publish
from fieldwork.streams import STREAMS, Window
from tests.rules.world import with_config

_ROWS = 50_000
_SYSTEMS = {"attendance": "dingtalk", "crm": "salesforce"}


class CitySource:
    """A Source over the tables of a company."""

    parallel = 1

    def __init__(self, system: str, company: Company) -> None:
        self.system = system
        self._tables = company.tables

    def slices(self, stream: str, window: Window) -> Sequence[Slice]:
        rows = len(self._tables[stream])
        return [Slice(f"{stream}:{n}", lambda n=n: self._part(stream, n)) for n in range(0, max(1, rows), _ROWS)]

    def read(self, stream: str, window: Window) -> Iterator[pa.RecordBatch]:
        for part in self.slices(stream, window):
            yield from part.read()

    def _part(self, stream: str, first: int) -> Iterator[pa.RecordBatch]:
        table = self._tables[stream].slice(first, _ROWS)
        for remark in STREAMS[stream].schema.names[table.num_columns :]:
            table = table.append_column(remark, pa.nulls(len(table), pa.string()))
        yield from table.combine_chunks().to_batches()


def run_city(engine: sa.Engine, settings: Settings, company: Company, *, checked: bool) -> dict[str, dict[str, int]]:
    """Everything up to publish; what became of each step. Without ``checked`` no suite is asked."""
    settings = with_config(settings, roster=company.roster)
    as_of = datetime.combine(company.until + timedelta(days=1), time(2, 30), UTC)
    plan(engine, settings, run_id="city", since=company.since, until=company.until, as_of=as_of)
    for name, stream in STREAMS.items():
        extract(engine, settings, CitySource(_SYSTEMS[stream.side], company), run_id="city", stream=name)
    if checked:
        check(engine, settings, run_id="city")
    else:
        with engine.begin() as connection:
            connection.execute(sa.text("update ops.batch set state = 'checked' where state = 'extracted'"))
    load(engine, settings, run_id="city")
    built = build(engine, settings, run_id="city")
    return {"build": built, "publish": publish(engine, settings, run_id="city")}
