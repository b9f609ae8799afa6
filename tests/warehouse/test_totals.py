"""Parts add up to the whole: days to months, members to teams, teams to the company, each currency by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from random import Random
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.warehouse.schema import mart, ref

Row = dict[str, Any]

FIRST: Final = date(2026, 9, 20)
TEAMS: Final = ("North", "South", None)
#: the weights change in the middle of October
WEIGHTS: Final = {
    "a": {"visits_verified": 0.5, "tasks_on_time": 0.3, "attendance": 0.2},
    "b": {"visits_verified": 0.1, "attendance": 0.9},
}
CHANGED: Final = date(2026, 10, 14)
#: every number of the row but the index is a sum; a new one must be added to totals.sql too
ADDITIVE: Final = [
    c.name
    for c in mart.performance_day.columns
    if isinstance(c.type, sa.Integer | sa.Numeric) and "index" not in c.name
]
VIEWS: Final[dict[str, Callable[[Row], tuple[Any, ...]]]] = {
    "performance_month": lambda r: (r["employee_id"], r["work_date"].replace(day=1)),
    "performance_member_month": lambda r: (r["team"], r["employee_id"], r["work_date"].replace(day=1)),
    "performance_team_month": lambda r: (r["team"], r["work_date"].replace(day=1)),
    "performance_team_day": lambda r: (r["team"], r["work_date"]),
    "performance_company_month": lambda r: (r["work_date"].replace(day=1),),
    "performance_company_day": lambda r: (r["work_date"],),
}


def person_days(seed: int) -> list[Row]:
    """Two months of a random company: people change teams, win in three currencies, and have days off."""
    pick = Random(seed)
    rows = []
    for person in range(pick.randint(3, 9)):
        team = pick.choice(TEAMS)
        for n in range(60):
            if pick.random() < 0.05:
                team = pick.choice(TEAMS)
            rows.append(_row(pick, f"E{person}", team, FIRST + timedelta(days=n)))
    return rows


def _row(pick: Random, employee_id: str, team: str | None, day: date) -> Row:
    planned, due, duty = pick.choice([0, 1, 2, 7]), pick.choice([0, 0, 1, 3]), pick.choice([0, 240, 480])
    row: Row = {name: pick.randint(0, 500) for name in ADDITIVE}
    other = {c: float(pick.randint(1, 10**9)) / 100 for c in ("USD", "EUR") if pick.random() < 0.2}
    return row | {
        "employee_id": employee_id, "team": team, "work_date": day,
        "status": pick.choice(["present", "late", "absent", "leave", "rest", "incomplete"]),
        "leave_days": Decimal(pick.randint(0, 10_000)) / 10_000, "planned_days": int(duty > 0),
        "visits_planned": planned, "visits_verified": pick.randint(0, planned),
        "tasks_due": due, "tasks_on_time": pick.randint(0, due),
        "duty_minutes": duty, "duty_kept_minutes": pick.randint(0, duty), "exposure_minutes": duty,
        "amount_won": Decimal(pick.randint(0, 10**10)) / 100, "amount_won_other": other or None,
        "rule_version": "a" if day < CHANGED else "b", "published_at": datetime(2026, 12, 1, tzinfo=UTC),
    }  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(shared_warehouse: Engine) -> Engine:
    """One for all."""
    return shared_warehouse


@pytest.fixture(scope="module")
def rows(warehouse: Engine) -> list[Row]:
    """Published days of three random companies, one after the other in one warehouse."""
    found = [row | {"employee_id": f"{seed}-{row['employee_id']}"} for seed in range(3) for row in person_days(seed)]
    rules = {
        "time_zone": "Asia/Shanghai", "duplicate_seconds": 30, "visit_before_minutes": 1, "visit_after_minutes": 1,
        "default_radius_m": 1, "accuracy_cap_m": 1, "overtime_tolerance_minutes": 1, "day_margin_minutes": 1,
        "company_currency": "CNY", "config_hash": "", "long_span_minutes": 1, "leave_joins_break": False,
        "nearby_m": 1, "poor_accuracy_m": 1, "speed_limit_kmh": 1,
    }  # fmt: skip
    with warehouse.begin() as connection:
        spans = [("a", date(2000, 1, 1), CHANGED), ("b", CHANGED, None)]
        for version, valid_from, valid_to in spans:
            span = {"version": version, "valid_from": valid_from, "valid_to": valid_to, "weights": WEIGHTS[version]}
            connection.execute(sa.insert(ref.rule_version).values(span | rules))
        connection.execute(sa.insert(mart.performance_day), found)
    return found


def view(engine: Engine, name: str) -> list[Row]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(f"select * from report.{name}")).mappings()]


def amounts(rows: list[Row]) -> dict[str, Decimal]:
    """Sums by currency, exact."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        for currency, amount in (row["amount_won_other"] or {}).items():
            found[currency] += Decimal(str(amount))
    return dict(found)


