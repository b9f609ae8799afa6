"""A company as a directory of CSV files, one a stream."""

from __future__ import annotations

from pathlib import Path

from fieldwork.sandbox.company import Company


def read_company(directory: Path) -> Company:
    """Under construction."""
    raise NotImplementedError


def write_company(company: Company, directory: Path) -> None:
    """Under construction."""
    raise NotImplementedError
