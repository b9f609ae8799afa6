"""What the suite of each dataset may name: columns and parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from fieldwork.streams import STREAMS
from fieldwork.warehouse import staging
from fieldwork.warehouse.schema import mart

from . import batch_day, batch_field, joined, parameters
from .suites import ABOUT_BATCHES


def columns(dataset: str) -> dict[str, bool]:
    """The columns that the suite of a dataset may name; true where null is possible."""
    found: Iterable[sa.ColumnElement[Any]]
    if dataset in STREAMS:
        found = staging.table(STREAMS[dataset], 0).columns
    elif dataset == "days":
        found = batch_day.judged([]).selected_columns
    elif dataset == "fields":
        found = batch_field.judged([]).selected_columns
    else:
        found = joined.rows_of(mart.BUILD[dataset]).selected_columns
    return {str(column.key): getattr(column, "nullable", True) is not False for column in found}


def told(dataset: str) -> tuple[str, ...]:
    """The names that ``{"$PARAMETER": name}`` may hold in the suite of a dataset."""
    if dataset in STREAMS:
        return parameters.OF_STREAMS
    return {"days": parameters.OF_DAYS, "fields": ()}.get(dataset, parameters.OF_JOINED)


def is_counted(dataset: str) -> bool:
    """Whether the suite must say how many rows there should be: any rule about rows passes on an empty table."""
    return dataset not in ABOUT_BATCHES
