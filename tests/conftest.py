"""What every test may ask for: a real warehouse, settings of its own, nothing of the machine's."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from fieldwork import settings as settings_module
from fieldwork.settings import Settings
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import migrate, server

_counter = itertools.count(1)
_TEMPLATE = "template_fieldwork"


@pytest.fixture(scope="session")
def pg_home() -> Iterator[Path]:
    """State directory of the one embedded server that all tests share."""
    home = Path(tempfile.mkdtemp(prefix="fieldwork-tests-"))
    home.chmod(0o755)

    def gone() -> None:
        server.remove(home)
        shutil.rmtree(home, ignore_errors=True)

    atexit.register(gone)
    yield home
    gone()
    atexit.unregister(gone)


@pytest.fixture(scope="session")
def pg_server(pg_home: Path) -> server.Server:
    """The shared server with one migrated template database.

    It does not wait for the disk: we kill processes, which takes nothing that was written, and cut no power.
    """
    here = server.start(pg_home)
    with psycopg.connect(here.url("postgres"), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"alter system set {setting} = off")
        connection.execute("select pg_reload_conf()")
        connection.execute(f"create database {_TEMPLATE}")
    engine = engine_module.connect(make_url(here.url(_TEMPLATE)).set(drivername="postgresql+psycopg"))
    migrate.upgrade(engine)
    engine.dispose()
    return here


@contextlib.contextmanager
def fresh_database(pg_server: server.Server, template: str = _TEMPLATE) -> Iterator[str]:
    """libpq URL of a fresh migrated database, dropped afterwards; for fixtures of a wider scope than one test.

    ``template``: the name of another database that nobody is connected to, to begin with what it holds.
    """
    name = f"t{os.getpid()}_{next(_counter)}"
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template} strategy file_copy")
        yield pg_server.url(name)
        connection.execute(f"drop database if exists {name} with (force)")


@pytest.fixture
def database_url(pg_server: server.Server) -> Iterator[str]:
    """libpq URL of a fresh migrated database, dropped afterwards."""
    with fresh_database(pg_server) as url:
        yield url


@pytest.fixture(scope="module")
def shared_warehouse(pg_server: server.Server) -> Iterator[Engine]:
    """An engine on one fresh database for all tests of a module: they read what one of their fixtures wrote."""
    with fresh_database(pg_server) as url:
        engine = engine_module.connect(make_url(url).set(drivername="postgresql+psycopg"))
        yield engine
        engine.dispose()


@pytest.fixture
def warehouse(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh migrated database."""
    engine = engine_module.connect(make_url(database_url).set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Defaults, a state directory of the test's own, and the fresh database as the warehouse."""
    return settings_module.load({"FIELDWORK_HOME": str(tmp_path / "home"), "FIELDWORK_WAREHOUSE_URL": database_url})
