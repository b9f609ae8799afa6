"""A small invented city, the same to the byte for the same options."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fieldwork.sandbox.company import Company, empty_tables

Faults = Literal["none", "usual", "storm"]


def generate(
    *,
    people: int = 60,
    days: int = 14,
    seed: int = 20261102,
    faults: Faults = "usual",
    start: date = date(2026, 11, 2),
    checkin_share: float = 0.3,
) -> Company:
    """Under construction: an empty company for now."""
    return Company("City", start, start, empty_tables())
