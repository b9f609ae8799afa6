"""The sandbox's two servers and connectors onto them, for tests that take the whole way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from fieldwork import settings
from fieldwork.connectors.base import Source
from fieldwork.connectors.dingtalk import DingTalkSource
from fieldwork.connectors.dingtalk import client as dingtalk_client
from fieldwork.connectors.dingtalk import options as dingtalk_options
from fieldwork.connectors.salesforce import SalesforceSource, SalesforceTarget
from fieldwork.connectors.salesforce import client as salesforce_client
from fieldwork.connectors.salesforce import options as salesforce_options
from fieldwork.connectors.transport import Limits
from fieldwork.sandbox.city import generate
from fieldwork.sandbox.company import Company
from fieldwork.sandbox.up import Sandbox, serving
from fieldwork.streams import STREAMS, Window

from .loopback import transport

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_QUICK = Limits(connect_s=2, read_s=1, total_s=10)


@cache
def company() -> Company:
    """Twelve people over five days, without planted faults."""
    return generate(people=12, days=5, faults="none")


@contextmanager
def city() -> Iterator[Sandbox]:
    with serving(company()) as sandbox:
        yield sandbox


def config(over: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return settings.merge(settings.load({}).config, over or {})


def dingtalk(sandbox: Sandbox, over: Mapping[str, Any] | None = None) -> DingTalkSource:
    out = transport(sandbox.attendance_url, limits=_QUICK, system="DingTalk")
    client = dingtalk_client.DingTalkClient(out, sandbox.app_key, sandbox.app_secret)
    return DingTalkSource(client, dingtalk_options.options(config(over)))


def salesforce(sandbox: Sandbox, over: Mapping[str, Any] | None = None) -> SalesforceSource:
    return SalesforceSource(_salesforce_client(sandbox), salesforce_options.options(config(over)))


def salesforce_target(sandbox: Sandbox, over: Mapping[str, Any] | None = None) -> SalesforceTarget:
    return SalesforceTarget(_salesforce_client(sandbox), salesforce_options.options(config(over)))


def _salesforce_client(sandbox: Sandbox) -> salesforce_client.SalesforceClient:
    out = transport(sandbox.crm_url, limits=_QUICK, system="Salesforce")
    return salesforce_client.SalesforceClient(out, sandbox.client_id, sandbox.client_secret)


def window(stream: str) -> Window:
    """All that the company has of the stream."""
    end = datetime.combine(company().until, time(), _SHANGHAI) + timedelta(days=20)
    start = datetime.combine(company().since, time(), _SHANGHAI) - timedelta(days=20)
    return Window(start if STREAMS[stream].cursor == "window" else None, end.astimezone(UTC))


def read(source: Source, stream: str) -> list[dict[str, Any]]:
    """The stream's rows by key; remarks left out when there are none."""
    table = pa.Table.from_batches(source.read(stream, window(stream)), schema=STREAMS[stream].schema)
    rows: list[dict[str, Any]] = table.to_pylist()
    return sorted(rows, key=lambda row: str(row[STREAMS[stream].key]))
