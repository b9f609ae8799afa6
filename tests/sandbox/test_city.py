"""The shape of the invented city: the same bytes each time, the columns of every stream, ids, people, and bad rows."""

from __future__ import annotations

import hashlib
import time
import tomllib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fieldwork.errors import CalendarYearUnknown, ConfigError
from fieldwork.sandbox.city import generate
from fieldwork.sandbox.company import Company, overlay_toml
from fieldwork.sandbox.files import write_company, write_truth
from fieldwork.streams import STREAMS


@pytest.fixture(scope="module")
def usual() -> Company:
    return generate()


def digest(company: Company, directory: Path) -> str:
    write_company(company, directory)
    write_truth(company, directory)
    content = b"".join(path.read_bytes() for path in sorted(directory.iterdir()))
    return hashlib.sha256(content).hexdigest()


def test_the_same_options_give_the_same_bytes(tmp_path: Path) -> None:
    first = digest(generate(people=30, days=5, faults="storm"), tmp_path / "a")
    again = digest(generate(people=30, days=5, faults="storm"), tmp_path / "b")
    other = digest(generate(people=30, days=5, faults="storm", seed=1), tmp_path / "c")
    assert first == again != other


def test_the_bytes_stay_the_same_over_versions(tmp_path: Path) -> None:
    """A change here changes every demo and benchmark: make it on purpose."""
    assert digest(generate(people=30, days=5), tmp_path) == KNOWN_DIGEST


KNOWN_DIGEST = "436913dd2a166c2989e6ac0a4464f77c85e646412200a9f45f62e512ed16980f"


@pytest.mark.parametrize("faults", ["none", "usual", "storm"])
def test_every_stream_is_there_in_its_columns_and_types(faults: str) -> None:
    company = generate(people=30, days=7, faults=faults)  # type: ignore[arg-type]
    assert list(company.tables) == list(STREAMS)
    for name, table in company.tables.items():
        assert dict(zip(table.column_names, table.schema.types, strict=True)) == STREAMS[name].column_types
        assert len(table) > 0, name
    assert (company.since, company.until) == (date(2026, 11, 2), date(2026, 11, 9))


