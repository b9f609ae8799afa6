"""Merge the good rows of one batch into ``core``, set-based, inside the caller's transaction.

``incoming`` (temporary) holds one row per staged row with the person it belongs to; ``delta`` the rows that are new or
differ, beside the row that stands in core. What is read again and the same touches nothing; what the source stamped
earlier than what we have is not taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.streams import STREAMS, Stream

from . import owner, staging
from .schema import core, ops, ref

#: Where each stream's columns are kept; the first table is the one that says whether the record stands.
TABLES: Final[dict[str, tuple[sa.Table, ...]]] = {
    "employees": (core.employee,),
    "crm_users": (core.crm_user,),
    "accounts": (core.account,),
    "punches": (core.punch, core.punch_place),
    "leave": (core.leave,),
    "visits": (core.visit,),
    "tasks": (core.task,),
    "opportunities": (core.opportunity,),
}
#: Seed of a lock's name that no other lock uses.
_LOCK: Final = 7_263_112
#: Whom each staged row of people describes; rules/people.py fills it before people are merged.
CLAIM: Final = sa.table("claim", sa.column("seq", sa.BigInteger), sa.column("employee_id", sa.Text))
#: Hashes and sorts of a million rows stay in memory; a day's rows are looked up by index however many are in core
_PLANNER: Final = {"work_mem": "128MB", "random_page_cost": "1.1"}
#: Stamps that say nothing about the record itself.
_NOT_COMPARED: Final = frozenset({"modified_at"})


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the staged rows."""

    loaded: int
    unchanged: int
    duplicate: int
    nobody: int


