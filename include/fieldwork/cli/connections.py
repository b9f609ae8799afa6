"""How the command line finds Airflow's connections without a scheduler."""

from __future__ import annotations

import os
from dataclasses import replace

from fieldwork.settings import Settings


def with_airflow_warehouse(settings: Settings) -> Settings:
    """The settings with the Airflow connection ``fieldwork_warehouse`` as the warehouse, where there is one.

    Airflow is imported (2 s) only when it may know one: an environment variable, its own config, or a file says so.
    """
    if settings.warehouse_url or not _airflow_may_know(settings):
        return settings
    from fieldwork.orchestration.environment import prepare_environment
    from fieldwork.orchestration.sessions import warehouse_url

    prepare_environment(settings)
    found = warehouse_url()
    return replace(settings, warehouse_url=found) if found else settings


def _airflow_may_know(settings: Settings) -> bool:
    name = "fieldwork_warehouse"
    file = settings.connections
    if file is not None and file.is_file() and name in file.read_text(encoding="utf-8"):
        return True
    return f"AIRFLOW_CONN_{name.upper()}" in os.environ or "AIRFLOW__SECRETS__BACKEND" in os.environ