def index(rows: list[Row]) -> Decimal | None:
    """The index of several days by the sentence in rules.md, in fractions."""
    reached = possible = Fraction(0)
    for part, whole, weight in (
        ("visits_verified", "visits_planned", "visits_verified"),
        ("tasks_on_time", "tasks_due", "tasks_on_time"),
        ("duty_kept_minutes", "duty_minutes", "attendance"),
    ):
        total = sum(r[whole] for r in rows)
        if total:
            weights = [Fraction(str(WEIGHTS[r["rule_version"]].get(weight, 0))) for r in rows]
            reached += sum(r[part] * w for r, w in zip(rows, weights, strict=True)) / total
            possible += sum(r[whole] * w for r, w in zip(rows, weights, strict=True)) / total
    return rounded(100 * reached / possible) if possible else None


def rounded(number: Fraction, places: int = 2) -> Decimal:
    """Half away from zero, as PostgreSQL rounds numbers."""
    return (Decimal(number.numerator) / number.denominator).quantize(Decimal(10) ** -places, ROUND_HALF_UP)


def test_every_sum_of_every_view_is_the_sum_of_its_days(warehouse: Engine, rows: list[Row]) -> None:
    assert {"planned_days", "leave_days", "visits_verified", "amount_won"} <= set(ADDITIVE)
    for name, grain in VIEWS.items():
        groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in rows:
            groups[grain(row)].append(row)
        found = view(warehouse, name)
        assert len(found) == len(groups), name
        for sums in found:
            days = groups[grain(sums | {"work_date": sums.get("month") or sums["work_date"]})]
            assert {n: sums[n] for n in ADDITIVE} == {n: sum(d[n] for d in days) for n in ADDITIVE}, name
            assert sums["days"] == len(days)
            assert sums["days_absent"] == sum(d["status"] == "absent" for d in days)
            assert {c: Decimal(str(a)) for c, a in (sums["amount_won_other"] or {}).items()} == amounts(days)
            assert sums.get("people", 1) == len({d["employee_id"] for d in days})
            ours = sums["performance_index"]
            assert (ours if ours is None else Decimal(str(ours))) == index(days), (name, days)


def test_members_add_up_to_teams_and_teams_to_the_company(warehouse: Engine, rows: list[Row]) -> None:
    members, teams = view(warehouse, "performance_member_month"), view(warehouse, "performance_team_month")
    people, company = view(warehouse, "performance_month"), view(warehouse, "performance_company_month")
    assert len(members) > len(people), "somebody changed teams"
    for whole, parts, grain in (
        (people, members, ("employee_id", "month")),
        (teams, members, ("team", "month")),
        (company, teams, ("month",)),
        (company, people, ("month",)),
    ):
        for one in whole:
            mine = [p for p in parts if all(p[key] == one[key] for key in grain)]
            for name in [*ADDITIVE, "days", "days_present", "days_late", "days_absent"]:
                assert one[name] == sum(p[name] for p in mine), name


def test_rates_and_shares_are_sums_over_sums(warehouse: Engine, rows: list[Row]) -> None:
    for sums in view(warehouse, "performance_team_month"):
        hours, days = Fraction(int(sums["exposure_minutes"]), 60), Fraction(int(sums["planned_days"]))
        rated = [name.removesuffix("_per_duty_hour") for name in sums if name.endswith("_per_duty_hour")]
        assert len(rated) == 9
        for name in rated:
            places = 2 if name == "amount_won" else 4
            assert sums[f"{name}_per_duty_hour"] == rounded(Fraction(sums[name]) / hours, places)
            assert sums[f"{name}_per_planned_day"] == rounded(Fraction(sums[name]) / days, places)
        for part, whole in (("visits_verified", "visits_planned"), ("tasks_on_time", "tasks_due")):
            assert sums[f"{part}_share"] == rounded(Fraction(int(sums[part]), int(sums[whole])), 4)


def test_the_sentence_of_a_month_says_of_one_day_what_the_sentence_of_the_day_says() -> None:
    day = {"visits_planned": 2, "visits_verified": 1, "tasks_due": 3, "tasks_on_time": 1, "duty_minutes": 480}
    assert index([day | {"duty_kept_minutes": 480, "rule_version": "a"}]) == 55


def test_each_currency_stands_by_itself(warehouse: Engine, rows: list[Row]) -> None:
    with warehouse.connect() as connection:
        found = connection.execute(
            sa.text("select currency, sum(amount) from report.amount_won_day group by currency")
        ).tuples()
        assert dict(found.all()) == amounts(rows) | {"CNY": sum(r["amount_won"] for r in rows)}


def test_the_weights_are_published_with_their_days(warehouse: Engine, rows: list[Row]) -> None:
    found = [
        (r["version"], r["valid_from"], r["valid_to"], float(r["weight_tasks_on_time"]), float(r["weight_attendance"]))
        for r in sorted(view(warehouse, "rule_version"), key=lambda r: r["valid_from"])
    ]
    assert found == [("a", date(2000, 1, 1), CHANGED, 0.3, 0.2), ("b", CHANGED, None, 0.0, 0.9)]
