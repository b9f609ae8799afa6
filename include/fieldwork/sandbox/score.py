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
from rich.console import Group
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
    "checkins": "copy truth_checkins from stdin (format csv, header true)",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A person-day (employee id and date) or visit (employee id and visit id) on which the two do not agree."""

    what: str
    key: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many edges were ``missed``, or are ``wrong``."""

    kind: str
    reason: str
    edges: int


@dataclass(frozen=True, slots=True)
class Matching:
    """Check-ins matched to visits by some method; an edge is a check-in that proves a visit."""

    method: str
    real_edges: int
    found_edges: int
    #: found edges that are real
    right_edges: int

    @property
    def precision(self) -> float:
        """Share of the found edges that are real."""
        return _share(self.right_edges, self.found_edges)

    @property
    def recall(self) -> float:
        """Share of the real edges that were found."""
        return _share(self.right_edges, self.real_edges)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return _share(2 * self.right_edges, self.found_edges + self.real_edges)


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
    #: check-ins at a customer for no visit, and those of them of which the warehouse names the customer
    off_plan: int
    named_off_plan: int
    ours: Matching
    baselines: tuple[Matching, ...]
    reasons: tuple[Reason, ...]
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
    def off_plan_share(self) -> float:
        """Share of the off-plan check-ins at a customer whose customer is named."""
        return _share(self.named_off_plan, self.off_plan)

    @property
    def precision(self) -> float:
        return self.ours.precision

    @property
    def recall(self) -> float:
        return self.ours.recall

    @property
    def f1(self) -> float:
        return self.ours.f1


def score(engine: Engine, truth: Path | Mapping[str, pa.Table]) -> Score:
    """Compare ``mart`` with the truth, given as its tables or as the directory they were written to.

    Days before the first and after the last of the truth are left out. Raises ConfigError for a directory without it.
    """
    tables = read_truth(truth) if isinstance(truth, Path) else truth
    with engine.begin() as connection:
        _load(connection, tables)
        counts = dict(_ask(connection, "counts")[0])
        real, found, right = (counts.pop(name) for name in ("real_edges", "found_edges", "right_edges"))
        return Score(
            **counts,
            ours=Matching("fieldwork", real, found, right),
            baselines=tuple(Matching(real_edges=real, **row) for row in _ask(connection, "baselines")),
            reasons=tuple(Reason(**row) for row in _ask(connection, "misses")),
            differences=tuple(Difference(**row) for row in _ask(connection, "differences", most=MOST_DIFFERENCES)),
        )


def render(result: Score) -> Group:
    """The score as tables for a terminal: shares, matching beside the baselines, why edges miss, what differs."""
    return Group(*filter(None, (_shares(result), _matchings(result), _reasons(result), _differences(result))))


def _shares(result: Score) -> Table:
    table = _table("The warehouse against the truth", "what", "of", "equal", "share")
    for what, total, equal, share in (
        ("person-days: status, late minutes", result.person_days, result.equal_person_days, result.attendance),
        ("person-days: early, worked minutes", result.person_days, result.equal_minutes, result.minutes),
        ("visits: verdict", result.visits, result.equal_verdicts, result.verdicts),
        ("off-plan check-ins: customer", result.off_plan, result.named_off_plan, result.off_plan_share),
    ):
        table.add_row(what, f"{total:,}", f"{equal:,}", f"{share:.2%}")
    return table


def _matchings(result: Score) -> Table:
    table = _table("Check-ins matched to visits", "method", "real", "found", "right", "precision", "recall", "F1")
    for one in (result.ours, *result.baselines):
        counts = (f"{n:,}" for n in (one.real_edges, one.found_edges, one.right_edges))
        table.add_row(one.method, *counts, *(f"{share:.2%}" for share in (one.precision, one.recall, one.f1)))
    return table


def _reasons(result: Score) -> Table | None:
    if not result.reasons:
        return None
    table = _table("Why matches are missed or wrong", "match", "why", "edges", "of the real")
    for one in result.reasons:
        table.add_row(one.kind, one.reason, f"{one.edges:,}", f"{_share(one.edges, result.ours.real_edges):.3%}")
    return table


def _differences(result: Score) -> Table | None:
    if not result.differences:
        return None
    table = _table(f"The first {MOST_DIFFERENCES} that differ", "which", "expected", "got")
    for one in result.differences:
        table.add_row(f"{one.what} {one.key}", one.expected, one.got)
    return table


def _table(title: str, *headings: str) -> Table:
    """A table whose texts stand left and whose numbers stand right."""
    table = Table(title=title)
    for heading in headings:
        words = heading in ("what", "method", "match", "why", "which", "expected", "got")
        table.add_column(heading, justify="left" if words else "right")
    return table


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _sql(name: str) -> str:
    return files("fieldwork.sandbox").joinpath(f"score_{name}.sql").read_text(encoding="utf-8")


def _ask(connection: Connection, name: str, **parameters: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(_sql(name)), parameters).mappings()]


def _load(connection: Connection, truth: Mapping[str, pa.Table]) -> None:
    """Make the temporary tables and copy the truth into them; their columns are in the order of ``TRUTH``."""
    driver: Any = connection.connection.driver_connection
    driver.execute("set local work_mem = '128MB'")  # a city of millions of pairs is compared in memory
    driver.execute(_sql("tables"))
    for name, statement in _COPY.items():
        body = io.BytesIO()
        typed_csv.write(truth[name], body)
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(body.getbuffer())
        driver.execute(f"analyze truth_{name}")
    driver.execute(_sql("edges"))
    driver.execute("analyze score_edge")
