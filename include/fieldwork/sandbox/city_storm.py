"""Bad rows, added beside the good ones: each should be set aside, named and counted, and change nothing else.

A pipeline that lets one of them through shows it: they would move somebody's first in or last out, or add a visit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.sandbox.city_calendar import HOUR, MINUTE, Days
from fieldwork.sandbox.city_ids import crm_ids, digit_ids
from fieldwork.sandbox.city_punches import FIRST_RECORD
from fieldwork.sandbox.city_random import Draws, Ints
from fieldwork.sandbox.city_truth import dates, instants

#: one bad row of each sort for so many good ones
_ONE_IN: Final = 400
#: future punches lie from here on, after the midnight that ends the city's days
FUTURE_FROM: Final = 10 * HOUR + 45 * MINUTE


def storm(tables: dict[str, pa.Table], days: Days, draws: Draws) -> dict[str, pa.Table]:
    """The tables with bad punches and bad visits among their rows."""
    return {
        **tables,
        "punches": _shuffled(_bad_punches(tables["punches"], days, draws), draws),
        "visits": _shuffled(_bad_visits(tables["visits"], draws), draws),
    }


def _bad_punches(punches: pa.Table, days: Days, draws: Draws) -> pa.Table:
    """Future ones, ones of an unknown kind, ones with latitude and longitude swapped, and records sent twice."""
    at_the_office = np.flatnonzero(pc.equal(punches["kind"], "in").to_numpy())
    in_the_field = np.flatnonzero(pc.equal(punches["kind"], "field").to_numpy())
    unknown = _some(punches, at_the_office, draws)
    unknown = _with(
        unknown, kind=pa.array(["break"] * len(unknown), pa.string()), punched_at=_later(unknown, -3 * HOUR)
    )
    swapped = _some(punches, in_the_field, draws)
    swapped = _with(
        swapped, latitude=swapped["longitude"], longitude=swapped["latitude"], punched_at=_later(swapped, -3 * HOUR)
    )
    bad = pa.concat_tables([_future(punches, at_the_office, days, draws), unknown, swapped])
    bad = _with(bad, record_id=digit_ids(FIRST_RECORD + len(punches), len(bad)))
    return pa.concat_tables([punches, bad, _some(punches, np.arange(len(punches)), draws)])


def _future(punches: pa.Table, among: Ints, days: Days, draws: Draws) -> pa.Table:
    """From clocks that run ahead: hours after the night shift of the last day went home."""
    rows = _some(punches, among, draws)
    after = int(days.midnight[-1]) + 24 * HOUR + FUTURE_FROM
    when = instants(after + draws.between(0, HOUR, len(rows)))
    nothing = pa.nulls(len(rows), rows.schema.field("base_at").type)
    today = dates(np.full(len(rows), days.number[-1] + 1))
    return _with(rows, punched_at=when, modified_at=when, base_at=nothing, work_date=today)


def _bad_visits(visits: pa.Table, draws: Draws) -> pa.Table:
    """Visits of an unknown owner, visits that end before they start, and records sent twice."""
    every = np.arange(len(visits))
    stranger = _some(visits, every, draws)
    owner = crm_ids("0055i", np.full(len(stranger), 62**5 - 1))
    stranger = _with(stranger, owner_id=owner)
    backwards = _some(visits, every, draws)
    backwards = _with(
        backwards, planned_start=backwards["planned_end"], planned_end=backwards["planned_start"],
        actual_start=backwards["actual_end"], actual_end=backwards["actual_start"],
    )  # fmt: skip
    bad = pa.concat_tables([stranger, backwards])
    bad = _with(bad, visit_id=crm_ids("00U5i", 60_000_000_000 + np.arange(len(bad))))
    return pa.concat_tables([visits, bad, _some(visits, every, draws)])


def _some(table: pa.Table, among: Ints, draws: Draws) -> pa.Table:
    """At least one row of those at these positions, each at most once."""
    return table.take(pa.array(among[draws.order(len(among))[: max(1, len(table) // _ONE_IN)]]))


def _with(table: pa.Table, **columns: pa.Array) -> pa.Table:
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)
    return table


def _later(table: pa.Table, seconds: int) -> pa.ChunkedArray:
    return pc.add(table["punched_at"], pa.scalar(seconds * 1_000_000, pa.duration("us")))


def _shuffled(table: pa.Table, draws: Draws) -> pa.Table:
    return table.take(pa.array(draws.order(len(table))))
