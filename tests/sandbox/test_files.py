"""A company as CSV: there and back, and what is said about a file that is not right."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fieldwork.errors import ConfigError
from fieldwork.sandbox.city import generate
from fieldwork.sandbox.company import Company
from fieldwork.sandbox.files import read_company, read_truth, write_company, write_truth
from fieldwork.streams import STREAMS

from . import small

PUNCHES = "record_id,user_id,punched_at,kind\n"


def put(directory: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    (directory / name).write_bytes(text.encode(encoding))
    return directory


@pytest.mark.parametrize("faults", ["usual", "storm"])
def test_what_is_written_is_read_back(tmp_path: Path, faults: str) -> None:
    company = generate(people=30, days=7, faults=faults)  # type: ignore[arg-type]
    write_company(company, tmp_path)
    back = read_company(tmp_path)
    assert (back.name, back.since, back.until, back.roster) == (
        company.name, company.since, company.until, company.roster,
    )  # fmt: skip
    assert back.truth == {}
    for name, table in company.tables.items():
        assert back.tables[name].combine_chunks().equals(table.combine_chunks()), name


def test_a_spreadsheet_runs_nothing_of_what_is_written_and_all_of_it_is_read_back(tmp_path: Path) -> None:
    names = ["=1+1", "+86 138", "-5", "@x", "＝HYPERLINK(1)", "\t=1", "'=x", "plain", "'plain", "a;=1"]
    company = small.company(
        accounts=[{"account_id": f"=a{n}", "name": name, "latitude": -31.5} for n, name in enumerate(names)],
        punches=[{"record_id": "1", "punched_at": small.at("2026-11-02 09:00:00")}],
    )
    write_company(company, tmp_path)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "accounts.csv").read_text(encoding="utf-8"))))
    assert [row["name"] for row in rows] == [f"'{n}" if n not in {"plain", "'plain", "a;=1"} else n for n in names]
    assert {row["account_id"][:2] for row in rows} == {"'="}
    assert {row["latitude"] for row in rows} == {"-31.5"}  # a number
    assert read_company(tmp_path).tables["accounts"].to_pylist() == company.tables["accounts"].to_pylist()


def test_truth_is_written_beside_and_read_back(tmp_path: Path) -> None:
    company = generate(people=30, days=7)
    write_company(company, tmp_path)
    write_truth(company, tmp_path)
    assert {name: table.equals(company.truth[name]) for name, table in read_truth(tmp_path).items()} == {
        "attendance": True, "visits": True, "checkins": True,
    }  # fmt: skip
    assert len(read_company(tmp_path).tables["visits"]) == len(company.tables["visits"])


def test_no_truth_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"truth_attendance\.csv"):
        read_truth(tmp_path)
    with pytest.raises(ConfigError, match="Nobody knows"):
        write_truth(Company("x", date(2026, 11, 2), date(2026, 11, 3), {}), tmp_path)


def test_one_file_is_a_company(tmp_path: Path) -> None:
    put(tmp_path, "punches.csv", PUNCHES + "007,u1,2026-11-02T08:58:00+08:00,in\n,u1,2026-11-04 01:00:00Z,field\n")
    company = read_company(tmp_path)
    assert (company.name, company.since, company.until) == (tmp_path.name, date(2026, 11, 2), date(2026, 11, 5))
    assert set(company.tables) == set(STREAMS)
    rows = company.tables["punches"].to_pylist()
    assert [row["record_id"] for row in rows] == ["007", None]
    assert [row["punched_at"] for row in rows] == [
        datetime(2026, 11, 2, 0, 58, tzinfo=UTC), datetime(2026, 11, 4, 1, tzinfo=UTC),
    ]  # fmt: skip
    assert rows[0]["latitude"] is None
    assert len(company.tables["visits"]) == 0
    assert company.roster == []


def test_the_working_day_that_the_source_states_counts(tmp_path: Path) -> None:
    put(tmp_path, "punches.csv", "punched_at,work_date\n2026-11-03T06:01:00+08:00,2026-11-02\n")
    assert read_company(tmp_path).until == date(2026, 11, 3)


def test_fractions_of_a_second_survive(tmp_path: Path) -> None:
    put(tmp_path, "punches.csv", "punched_at\n2026-11-02T09:00:00.123+08:00\n")
    company = read_company(tmp_path)
    write_company(company, tmp_path / "again")
    again = read_company(tmp_path / "again").tables["punches"]["punched_at"]
    assert again.to_pylist() == [datetime(2026, 11, 2, 1, 0, 0, 123_000, tzinfo=UTC)]


def test_excel_marks_quotes_line_ends_and_unknown_columns_are_fine(tmp_path: Path) -> None:
    put(tmp_path, "punches.csv", "punched_at\n2026-11-02T09:00:00+08:00\n")
    text = 'remark,account_id,name\r\n"x,y",001,"恒瑞 ""商贸"""\r\nz,002,"two\r\nlines"\r\n\r\n'
    put(tmp_path, "accounts.csv", text, "utf-8-sig")
    rows = read_company(tmp_path).tables["accounts"].to_pylist()
    assert [(row["account_id"], row["name"]) for row in rows] == [("001", '恒瑞 "商贸"'), ("002", "two\r\nlines")]


