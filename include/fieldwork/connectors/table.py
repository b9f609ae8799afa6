"""The systems we speak to: name -> how its source, and its target if it has one, is made.

A connection (Airflow's, or a file's) gives session, address, login and password; the settings give the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from fieldwork.connectors import dingtalk, salesforce
from fieldwork.connectors.base import CrmTarget, Source
from fieldwork.connectors.dingtalk import client as dingtalk_client
from fieldwork.connectors.dingtalk import options as dingtalk_options
from fieldwork.connectors.rate import Budget
from fieldwork.connectors.salesforce import client as salesforce_client
from fieldwork.connectors.salesforce import options as salesforce_options
from fieldwork.connectors.transport import Transport
from fieldwork.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Connection:
    """How a system is reached; ``config`` is the whole configuration."""

    session: requests.Session
    base_url: str
    login: str = field(repr=False)
    password: str = field(repr=False)
    config: Mapping[str, Any] = field(repr=False)

    def transport(self, system: str, calls_per_second: float) -> Transport:
        """The way out, with the system's own budget of calls."""
        return Transport(self.session, self.base_url, system=system, budget=Budget(calls_per_second))


@dataclass(frozen=True, slots=True)
class System:
    """What can be made of a connection."""

    source: Callable[[Connection], Source]
    target: Callable[[Connection], CrmTarget] | None = None


def _dingtalk_source(connection: Connection) -> Source:
    options = dingtalk_options.options(connection.config)
    transport = connection.transport("DingTalk", options.calls_per_second)
    client = dingtalk_client.DingTalkClient(transport, connection.login, connection.password)
    return dingtalk.DingTalkSource(client, options)


def _salesforce(connection: Connection) -> tuple[salesforce_client.SalesforceClient, salesforce_options.Options]:
    options = salesforce_options.options(connection.config)
    transport = connection.transport("Salesforce", options.calls_per_second)
    return salesforce_client.SalesforceClient(transport, connection.login, connection.password), options


SYSTEMS: Final[Mapping[str, System]] = {
    "dingtalk": System(_dingtalk_source),
    "salesforce": System(
        lambda connection: salesforce.SalesforceSource(*_salesforce(connection)),
        lambda connection: salesforce.SalesforceTarget(*_salesforce(connection)),
    ),
}


def build_source(
    system: str, *, session: requests.Session, base_url: str, login: str, password: str, config: Mapping[str, Any]
) -> Source:
    """A source; raises ConfigError for an unknown system, a bad address or a bad setting. Nothing is sent yet."""
    return _system(system).source(Connection(session, base_url, login, password, config))


def build_target(
    system: str, *, session: requests.Session, base_url: str, login: str, password: str, config: Mapping[str, Any]
) -> CrmTarget:
    """A target; raises ConfigError like :func:`build_source`, and for a system that is only read."""
    make = _system(system).target
    if make is None:
        raise ConfigError(f"Nothing is written to {system}.", todo=f"Choose among: {', '.join(_writable())}.")
    return make(Connection(session, base_url, login, password, config))


def _system(name: str) -> System:
    try:
        return SYSTEMS[name]
    except KeyError:
        raise ConfigError(f"There is no system {name!r}.", todo=f"Choose among: {', '.join(SYSTEMS)}.") from None


def _writable() -> list[str]:
    return [name for name, system in SYSTEMS.items() if system.target is not None]
