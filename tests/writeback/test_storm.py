"""A bad night: poisoned rows, lost answers, a 401, a 503, the limit of calls; everything right is in the CRM, once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import QuotaExhausted
from fieldwork.settings import Settings

from .world import World, world

SIZES = [pytest.param(300, id="600"), pytest.param(10_000, id="20000", marks=pytest.mark.slow)]
DAYS = "/composite/sobjects/Daily_Performance__c/External_Id__c"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", SIZES)
def test_everything_right_arrives_once_and_what_is_wrong_is_named(
    warehouse: Engine, settings: Settings, size: int
) -> None:
    with world(warehouse, settings, visits_count=size, days=size) as here:
        sandbox = here.sandbox
        for after in (0, 1, 3):
            sandbox.inject(DAYS, "lost_answer", after=after)
        sandbox.inject("/composite/sobjects/Event", "status_503")
        sandbox.inject("/query", "token_expire")
        sandbox.inject(DAYS, "status_403_limit", after=2 if size < 1000 else 20)
        bad_visits, bad_days = _poison(here, size)

        with pytest.raises(QuotaExhausted):
            here.send("r1")
        done = here.send("r2")
        again = here.send("r3")

        sent = sum(counts["sent"] for counts in (*done.values(), *again.values()))
        assert sent > 0
        assert all(counts["sent"] == 0 for counts in again.values()), "nothing is left to do"
        for kind, bad in (("visit", bad_visits), ("performance", bad_days)):
            intended, stands = here.intended(kind), here.ours(kind)
            assert {key for key in intended if stands.get(key) == intended[key]} == set(intended) - set(bad)
            assert len(here.records(kind)) == size - (len(bad) if kind == "performance" else 0), "none is doubled"
        assert max(here.executed().values()) == 1, "no write was executed twice"
        assert len(here.executed()) == 2 * size - 5
        assert _named(here) == {
            **dict.fromkeys(bad_days, ("JSON_PARSER_ERROR", "Illegal character in a value")),
            **dict.fromkeys(
                bad_visits, ("STRING_TOO_LONG", "Checkin_Reason__c: data value too large (max length=255)")
            ),
        }
        with warehouse.connect() as connection:
            states = dict(
                connection.execute(sa.text("select state, count(*) from ops.outbox group by state")).tuples().all()
            )
        assert states == {"sent": 2 * size - 5, "rejected": 5}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", SIZES)
def test_the_calls_are_predicted_within_two_percent(warehouse: Engine, settings: Settings, size: int) -> None:
    """Counted by the CRM itself: of a first load, and of a day on which people had edited some of the records."""
    with world(warehouse, settings, visits_count=size, days=size) as here:
        for day in range(2):
            before = here.calls()
            done = here.send(f"r{day}", accept_mass_change=True)
            used = here.calls() - before
            predicted = sum(counts["predicted_calls"] for counts in done.values())
            assert abs(predicted - used) <= max(0.02 * used, 0.5), (predicted, used)
            with warehouse.connect() as connection:
                noted = connection.execute(
                    sa.text("select sum(used_calls) from ops.write_batch where run_id = :run"), {"run": f"r{day}"}
                ).scalar_one()
            assert noted == used
            here.restate()
            for visit_id in list(here.records("visit"))[: size // 100]:
                here.sandbox.edit("Event", visit_id, Checkin_Minutes_Off__c=55)


def _poison(here: World, size: int) -> tuple[list[str], list[str]]:
    """Two visits with a text that is too long, three person-days that break the whole request; their keys."""
    visits = [f"00U{n:04d}" for n in (7, size - 1)]
    with here.engine.begin() as connection:
        connection.execute(
            sa.text("update mart.visit_check set reason = repeat('x', 300) where visit_id = any(:ids)"), {"ids": visits}
        )
    days = sorted(here.intended("performance"))
    bad = [days[0], days[size // 2], days[-1]]
    here.sandbox.inject(DAYS, "poison", times=1_000_000, keys=[f'"{key}"' for key in bad])
    return visits, bad


def _named(here: World) -> dict[str, tuple[str, str]]:
    """Refused records with the CRM's own words."""
    with here.engine.connect() as connection:
        rows = connection.execute(sa.text("select key, code, message from ops.receipt where not ok"))
        return {row.key: (row.code, row.message) for row in rows}