@dataclass(frozen=True)
class Merge:
    """The merge of one batch; the tables are temporary and vanish with the transaction."""

    stream: Stream
    system: str
    batch_id: int
    time_zone: str
    #: dates rows that have no date of their own
    today: date

    @property
    def belongs_to_a_person(self) -> bool:
        """Is the person part of the record's key in core?"""
        return "employee_id" in TABLES[self.stream.name][0].primary_key.columns

    @property
    def _of_people(self) -> bool:
        return self.stream.name == "employees"

    @property
    def _may_change_hands(self) -> bool:
        """Can a record that one person had be another's when it is read again? A punch or a leave cannot."""
        return self.belongs_to_a_person and self.stream.name not in {"punches", "leave", "employees"}

    @cached_property
    def incoming(self) -> sa.Table:
        """``seq``, the canonical columns, ``employee_id`` (null: nobody known), ``place_in_line`` (1 = taken)."""
        return self._temporary(
            "incoming",
            sa.Column("seq", sa.BigInteger),
            *self._canonical(),
            sa.Column("employee_id", sa.Text),
            sa.Column("place_in_line", sa.BigInteger),
        )

    @cached_property
    def delta(self) -> sa.Table:
        """New or changed rows: ``side`` is ``new`` (as it comes) or ``old`` (as it stood), ``employee_id``, columns.

        ``first_seen``: no table holds anything of the record.
        """
        return self._temporary(
            "delta",
            sa.Column("side", sa.Text),
            sa.Column("first_seen", sa.Boolean),
            sa.Column("employee_id", sa.Text),
            *self._canonical(),
        )

    def receive(self, connection: sa.Connection) -> None:
        """Fill ``incoming`` from staging: say whose each row is, and which of several copies counts (the latest)."""
        take_turn(connection, self.stream.name)
        for name, value in _PLANNER.items():
            connection.execute(sa.select(sa.func.set_config(name, value, True)))
        staged, incoming = staging.table(self.stream, self.batch_id), self.incoming
        incoming.create(connection)
        columns = [staged.c.seq, *(staged.c[name] for name in self.stream.columns)]
        person, rows = self._person(staged)
        line = self._line()
        query = sa.select(*columns, person, sa.func.coalesce(line.c.place_in_line, 1)).select_from(
            rows.outerjoin(line, staged.c.seq == line.c.seq)
        )
        connection.execute(insert(incoming).from_select(list(incoming.c.keys()), query))
        connection.execute(sa.text("analyze incoming"))

    def nobodys(self) -> sa.Select[Any]:
        """The ``seq`` of rows whose person is unknown (empty for streams that belong to nobody)."""
        i = self.incoming.c
        return sa.select(i.seq).where(i.employee_id.is_(None) if self.belongs_to_a_person else sa.false())

    def apply(self, connection: sa.Connection) -> Merged:
        """Write what is new or changed; afterwards ``delta`` holds both sides of it."""
        i = self.incoming.c
        known = i.employee_id.is_not(None) if self.belongs_to_a_person else sa.true()
        total, nobody, duplicate = connection.execute(
            sa.select(
                sa.func.count(),
                sa.func.count().filter(sa.not_(known)),
                sa.func.count().filter(known, i.place_in_line > 1),
            )
        ).one()
        self._find_delta(connection, known)
        d = self.delta.c
        loaded, first_seen = connection.execute(
            sa.select(sa.func.count(), sa.func.count().filter(d.first_seen)).where(d.side == "new")
        ).one()
        if first_seen:
            self._write(connection, first_seen=True)
        if loaded > first_seen:
            self._write(connection, first_seen=False)
        return Merged(loaded, total - nobody - duplicate - loaded, duplicate, nobody)

    def _find_delta(self, connection: sa.Connection, known: sa.ColumnElement[bool]) -> None:
        delta, i = self.delta, self.incoming.c
        delta.create(connection)
        first, *others = TABLES[self.stream.name]
        join: sa.FromClause = self.incoming.outerjoin(first, self._same(first, i))
        for other in others:
            join = join.outerjoin(other, self._same(other, i))
        stands = first.c[self.stream.key].is_not(None)
        differs = sa.or_(
            *(
                self._kept(name).is_distinct_from(i[name])
                for name in self.stream.columns
                if name not in _NOT_COMPARED and (name != self.stream.key or self._of_people)
            ),
            *([first.c.employee_id != i.employee_id] if self.belongs_to_a_person else []),
        )
        newer: sa.ColumnElement[bool] = sa.true()
        if "modified_at" in self.stream.columns:
            newer = sa.func.coalesce(i.modified_at >= self._kept("modified_at"), sa.true())
        changed = (
            sa.select(
                i.employee_id,
                *(i[name] for name in self.stream.columns),
                stands.label("stands"),
                self._first_seen().label("first_seen"),
                first.c.employee_id.label("was_employee_id")
                if "employee_id" in first.c
                else sa.null().label("was_employee_id"),
                *(self._kept(name).label(f"was_{name}") for name in self.stream.columns),
            )
            .select_from(join)
            .where(known, i.place_in_line == 1, sa.or_(sa.not_(stands), sa.and_(differs, newer)))
            .cte("changed")
            .prefix_with("materialized", dialect="postgresql")
        )
        c = changed.c
        new = sa.select(sa.literal("new"), c.first_seen, c.employee_id, *(c[name] for name in self.stream.columns))
        old = sa.select(
            sa.literal("old"), c.first_seen, c.was_employee_id, *(c[f"was_{name}"] for name in self.stream.columns)
        ).where(c.stands)
        connection.execute(insert(delta).from_select(list(delta.c.keys()), sa.union_all(new, old)))
        connection.execute(sa.text("analyze delta"))

    def _first_seen(self) -> sa.ColumnElement[bool]:
        """Nothing of the record is in any table; never said of people: two user ids may be one of them."""
        if self._of_people:
            return sa.false()
        return sa.and_(*(table.c[self.stream.key].is_(None) for table in TABLES[self.stream.name]))

    def _write(self, connection: sa.Connection, *, first_seen: bool) -> None:
        """Rows seen for the first time are inserted and nothing else: an upsert costs half as much again."""
        d, key = self.delta.c, self.stream.key
        chosen = sa.and_(d.side == "new", d.first_seen == sa.literal(first_seen))
        for table in TABLES[self.stream.name]:
            if self._may_change_hands and not first_seen:  # a record that changed hands leaves its old owner
                connection.execute(
                    sa.delete(table).where(table.c[key] == d[key], table.c.employee_id != d.employee_id, chosen)
                )
            names = [name for name in self.stream.columns if name in table.c]
            values: dict[str, Any] = {name: d[name] for name in names}
            if "employee_id" in table.primary_key.columns:
                values["employee_id"] = d.employee_id
            if "batch_id" in table.c:
                values["system"] = sa.literal(self.system)
                values["batch_id"] = sa.literal(self.batch_id)
                values["loaded_at"] = sa.func.now()
            if "deleted" in values:
                values["deleted"] = sa.func.coalesce(d.deleted, sa.false())
            keys = [column.name for column in table.primary_key.columns]
            query = sa.select(*(v.label(n) for n, v in values.items())).where(chosen)
            query = query.order_by(*(values[name] for name in keys))  # neighbours in the index come after one another
            statement = insert(table).from_select(list(values), query)
            if not first_seen:
                fresh = {n: statement.excluded[n] for n in values if n not in keys}
                differs = sa.or_(*(table.c[n].is_distinct_from(new) for n, new in fresh.items()))
                statement = statement.on_conflict_do_update(index_elements=keys, set_=fresh, where=differs)
            connection.execute(statement)

    def _kept(self, name: str) -> sa.ColumnElement[Any]:
        for table in TABLES[self.stream.name]:
            if name in table.c:
                return table.c[name]
        raise KeyError(name)

    def _same(self, table: sa.Table, i: Any) -> sa.ColumnElement[bool]:
        key = self.stream.key
        if self._of_people:  # whatever id they have at the moment
            return sa.and_(table.c.employee_id == i.employee_id)
        if self.belongs_to_a_person and not self._may_change_hands:  # the primary key finds them
            return sa.and_(table.c.employee_id == i.employee_id, table.c[key] == i[key])
        return sa.and_(table.c[key] == i[key])

    def _line(self) -> sa.CTE:
        """``seq``, ``place_in_line`` of the rows that have copies in the batch; all others stand alone.

        Two rows of one person are copies too: of two accounts the one of the later employment counts.
        """
        staged = staging.table(self.stream, self.batch_id).alias("copy")
        copies: sa.FromClause = staged
        key: sa.ColumnElement[Any] = staged.c[self.stream.key]
        latest = [staged.c.modified_at.desc().nulls_last()] if "modified_at" in staged.c else []
        if self._of_people:
            copies, key = staged.join(CLAIM, staged.c.seq == CLAIM.c.seq), CLAIM.c.employee_id
            latest = [staged.c.left_on.desc().nulls_first(), staged.c.hired_on.desc().nulls_last()]
        place = sa.func.row_number().over(partition_by=key, order_by=[*latest, staged.c.seq.desc()])
        several = sa.select(key).select_from(copies).group_by(key).having(sa.func.count() > 1)
        return (
            sa.select(staged.c.seq, place.label("place_in_line"))
            .select_from(copies)
            .where(key.in_(several))
            .cte("line")
        )

    def _person(self, staged: sa.Table) -> tuple[sa.ColumnElement[Any], sa.FromClause]:
        """The person of a staged row, and the rows to select it from: one hash join for all."""
        if self.stream.person is None:
            return sa.null(), staged
        if self._of_people:
            return CLAIM.c.employee_id, staged.outerjoin(CLAIM, staged.c.seq == CLAIM.c.seq)
        on = owner.day(self.stream, staged.c, self.time_zone, self.today)
        link = owner.holds(self.system, staged.c[self.stream.person], on)
        return ref.identity.c.employee_id, staged.outerjoin(ref.identity, link)

    def _canonical(self) -> list[sa.Column[Any]]:
        staged = staging.table(self.stream, self.batch_id)
        return [sa.Column(name, staged.c[name].type) for name in self.stream.columns]

    def _temporary(self, name: str, *columns: sa.Column[Any]) -> sa.Table:
        return sa.Table(name, sa.MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def take_turn(connection: sa.Connection, stream: str) -> None:
    """Wait until no other transaction merges the stream: who comes second sees what the first has written."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(stream, _LOCK))))


def hold_off(connection: sa.Connection, stream: str) -> None:
    """Wait until no other transaction merges the stream, and let none begin before ours ends; several may hold it off.

    For whoever reads what a merge must find: a change that comes later sees what was made of the rows before it.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(sa.func.hashtextextended(stream, _LOCK))))


def abandon_older(connection: sa.Connection, system: str, stream: str, batch_id: int) -> None:
    """Batches of the stream that were opened earlier and never loaded are over; their staged rows go."""
    b = ops.batch.c
    given_up = connection.execute(
        sa.update(ops.batch)
        .where(
            b.system == system,
            b.stream == stream,
            b.batch_id < batch_id,
            b.kind == "extract",
            b.state.in_(["open", "extracted", "checked"]),
        )
        .values(state="abandoned", closed_at=sa.func.clock_timestamp())
        .returning(b.batch_id)
    ).scalars()
    for other in list(given_up):
        staging.drop(connection, STREAMS[stream], other)
