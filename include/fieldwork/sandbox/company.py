"""A company for the sandbox: what its attendance system and its CRM recorded, by stream.

Made by :mod:`fieldwork.sandbox.city` (invented) or :mod:`fieldwork.sandbox.files` (from CSV); the sandbox servers
serve it in the vendors' own shapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Company:
    """Records of one company over ``[since, until)``.

    ``tables`` has every stream of ``STREAMS``, perhaps without rows, in its canonical columns and types.
    ``truth`` holds ``attendance``, ``visits`` and ``checkins`` of an invented company (see
    :mod:`fieldwork.sandbox.city_truth`) and is empty for one read from files.
    ``roster`` holds the ``[[roster]]`` tables that the company's shifts need: scope, subject, from, shift.
    """

    name: str
    since: date
    until: date
    tables: dict[str, pa.Table]
    truth: dict[str, pa.Table] = field(default_factory=dict)
    roster: list[dict[str, Any]] = field(default_factory=list)


def overlay_toml(company: Company) -> str:
    """The company's shift plan as TOML, to be named in ``FIELDWORK_CONFIG``; empty when the shipped one holds.

    A list in an overlay replaces the shipped list, so the company's default shift is among the entries.
    """
    return "\n".join(_roster_entry(entry) for entry in company.roster)


def _roster_entry(entry: Mapping[str, Any]) -> str:
    lines = [f"{name} = {_toml_value(value)}" for name, value in entry.items()]
    return "\n".join(["[[roster]]", *lines, ""])


def _toml_value(value: object) -> str:
    """A TOML date or basic string (whose escapes are those of JSON)."""
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)
