"""Look over the suites of a folder before they judge anything: what Great Expectations does not understand, and what it
would understand and yet be a mistake here. Every problem is listed, with its file and rule.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fieldwork.errors import ConfigError
from fieldwork.streams import STREAMS
from fieldwork.warehouse import staging

from . import breaker, datasets, gx
from .suites import ABOUT_BATCHES, DATASETS, SEVERITIES

#: What our own part of an expectation may hold.
_META: Final = {"rule", "reason", "held", "null_passes"}
_PARTS: Final = {"type", "kwargs", "severity", "description", "meta", "id", "notes"}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_COLUMNS: Final = ("column", "column_A", "column_B", "column_list", "column_set")
_ROW_COUNT: Final = "expect_table_row_count_to_be_between"
_NOT_NULL: Final = "expect_column_values_to_not_be_null"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: in which file, of which rule (its id, or which expectation it is), and what is wrong."""

    file: str
    rule: str
    problem: str


def lint(directory: Path) -> list[Finding]:
    """Every problem of the suites in the folder, file by file; none means that they can judge."""
    if not directory.is_dir():
        raise ConfigError(f"There is no folder {directory}.", todo="Name the folder that holds the suites.")
    names = {path.stem for path in directory.glob("*.json")}
    found = [Finding(f"{name}.json", "", "there is no such file") for name in DATASETS if name not in names]
    for name in sorted(names, key=lambda name: (name not in DATASETS, name)):
        found += lint_file(directory / f"{name}.json")
    return found


