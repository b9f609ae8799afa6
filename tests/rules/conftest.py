"""A world for each test."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from fieldwork.settings import Settings
from tests.rules.world import World


@pytest.fixture
def world(warehouse: sa.Engine, settings: Settings) -> World:
    """Empty, with everything up to 2026-12-01 extracted."""
    here = World(warehouse, settings)
    here.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
    return here
