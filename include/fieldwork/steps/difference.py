"""How computed rows differ from the published ones: one line for each changed column.

The lines live in the transaction that computed them. People look at counts and a sample, or read the lines one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

import sqlalchemy as sa

from fieldwork.warehouse.schema import mart

#: ``key``: the second column of the row's key. ``change``: new, gone, or changed with the column and both its values.
DIFFERENCE: Final = sa.Table(
    "difference",
    sa.MetaData(),
    sa.Column("dataset", sa.Text),
    sa.Column("employee_id", sa.Text),
    sa.Column("work_date", sa.Date),
    sa.Column("key", sa.Text),
    sa.Column("change", sa.Text),
    sa.Column("column_name", sa.Text),
    sa.Column("old", sa.Text),
    sa.Column("new", sa.Text),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
#: What people ask first: who is present now, which visit is proven now.
JUDGEMENTS: Final = ("status", "verdict")
#: A row that differs in this alone is computed by another version to the same values.
_VERSION: Final = "rule_version"


def compare(connection: sa.Connection) -> None:
    """Add to ``difference`` how the rows in ``build`` differ from the published ones of the same person-days."""
    statement = files(__package__).joinpath("difference.sql").read_text(encoding="utf-8")
    for table in mart.JOINED:
        (own,) = [c.name for c in table.primary_key if c.name != "employee_id"]
        text = statement.replace(".joined", f".{table.name}").replace("own_key", own)
        connection.execute(sa.text(text), {"dataset": table.name})


def counts(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """By dataset the rows that are ``new``, ``gone``, ``changed``, and ``same_values``: of another version alone."""
    d = DIFFERENCE.c
    row = (
        sa.select(d.dataset, d.change, sa.func.bool_and(d.column_name == _VERSION).label("same"))
        .group_by(d.dataset, d.employee_id, d.key, d.change)
        .subquery()
    )
    kind = sa.case((row.c.same, "same_values"), else_=row.c.change)
    found = {table.name: dict.fromkeys(("new", "gone", "changed", "same_values"), 0) for table in mart.JOINED}
    query = sa.select(row.c.dataset, kind, sa.func.count()).group_by(row.c.dataset, kind)
    for dataset, name, rows in connection.execute(query).tuples():
        found[dataset][name] = rows
    return found


def people(connection: sa.Connection) -> int:
    """How many people have a row that differs in more than its version."""
    d = DIFFERENCE.c
    query = sa.select(sa.func.count(d.employee_id.distinct())).where(_tells())
    return connection.execute(query).scalar_one()


def columns(connection: sa.Connection) -> Sequence[tuple[str, str, int]]:
    """Dataset, column and how many rows differ in it, the most frequent first."""
    d = DIFFERENCE.c
    rows = sa.func.count()
    query = sa.select(d.dataset, d.column_name, rows).where(d.change == "changed", _tells())
    return (
        connection.execute(query.group_by(d.dataset, d.column_name).order_by(rows.desc(), d.dataset, d.column_name))
        .tuples()
        .all()
    )


def turns(connection: sa.Connection) -> Sequence[tuple[str, str | None, str | None, int]]:
    """Of statuses and verdicts: dataset, old, new, rows; ``performance_day`` repeats the status and is left out."""
    d = DIFFERENCE.c
    rows = sa.func.count()
    query = sa.select(d.dataset, d.old, d.new, rows).where(
        d.column_name.in_(JUDGEMENTS), d.dataset != mart.performance_day.name
    )
    return (
        connection.execute(query.group_by(d.dataset, d.old, d.new).order_by(rows.desc(), d.old, d.new)).tuples().all()
    )


def lines(connection: sa.Connection, *, limit: int | None = None) -> Iterator[sa.RowMapping]:
    """The lines that tell something, person by person and day by day; all of them are read in pages."""
    d = DIFFERENCE.c
    place = sa.case({table.name: n for n, table in enumerate(mart.JOINED)}, value=d.dataset)
    query = sa.select(DIFFERENCE).where(_tells()).order_by(d.employee_id, d.work_date, place, d.key, d.column_name)
    with connection.execution_options(yield_per=5000).execute(query.limit(limit)).mappings() as found:
        yield from found


def _tells() -> sa.ColumnElement[bool]:
    return DIFFERENCE.c.column_name.is_distinct_from(_VERSION)
