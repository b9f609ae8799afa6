"""SOQL in, canonical rows out, on a server that answers by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from fieldwork.connectors.salesforce import SalesforceSource, soql
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import options
from fieldwork.errors import (
    AuthFailed,
    BadResponse,
    ConfigError,
    FieldworkError,
    QuotaExhausted,
    RequestRefused,
    TruncatedRead,
)
from fieldwork.streams import Window

from .loopback import Answerer, Asked, Loopback, Reply, in_turn, json_reply, loopback, transport
from .sandboxed import config

START = datetime(2026, 11, 2, 1, 30, 0, 500_000, tzinfo=UTC)
WINDOW = Window(START, datetime(2026, 11, 3, tzinfo=UTC))
SECRET = "client-secret-canary"


def _org(answer: Answerer, instance: str | None = None) -> Answerer:
    tokens = iter(range(1, 99))

    def reply(asked: Asked) -> Reply:
        if asked.path != "/services/oauth2/token":
            return answer(asked)
        return json_reply({"access_token": f"token-{next(tokens)}", "instance_url": instance, "token_type": "Bearer"})

    return reply


def _records(*records: dict[str, Any], total: int | None = None, following: str | None = None) -> Reply:
    body = {"totalSize": len(records) if total is None else total, "done": following is None, "records": list(records)}
    if following is not None:
        body["nextRecordsUrl"] = following
    return json_reply(body, **{"Sforce-Limit-Info": "api-usage=18/5000; per-app-api-usage=17/250(appName=x)"})


def _error(status: int, code: str, message: str = "王芳") -> Reply:
    return json_reply([{"errorCode": code, "message": message}], status)


def _source(server: Loopback, over: dict[str, Any] | None = None) -> SalesforceSource:
    client = SalesforceClient(transport(server.url, system="Salesforce"), "id", SECRET)
    return SalesforceSource(client, options(config(over)))


def _read(
    answer: Answerer, stream: str = "opportunities", over: dict[str, Any] | None = None, window: Window = WINDOW
) -> tuple[list[dict[str, Any]], Loopback]:
    with loopback(_org(answer)) as server:
        rows = [row for batch in _source(server, over).read(stream, window) for row in batch.to_pylist()]
    return rows, server


def _opportunity(**more: Any) -> dict[str, Any]:
    record = {
        "Id": "006A", "OwnerId": "005A", "AccountId": None, "StageName": "Won", "Amount": 1234567.899,
        "CurrencyIsoCode": "USD", "CreatedDate": "2026-11-01T08:00:00.000+0000", "CloseDate": "2026-11-02",
        "IsWon": True, "SystemModstamp": "2026-11-02T02:00:00.123+0000", "IsDeleted": False,
    }  # fmt: skip
    return {"attributes": {"type": "Opportunity", "url": "/x"}, **record, **more}


def test_a_whole_record_and_its_query() -> None:
    rows, server = _read(in_turn(_records(_opportunity())))
    assert rows == [
        {
            "opportunity_id": "006A", "owner_id": "005A", "account_id": None, "stage": "Won",
            "amount": Decimal("1234567.90"), "currency": "USD", "created_at": datetime(2026, 11, 1, 8, tzinfo=UTC),
            "closed_on": date(2026, 11, 2), "is_won": True,
            "modified_at": datetime(2026, 11, 2, 2, 0, 0, 123000, tzinfo=UTC), "deleted": False,
            "parse_error": None, "out_of_scope": None,
        }
    ]  # fmt: skip
    login, query = server.asked
    assert login.body.decode() == f"grant_type=client_credentials&client_id=id&client_secret={SECRET}"
    assert query.path == "/services/data/v62.0/queryAll"
    assert query.headers["Authorization"] == "Bearer token-1"
    assert query.headers["Sforce-Query-Options"] == "batchSize=2000"
    assert query.query["q"] == (
        "SELECT Id, OwnerId, AccountId, StageName, Amount, CurrencyIsoCode, CreatedDate, CloseDate, IsWon, "
        "SystemModstamp, IsDeleted FROM Opportunity WHERE SystemModstamp >= 2026-11-02T01:30:00Z "
        "ORDER BY SystemModstamp, Id"
    )


def test_a_first_read_has_no_lower_bound_and_a_where_is_kept_apart() -> None:
    _, server = _read(in_turn(_records()), "visits", window=Window(None, WINDOW.end))
    assert " WHERE (IsChild = false) ORDER BY SystemModstamp, Id" in server.asked[-1].query["q"]


def test_streams_without_deletes_are_not_asked_for_them() -> None:
    _, server = _read(in_turn(_records()), "crm_users")
    assert server.asked[-1].path.endswith("/query")


def test_pages_are_followed_to_the_end() -> None:
    following = "/services/data/v62.0/query/01g-2000"
    first, last = _records(_opportunity(), total=2, following=following), _records(_opportunity(Id="006B"), total=2)
    rows, server = _read(in_turn(first, last))
    assert [row["opportunity_id"] for row in rows] == ["006A", "006B"]
    assert server.paths()[1:] == ["/services/data/v62.0/queryAll", following]


@pytest.mark.parametrize("total", [0, 2])
def test_a_count_that_differs_is_a_truncated_read(total: int) -> None:
    with pytest.raises(TruncatedRead, match="gave 1"):
        _read(in_turn(_records(_opportunity(), total=total)))


@pytest.mark.parametrize("following", ["https://evil.example/x", "//evil.example/x", "next"])
def test_the_token_goes_to_no_other_place(following: str) -> None:
    with pytest.raises(BadResponse, match="somewhere else"):
        _read(in_turn(_records(_opportunity(), total=9, following=following)))
    with (
        loopback(_org(in_turn(_records()), instance="https://other.my.salesforce.com")) as server,
        pytest.raises(ConfigError, match=r"other\.my\.salesforce\.com"),
    ):
        list(_source(server).read("accounts", WINDOW))
    assert server.paths() == ["/services/oauth2/token"]


def test_picklist_words_are_translated_and_new_ones_pass() -> None:
    event = {
        "Id": "00U1", "OwnerId": "005A", "AccountId": "001A", "StartDateTime": None, "EndDateTime": None,
        "Actual_Start__c": None, "Actual_End__c": None, "SystemModstamp": "2026-11-02T02:00:00Z", "IsDeleted": True,
    }  # fmt: skip
    words = ["Planned", "Done", "Postponed", None]
    records = [{**event, "Id": f"00U{n}", "Visit_Status__c": word} for n, word in enumerate(words)]
    rows, _ = _read(in_turn(_records(*records)), "visits")
    assert [row["status"] for row in rows] == ["planned", "done", "Postponed", None]
    assert all(row["deleted"] for row in rows)


def test_an_org_without_currencies_has_the_default_one() -> None:
    record = _opportunity()
    del record["CurrencyIsoCode"]
    over = {"salesforce": {"default_currency": "EUR", "read": {"opportunities": {"currency": ""}}}}
    rows, server = _read(in_turn(_records(record)), over=over)
    assert rows[0]["currency"] == "EUR" and "CurrencyIsoCode" not in server.asked[-1].query["q"]


@pytest.mark.parametrize(
    ("amount", "want", "fault"),
    [(0.1, "0.10", None), (1.5e7, "15000000.00", None), (2.675, "2.68", None), ("12.3", "12.30", None),
     (None, None, None), (1e17, None, "Amount is larger than can be stored"), ("much", None, "Amount is not a number")],
)  # fmt: skip
def test_money_is_exact(amount: Any, want: str | None, fault: str | None) -> None:
    rows, _ = _read(in_turn(_records(_opportunity(Amount=amount))))
    assert rows[0]["amount"] == (None if want is None else Decimal(want)) and rows[0]["parse_error"] == fault


def test_a_place_of_zero_is_kept_for_the_checks() -> None:
    account = {"Id": "001", "Name": "x", "OwnerId": "005", "BillingLatitude": 0, "BillingLongitude": 0.0}
    account |= {"Checkin_Radius__c": None, "SystemModstamp": "2026-11-02T02:00:00Z"}
    rows, _ = _read(in_turn(_records(account)), "accounts", {"salesforce": {"datum": "GCJ-02"}})
    assert (rows[0]["latitude"], rows[0]["longitude"]) == (0.0, 0.0)


def test_an_expired_session_is_renewed_once() -> None:
    expired = _error(401, "INVALID_SESSION_ID")
    _, server = _read(in_turn(expired, _records()))
    assert [one.headers.get("Authorization") for one in server.asked] == [
        None,
        "Bearer token-1",
        None,
        "Bearer token-2",
    ]
    with pytest.raises(AuthFailed, match="INVALID_SESSION_ID"):
        _read(in_turn(expired))


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (_error(403, "REQUEST_LIMIT_EXCEEDED"), QuotaExhausted, "24 hours"),
        (_error(403, "INSUFFICIENT_ACCESS"), RequestRefused, "INSUFFICIENT_ACCESS"),
        (_error(400, "INVALID_FIELD", "x ERROR at Row:1: No such column 'closedate' on entity 'Opportunity'."),
         ConfigError, '[salesforce.read.opportunities] closed_on = "closedate"'),
        (_error(400, "INVALID_FIELD", "something new"), ConfigError, "a field of Opportunity"),
        (_error(400, "INVALID_TYPE"), ConfigError, 'object = "Opportunity"'),
        (_error(400, "MALFORMED_QUERY"), ConfigError, "no valid query"),
        (_error(400, "INVALID_QUERY_LOCATOR"), BadResponse, "forgotten"),
        (json_reply({"error": "odd"}, 400), RequestRefused, "(odd)"),
        (Reply(b"<html>", 404), RequestRefused, "(HTTP_404)"),
        (json_reply({"done": True}), BadResponse, "no records"),
    ],
)  # fmt: skip
def test_a_refusal_has_a_name_and_repeats_no_message(reply: Reply, kind: type[FieldworkError], words: str) -> None:
    with pytest.raises(kind) as raised:
        _read(in_turn(reply))
    assert words in str(raised.value) and "王芳" not in str(raised.value)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply({"error": "invalid_client_id", "error_description": "x"}, 400), AuthFailed),
        (json_reply({"error": "inactive_user"}, 401), AuthFailed),
        (_error(403, "REQUEST_LIMIT_EXCEEDED"), QuotaExhausted),
        (json_reply({"token_type": "Bearer"}), AuthFailed),
    ],
)
def test_a_refused_log_in_is_tried_once(reply: Reply, kind: type[FieldworkError]) -> None:
    with loopback(in_turn(reply)) as server, pytest.raises(kind) as raised:
        list(_source(server).read("accounts", WINDOW))
    assert len(server.asked) == 1 and SECRET not in str(raised.value)


def test_a_field_in_other_capitals_would_read_as_unknown_and_is_refused() -> None:
    over = {"salesforce": {"read": {"opportunities": {"stage": "stagename"}}}}
    with pytest.raises(ConfigError, match='stage = "stagename"'):
        _read(in_turn(_records(_opportunity())), over=over)


def test_usage_is_known_after_a_call() -> None:
    with loopback(_org(in_turn(_records()))) as server:
        source = _source(server)
        assert source.client.usage is None
        list(source.read("accounts", WINDOW))
        assert source.client.usage == (18, 5000)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"read": {"visits": {"status": "Status; DROP"}}}, "visits"),
        ({"read": {"visits": {"object": "Event WHERE"}}}, "object"),
        ({"read": {"visits": {"colour": "Colour__c"}}}, "colour"),
        ({"read": {"visits": {"owner_id": ""}}}, "owner_id"),
        ({"read": {"visits": {"modified_at": ""}}}, "modified_at"),
        ({"read": {"visitors": {"object": "Visitor"}}}, "visitors"),
        ({"api_version": "62/../x"}, "api_version"),
        ({"page_size": 5}, "page_size"),
        ({"calls_per_second": 0}, "calls_per_second"),
        ({"datum": "Mars"}, "Mars"),
    ],
)
def test_a_bad_setting_is_named(over: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        options(config({"salesforce": over}))


def test_literals_cannot_leave_their_quotes() -> None:
    assert soql.text('O\'Neil\\ \n"x"') == "'O\\'Neil\\\\ \\n\\\"x\\\"'"
    query = soql.by_key("X", ["Id", "A__c", "Id"], key="Id", values=["a') OR Id != ('"])
    assert query == "SELECT Id, A__c FROM X WHERE Id IN ('a\\') OR Id != (\\'')"
