"""SOQL: what is understood, what is refused, and which rows a condition holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fieldwork.sandbox.salesforce_groups import grouped
from fieldwork.sandbox.salesforce_query import QueryError, run
from fieldwork.sandbox.salesforce_store import Store
from fieldwork.sandbox.soql import All, AnyOf, Compare, Not, Query, SoqlError, parse

from .small import ACCOUNTS, USERS, at, company


def where(condition: str) -> object:
    return parse(f"SELECT Id FROM Event WHERE {condition}").where


class TestParse:
    def test_the_clauses(self) -> None:
        text = (
            "select Id, Owner.Email from Event where IsChild = false order by SystemModstamp, Id desc nulls last "
            "limit 5 offset 2"
        )
        found = parse(text)
        assert [path for path, _ in found.fields] == ["Id", "Owner.Email"]
        assert found.source == "Event"
        assert found.where == Compare("IsChild", "=", False, text.index("IsChild") + 1)
        assert [(o.path, o.descending, o.nulls_last) for o in found.order] == [
            ("SystemModstamp", False, False), ("Id", True, True),
        ]  # fmt: skip
        assert (found.limit, found.offset) == (5, 2)

    def test_count(self) -> None:
        assert parse("SELECT COUNT() FROM Task") == Query("SELECT COUNT() FROM Task", (), "Task", None, (), None, 0)

    @pytest.mark.parametrize(
        ("literal", "value"),
        [
            ("2026-11-02T01:02:03Z", datetime(2026, 11, 2, 1, 2, 3, tzinfo=UTC)),
            ("2026-11-02T01:02:03.250Z", datetime(2026, 11, 2, 1, 2, 3, 250_000, tzinfo=UTC)),
            ("2026-11-02T09:02:03+08:00", datetime(2026, 11, 2, 1, 2, 3, tzinfo=UTC)),
            ("2026-11-02T09:02:03+0800", datetime(2026, 11, 2, 1, 2, 3, tzinfo=UTC)),
            ("2026-11-02", date(2026, 11, 2)),
            ("-1.5", -1.5),
            ("TRUE", True),
            ("null", None),
            (r"'it\'s \\ 100%'", "it's \\ 100%"),
            ("''", ""),
        ],
    )
    def test_literals(self, literal: str, value: object) -> None:
        found = where(f"F = {literal}")
        assert isinstance(found, Compare)
        assert found.value == value
        assert type(found.value) is type(value)

    def test_and_binds_closer_than_or_and_not_closest(self) -> None:
        found = where("a = 1 OR NOT b = 2 AND (c = 3 OR d != 4)")
        assert isinstance(found, AnyOf)
        assert isinstance(found.parts[1], All)
        negated, grouped = found.parts[1].parts
        assert isinstance(negated, Not)
        assert isinstance(grouped, AnyOf)

    def test_in(self) -> None:
        found = where("Id NOT IN ('a', 'b')")
        assert isinstance(found, Compare)
        assert (found.operator, found.value) == ("not in", ("a", "b"))

    @pytest.mark.parametrize(
        ("text", "token"),
        [
            ("", "<EOF>"),
            ("SELECT FROM Event", "FROM"),
            ("SELECT Id", "<EOF>"),
            ("SELECT Id FROM Event WHERE", "<EOF>"),
            ("SELECT Id FROM Event WHERE Id = ", "<EOF>"),
            ("SELECT Id FROM Event WHERE Id = '2026", "'2026"),
            ("SELECT Id FROM Event WHERE (Id = 'a'", "<EOF>"),
            ("SELECT Id FROM Event WHERE Id = 'a' x", "x"),
            ("SELECT Id FROM Event WHERE Id = a", "a"),
            ("SELECT Id FROM Event LIMIT -1", "-1"),
            ("SELECT Id; DROP", ";"),
            ("DELETE FROM Event", "DELETE"),
            ("SELECT Id FROM Event WHERE At = 2026-13-01", "2026-13-01"),
        ],
    )
    def test_what_is_no_query_names_the_token(self, text: str, token: str) -> None:
        with pytest.raises(SoqlError) as refused:
            parse(text)
        assert str(refused.value) == f"unexpected token: '{token}'"


OPPORTUNITIES = [
    {
        "opportunity_id": n,
        "stage": stage,
        "amount": amount and Decimal(amount),
        "modified_at": at("2026-11-02 10:00:00"),
    }
    for n, stage, amount in (("1", "a", "1.25"), ("2", "a", "2.25"), ("3", "b", None))
]


class TestRun:
    ROWS = (
        {"visit_id": "1", "status": "planned", "owner_id": "005A", "planned_start": at("2026-11-02 09:00:00"),
         "modified_at": at("2026-11-02 10:00:00")},
        {"visit_id": "2", "status": "done", "owner_id": "005X", "planned_start": at("2026-11-02 11:00:00"),
         "modified_at": at("2026-11-02 10:00:00")},
        {"visit_id": "3", "status": None, "owner_id": "005A", "planned_start": None,
         "modified_at": at("2026-11-01 10:00:00"), "deleted": True},
    )  # fmt: skip

    def ids(self, rest: str, *, deleted: bool = True) -> list[str]:
        store = Store(company(visits=self.ROWS, crm_users=USERS, accounts=ACCOUNTS))
        found = run(store, parse(f"SELECT Id FROM Event {rest}"), deleted=deleted)
        return [record["Id"] for record in found.page(0, 100, "v62.0")]

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ("Visit_Status__c = 'Done'", ["2"]),
            ("visit_status__c = 'DONE'", ["2"]),
            ("Visit_Status__c != 'Done'", ["1", "3"]),
            ("Visit_Status__c = null", ["3"]),
            ("Visit_Status__c != null", ["1", "2"]),
            ("Visit_Status__c LIKE 'p%'", ["1"]),
            ("Visit_Status__c LIKE '_one'", ["2"]),
            ("Visit_Status__c IN ('done', 'planned')", ["1", "2"]),
            ("Visit_Status__c NOT IN ('done')", ["1", "3"]),
            ("NOT Visit_Status__c = 'Done'", ["1", "3"]),
            ("StartDateTime > 2026-11-02T01:00:00Z", ["2"]),
            ("StartDateTime >= 2026-11-02T01:00:00Z", ["1", "2"]),
            ("StartDateTime < 2026-11-02T03:00:00.000+00:00", ["1"]),
            ("Owner.Email = 'A@EXAMPLE.CN'", ["1", "3"]),
            ("Owner.Name = null", ["2"]),
            ("Id = '1' OR (Id IN ('2', '3') AND IsDeleted = true)", ["1", "3"]),
            ("Id = 'x'", []),
        ],
    )
    def test_conditions(self, condition: str, expected: list[str]) -> None:
        assert sorted(self.ids(f"WHERE {condition}")) == expected

    def test_query_hides_what_is_deleted(self) -> None:
        assert self.ids("", deleted=False) == ["1", "2"]

    def test_order(self) -> None:
        assert self.ids("ORDER BY SystemModstamp, Id") == ["3", "1", "2"]
        assert self.ids("ORDER BY SystemModstamp DESC, Id DESC") == ["2", "1", "3"]
        assert self.ids("ORDER BY StartDateTime") == ["3", "1", "2"]
        assert self.ids("ORDER BY StartDateTime ASC NULLS LAST") == ["1", "2", "3"]
        assert self.ids("ORDER BY SystemModstamp, Id LIMIT 1 OFFSET 1") == ["1"]

    @pytest.mark.parametrize(
        ("text", "code", "phrase"),
        [
            ("SELECT Id FROM Evnt", "INVALID_TYPE", "sObject type 'Evnt' is not supported"),
            ("SELECT Foo__c FROM Event", "INVALID_FIELD", "No such column 'Foo__c' on entity 'Event'"),
            ("SELECT Id FROM Event WHERE Foo = 1", "INVALID_FIELD", "ERROR at Row:1:Column:28"),
            ("SELECT Who.Name FROM Event", "INVALID_FIELD", "Didn't understand relationship 'Who'"),
            ("SELECT Id FROM Event WHERE StartDateTime > 2026-11-02", "INVALID_FIELD", "must be of type datetime"),
            ("SELECT Id FROM Event WHERE StartDateTime > '2026-11-02T00:00:00Z'", "INVALID_FIELD", "not be enclosed"),
            ("SELECT Id FROM Task WHERE ActivityDate = 2026-11-02T00:00:00Z", "INVALID_FIELD", "must be of type date"),
            ("SELECT Id FROM Event WHERE Id = 5", "INVALID_FIELD", "should be enclosed in quotes"),
            ("SELECT Id FROM Event WHERE IsChild > null", "INVALID_FIELD", "null"),
        ],
    )
    def test_refusals(self, text: str, code: str, phrase: str) -> None:
        with pytest.raises(QueryError) as refused:
            run(Store(company(visits=self.ROWS)), parse(text), deleted=False)
        assert refused.value.code == code
        assert phrase in refused.value.message

    def test_the_caret_stands_under_the_field(self) -> None:
        with pytest.raises(QueryError) as refused:
            run(Store(company()), parse("SELECT Id, Foo FROM Event"), deleted=False)
        _, line, caret, *_ = refused.value.message.split("\n")
        assert line[caret.index("^") :].startswith("Foo")


class TestGroups:
    ROWS = (*TestRun.ROWS, {"visit_id": "4", "owner_id": "005A", "planned_start": at("2026-11-03 07:59:59"),
                            "modified_at": at("2026-11-02 10:00:00")})  # fmt: skip

    def ask(self, text: str, *, deleted: bool = False) -> list[dict[str, object]]:
        store = Store(company(visits=self.ROWS, opportunities=OPPORTUNITIES))
        rows = grouped(store, parse(text), deleted=deleted)
        assert {str(row.pop("attributes")) for row in rows} <= {"{'type': 'AggregateResult'}"}
        return sorted(rows, key=str)

    def test_records_by_day_in_utc(self) -> None:
        text = "SELECT DAY_ONLY(StartDateTime) d, COUNT(Id) n FROM Event {} GROUP BY DAY_ONLY(StartDateTime)"
        assert self.ask(text.format("")) == [{"d": "2026-11-02", "n": 3}]
        assert self.ask(text.format("WHERE OwnerId = '005X'")) == [{"d": "2026-11-02", "n": 1}]
        assert self.ask(text.format(""), deleted=True) == [{"d": "2026-11-02", "n": 3}, {"d": None, "n": 1}]

    def test_sums_and_columns_without_a_name(self) -> None:
        assert self.ask("SELECT StageName, SUM(Amount), COUNT(Id) FROM Opportunity GROUP BY StageName") == [
            {"StageName": "a", "expr0": 3.5, "expr1": 2}, {"StageName": "b", "expr0": None, "expr1": 1},
        ]  # fmt: skip
        assert self.ask("SELECT COUNT(Id) n, SUM(Amount) s FROM Opportunity") == [{"n": 3, "s": 3.5}]

    @pytest.mark.parametrize(
        ("text", "phrase"),
        [
            ("SELECT OwnerId o, COUNT(Id) n FROM Event", "Field must be grouped or aggregated: OwnerId"),
            (
                "SELECT DAY_ONLY(StartDateTime) d FROM Event GROUP BY StartDateTime",
                "grouped or aggregated: StartDateTime",
            ),
            ("SELECT MAX(Id) n FROM Event", "unexpected token: 'MAX'"),
            ("SELECT COUNT(Id n FROM Event", "unexpected token: 'n'"),
            ("SELECT COUNT(Id) n FROM Event GROUP StartDateTime", "unexpected token: 'StartDateTime'"),
        ],
    )
    def test_what_cannot_be_grouped(self, text: str, phrase: str) -> None:
        with pytest.raises(SoqlError) as refused:
            parse(text)
        assert phrase in str(refused.value)

    def test_what_is_not_there_or_too_much(self) -> None:
        with pytest.raises(QueryError, match="No such column 'Foo'"):
            self.ask("SELECT COUNT(Foo) n FROM Event")
        with pytest.raises(QueryError, match="cannot be used with DAY_ONLY"):
            self.ask("SELECT DAY_ONLY(Id) d, COUNT(Id) n FROM Event GROUP BY DAY_ONLY(Id)")
        many = [{"visit_id": str(n), "modified_at": at("2026-11-02 10:00:00")} for n in range(2001)]
        with pytest.raises(QueryError, match="does not support queryMore"):
            grouped(
                Store(company(visits=many)), parse("SELECT Id i, COUNT(Id) n FROM Event GROUP BY Id"), deleted=False
            )


def test_what_was_purged_is_found_by_no_query() -> None:
    store = Store(company(visits=TestRun.ROWS))
    store.sheets["event"].purge(["1", "3", "x"])
    found = run(store, parse("SELECT Id FROM Event"), deleted=True)
    assert [record["Id"] for record in found.page(0, 100, "v62.0")] == ["2"]
    assert not store.sheets["event"].has("1")
