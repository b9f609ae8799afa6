"""Two persons turn out to be one: somebody who was taken for new is the one whom a decision names.

When an id is all that a person had in its system, and a decision gives it to another person, then what is known of the
first is the other's: facts, posts and all links. The first stays as a name of the other, employed on no day.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from fieldwork.rules import links, posts, sql
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse import staging
from fieldwork.warehouse.schema import core, ref

from .release import load_batch, open_batch
from .settle import touch_days


def absorb(connection: sa.Connection, settings: Settings, *, run_id: str) -> list[tuple[str, str]]:
    """Join whom the changes of links make one; returns (name given up, person) of each."""
    found = connection.execute(sa.text(sql.read("identity_absorbed"))).tuples().all()
    for name, person, system in found:
        _merge_facts(connection, settings, name, person, system, run_id)
        given = sa.select(sa.literal(person), *_span(ref.post), ref.post.c.team, ref.post.c.manager_user_id)
        posts.keep_missing(connection, given.where(ref.post.c.employee_id == name))
        connection.execute(sa.delete(ref.post).where(ref.post.c.employee_id == name))
        for link in connection.execute(sa.select(ref.identity).where(ref.identity.c.employee_id == name)).all():
            links.say(connection, link.system, link.external_id, person, link.valid_from, link.valid_to, link.rule)
        links.apply(connection)
        connection.execute(sa.text("insert into reviewed values (:name)"), {"name": name})
        touch_days(connection, settings, ["posts"], reason="identity")
    return [(name, person) for name, person, _ in found]


def _merge_facts(
    connection: sa.Connection, settings: Settings, name: str, person: str, system: str, run_id: str
) -> None:
    """Load both rows of the two again, as two accounts of one person."""
    stream, e = STREAMS["employees"], core.employee.c
    never = links.BEGINNING - timedelta(days=1)
    rows = sa.select(*(e[column] for column in stream.columns)).where(
        e.employee_id.in_([name, person]), e.system == system
    )
    count = connection.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one()
    batch_id = open_batch(connection, run_id, system, stream, "move", count)
    connection.execute(sa.insert(staging.table(stream, batch_id)).from_select(list(stream.columns), rows))
    connection.execute(
        sa.update(core.employee).where(e.employee_id == name).values(same_as=person, hired_on=None, left_on=never)
    )
    load_batch(connection, settings, stream, system, batch_id, count)


def _span(table: sa.Table) -> tuple[sa.Column[object], sa.Column[object]]:
    return table.c.valid_from, table.c.valid_to
