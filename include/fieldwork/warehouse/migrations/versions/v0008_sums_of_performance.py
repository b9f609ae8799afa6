"""Exposure and the parts of the index on every performance row, so that months and teams are sums of days"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None
#: SHA-256 of migrate.REPEATED's files, which are run anew after this migration
REPEATED = "5b355f529fee8aecc64b425b0a9a2e2218cc0e6261d1031fc45b0a1809c86e70"

_COLUMNS = (
    ("planned_days", sa.Integer(), "1 on a day that was to be worked, else 0"),
    ("planned_minutes", sa.Integer(), "As in attendance_day"),
    ("leave_minutes", sa.Integer(), "As in attendance_day"),
    (
        "leave_days",
        sa.Numeric(precision=6, scale=4),
        "Share of the planned minutes that leave, trip or outing covered: 1 = all of them",
    ),
    (
        "duty_minutes",
        sa.Integer(),
        "Minutes that attendance is measured on: planned less leave; 0 on an incomplete day",
    ),
    ("duty_kept_minutes", sa.Integer(), "of these, not lost by coming late, leaving early or being absent"),
)
_TABLES = (("mart", "performance_day"), ("mart", "performance_day_history"), ("build", "performance_day"))

#: The attendance row that was believed beside each performance row: both are published in one transaction.
_BESIDE = {
    ("mart", "performance_day"): (
        "select employee_id, work_date, planned_minutes, leave_minutes from mart.attendance_day",
        "a.employee_id = p.employee_id and a.work_date = p.work_date",
    ),
    ("mart", "performance_day_history"): (
        """
        select employee_id, work_date, planned_minutes, leave_minutes, published_at, 'infinity' as believed_until
        from mart.attendance_day
        union all
        select employee_id, work_date, planned_minutes, leave_minutes, published_at, believed_until
        from mart.attendance_day_history
        """,
        """a.employee_id = p.employee_id and a.work_date = p.work_date
        and p.published_at >= a.published_at and p.published_at < a.believed_until""",
    ),
    ("build", "performance_day"): (
        "select run_id, employee_id, work_date, planned_minutes, leave_minutes from build.attendance_day",
        "a.run_id = p.run_id and a.employee_id = p.employee_id and a.work_date = p.work_date",
    ),
}
_FILL = """
    update {table} as p
    set
        planned_days = (a.planned_minutes > 0)::integer,
        planned_minutes = a.planned_minutes,
        leave_minutes = a.leave_minutes,
        leave_days = case
            when a.planned_minutes > 0 then round(a.leave_minutes::numeric / a.planned_minutes, 4) else 0
        end,
        duty_minutes = case when p.status in ('holiday', 'rest', 'leave', 'incomplete') then 0
            else greatest(0, a.planned_minutes - a.leave_minutes) end,
        duty_kept_minutes = case when p.status in ('holiday', 'rest', 'leave', 'incomplete', 'absent') then 0
            else greatest(0, a.planned_minutes - a.leave_minutes - p.late_minutes - p.early_minutes) end
    from ({beside}) as a
    where {same}
"""


def upgrade() -> None:
    op.alter_column(
        "run",
        "kind",
        comment="journey, replay (quarantined rows), reconcile, repair, or restate (days computed again)",
        existing_comment="journey, replay (quarantined rows), reconcile or repair",
        existing_type=sa.Text(),
        existing_nullable=False,
        schema="ops",
    )
    place = sa.Column(
        "place_in_line",
        sa.BigInteger(),
        server_default=sa.text("0"),
        nullable=False,
        comment="Of two builds of one day the one with the later place counts",
    )
    op.add_column("person_day", place, schema="build")
    op.create_index(op.f("ix_task_employee_id_completed_at"), "task", ["employee_id", "completed_at"], schema="core")
    for view in ("performance_team_month", "performance_month", "performance_day"):
        op.execute(f"drop view if exists report.{view}")
    for schema, table in _TABLES:
        for name, kind, comment in _COLUMNS:
            column = sa.Column(name, kind, server_default=sa.text("0"), nullable=False, comment=comment)
            op.add_column(table, column, schema=schema)
        beside, same = _BESIDE[schema, table]
        op.execute(_FILL.format(table=f"{schema}.{table}", beside=beside, same=same))
