"""Shifts, rosters, hours systems and the company's own days: what is accepted, what is refused and with which words."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.rules import company_days, hours, roster_file, rosters, rulebook, shifts
from fieldwork.settings import Settings
from tests.rules.world import with_config

START = date(2000, 1, 1)
FIXED = {"name": "s", "from": START, "kind": "fixed", "grace_in_minutes": 5, "grace_out_minutes": 0}
DAY = FIXED | {"starts": time(9), "ends": time(18)}
OFFICE = {"scope": "company", "subject": "*", "from": START, "shift": "office"}
TEAM = {"scope": "team", "subject": "t", "from": START}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The shipped configuration; no warehouse is asked."""
    return settings_module.load({"FIELDWORK_HOME": str(tmp_path)})


def span(a: int, b: int) -> dict[str, time]:
    return {"starts": time(a), "ends": time(b)}


def shift(settings: Settings, entry: dict[str, Any]) -> dict[str, Any]:
    (row,) = shifts.read(with_config(settings, shift=[entry]))
    return row


# --- shifts
def test_a_split_shift_lasts_from_its_first_part_to_its_last(settings: Settings) -> None:
    row = shift(settings, FIXED | {"parts": [span(10, 14), span(17, 21)], "breaks": [span(12, 13)]})
    assert (row["starts"], row["ends"]) == (time(10), time(21))
    assert row["parts"] == [[time(10), time(14)], [time(17), time(21)]]
    assert row["breaks"] == [[time(12), time(13)]]


def test_one_break_is_written_as_before_or_as_a_list(settings: Settings) -> None:
    old = shift(settings, DAY | {"break_starts": time(12), "break_ends": time(13)})
    assert old == shift(settings, DAY | {"breaks": [span(12, 13)]})
    assert shift(settings, DAY)["breaks"] is None


