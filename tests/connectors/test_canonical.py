from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa

from fieldwork.connectors.canonical import Draft, to_canonical_place
from fieldwork.streams import STREAMS

SHANGHAI = ZoneInfo("Asia/Shanghai")


def _draft(rows: int) -> Draft:
    return Draft(pa.nulls(rows, pa.string()))


def _faults(draft: Draft, rows: int) -> list[str | None]:
    users = pa.array([f"u{n}" for n in range(rows)])
    found: list[str | None] = draft.batch(STREAMS["leave"], {"user_id": users}).column("parse_error").to_pylist()
    return found


def test_milliseconds_are_instants_and_seconds_are_a_fault() -> None:
    draft = _draft(5)
    instants = draft.instants(pa.array([1793577600123, 1793577600, 0, None, 10**18]), "userCheckTime")
    assert instants.to_pylist() == [datetime(2026, 11, 2, 0, 0, 0, 123000, UTC), None, None, None, None]
    sentence = "userCheckTime is not in milliseconds since 1970"
    assert _faults(draft, 5) == [None, sentence, None, None, sentence]


def test_a_day_is_the_companys_own() -> None:
    midnight = pa.array([1793548800000, 1793548799999])
    assert _draft(2).days(midnight, "workDate", SHANGHAI).to_pylist() == [date(2026, 11, 2), date(2026, 11, 1)]
    assert _draft(2).days(midnight, "workDate", ZoneInfo("UTC")).to_pylist() == [date(2026, 11, 1), date(2026, 11, 1)]


def test_texts_are_instants_with_any_offset_and_never_without() -> None:
    draft = _draft(6)
    given = [
        "2026-11-02T01:00:00.000+0000",
        "2026-11-02T09:00:00+08:00",
        "2026-11-02T01:00:00Z",
        None,
        "2026-11-02T01:00:00",
        "soon",
    ]
    one = datetime(2026, 11, 2, 1, tzinfo=UTC)
    assert draft.texts_as_instants(pa.array(given), "EndDateTime").to_pylist() == [one, one, one, None, None, None]
    assert _faults(draft, 6) == [None] * 4 + ["EndDateTime is not an instant with an offset"] * 2


def test_texts_are_days() -> None:
    draft = _draft(3)
    days = draft.texts_as_days(pa.array(["2026-11-02", "2026-02-30", None]), "CloseDate")
    assert days.to_pylist() == [date(2026, 11, 2), None, None]
    assert _faults(draft, 3) == [None, "CloseDate is not a date", None]


def test_the_first_fault_of_a_row_stays() -> None:
    draft = Draft(pa.array(["was wrong before", None]))
    draft.fault(pa.array([True, True]), "later")
    assert _faults(draft, 2) == ["was wrong before", "later"]


def test_half_a_place_and_no_place_stay_as_they_are() -> None:
    lat, lon = pa.array([39.9, None, 0.0, 39.9]), pa.array([None, 116.4, 0.0, 116.4])
    north, east = to_canonical_place(lat, lon, "GCJ-02")
    assert north.to_pylist()[:3] == [39.9, None, 0.0] and east.to_pylist()[:3] == [None, 116.4, 0.0]
    assert 39.89 < north.to_pylist()[3] < 39.9
