"""A company for each test."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from fieldwork.settings import Settings

from .company import Company


@pytest.fixture
def company(warehouse: Engine, settings: Settings) -> Company:
    return Company(warehouse, settings)
