"""The stories told to one warehouse, and what is so in the end, in the words of the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.settings import Settings
from tests.steps.company import Company

from .told import Story

#: Days of November 2026 on which all first, second and third reads are made.
DAYS: Final = (3, 6, 9)
_COLUMNS: Final = "system,external_id,employee_id,valid_from,valid_to"


@dataclass
class Outcome:
    """What is so of one story, by the words that it may expect."""

    links: dict[str, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)
    touched: str = ""


def tell(engine: sa.Engine, settings: Settings, stories: Sequence[Story], folder: Path) -> dict[int, Outcome]:
    """Load every read of every story; returns the outcomes by number."""
    path = folder / "identity.csv"
    company = Company(engine, replace(settings, identity_file=path))
    touched: dict[int, str] = {}
    for read, day in enumerate(DAYS):
        path.write_text("\n".join([_COLUMNS, *(line for story in stories for line in story.file(read))]) + "\n")
        company.forget_touched()
        rows = [story.rows(read) for story in stories]
        people = [row for story in stories for row in story.people(read)]
        company.load(on=day, employees=people, punches=[row for punches, _ in rows for row in punches])
        users = [row for story in stories for row in story.users(read)]
        company.load("salesforce", on=day, crm_users=users, visits=[row for _, visits in rows for row in visits])
        days = company.touched()
        for story in (one for one in stories if len(one.reads) == read + 1):
            mine = [f"{story.bare(who)} on {when[3:]}" for who, when in days if who != story.bare(who)]
            touched[story.number] = ", ".join(mine)
    found = {story.number: _outcome(company, story) for story in stories}
    for number, text in touched.items():
        found[number].touched = text
    return found


def differences(story: Story, found: Outcome) -> list[str]:
    """What is not as the story expects it."""
    wrong = []
    for kind, expected in {"asked": {}, **story.expect}.items():
        got: Any = getattr(found, kind)
        if kind in {"links", "rows", "posts"}:
            got = {name: got.get(name, "none") for name in expected}
        if got != expected:
            wrong.append(f"{kind}: expected {expected}, but it is {got}")
    return wrong


def _outcome(company: Company, story: Story) -> Outcome:
    mine = f"like '%{story.number}-%'"
    links = company.ask(
        "select external_id, employee_id, valid_from, valid_to, rule from ref.identity"
        f" where external_id {mine} order by 1, 3"
    )
    rows = company.ask(
        f"select record_id, employee_id from core.punch where record_id {mine} union all "
        f"select visit_id, employee_id from core.visit where visit_id {mine} union all "
        f"select key, status from ops.quarantine where key {mine} and status = 'held' and stream <> 'employees'"
    )
    asked = company.ask(
        f"select external_id, reason, candidates from ops.identity_review where external_id {mine} and status = 'open'"
        " order by 1, 2"
    )
    posts = company.ask(
        f"select employee_id, team, valid_from, valid_to from report.post where employee_id {mine} order by 1, 3"
    )
    outcome = Outcome(rows={story.bare(key): story.bare(whose) for key, whose in rows})
    for external_id, person, first, end, rule in links:
        said = f"{story.bare(person or 'nobody')}{_days(first, end)} ({rule})"
        _join(outcome.links, story.bare(external_id), said)
    for external_id, reason, candidates in asked:
        said = f"{reason} {' '.join(story.bare(one) for one in candidates)}".strip()
        _join(outcome.asked, story.bare(external_id), said)
    for person, team, first, end in posts:
        _join(outcome.posts, story.bare(person), f"{team}{_days(first, end)}")
    return outcome


def _days(first: date | None, end: date | None) -> str:
    begun = "" if first is None or first == date(1900, 1, 1) else f" from {first}"
    return begun + (f" until {end}" if end else "")


def _join(into: dict[str, str], key: str, said: str) -> None:
    into[key] = f"{into[key]}, {said}" if key in into else said
