"""Airflow connections become connectors: session and address from ``HttpHook``, the system's name from extra.

A connection of type HTTP: host (and port, schema), login and password as the vendor calls them (app key and secret,
client id and secret), extra ``{"system": "dingtalk"}``. What Airflow's hook would add to every request by itself is
taken off again: Basic auth with the secret, and the whole extra as headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

if TYPE_CHECKING:
    import requests
    from sqlalchemy import URL

    from fieldwork.connectors.base import CrmTarget, Source

ATTENDANCE: Final = "fieldwork_attendance"
CRM: Final = "fieldwork_crm"
WAREHOUSE: Final = "fieldwork_warehouse"

#: What requests itself sends; all else on the hook's session comes from extra.
PLAIN_HEADERS: Final = {"user-agent", "accept", "accept-encoding", "connection"}


def open_source(settings: Settings, conn_id: str) -> Source:
    """The connection's system, for reading; raises ConfigError when connection or system is unknown."""
    from fieldwork.connectors.table import build_source

    return build_source(**_connect(conn_id), config=settings.config)


def open_target(settings: Settings, conn_id: str = CRM) -> CrmTarget:
    """The connection's system, for writing; raises ConfigError when it is unknown or is only read."""
    from fieldwork.connectors.table import build_target

    return build_target(**_connect(conn_id), config=settings.config)


def warehouse_url() -> str | None:
    """The URL of the Airflow connection ``fieldwork_warehouse``; None when there is none. Holds a password."""
    connection = find(WAREHOUSE)
    if connection is None:
        return None
    return _postgres(connection).render_as_string(hide_password=False)


def _connect(conn_id: str) -> dict[str, Any]:
    connection = find(conn_id)
    if connection is None:
        raise ConfigError(
            f"There is no Airflow connection {conn_id}.",
            todo='Add it to Airflow: type HTTP, host, login, password, and extra {"system": "<its name>"}.',
        )
    session, base_url = http(conn_id)
    system = connection.extra_dejson.get("system")
    if not isinstance(system, str):
        raise ConfigError(
            f"The Airflow connection {conn_id} does not say which system it is.",
            todo='Write the system\'s name into its extra, e.g. {"system": "dingtalk"}.',
        )
    return {
        "system": system,
        "session": session,
        "base_url": base_url,
        "login": connection.login or "",
        "password": connection.password or "",
    }


def http(conn_id: str) -> tuple[requests.Session, str]:
    """Session and address of a connection of type HTTP, by Airflow's hook."""
    from airflow.providers.http.hooks.http import HttpHook

    hook = HttpHook(http_conn_id=conn_id)
    session = _bare(hook.get_conn())
    return session, hook.base_url


def _bare(session: requests.Session) -> requests.Session:
    session.auth = None
    for name in [name for name in session.headers if name.lower() not in PLAIN_HEADERS]:
        del session.headers[name]
    return session


def find(conn_id: str) -> Any:
    """Airflow's connection, or None. Absence is one error inside of a task and another one outside."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError, ErrorType

    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    except AirflowRuntimeError as error:
        if error.error.error is ErrorType.CONNECTION_NOT_FOUND:
            return None
        raise


def _postgres(connection: Any) -> URL:
    from sqlalchemy import URL

    if connection.conn_type not in {"postgres", "postgresql"}:
        raise ConfigError(
            f"The Airflow connection {WAREHOUSE} is of type {connection.conn_type}.", todo="Make it type Postgres."
        )
    return URL.create(
        "postgresql",
        username=connection.login or None,
        password=connection.password or None,
        host=connection.host or None,
        port=connection.port,
        database=connection.schema or None,
        query={name: str(value) for name, value in connection.extra_dejson.items()},
    )
