"""The stories as they stand in the files, read and checked for slips of the pen; and the rows that their words mean."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.steps.rows import at

HERE: Final = Path(__file__).parent
READ: Final = ("people", "users", "punches", "visits", "file")
EXPECTED: Final = ("links", "rows", "asked", "posts", "touched")
#: What may be known of somebody: the words of the files and the columns.
_PERSON: Final = {"hired": "hired_on", "left": "left_on", "team": "team", "under": "manager_user_id"}
_USER: Final = {"changed": "modified_at"}
_BOTH: Final = {"no": "employee_no", "mobile": "mobile", "mail": "email"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """What was read, read after read, and what must be so in the end; ``number`` keeps its ids apart from others'."""

    name: str
    number: int
    reads: Sequence[Mapping[str, str]]
    expect: Mapping[str, Any]

    def own(self, name: str) -> str:
        """An id, number, name or address of this story alone."""
        return f"{self.number}-{name}"

    def bare(self, name: str) -> str:
        """The same without what keeps it apart."""
        return re.sub(rf"\b{self.number}-", "", name)

    def people(self, read: int) -> list[Row]:
        """The rows of the stream ``employees``; of a read that says nothing of people, those of the one before."""
        told = [one["people"] for one in self.reads[: read + 1] if "people" in one]
        return [self._row(line, "user_id", _PERSON) for line in _lines(told[-1])] if told else []

    def users(self, read: int) -> list[Row]:
        """The rows of ``crm_users``: what this read says, the CRM tells nothing twice."""
        return [self._row(line, "crm_user_id", _USER) for line in _lines(self._told(read, "users"))]

    def rows(self, read: int) -> tuple[list[Row], list[Row]]:
        """Punches at nine, and visits at ten."""
        punches = [self._at(text, "record_id", "user_id") for text in _parts(self._told(read, "punches"))]
        visits = [self._at(text, "visit_id", "owner_id") for text in _parts(self._told(read, "visits"))]
        fixed = {"status": "planned", "deleted": False, "modified_at": at("2026-11-01 08:00")}
        return (
            [row | {"punched_at": day, "kind": "in"} for row, day in punches],
            [row | {"planned_start": day, "planned_end": day} | fixed for row, day in visits],
        )

    def file(self, read: int) -> list[str]:
        """Lines of identity.csv that this read and the ones before have added."""
        lines = []
        for line in (line for one in range(read + 1) for line in _lines(self._told(one, "file"))):
            system, external_id, employee_id, *days = line.split(",")
            lines.append(",".join([system, self.own(external_id), self.own(employee_id), *days]))
        return lines

    def _told(self, read: int, kind: str) -> str:
        return self.reads[read].get(kind, "") if read < len(self.reads) else ""

    def _row(self, line: str, key: str, more: Mapping[str, str]) -> Row:
        name, _, facts = line.partition(":")
        row: Row = {key: self.own(name.strip())}
        for fact in _parts(facts):
            word, _, value = fact.partition(" ")
            column = (more | _BOTH).get(word, "name")
            row[column] = self._value(column, value if column != "name" else fact)
        return row

    def _value(self, column: str, value: str) -> Any:
        if column.endswith("_on"):
            return date.fromisoformat(value)
        if column == "modified_at":
            return at(f"{value} 09:00")
        if column == "mobile":  # eleven digits of the story's own, however it is written
            return value.replace("m", f"139{self.number:04}000")
        return value if column == "team" else self.own(value)

    def _at(self, text: str, key: str, owner: str) -> tuple[Row, Any]:
        name, _, day = text.partition(" on ")
        return {key: self.own(text), owner: self.own(name)}, at(
            f"2026-11-{day} {'09:00' if key == 'record_id' else '10:00'}"
        )


@dataclass(frozen=True)
class Topic:
    """One file of stories."""

    title: str
    about: str
    stories: tuple[Story, ...]


@cache
def topics() -> tuple[Topic, ...]:
    """All files by name; raises ValueError that names the slip."""
    numbers = iter(range(101, 10_000))
    found = []
    for path in sorted((HERE / "identity").glob("*.toml")):
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        stories = tuple(_story(path.name, entry, next(numbers)) for entry in text["case"])
        found.append(Topic(text["title"], " ".join(text["about"].split()), stories))
    return tuple(found)


def _story(file: str, entry: dict[str, Any], number: int) -> Story:
    expect = dict(entry)
    name, reads = expect.pop("name"), expect.pop("reads")
    if wrong := {key for read in reads for key in read} - set(READ) | expect.keys() - set(EXPECTED):
        raise ValueError(f"{file}: {name!r} has {wrong}, which nobody knows")
    if not expect:
        raise ValueError(f"{file}: {name!r} expects nothing")
    return Story(name, number, reads, expect)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split(";") if line.strip()]


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