def test_the_mark_does_not_stick_to_the_first_column(tmp_path: Path) -> None:
    put(tmp_path, "punches.csv", "punched_at,kind\n2026-11-02T09:00:00+08:00,in\n", "utf-8-sig")
    assert read_company(tmp_path).tables["punches"]["punched_at"].null_count == 0


def test_booleans_amounts_and_strange_kinds(tmp_path: Path) -> None:
    put(tmp_path, "punches.csv", PUNCHES + "1,u1,2026-11-02T09:00:00+08:00,打卡\n")
    words = ["true", "FALSE", "1", "0", "yes", "No", "是", "否", ""]
    put(tmp_path, "opportunities.csv", "amount,is_won\n" + "".join(f"12.50,{word}\n" for word in words))
    tables = read_company(tmp_path).tables
    assert tables["punches"]["kind"].to_pylist() == ["打卡"]
    assert tables["opportunities"]["is_won"].to_pylist() == [True, False] * 4 + [None]
    assert tables["opportunities"]["amount"][0].as_py() == Decimal("12.50")


def test_an_empty_file_and_a_header_alone_have_no_rows(tmp_path: Path) -> None:
    put(tmp_path, "punches.csv", "punched_at\n2026-11-02T09:00:00+08:00\n")
    put(tmp_path, "visits.csv", "")
    put(tmp_path, "tasks.csv", "task_id,due_on\n")
    tables = read_company(tmp_path).tables
    assert len(tables["visits"]) == len(tables["tasks"]) == 0
    assert tables["tasks"].schema.names == list(STREAMS["tasks"].columns)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("punches.csv", "punched_at\n2026-11-02T09:00:00+08:00\n2026-11-02T09:00:00\n", "line 3, column punched_at"),
        ("punches.csv", "kind,punched_at\n\nin,secret\n", "line 3, column punched_at"),
        ("punches.csv", 'place,punched_at\n"two\nlines",\n"a\nb",secret\n', "line 4, column punched_at"),
        ("punches.csv", "latitude\n31.2\nsecret\n", "line 3, column latitude"),
        ("punches.csv", "latitude\nnan\n", "line 2, column latitude"),
        ("punches.csv", "work_date\n2026-13-01\n", "line 2, column work_date"),
        ("visits.csv", "deleted\nsecret\n", "line 2, column deleted"),
        ("opportunities.csv", "amount\n1.005\n", "line 2, column amount"),
        ("punches.csv", PUNCHES + "1,u1,,in\n\n2,secret\n", "line 4: 2 cells where the header has 4"),
        ("punches.csv", PUNCHES + '1,"u\n1",,in\n2,u2,,in,secret\n', "line 4: 5 cells where the header has 4"),
        ("punches.csv", "user_id,user_id\nu1,u2\n", "line 1: the column user_id stands there twice"),
    ],
)
def test_what_is_wrong_is_said_by_file_line_and_column_without_the_value(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    put(tmp_path, name, text)
    with pytest.raises(ConfigError) as caught:
        read_company(tmp_path)
    assert f"{name}, {said}" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_line_is_found_among_many(tmp_path: Path) -> None:
    lines = ["2026-11-02T09:00:00+08:00"] * 5_000
    lines[3_210] = "2026-11-02"
    put(tmp_path, "punches.csv", "punched_at\n" + "\n".join(lines))
    with pytest.raises(ConfigError, match=r"punches\.csv, line 3212, column punched_at"):
        read_company(tmp_path)


def test_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    put(tmp_path, "accounts.csv", "account_id,name\n1,a\n2,恒瑞\n", "gb18030")
    with pytest.raises(ConfigError, match=r"accounts\.csv, line 3: this is not UTF-8"):
        read_company(tmp_path)


def test_a_company_without_days_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "accounts.csv", "account_id\n1\n")
    with pytest.raises(ConfigError, match="no punches and no visits"):
        read_company(tmp_path)
    with pytest.raises(ConfigError, match="no directory"):
        read_company(tmp_path / "none")


@pytest.mark.parametrize("text", ['since = "soon"', "name = [", "roster = 1"])
def test_a_wrong_company_toml_is_refused(tmp_path: Path, text: str) -> None:
    put(tmp_path, "punches.csv", "punched_at\n2026-11-02T09:00:00+08:00\n")
    put(tmp_path, "company.toml", text)
    with pytest.raises(ConfigError, match=r"company\.toml"):
        read_company(tmp_path)
