"""The tables of ``docs/data-dictionary.md``, written from the comments in a migrated warehouse.

``python -m fieldwork.warehouse.dictionary`` asks the warehouse that the settings name (the embedded one when nothing
is set) and writes the page again. Views are told too, and only the database knows their columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.settings import ROOT

from .engine import open_engine
from .schema import SCHEMAS

PAGE: Final = ROOT / "docs" / "data-dictionary.md"
#: What people look things up in, the analysts' part first. ``build`` and ``staging`` repeat the columns of others.
SHOWN: Final = ("report", "mart", "core", "place", "ref", "ops")
#: What stands above and below the generated part of the page.
BEGIN: Final = "<!-- tables: written by `python -m fieldwork.warehouse.dictionary`, do not edit -->\n"
END: Final = "<!-- end of tables -->\n"

HISTORY: Final = "_history"


def tables(engine: sa.Engine) -> str:
    """One heading a schema, one Markdown table for each of its tables and views."""
    query = files(__package__).joinpath("dictionary.sql").read_text(encoding="utf-8")
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query), {"schemas": list(SHOWN)}).all()
    relations = {name: list(columns) for name, columns in groupby(rows, key=lambda row: (row.schema, row.name))}
    parts = []
    for schema in SHOWN:
        parts.append(f"## `{schema}`\n\n{SCHEMAS[schema]}.")
        parts += [_relation(name, relations) for name in relations if name[0] == schema]
    return "\n\n".join(parts) + "\n"


def fill(page: str, engine: sa.Engine) -> str:
    """The page with its generated part made anew."""
    above, _, rest = page.partition(BEGIN)
    _, _, below = rest.partition(END)
    return f"{above}{BEGIN}\n{tables(engine)}\n{END}{below}"


def _relation(name: tuple[str, str], relations: dict[tuple[str, str], list[sa.Row[Any]]]) -> str:
    schema, table = name
    columns: Sequence[sa.Row[Any]] = relations[name]
    lines = [f"### `{schema}.{table}`", "", f"{columns[0].comment}."]
    origin = (schema, table.removesuffix(HISTORY))
    if origin != name and origin in relations:
        known = {column.column_name for column in relations[origin]}
        columns = [column for column in columns if column.column_name not in known]
        lines[-1] += f" The columns of `{'.'.join(origin)}`, and:"
    return "\n".join([*lines, "", "| column | type | meaning |", "|---|---|---|", *_lines(columns)])


def _lines(columns: Iterable[sa.Row[Any]]) -> Iterable[str]:
    for column in columns:
        kind = f"{column.type}, key" if column.is_key else column.type
        if column.may_be_null:
            kind += ", may be null"
        meaning = (column.column_comment or "").replace("|", "\\|")
        yield f"| `{column.column_name}` | {kind} | {meaning} |"


def main() -> None:
    """Write the page again."""
    engine = open_engine(settings_module.load())
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), engine), encoding="utf-8")


if __name__ == "__main__":
    main()
