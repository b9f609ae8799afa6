"""Bring a warehouse's schema to this version, or ask where it stands.

Alembic migrates the tables. Views, functions, comments on schemas and the reading role are made anew after every
migration from the files of ``REPEATED``: they hold no data, so the files say what is, not what changed.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from .schema import SCHEMAS

#: Scripts that run after every migration; the newest migration names their hash.
REPEATED: Final = (
    "plans.sql", "views_visit.sql", "views.sql", "totals.sql",
    "as_of.sql", "explanations.sql", "explain.sql", "roles.sql",
)  # fmt: skip
#: Any number that no other program locks; two migrations at once wait for each other.
LOCK = 7_263_109


def config() -> Config:
    """Alembic's configuration, without a file."""
    alembic = Config()
    alembic.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return alembic


def head() -> str:
    """The newest revision that this version of Fieldwork knows."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def version(engine: Engine) -> str | None:
    """The revision that the warehouse stands at; None = no schema yet."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": "ops"})
        try:
            return context.get_current_revision()
        except ProgrammingError:
            return None


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate up, in one transaction; a second call, or one at the same time, changes nothing."""
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        alembic = config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
        for name, comment in SCHEMAS.items():
            connection.exec_driver_sql(f"comment on schema {name} is '{comment}'")
        for script in REPEATED:
            statements = files(__package__).joinpath(script).read_text(encoding="utf-8")
            connection.exec_driver_sql(statements.replace("%", "%%"))  # the driver looks for placeholders
