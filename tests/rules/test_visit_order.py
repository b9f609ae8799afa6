"""The order in which facts arrive never matters: the same day, told forwards and shuffled, gets the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.warehouse.schema import mart
from tests.golden.facts import Notebook

DAYS = ("2026-11-03", "2026-11-04")
METRES = (0, 0, 30, 250, 900)
VISIT = ("verdict", "reason_code", "minutes_off", "distance_m", "signals", "stayed_minutes", "stayed_at_most_minutes")
CHECK_IN = ("reason_code", "account_id", "distance_m", "signals")


def facts(random: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """A person's two days: visits that compete, check-ins at the very same minutes and places, odd positions."""
    number = iter(range(100))
    for day in DAYS:
        for _ in range(random.randint(1, 4)):
            start = random.choice((9, 10, 10, 11, 23))
            span = f"{start:02}:00 - {start:02}:30"
            yield "visit", {"name": f"v{next(number):02}", "day": day, "span": span, "at": random.choice(METRES)}
        for _ in range(random.randint(1, 5)):
            hour, minute, second = (
                random.choice((9, 10, 11, 15)),
                random.choice((0, 0, 15, 30)),
                random.choice((0, 20, 40)),
            )
            clock = f"{hour:02}:{minute:02}:{second:02}"
            spoilt = random.choice((None, None, None, None, "null", "far", "nowhere"))
            where = {"metres": random.choice((0, 10, 30, 310, 700)), "accuracy": random.choice((None, 0, 50, 5000))}
            yield "check-in", {"name": f"c{next(number):02}", "day": day, "clock": clock, "spoilt": spoilt, **where}


def tell(world: Notebook, person: str, kind: str, fact: dict[str, Any]) -> None:
    name = f"{person}-{fact['name']}"
    if kind == "visit":
        world.visit(person, name, fact["day"], fact["span"], f"a{fact['at']}")
        return
    metres = None if fact["spoilt"] == "nowhere" else fact["metres"] + (2_000_000 if fact["spoilt"] == "far" else 0)
    more = {"latitude": 0.0, "longitude": 0.0} if fact["spoilt"] == "null" else {}
    accuracy = {} if fact["accuracy"] is None else {"accuracy_m": float(fact["accuracy"])}
    if more:
        world.punch(person, fact["day"], f"field {fact['clock']}", record_id=name, **more, **accuracy)
    else:
        world.check_in(person, fact["day"], fact["clock"], metres, record_id=name, **accuracy)


def answers(world: Notebook, table: sa.Table, key: str, columns: tuple[str, ...], side: str) -> dict[str, Any]:
    """Rows of the people of one side by the key without the side."""

    def plain(value: Any) -> Any:
        return value[1:] if isinstance(value, str) and value[:1] == side else value

    rows = [row for row in world.rows(table) if row["employee_id"].startswith(side)]
    return {row[key][1:]: [plain(row["record_id"]), *(row[name] for name in columns)] for row in rows}


def judge(warehouse: sa.Engine, settings: Settings, people: int, seed: int) -> None:
    world = Notebook(warehouse, settings)
    world.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
    for metres in set(METRES):
        world.account(f"a{metres}", metres)
    random = Random(seed)
    told: list[tuple[str, str, dict[str, Any]]] = []
    for n in range(people):
        for side in "AB":
            world.employee(f"{side}{n:04}")
        told += [(f"{n:04}", kind, fact) for kind, fact in facts(random)]
    for side, order in (("A", told), ("B", random.sample(told, len(told)))):
        for number, kind, fact in order:
            tell(world, f"{side}{number}", kind, fact)
    world.write()
    counts = world.build(DAYS[0], "2026-11-05")
    world.publish()
    assert counts["contested"] > people / 2, "nothing to choose"
    for table, key, columns in (
        (mart.visit_check, "visit_id", VISIT),
        (mart.unmatched_check_in, "record_id", CHECK_IN),
    ):
        forwards, shuffled = (answers(world, table, key, columns, side) for side in "AB")
        assert len(forwards) > people / 2
        assert forwards == shuffled


def test_the_order_of_facts_does_not_matter(warehouse: sa.Engine, settings: Settings) -> None:
    judge(warehouse, settings, people=60, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 105))
def test_nor_for_many_people(warehouse: sa.Engine, settings: Settings, seed: int) -> None:
    judge(warehouse, settings, people=2_000, seed=seed)
