"""Salesforce's sandbox over HTTP, asked by an independent client and by bare requests."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from simple_salesforce import Salesforce, SalesforceMalformedRequest

from fieldwork.sandbox.running import Sandbox, start
from fieldwork.sandbox.up import serving

from .small import ACCOUNTS, USERS, at, company, visits

DATA = "/services/data/v62.0"
KEY = "Daily_Performance__c/External_Id__c"


class _ToSandbox(HTTPAdapter):
    """simple-salesforce knows https alone: lead it to the sandbox."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        path = request.url.split("://", 1)[1].split("/", 1)[1]
        request.url = f"{self._url}/{path}"
        return super().send(request, *args, **kwargs)


def independent(sandbox: Sandbox) -> Salesforce:
    session = requests.Session()
    session.mount("https://", _ToSandbox(sandbox.crm_url))
    return Salesforce(
        consumer_key=sandbox.client_id, consumer_secret=sandbox.client_secret, domain="acme.my", session=session,
        version="62.0",
    )  # fmt: skip


class Client:
    """Bare requests with one token."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.crm_url
        form = {
            "grant_type": "client_credentials", "client_id": sandbox.client_id, "client_secret": sandbox.client_secret,
        }  # fmt: skip
        self.login = requests.post(f"{self.url}/services/oauth2/token", data=form, timeout=5).json()
        self.headers = {"Authorization": f"Bearer {self.login['access_token']}"}

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=10, **more)

    def query(self, text: str, every: str = "query", **more: Any) -> dict[str, Any]:
        return dict(self.ask("GET", f"{DATA}/{every}", params={"q": text}, **more).json())

    def upsert(self, *records: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
        typed = [{"attributes": {"type": "Daily_Performance__c"}, **record} for record in records]
        body = {"allOrNone": all_or_none, "records": typed}
        return list(self.ask("PATCH", f"{DATA}/composite/sobjects/{KEY}", json=body).json())

    def update(self, *records: dict[str, Any], kind: str = "Event") -> list[dict[str, Any]]:
        typed = [{"attributes": {"type": kind}, **record} for record in records]
        return list(self.ask("PATCH", f"{DATA}/composite/sobjects", json={"records": typed}).json())


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serving(company(crm_users=USERS, accounts=ACCOUNTS, visits=visits(450))) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox)


class TestIndependentClient:
    def test_reads_pages_and_deletes(self, sandbox: Sandbox) -> None:
        crm = independent(sandbox)
        text = "SELECT Id, Owner.Email FROM Event ORDER BY SystemModstamp, Id"
        found = crm.query_all(text)
        assert found["totalSize"] == 450
        assert [row["Id"] for row in found["records"]] == [f"00U{i:04d}" for i in range(450)]
        assert found["records"][0]["Owner"]["Email"] == "a@example.cn"
        assert crm.Event.describe()["name"] == "Event"
        assert "DailyApiRequests" in crm.limits()

    def test_writes(self, sandbox: Sandbox) -> None:
        crm = independent(sandbox)
        record = {"attributes": {"type": "Daily_Performance__c"}, "External_Id__c": "1:2026-11-02", "Visits_Done__c": 3}
        results = crm.restful(f"composite/sobjects/{KEY}", method="PATCH", json={"records": [record]})
        assert [(row["success"], row["created"]) for row in results] == [(True, True)]
        assert crm.Daily_Performance__c.get_by_custom_id("External_Id__c", "1:2026-11-02")["Visits_Done__c"] == 3
        assert crm.Daily_Performance__c.upsert("External_Id__c/1:2026-11-02", {"Visits_Done__c": 4}) == 200
        assert crm.Event.update("00U0001", {"Checkin_Reason__c": "ok"}) == 204
        assert crm.Event.get("00U0001")["Checkin_Reason__c"] == "ok"

    def test_its_errors_are_the_ones_it_knows(self, sandbox: Sandbox) -> None:
        with pytest.raises(SalesforceMalformedRequest) as refused:
            independent(sandbox).query("SELECT Nope FROM Event")
        assert refused.value.content[0]["errorCode"] == "INVALID_FIELD"

    def test_logs_in_again_when_the_session_ends(self, sandbox: Sandbox) -> None:
        crm = independent(sandbox)
        sandbox.inject("/query", "token_expire")
        assert crm.query("SELECT COUNT() FROM Event")["totalSize"] == 450
        assert sandbox.calls()["/services/oauth2/token"] == 2


class TestDoor:
    def test_the_token_says_where_to_go(self, sandbox: Sandbox, client: Client) -> None:
        assert client.login["instance_url"] == sandbox.crm_url
        assert client.login["token_type"] == "Bearer"
        assert "expires_in" not in client.login

    def test_credentials_as_http_basic(self, sandbox: Sandbox) -> None:
        answer = requests.post(
            f"{sandbox.crm_url}/services/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=HTTPBasicAuth(sandbox.client_id, sandbox.client_secret),
            timeout=5,
        )
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"client_secret": "x"}, "invalid_client"),
            ({"client_id": "x"}, "invalid_client_id"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
        ],
    )
    def test_wrong_credentials_get_an_object(self, sandbox: Sandbox, change: dict[str, str], error: str) -> None:
        form = {
            "grant_type": "client_credentials", "client_id": sandbox.client_id, "client_secret": sandbox.client_secret,
        } | change  # fmt: skip
        answer = requests.post(f"{sandbox.crm_url}/services/oauth2/token", data=form, timeout=5)
        assert (answer.status_code, answer.json()["error"]) == (400, error)

    def test_calls_need_a_token_and_say_the_usage(self, sandbox: Sandbox, client: Client) -> None:
        refused = requests.get(f"{sandbox.crm_url}{DATA}/limits", headers={"Authorization": "Bearer no"}, timeout=5)
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
        allowed = client.ask("GET", f"{DATA}/limits/")
        assert allowed.headers["Sforce-Limit-Info"].startswith("api-usage=1/")
        versions = requests.get(f"{sandbox.crm_url}/services/data/", timeout=5)
        assert "Sforce-Limit-Info" not in versions.headers
        assert "62.0" in [row["version"] for row in versions.json()]

    def test_the_days_calls_can_run_out(self, sandbox: Sandbox, client: Client) -> None:
        sandbox.salesforce.door.allowed = 1
        assert client.ask("GET", f"{DATA}/limits").status_code == 200
        refused = client.ask("GET", f"{DATA}/limits")
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")

    @pytest.mark.parametrize(
        "path", ["/services/data/v1.0/limits", f"{DATA}/nothing", f"{DATA}/sobjects/Nope/describe"]
    )
    def test_unknown_resources(self, client: Client, path: str) -> None:
        answer = client.ask("GET", path)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


class TestReading:
    def test_a_record_on_the_wire(self, client: Client) -> None:
        text = "SELECT Id, Subject, StartDateTime, Actual_Start__c, Visit_Status__c, IsDeleted, Account.Name FROM Event"
        (record,) = client.query(f"{text} WHERE Id = '00U0001'")["records"]
        assert record == {
            "attributes": {"type": "Event", "url": f"{DATA}/sobjects/Event/00U0001"},
            "Id": "00U0001",
            "Subject": "Visit",
            "StartDateTime": "2026-11-02T06:00:00.000+0000",
            "Actual_Start__c": None,
            "Visit_Status__c": "Planned",
            "IsDeleted": False,
            "Account": {"attributes": {"type": "Account", "url": f"{DATA}/sobjects/Account/001A"}, "Name": "客户甲"},
        }

    def test_pages(self, client: Client) -> None:
        text = "SELECT Id FROM Event ORDER BY SystemModstamp, Id"
        page = client.query(text, headers={"Sforce-Query-Options": "batchSize=200"})
        sizes, ids = [], []
        while True:
            sizes.append(len(page["records"]))
            ids += [row["Id"] for row in page["records"]]
            if page["done"]:
                break
            assert page["totalSize"] == 450
            page = client.ask("GET", page["nextRecordsUrl"]).json()
        assert sizes == [200, 200, 50]
        assert ids == [f"00U{i:04d}" for i in range(450)]
        assert "nextRecordsUrl" not in page

    def test_paging_sees_the_records_as_they_were(self, client: Client) -> None:
        text = "SELECT Id, SystemModstamp FROM Event ORDER BY SystemModstamp, Id"
        page = client.query(text, headers={"Sforce-Query-Options": "batchSize=200"})
        client.update({"id": "00U0300", "Checkin_Reason__c": "later"})
        ids = [row["Id"] for row in page["records"]]
        while not page["done"]:
            page = client.ask("GET", page["nextRecordsUrl"]).json()
            ids += [row["Id"] for row in page["records"]]
        assert ids == [f"00U{i:04d}" for i in range(450)]

    def test_a_lost_locator(self, client: Client) -> None:
        answer = client.ask("GET", f"{DATA}/query/01gNOPEx200-200")
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")

    def test_malformed_queries(self, client: Client) -> None:
        answer = client.ask("GET", f"{DATA}/query/", params={"q": "SELECT"})
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")

    def test_query_all_shows_deletes(self) -> None:
        rows = visits(3)
        rows[1]["deleted"] = True
        with serving(company(visits=rows)) as sandbox:
            client = Client(sandbox)
            assert client.query("SELECT COUNT() FROM Event")["totalSize"] == 2
            everything = client.query("SELECT Id, IsDeleted FROM Event", "queryAll")["records"]
        assert [row["IsDeleted"] for row in everything] == [False, True, False]

    def test_retrieve_keeps_the_order_and_leaves_gaps(self, client: Client) -> None:
        body = {"ids": ["00U0005", "nope", "00U0002"], "fields": ["Id", "Visit_Status__c"]}
        posted = client.ask("POST", f"{DATA}/composite/sobjects/Event", json=body).json()
        got = client.ask(
            "GET",
            f"{DATA}/composite/sobjects/Event",
            params={"ids": "00U0005,nope,00U0002", "fields": "Id,Visit_Status__c"},
        ).json()
        assert [row and row["Id"] for row in posted] == ["00U0005", None, "00U0002"]
        assert posted == got

    def test_every_stream_has_its_object(self) -> None:
        day = at("2026-11-03 10:00:00")
        task = {"task_id": "00T1", "due_on": day.date(), "completed_at": day, "status": "done", "modified_at": day}
        deal = {
            "opportunity_id": "0061", "owner_id": "005A", "stage": "Closed Won", "amount": Decimal("12345.67"),
            "currency": "CNY", "created_at": day, "closed_on": day.date(), "is_won": True, "modified_at": day,
        }  # fmt: skip
        with serving(company(crm_users=USERS, accounts=ACCOUNTS, tasks=[task], opportunities=[deal])) as sandbox:
            client = Client(sandbox)

            def only(fields: str, name: str) -> dict[str, Any]:
                (record,) = client.query(f"SELECT {fields} FROM {name}")["records"]
                return {field: value for field, value in record.items() if field != "attributes"}

            task = only("ActivityDate, CompletedDateTime, Status", "Task")
            deal = only("Amount, CurrencyIsoCode, CreatedDate, CloseDate, IsWon", "Opportunity")
            place = only("BillingLatitude, BillingLongitude, Checkin_Radius__c", "Account")
            user = only("EmployeeNumber, IsActive, ManagerId", "User")
        stamp = "2026-11-03T02:00:00.000+0000"
        assert task == {"ActivityDate": "2026-11-03", "CompletedDateTime": stamp, "Status": "Completed"}
        assert deal == {
            "Amount": 12345.67,
            "CurrencyIsoCode": "CNY",
            "CreatedDate": stamp,
            "CloseDate": "2026-11-03",
            "IsWon": True,
        }
        assert place == {"BillingLatitude": 31.2, "BillingLongitude": 121.4, "Checkin_Radius__c": None}
        assert user == {"EmployeeNumber": "000", "IsActive": True, "ManagerId": None}


class TestWriting:
    def test_upsert_inserts_then_updates_one_record(self, sandbox: Sandbox, client: Client) -> None:
        first = client.upsert(
            {"External_Id__c": "1:d", "Visits_Done__c": 1, "User__c": "005A", "Work_Date__c": "2026-11-02"}
        )
        second = client.upsert({"External_Id__c": "1:d", "Visits_Done__c": 2})
        assert [row["created"] for row in (*first, *second)] == [True, False]
        assert first[0]["id"] == second[0]["id"]
        (record,) = sandbox.records("Daily_Performance__c")
        assert (record["Visits_Done__c"], record["User__c"]) == (2, "005A")

    def test_results_stand_in_order_with_an_error_a_row(self, client: Client) -> None:
        results = client.upsert(
            {"External_Id__c": "1:d", "Visits_Done__c": 1},
            {"External_Id__c": "2:d", "Nope__c": 1},
            {"External_Id__c": "3:d", "Rule_Version__c": "x" * 41},
            {"External_Id__c": "4:d", "Visits_Done__c": "many"},
            {"External_Id__c": "5:d", "User__c": "005NOBODY"},
            {"External_Id__c": "6:d"},
            {"External_Id__c": "6:d"},
            {"Visits_Done__c": 1},
            {"External_Id__c": "8:d", "id": "a01"},
            {"External_Id__c": "9:d", "SystemModstamp": "2026-11-02T00:00:00Z"},
            {"External_Id__c": "10:d", "Work_Date__c": "2026-02-30"},
        )
        codes = [row["errors"][0]["statusCode"] if row["errors"] else None for row in results]
        assert codes == [
            None, "INVALID_FIELD_FOR_INSERT_UPDATE", "STRING_TOO_LONG", "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "INVALID_CROSS_REFERENCE_KEY", "DUPLICATE_VALUE", "DUPLICATE_VALUE", "MISSING_ARGUMENT",
            "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE_ON_FIELD_IN_RECORD",
        ]  # fmt: skip
        assert [row["success"] for row in results] == [code is None for code in codes]

    def test_all_or_none(self, sandbox: Sandbox, client: Client) -> None:
        results = client.upsert({"External_Id__c": "1:d"}, {"External_Id__c": "2:d", "Nope__c": 1}, all_or_none=True)
        codes = [row["errors"][0]["statusCode"] for row in results]
        assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_FIELD_FOR_INSERT_UPDATE"]
        assert sandbox.records("Daily_Performance__c") == []

    def test_two_hundred_and_no_more(self, client: Client) -> None:
        many = [{"External_Id__c": f"{i}:d"} for i in range(200)]
        assert all(row["success"] for row in client.upsert(*many))
        refused = client.upsert(*many, {"External_Id__c": "200:d"})
        assert refused[0]["errorCode"] == "EXCEEDED_MAX_SIZE_REQUEST"

    def test_update_by_id(self, sandbox: Sandbox, client: Client) -> None:
        results = client.update(
            {"id": "00U0001", "Checkin_Verdict__c": "verified", "Checkin_At__c": "2026-11-02T14:05:00+08:00"},
            {"id": "nope", "Checkin_Verdict__c": "verified"},
            {"id": "00U0002", "AccountId": "001A"},
            {"id": "00U0003", "Checkin_Verdict__c": "verified"},
            {"id": "00U0003", "Checkin_Verdict__c": "no_check_in"},
        )
        assert [row["errors"][0]["statusCode"] if row["errors"] else "" for row in results] == [
            "", "INVALID_CROSS_REFERENCE_KEY", "INVALID_FIELD_FOR_INSERT_UPDATE", "DUPLICATE_VALUE", "DUPLICATE_VALUE",
        ]  # fmt: skip
        assert "created" not in results[0]
        (record,) = [row for row in sandbox.records("Event") if row["Id"] == "00U0001"]
        assert (record["Checkin_Verdict__c"], record["Checkin_At__c"]) == ("verified", at("2026-11-02 14:05:00"))
        assert record["Visit_Status__c"] == "Planned"

    def test_a_deleted_record_is_not_updated(self) -> None:
        rows = visits(1)
        rows[0]["deleted"] = True
        with serving(company(visits=rows)) as sandbox:
            (result,) = Client(sandbox).update({"id": "00U0000", "Checkin_Reason__c": "x"})
        assert result["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"

    def test_a_write_is_found_by_what_changed_since(self, client: Client) -> None:
        newest = client.query("SELECT SystemModstamp FROM Event ORDER BY SystemModstamp DESC LIMIT 1")["records"][0]
        client.update({"id": "00U0007", "Checkin_Reason__c": "x"}, {"id": "00U0003", "Checkin_Reason__c": "y"})
        client.upsert({"External_Id__c": "1:d"})
        text = f"WHERE SystemModstamp > {newest['SystemModstamp'].replace('+0000', 'Z')} ORDER BY SystemModstamp, Id"
        changed = client.query(f"SELECT Id, Checkin_Reason__c FROM Event {text}")["records"]
        assert [(row["Id"], row["Checkin_Reason__c"]) for row in changed] == [("00U0003", "y"), ("00U0007", "x")]
        assert client.query("SELECT COUNT() FROM Event")["totalSize"] == 450

    def test_each_write_has_a_later_stamp_than_all_before(self) -> None:
        rows = visits(1)
        rows[0]["modified_at"] = at("2026-11-20 08:00:00")
        with serving(company(visits=rows)) as sandbox:
            client, stamps = Client(sandbox), [at("2026-11-20 08:00:00")]
            for text in "ab":
                client.update({"id": "00U0000", "Checkin_Reason__c": text})
                stamps.append(sandbox.records("Event")[0]["SystemModstamp"])
            client.upsert({"External_Id__c": "1:d"})
            stamps.append(sandbox.records("Daily_Performance__c")[0]["SystemModstamp"])
        assert sorted(set(stamps)) == stamps

    def test_many_small_writes_between_reads(self, client: Client) -> None:
        for i in range(80):
            client.update({"id": f"00U{i:04d}", "Checkin_Minutes_Off__c": i})
            body = {"ids": [f"00U{i:04d}", "00U0000", "00U0449"], "fields": ["Checkin_Minutes_Off__c"]}
            rows = client.ask("POST", f"{DATA}/composite/sobjects/Event", json=body).json()
            assert [row["Checkin_Minutes_Off__c"] for row in rows] == [i, 0, None]
        found = client.query("SELECT Checkin_Minutes_Off__c FROM Event WHERE Checkin_Minutes_Off__c != null")
        assert sorted(row["Checkin_Minutes_Off__c"] for row in found["records"]) == list(range(80))

    def test_numbers_are_kept_to_the_fields_scale(self, sandbox: Sandbox, client: Client) -> None:
        client.upsert({"External_Id__c": "1:d", "Performance_Index__c": 0.123456, "Amount_Won__c": 10.005})
        (record,) = sandbox.records("Daily_Performance__c")
        assert record["Performance_Index__c"] == 0.1235

    def test_single_records(self, client: Client) -> None:
        path = f"{DATA}/sobjects/Daily_Performance__c"
        created = client.ask("PATCH", f"{path}/External_Id__c/1:d", json={"Visits_Done__c": 1})
        updated = client.ask("PATCH", f"{path}/External_Id__c/1:d", json={"Visits_Done__c": 2})
        posted = client.ask("POST", path, json={"External_Id__c": "1:d"})
        read = client.ask("GET", f"{path}/External_Id__c/1:d", params={"fields": "Id,Visits_Done__c"})
        assert [answer.status_code for answer in (created, updated, posted, read)] == [201, 200, 400, 200]
        assert posted.json()[0]["errorCode"] == "DUPLICATE_VALUE"
        assert read.json()["Visits_Done__c"] == 2
        assert client.ask("GET", f"{path}/External_Id__c/2:d").status_code == 404
        assert client.ask("PATCH", f"{DATA}/sobjects/Event/nope", json={}).status_code == 404

    def test_a_persons_edit(self, sandbox: Sandbox, client: Client) -> None:
        sandbox.edit("Event", "00U0001", Checkin_Verdict__c="verified")
        (record,) = client.query("SELECT Checkin_Verdict__c FROM Event WHERE Id = '00U0001'")["records"]
        assert record["Checkin_Verdict__c"] == "verified"
        with pytest.raises(LookupError, match="INVALID_CROSS_REFERENCE_KEY"):
            sandbox.edit("Event", "nope", Checkin_Verdict__c="verified")


class TestState:
    def test_a_restart_loses_no_write(self, tmp_path: Path) -> None:
        people = company(crm_users=USERS, accounts=ACCOUNTS, visits=visits(5))
        with serving(people, state=tmp_path) as sandbox:
            client = Client(sandbox)
            client.upsert({"External_Id__c": "1:d", "Visits_Done__c": 1}, {"External_Id__c": "2:d"})
            client.update({"id": "00U0001", "Checkin_Reason__c": "x"})
            client.upsert({"External_Id__c": "1:d", "Visits_Done__c": 2})
            before = [sandbox.records(name) for name in ("Event", "Daily_Performance__c")]
        with serving(people, state=tmp_path) as sandbox:
            assert [sandbox.records(name) for name in ("Event", "Daily_Performance__c")] == before
            (again, new) = Client(sandbox).upsert({"External_Id__c": "1:d"}, {"External_Id__c": "3:d"})
            assert (again["created"], new["created"]) == (False, True)
            ids = [row["Id"] for row in sandbox.records("Daily_Performance__c")]
            assert len(set(ids)) == 3

    def test_a_line_cut_by_a_kill_is_dropped(self, tmp_path: Path) -> None:
        with serving(company(), state=tmp_path) as sandbox:
            Client(sandbox).upsert({"External_Id__c": "1:d"})
        with (tmp_path / "salesforce.jsonl").open("ab") as file:
            file.write(b'{"object":"Daily_Perf')
        with serving(company(), state=tmp_path) as sandbox:
            Client(sandbox).upsert({"External_Id__c": "2:d"})
            assert len(sandbox.records("Daily_Performance__c")) == 2
        with serving(company(), state=tmp_path) as sandbox:
            assert len(sandbox.records("Daily_Performance__c")) == 2

    def test_another_state_of_the_company_keeps_what_was_written(self) -> None:
        sandbox = start(company(visits=visits(2)))
        try:
            client = Client(sandbox)
            client.update({"id": "00U0001", "Checkin_Reason__c": "x"})
            later = visits(3)
            later[2]["modified_at"] = at("2026-11-05 10:00:00")
            sandbox.load(company(visits=later))
            order = client.query("SELECT Id FROM Event ORDER BY SystemModstamp, Id")["records"]
            found = client.query("SELECT Id, Checkin_Reason__c FROM Event")["records"]
        finally:
            sandbox.stop()
        assert [row["Id"] for row in order] == ["00U0000", "00U0001", "00U0002"]
        assert {row["Id"]: row["Checkin_Reason__c"] for row in found} == {
            "00U0000": None,
            "00U0001": "x",
            "00U0002": None,
        }
