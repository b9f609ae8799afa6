"""extract: the right window, slice by slice, resumable, and nothing staged of a slice that failed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.connectors.base import Slice
from fieldwork.errors import BadResponse, ConfigError
from fieldwork.settings import Settings
from fieldwork.steps.extract import extract
from fieldwork.steps.plan import plan

from .rows import NOW, RowSource, at, loaded, planned, rows_of, table

PUNCHES = [
    [{"record_id": f"{n}", "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "in"}] for n in range(5)
]


def _staged(engine: Engine, batch_id: int) -> list[str]:
    return [row[0] for row in rows_of(engine, f"select record_id from staging.b{batch_id} order by 1")]


def test_every_slice_is_staged_once(warehouse: Engine, settings: Settings) -> None:
    planned(warehouse, settings, "one")
    source = RowSource("dingtalk", punches=PUNCHES)
    told: list[tuple[str, int, int | None]] = []
    result = extract(
        warehouse, settings, source, run_id="one", stream="punches", progress=lambda *args: told.append(args)
    )
    assert (result["extracted"], result["slices"]) == (5, 5)
    assert _staged(warehouse, result["batch_id"]) == ["0", "1", "2", "3", "4"]
    assert sorted(told)[-1] == ("extract punches", 5, 5)
    again = extract(warehouse, settings, source, run_id="one", stream="punches")
    assert again["extracted"] == 5
    assert len(source.reads) == 5, "a staged batch is not read again"


def test_a_second_attempt_reads_only_what_is_missing(warehouse: Engine, settings: Settings) -> None:
    planned(warehouse, settings, "one")
    source = _Failing("dingtalk", punches=PUNCHES)
    with pytest.raises(BadResponse):
        extract(warehouse, settings, source, run_id="one", stream="punches")
    staged_before = rows_of(warehouse, "select count(*) from ops.slice")[0][0]
    assert "punches:3" not in {row[0] for row in rows_of(warehouse, "select slice from ops.slice")}
    whole = RowSource("dingtalk", punches=PUNCHES)
    result = extract(warehouse, settings, whole, run_id="one", stream="punches")
    assert len(whole.reads) == 5 - staged_before
    assert _staged(warehouse, result["batch_id"]) == ["0", "1", "2", "3", "4"]


class _Failing(RowSource):
    """The fourth slice yields a row and then breaks off."""

    def slices(self, stream: str, window: Any) -> Any:
        def broken() -> Any:
            yield table(stream, PUNCHES[3][0:1])
            raise BadResponse("The body was cut.", todo="Nothing.")

        return [
            Slice(part.name, broken) if part.name.endswith(":3") else part for part in super().slices(stream, window)
        ]


def test_a_slice_of_rows_that_say_nothing_is_staged(warehouse: Engine, settings: Settings) -> None:
    planned(warehouse, settings, "one")
    result = extract(warehouse, settings, RowSource("dingtalk", punches=[[{}, {}]]), run_id="one", stream="punches")
    assert result["extracted"] == 2 and len(_staged(warehouse, result["batch_id"])) == 2


def test_the_window_of_a_first_read_is_the_days_and_the_morning_after(warehouse: Engine, settings: Settings) -> None:
    planned(warehouse, settings, "one")
    source = RowSource("dingtalk", punches=PUNCHES[:1])
    extract(warehouse, settings, source, run_id="one", stream="punches")
    assert (source.asked[0].start, source.asked[0].end) == (at("2026-11-02 00:00"), at("2026-11-07 12:00"))


def test_days_read_before_are_read_again_three_days_back(warehouse: Engine, settings: Settings) -> None:
    loaded(warehouse, settings, "people", "dingtalk", employees=[{"user_id": "u1"}])
    loaded(warehouse, settings, "one", "dingtalk", punches=PUNCHES[0])
    planned(warehouse, settings, "two", since=date(2026, 11, 7), until=date(2026, 11, 8))
    source = RowSource("dingtalk", punches=PUNCHES[:1])
    extract(warehouse, settings, source, run_id="two", stream="punches")
    assert source.asked[0].start == at("2026-11-04 00:00")


def test_the_window_never_reaches_beyond_now(warehouse: Engine, settings: Settings) -> None:
    now = at("2026-11-03 02:30")
    planned(warehouse, settings, "one", until=date(2026, 11, 3), as_of=now)
    source = RowSource("dingtalk", punches=PUNCHES[:1])
    extract(warehouse, settings, source, run_id="one", stream="punches")
    assert source.asked[0].end == now


def test_a_modified_stream_goes_on_from_the_watermark_with_an_overlap(warehouse: Engine, settings: Settings) -> None:
    stamp = at("2026-11-01 08:00")
    user = {"crm_user_id": "005A", "modified_at": stamp}
    loaded(warehouse, settings, "one", "salesforce", crm_users=[user])
    planned(warehouse, settings, "two")
    source = RowSource("salesforce", crm_users=[[user]])
    extract(warehouse, settings, source, run_id="two", stream="crm_users")
    assert source.asked[0].start == stamp - timedelta(minutes=10)
    planned(warehouse, settings, "three", full=True)
    extract(warehouse, settings, source, run_id="three", stream="crm_users")
    assert source.asked[1].start is None


def test_a_stream_that_was_not_asked_for_is_left_alone(warehouse: Engine, settings: Settings) -> None:
    planned(warehouse, settings, "one", streams=["visits"])
    source = RowSource("dingtalk", punches=PUNCHES)
    assert extract(warehouse, settings, source, run_id="one", stream="punches") == {"skipped": True}
    assert source.reads == []


def test_text_that_postgresql_cannot_hold_is_a_typed_error_without_the_text(
    warehouse: Engine, settings: Settings
) -> None:
    planned(warehouse, settings, "one")
    bad = RowSource("dingtalk", punches=[[{"record_id": "secret\0", "user_id": "u1"}]])
    with pytest.raises(Exception, match="Staging failed") as caught:
        extract(warehouse, settings, bad, run_id="one", stream="punches")
    assert "secret" not in str(caught.value)
    assert rows_of(warehouse, "select step, state from ops.step") == [("extract:punches", "failed")]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"since": date(2026, 11, 7), "until": date(2026, 11, 7)}, "Nothing lies between"),
        ({"since": date(2026, 12, 1), "until": date(2026, 12, 2)}, "has not begun"),
        ({"since": date(2026, 11, 2), "until": date(2026, 11, 3), "streams": ["punch"]}, "no stream 'punch'"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(
    warehouse: Engine, settings: Settings, days: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(warehouse, settings, run_id="one", as_of=NOW, **days)
    with warehouse.connect() as connection:
        assert connection.execute(sa.text("select count(*) from ops.run")).scalar_one() == 0
