"""The plugin: a macro for templates, a button on our tasks, and one page that nobody sees who may not."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import psycopg
import pytest

from fieldwork.settings import ROOT
from fieldwork.warehouse import server
from tests.conftest import fresh_database
from tests.orchestration.airflow_process import run_python

RUN = "manual__2026-11-06T02:30:00+08:00/../<script>"
CODE = """
import os
from urllib.parse import quote
from airflow.sdk.execution_time import macros
from airflow.sdk.plugins_manager import integrate_macros_plugins
from airflow import plugins_manager

integrate_macros_plugins()
plugins, errors = plugins_manager._get_plugins()
(mine,) = [plugin for plugin in plugins if plugin.name == "fieldwork"]
quiet = [name for name in ("fastapi", "fieldwork.orchestration.pages", "jinja2.sandbox") if name in sys.modules][:1]

from airflow.utils.db import initdb
initdb()
from fastapi.testclient import TestClient
from airflow.api_fastapi.app import create_app

def told(reply):
    return [reply.status_code, dict(reply.headers), reply.text]

with TestClient(create_app(apps="core"), base_url="http://127.0.0.1", follow_redirects=False) as client:
    page = "/fieldwork/runs/" + quote(os.environ["RUN"], safe="")
    anonymous = [client.get(where).status_code for where in (page, "/fieldwork/runs/x", "/fieldwork/runs/..%2fx")]
    forged = client.get(page, headers={"Authorization": "Bearer x.y.z"}).status_code
    token = client.post("/auth/token", json={"username": "ann", "password": "secret"}).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    answers = [told(client.get(where)) for where in (
        page, "/fieldwork/runs/nothing", "/fieldwork/runs/..%2f..%2f..%2fetc%2fpasswd", "/fieldwork/docs",
        "/fieldwork/openapi.json", "/fieldwork/",
    )]
    posted = client.post(page).status_code

from fieldwork.orchestration.pages import build_app
app = build_app()
guarded = [bool(route.dependant.dependencies) for route in app.routes if hasattr(route, "dependant")]
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
dag = DagBag().dags["performance_daily"]
back = DagSerialization.from_dict(DagSerialization.to_dict(dag))
class Key:
    run_id = os.environ["RUN"]
link = mine.operator_extra_links[0]
from airflow.sdk.configuration import conf
conf.set("api", "base_url", "https://airflow.example.com/team/")
answer({
    "version": macros.fieldwork.version(),
    "errors": errors,
    "anonymous": anonymous, "forged": forged, "answers": answers, "posted": posted,
    "routes": [len(app.routes), guarded],
    "links": {t.task_id: t.extra_links for t in back.tasks if t.extra_links},
    "address": link.get_link(None, ti_key=Key), "page": page,
})
"""


@pytest.fixture(scope="module")
def found(pg_server: server.Server, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One api-server of Airflow's with the plugin, and a warehouse with one run whose id is an attack."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "passwords.json").write_text('{"ann": "secret"}')
    with fresh_database(pg_server) as url:
        with psycopg.connect(url) as connection:
            connection.execute(
                "insert into ops.run (run_id, since, until, as_of, streams, full_read, dry_run, state, started_at)"
                " values (%s, '2026-11-05', '2026-11-06', now(), '[]', false, false, 'done', now())",
                [RUN],
            )
        env = {
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "FIELDWORK_HOME": str(home / "home"),
            "FIELDWORK_WAREHOUSE_URL": url,
            "RUN": RUN,
        }
        return run_python(CODE, home / "home" / "airflow", env)


def test_it_loads_with_its_macro(found: Any) -> None:
    assert (found["version"], found["errors"]) == (importlib.metadata.version("fieldwork"), {})


def test_nobody_sees_the_page_who_has_not_logged_in(found: Any) -> None:
    assert found["anonymous"] == [401, 401, 401]
    assert found["forged"] in {401, 403}
    assert found["routes"] == [1, [True]]  # one route, and it asks


def test_who_may_sees_the_page_and_nothing_in_it_can_run(found: Any) -> None:
    status, headers, text = found["answers"][0]
    assert status == 200
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("frame-ancestors 'none'")
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "Daily run, 2026-11-05" in text
    assert "<script" not in text.lower() and "&lt;script&gt;" in text


def test_there_is_no_other_page_and_no_way_to_a_file(found: Any) -> None:
    assert [status for status, _, _ in found["answers"][1:]] == [404] * 5
    assert all("root:" not in text for _, _, text in found["answers"])
    assert found["posted"] == 405


def test_the_button_leads_to_the_page(found: Any) -> None:
    assert found["links"] == {"plan": ["Page of the run"], "finish": ["Page of the run"]}
    assert found["address"] == "/team" + found["page"]