def test_record_ids_are_digits_and_unique(usual: Company) -> None:
    ids = usual.tables["punches"]["record_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert all(one.isascii() and one.isdigit() for one in ids)


def test_crm_ids_have_18_characters_the_right_checksum_and_differ_by_case(usual: Company) -> None:
    ids = [one for name, column in CRM_KEYS for one in usual.tables[name][column].to_pylist()]
    assert len(set(ids)) == len(ids)
    assert all(one == one[:15] + salesforce_checksum(one[:15]) for one in ids)
    visits = [one[:15] for one in usual.tables["visits"]["visit_id"].to_pylist()]
    assert len({one.lower() for one in visits}) < len(visits)


CRM_KEYS = [
    ("crm_users", "crm_user_id"), ("accounts", "account_id"), ("visits", "visit_id"), ("tasks", "task_id"),
    ("opportunities", "opportunity_id"),
]  # fmt: skip


def salesforce_checksum(short: str) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    chunks = (short[start : start + 5] for start in (0, 5, 10))
    return "".join(letters[sum(c.isupper() << n for n, c in enumerate(chunk))] for chunk in chunks)


def test_people_have_managers_and_numbers_with_leading_zeros(usual: Company) -> None:
    people = usual.tables["employees"].to_pylist()
    users = {person["user_id"] for person in people}
    assert sum(person["manager_user_id"] is None for person in people) == 1
    assert {person["manager_user_id"] for person in people} - {None} < users
    numbers = [person["employee_no"] for person in people]
    assert len(set(numbers)) == len(people) == 60
    assert any(number.startswith("0") for number in numbers)
    assert any(number.startswith("E0") for number in numbers)
    assert all(person["mobile"].startswith("100") and len(person["mobile"]) == 11 for person in people)
    assert all(person["email"].endswith("@example.com") for person in people)


def test_crm_users_are_known_by_number_by_email_or_by_mobile() -> None:
    users = generate(people=200, days=3).tables["crm_users"].to_pylist()
    known = Counter(next(key for key in ("employee_no", "email", "mobile") if user[key] is not None) for user in users)
    assert all(sum(user[key] is not None for key in ("employee_no", "email", "mobile")) == 1 for user in users)
    assert known["employee_no"] > known["email"] > 0
    assert known["mobile"] > 0


def test_checkins_have_no_device_no_day_and_no_stamp(usual: Company) -> None:
    punches = usual.tables["punches"]
    field = pc.equal(punches["kind"], "field")
    by_app = punches.filter(pc.and_(field, pc.is_null(punches["work_date"])))
    assert len(by_app) > 100
    for column in ("accuracy_m", "device_id", "work_date", "base_at", "modified_at"):
        assert by_app[column].null_count == len(by_app), column
    field_trip = punches.filter(pc.and_(field, pc.is_valid(punches["work_date"])))
    assert len(field_trip) > 100
    assert field_trip["modified_at"].null_count == 0
    assert not set(by_app["user_id"].to_pylist()) & set(field_trip["user_id"].to_pylist())


@pytest.mark.parametrize(("share", "apps"), [(0.0, {False}), (1.0, {True})])
def test_checkin_share_chooses_the_product_per_person(share: float, apps: set[bool]) -> None:
    punches = generate(people=30, days=3, checkin_share=share).tables["punches"]
    field = punches.filter(pc.equal(punches["kind"], "field"))
    assert set(pc.is_null(field["work_date"]).to_pylist()) == apps


def test_some_customers_share_a_building_some_have_a_radius_some_no_place(usual: Company) -> None:
    accounts = usual.tables["accounts"]
    assert 0 < accounts["latitude"].null_count < len(accounts) / 10
    assert set(accounts["radius_m"].to_pylist()) > {None, 150.0, 800.0}
    places = accounts.select(["latitude", "longitude"]).drop_null().to_pylist()
    close = [
        1
        for one, other in pairwise(places)
        if abs(one["latitude"] - other["latitude"]) < 0.0003 and abs(one["longitude"] - other["longitude"]) < 0.0004
    ]
    assert len(close) > 20


def test_night_punches_carry_the_day_on_which_the_shift_began(usual: Company) -> None:
    punches = usual.tables["punches"]
    local = pc.local_timestamp(punches["punched_at"].cast(pa.timestamp("us", tz="Asia/Shanghai")))
    hour = pc.hour(local)
    leaving = punches.filter(pc.and_(pc.equal(punches["kind"], "out"), pc.less(hour, 8)))
    days = pc.subtract(leaving["punched_at"].cast(pa.date32(), safe=False), leaving["work_date"])
    assert len(leaving) > 10
    assert {span.days for span in days.cast(pa.duration("s")).to_pylist()} <= {0, 1}
    assert {moment.hour for moment in leaving["base_at"].to_pylist()} == {22}  # 06:00 in Shanghai


def test_no_modified_stamp_lies_after_the_last_day(usual: Company) -> None:
    end = pa.scalar(datetime(2026, 11, 15, 16, tzinfo=UTC))
    for name, _ in CRM_KEYS:
        assert pc.all(pc.less(usual.tables[name]["modified_at"], end)).as_py(), name


def test_roster_is_toml_that_replaces_the_shipped_one(usual: Company) -> None:
    entries = tomllib.loads(overlay_toml(usual))["roster"]
    assert entries == usual.roster
    assert entries[0] == {"scope": "company", "subject": "*", "from": date(2000, 1, 1), "shift": "office"}
    assert {(entry["scope"], entry["shift"]) for entry in entries[1:]} == {
        ("team", "night"), ("team", "flexible"), ("employee", "flexible"),
    }  # fmt: skip
    teams = set(usual.tables["employees"]["team"].to_pylist())
    assert {entry["subject"] for entry in entries if entry["scope"] == "team"} < teams


def test_a_storm_adds_bad_rows_and_leaves_the_good_ones() -> None:
    company = generate(people=100, days=10, faults="storm")
    punches, visits = company.tables["punches"], company.tables["visits"]
    assert pc.sum(pc.equal(punches["kind"], "break")).as_py() > 0
    assert pc.sum(pc.greater(punches["latitude"], 90)).as_py() > 0
    assert pc.sum(pc.equal(punches["latitude"], 0)).as_py() > 0
    assert pc.max(punches["work_date"]).as_py() == company.until
    assert len(set(punches["record_id"].to_pylist())) < len(punches)
    assert pc.sum(pc.less(visits["planned_end"], visits["planned_start"])).as_py() > 0
    known = set(company.tables["crm_users"]["crm_user_id"].to_pylist())
    assert set(visits["owner_id"].to_pylist()) - known
    assert set(company.truth["visits"]["visit_id"].to_pylist()) < set(visits["visit_id"].to_pylist())


def test_one_truth_per_employee_and_day_of_employment() -> None:
    company = generate(people=200, days=14)
    expected = set()
    for person in company.tables["employees"].to_pylist():
        first = max(company.since, person["hired_on"])
        last = min(company.until - timedelta(days=1), person["left_on"] or date.max)
        expected |= {(person["employee_no"], first + timedelta(days=n)) for n in range((last - first).days + 1)}
    truth = company.truth["attendance"]
    found = list(zip(truth["employee_id"].to_pylist(), truth["work_date"].to_pylist(), strict=True))
    assert len(found) == len(expected)
    assert set(found) == expected
    assert any(person["left_on"] for person in company.tables["employees"].to_pylist())


@pytest.mark.parametrize(
    "options", [{"people": 7}, {"days": 0}, {"seed": -1}, {"faults": "many"}, {"checkin_share": 1.1}], ids=str
)
def test_options_that_make_no_city_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        generate(**options)  # type: ignore[arg-type]


def test_days_without_a_decree_are_refused() -> None:
    with pytest.raises(CalendarYearUnknown, match="2027"):
        generate(people=8, days=3, start=date(2026, 12, 31))


@pytest.mark.parametrize("faults", ["none", "usual", "storm"])
def test_a_weekend_alone_is_a_city_too(faults: str) -> None:
    company = generate(people=10, days=2, start=date(2026, 11, 7), faults=faults)  # type: ignore[arg-type]
    assert set(company.truth["attendance"]["status"].to_pylist()) == {"rest"}
    assert len(company.tables["visits"]) == 0


def test_the_smallest_city_has_every_role() -> None:
    company = generate(people=8, days=5)
    assert {entry["shift"] for entry in company.roster} == {"office", "night", "flexible"}
    assert len(company.tables["visits"]) > 0


def test_a_large_city_is_made_within_seconds() -> None:
    """A tenth of 5,000 people; the whole takes about 3 s on two cores."""
    before = time.perf_counter()
    company = generate(people=1_000, days=25)
    assert time.perf_counter() - before < 5
    assert len(company.tables["punches"]) > 100_000
