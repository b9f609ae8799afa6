"""Every golden case through the real build and publication; a failing one says which column differs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fieldwork.warehouse import server

from . import cases, company, expected
from .cases import Case

World = tuple[expected.Published, company.Notebook]


@pytest.fixture(scope="module")
def companies(pg_server: server.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, World]]:
    """Each company's published rows; built when the first of its cases is asked for."""
    with ExitStack() as stack:

        class Built(dict[str, World]):
            def __missing__(self, name: str) -> World:
                home = tmp_path_factory.mktemp(name)
                world = stack.enter_context(company.published(pg_server, home, name, cases.companies()[name]))
                self[name] = expected.published(world.engine), world
                return self[name]

        yield Built()


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{topic.title}: {case.name}") for topic in cases.topics() for case in topic.cases]
)
def test_a_case(companies: dict[str, World], case: Case) -> None:
    rows, world = companies[case.company]
    wrong = expected.differences(case, rows, world.zone)
    assert not wrong, "\n".join(wrong)
