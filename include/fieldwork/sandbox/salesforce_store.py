"""The records of the Salesforce sandbox: Arrow tables that grow by chunks as records are written.

Each sheet keeps its rows in the order of (SystemModstamp, Id), which is the order that incremental reads ask for; a
written record is a new row at the end, and the row it replaces is struck out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.sandbox.company import Company
from fieldwork.sandbox.salesforce_schema import OBJECTS, SObject, empty, filled

Record = dict[str, Any]
#: a record's id and the values to set
Change = tuple[str, Mapping[str, Any]]
#: the sandbox's clock goes this far with each write request
TICK: Final = timedelta(milliseconds=1)
#: chunks after which struck-out rows are thrown away
MANY_CHUNKS: Final = 32


@dataclass(frozen=True, slots=True)
class View:
    """A sheet at one moment; ``alive`` is False for rows that later ones replaced."""

    rows: pa.Table
    alive: npt.NDArray[np.bool_]


class Sheet:
    """All records of one object."""

    def __init__(self, sobject: SObject, rows: pa.Table) -> None:
        self.sobject = sobject
        self._rows: pa.Table
        self._alive: npt.NDArray[np.bool_]
        self._at: dict[str, int]
        self._lay(rows)
        self._fresh: dict[str, Record] = {}
        #: ids of deleted records
        self.deleted: set[str] = set(self._rows.filter(self._rows["IsDeleted"])["Id"].to_pylist())
        key = sobject.external_field
        self._key = key.name if key else None
        self._by_key: dict[str, str] = {}
        if self._key:
            self._by_key = {row[self._key]: row["Id"] for row in self.records()}

    def view(self) -> View:
        """The records as they stand; not changed by later writes."""
        if self._fresh:
            self._settle()
        return View(self._rows, self._alive)

    def has(self, identifier: str) -> bool:
        return identifier in self._fresh or identifier in self._at

    def positions(self, identifiers: Iterable[str]) -> npt.NDArray[np.int64]:
        """Where records with these ids stand in the view, each once; to be asked under the store's lock."""
        return np.array([self._at[name] for name in dict.fromkeys(identifiers) if name in self._at], np.int64)

    def find(self, key: str) -> str | None:
        """The id of the record with this external id."""
        return self._by_key.get(key)

    def get(self, identifiers: Iterable[str]) -> list[Record | None]:
        """Records by id, in the order asked; None where there is none."""
        wanted = list(identifiers)
        settled = [name for name in wanted if name not in self._fresh and name in self._at]
        rows = take(self._rows, np.array([self._at[name] for name in settled], np.int64)).to_pylist()
        found = {**dict(zip(settled, rows, strict=True)), **{n: self._fresh[n] for n in wanted if n in self._fresh}}
        return [dict(found[name]) if name in found else None for name in wanted]

    def put(self, record: Record) -> None:
        """Insert or replace one whole record."""
        self._fresh[record["Id"]] = record
        if record["IsDeleted"]:
            self.deleted.add(record["Id"])
        if self._key and record[self._key] is not None:
            if record["IsDeleted"]:
                self._by_key.pop(record[self._key], None)  # a deleted record keeps no other from its external id
            else:
                self._by_key[record[self._key]] = record["Id"]

    def purge(self, identifiers: Iterable[str]) -> None:
        """Forget records as if they had never been."""
        gone = pa.array(list(identifiers), pa.string())
        view = self.view()
        kept = pc.and_(pa.array(view.alive), pc.invert(pc.is_in(view.rows["Id"], value_set=gone)))
        self._lay(view.rows.filter(kept))

    def records(self) -> list[Record]:
        """All of them, deleted ones too."""
        view = self.view()
        return [dict(row) for row in view.rows.filter(pa.array(view.alive)).to_pylist()]

    def latest(self) -> datetime | None:
        """The greatest SystemModstamp."""
        newest = pc.max(self.view().rows["SystemModstamp"]).as_py()
        return newest if isinstance(newest, datetime) else None

    def _settle(self) -> None:
        """Turn the records written since the last read into a chunk."""
        order = sorted(self._fresh.values(), key=lambda record: (record["SystemModstamp"], record["Id"]))
        alive = np.concatenate([self._alive, np.ones(len(order), np.bool_)])  # a copy: views keep the old one
        first = len(self._rows)
        self._rows = pa.concat_tables([self._rows, pa.Table.from_pylist(order, self._rows.schema)])
        self._alive, self._fresh = alive, {}
        self._index(first)
        late = first > 0 and order[0]["SystemModstamp"] < self._rows["SystemModstamp"][first - 1].as_py()
        if late or self._rows["Id"].num_chunks > MANY_CHUNKS:
            self._lay(self._rows.filter(pa.array(self._alive)))

    def _lay(self, rows: pa.Table) -> None:
        """Start over with these rows, in order and in one chunk."""
        self._rows = rows.sort_by([("SystemModstamp", "ascending"), ("Id", "ascending")]).combine_chunks()
        self._alive = np.ones(len(rows), np.bool_)
        self._at = {}
        self._index(0)

    def _index(self, first: int) -> None:
        """Note where the rows from ``first`` on stand, and strike out those that they replace."""
        for at, identifier in enumerate(self._rows["Id"].slice(first).to_pylist(), start=first):
            if identifier in self._at:
                self._alive[self._at[identifier]] = False
            self._at[identifier] = at


