"""Every golden case through the real build and publication; a failing one says which column differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from fieldwork.warehouse import server

from . import cases, company, expected
from .cases import Case

World = tuple[expected.Published, company.Notebook]


@pytest.fixture(scope="module")
def companies(
    pg_server: server.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], World | Exception]]:
    """Each company's published rows; built when the first of its cases is asked for, once also when that fails."""
    with ExitStack() as stack:

        @cache
        def built(name: str) -> World | Exception:
            home = tmp_path_factory.mktemp(name)
            try:
                world = stack.enter_context(company.published(pg_server, home, name, cases.companies()[name]))
            except Exception as error:
                return error
            return expected.published(world.engine), world

        yield built


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{topic.title}: {case.name}") for topic in cases.topics() for case in topic.cases]
)
def test_a_case(companies: Callable[[str], World | Exception], case: Case) -> None:
    found = companies(case.company)
    if isinstance(found, Exception):
        raise found
    rows, world = found
    wrong = expected.differences(case, rows, world.zone_of(case.day))
    assert not wrong, "\n".join(wrong)
