"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
#: SHA-256 of views.sql and roles.sql, which are made anew after this migration
REPEATED = ""


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
