"""The sandbox's Bulk API 2.0, asked by an independent client and by bare requests."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from simple_salesforce.exceptions import SalesforceOperationError

from fieldwork.sandbox.running import Sandbox
from fieldwork.sandbox.up import serving

from .small import ACCOUNTS, USERS, company, visits
from .test_salesforce_server import DATA, Client, independent

INGEST = f"{DATA}/jobs/ingest"
JOB = {"object": "Daily_Performance__c", "operation": "upsert", "externalIdFieldName": "External_Id__c"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serving(company(crm_users=USERS, accounts=ACCOUNTS, visits=visits(5))) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


class TestIndependentClient:
    def test_upserts_and_reads_every_rows_fate(self, sandbox: Sandbox) -> None:
        crm = independent(sandbox).bulk2.Daily_Performance__c
        given = [
            {"External_Id__c": "1:d", "Visits_Done__c": 3, "Work_Date__c": "2026-11-02"},
            {"External_Id__c": "2:d", "Visits_Done__c": "many", "Work_Date__c": "2026-11-02"},
            {"External_Id__c": "3:d", "Visits_Done__c": 5, "Work_Date__c": "#N/A"},
        ]
        (done,) = crm.upsert(records=given, external_id_field="External_Id__c", wait=0.01)
        assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 1)
        good = rows(crm.get_successful_records(done["job_id"]))
        bad = rows(crm.get_failed_records(done["job_id"]))
        assert [(row["External_Id__c"], row["sf__Created"]) for row in good] == [("3:d", "true"), ("1:d", "true")]
        assert [row["External_Id__c"] for row in bad] == ["2:d"]
        assert bad[0]["sf__Error"].startswith("INVALID_TYPE_ON_FIELD_IN_RECORD:Visits_Done__c")
        assert rows(crm.get_unprocessed_records(done["job_id"])) == []
        held = {row["External_Id__c"]: row for row in sandbox.records("Daily_Performance__c")}
        assert {key: row["Visits_Done__c"] for key, row in held.items()} == {"1:d": 3, "3:d": 5}
        assert held["3:d"]["Work_Date__c"] is None

    def test_updates_by_id_and_deletes(self, sandbox: Sandbox) -> None:
        crm = independent(sandbox).bulk2.Event
        crm.update(records=[{"Id": "00U0001", "Checkin_Reason__c": 'said "so", twice'}], wait=0.01)
        assert {r["Id"]: r["Checkin_Reason__c"] for r in sandbox.records("Event")}["00U0001"] == 'said "so", twice'
        crm.delete(records=[{"Id": "00U0002"}], wait=0.01)
        assert [r["Id"] for r in sandbox.records("Event") if r["IsDeleted"]] == ["00U0002"]

    def test_an_unknown_column_fails_the_whole_job(self, sandbox: Sandbox) -> None:
        with pytest.raises(SalesforceOperationError, match="Field name not found : Nope__c"):
            independent(sandbox).bulk2.Daily_Performance__c.upsert(
                records=[{"External_Id__c": "1:d", "Nope__c": 1}], external_id_field="External_Id__c", wait=0.01
            )
        assert sandbox.records("Daily_Performance__c") == []


class TestLife:
    def make(self, client: Client, **more: str) -> dict[str, Any]:
        return dict(client.ask("POST", INGEST, json={**JOB, **more}).json())

    def fill(self, client: Client, job: str, text: str) -> int:
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        return client.ask("PUT", f"{INGEST}/{job}/batches", data=text.encode(), headers=headers).status_code

    def turn(self, client: Client, job: str, state: str) -> int:
        return client.ask("PATCH", f"{INGEST}/{job}", json={"state": state}).status_code

    def test_nothing_runs_before_the_upload_is_said_to_be_complete(self, sandbox: Sandbox, client: Client) -> None:
        job = self.make(client)
        assert (job["state"], job["contentType"], job["object"]) == ("Open", "CSV", "Daily_Performance__c")
        assert self.fill(client, job["id"], "External_Id__c\n1:d\n") == 201
        states = [client.ask("GET", f"{INGEST}/{job['id']}").json()["state"]]
        assert sandbox.records("Daily_Performance__c") == []
        self.turn(client, job["id"], "UploadComplete")
        states += [client.ask("GET", f"{INGEST}/{job['id']}").json()["state"] for _ in range(2)]
        assert states == ["Open", "InProgress", "JobComplete"]
        assert len(sandbox.records("Daily_Performance__c")) == 1

    def test_one_upload_a_job_and_an_aborted_one_never_runs(self, sandbox: Sandbox, client: Client) -> None:
        job = self.make(client)["id"]
        assert self.fill(client, job, "External_Id__c\n1:d\n") == 201
        assert self.fill(client, job, "External_Id__c\n2:d\n") == 400
        assert self.turn(client, job, "Aborted") == 200
        assert self.turn(client, job, "UploadComplete") == 400
        assert client.ask("GET", f"{INGEST}/{job}").json()["state"] == "Aborted"
        assert client.ask("DELETE", f"{INGEST}/{job}").status_code == 204
        assert client.ask("GET", f"{INGEST}/{job}").status_code == 404
        assert sandbox.records("Daily_Performance__c") == []

    def test_a_job_that_stops_names_the_rows_it_did_not_come_to(self, sandbox: Sandbox, client: Client) -> None:
        sandbox.salesforce.jobs.stop_after = 1
        job = self.make(client)["id"]
        self.fill(client, job, "External_Id__c\n1:d\n2:d\n")
        self.turn(client, job, "UploadComplete")
        states = [client.ask("GET", f"{INGEST}/{job}").json()["state"] for _ in range(2)]
        left = client.ask("GET", f"{INGEST}/{job}/unprocessedrecords/").text
        assert (states[-1], rows(left)) == ("Failed", [{"External_Id__c": "2:d"}])

    @pytest.mark.parametrize(
        "more",
        [{"object": "Nope"}, {"operation": "merge"}, {"externalIdFieldName": "Visits_Done__c"}, {"lineEnding": "CR"}],
    )
    def test_a_job_that_cannot_be(self, client: Client, more: dict[str, str]) -> None:
        answer = client.ask("POST", INGEST, json={**JOB, **more})
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOB")

    def test_other_delimiters_and_line_ends(self, sandbox: Sandbox, client: Client) -> None:
        job = self.make(client, columnDelimiter="SEMICOLON", lineEnding="CRLF")["id"]
        self.fill(client, job, 'External_Id__c;Attendance_Status__c\r\n1:d;"a;b"\r\n')
        self.turn(client, job, "UploadComplete")
        for _ in range(2):
            client.ask("GET", f"{INGEST}/{job}")
        (record,) = sandbox.records("Daily_Performance__c")
        assert record["Attendance_Status__c"] == "a;b"
