"""What the warehouse holds of a stream, in the shape in which a source tells it: key, day, person, measure."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.streams import DAY_COLUMN, MEASURE, Stream
from fieldwork.warehouse.merge import TABLES
from fieldwork.warehouse.schema import core, ref


def ours(stream: Stream, system: str, zone: str) -> sa.Select[Any]:
    """``key, live, day, person, measure`` of every record in core; instants by their day in ``zone``.

    Not live is what was deleted, or what a source was found to have no more.
    """
    if stream.name == "employees":
        return _people(system)
    table = TABLES[stream.name][0]
    person = table.c[stream.person] if stream.person else sa.null()
    return sa.select(
        table.c[stream.key].label("key"),
        live(table).label("live"),
        _day(table, stream, zone).label("day"),
        sa.cast(person, sa.Text).label("person"),
        _measure(table, stream).label("measure"),
    ).where(table.c.system == system)


def other_accounts(system: str, listed: sa.FromClause) -> sa.Select[Any]:
    """The same of ids among ``listed`` (key) that are one more account of a person: core has one row a person."""
    key = listed.c.key
    return _of_person(key, sa.true()).where(sa.not_(_own(system, key)), _linked(system, key)).distinct()


def _people(system: str) -> sa.Select[Any]:
    """Everybody by the user id; of an id that passed on to somebody else only the one who has it now."""
    e = core.employee.c
    here = _of_person(e.user_id, sa.true()).where(e.system == system, _listed(e))
    left = core.employee.alias("left_id").c
    gone = _of_person(left.user_id, sa.false()).where(
        left.system == system,
        left.same_as.is_(None),
        sa.not_(_own(system, left.user_id)),
        sa.not_(_linked(system, left.user_id)),
    )
    return sa.select(sa.union_all(here, gone.distinct()).subquery("person"))


def _own(system: str, user_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """It is the user id of somebody who is listed."""
    e = core.employee.alias("owner").c
    return sa.exists().where(e.system == system, e.user_id == user_id, _listed(e))


def _linked(system: str, user_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """It means somebody who is listed, under whatever id."""
    e, i = core.employee.alias("owner").c, ref.identity.c
    link = sa.and_(i.system == system, i.external_id == user_id, i.valid_to.is_(None))
    return sa.exists().where(link, i.employee_id == e.employee_id, _listed(e))


def _listed(e: Any) -> sa.ColumnElement[bool]:
    return sa.and_(e.missing_since.is_(None), e.same_as.is_(None))


def _of_person(user_id: sa.ColumnElement[str], stands: sa.ColumnElement[bool]) -> sa.Select[Any]:
    columns: list[sa.ColumnElement[Any]] = [
        user_id.label("key"),
        stands.label("live"),
        sa.cast(sa.null(), sa.Date).label("day"),
        user_id.label("person"),
        sa.cast(sa.null(), sa.Numeric(18, 2)).label("measure"),
    ]
    return sa.select(*columns)


def live(table: sa.Table) -> sa.ColumnElement[bool]:
    """The record stands: neither deleted nor missing."""
    if "deleted" in table.c:
        return sa.not_(table.c.deleted)
    return table.c.missing_since.is_(None) if "missing_since" in table.c else sa.true()


def _day(table: sa.Table, stream: Stream, zone: str) -> sa.ColumnElement[Any]:
    name = DAY_COLUMN.get(stream.name)
    if name is None:
        return sa.cast(sa.null(), sa.Date)
    column = table.c[name]
    return column if isinstance(column.type, sa.Date) else sa.cast(sa.func.timezone(zone, column), sa.Date)


def _measure(table: sa.Table, stream: Stream) -> sa.ColumnElement[Any]:
    names = MEASURE.get(stream.name)
    if names is None:
        return sa.cast(sa.null(), sa.Numeric(18, 2))
    if len(names) == 1:
        return table.c[names[0]]
    start, end = (table.c[name] for name in names)
    return sa.cast(sa.func.floor(sa.extract("epoch", end - start) / 60), sa.Numeric(18, 2))
