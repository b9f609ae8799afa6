"""A person decides whose an outside id is: the link is made or taken away, and its rows follow, in one transaction.

Rows that waited for the answer go through, rows that were another person's are moved, rows that are nobody's now wait;
exactly their person-days are touched. A dry run does all of it and takes it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.quality import mend
from fieldwork.rules import identity, links
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse.merge import take_turn
from fieldwork.warehouse.schema import core, ops, ref

from .absorb import absorb
from .follow import Outcomes, follow_links
from .release import release_held
from .review import ask_about_waiting
from .waiting import WAITING, find_waiting


@dataclass(frozen=True, slots=True)
class Span:
    """Days ``[since, until)`` of an id (None: open) that were one person's and are another's; None = nobody's."""

    since: date | None
    until: date | None
    was: str | None
    now: str | None


@dataclass(slots=True)
class Decision:
    """What a decision did: whose days changed, what became of rows by stream, which person-days it touched."""

    spans: list[Span] = field(default_factory=list)
    #: by stream: outcomes of the rows that were moved or taken back
    moved: Outcomes = field(default_factory=dict)
    #: by stream: held rows that went through
    released: dict[str, int] = field(default_factory=dict)
    #: (employee_id, work_date), sorted
    touched: list[tuple[str, date]] = field(default_factory=list)


def link(
    engine: sa.Engine,
    settings: Settings,
    system: str,
    external_id: str,
    employee_id: str | None,
    *,
    since: date | None = None,
    until: date | None = None,
    ahead: bool = False,
    who: str,
    purpose: str | None = None,
    dry_run: bool = False,
) -> Decision:
    """Say that an id is this person on ``[since, until)``; ``employee_id`` None: that it is nobody.

    Without ``since`` from the beginning, unless that would take days from somebody. Raises ConfigError for an unknown
    system or person, for an id that was never met (unless ``ahead``), an empty span, and where ``since`` must be said.
    """
    with deciding(engine, dry_run=dry_run) as (connection, decision):
        first = _first_day(connection, system, external_id, employee_id, since)
        if until is not None and until <= first:
            raise ConfigError(
                f"Nothing lies between {first} and {until}.", todo="--until is the first day that the link is over."
            )
        _need_system(connection, system)
        if not ahead:
            _need_id(connection, settings, system, external_id)
        if employee_id is not None:
            _need_person(connection, system, external_id, employee_id)
        run_id = _name(connection)
        mend.act(connection, who, purpose)
        links.open_scratch(connection)
        links.say(connection, system, external_id, employee_id, first, until)
        links.apply(connection)
        decision.spans = _spans(connection)
        _answer(connection, settings, system, external_id)
        absorb(connection, settings, run_id=run_id)
        decision.moved = follow_links(connection, settings, run_id=run_id)
        decision.released = release_held(connection, settings, run_id=run_id, only=(system, external_id), who=who)
        identity.note_crm_users(connection, settings.now().astimezone(settings.time_zone).date())
        ask_about_waiting(connection, settings)
        decision.touched = touched_now(connection)
        detail = {"system": system, "external_id": external_id, "employee_id": employee_id}
        detail |= {"from": str(first), "until": str(until) if until else None, "run_id": run_id}
        rows = sum(o["extracted"] for o in decision.moved.values()) + sum(decision.released.values())
        action = "link" if employee_id is not None else "unlink"
        audit(connection, who, f"identity.{action}", purpose, rows, detail | {"touched": len(decision.touched)})
    return decision


@contextmanager
def deciding(engine: sa.Engine, *, dry_run: bool) -> Iterator[tuple[sa.Connection, Decision]]:
    """A transaction in which nobody merges meanwhile; a dry run is rolled back at its end."""
    with engine.connect() as connection, connection.begin() as transaction:
        for stream in STREAMS:  # in their order, so that nobody waits for each other
            take_turn(connection, stream)
        yield connection, Decision()
        if dry_run:
            transaction.rollback()


def touched_now(connection: sa.Connection) -> list[tuple[str, date]]:
    """The person-days that this transaction has touched, sorted."""
    t = ops.touched.c
    query = sa.select(t.employee_id, t.work_date).where(t.noted_at == sa.func.now())
    return [(employee, day) for employee, day in connection.execute(query.order_by(t.employee_id, t.work_date))]


def audit(
    connection: sa.Connection, who: str, action: str, purpose: str | None, rows: int, detail: dict[str, Any]
) -> None:
    """Note in ``ops.audit_log`` who did what and why; ``detail`` holds ids and counts alone."""
    connection.execute(
        sa.insert(ops.audit_log).values(
            at=sa.func.clock_timestamp(),
            who=sa.text("session_user || ', ' || :who").bindparams(who=who),
            action=action,
            purpose=purpose,
            rows=rows,
            detail=detail,
        )
    )


