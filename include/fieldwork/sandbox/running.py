"""Both sandbox servers of one company, running in threads of this process, and what a test may do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fieldwork.sandbox.company import Company
from fieldwork.sandbox.dingtalk_app import DingTalkApp
from fieldwork.sandbox.faults import FaultyApp
from fieldwork.sandbox.salesforce_app import SalesforceApp
from fieldwork.sandbox.server import Server
from fieldwork.sandbox.state import Journal

#: The sandbox's credentials open nothing but the sandbox, on loopback.
APP_KEY: Final = "dingsandboxappkey"
APP_SECRET: Final = "sandbox-attendance-secret"  # noqa: S105
CLIENT_ID: Final = "3MVG9sandboxclient"
CLIENT_SECRET: Final = "sandbox-crm-secret"  # noqa: S105


@dataclass(slots=True)
class Sandbox:
    """Two running servers and what a test may do to them."""

    dingtalk: DingTalkApp
    salesforce: SalesforceApp
    attendance: FaultyApp
    crm: FaultyApp
    attendance_server: Server
    crm_server: Server
    app_key: str = APP_KEY
    app_secret: str = APP_SECRET
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET

    @property
    def attendance_url(self) -> str:
        return self.attendance_server.url

    @property
    def crm_url(self) -> str:
        return self.crm_server.url

    def inject(self, match: str, kind: str, *, after: int = 0, times: int = 1, **params: Any) -> None:
        """Spoil calls whose path holds ``match`` on both servers (see :mod:`fieldwork.sandbox.faults`)."""
        rule = {"match": match, "kind": kind, "after": after, "times": times, **params}
        self.attendance.inject([rule])
        self.crm.inject([rule])

    def clear(self) -> None:
        """Forget faults and counts."""
        self.attendance.clear()
        self.crm.clear()

    def calls(self) -> dict[str, int]:
        """Calls by path, of both servers."""
        return {**self.attendance.calls(), **self.crm.calls()}

    def records(self, name: str) -> list[dict[str, Any]]:
        """The CRM's records of an object, with Salesforce's field names and Python values."""
        return self.salesforce.records(name)

    def edit(self, name: str, identifier: str, **fields: Any) -> None:
        """A person edits a CRM record by hand; raises LookupError when the CRM refuses."""
        self.salesforce.edit(name, identifier, fields)

    def purge(self, name: str, *identifiers: str) -> None:
        """CRM records vanish for good: deleted, and the recycle bin emptied."""
        self.salesforce.purge(name, identifiers)

    def remove(self, identifier: str) -> None:
        """A person deletes a CRM record by hand; raises LookupError when the CRM refuses."""
        self.salesforce.remove(identifier)

    def load(self, company: Company) -> None:
        """The company's next state: both systems serve it from now on; writes to the CRM stay on top."""
        self.dingtalk.load(company)
        self.salesforce.load(company)

    def stop(self) -> None:
        """Close both ports."""
        self.attendance_server.stop()
        self.crm_server.stop()


def start(
    company: Company,
    *,
    rate: float = 0,
    latency_ms: int = 0,
    state: Path | None = None,
    ports: tuple[int, int] = (0, 0),
    faults: Sequence[Mapping[str, Any]] = (),
) -> Sandbox:
    """Start both servers on loopback; ``state`` keeps what is written to the CRM, ports of 0 are chosen freely."""
    journal = Journal(state / "salesforce.jsonl" if state else None)
    dingtalk = DingTalkApp(company, app_key=APP_KEY, app_secret=APP_SECRET, rate=rate)
    salesforce = SalesforceApp(company, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, journal=journal)
    attendance, crm = FaultyApp(dingtalk), FaultyApp(salesforce)
    attendance_server = Server(attendance, port=ports[0], latency_ms=latency_ms)
    crm_server = Server(crm, port=ports[1], latency_ms=latency_ms)
    salesforce.door.instance_url = crm_server.url
    attendance.inject(faults)
    crm.inject(faults)
    attendance_server.start()
    crm_server.start()
    return Sandbox(dingtalk, salesforce, attendance, crm, attendance_server, crm_server)
