from __future__ import annotations

import threading

import pytest

from fieldwork.connectors.rate import Budget
from fieldwork.errors import ApiShareUsed


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_calls_are_spaced_evenly() -> None:
    clock = Clock()
    budget = Budget(20, sleep=clock.sleep, clock=lambda: clock.now)
    for _ in range(41):
        budget.take("a")
    assert clock.now == pytest.approx(102.0)
    assert budget.taken == 41


def test_an_idle_time_saves_no_burst() -> None:
    clock = Clock()
    budget = Budget(10, sleep=clock.sleep, clock=lambda: clock.now)
    budget.take()
    clock.now += 60
    budget.take()
    budget.take()
    assert clock.slept == pytest.approx([0.1])


def test_each_kind_has_its_own_budget() -> None:
    clock = Clock()
    budget = Budget(1, sleep=clock.sleep, clock=lambda: clock.now)
    budget.take("a")
    budget.take("b")
    assert clock.slept == []


def test_threads_get_different_turns() -> None:
    slept: list[float] = []
    budget = Budget(100, sleep=slept.append, clock=lambda: 0.0)
    threads = [threading.Thread(target=budget.take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([n / 100 for n in range(1, 20)])


def test_no_call_beyond_those_allowed() -> None:
    budget = Budget(1e6)
    budget.take()
    budget.allow(2)
    budget.take()
    budget.take()
    with pytest.raises(ApiShareUsed):
        budget.take()
    assert budget.taken == 3
    budget.allow(None)
    budget.take()
    assert budget.taken == 4
