"""A company whose rows are spoilt, every stream by every rule that sets rows aside, and the way back."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.quality import suites
from fieldwork.sandbox.company import Company
from fieldwork.settings import ROOT, Settings
from fieldwork.steps.build import build
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.steps.publish import publish
from fieldwork.streams import INSTANT, MONEY, NUMBER, STREAMS
from tests.quality.examples import BAD, NOW

from .rows import RowSource

Row = dict[str, Any]
Rows = dict[str, list[Row]]
#: by stream: a row as it is now and as it should be
Pairs = dict[str, list[tuple[Row, Row]]]
SYSTEMS = {"attendance": "dingtalk", "crm": "salesforce"}
#: changes that need other rows, in the same list or loaded before
_NEEDS_OTHERS = ("twin", "number_kept")


def rows_of_company(company: Company) -> Rows:
    """The canonical rows of every stream; approvals and opportunities, of which there are few, several times."""
    rows = {name: company.tables[name].to_pylist() for name in STREAMS}
    for n in range(1, 5):
        later = timedelta(minutes=n)
        rows["leave"] += [
            {**row, "approval_id": f"{row['approval_id']}-{n}", "end_at": row["end_at"] + later}
            for row in company.tables["leave"].to_pylist()
        ]
        rows["opportunities"] += [
            {**row, "opportunity_id": f"{row['opportunity_id']}-{n}", "created_at": row["created_at"] + later}
            for row in company.tables["opportunities"].to_pylist()
        ]
    return rows


def spoilt(rows: Rows, count: int, seed: int, streams: Sequence[str] = tuple(STREAMS)) -> tuple[Rows, Pairs]:
    """A copy with ``count`` rows of these streams spoilt at random, and which they are.

    Every critical rule about rows comes at least once; owners and customers are made unknown by a name nobody has.
    """
    dice = random.Random(seed)
    ways = [(name, change) for name in streams for change in _ways(name)]
    now = {name: [dict(row) for row in rows[name]] for name in STREAMS}
    left = {name: dice.sample(range(len(rows[name])), len(rows[name])) for name in STREAMS}
    pairs: Pairs = {name: [] for name in STREAMS}
    planned = iter(ways)
    while sum(map(len, pairs.values())) < count:
        name, change = next(planned, None) or dice.choices(ways, [len(left[name]) for name, _ in ways])[0]
        at = next((at for at in left[name] if _breaks(change, rows[name][at])), None)
        if at is not None:
            left[name].remove(at)
            now[name][at] |= change
            pairs[name].append((now[name][at], rows[name][at]))
    return now, pairs


def _breaks(change: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Would the change make this row bad? Some rules compare two cells, and pass where one is unknown."""
    needs = {"actual_end": "actual_start", "currency": "amount", "latitude": "longitude", "longitude": "latitude"}
    wanted = [needs[name] for name in change if name in needs and needs[name] not in change]
    if row.get("deleted"):  # a deletion goes through whatever its times are
        return False
    if change.get("completed_at", 0) is None and row["status"] != "done":
        return False
    if change.get("closed_on", 0) is None and not row["is_won"]:
        return False
    return all(row[name] is not None for name in wanted)


def critical(name: str) -> set[str]:
    """The rules of a stream that set rows aside, as far as there is a bad example that can be read from a source."""
    rules = {rule.id.partition(".")[2]: rule for rule in suites.read(ROOT / "expectations", name).rules}
    broken = set().union(*(broken for change, broken in BAD[name] if not _needs_others(change)))
    return {f"{name}.{rule}" for rule in broken if rules[rule].severity == "critical"}


def _ways(name: str) -> list[dict[str, Any]]:
    """Changes that make a row of the stream bad, one or more for every critical rule about rows."""
    found = []
    for change, rules in BAD[name]:
        if _needs_others(change) or not {f"{name}.{rule}" for rule in rules} & critical(name):
            continue
        if "owner_known" in change:
            found.append({str(STREAMS[name].person): "nobody"})
        elif "account_known" in change:
            found.append({"account_id": "nowhere"})
        elif "day_agrees" in change:
            found.append({"work_date": date(2010, 1, 2)})
        else:
            found.append(_in_place(change))
    return found


