"""The three-way difference of a wave: what we last sent, what stands in the CRM, what we want.

In one transaction: live values beside the outbox, a verdict on every field, and what follows from it: changes handed
over with exactly the fields that differ, changes that need no call, conflicts with people's edits listed or over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from .live import LiveTable
from .statements import read

TEMPORARY: Final = (
    "drop table if exists pg_temp.judged",
    """create temporary table judged (
        outbox_id bigint, key text, name text, want jsonb, base jsonb, live jsonb, existed boolean, verdict text
    ) on commit drop""",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """How one kind is compared: fields that are ours alone; whether an absent record is made; whether the CRM has a
    field for the name of a write.
    """

    ours: tuple[str, ...]
    creates: bool
    marks: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Of a wave: the ids handed over, in order, upserts apart from deletions; how many were settled without a call, by
    the state that they have now; and how many fields people hold against us.
    """

    upserts: list[int]
    deletions: list[int]
    settled: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0


def compare(connection: sa.Connection, stage: LiveTable, ids: Sequence[int], live: pa.Table, rules: Rules) -> Compared:
    """Judge the changes ``ids`` against the live values; hand over what is to be sent, settle the rest."""
    for statement in TEMPORARY:
        connection.exec_driver_sql(statement)
    stage.stage(connection, live)
    ours = {"ours": list(rules.ours)}
    judge = {"outbox_ids": list(ids), "creates": rules.creates, **ours}
    connection.execute(sa.text(read("judge")), judge)
    connection.exec_driver_sql("analyze pg_temp.judged")
    handed = connection.execute(sa.text(read("hand_over")), {"marks": rules.marks}).all()
    kept = connection.exec_driver_sql("select count(*) from pg_temp.judged where verdict = 'kept'").scalar_one()
    connection.execute(sa.text(read("find_conflicts")))
    connection.execute(sa.text(read("resolve_conflicts")), ours)
    connection.execute(sa.text(read("learn")))
    states = {row.outbox_id: (row.state, row.operation) for row in handed}
    settled = Counter(state for state, _ in states.values() if state != "sending")
    if settled["same"]:
        same = {"outbox_ids": [one for one, (state, _) in states.items() if state == "same"]}
        connection.execute(sa.text(read("no_longer_refused")), same)
        connection.execute(sa.text(read("park")), same)
    return Compared(
        [one for one in ids if states[one] == ("sending", "upsert")],
        [one for one in ids if states[one] == ("sending", "delete")],
        settled,
        kept,
    )


def executed(connection: sa.Connection, stage: LiveTable, ids: Sequence[int], live: pa.Table) -> dict[int, str | None]:
    """Of changes that were handed over and never answered, those that the CRM executed, with the record's id."""
    stage.stage(connection, live)
    found = connection.execute(sa.text(read("executed")), {"outbox_ids": list(ids)})
    return {row.outbox_id: row.crm_id for row in found}
