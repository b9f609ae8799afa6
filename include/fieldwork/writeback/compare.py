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
        outbox_id bigint, key text, name text, want jsonb, base jsonb, live jsonb, verdict text
    ) on commit drop""",
)
_VERDICTS: Final = sa.text("select verdict, count(*) from pg_temp.judged group by verdict")


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
    the state that they have now; how many fields people hold against us; whether any change takes something back.
    """

    upserts: list[int]
    deletions: list[int]
    settled: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    takes_back: bool = False


def compare(connection: sa.Connection, stage: LiveTable, ids: Sequence[int], live: pa.Table, rules: Rules) -> Compared:
    """Judge the changes ``ids`` against the live values; hand over what is to be sent, settle the rest."""
    for statement in TEMPORARY:
        connection.exec_driver_sql(statement)
    stage.stage(connection, live)
    these, ours = {"outbox_ids": list(ids)}, {"ours": list(rules.ours)}
    connection.execute(sa.text(read("judge")), {**these, **ours, "creates": rules.creates})
    verdicts: Counter[str] = Counter(dict(connection.execute(_VERDICTS).tuples().all()))
    handed = connection.execute(sa.text(read("hand_over")), {**these, "marks": rules.marks}).all()
    if verdicts["kept"] or verdicts["gone"]:
        connection.execute(sa.text(read("find_conflicts")))
    connection.execute(sa.text(read("resolve_conflicts")), {**these, **ours})
    if verdicts["same"]:
        connection.execute(sa.text(read("learn")))
    states = {row.outbox_id: (row.state, row.operation) for row in handed}
    settled = Counter(state for state, _ in states.values() if state != "sending")
    takes_back = any(row.takes_back for row in handed)
    if settled["same"]:
        same = {"outbox_ids": [one for one, (state, _) in states.items() if state == "same"]}
        connection.execute(sa.text(read("no_longer_refused")), same)
        if takes_back:
            connection.execute(sa.text(read("park")), same)
    return Compared(
        [one for one in ids if states[one] == ("sending", "upsert")],
        [one for one in ids if states[one] == ("sending", "delete")],
        settled,
        verdicts["kept"],
        takes_back,
    )


def executed(connection: sa.Connection, stage: LiveTable, ids: Sequence[int], live: pa.Table) -> dict[int, str | None]:
    """Of changes that were handed over and never answered, those that the CRM executed, with the record's id."""
    stage.stage(connection, live)
    found = connection.execute(sa.text(read("executed")), {"outbox_ids": list(ids)})
    return {row.outbox_id: row.crm_id for row in found}
