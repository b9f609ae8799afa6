"""A connection on which some schemas lie elsewhere: the same statements read and write other tables.

A rehearsal runs the very statements of the real thing, over temporary tables. Every statement of the connection has the
schema's name replaced before it is sent; a name in quotes (``"build"."person_day"``) is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

#: Where a transaction's own temporary tables are.
TEMPORARY: Final = "pg_temp"


def redirect(connection: sa.Connection, places: Mapping[str, str]) -> None:
    """From now on ``build.visit_check`` means ``pg_temp.visit_check`` when ``places`` is ``{"build": "pg_temp"}``."""
    names = re.compile(rf"(?<![\w.\"])({'|'.join(map(re.escape, places))})\.(?=\w)")

    def replaced(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        return names.sub(lambda found: f"{places[found[1]]}.", statement), parameters

    sa.event.listen(connection, "before_cursor_execute", replaced, retval=True)


def copy_empty(connection: sa.Connection, *tables: sa.Table) -> None:
    """Empty temporary tables of the same names and columns, with their primary keys; they end with the transaction."""
    for table in tables:
        connection.exec_driver_sql(
            f'create temporary table "{table.name}" (like "{table.schema}"."{table.name}" including defaults'
            " including indexes) on commit drop"
        )


def drop_temporary(connection: sa.Connection, *, but: frozenset[str]) -> None:
    """Drop the connection's temporary tables, those named in ``but`` left out."""
    found = connection.exec_driver_sql(
        "select relname from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r'"
    ).scalars()
    for name in sorted(set(found) - but):
        connection.exec_driver_sql(f'drop table pg_temp."{name}"')
