"""Published rows, endpoints that lead to receivers on loopback, and the step that connects them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import sqlalchemy as sa

from fieldwork.connectors.webhook.endpoints import build, entry
from fieldwork.connectors.webhook.target import Webhook
from fieldwork.settings import Settings, merge
from fieldwork.steps.webhooks import send_webhooks
from fieldwork.warehouse.engine import connect
from fieldwork.warehouse.schema import core, mart, ops, webhooks
from fieldwork.warehouse.server import Server
from tests.conftest import _TEMPLATE as TEMPLATE
from tests.connectors.receiver import SECRET, Receiver
from tests.writeback import crm

DAY = date(2026, 11, 3)
#: Waits that a test can afford.
QUICK = {
    "retry_seconds": [0.02, 0.05, 0.1],
    "run_minutes": 0.1,
    "allow_networks": ["127.0.0.0/8"],
    "answer_seconds": 2,
}

_minutes = count(1)


@contextmanager
def shared_database(server: Server) -> Iterator[tuple[sa.Engine, str]]:
    """A migrated database for many tests; each begins with :func:`emptied`. One for each would cost more."""
    name = f"webhooks_{os.getpid()}_{next(_minutes)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(f"create database {name} template {TEMPLATE}")
        engine = connect(sa.make_url(server.url(name)).set(drivername="postgresql+psycopg"))
        yield engine, server.url(name)
        engine.dispose()
        admin.execute(f"drop database {name} with (force)")


def emptied(engine: sa.Engine) -> None:
    """Nothing published, nothing sent, no run."""
    tables = [*mart.JOINED, core.crm_user, ops.run, ops.step, ops.audit_log]
    tables += [webhooks.endpoint, webhooks.mark, webhooks.event]
    with engine.begin() as connection:
        connection.exec_driver_sql(f"truncate {', '.join(table.fullname for table in tables)}")


def quick(settings: Settings, **more: Any) -> Settings:
    """The settings with short waits; ``more`` goes into ``[webhooks]``."""
    return replace(settings, config=merge(settings.config, {"webhooks": QUICK | more}))


def endpoint(here: Receiver, settings: Settings, name: str = "n8n", **more: Any) -> Webhook:
    """An endpoint that leads to the receiver."""
    import requests

    return build(entry({"name": name, **more}), requests.Session(), here.url, [SECRET], settings.config)


def published(engine: sa.Engine, people: int = 1, days: int = 1) -> None:
    """So many people with a person-day on each of so many days from the third of November on."""
    for n in range(people):
        for day in range(days):
            crm.day(engine, f"E{n + 1}", DAY + timedelta(days=day))


def later() -> datetime:
    """An instant after all publications so far."""
    return crm.NOW + timedelta(minutes=next(_minutes))


def republish(engine: sa.Engine, employee_id: str, work_date: date = DAY, **values: Any) -> None:
    """A person-day is published anew with other values."""
    d = mart.performance_day.c
    with engine.begin() as connection:
        connection.execute(
            sa.update(mart.performance_day)
            .where(d.employee_id == employee_id, d.work_date == work_date)
            .values(published_at=later(), **values)
        )


def send(engine: sa.Engine, settings: Settings, *targets: Webhook, run_id: str = "", **more: Any) -> dict[str, Any]:
    """The step, as part of a run that is planned here unless it is given."""
    run = run_id or crm.run(engine, f"run-{next(_minutes)}")
    return send_webhooks(engine, settings, targets, run_id=run, **more)


def events(engine: sa.Engine, **where: Any) -> list[Mapping[str, Any]]:
    """The events in order."""
    query = sa.select(webhooks.event).filter_by(**where).order_by(webhooks.event.c.event_id)
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())


def standing(engine: sa.Engine, name: str = "n8n") -> Mapping[str, Any]:
    """What is noted about the endpoint."""
    query = sa.select(webhooks.endpoint).filter_by(endpoint=name)
    with engine.connect() as connection:
        return connection.execute(query).mappings().one()
