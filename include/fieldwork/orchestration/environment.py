"""Airflow, told by Fieldwork's settings: environment variables that must stand before Airflow is imported.

For the command line, the demo and tests, which bring an Airflow of their own (SQLite metadata in the state
directory). A company's Airflow is configured by its own people and needs nothing from here.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
from pathlib import Path

from fieldwork.errors import ConfigError
from fieldwork.settings import ROOT, Settings


def airflow_home(settings: Settings) -> Path:
    """Where our own Airflow keeps its metadata and logs."""
    return settings.home / "airflow"


def environment(settings: Settings, home: Path | None = None) -> dict[str, str]:
    """Variables for a process that runs Airflow with these settings; ``home`` defaults to :func:`airflow_home`.

    Give them to a child (``airflow standalone``) beside its inherited ones, or to :func:`prepare_environment`. Your
    own FIELDWORK_CONFIG is inherited, or stands in the profile.
    """
    home = home or airflow_home(settings)
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": _fernet_key(home),
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": str(settings.time_zone),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "FIELDWORK_HOME": str(settings.home),
        "FIELDWORK_IDENTITY": str(settings.identity_file),
        "FIELDWORK_EXPECTATIONS": str(settings.expectations),
    }
    maybe = {
        "FIELDWORK_CONNECTIONS": settings.connections,
        "FIELDWORK_WAREHOUSE_URL": settings.warehouse_url,
        "FIELDWORK_NOW": settings.fixed_now.isoformat() if settings.fixed_now else None,
        "FIELDWORK_POSTGRES_USER": settings.postgres_user,
        "FIELDWORK_FAILPOINT": settings.failpoint,
    }
    variables |= {name: str(value) for name, value in maybe.items() if value is not None}
    if settings.connections is not None:
        variables["AIRFLOW__SECRETS__BACKEND"] = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
        variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps({"connections_file_path": str(settings.connections)})
    return variables


def _fernet_key(home: Path) -> str:
    """What our own Airflow encrypts connections with: made once, readable by this user alone."""
    path, draft = home / "fernet.key", home / f"fernet.{os.getpid()}"
    if not path.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
        with contextlib.suppress(FileExistsError):  # whole or not at all; another process may have been faster
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text(encoding="ascii")


def prepare_environment(settings: Settings, home: Path | None = None) -> None:
    """Put :func:`environment` into this process, for a command that reads Airflow's connections without a task.

    A variable that is set already stays: inside a company's Airflow we change nothing. Outside of a task Airflow looks
    for connections in variables and the secrets backend only; the process context ``server`` adds its metadata.
    Raises ConfigError when Airflow is loaded already without these variables: it reads them once.
    """
    wanted = {name: value for name, value in environment(settings, home).items() if name not in os.environ}
    if "airflow" in sys.modules and any(name.startswith("AIRFLOW") for name in wanted):
        raise ConfigError(
            "Airflow was loaded before Fieldwork could tell it where things are.",
            todo="Call prepare_environment before anything imports airflow.",
        )
    os.environ.update(wanted)
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
