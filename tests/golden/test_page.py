"""docs/cases.md says what the case files say, and a slip in a case file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import __main__ as page
from . import cases


def test_the_page_holds_the_cases() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.fill(text), "run python -m tests.golden"
    count = sum(len(topic.cases) for topic in cases.topics())
    assert sum(line.startswith("| ") for line in text.splitlines()) == count + len(cases.topics())


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('[[case]]\nname = "a"\npunch = "in 09:00"\nexpect.attendance = {}', "gives {'punch'}"),
        ('[[case]]\nname = "a"\nexpect.attendence = {}', "expects {'attendence'}"),
        ('[[case]]\nname = "a"', "expects nothing"),
        ('compani = "b"\n[[case]]\nname = "a"\nexpect.attendance = {}', "unknown {'compani'}"),
        ('company = "nobody"\n[[case]]\nname = "a"\nexpect.attendance = {}', "no companies/nobody.toml"),
    ],
)
def test_a_slip_is_refused(tmp_path: Path, entry: str, words: str) -> None:
    (tmp_path / "slip.toml").write_text(f'title = "t"\nabout = "a"\n{entry}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        cases._topic("attendance", tmp_path / "slip.toml", iter([1]))


#: the rules of an attendance day in words, and a case that would fail without each
ATTENDANCE = {
    "fixed shifts": "on time",
    "rotating by roster": "the second day of the pattern",
    "flexible core hours": "not there when the core hours begin",
    "night shift over midnight": "a night",
    "split shifts": "both parts worked",
    "several breaks": "three breaks",
    "by employee, team or company": "one's own roster wins over the team's",
    "by date": "a date in roster.csv makes a Sunday a working day",
    "the source's working day wins": "the source's working day wins",
    "the source's base time wins": "the source's times name another shift",
    "a disagreement is an anomaly": "the source gives the roster's night to the next day",
    "near-duplicates collapse": "thirty seconds apart are one",
    "in-in-out": "in, in, out: the first in counts",
    "missing in": "no in",
    "missing out": "no out",
    "out before in": "an out before the in, and one after it",
    "spans over 16 h": "a minute more than sixteen hours is one, and still counts",
    "punches before hire": "punched the day before the first",
    "punches after leaving": "punched after the last day",
    "unpaired repeats": "back after lunch, and never out again",
    "grace": "the last second of the grace",
    "late": "late, in whole minutes",
    "early leaving": "a whole minute early",
    "half day of leave": "leave in the morning, work in the afternoon",
    "half workday": "the first half of the day",
    "half a day worked": "came after two: half of the day was missed",
    "absence": "no punch at all",
    "leave": "leave all day",
    "trips": "a trip of several days",
    "partial days of leave": "late after leave",
    "partial days of trips": "part of a day on a trip, and late after it",
    "overtime with tolerance": "overtime from the tolerance on",
    "overtime on a rest day": "a rest day is all overtime",
    "overtime on a holiday": "a holiday is all overtime",
    "rest day": "a weekend",
    "public holiday": "a holiday",
    "make-up workday": "a make-up workday is worked",
    "standard hours": "standard: overtime is of the day",
    "comprehensive hours": "a month beyond its plan: eighteen working days are 8,640 minutes",
    "irregular hours": "irregular: neither late nor early nor overtime",
    "hours systems with dates": "the system changes on a Monday: Friday before is standard",
    "a 23-hour day": "Berlin, spring: a night of seven hours",
    "a 25-hour day": "Berlin, autumn: a night of nine hours",
    "Shanghai's summer time": "Shanghai 1988: summer time began on 17 April",
    "rules by date": "leave until noon: due after the break in December",
}


def test_every_rule_of_attendance_has_a_case() -> None:
    names = {case.name for topic in cases.topics() if topic.part == "attendance" for case in topic.cases}
    assert {rule: name for rule, name in ATTENDANCE.items() if name not in names} == {}
    assert sum(len(topic.cases) for topic in cases.topics()) >= 120
