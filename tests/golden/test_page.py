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
