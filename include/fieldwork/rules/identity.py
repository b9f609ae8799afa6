"""Who is who: links from outside ids to persons (``ref.identity``), made by rules in order of trust.

The attendance system's people found the persons; CRM users are linked by employee number, then e-mail, then mobile,
then the manual file. A rule that matches two persons makes no link: a wrong link is worse than none, and rows of an
unlinked user wait in quarantine.
"""

from __future__ import annotations

import csv
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError

#: Links that hold from the beginning start here.
BEGINNING: Final = date(1900, 1, 1)
FILE_COLUMNS: Final = ("system", "external_id", "employee_id", "valid_from", "valid_to")


def found_people(connection: sa.Connection, system: str, newcomers: sa.Select[Any]) -> int:
    """Give every newcomer (``user_id, employee_no, hired_on``) an ``employee_id``; returns how many were new."""
    connection.execute(
        sa.text("create temporary table newcomer (user_id text, employee_no text, hired_on date) on commit drop")
    )
    table = sa.table("newcomer", *(sa.column(name) for name in ("user_id", "employee_no", "hired_on")))
    connection.execute(sa.insert(table).from_select(["user_id", "employee_no", "hired_on"], newcomers))
    return connection.execute(_sql("identity_people.sql"), {"system": system, "beginning": BEGINNING}).rowcount


def link_crm_users(connection: sa.Connection, manual: Path) -> int:
    """Link CRM users that have no link yet; returns how many new links were made. Raises ConfigError."""
    made = connection.execute(_sql("identity_crm.sql"), {"beginning": BEGINNING}).rowcount
    rows = read_manual(manual)
    if rows:
        made += connection.execute(_sql("identity_file.sql"), rows).rowcount
    connection.execute(_sql("identity_note.sql"))
    return made


def note_missing(connection: sa.Connection, system: str) -> int:
    """Note who is missing from the full read in ``incoming``, and who is back; returns how many changed."""
    return connection.execute(_sql("identity_missing.sql"), {"system": system}).rowcount


def read_manual(path: Path) -> list[dict[str, Any]]:
    """The manual links of ``identity.csv``; raises ConfigError that names the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}.", todo="Check FIELDWORK_IDENTITY.") from None
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != FILE_COLUMNS:
        raise ConfigError(f"{path} has other columns.", todo=f"Its first line must be {','.join(FILE_COLUMNS)}.")
    rows = []
    for line in reader:
        try:
            rows.append(
                {
                    "system": _given(line, "system"),
                    "external_id": _given(line, "external_id"),
                    "employee_id": _given(line, "employee_id"),
                    "valid_from": date.fromisoformat(line["valid_from"]) if line["valid_from"] else BEGINNING,
                    "valid_to": date.fromisoformat(line["valid_to"]) if line["valid_to"] else None,
                }
            )
        except (ValueError, TypeError):
            raise ConfigError(
                f"{path}, line {reader.line_num}: a needed cell is empty or a date is not YYYY-MM-DD.",
                todo="Mend the line; valid_from and valid_to may be empty.",
            ) from None
    return rows


def _given(line: dict[str, str], column: str) -> str:
    value = (line[column] or "").strip()
    if not value:
        raise ValueError(column)
    return value


def _sql(name: str) -> sa.TextClause:
    return sa.text(files(__package__).joinpath(name).read_text(encoding="utf-8"))
