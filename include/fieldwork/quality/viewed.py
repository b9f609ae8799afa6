"""A view in ``staging`` for the length of a check: GX judges whole tables, and we want it to judge some rows."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa


@contextlib.contextmanager
def view(engine: sa.Engine, what: str, run_id: str, rows: sa.Select[Any]) -> Iterator[str]:
    """The name of a view of ``rows``; one that a killed check of the same run left is replaced."""
    name = f"{what}_{hashlib.sha256(run_id.encode()).hexdigest()[:16]}"
    made = sa.CreateView(rows, name, metadata=sa.MetaData(), schema="staging", or_replace=True)
    with engine.begin() as connection:
        connection.execute(sa.DropView(made.table, if_exists=True))  # it may have had other columns
        connection.execute(made)
    try:
        yield name
    finally:
        with contextlib.suppress(sa.exc.OperationalError), engine.begin() as connection:
            connection.execute(sa.DropView(made.table, if_exists=True))