def lint_file(path: Path, dataset: str = "") -> list[Finding]:
    """Every problem of one file, which is the suite of ``dataset`` (default: of what it is named after)."""
    dataset = dataset or path.stem
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        expectations = document["expectations"]
        entries = [entry for entry in expectations if isinstance(entry, dict)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [Finding(path.name, "", f"it is no suite: an object with name, expectations and meta ({_why(error)})")]
    if dataset not in DATASETS:
        return [Finding(path.name, "", f"there is no dataset {dataset}; there are {', '.join(DATASETS)}")]
    found = [Finding(path.name, "", problem) for problem in _of_suite(dataset, document, entries)]
    if len(entries) < len(expectations):
        found.append(Finding(path.name, "", "an expectation is no object"))
    for number, entry in enumerate(entries, start=1):
        meta = entry.get("meta")
        given = meta.get("rule") if isinstance(meta, dict) else None
        rule = given if isinstance(given, str) else f"expectation {number}"
        found += [Finding(path.name, rule, problem) for problem in _of_rule(dataset, entry, entries)]
    return found


# --- the suite as a whole


def _of_suite(dataset: str, document: dict[str, Any], entries: list[dict[str, Any]]) -> Iterator[str]:
    if document.get("name") != dataset:
        yield f"its name is not {dataset}"
    ids = Counter(str(_meta(entry).get("rule")) for entry in entries if "rule" in _meta(entry))
    yield from (f"two rules are called {rule}" for rule, times in ids.items() if times > 1)
    if datasets.is_counted(dataset) and not any(_counts_rows(entry) for entry in entries):
        yield f"no critical {_ROW_COUNT} with a min_value: every rule about rows passes on an empty table"


def _counts_rows(entry: dict[str, Any]) -> bool:
    critical = entry.get("severity", "critical") == "critical"
    return entry.get("type") == _ROW_COUNT and critical and _kwargs(entry).get("min_value") is not None


# --- one rule


def _of_rule(dataset: str, entry: dict[str, Any], entries: list[dict[str, Any]]) -> Iterator[str]:
    yield from _of_our_part(dataset, entry)
    yield from _of_names(dataset, entry)
    if entry.get("type") == "unexpected_rows_expectation":
        yield "it would bring whole rows out of the warehouse: say it as a rule about columns"
        return
    try:
        understood = gx.understand(_for_gx(entry))
    except ConfigError as error:
        yield f"Great Expectations: {error.happened}"
        return
    if dataset in ABOUT_BATCHES and understood.about != "rows":
        yield "it is about a whole table: days and fields are judged row by row"
    if entry.get("severity", "critical") == "critical" and understood.about == "rows":
        if dataset in STREAMS and not understood.finds_rows:
            yield "it is critical, but Great Expectations cannot name the rows that break it: make it a warning"
        yield from _of_nulls(dataset, entry, entries)
    elif _meta(entry).get("held") is True:
        yield "only a critical rule about rows can hold them: take held away"


def _of_our_part(dataset: str, entry: dict[str, Any]) -> Iterator[str]:
    meta = entry.get("meta")
    if not isinstance(meta, dict) or not isinstance(meta.get("rule"), str):
        yield f'it has no id: give it "meta": {{"rule": "{dataset}.some_name", "reason": "…"}}'
    else:
        head, _, name = meta["rule"].partition(".")
        if head != dataset or not _NAME.fullmatch(name):
            yield f"its id is not {dataset}. and a name in small letters, digits and _"
        elif name in breaker.DESCRIPTIONS and dataset in STREAMS:
            yield "this id is taken: it is a rule of the circuit breaker"
        yield from (f"meta.{key} is unknown; there are {', '.join(sorted(_META))}" for key in meta.keys() - _META)
        yield from (f"meta.{key} is not true or false" for key in ("held", "null_passes") if _is_odd_flag(meta, key))
        if not isinstance(meta.get("reason"), str) or not meta["reason"]:
            yield "it has no meta.reason: the words for a row that breaks it"
    if entry.get("severity") not in SEVERITIES:
        yield f"its severity is none of {', '.join(SEVERITIES)}"
    if not isinstance(entry.get("description"), str) or not entry["description"]:
        yield "it has no description: what it expects, in a sentence for people"
    yield from (f"{part} is no part of an expectation" for part in entry.keys() - _PARTS)


def _of_names(dataset: str, entry: dict[str, Any]) -> Iterator[str]:
    """Columns and parameters that there are not."""
    known = datasets.columns(dataset)
    named = [name for key in _COLUMNS for name in _listed(_kwargs(entry).get(key))]
    condition = _kwargs(entry).get("row_condition")
    if isinstance(condition, str):
        yield "its row_condition is a text: write it as GX's object (type, column, operator, parameter)"
    named += _columns_within(condition)
    yield from (f"{dataset} has no column {name}" for name in dict.fromkeys(named) if name not in known)
    told = datasets.told(dataset)
    for name in dict.fromkeys(_parameters_within(_kwargs(entry))):
        if name not in told:
            yield f"there is no parameter {name} for {dataset}; there are {', '.join(told) or 'none'}"
    if list(_parameters_within(condition)):
        yield "GX puts no parameters into a row_condition"


def _of_nulls(dataset: str, entry: dict[str, Any], entries: list[dict[str, Any]]) -> Iterator[str]:
    """GX passes over nulls: where that is meant, the rule says so; else another rule sees to them."""
    kwargs = _kwargs(entry)
    if _meta(entry).get("null_passes") is True or "null" in str(entry.get("type")) or "ignore_row_if" in kwargs:
        return
    column = kwargs.get("column")
    if not isinstance(column, str) or column in staging.ANNOTATIONS or not datasets.columns(dataset).get(column, True):
        return
    if not any(other.get("type") == _NOT_NULL and _kwargs(other).get("column") == column for other in entries):
        yield f'it passes where {column} is null: add {_NOT_NULL}, or say "null_passes": true in meta if that is meant'


# --- reading JSON that may be anything


def _for_gx(entry: dict[str, Any]) -> dict[str, Any]:
    return {part: value for part, value in entry.items() if part in ("type", "kwargs", "meta", "severity")} | {
        "kwargs": _kwargs(entry),
        "type": str(entry.get("type")),
    }


def _meta(entry: dict[str, Any]) -> dict[str, Any]:
    meta = entry.get("meta")
    return meta if isinstance(meta, dict) else {}


def _kwargs(entry: dict[str, Any]) -> dict[str, Any]:
    kwargs = entry.get("kwargs")
    return kwargs if isinstance(kwargs, dict) else {}


def _is_odd_flag(meta: dict[str, Any], key: str) -> bool:
    return key in meta and not isinstance(meta[key], bool)


def _listed(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _columns_within(condition: Any) -> list[str]:
    if isinstance(condition, list):
        return [name for part in condition for name in _columns_within(part)]
    if not isinstance(condition, dict):
        return []
    column = condition.get("column")
    mine = [column["name"]] if isinstance(column, dict) and isinstance(column.get("name"), str) else []
    return mine + [name for key, part in condition.items() if key != "column" for name in _columns_within(part)]


def _parameters_within(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$PARAMETER"), str):
            yield value["$PARAMETER"]
        for part in value.values():
            yield from _parameters_within(part)
    elif isinstance(value, list):
        for part in value:
            yield from _parameters_within(part)


def _why(error: Exception) -> str:
    return f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else type(error).__name__
