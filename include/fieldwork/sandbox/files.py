"""A company as a directory of CSV files, one a stream (``punches.csv``), in the canonical columns of DESIGN §5.

A missing file or column means that nothing is known of it. ``company.toml`` beside them is optional: name, since and
until of the company, and the ``[[roster]]`` of its shifts. The truth about an invented company goes into files of
its own, ``truth_*.csv``, which the sandbox never serves.
"""

from __future__ import annotations

import json
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.errors import ConfigError
from fieldwork.sandbox import typed_csv
from fieldwork.sandbox.city_truth import TRUTH
from fieldwork.sandbox.company import Company, overlay_toml
from fieldwork.streams import STREAMS

_ABOUT: Final = "company.toml"
_ZONE: Final = "Asia/Shanghai"


def read_company(directory: Path) -> Company:
    """The company in this directory; without ``company.toml`` its days are those of its punches and visits.

    Raises ConfigError that names file, line and column.
    """
    if not directory.is_dir():
        raise ConfigError(f"There is no directory {directory}.", todo="Name a directory of CSV files.")
    tables = {name: _read_stream(directory, name) for name in STREAMS}
    about = _about(directory / _ABOUT)
    first, last = _span(tables)
    since = about.get("since", first)
    until = about.get("until", last and last + timedelta(days=1))
    if since is None or until is None:
        raise ConfigError(
            f"{directory} has no punches and no visits, so it has no days.",
            todo=f"Add punches.csv or visits.csv, or say since and until in {_ABOUT}.",
        )
    return Company(about.get("name", directory.name), since, until, tables, {}, about.get("roster", []))


def write_company(company: Company, directory: Path) -> None:
    """Write what :func:`read_company` reads; the directory is made."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, table in company.tables.items():
        typed_csv.write(table, directory / f"{name}.csv")
    about = (
        f"name = {json.dumps(company.name, ensure_ascii=False)}\n"
        f"since = {company.since}\nuntil = {company.until}\n\n{overlay_toml(company)}"
    )
    (directory / _ABOUT).write_text(about, encoding="utf-8")


def write_truth(company: Company, directory: Path) -> None:
    """Write the truth tables; raises ConfigError for a company of which it is not known."""
    if not company.truth:
        raise ConfigError(
            f"Nobody knows the truth about {company.name}.", todo="Only an invented company has it: generate one."
        )
    directory.mkdir(parents=True, exist_ok=True)
    for name, table in company.truth.items():
        typed_csv.write(table, _truth_file(directory, name))


def read_truth(directory: Path) -> dict[str, pa.Table]:
    """The truth tables, see :mod:`fieldwork.sandbox.city_truth`; raises ConfigError when one is missing."""
    missing = [name for name in TRUTH if not _truth_file(directory, name).is_file()]
    if missing:
        raise ConfigError(
            f"There is no {_truth_file(directory, missing[0])}.", todo="Export the sandbox with its truth first."
        )
    return {name: typed_csv.read(_truth_file(directory, name), schema) for name, schema in TRUTH.items()}


def _truth_file(directory: Path, name: str) -> Path:
    return directory / f"truth_{name}.csv"


def _read_stream(directory: Path, name: str) -> pa.Table:
    path = directory / f"{name}.csv"
    schema = pa.schema(list(STREAMS[name].column_types.items()))
    return typed_csv.read(path, schema) if path.is_file() else schema.empty_table()


def _about(path: Path) -> dict[str, Any]:
    """``company.toml`` with its values checked; empty when there is none."""
    if not path.is_file():
        return {}
    try:
        about = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigError(f"{path.name} is not TOML.", todo="Mend it, or delete it: it is optional.") from None
    kinds = {"name": str, "since": date, "until": date, "roster": list}
    wrong = [name for name, kind in kinds.items() if name in about and not isinstance(about[name], kind)]
    if wrong:
        raise ConfigError(
            f"{path.name}: {wrong[0]} is not of the right kind.",
            todo='Write name = "…", since = 2026-11-02, until = 2026-11-16 and [[roster]] tables.',
        )
    return about


def _span(tables: dict[str, pa.Table]) -> tuple[date | None, date | None]:
    """First and last working day with a punch or a planned visit."""
    punches, visits = tables["punches"], tables["visits"]
    days = [
        pc.coalesce(punches["work_date"], _local_date(punches["punched_at"])),
        _local_date(visits["planned_start"]),
    ]
    ends = [pc.min_max(column).as_py() for column in days]
    first = min((end["min"] for end in ends if end["min"] is not None), default=None)
    last = max((end["max"] for end in ends if end["max"] is not None), default=None)
    return first, last


def _local_date(instants: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.local_timestamp(instants.cast(pa.timestamp("us", tz=_ZONE))).cast(pa.date32(), safe=False)
