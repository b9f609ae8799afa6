"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
#: SHA-256 of views.sql and roles.sql, which are made anew after this migration
REPEATED = "8525691ce024124af3b77396dd9169eb342945706a0b03749bca00891d7d54bc"


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("touch_seq", schema="ops")))
    op.create_table(
        "attendance_day",
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run that makes the row (ops.run)"),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column(
            "work_date",
            sa.Date(),
            nullable=False,
            comment="The working day; a night shift belongs to the day it starts",
        ),
        sa.Column("shift", sa.Text(), nullable=True, comment="The shift (ref.shift); null on a day with none"),
        sa.Column("shift_start", sa.DateTime(timezone=True), nullable=True, comment="Planned start"),
        sa.Column("shift_end", sa.DateTime(timezone=True), nullable=True, comment="Planned end"),
        sa.Column("first_in", sa.DateTime(timezone=True), nullable=True, comment="Earliest in or field punch"),
        sa.Column("last_out", sa.DateTime(timezone=True), nullable=True, comment="Latest out or field punch after it"),
        sa.Column("punches", sa.Integer(), nullable=False, comment="Punches counted, near-duplicates once"),
        sa.Column(
            "worked_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes between first in and last out less the break",
        ),
        sa.Column("late_minutes", sa.Integer(), nullable=False, comment="Whole minutes late, 0 within the grace"),
        sa.Column(
            "early_minutes", sa.Integer(), nullable=False, comment="Whole minutes left early, 0 within the grace"
        ),
        sa.Column("overtime_minutes", sa.Integer(), nullable=False, comment="Whole minutes worked beyond the plan"),
        sa.Column(
            "leave_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes of the shift covered by leave, trip or outing, break left out",
        ),
        sa.Column(
            "planned_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes of the shift less its break; 0 on a rest day or holiday",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="holiday, rest, leave, absent, incomplete, late, early or present",
        ),
        sa.Column(
            "anomalies",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Names of what is odd about the day, sorted",
        ),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.PrimaryKeyConstraint("run_id", "employee_id", "work_date", name=op.f("pk_attendance_day")),
        schema="build",
        comment="Rows of mart.attendance_day being made",
    )
    op.create_table(
        "performance_day",
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run that makes the row (ops.run)"),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="The working day"),
        sa.Column("team", sa.Text(), nullable=True, comment="The person's team"),
        sa.Column("status", sa.Text(), nullable=False, comment="Attendance status of the day"),
        sa.Column("worked_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("late_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("early_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("overtime_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column(
            "exposure_minutes",
            sa.Integer(),
            nullable=False,
            comment="Minutes the person was on duty: planned less leave; 0 when absent or off",
        ),
        sa.Column("visits_planned", sa.Integer(), nullable=False, comment="Visits of the day that were not cancelled"),
        sa.Column("visits_done", sa.Integer(), nullable=False, comment="of these, marked done in the CRM"),
        sa.Column("visits_verified", sa.Integer(), nullable=False, comment="of these, proven by a check-in"),
        sa.Column("tasks_due", sa.Integer(), nullable=False, comment="Tasks due on the day, cancelled ones left out"),
        sa.Column("tasks_on_time", sa.Integer(), nullable=False, comment="of these, completed by the end of the day"),
        sa.Column("follow_ups", sa.Integer(), nullable=False, comment="Tasks with a customer completed on the day"),
        sa.Column("opportunities_created", sa.Integer(), nullable=False, comment="Opportunities created on the day"),
        sa.Column("opportunities_won", sa.Integer(), nullable=False, comment="Opportunities closed and won on the day"),
        sa.Column(
            "amount_won",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Their sum in the company's currency",
        ),
        sa.Column(
            "amount_won_other",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Their sums in other currencies by ISO code; null = none",
        ),
        sa.Column(
            "performance_index",
            sa.Double(),
            nullable=True,
            comment="Weighted mean of the day's shares, 0 to 100; null = nothing to measure",
        ),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.PrimaryKeyConstraint("run_id", "employee_id", "work_date", name=op.f("pk_performance_day")),
        schema="build",
        comment="Rows of mart.performance_day being made",
    )
    op.create_table(
        "person_day",
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run (ops.run)"),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="The working day"),
        sa.Column(
            "touch_seq",
            sa.BigInteger(),
            nullable=True,
            comment="The touch that asked for it (ops.touched); null = a day never computed before",
        ),
        sa.PrimaryKeyConstraint("run_id", "employee_id", "work_date", name=op.f("pk_person_day")),
        schema="build",
        comment="The person-days that a run computes again",
    )
    op.create_table(
        "visit_check",
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run that makes the row (ops.run)"),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("visit_id", sa.Text(), nullable=False, comment="The visit (core.visit)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="Local date of the planned start"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="The customer"),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=True, comment="Planned start"),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=True, comment="Planned end"),
        sa.Column("actual_start", sa.DateTime(timezone=True), nullable=True, comment="Start as the rep entered it"),
        sa.Column("actual_end", sa.DateTime(timezone=True), nullable=True, comment="End as the rep entered it"),
        sa.Column("record_id", sa.Text(), nullable=True, comment="The check-in that speaks for the visit (core.punch)"),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True, comment="When that check-in was made"),
        sa.Column(
            "minutes_off",
            sa.Integer(),
            nullable=True,
            comment="Whole minutes to the nearer end of the planned span, 0 inside it",
        ),
        sa.Column("distance_m", sa.Double(), nullable=True, comment="Metres from the check-in to the account, WGS-84"),
        sa.Column("accuracy_m", sa.Double(), nullable=True, comment="The position's own error in metres"),
        sa.Column("score", sa.Double(), nullable=True, comment="0 to 1: how well time and place fit"),
        sa.Column(
            "verdict",
            sa.Text(),
            nullable=False,
            comment="verified, off_schedule, out_of_range, unverifiable or no_check_in",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="The verdict in a sentence"),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.PrimaryKeyConstraint("run_id", "employee_id", "visit_id", name=op.f("pk_visit_check")),
        schema="build",
        comment="Rows of mart.visit_check being made",
    )
    op.create_index("ix_build_visit_check_day", "visit_check", ["run_id", "employee_id"], unique=False, schema="build")
    op.create_table(
        "account",
        sa.Column("account_id", sa.Text(), nullable=False, comment="The customer's id in the CRM"),
        sa.Column("name", sa.Text(), nullable=True, comment="The customer's name"),
        sa.Column("owner_id", sa.Text(), nullable=True, comment="The CRM user who owns the account"),
        sa.Column("latitude", sa.Double(), nullable=True, comment="Degrees, WGS-84; null = unknown"),
        sa.Column("longitude", sa.Double(), nullable=True, comment="Degrees, WGS-84; null = unknown"),
        sa.Column(
            "radius_m",
            sa.Double(),
            nullable=True,
            comment="The account's own geofence in metres; null = the default radius",
        ),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True, comment="The CRM's modified stamp"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account")),
        schema="core",
        comment="Customers and where they are",
    )
    op.create_table(
        "crm_user",
        sa.Column("crm_user_id", sa.Text(), nullable=False, comment="The user's id in the CRM"),
        sa.Column("employee_id", sa.Text(), nullable=True, comment="The person this user is; null = not known yet"),
        sa.Column("employee_no", sa.Text(), nullable=True, comment="Employee number in the CRM"),
        sa.Column("name", sa.Text(), nullable=True, comment="The user's name"),
        sa.Column("email", sa.Text(), nullable=True, comment="E-mail, lower case"),
        sa.Column("mobile", sa.Text(), nullable=True, comment="Mobile number, digits with country code"),
        sa.Column("manager_id", sa.Text(), nullable=True, comment="The manager's CRM user id"),
        sa.Column("active", sa.Boolean(), nullable=True, comment="May the user log in"),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True, comment="The CRM's modified stamp"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("crm_user_id", name=op.f("pk_crm_user")),
        schema="core",
        comment="CRM users who own records",
    )
    op.create_table(
        "employee",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The person's id in the attendance system"),
        sa.Column("employee_no", sa.Text(), nullable=True, comment="Employee number (工号), text: 001 is not 1"),
        sa.Column("name", sa.Text(), nullable=True, comment="The person's name"),
        sa.Column("team", sa.Text(), nullable=True, comment="The team or department now"),
        sa.Column("manager_user_id", sa.Text(), nullable=True, comment="The manager's id in the attendance system"),
        sa.Column("mobile", sa.Text(), nullable=True, comment="Mobile number, digits with country code"),
        sa.Column("email", sa.Text(), nullable=True, comment="E-mail, lower case"),
        sa.Column("hired_on", sa.Date(), nullable=True, comment="First day of employment; null = before all records"),
        sa.Column("left_on", sa.Date(), nullable=True, comment="Last day of employment; null = still here"),
        sa.Column(
            "missing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When a full read first lacked the person; null = still listed",
        ),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("employee_id", name=op.f("pk_employee")),
        schema="core",
        comment="People who may punch, as of the last full read",
    )
    op.create_index(op.f("ix_employee_system_user_id"), "employee", ["system", "user_id"], unique=True, schema="core")
    op.create_table(
        "leave",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column("approval_id", sa.Text(), nullable=False, comment="The approval's id"),
        sa.Column("user_id", sa.Text(), nullable=False, comment="Who, in the attendance system"),
        sa.Column("kind", sa.Text(), nullable=False, comment="leave, trip, out or overtime"),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False, comment="From"),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False, comment="Until, not included"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("employee_id", "approval_id", name=op.f("pk_leave")),
        schema="core",
        comment="Approved leave, trips, outings and overtime",
    )
    op.create_table(
        "opportunity",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column("opportunity_id", sa.Text(), nullable=False, comment="The opportunity's id in the CRM"),
        sa.Column("owner_id", sa.Text(), nullable=False, comment="The CRM user who owns it"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="The customer"),
        sa.Column("stage", sa.Text(), nullable=True, comment="The CRM's stage name"),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True, comment="Amount in its own currency"),
        sa.Column("currency", sa.Text(), nullable=True, comment="ISO 4217 code"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True, comment="When it was created"),
        sa.Column("closed_on", sa.Date(), nullable=True, comment="Close day: expected while open, real once closed"),
        sa.Column("is_won", sa.Boolean(), nullable=True, comment="Closed and won"),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True, comment="The CRM's modified stamp"),
        sa.Column("deleted", sa.Boolean(), nullable=False, comment="Deleted in the CRM"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("employee_id", "opportunity_id", name=op.f("pk_opportunity")),
        schema="core",
        comment="Opportunities as the CRM has them",
    )
    op.create_index(
        op.f("ix_opportunity_employee_id_closed_on"),
        "opportunity",
        ["employee_id", "closed_on"],
        unique=False,
        schema="core",
    )
    op.create_index(
        op.f("ix_opportunity_employee_id_created_at"),
        "opportunity",
        ["employee_id", "created_at"],
        unique=False,
        schema="core",
    )
    op.create_index(
        op.f("ix_opportunity_opportunity_id"), "opportunity", ["opportunity_id"], unique=False, schema="core"
    )
    op.create_table(
        "punch",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column(
            "record_id",
            sa.Text(),
            nullable=False,
            comment="The source's record id, or a hash of user and time where it has none",
        ),
        sa.Column("user_id", sa.Text(), nullable=False, comment="Who punched, in the attendance system"),
        sa.Column("punched_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.Column("kind", sa.Text(), nullable=False, comment="in, out or field"),
        sa.Column("device_id", sa.Text(), nullable=True, comment="The phone or terminal"),
        sa.Column(
            "work_date",
            sa.Date(),
            nullable=True,
            comment="The working day as the source states it; wins over the roster",
        ),
        sa.Column(
            "base_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The planned time that the source compares with; wins over the roster",
        ),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True, comment="The source's modified stamp"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("employee_id", "record_id", name=op.f("pk_punch")),
        schema="core",
        comment="Clock-ins and field check-ins",
    )
    op.create_index(
        op.f("ix_punch_employee_id_punched_at"), "punch", ["employee_id", "punched_at"], unique=False, schema="core"
    )
    op.create_table(
        "task",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column("task_id", sa.Text(), nullable=False, comment="The task's id in the CRM"),
        sa.Column("owner_id", sa.Text(), nullable=False, comment="The CRM user who owns it"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="The customer"),
        sa.Column("due_on", sa.Date(), nullable=True, comment="Due day"),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True, comment="When it was completed"),
        sa.Column("status", sa.Text(), nullable=False, comment="open, done or cancelled"),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True, comment="The CRM's modified stamp"),
        sa.Column("deleted", sa.Boolean(), nullable=False, comment="Deleted in the CRM"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("employee_id", "task_id", name=op.f("pk_task")),
        schema="core",
        comment="Tasks as the CRM has them",
    )
    op.create_index(op.f("ix_task_employee_id_due_on"), "task", ["employee_id", "due_on"], unique=False, schema="core")
    op.create_index(op.f("ix_task_task_id"), "task", ["task_id"], unique=False, schema="core")
    op.create_table(
        "visit",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column("visit_id", sa.Text(), nullable=False, comment="The visit's id in the CRM"),
        sa.Column("owner_id", sa.Text(), nullable=False, comment="The CRM user who owns it"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="The customer"),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=True, comment="Planned start"),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=True, comment="Planned end"),
        sa.Column("actual_start", sa.DateTime(timezone=True), nullable=True, comment="Start as the rep entered it"),
        sa.Column("actual_end", sa.DateTime(timezone=True), nullable=True, comment="End as the rep entered it"),
        sa.Column("status", sa.Text(), nullable=False, comment="planned, done or cancelled"),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True, comment="The CRM's modified stamp"),
        sa.Column("deleted", sa.Boolean(), nullable=False, comment="Deleted in the CRM"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system that gave the row"),
        sa.Column(
            "batch_id", sa.BigInteger(), nullable=False, comment="The batch that last changed the row (ops.batch)"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, comment="When that batch was loaded"),
        sa.PrimaryKeyConstraint("employee_id", "visit_id", name=op.f("pk_visit")),
        schema="core",
        comment="Customer visits as the CRM has them",
    )
    op.create_index(op.f("ix_visit_account_id"), "visit", ["account_id"], unique=False, schema="core")
    op.create_index(
        op.f("ix_visit_employee_id_planned_start"),
        "visit",
        ["employee_id", "planned_start"],
        unique=False,
        schema="core",
    )
    op.create_index(op.f("ix_visit_visit_id"), "visit", ["visit_id"], unique=False, schema="core")
    op.create_table(
        "attendance_day",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column(
            "work_date",
            sa.Date(),
            nullable=False,
            comment="The working day; a night shift belongs to the day it starts",
        ),
        sa.Column("shift", sa.Text(), nullable=True, comment="The shift (ref.shift); null on a day with none"),
        sa.Column("shift_start", sa.DateTime(timezone=True), nullable=True, comment="Planned start"),
        sa.Column("shift_end", sa.DateTime(timezone=True), nullable=True, comment="Planned end"),
        sa.Column("first_in", sa.DateTime(timezone=True), nullable=True, comment="Earliest in or field punch"),
        sa.Column("last_out", sa.DateTime(timezone=True), nullable=True, comment="Latest out or field punch after it"),
        sa.Column("punches", sa.Integer(), nullable=False, comment="Punches counted, near-duplicates once"),
        sa.Column(
            "worked_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes between first in and last out less the break",
        ),
        sa.Column("late_minutes", sa.Integer(), nullable=False, comment="Whole minutes late, 0 within the grace"),
        sa.Column(
            "early_minutes", sa.Integer(), nullable=False, comment="Whole minutes left early, 0 within the grace"
        ),
        sa.Column("overtime_minutes", sa.Integer(), nullable=False, comment="Whole minutes worked beyond the plan"),
        sa.Column(
            "leave_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes of the shift covered by leave, trip or outing, break left out",
        ),
        sa.Column(
            "planned_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes of the shift less its break; 0 on a rest day or holiday",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="holiday, rest, leave, absent, incomplete, late, early or present",
        ),
        sa.Column(
            "anomalies",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Names of what is odd about the day, sorted",
        ),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this version of the row was published",
        ),
        sa.PrimaryKeyConstraint("employee_id", "work_date", name=op.f("pk_attendance_day")),
        schema="mart",
        comment="One row per person-day: the shift and what was punched",
    )
    op.create_table(
        "attendance_day_history",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column(
            "work_date",
            sa.Date(),
            nullable=False,
            comment="The working day; a night shift belongs to the day it starts",
        ),
        sa.Column("shift", sa.Text(), nullable=True, comment="The shift (ref.shift); null on a day with none"),
        sa.Column("shift_start", sa.DateTime(timezone=True), nullable=True, comment="Planned start"),
        sa.Column("shift_end", sa.DateTime(timezone=True), nullable=True, comment="Planned end"),
        sa.Column("first_in", sa.DateTime(timezone=True), nullable=True, comment="Earliest in or field punch"),
        sa.Column("last_out", sa.DateTime(timezone=True), nullable=True, comment="Latest out or field punch after it"),
        sa.Column("punches", sa.Integer(), nullable=False, comment="Punches counted, near-duplicates once"),
        sa.Column(
            "worked_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes between first in and last out less the break",
        ),
        sa.Column("late_minutes", sa.Integer(), nullable=False, comment="Whole minutes late, 0 within the grace"),
        sa.Column(
            "early_minutes", sa.Integer(), nullable=False, comment="Whole minutes left early, 0 within the grace"
        ),
        sa.Column("overtime_minutes", sa.Integer(), nullable=False, comment="Whole minutes worked beyond the plan"),
        sa.Column(
            "leave_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes of the shift covered by leave, trip or outing, break left out",
        ),
        sa.Column(
            "planned_minutes",
            sa.Integer(),
            nullable=False,
            comment="Whole minutes of the shift less its break; 0 on a rest day or holiday",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="holiday, rest, leave, absent, incomplete, late, early or present",
        ),
        sa.Column(
            "anomalies",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Names of what is odd about the day, sorted",
        ),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this version of the row was published",
        ),
        sa.Column("believed_until", sa.DateTime(timezone=True), nullable=False, comment="When it was replaced"),
        sa.PrimaryKeyConstraint("employee_id", "work_date", "believed_until", name=op.f("pk_attendance_day_history")),
        schema="mart",
        comment="Earlier versions of mart.attendance_day: believed from published_at to believed_until",
    )
    op.create_table(
        "performance_day",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="The working day"),
        sa.Column("team", sa.Text(), nullable=True, comment="The person's team"),
        sa.Column("status", sa.Text(), nullable=False, comment="Attendance status of the day"),
        sa.Column("worked_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("late_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("early_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("overtime_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column(
            "exposure_minutes",
            sa.Integer(),
            nullable=False,
            comment="Minutes the person was on duty: planned less leave; 0 when absent or off",
        ),
        sa.Column("visits_planned", sa.Integer(), nullable=False, comment="Visits of the day that were not cancelled"),
        sa.Column("visits_done", sa.Integer(), nullable=False, comment="of these, marked done in the CRM"),
        sa.Column("visits_verified", sa.Integer(), nullable=False, comment="of these, proven by a check-in"),
        sa.Column("tasks_due", sa.Integer(), nullable=False, comment="Tasks due on the day, cancelled ones left out"),
        sa.Column("tasks_on_time", sa.Integer(), nullable=False, comment="of these, completed by the end of the day"),
        sa.Column("follow_ups", sa.Integer(), nullable=False, comment="Tasks with a customer completed on the day"),
        sa.Column("opportunities_created", sa.Integer(), nullable=False, comment="Opportunities created on the day"),
        sa.Column("opportunities_won", sa.Integer(), nullable=False, comment="Opportunities closed and won on the day"),
        sa.Column(
            "amount_won",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Their sum in the company's currency",
        ),
        sa.Column(
            "amount_won_other",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Their sums in other currencies by ISO code; null = none",
        ),
        sa.Column(
            "performance_index",
            sa.Double(),
            nullable=True,
            comment="Weighted mean of the day's shares, 0 to 100; null = nothing to measure",
        ),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this version of the row was published",
        ),
        sa.PrimaryKeyConstraint("employee_id", "work_date", name=op.f("pk_performance_day")),
        schema="mart",
        comment="One row per person-day: attendance joined with what the CRM says was done",
    )
    op.create_table(
        "performance_day_history",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="The working day"),
        sa.Column("team", sa.Text(), nullable=True, comment="The person's team"),
        sa.Column("status", sa.Text(), nullable=False, comment="Attendance status of the day"),
        sa.Column("worked_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("late_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("early_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column("overtime_minutes", sa.Integer(), nullable=False, comment="As in attendance_day"),
        sa.Column(
            "exposure_minutes",
            sa.Integer(),
            nullable=False,
            comment="Minutes the person was on duty: planned less leave; 0 when absent or off",
        ),
        sa.Column("visits_planned", sa.Integer(), nullable=False, comment="Visits of the day that were not cancelled"),
        sa.Column("visits_done", sa.Integer(), nullable=False, comment="of these, marked done in the CRM"),
        sa.Column("visits_verified", sa.Integer(), nullable=False, comment="of these, proven by a check-in"),
        sa.Column("tasks_due", sa.Integer(), nullable=False, comment="Tasks due on the day, cancelled ones left out"),
        sa.Column("tasks_on_time", sa.Integer(), nullable=False, comment="of these, completed by the end of the day"),
        sa.Column("follow_ups", sa.Integer(), nullable=False, comment="Tasks with a customer completed on the day"),
        sa.Column("opportunities_created", sa.Integer(), nullable=False, comment="Opportunities created on the day"),
        sa.Column("opportunities_won", sa.Integer(), nullable=False, comment="Opportunities closed and won on the day"),
        sa.Column(
            "amount_won",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Their sum in the company's currency",
        ),
        sa.Column(
            "amount_won_other",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Their sums in other currencies by ISO code; null = none",
        ),
        sa.Column(
            "performance_index",
            sa.Double(),
            nullable=True,
            comment="Weighted mean of the day's shares, 0 to 100; null = nothing to measure",
        ),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this version of the row was published",
        ),
        sa.Column("believed_until", sa.DateTime(timezone=True), nullable=False, comment="When it was replaced"),
        sa.PrimaryKeyConstraint("employee_id", "work_date", "believed_until", name=op.f("pk_performance_day_history")),
        schema="mart",
        comment="Earlier versions of mart.performance_day: believed from published_at to believed_until",
    )
    op.create_table(
        "visit_check",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("visit_id", sa.Text(), nullable=False, comment="The visit (core.visit)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="Local date of the planned start"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="The customer"),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=True, comment="Planned start"),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=True, comment="Planned end"),
        sa.Column("actual_start", sa.DateTime(timezone=True), nullable=True, comment="Start as the rep entered it"),
        sa.Column("actual_end", sa.DateTime(timezone=True), nullable=True, comment="End as the rep entered it"),
        sa.Column("record_id", sa.Text(), nullable=True, comment="The check-in that speaks for the visit (core.punch)"),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True, comment="When that check-in was made"),
        sa.Column(
            "minutes_off",
            sa.Integer(),
            nullable=True,
            comment="Whole minutes to the nearer end of the planned span, 0 inside it",
        ),
        sa.Column("distance_m", sa.Double(), nullable=True, comment="Metres from the check-in to the account, WGS-84"),
        sa.Column("accuracy_m", sa.Double(), nullable=True, comment="The position's own error in metres"),
        sa.Column("score", sa.Double(), nullable=True, comment="0 to 1: how well time and place fit"),
        sa.Column(
            "verdict",
            sa.Text(),
            nullable=False,
            comment="verified, off_schedule, out_of_range, unverifiable or no_check_in",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="The verdict in a sentence"),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this version of the row was published",
        ),
        sa.PrimaryKeyConstraint("employee_id", "visit_id", name=op.f("pk_visit_check")),
        schema="mart",
        comment="One row per visit that was not cancelled: was the person there",
    )
    op.create_index("ix_visit_check_day", "visit_check", ["employee_id", "work_date"], unique=False, schema="mart")
    op.create_table(
        "visit_check_history",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("visit_id", sa.Text(), nullable=False, comment="The visit (core.visit)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="Local date of the planned start"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="The customer"),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=True, comment="Planned start"),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=True, comment="Planned end"),
        sa.Column("actual_start", sa.DateTime(timezone=True), nullable=True, comment="Start as the rep entered it"),
        sa.Column("actual_end", sa.DateTime(timezone=True), nullable=True, comment="End as the rep entered it"),
        sa.Column("record_id", sa.Text(), nullable=True, comment="The check-in that speaks for the visit (core.punch)"),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True, comment="When that check-in was made"),
        sa.Column(
            "minutes_off",
            sa.Integer(),
            nullable=True,
            comment="Whole minutes to the nearer end of the planned span, 0 inside it",
        ),
        sa.Column("distance_m", sa.Double(), nullable=True, comment="Metres from the check-in to the account, WGS-84"),
        sa.Column("accuracy_m", sa.Double(), nullable=True, comment="The position's own error in metres"),
        sa.Column("score", sa.Double(), nullable=True, comment="0 to 1: how well time and place fit"),
        sa.Column(
            "verdict",
            sa.Text(),
            nullable=False,
            comment="verified, off_schedule, out_of_range, unverifiable or no_check_in",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="The verdict in a sentence"),
        sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this version of the row was published",
        ),
        sa.Column("believed_until", sa.DateTime(timezone=True), nullable=False, comment="When it was replaced"),
        sa.PrimaryKeyConstraint("employee_id", "visit_id", "believed_until", name=op.f("pk_visit_check_history")),
        schema="mart",
        comment="Earlier versions of mart.visit_check: believed from published_at to believed_until",
    )
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The entry"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.Column("who", sa.Text(), nullable=False, comment="Login and run"),
        sa.Column("action", sa.Text(), nullable=False, comment="What was done"),
        sa.Column("purpose", sa.Text(), nullable=True, comment="Why"),
        sa.Column("rows", sa.BigInteger(), nullable=True, comment="How many rows it concerned"),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Counts and hashes, no personal data",
        ),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_log")),
        schema="ops",
        comment="Who did what and why: reading of places, batches sent, links made",
    )
    op.create_table(
        "batch",
        sa.Column("batch_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The batch"),
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run (ops.run)"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("stream", sa.Text(), nullable=False, comment="The stream"),
        sa.Column("kind", sa.Text(), nullable=False, comment="extract, or replay for held rows that go through again"),
        sa.Column(
            "window_start",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Start of the window; null = from the beginning",
        ),
        sa.Column(
            "window_end",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="End of the window, not included; null for a replay",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="open, extracted, checked, closed or abandoned"),
        sa.Column("extracted", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="Rows staged"),
        sa.Column(
            "loaded",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Rows new or changed in core",
        ),
        sa.Column(
            "unchanged",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Rows that core already had, or had newer",
        ),
        sa.Column(
            "quarantined",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Rows set aside with a reason",
        ),
        sa.Column(
            "duplicate",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Rows given again inside the batch",
        ),
        sa.Column(
            "out_of_scope",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Rows that are none of ours",
        ),
        sa.Column(
            "touched",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Person-days that the batch touched",
        ),
        sa.Column(
            "follows",
            sa.BigInteger(),
            nullable=True,
            comment="The batch that held the watermark when this one was opened (compare-and-swap)",
        ),
        sa.Column(
            "cursor_value",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Greatest cursor value among the rows, from the source's own stamps",
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, comment="When it was opened"),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True, comment="When it was loaded"),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batch")),
        schema="ops",
        comment="The ledger. For a closed batch: extracted = loaded + unchanged + quarantined + duplicate + out_of_scope",
    )
    op.create_index(op.f("ix_batch_run_id_stream"), "batch", ["run_id", "stream"], unique=False, schema="ops")
    op.create_index(op.f("ix_batch_stream_state"), "batch", ["stream", "state"], unique=False, schema="ops")
    op.create_table(
        "check_result",
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run (ops.run)"),
        sa.Column("dataset", sa.Text(), nullable=False, comment="The stream, or the joined table"),
        sa.Column("batch_id", sa.BigInteger(), nullable=False, comment="The batch; 0 for a joined table"),
        sa.Column("rule", sa.Text(), nullable=False, comment="Id of the expectation"),
        sa.Column("severity", sa.Text(), nullable=False, comment="critical, warning or info"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="passed, failed or could_not_run"),
        sa.Column(
            "failing", sa.BigInteger(), nullable=True, comment="Rows that broke it; null for a rule about the whole"
        ),
        sa.Column("total", sa.BigInteger(), nullable=True, comment="Rows looked at"),
        sa.Column("suite_hash", sa.Text(), nullable=False, comment="SHA-256 of the suite file"),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.PrimaryKeyConstraint("run_id", "dataset", "batch_id", "rule", name=op.f("pk_check_result")),
        schema="ops",
        comment="Outcome of every rule of every suite: counts, never values",
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The change"),
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run that wants it (ops.run)"),
        sa.Column("system", sa.Text(), nullable=False, comment="The CRM"),
        sa.Column("kind", sa.Text(), nullable=False, comment="visit or performance"),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="Record id of the visit, or external id of the performance record"
        ),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Our fields and their new values",
        ),
        sa.Column("payload_hash", sa.Text(), nullable=False, comment="SHA-256 of the payload"),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="pending, sent, rejected, or superseded by a later change"
        ),
        sa.Column(
            "attempts", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="Calls that carried it"
        ),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False, comment="When it was put here"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True, comment="When it left pending"),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        schema="ops",
        comment="What is to be sent to the CRM, written before the call",
    )
    op.create_index(
        op.f("ix_outbox_system_state_kind"), "outbox", ["system", "state", "kind"], unique=False, schema="ops"
    )
    op.create_index(
        "uq_outbox_pending",
        "outbox",
        ["system", "kind", "key"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", sa.BigInteger(), autoincrement=True, nullable=False, comment="The row set aside"),
        sa.Column("batch_id", sa.BigInteger(), nullable=False, comment="The batch that met it last (ops.batch)"),
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("stream", sa.Text(), nullable=False, comment="The stream"),
        sa.Column("key", sa.Text(), nullable=True, comment="The record's key, where it has one"),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The canonical row as it was staged",
        ),
        sa.Column("rule", sa.Text(), nullable=False, comment="Id of the rule that it broke"),
        sa.Column("reason", sa.Text(), nullable=False, comment="The rule in words; no value of the row"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="new; held (waits for a person or account to be known); replayed; superseded; dismissed",
        ),
        sa.Column(
            "fingerprint",
            sa.Text(),
            nullable=False,
            comment="Hash of stream, payload and rule: the same bad row read again is one row here",
        ),
        sa.Column("seen", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="How many batches met it"),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=False, comment="When it was first met"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True, comment="When it left new or held"),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("pk_quarantine")),
        schema="ops",
        comment="Rows set aside with a reason; nothing is thrown away",
    )
    op.create_index(
        op.f("ix_quarantine_stream_status_key"), "quarantine", ["stream", "status", "key"], unique=False, schema="ops"
    )
    op.create_index(
        op.f("ix_quarantine_system_stream_fingerprint"),
        "quarantine",
        ["system", "stream", "fingerprint"],
        unique=True,
        schema="ops",
    )
    op.create_table(
        "receipt",
        sa.Column("system", sa.Text(), nullable=False, comment="The CRM"),
        sa.Column("kind", sa.Text(), nullable=False, comment="visit or performance"),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="Record id of the visit, or external id of the performance record"
        ),
        sa.Column("ok", sa.Boolean(), nullable=False, comment="Accepted"),
        sa.Column("crm_id", sa.Text(), nullable=True, comment="The CRM's id of the record"),
        sa.Column("code", sa.Text(), nullable=True, comment="The CRM's own code when it refused"),
        sa.Column("message", sa.Text(), nullable=True, comment="The CRM's own message when it refused"),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Our fields as they stand in the CRM after the last accepted write",
        ),
        sa.Column("payload_hash", sa.Text(), nullable=True, comment="SHA-256 of that payload"),
        sa.Column(
            "refused_hash",
            sa.Text(),
            nullable=True,
            comment="SHA-256 of the payload refused last: not sent again until it changes",
        ),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False, comment="The change it answers (ops.outbox)"),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.PrimaryKeyConstraint("system", "kind", "key", name=op.f("pk_receipt")),
        schema="ops",
        comment="What the CRM last answered for each record",
    )
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text(), nullable=False, comment="Airflow's run id, or cli-… from the command line"),
        sa.Column("since", sa.Date(), nullable=False, comment="First working day asked for"),
        sa.Column("until", sa.Date(), nullable=False, comment="First working day no longer asked for"),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False, comment="What the run took as now"),
        sa.Column(
            "streams", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="Names of the streams it reads"
        ),
        sa.Column("full_read", sa.Boolean(), nullable=False, comment="Read modified streams from the beginning"),
        sa.Column("dry_run", sa.Boolean(), nullable=False, comment="Send nothing to the CRM"),
        sa.Column("state", sa.Text(), nullable=False, comment="running, done or failed"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, comment="When it was planned"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="When it ended"),
        sa.Column("error", sa.Text(), nullable=True, comment="Code and text of the error that ended it"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run")),
        schema="ops",
        comment="One journey from extract to write-back",
    )
    op.create_table(
        "slice",
        sa.Column("batch_id", sa.BigInteger(), nullable=False, comment="The batch (ops.batch)"),
        sa.Column("slice", sa.Text(), nullable=False, comment="The slice's name"),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="Rows staged"),
        sa.Column("staged_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.PrimaryKeyConstraint("batch_id", "slice", name=op.f("pk_slice")),
        schema="ops",
        comment="Slices of a batch that are staged, so that a second attempt does not read them again",
    )
    op.create_table(
        "step",
        sa.Column("run_id", sa.Text(), nullable=False, comment="The run (ops.run)"),
        sa.Column(
            "step",
            sa.Text(),
            nullable=False,
            comment="extract:<stream>, check, load, build, audit, publish or write_back",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="running, done or failed"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, comment="When the last attempt started"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="When it ended"),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="Its counts"),
        sa.PrimaryKeyConstraint("run_id", "step", name=op.f("pk_step")),
        schema="ops",
        comment="What each step of a run did and how long it took",
    )
    op.create_table(
        "touched",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="The working day"),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=False,
            comment="Order of the last touch; publish clears only what it has seen",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="The stream that touched it last, or rules, identity"),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.PrimaryKeyConstraint("employee_id", "work_date", name=op.f("pk_touched")),
        schema="ops",
        comment="Person-days whose facts changed since they were last published",
    )
    op.create_table(
        "watermark",
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("stream", sa.Text(), nullable=False, comment="The stream"),
        sa.Column("value", sa.DateTime(timezone=True), nullable=True, comment="Greatest cursor value loaded"),
        sa.Column("batch_id", sa.BigInteger(), nullable=False, comment="The batch that moved it last"),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
        sa.PrimaryKeyConstraint("system", "stream", name=op.f("pk_watermark")),
        schema="ops",
        comment="How far each stream has been read; moved only in the transaction that loads the rows",
    )
    op.create_table(
        "punch_place",
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=False,
            comment="The person: employee number where there is one, else system:user id",
        ),
        sa.Column("record_id", sa.Text(), nullable=False, comment="The punch (core.punch)"),
        sa.Column("punched_at", sa.DateTime(timezone=True), nullable=False, comment="When; retention counts from here"),
        sa.Column("latitude", sa.Double(), nullable=True, comment="Degrees, WGS-84; null = unknown"),
        sa.Column("longitude", sa.Double(), nullable=True, comment="Degrees, WGS-84; null = unknown"),
        sa.Column(
            "accuracy_m",
            sa.Double(),
            nullable=True,
            comment="Radius of the position's error in metres, as the device states it",
        ),
        sa.Column("place", sa.Text(), nullable=True, comment="The address as the device gave it"),
        sa.PrimaryKeyConstraint("employee_id", "record_id", name=op.f("pk_punch_place")),
        schema="place",
        comment="Where a punch was made; read with a purpose, dropped when its time is up",
    )
    op.create_table(
        "calendar_day",
        sa.Column("work_date", sa.Date(), nullable=False, comment="The date"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="workday, rest, holiday, or makeup (调休上班日: a weekend day decreed to be worked)",
        ),
        sa.Column("name", sa.Text(), nullable=True, comment="The holiday's name"),
        sa.PrimaryKeyConstraint("work_date", name=op.f("pk_calendar_day")),
        schema="ref",
        comment="What kind of day a date is, by decree",
    )
    op.create_table(
        "identity",
        sa.Column("system", sa.Text(), nullable=False, comment="The outside system"),
        sa.Column("external_id", sa.Text(), nullable=False, comment="The person's id there"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day of the link"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="First day no longer; null = open"),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column(
            "rule",
            sa.Text(),
            nullable=False,
            comment="Which rule made the link: source, employee_no, email, mobile or file",
        ),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False, comment="When the link was made"),
        sa.PrimaryKeyConstraint("system", "external_id", "valid_from", name=op.f("pk_identity")),
        schema="ref",
        comment="Which outside id is which person, dated",
    )
    op.create_index(op.f("ix_identity_employee_id"), "identity", ["employee_id"], unique=False, schema="ref")
    op.create_table(
        "roster",
        sa.Column("scope", sa.Text(), nullable=False, comment="company, team or employee"),
        sa.Column("subject", sa.Text(), nullable=False, comment="Team name or employee id; * for the company"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="First day no longer; null = open"),
        sa.Column("shift", sa.Text(), nullable=False, comment="The shift (ref.shift)"),
        sa.PrimaryKeyConstraint("scope", "subject", "valid_from", name=op.f("pk_roster")),
        schema="ref",
        comment="Who works which shift, dated; the narrowest scope wins: employee, team, company",
    )
    op.create_table(
        "rule_version",
        sa.Column("version", sa.Text(), nullable=False, comment="Name of the version"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day computed with it"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="First day no longer; null = open"),
        sa.Column("time_zone", sa.Text(), nullable=False, comment="The company's zone (IANA name)"),
        sa.Column(
            "duplicate_seconds", sa.Integer(), nullable=False, comment="Punches of one person this close are one"
        ),
        sa.Column(
            "visit_before_minutes",
            sa.Integer(),
            nullable=False,
            comment="A check-in counts from this long before the planned start",
        ),
        sa.Column(
            "visit_after_minutes", sa.Integer(), nullable=False, comment="and until this long after the planned end"
        ),
        sa.Column(
            "default_radius_m", sa.Double(), nullable=False, comment="Geofence of an account that has none of its own"
        ),
        sa.Column(
            "accuracy_cap_m", sa.Double(), nullable=False, comment="No more than this of a position's error is forgiven"
        ),
        sa.Column(
            "overtime_tolerance_minutes", sa.Integer(), nullable=False, comment="Overtime shorter than this is none"
        ),
        sa.Column(
            "day_margin_minutes",
            sa.Integer(),
            nullable=False,
            comment="Punches this long before and after a shift still belong to its day",
        ),
        sa.Column("company_currency", sa.Text(), nullable=False, comment="Amounts in other currencies are kept apart"),
        sa.Column(
            "weights",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Weights of the performance index by column",
        ),
        sa.Column("config_hash", sa.Text(), nullable=False, comment="SHA-256 of the configuration that it came from"),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rule_version")),
        schema="ref",
        comment="The rules of a span of days; the version stands on every joined row",
    )
    op.create_table(
        "shift",
        sa.Column("shift", sa.Text(), nullable=False, comment="The shift's name"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day with these hours"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="First day without them; null = open"),
        sa.Column("kind", sa.Text(), nullable=False, comment="fixed or flexible"),
        sa.Column(
            "starts",
            sa.Time(),
            nullable=False,
            comment="Local start; of a flexible shift the latest start that is not late",
        ),
        sa.Column(
            "ends",
            sa.Time(),
            nullable=False,
            comment="Local end; not after the start = the next day; of a flexible shift the earliest end",
        ),
        sa.Column("break_starts", sa.Time(), nullable=True, comment="Local start of the unpaid break; null = none"),
        sa.Column("break_ends", sa.Time(), nullable=True, comment="Local end of the unpaid break"),
        sa.Column("grace_in_minutes", sa.Integer(), nullable=False, comment="Late up to this many minutes is not late"),
        sa.Column(
            "grace_out_minutes",
            sa.Integer(),
            nullable=False,
            comment="Leaving up to this many minutes early is not early",
        ),
        sa.Column(
            "required_minutes",
            sa.Integer(),
            nullable=True,
            comment="Flexible shift: minutes from first in that make a whole day, break included",
        ),
        sa.PrimaryKeyConstraint("shift", "valid_from", name=op.f("pk_shift")),
        schema="ref",
        comment="Planned hours by name, dated",
    )
