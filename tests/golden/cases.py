"""Cases as they stand in the files: read, checked for slips of the pen, numbered."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
#: the parts in the order of docs/cases.md; a folder of cases/ each
PARTS: Final = ("attendance", "visits", "performance", "identity")
#: a plain Tuesday
TUESDAY: Final = date(2026, 11, 3)


@dataclass(frozen=True)
class Case:
    """One person's story: ``given`` facts by kind, ``expect`` rows by relation, both in the words of the file."""

    name: str
    number: int
    company: str
    day: date
    given: Mapping[str, Any]
    expect: Mapping[str, Any]

    @property
    def employee_id(self) -> str:
        """Ids of the case's own customers, visits and check-ins begin with it too."""
        return f"E{self.number:04}"

    def own(self, name: str) -> str:
        """The id of something that the case calls ``name``."""
        return f"{self.employee_id}-{name}"


@dataclass(frozen=True)
class Topic:
    """One file of cases."""

    part: str
    title: str
    about: str
    company: str
    cases: tuple[Case, ...]


@cache
def topics() -> tuple[Topic, ...]:
    """All files, part by part, by file name; raises ValueError that names the slip."""
    numbers = iter(range(1, 10_000))
    found = tuple(
        _topic(part, path, numbers) for part in PARTS for path in sorted((HERE / "cases" / part).glob("*.toml"))
    )
    names = [(topic.title, case.name) for topic in found for case in topic.cases]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two cases of one name: {twice}")
    return found


def companies() -> dict[str, list[Case]]:
    """The cases by the company that they ask for."""
    found: dict[str, list[Case]] = {}
    for topic in topics():
        found.setdefault(topic.company, []).extend(topic.cases)
    return found


def company_file(name: str) -> Path:
    """The configuration of a company."""
    return HERE / "companies" / f"{name}.toml"


def _topic(part: str, path: Path, numbers: Iterator[int]) -> Topic:
    text = tomllib.loads(path.read_text(encoding="utf-8"))
    if wrong := text.keys() - {"title", "about", "company", "day", "case"}:
        raise ValueError(f"{path.name}: unknown {wrong}")
    company = text.get("company", "office")
    if not company_file(company).exists():
        raise ValueError(f"{path.name}: there is no companies/{company}.toml")
    day = text.get("day", TUESDAY)
    cases = tuple(_case(path.name, entry, company, day, next(numbers)) for entry in text["case"])
    return Topic(part, text["title"], " ".join(text["about"].split()), company, cases)


def _case(file: str, entry: dict[str, Any], company: str, day: date, number: int) -> Case:
    from . import expected, facts

    given = dict(entry)
    name, expect = given.pop("name"), given.pop("expect", {})
    day = given.pop("day", day)
    if wrong := given.keys() - facts.KINDS.keys() - facts.SETTINGS:
        raise ValueError(f"{file}: {name!r} gives {wrong}, which facts.py does not know")
    if wrong := {key.partition(" ")[0] for key in expect} - expected.RELATIONS.keys():
        raise ValueError(f"{file}: {name!r} expects {wrong}, which expected.py does not know")
    if not expect:
        raise ValueError(f"{file}: {name!r} expects nothing")
    return Case(name, number, company, day, given, expect)