def _first_day(
    connection: sa.Connection, system: str, external_id: str, employee_id: str | None, since: date | None
) -> date:
    """The first day of the decision; raises ConfigError where only the person who decides can say it."""
    if since is not None or employee_id is None:
        return since or links.BEGINNING
    i = ref.identity.c
    mine = sa.and_(i.system == system, i.external_id == external_id)
    others = connection.execute(
        sa.select(i.employee_id, i.valid_from, i.valid_to)
        .where(mine, i.employee_id.is_not(None), i.employee_id != employee_id)
        .order_by(i.valid_from)
    ).all()
    if others:
        told = "; ".join(f"{o.employee_id} {_days(o.valid_from, o.valid_to)}" for o in others)
        raise ConfigError(
            f"{system} {external_id} is linked already: {told}.",
            todo=f"Say from which day it is {employee_id}: --from DATE (all days: --from {links.BEGINNING}).",
        )
    return links.BEGINNING


def _days(first: date, end: date | None) -> str:
    begun = "" if first == links.BEGINNING else f"from {first} "
    return f"{begun}until {end}" if end else f"{begun}without end"


def _need_system(connection: sa.Connection, system: str) -> None:
    """Raise ConfigError for a system that no batch and no link names."""
    known = sa.union(sa.select(ops.batch.c.system), sa.select(ref.identity.c.system))
    names = sorted(connection.execute(known).scalars())
    if system not in names:
        raise ConfigError(
            f"Nothing was ever read from a system {system!r}.", todo=f"Known are: {', '.join(names) or 'none yet'}."
        )


def _need_id(connection: sa.Connection, settings: Settings, system: str, external_id: str) -> None:
    """Raise ConfigError for an id that no row, no user and no link has named: it is mistyped, or comes later."""
    find_waiting(connection, settings, settings.now().astimezone(settings.time_zone).date())
    e, u, i, w = core.employee.c, core.crm_user.c, ref.identity.c, WAITING.c
    met = [
        sa.exists().where(e.system == system, e.user_id == external_id),
        sa.exists().where(u.system == system, u.crm_user_id == external_id),
        sa.exists().where(i.system == system, i.external_id == external_id),
        sa.exists().where(w.system == system, w.external_id == external_id),
    ]
    if not connection.execute(sa.select(sa.or_(*met))).scalar():
        raise ConfigError(
            f"{system} has not told of an id {external_id!r} yet.",
            todo="Look for a slip of the pen; if the id is right and comes later, add --ahead.",
        )


def _need_person(connection: sa.Connection, system: str, external_id: str, employee_id: str) -> None:
    """Raise ConfigError unless the person is known, or is one whom rows about this id would make."""
    e, r = core.employee.c, ops.identity_review.c
    row = connection.execute(sa.select(e.same_as, e.user_id).where(e.employee_id == employee_id)).one_or_none()
    if row is not None and row.same_as is not None and row.user_id != external_id:
        raise ConfigError(f"{employee_id} turned out to be {row.same_as}.", todo=f"Link it to {row.same_as}.")
    if row is not None:
        if row.same_as is not None:  # the two are parted again
            connection.execute(sa.update(core.employee).where(e.employee_id == employee_id).values(same_as=None))
        return
    asked = sa.exists().where(
        r.system == system, r.external_id == external_id, sa.literal(employee_id) == sa.any_(r.candidates)
    )
    if not connection.execute(sa.select(asked)).scalar():
        raise ConfigError(
            f"Nobody has the employee id {employee_id!r}.",
            todo="Load the people first, or look the id up: `fieldwork identity show NUMBER`, report.performance_day.",
        )


def _name(connection: sa.Connection) -> str:
    """A name for the batches of this decision, in the place of a run's."""
    stamp = connection.execute(sa.text("select to_char(now() at time zone 'UTC', 'YYYYMMDD\"T\"HH24MISS.US')")).scalar()
    return f"identity-{stamp}"


def _spans(connection: sa.Connection) -> list[Span]:
    query = "select valid_from, valid_to, was, now from link_change order by valid_from"
    return [Span(*row) for row in connection.execute(sa.text(query))]


def _answer(connection: sa.Connection, settings: Settings, system: str, external_id: str) -> None:
    """The open questions about the id are answered; what is still doubtful is asked again by the next load."""
    r = ops.identity_review.c
    connection.execute(
        sa.update(ops.identity_review)
        .where(r.system == system, r.external_id == external_id, r.status == "open")
        .values(status="decided", settled_at=settings.now())
    )
