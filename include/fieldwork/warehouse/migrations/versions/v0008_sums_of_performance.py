"""Exposure and the parts of the index on every performance row, so that months and teams are sums of days"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
#: SHA-256 of migrate.REPEATED's files, which are run anew after this migration
REPEATED = "9e5e6de9dd4a99805400acf64fa21cc96a3ba4a38af78c9169a48d6405bd7bcc"

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
        "Minutes that attendance is measured on: planned less leave; 0 on an incomplete day, and under irregular hours",
    ),
    ("duty_kept_minutes", sa.Integer(), "of these, not lost by coming late, leaving early or being absent"),
)
_TABLES = (("mart", "performance_day"), ("mart", "performance_day_history"), ("build", "performance_day"))

#: The attendance row that was believed beside each performance row: both are published in one transaction.
_BESIDE = {
    ("mart", "performance_day"): (
        "select employee_id, work_date, planned_minutes, leave_minutes, hours_system from mart.attendance_day",
        "a.employee_id = p.employee_id and a.work_date = p.work_date",
    ),
    ("mart", "performance_day_history"): (
        """
        select employee_id, work_date, planned_minutes, leave_minutes, hours_system, published_at,
            'infinity' as believed_until
        from mart.attendance_day
        union all
        select employee_id, work_date, planned_minutes, leave_minutes, hours_system, published_at, believed_until
        from mart.attendance_day_history
        """,
        """a.employee_id = p.employee_id and a.work_date = p.work_date
        and p.published_at >= a.published_at and p.published_at < a.believed_until""",
    ),
    ("build", "performance_day"): (
        "select run_id, employee_id, work_date, planned_minutes, leave_minutes, hours_system from build.attendance_day",
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
        duty_minutes = case
            when p.status in ('holiday', 'rest', 'leave', 'incomplete') or a.hours_system = 'irregular' then 0
            else greatest(0, a.planned_minutes - a.leave_minutes) end,
        duty_kept_minutes = case
            when p.status in ('holiday', 'rest', 'leave', 'incomplete', 'absent') or a.hours_system = 'irregular' then 0
            else greatest(0, a.planned_minutes - a.leave_minutes - p.late_minutes - p.early_minutes) end
    from ({beside}) as a
    where {same}
"""

#: Their index had a share of attendance, which nobody measures under irregular hours: the next run computes it anew.
_WAIT = """
    insert into ops.touched (employee_id, work_date, seq, reason, noted_at)
    select employee_id, work_date, nextval('ops.touch_seq'), 'upgrade', now()
    from mart.attendance_day
    where hours_system = 'irregular' and status = 'present'
    on conflict (employee_id, work_date) do nothing
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
    op.execute(_WAIT)
