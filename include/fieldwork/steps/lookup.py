"""What is known of an id or of a person: links, posts, and who decided what; ids alone, names only when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.warehouse.schema import core, ops, ref

from .decide import audit

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """``links`` and ``posts`` in the order of days, ``questions`` and ``decisions`` in the order in which they came."""

    links: list[Row] = field(default_factory=list)
    posts: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)


def look_up(connection: sa.Connection, what: str) -> Known:
    """Everything about an employee id, an employee number or an outside id; raises ConfigError for an unknown one."""
    i, e = ref.identity.c, core.employee.c
    people = sa.select(e.employee_id).where(sa.or_(e.employee_id == what, e.employee_no == what))
    of_people = sa.or_(i.employee_id == what, i.employee_id.in_(people), i.external_id == what)
    links = _rows(connection, sa.select(ref.identity).where(of_people).order_by(i.system, i.external_id, i.valid_from))
    persons = sorted({row["employee_id"] for row in links if row["employee_id"]} | set(connection.scalars(people)))
    posts = _rows(
        connection,
        sa.text(
            "select employee_id, valid_from, valid_to, team, manager_user_id, manager_employee_id, rule"
            " from report.post where employee_id = any(:persons) order by employee_id, valid_from nulls first"
        ).bindparams(persons=persons),
    )
    r = ops.identity_review.c
    questions = _rows(
        connection,
        sa.select(r.system, r.external_id, r.reason, r.candidates, r.status, r.first_seen)
        .where(sa.or_(r.external_id == what, r.candidates.overlap(sa.cast(persons, r.candidates.type))))
        .order_by(r.review_id),
    )
    if not links and not posts and not questions:
        raise ConfigError(
            f"Nothing is known of {what!r}.", todo="Give an employee id, an employee number or an outside id."
        )
    a = ops.audit_log.c
    ids = {row["external_id"] for row in links} | {what}
    about = sa.or_(
        a.detail["external_id"].astext.in_(ids),
        *(a.detail[key].astext.in_([*persons, what]) for key in ("employee_id", "was", "now")),
    )
    decisions = _rows(
        connection,
        sa.select(a.at, a.who, a.action, a.purpose, a.rows, a.detail)
        .where(a.action.like("identity.%"), about)
        .order_by(a.audit_id),
    )
    return Known(links, posts, questions, decisions)


def names(connection: sa.Connection, ids: Iterable[str], who: str, purpose: str | None) -> dict[str, str]:
    """Names by employee id and outside id; who looked is noted in ``ops.audit_log``."""
    wanted = sorted(set(ids))
    e, u = core.employee.c, core.crm_user.c
    found: dict[str, str] = {}
    for query in (
        sa.select(u.crm_user_id, u.name).where(u.crm_user_id.in_(wanted)),
        sa.select(e.user_id, e.name).where(e.user_id.in_(wanted)),
        sa.select(e.employee_id, e.name).where(e.employee_id.in_(wanted)),
    ):
        found |= {key: name for key, name in connection.execute(query).tuples() if name}
    audit(connection, who, "identity.names", purpose, len(found), {"asked": len(wanted)})
    return found


def _rows(connection: sa.Connection, query: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]
