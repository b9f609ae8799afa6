"""How right is the warehouse about an invented company: its joined dataset against the truth.

The truth is loaded into temporary tables and compared with ``mart`` in SQL; nothing is changed.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from rich.table import Table
from sqlalchemy import Connection, Engine, text

from fieldwork.sandbox import typed_csv
from fieldwork.sandbox.files import read_truth

#: no more differing keys are listed
MOST_DIFFERENCES: Final = 20
#: how each part of the truth that is compared gets in
_COPY: Final = {
    "attendance": "copy truth_attendance from stdin (format csv, header true)",
    "visits": "copy truth_visits from stdin (format csv, header true)",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A person-day (employee id and date) or visit (employee id and visit id) on which the two do not agree."""

    what: str
    key: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over rows that either side has; an edge is a check-in that proves a visit."""

    person_days: int
    #: with the same status and late minutes
    equal_person_days: int
    #: with the same early and worked minutes
    equal_minutes: int
    visits: int
    equal_verdicts: int
    real_edges: int
    found_edges: int
    #: found edges that are real
    right_edges: int
    differences: tuple[Difference, ...]

    @property
    def attendance(self) -> float:
        """Share of person-days with the same status and late minutes."""
        return _share(self.equal_person_days, self.person_days)

    @property
    def minutes(self) -> float:
        """Share of person-days with the same early and worked minutes."""
        return _share(self.equal_minutes, self.person_days)

    @property
    def verdicts(self) -> float:
        """Share of visits with the same verdict."""
        return _share(self.equal_verdicts, self.visits)

    @property
    def precision(self) -> float:
        """Share of the found edges that are real."""
        return _share(self.right_edges, self.found_edges)

    @property
    def recall(self) -> float:
        """Share of the real edges that were found."""
        return _share(self.right_edges, self.real_edges)


def score(engine: Engine, truth: Path | Mapping[str, pa.Table]) -> Score:
    """Compare ``mart`` with the truth, given as its tables or as the directory they were written to.

    Days before the first and after the last of the truth are left out. Raises ConfigError for a directory without it.
    """
    tables = read_truth(truth) if isinstance(truth, Path) else truth
    with engine.begin() as connection:
        _load(connection, tables)
        counts = connection.execute(text(_sql("counts"))).one()
        rows = connection.execute(text(_sql("differences")), {"most": MOST_DIFFERENCES})
        differences = tuple(Difference(*row) for row in rows)
    return Score(**counts._mapping, differences=differences)


def render(result: Score) -> Table:
    """The score as a table for a terminal: shares first, then the first keys that differ."""
    table = Table(title="The warehouse against the truth")
    for heading in ("what", "of", "equal", "share"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for what, total, equal, share in (
        ("person-days: status, late minutes", result.person_days, result.equal_person_days, result.attendance),
        ("person-days: early, worked minutes", result.person_days, result.equal_minutes, result.minutes),
        ("visits: verdict", result.visits, result.equal_verdicts, result.verdicts),
        ("matched check-ins: precision", result.found_edges, result.right_edges, result.precision),
        ("matched check-ins: recall", result.real_edges, result.right_edges, result.recall),
    ):
        table.add_row(what, f"{total:,}", f"{equal:,}", f"{share:.2%}")
    for number, one in enumerate(result.differences):
        if number == 0:
            table.add_section()
        table.add_row(f"{one.what} {one.key}", f"expected {one.expected}", f"got {one.got}", "")
    return table


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _sql(name: str) -> str:
    return files("fieldwork.sandbox").joinpath(f"score_{name}.sql").read_text(encoding="utf-8")


def _load(connection: Connection, truth: Mapping[str, pa.Table]) -> None:
    """Make the temporary tables and copy the truth into them; their columns are in the order of ``TRUTH``."""
    driver: Any = connection.connection.driver_connection
    driver.execute(_sql("tables"))
    for name, statement in _COPY.items():
        body = io.BytesIO()
        typed_csv.write(truth[name], body)
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(body.getbuffer())
