"""Endpoints from Airflow connections and from the configuration, as Airflow's own hook gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fieldwork.orchestration.environment import environment
from fieldwork.settings import load
from tests.connectors.receiver import OLD, SECRET

from .airflow_process import run_python

CONNECTIONS = {
    "fieldwork_webhook": {
        "conn_type": "http", "host": "https://hooks.example.com/catch/1/?sig=a%2Bb", "password": SECRET,
        "extra": json.dumps({"old_secret": OLD, "kinds": ["visit"], "since": "2026-11-01", "verify": True}),
    },
    "fieldwork_webhook_esb": {"conn_type": "http", "host": "https://esb.example.com/in", "password": SECRET},
}  # fmt: skip
CONFIG = f"""
[[webhook]]
name = "esb"

[[webhook]]
name = "direct"
url = "https://direct.example.com/"
secrets = ["{SECRET}"]
"""
LOOK = """
from fieldwork import settings
from fieldwork.errors import ConfigError
from fieldwork.orchestration.environment import prepare_environment
from fieldwork.orchestration.webhooks import open_webhooks

here = settings.load()
prepare_environment(here)

def look(one):
    e = one.endpoint
    return [e.name, e.url, len(e.signers), sorted(e.fields), str(e.since), one._wire._base]

try:
    answer([look(one) for one in open_webhooks(here)])
except ConfigError as error:
    answer(str(error))
"""


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    def look(connections: dict[str, Any], config: str = "") -> Any:
        file, toml = tmp_path / "connections.json", tmp_path / "own.toml"
        file.write_text(json.dumps(connections), encoding="utf-8")
        toml.write_text(config, encoding="utf-8")
        mine = {"FIELDWORK_HOME": str(tmp_path), "FIELDWORK_CONNECTIONS": str(file), "FIELDWORK_CONFIG": str(toml)}
        return run_python(LOOK, tmp_path / "airflow", environment(load(mine), tmp_path / "airflow") | mine)

    return look


def test_connections_and_configuration_are_endpoints(opened: Any) -> None:
    both = ["performance", "visit"]
    assert opened(CONNECTIONS, CONFIG) == [
        ["esb", "https://esb.example.com/in", 1, both, "None", "/in"],
        ["direct", "https://direct.example.com/", 1, both, "None", "/"],
        [
            "default", "https://hooks.example.com/catch/1/?sig=a%2Bb", 2, ["visit"], "2026-11-01",
            "/catch/1/?sig=a%2Bb",
        ],
    ]  # fmt: skip


def test_a_connection_that_is_asked_for_must_be_there(opened: Any) -> None:
    assert "no Airflow connection fieldwork_webhook_esb for webhook esb" in opened({}, CONFIG)
