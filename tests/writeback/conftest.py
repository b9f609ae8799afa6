"""What the tests of this room share: one database, emptied for each test, and retries without waiting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text

from fieldwork.settings import Settings, merge
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server

_FILLED = (
    "core.crm_user, mart.visit_check, mart.performance_day, ops.run, ops.step, ops.outbox, ops.receipt, ops.conflict, "
    "ops.write_batch, ops.write_mark, ops.write_owner, ops.audit_log"
)


@pytest.fixture(scope="session")
def database_url(pg_server: server.Server) -> Iterator[str]:
    """libpq URL of a migrated database that these tests share."""
    name = f"w{os.getpid()}"
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template_fieldwork")
        yield pg_server.url(name)
        connection.execute(f"drop database if exists {name} with (force)")


@pytest.fixture(scope="session")
def shared(database_url: str) -> Iterator[Engine]:
    """An engine on it."""
    engine = engine_module.connect(make_url(database_url).set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()


def empty(engine: Engine) -> None:
    """Nothing was published or written yet."""
    with engine.begin() as connection:
        connection.execute(text(f"truncate {_FILLED} restart identity"))


@pytest.fixture
def warehouse(shared: Engine) -> Engine:
    """The shared database, emptied of what these tests fill."""
    empty(shared)
    return shared


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nothing is waited for between tries."""
    return replace(settings, config=merge(settings.config, {"write_back": {"retry_seconds": 0}}))
