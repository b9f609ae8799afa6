"""Which days a run is about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from fieldwork.errors import ConfigError
from fieldwork.orchestration.window import days

ZONE = ZoneInfo("Asia/Shanghai")
AS_OF = datetime(2026, 11, 8, 18, 30, tzinfo=UTC)  # 02:30 on the 9th in Shanghai
NIGHTLY = (datetime(2026, 11, 4, 18, 30, tzinfo=UTC), datetime(2026, 11, 5, 18, 30, tzinfo=UTC))
WEEK = (datetime(2026, 11, 1, 18, 30, tzinfo=UTC), datetime(2026, 11, 8, 18, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("since", "until", "interval", "first", "last"),
    [
        (None, None, NIGHTLY, date(2026, 11, 5), date(2026, 11, 6)),
        (None, None, WEEK, date(2026, 11, 2), date(2026, 11, 9)),
        (None, None, None, date(2026, 11, 8), date(2026, 11, 9)),
        ("2026-11-02", "2026-11-07", NIGHTLY, date(2026, 11, 2), date(2026, 11, 7)),
        ("2026-11-02", None, NIGHTLY, date(2026, 11, 2), date(2026, 11, 6)),
        ("2026-11-02", None, None, date(2026, 11, 2), date(2026, 11, 9)),
        (None, "2026-11-03", NIGHTLY, date(2026, 11, 2), date(2026, 11, 3)),
        ("", "", NIGHTLY, date(2026, 11, 5), date(2026, 11, 6)),
    ],
    ids=["night", "longer interval", "no interval", "params", "since", "since alone", "until", "empty"],
)
def test_params_then_interval_then_yesterday(
    since: str | None, until: str | None, interval: tuple[datetime, datetime] | None, first: date, last: date
) -> None:
    assert days(since, until, interval, as_of=AS_OF, zone=ZONE) == (first, last)


def test_what_is_no_date_is_named_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="since") as raised:
        days("13800138000", None, NIGHTLY, as_of=AS_OF, zone=ZONE)
    assert "138" not in str(raised.value)
