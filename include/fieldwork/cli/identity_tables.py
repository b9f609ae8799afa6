"""Tables about who is who: questions, decisions, what is known of a person; names only where they were asked for."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final

from rich import box
from rich.markup import escape
from rich.table import Table

from fieldwork.rules.links import BEGINNING
from fieldwork.steps.decide import Decision
from fieldwork.steps.lookup import Known
from fieldwork.steps.review import Question

from .console import out

#: What a reason code means, in a few words.
REASONS: Final = {
    "unknown": "no rule names anybody",
    "unlinked": "nobody's, as somebody has decided",
    "outside_link": "rows of days on which the id is nobody's",
    "several_people": "a rule names several people",
    "rules_disagree": "rules name different people",
    "link_contradicted": "a less trusted rule names somebody else; the link stays",
    "claimed_twice": "two people at work have the id",
    "reused_or_renumbered": "another number: somebody else, or renumbered?",
    "maybe_rehired": "taken for new; has the number of somebody who left",
    "number_in_use": "two people at work have the employee number",
    "file_disagrees": "identity.csv gives it to two people",
    "no_such_person": "identity.csv names somebody whom nobody knows",
}
#: What of an entry's detail is shown, in this order.
_ABOUT: Final = (
    "system", "external_id", "employee_id", "was", "now", "team", "manager", "last_day", "from", "until", "touched",
)  # fmt: skip
#: People whose days are listed; of the others only the number.
_PEOPLE_SHOWN: Final = 20


def show_questions(found: Sequence[Question], names: Mapping[str, str], *, as_json: bool) -> None:
    """The questions; ``names`` by id, empty unless they were asked for."""
    if as_json:
        _write([dataclasses.asdict(q) | ({"names": _named(q, names)} if names else {}) for q in found])
        return
    if not found:
        out.print("Nothing waits for a decision.")
        return
    columns = ["system", "id", "reason", "candidates", "rows held", "from", "since"]
    table = _table("", *columns, *(["names"] if names else []))
    for q in found:
        told = [q.system, q.external_id, q.reason, " ".join(q.candidates), f"{q.rows_held:,}", _day(q.since)]
        told += [f"{q.first_seen:%F}" if q.status == "open" else q.status]
        told += ["; ".join(f"{key} {name}" for key, name in _named(q, names).items())] if names else []
        table.add_row(*map(escape, told))
    out.print(table)
    for reason in dict.fromkeys(q.reason for q in found):
        out.print(f"[bold]{reason}[/]: {REASONS[reason]}", soft_wrap=True)


def show_decision(done: Decision, *, dry_run: bool) -> None:
    """What a decision changed, or would change."""
    if done.spans:
        table = _table("Whose days", "from", "until", "was", "is")
        for span in done.spans:
            table.add_row(_day(span.since), _day(span.until), escape(span.was or ""), escape(span.now or "nobody"))
        out.print(table)
    kinds = ("extracted", "loaded", "unchanged", "quarantined", "duplicate")
    if done.moved:
        table = _table("Rows moved", "stream", *("held" if kind == "quarantined" else kind for kind in kinds))
        for stream, counts in done.moved.items():
            table.add_row(stream, *(f"{counts[kind]:,}" for kind in kinds))
        out.print(table)
    if done.released:
        out.print("Rows that waited and go through: " + ", ".join(f"{s} {n:,}" for s, n in done.released.items()))
    _show_touched(done.touched)
    if dry_run:
        out.print("This was a dry run: nothing was changed.")
    elif done.touched:
        out.print("The next run computes these days again; to have it now: fieldwork run", soft_wrap=True)
    elif not done.spans:
        out.print("It is so already.")


def show_known(known: Known, names: Mapping[str, str], *, as_json: bool) -> None:
    """Links, posts and decisions of a person or an id."""
    if as_json:
        _write(dataclasses.asdict(known) | ({"names": dict(names)} if names else {}))
        return
    for person, name in names.items():
        out.print(f"{escape(person)}: {escape(name)}")
    links = _table("Links", "system", "id", "employee", "from", "until", "rule", "made")
    for row in known.links:
        told = [row["system"], row["external_id"], row["employee_id"] or "nobody"]
        told += [_day(row["valid_from"]), _day(row["valid_to"]), row["rule"], f"{row['linked_at']:%F}"]
        links.add_row(*map(escape, told))
    posts = _table("Posts", "employee", "team", "manager", "from", "until", "rule")
    for row in known.posts:
        told = [row["employee_id"], row["team"] or "", row["manager_employee_id"] or row["manager_user_id"] or ""]
        posts.add_row(*map(escape, [*told, _day(row["valid_from"]), _day(row["valid_to"]), row["rule"]]))
    questions = _table("Questions", "system", "id", "reason", "candidates", "status", "since")
    for row in known.questions:
        told = [row["system"], row["external_id"], row["reason"], " ".join(row["candidates"]), row["status"]]
        questions.add_row(*map(escape, [*told, f"{row['first_seen']:%F}"]))
    decisions = _table("Decisions and changes", "at", "who", "what", "about", "why")
    for row in known.decisions:
        about = " ".join(f"{key}={row['detail'][key]}" for key in _ABOUT if row["detail"].get(key) is not None)
        told = [f"{row['at']:%F %R}", row["who"], row["action"], about, row["purpose"] or ""]
        decisions.add_row(*map(escape, told))
    for table in (links, posts, questions, decisions):
        if table.row_count:
            out.print(table)


def _show_touched(touched: Sequence[tuple[str, date]]) -> None:
    """The person-days, person by person."""
    out.print(f"Person-days to compute again: {len(touched):,}")
    people = [(person, [day for _, day in days]) for person, days in groupby(touched, key=lambda one: one[0])]
    for person, days in people[:_PEOPLE_SHOWN]:
        span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}, {len(days):,} days"
        out.print(f"  {escape(person)}: {span}", soft_wrap=True)
    if len(people) > _PEOPLE_SHOWN:
        out.print(f"  and {len(people) - _PEOPLE_SHOWN:,} other people")


def _named(question: Question, names: Mapping[str, str]) -> dict[str, str]:
    return {key: names[key] for key in (question.external_id, *question.candidates) if key in names}


def _day(day: date | None) -> str:
    return "" if day is None or day == BEGINNING else str(day)


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for column in columns:
        numbers = column in {"rows held", "extracted", "loaded", "unchanged", "held", "duplicate"}
        table.add_column(column, justify="right" if numbers else "left")
    return table


def _write(told: Any) -> None:
    sys.stdout.write(json.dumps(told, default=str, ensure_ascii=False, indent=2) + "\n")