@pytest.mark.parametrize(
    "entry",
    [
        FIXED | {"starts": time(20), "ends": time(8), "breaks": [span(23, 0), span(4, 5)]},
        FIXED | {"parts": [span(18, 22), span(0, 4)]},
        FIXED | {"starts": time(8), "ends": time(8)},
        DAY | {"kind": "flexible", "required_minutes": 540, "breaks": [span(8, 9), span(12, 13)]},
        DAY | {"kind": "flexible", "required_minutes": 540, "earliest_starts": time(7)},
    ],
    ids=["breaks over midnight", "parts over midnight", "a day and a night", "flexible breaks", "earliest start"],
)
def test_accepted(settings: Settings, entry: dict[str, Any]) -> None:
    shift(settings, entry)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (DAY | {"grace": 5}, r"'s': grace means nothing here"),
        (DAY | {"name": "rest"}, "means a day off"),
        (DAY | {"parts": [span(9, 12), span(13, 18)]}, "parts are two or more spans"),
        (FIXED | {"parts": [span(9, 12)]}, "parts are two or more spans"),
        (FIXED | {"kind": "flexible", "required_minutes": 9, "parts": [span(9, 12), span(13, 14)]}, "of a fixed shift"),
        (FIXED | {"parts": [{"starts": time(9)}, span(13, 14)]}, "parts is no list of spans"),
        (FIXED | {"parts": [span(9, 13), span(12, 18)]}, "parts overlap or are not in order"),
        (FIXED | {"parts": [span(9, 12), span(12, 18)]}, "parts overlap or are not in order"),
        (DAY | {"breaks": "noon"}, "breaks is missing or no list"),
        (DAY | {"breaks": [span(12, 13)], "break_starts": time(12), "break_ends": time(13)}, "has breaks twice"),
        (DAY | {"breaks": [span(12, 14), span(13, 15)]}, "breaks overlap or are not in order"),
        (DAY | {"breaks": [span(19, 20)]}, "a break lies outside the shift"),
        (DAY | {"breaks": [span(17, 19)]}, "a break lies outside the shift"),
        (FIXED | {"parts": [span(9, 12), span(14, 18)], "breaks": [span(12, 13)]}, "a break lies outside the shift"),
        (DAY | {"required_minutes": 540}, "kind is 'fixed' and required_minutes 540"),
        (DAY | {"earliest_starts": time(7)}, "together with required_minutes"),
        (
            DAY | {"kind": "flexible", "required_minutes": 540, "earliest_starts": time(10)},
            "earliest_starts is after starts",
        ),
    ],
)
def test_a_shift_refused(settings: Settings, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        shift(settings, entry)


# --- rosters
def test_a_pattern_begins_with_its_entry_and_knows_its_days_off(settings: Settings) -> None:
    team = TEAM | {"from": date(2026, 1, 5), "pattern": ["office", "night", "rest"]}
    rows = rulebook.read(with_config(settings, roster=[OFFICE, team])).rosters
    of_team = next(row for row in rows if row["scope"] == "team")
    assert (of_team["shift"], of_team["anchor"], of_team["follows"]) == (None, date(2026, 1, 5), "nothing")
    assert next(row for row in rows if row["scope"] == "company")["follows"] == "calendar"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (TEAM, "either a shift or a pattern"),
        (TEAM | {"shift": "office", "pattern": ["office"]}, "either a shift or a pattern"),
        (TEAM | {"pattern": []}, "no list of shifts"),
        (TEAM | {"pattern": ["office", 7]}, "no list of shifts"),
        (TEAM | {"pattern": ["office", "sleep"]}, "the shift 'sleep', which does not exist"),
        (TEAM | {"shift": "office", "anchor": START}, "an anchor without a pattern"),
        (TEAM | {"pattern": ["office"], "anchor": "monday"}, "anchor is missing or no date"),
        (TEAM | {"shift": "office", "follows": "feelings"}, "follows is 'feelings'"),
        (TEAM | {"shift": "office", "shfit": "night"}, "shfit means nothing here"),
        (TEAM | {"shift": "office", "from": date(1999, 1, 1)}, "'office', which has no hours on 1999-01-01"),
    ],
)
def test_a_roster_refused(settings: Settings, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rulebook.read(with_config(settings, roster=[OFFICE, entry]))


def test_a_shift_must_hold_as_long_as_its_roster(settings: Settings) -> None:
    gone = [*settings.config["shift"], DAY | {"until": date(2026, 1, 1)}]
    with pytest.raises(ConfigError, match="names the shift 's', which has no hours on 2026-01-01"):
        rulebook.read(with_config(settings, shift=gone, roster=[OFFICE, TEAM | {"shift": "s"}]))
    rulebook.read(with_config(settings, shift=gone, roster=[OFFICE, TEAM | {"shift": "s", "until": date(2026, 1, 1)}]))
    back = [*gone, DAY | {"from": date(2026, 1, 1), "starts": time(8)}]
    rulebook.read(with_config(settings, shift=back, roster=[OFFICE, TEAM | {"shift": "s"}]))


# --- roster.csv
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "cannot be read"),
        ("employee,work_date,shift\n", "has other columns"),
        ("employee_id,work_date,shift\nE1,2026-11-03\n", "cannot be read"),
        ("employee_id,work_date,shift\nE1,3 November,night\n", "cannot be read"),
        ("employee_id,work_date,shift\nE1,2026-11-03,night\n,2026-11-04,night\n", "line 3: employee_id is empty"),
        ("employee_id,work_date,shift\nE1,2026-11-03,\n", "line 2: shift is empty"),
        (
            "employee_id,work_date,shift\nE1,2026-11-03,night\nE2,2026-11-03,night\nE1,2026-11-03,office\n",
            "line 4: the person has two shifts on one date",
        ),
        ("employee_id,work_date,shift\nE1,2026-11-03,sleep\n", "names the shift 'sleep', which does not exist"),
        ("employee_id,work_date,shift\nE1,1999-11-03,night\n", "'night', which has no hours on 1999-11-03"),
    ],
)
def test_a_file_refused(settings: Settings, tmp_path: Path, lines: str, words: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as refused:
        roster_file.read(path, shifts.read(settings))
    assert "E1" not in str(refused.value), "an error names no person"


def test_a_file_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file .*nothing\.csv"):
        roster_file.read(tmp_path / "nothing.csv", shifts.read(settings))


def test_a_file_as_a_spreadsheet_writes_it(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes("\ufeffemployee_id,work_date,shift\r\n001,2026-11-03,night\r\n001,2026-11-04,rest\r\n".encode())
    assert roster_file.read(path, shifts.read(settings)).to_pylist() == [
        {"employee_id": "001", "work_date": date(2026, 11, 3), "shift": "night"},
        {"employee_id": "001", "work_date": date(2026, 11, 4), "shift": "rest"},
    ]


# --- hours systems
COMPREHENSIVE = TEAM | {"system": "comprehensive", "settlement": "month"}


def test_comprehensive_hours_are_eight_a_working_day_unless_told(settings: Settings) -> None:
    (row,) = hours.read(with_config(settings, hours=[COMPREHENSIVE]))
    assert (row["settlement"], row["plan"], row["day_minutes"]) == ("month", "calendar", 480)
    (row,) = hours.read(with_config(settings, hours=[COMPREHENSIVE | {"plan": "roster"}]))
    assert (row["plan"], row["day_minutes"]) == ("roster", None)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (TEAM | {"system": "lenient"}, "system is 'lenient'"),
        (TEAM | {"system": "comprehensive"}, "settlement is None"),
        (COMPREHENSIVE | {"settlement": "decade"}, "settlement is 'decade'"),
        (COMPREHENSIVE | {"plan": "hope"}, "plan is 'hope'"),
        (COMPREHENSIVE | {"day_minutes": -1}, "day_minutes must be a number from 0 up"),
        (COMPREHENSIVE | {"plan": "roster", "day_minutes": 480}, "the roster says how long a day is"),
        (TEAM | {"system": "irregular", "settlement": "month"}, "only comprehensive hours are settled"),
        (TEAM | {"system": "standard", "overtime": "no"}, "overtime means nothing here"),
        (TEAM | {"system": "standard", "scope": "planet"}, "scope is 'planet'"),
    ],
)
def test_hours_refused(settings: Settings, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        hours.read(with_config(settings, hours=[entry]))


def test_two_systems_on_one_day(settings: Settings) -> None:
    other = TEAM | {"system": "irregular"}
    with pytest.raises(ConfigError, match="two entries hold on 2000-01-01"):
        hours.read(with_config(settings, hours=[COMPREHENSIVE, other]))


# --- the company's own days
def own_days(settings: Settings, *days: Any) -> Settings:
    return with_config(settings, company={**settings.config["company"], "days": list(days)})


def test_a_span_of_days_and_a_half_workday(settings: Settings) -> None:
    holiday = {"date": date(2026, 11, 2), "until": date(2026, 11, 4), "kind": "holiday", "name": "n"}
    half = {"date": date(2026, 12, 31), "kind": "half", "half": "second"}
    found = company_days.read(own_days(settings, holiday, half))
    assert [(str(day), one.kind, one.half, one.source) for day, one in found.items()] == [
        ("2026-11-02", "holiday", None, "company"),
        ("2026-11-03", "holiday", None, "company"),
        ("2026-12-31", "workday", "second", "company"),
    ]


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-12-31", "days is no list of days"),
        ({"date": "2026-12-31", "kind": "half"}, "date is missing or no date"),
        ({"date": date(2026, 12, 31)}, "kind is None"),
        ({"date": date(2026, 12, 31), "kind": "feast"}, "kind is 'feast'"),
        ({"date": date(2026, 12, 31), "kind": "half", "half": "third"}, "half is 'third'"),
        ({"date": date(2026, 12, 31), "kind": "holiday", "half": "first"}, "only a half workday has a half"),
        ({"date": date(2026, 12, 31), "until": date(2026, 12, 31), "kind": "rest"}, "ends on 2026-12-31"),
        ({"date": date(2026, 12, 31), "kind": "rest", "why": "n"}, "why means nothing here"),
    ],
)
def test_a_day_refused(settings: Settings, day: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        company_days.read(own_days(settings, day))


def test_a_day_named_twice(settings: Settings) -> None:
    day = {"date": date(2026, 12, 31), "kind": "rest"}
    with pytest.raises(ConfigError, match="names 2026-12-31 twice"):
        company_days.read(own_days(settings, day, day))


def test_follows_has_the_words_of_the_docs() -> None:
    assert rosters.FOLLOWS == ("calendar", "holidays", "nothing")
