"""What the page of a run tells, asked from the warehouse: counts, rule ids, reasons and keys; no cell of any record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.quality import ageing
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops

_PLACE: Final = {name: place for place, name in enumerate(STREAMS)}
#: Earlier runs that the trends show, this one included.
RUNS: Final = 14

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on the page; rows as the ``.sql`` files beside this one give them."""

    run: Mapping[str, Any]
    outcomes: Rows
    set_aside: Rows
    warnings: Rows
    shares: Rows
    steps: Rows
    trend: Rows
    compared: Rows
    #: open quarantine now: by stream, rule and status with ages, and the limits that it passes
    waiting: Rows
    limits: Mapping[str, Any]
    asked_at: datetime

    @property
    def days(self) -> str:
        """The run's working days; empty for a run that is about none (a replay)."""
        since, last = self.run["since"], self.run["until"] - timedelta(days=1)
        if last < since:
            return ""
        return f"{since:%Y-%m-%d}" if last == since else f"{since:%Y-%m-%d} – {last:%Y-%m-%d}"

    def total(self, name: str) -> int:
        """The sum of a column of the outcomes."""
        return sum(row[name] for row in self.outcomes)

    def share(self, what: str) -> Rows:
        """The parts of the run's days: ``attendance`` by status, ``visits`` by verdict."""
        return [row for row in self.shares if row["what"] == what]

    @property
    def writes(self) -> Mapping[str, Mapping[str, Any]]:
        """What the write-back step counted, by kind of record."""
        return self._counted("write_back")

    @property
    def batches(self) -> Sequence[int]:
        """The write batches, which can be taken back."""
        return [counts["batch"] for counts in self.writes.values() if counts.get("batch") is not None]

    @property
    def events(self) -> Mapping[str, Mapping[str, Any]]:
        """What the webhooks step counted, by endpoint."""
        return self._counted("webhooks")

    def _counted(self, step: str) -> Mapping[str, Mapping[str, Any]]:
        result = next((row["result"] for row in self.steps if row["step"] == step), None) or {}
        return {name: counts for name, counts in result.items() if isinstance(counts, Mapping)}

    @property
    def to_review(self) -> int:
        """Ids that waited for a person's decision when the run had loaded."""
        result = next((row["result"] for row in self.steps if row["step"] == "load"), None) or {}
        return int(result.get("to_review", 0))

    @property
    def published(self) -> Mapping[str, Mapping[str, Any]]:
        """What the publish step did, by joined table."""
        return next((row["result"] for row in self.steps if row["step"] == "publish"), None) or {}


def collect(engine: sa.Engine, settings: Settings, run_id: str) -> Facts:
    """Ask for everything in one read-only transaction; raises ConfigError when there is no such run."""
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.text("set transaction isolation level repeatable read, read only"))
        ledger.read_run(connection, run_id)
        run = connection.execute(sa.select(ops.run).where(ops.run.c.run_id == run_id)).mappings().one()

        def ask(name: str) -> Rows:
            query = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
            found = connection.execute(sa.text(query), {"run_id": run_id, "runs": RUNS})
            return [dict(row) for row in found.mappings()]

        return Facts(
            run=dict(run),
            outcomes=sorted(ask("outcomes"), key=lambda row: (_PLACE[row["stream"]], row["kind"])),
            set_aside=ask("set_aside"),
            warnings=ask("warnings"),
            shares=ask("shares"),
            steps=ask("steps"),
            trend=ask("trend"),
            compared=ask("compared"),
            waiting=ageing.report(connection),
            limits=ageing.waiting(connection, settings),
            asked_at=connection.execute(sa.select(sa.func.now())).scalar_one(),
        )