def _needs_others(change: Mapping[str, Any]) -> bool:
    return any(one in (*change, *change.values()) for one in _NEEDS_OTHERS)


def _in_place(change: Mapping[str, Any]) -> dict[str, Any]:
    """An end before the example's start would not be one in another row: take one that is before all."""
    ends = {"planned_end", "actual_end", "end_at"}
    ancient = datetime(2010, 1, 2, tzinfo=UTC)
    return {
        n: ancient if n in ends and isinstance(v, datetime) and v < NOW and len(change) == 1 else v
        for n, v in change.items()
    }


def journey(
    engine: sa.Engine,
    settings: Settings,
    company: Company,
    rows: Rows,
    run_id: str,
    *,
    to: str,
    checked: Sequence[str] = tuple(STREAMS),
) -> None:
    """Extract, check these streams (the others are known to be good), load; ``publish`` builds and publishes too."""
    plan(engine, settings, run_id=run_id, since=company.since, until=company.until, as_of=NOW)
    sources = {side: RowSource(SYSTEMS[side], **{n: [rows[n]] for n in STREAMS}) for side in SYSTEMS}
    for name, stream in STREAMS.items():
        extract(engine, settings, sources[stream.side], run_id=run_id, stream=name)
    good = sa.text("update ops.batch set state = 'checked' where state = 'extracted' and stream <> all(:checked)")
    with engine.begin() as connection:
        connection.execute(good, {"checked": list(checked)})
    check(engine, settings, run_id=run_id)
    load(engine, settings, run_id=run_id)
    if to == "publish":
        joined(engine, settings, run_id)


def joined(engine: sa.Engine, settings: Settings, run_id: str) -> None:
    """Build and publish."""
    build(engine, settings, run_id=run_id)
    publish(engine, settings, run_id=run_id)


def mendings(engine: sa.Engine, pairs: Pairs) -> dict[int, Row]:
    """For every quarantined row that was spoilt: its number, and the cells as they should be."""
    found: dict[int, Row] = {}
    with engine.connect() as connection:
        for name, stream in STREAMS.items():
            lines = connection.execute(
                sa.text("select quarantine_id, payload from ops.quarantine where stream = :name"),
                {"name": name},
            ).all()
            numbers: dict[str, list[int]] = {}
            for line in lines:
                numbers.setdefault(_text(name, {c: line.payload[c] for c in stream.columns}), []).append(
                    line.quarantine_id
                )
            for bad, good in pairs[name]:
                for number in numbers.get(_text(name, {c: bad[c] for c in stream.columns}), []):
                    cells = {c: good[c] for c in stream.columns if bad[c] != good[c]}
                    found[number] = {c: None if v is None else str(v) for c, v in cells.items()} | {"parse_error": None}
    return found


def _text(name: str, row: dict[str, Any]) -> str:
    """A row or its payload as one text, so that one finds the other."""
    kinds = STREAMS[name].column_types
    return json.dumps({c: None if row[c] is None else _plain(kinds[c], row[c]) for c in kinds})


def _plain(kind: pa.DataType, value: Any) -> Any:
    if kind == INSTANT:
        return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(UTC).isoformat()
    if kind in (NUMBER, MONEY):
        return repr(float(value))
    return value if isinstance(value, bool) else str(value)


def mart(engine: sa.Engine, table: str) -> list[str]:
    """Every byte of a joined table but when it was published."""
    with engine.connect() as connection:
        query = f"select to_jsonb(t) - 'published_at' - 'believed_until' from mart.{table} as t order by 1"
        return [json.dumps(row, sort_keys=True) for row in connection.execute(sa.text(query)).scalars()]
