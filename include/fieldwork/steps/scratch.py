"""Compute joined rows that nobody sees: the statements of build over temporary tables, rolled back at the end.

How a rebuild or a changed rule would change the joined dataset is computed for real, never guessed; what was found is
compared with what is published (``difference``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.warehouse.elsewhere import TEMPORARY, copy_empty, drop_temporary, redirect
from fieldwork.warehouse.schema import mart

from .build import choose, compute, open_days, tune
from .difference import DIFFERENCE

#: The run that scratch rows belong to; no row of it is ever committed.
RUN: Final = "scratch"
#: Temporary tables that outlive one computation of days.
KEPT: Final = frozenset({DIFFERENCE.name, "concerned_day"})


@contextlib.contextmanager
def scratch(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that is rolled back, in which the tables of ``build`` are temporary ones."""
    with engine.connect() as connection:
        transaction = connection.begin()
        redirect(connection, {"build": TEMPORARY})
        tune(connection)
        DIFFERENCE.create(connection)
        try:
            yield connection
        finally:
            transaction.rollback()


def compute_days(
    connection: sa.Connection, *asked: tuple[str, dict[str, Any]], keep: frozenset[str] = frozenset()
) -> int:
    """Joined rows of the asked person-days and those linked to them; returns how many person-days.

    ``asked``: statements that fill ``asked_day``, with their parameters. Temporary tables of an earlier call are
    dropped, those named in ``KEPT`` and ``keep`` left out.
    """
    drop_temporary(connection, but=KEPT | keep)
    copy_empty(connection, mart.build_person_day, *mart.BUILD.values())
    open_days(connection)
    for statement, parameters in asked:
        connection.execute(sa.text(statement), parameters)
    days = choose(connection, RUN)
    compute(connection, RUN)
    return days