class Store:
    """Every object's sheet and the sandbox's clock. Hold ``lock`` around what must be seen as one."""

    def __init__(self, company: Company) -> None:
        self.lock = threading.RLock()
        self.sheets = {
            name: Sheet(sobject, filled(sobject, company.tables[sobject.stream]) if sobject.stream else empty(sobject))
            for name, sobject in OBJECTS.items()
        }
        stamps = [stamp for sheet in self.sheets.values() if (stamp := sheet.latest()) is not None]
        start = datetime.combine(company.since, datetime.min.time(), UTC)
        self._now = max([start, *stamps])
        self._created = 0

    def tick(self, at: datetime | None = None) -> datetime:
        """A stamp strictly after every existing one; that of a replayed write stays what it was."""
        if at is not None:
            self._now = max(self._now, at)
            return at
        self._now = self._now.replace(microsecond=self._now.microsecond // 1000 * 1000) + TICK
        return self._now

    def new_id(self, sobject: SObject) -> str:
        """An 18-character id that no record has."""
        self._created += 1
        return f"{sobject.prefix}SB{self._created:013d}"

    def apply(self, name: str, changes: Sequence[Change], stamp: datetime, by: str | None) -> None:
        """Set the values of records of one object, made if they do not exist; ``by`` and ``stamp`` say who and when."""
        sheet = self.sheets[name]
        for (identifier, values), record in zip(changes, sheet.get(key for key, _ in changes), strict=True):
            if record is None:
                self._created = max(self._created, int(identifier[-13:]) if identifier[-13:].isdigit() else 0)
                record = {field.name: field.constant for field in sheet.sobject.fields.values()}
                record.update(Id=identifier, CreatedDate=stamp)
            newest = max(stamp, record["SystemModstamp"] or stamp)  # a replayed write may be older than the record
            record.update(values, SystemModstamp=newest, LastModifiedDate=newest, LastModifiedById=by)
            if "WhatId" in values:
                record["AccountId"] = values["WhatId"]
            sheet.put(record)


def take(rows: pa.Table, positions: npt.NDArray[np.int64]) -> pa.Table:
    """Rows at these positions, chunk by chunk: Arrow's own take would first copy all chunks into one."""
    batches = rows.to_batches()
    if len(batches) < 2:
        return rows.take(pa.array(positions))
    starts = np.cumsum([0, *(len(batch) for batch in batches)])
    owner = np.searchsorted(starts, positions, "right") - 1
    order = np.argsort(owner, kind="stable")
    parts = [
        batches[chunk].take(pa.array(positions[order[owner[order] == chunk]] - starts[chunk]))
        for chunk in np.unique(owner)
    ]
    return pa.Table.from_batches(parts, rows.schema).combine_chunks().take(pa.array(np.argsort(order, kind="stable")))
