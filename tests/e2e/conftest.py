"""The whole journey: a small city served in a process of its own, and `fieldwork` commands run against it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest

from fieldwork import settings as settings_module
from fieldwork.orchestration.environment import environment as airflow_environment
from fieldwork.sandbox import up as sandbox

from .forked import command, fork_server

SINCE, UNTIL = "2026-11-02", "2026-11-06"
#: Everything of the joined dataset that facts decide; when a row was published is not among it.
DIGESTS = {
    table: "select md5(string_agg(r::text, '|' order by r::text)), count(*) "
    f"from (select {columns} from mart.{table}) as r"
    for table, columns in {
        "attendance_day": "employee_id, work_date, shift, first_in, last_out, worked_minutes, late_minutes, "
        "early_minutes, overtime_minutes, leave_minutes, status, anomalies",
        "visit_check": "employee_id, visit_id, work_date, record_id, minutes_off, round(distance_m::numeric, 3), "
        "verdict, reason, signals, stayed_minutes, stayed_at_most_minutes",
        "unmatched_check_in": "employee_id, record_id, work_date, visit_id, account_id, round(distance_m::numeric, 3), "
        "reason, signals",
        "performance_day": "employee_id, work_date, team, status, visits_planned, visits_done, visits_verified, "
        "tasks_due, tasks_on_time, follow_ups, opportunities_created, amount_won, performance_index",
    }.items()
}


#: What a record of the CRM says about its writes, not about the work.
PASSING = {"SystemModstamp", "LastModifiedDate", "Id", "CreatedDate", "Fieldwork_Write__c"}


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> ForkServerContext:
    """The fork server with Airflow and Great Expectations imported; connections come by environment variables."""
    settings = settings_module.load({"FIELDWORK_HOME": str(tmp_path_factory.mktemp("zygote"))})
    told = {name: value for name, value in airflow_environment(settings).items() if name.startswith("AIRFLOW")}
    return fork_server(told | {"_AIRFLOW_PROCESS_CONTEXT": "server", "GX_ANALYTICS_ENABLED": "False"})


@dataclass
class Journey:
    """One state directory: a sandbox, a warehouse, and the commands that a person would give."""

    home: Path
    database_url: str
    context: ForkServerContext
    crm_url: str
    attendance_url: str
    environment: dict[str, str] = field(default_factory=dict)

    def fieldwork(self, *arguments: str, **environment: str) -> int:
        """Run a command; its exit code."""
        base = {
            "FIELDWORK_HOME": str(self.home),
            "FIELDWORK_WAREHOUSE_URL": self.database_url,
            "FIELDWORK_CONFIG": str(self.home / "sandbox" / "company.toml"),
            "FIELDWORK_NOW": "2026-11-08T02:30:00+08:00",
            "FIELDWORK_FAILPOINT": "",
        }
        connections = json.loads((self.home / "sandbox" / "connections.json").read_text())
        base |= {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
        return command(self.context, arguments, base | self.environment | environment, self.home / "log")

    def run(self, *more: str, **environment: str) -> int:
        """The whole journey over the city's days."""
        return self.fieldwork("run", "--since", SINCE, "--until", UNTIL, *more, **environment)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of a query."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]

    def mart(self) -> dict[str, tuple[Any, ...]]:
        """Digest and count of each joined table."""
        return {table: self.ask(query)[0] for table, query in DIGESTS.items()}

    def crm(self) -> list[dict[str, Any]]:
        """What stands in the CRM: the performance records and our fields of the visits, by id."""
        told = [
            {k: v for k, v in record.items() if k not in PASSING}
            for name in ("Daily_Performance__c", "Event")
            for record in _control(self.crm_url, "GET", f"records?object={name}")
        ]
        return sorted(told, key=str)

    def edit(self, name: str, identifier: str, **fields: Any) -> None:
        """Change a record by Salesforce's own API."""
        connection = json.loads((self.home / "sandbox" / "connections.json").read_text())["fieldwork_crm"]
        form = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": connection["login"],
                "client_secret": connection["password"],
            }
        )
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        token = json.loads(_ask(self.crm_url, "POST", "/services/oauth2/token", form, kind))["access_token"]
        path = f"/services/data/v62.0/sobjects/{name}/{identifier}"
        _ask(self.crm_url, "PATCH", path, json.dumps(fields), {"Authorization": f"Bearer {token}"})

    def said(self) -> str:
        """What the commands printed so far."""
        return (self.home / "log").read_text()

    def inject(self, **rule: Any) -> None:
        """Spoil coming calls of both servers."""
        for url in (self.attendance_url, self.crm_url):
            _control(url, "POST", "faults", [rule])

    def clear(self) -> None:
        """Forget all faults."""
        for url in (self.attendance_url, self.crm_url):
            _control(url, "DELETE", "faults")


def _control(url: str, method: str, what: str, body: Any = None) -> Any:
    """Ask or tell the control API of a sandbox server."""
    return json.loads(_ask(url, method, f"/_sandbox/{what}", json.dumps(body), {"Content-Type": "application/json"}))


def _ask(url: str, method: str, path: str, body: str, headers: dict[str, str]) -> bytes:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=5)
    try:
        connection.request(method, path, body.encode(), headers)
        answer = connection.getresponse()
        assert answer.status in (200, 204), path
        return answer.read()
    finally:
        connection.close()


@pytest.fixture
def journey(tmp_path: Path, database_url: str, zygote: ForkServerContext) -> Iterator[Journey]:
    """A fresh city of twelve people and four days, with a fresh warehouse."""
    home = tmp_path / "home"
    running = sandbox.up(home, people=12, days=4, faults="usual", rate=0)
    yield Journey(home, database_url, zygote, running.crm_url, running.attendance_url)
    sandbox.down(home)
