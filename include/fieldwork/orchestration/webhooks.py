"""The webhooks' endpoints from configuration and Airflow connections, ready to be called.

A connection of type HTTP: the whole address in host, the secret in password; in extra ``old_secret`` while the secret
is being replaced, and ``verify`` for a CA of your own. The connection ``fieldwork_webhook`` is an endpoint by itself,
named ``default``; its extra may hold what a ``[[webhook]]`` holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fieldwork.errors import ConfigError, FieldworkError
from fieldwork.orchestration import sessions
from fieldwork.settings import Settings
from fieldwork.steps.progress import Progress

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from fieldwork.connectors.webhook.endpoints import Entry
    from fieldwork.connectors.webhook.target import Webhook

#: Name of the endpoint that the connection ``fieldwork_webhook`` is without a word in the configuration.
DEFAULT: Final = "default"
#: What such a connection may say in extra; the rest of its extra is Airflow's.
_SAID: Final = ("kinds", "fields", "since", "media_type", "headers", "parallel")


def open_webhooks(settings: Settings) -> list[Webhook]:
    """All endpoints, none when none is configured; raises ConfigError that names the one at fault."""
    from fieldwork.connectors.webhook.endpoints import CONNECTION, entries

    found = entries(settings.config)
    if not any(one.connection == CONNECTION for one in found):
        found += _by_itself()
    return [_open(settings, one) for one in found]


@contextlib.contextmanager
def told_too(
    engine: Engine, settings: Settings, *, run_id: str, accept_mass_change: bool, progress: Progress
) -> Iterator[None]:
    """The endpoints are told too, after what is done meanwhile: a CRM that does not answer is no reason to keep its
    changes from the middleware; being told to stop is one. A wrong configuration is raised before.
    """
    from fieldwork.steps.webhooks import send_webhooks

    targets = open_webhooks(settings)

    def tell() -> None:
        send_webhooks(
            engine, settings, targets, run_id=run_id, accept_mass_change=accept_mass_change, progress=progress
        )

    try:
        yield
    except FieldworkError:
        tell()
        raise
    tell()


def _by_itself() -> list[Entry]:
    from fieldwork.connectors.webhook.endpoints import CONNECTION, entry

    connection = sessions.find(CONNECTION)
    if connection is None:
        return []
    said = {name: connection.extra_dejson[name] for name in _SAID if name in connection.extra_dejson}
    return [entry({"name": DEFAULT, "connection": CONNECTION, **said})]


def _open(settings: Settings, one: Entry) -> Webhook:
    import requests

    from fieldwork.connectors.webhook.endpoints import build

    if one.url is not None:
        return build(one, requests.Session(), one.url, one.secrets, settings.config)
    connection = sessions.find(one.connection)
    if connection is None:
        raise ConfigError(
            f"There is no Airflow connection {one.connection} for webhook {one.name}.",
            todo="Add it: type HTTP, host = the whole address, password = the secret.",
        )
    session, address = sessions.http(one.connection)
    secrets = [connection.password or "", str(connection.extra_dejson.get("old_secret") or "")]
    return build(one, session, address, secrets, settings.config)
