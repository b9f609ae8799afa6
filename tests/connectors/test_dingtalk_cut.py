from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from fieldwork.connectors.dingtalk.checkins import calls
from fieldwork.connectors.dingtalk.cut import Piece, groups, named, pieces
from fieldwork.errors import ConfigError
from fieldwork.streams import Window

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 2, tzinfo=SHANGHAI)


@pytest.mark.parametrize("hours", [1, 24, 167.5, 168, 169, 24 * 45])
def test_pieces_cover_the_window_once(hours: float) -> None:
    window = Window(START, START + timedelta(hours=hours))
    found = pieces(window, 7, SHANGHAI)
    assert found[0].start == window.start and found[-1].end == window.end
    assert all(a.end == b.start for a, b in pairwise(found))
    assert all(piece.end - piece.start <= timedelta(days=7) for piece in found)
    assert [piece.first for piece in found] == [True] + [False] * (len(found) - 1)


def test_an_empty_window_has_no_pieces_and_an_open_one_is_refused() -> None:
    assert pieces(Window(START, START), 7, SHANGHAI) == []
    with pytest.raises(ConfigError, match="first day"):
        pieces(Window(None, START), 7, SHANGHAI)


def test_seven_days_of_the_wall_clock_over_a_summer_time_change() -> None:
    zone = ZoneInfo("Europe/Berlin")
    window = Window(datetime(2026, 3, 23, tzinfo=zone), datetime(2026, 4, 6, tzinfo=zone))
    assert [piece.end.astimezone(zone).day for piece in pieces(window, 7, zone)] == [30, 6]


def test_names_say_days_group_and_people() -> None:
    piece = Piece(START.astimezone(UTC), (START + timedelta(days=7, hours=12)).astimezone(UTC))
    users = [f"u{n:03d}" for n in range(120)]
    first, second, third = groups(users, 50)
    assert named("punches", piece, second, SHANGHAI).startswith("punches:2026-11-02..2026-11-09T120000:g001-")
    assert [len(one.users) for one in (first, second, third)] == [50, 50, 20]
    assert groups(users, 50) == [first, second, third]
    changed = groups([*users[:-1], "u999"], 50)
    assert changed[:2] == [first, second] and changed[2].name != third.name


def _calls(people: int, days: float) -> list[tuple[tuple[str, ...], Piece]]:
    users = tuple(f"u{n}" for n in range(people))
    return list(calls(users, Piece(START.astimezone(UTC), (START + timedelta(days=days)).astimezone(UTC))))


@pytest.mark.parametrize(
    ("people", "days", "count"),
    [(1, 10, 1), (1, 10.5, 2), (5, 10, 5), (10, 7, 7), (50, 4.5, 25), (11, 10, 11), (3, 1, 1)],
)
def test_checkins_take_the_fewest_calls(people: int, days: float, count: int) -> None:
    assert len(_calls(people, days)) == count


@pytest.mark.parametrize(("people", "days"), [(1, 10.5), (7, 9), (23, 4.5), (50, 31)])
def test_checkin_calls_keep_the_limits_and_cover_everybody_once(people: int, days: float) -> None:
    asked = _calls(people, days)
    covered: dict[str, timedelta] = {}
    for users, span in asked:
        assert len(users) <= 10
        assert span.end - span.start <= timedelta(days=10 if len(users) == 1 else 1)
        for user in users:
            covered[user] = covered.get(user, timedelta()) + (span.end - span.start)
    assert len(covered) == people and set(covered.values()) == {timedelta(days=days)}
