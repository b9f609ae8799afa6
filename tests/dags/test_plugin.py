"""The plugin loads with Airflow, gives templates its macro, and adds no page that anyone could open."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from fieldwork.settings import ROOT
from tests.orchestration.airflow_process import run_python

CODE = """
from airflow.sdk.execution_time import macros
from airflow.sdk.plugins_manager import integrate_macros_plugins
from airflow import plugins_manager

integrate_macros_plugins()
plugins, errors = plugins_manager._get_plugins()
mine = [plugin for plugin in plugins if plugin.name == "fieldwork"]
answer({
    "version": macros.fieldwork.version(),
    "errors": errors,
    "pages": [[len(p.fastapi_apps), len(p.external_views), len(p.flask_blueprints), len(p.listeners)] for p in mine],
})
"""


def test_the_plugin_gives_a_macro_and_nothing_else(tmp_path: Path) -> None:
    found = run_python(CODE, tmp_path / "airflow", {"AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins")})
    assert found == {"version": importlib.metadata.version("fieldwork"), "errors": {}, "pages": [[0, 0, 0, 0]]}
