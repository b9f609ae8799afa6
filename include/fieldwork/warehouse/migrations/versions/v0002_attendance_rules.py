"""Split shifts, rotating and dated rosters, the company's own days, hours systems, punches that count nowhere"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
#: SHA-256 of plans.sql, views.sql and roles.sql, which are made anew after this migration
REPEATED = "5e9bd7fdd5252c869548fe2df424253de5943e863c76f09f2b1ef59896f510ce"

TIMES = postgresql.ARRAY(sa.Time(), dimensions=2)
#: tables of attendance days, and whether they are published ones that need values for what was not known
DAYS = (("build", "attendance_day"), ("mart", "attendance_day"), ("mart", "attendance_day_history"))


def upgrade() -> None:
    # their columns change; they are made anew from plans.sql and views.sql
    op.execute("drop view if exists report.attendance_day, ref.planned_shift, ref.shift_day")
    _calendar()
    _shift()
    _roster()
    _hours()
    for schema, table in DAYS:
        _attendance_day(schema, table)
    _uncounted_punch()


def _calendar() -> None:
    op.add_column(
        "calendar_day",
        sa.Column(
            "half",
            sa.Text(),
            nullable=True,
            comment="first or second: the half of the shift that is worked on a half workday; null = all of it",
        ),
        schema="ref",
    )
    _add_filled(
        "ref",
        "calendar_day",
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="decree, or company: a day of [company] days in the configuration",
        ),
        "'decree'",
    )
    op.create_table_comment(
        "calendar_day", "What kind of day a date is, by decree or by the company's own calendar", schema="ref"
    )
    for column, value in (
        (
            sa.Column(
                "long_span_minutes",
                sa.Integer(),
                nullable=False,
                comment="More between first in and last out is an anomaly",
            ),
            "960",
        ),
        (
            sa.Column(
                "leave_joins_break",
                sa.Boolean(),
                nullable=False,
                comment="Leave that reaches a break moves start or end over the break too",
            ),
            "false",
        ),
    ):
        _add_filled("ref", "rule_version", column, value)


def _shift() -> None:
    for column in (
        sa.Column("parts", TIMES, comment="Split shift: start and end of each part in order; null = one part"),
        sa.Column("breaks", TIMES, comment="Start and end of each unpaid break in order; null = none"),
        sa.Column(
            "earliest_starts",
            sa.Time(),
            comment="Flexible shift: time before it does not shorten the day; null = all does",
        ),
    ):
        op.add_column("shift", column, schema="ref")
    op.execute("update ref.shift set breaks = array[array[break_starts, break_ends]] where break_starts is not null")
    op.drop_column("shift", "break_starts", schema="ref")
    op.drop_column("shift", "break_ends", schema="ref")
    instant, spans = sa.DateTime(timezone=True), postgresql.TSTZMULTIRANGE()
    shift_day: tuple[tuple[str, sa.types.TypeEngine[Any], bool, str], ...] = (
        ("shift", sa.Text(), False, "The shift (ref.shift)"),
        ("work_date", sa.Date(), False, "The date"),
        ("half", sa.Text(), False, "first or second half of the shift, or the whole"),
        ("midnight", instant, False, "When the date begins in the company's zone"),
        ("next_midnight", instant, False, "When the next date begins"),
        ("day_margin", sa.Interval(), False, "Punches this long before and after the shift still belong to its day"),
        ("shift_kind", sa.Text(), False, "fixed or flexible"),
        ("starts_at", instant, False, "Planned start; of a flexible shift the latest that is not late"),
        ("ends_at", instant, False, "Planned end; of a flexible shift for somebody who starts at starts_at"),
        ("earliest_ends_at", instant, False, "Of a flexible shift the earliest end; else ends_at"),
        (
            "earliest_starts_at",
            instant,
            True,
            "Flexible shift: time before it does not shorten the day; null = all does",
        ),
        ("breaks", spans, False, "The unpaid breaks; empty = none"),
        ("pauses", spans, False, "The breaks and the gaps between the parts"),
        ("break_starts_at", instant, False, "Start of the first pause; the shift's start when there is none"),
        ("break_ends_at", instant, False, "End of the last pause; the shift's start when there is none"),
        ("pause_count", sa.Integer(), False, "How many pauses"),
        ("parts", spans, True, "The parts of a split shift; null = one part"),
        ("part_count", sa.Integer(), False, "How many parts"),
        ("planned_minutes", sa.Integer(), False, "Whole minutes of the shift less its pauses"),
        ("grace_in_minutes", sa.Integer(), False, "Late up to this many minutes is not late"),
        ("grace_out_minutes", sa.Integer(), False, "Leaving up to this many minutes early is not early"),
        (
            "required_minutes",
            sa.Integer(),
            True,
            "Flexible shift: minutes from first in that make the day, break included",
        ),
    )
    op.create_table(
        "shift_day",
        *(sa.Column(name, kind, nullable=empty, comment=comment) for name, kind, empty, comment in shift_day),
        sa.PrimaryKeyConstraint("shift", "work_date", "half", name=op.f("pk_shift_day")),
        schema="ref",
        comment=(
            "Every shift on every calendar day as instants, of half workdays the worked half too; "
            "computed by ref.shift_hours"
        ),
    )


def _roster() -> None:
    op.alter_column(
        "roster",
        "shift",
        nullable=True,
        comment="The shift (ref.shift); null = the pattern says",
        existing_comment="The shift (ref.shift)",
        existing_type=sa.Text(),
        schema="ref",
    )
    for column in (
        sa.Column("pattern", postgresql.ARRAY(sa.Text()), comment="Shifts day by day, repeating; rest = none"),
        sa.Column("anchor", sa.Date(), comment="A day on which the pattern begins"),
    ):
        op.add_column("roster", column, schema="ref")
    follows = "calendar: rest days, holidays and half days hold; holidays: only those; nothing"
    _add_filled("ref", "roster", sa.Column("follows", sa.Text(), nullable=False, comment=follows), "'calendar'")
    op.create_table(
        "roster_day",
        sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
        sa.Column("work_date", sa.Date(), nullable=False, comment="The date"),
        sa.Column("shift", sa.Text(), nullable=False, comment="The shift (ref.shift), or rest"),
        sa.PrimaryKeyConstraint("employee_id", "work_date", name=op.f("pk_roster_day")),
        schema="ref",
        comment="Who works which shift on one date (roster.csv); wins over every roster",
    )


def _hours() -> None:
    op.create_table(
        "hours",
        sa.Column("scope", sa.Text(), nullable=False, comment="company, team or employee"),
        sa.Column("subject", sa.Text(), nullable=False, comment="Team name or employee id; * for the company"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="First day no longer; null = open"),
        sa.Column(
            "system",
            sa.Text(),
            nullable=False,
            comment="standard (标准工时制), comprehensive (综合计算工时制) or irregular (不定时工作制)",
        ),
        sa.Column(
            "settlement",
            sa.Text(),
            nullable=True,
            comment="Comprehensive: the period that is settled: week, month, quarter or year",
        ),
        sa.Column(
            "plan",
            sa.Text(),
            nullable=True,
            comment="Comprehensive: calendar = day_minutes for each working day, roster = what the shifts plan",
        ),
        sa.Column(
            "day_minutes",
            sa.Integer(),
            nullable=True,
            comment="Comprehensive, plan calendar: minutes for a working day",
        ),
        sa.PrimaryKeyConstraint("scope", "subject", "valid_from", name=op.f("pk_hours")),
        schema="ref",
        comment="Which hours system (工时制) holds for whom, dated; the narrowest scope wins: employee, team, company",
    )


def _attendance_day(schema: str, table: str) -> None:
    """Days computed before are those of the standard system; what they attended was not measured."""
    kind = "(select coalesce(max(c.kind), 'workday') from ref.calendar_day as c where c.work_date = d.work_date)"
    for name, of, comment, value in (
        (
            "calendar_kind",
            sa.Text(),
            "What the company's calendar says of the date: workday, rest, holiday or makeup",
            kind,
        ),
        ("trip_minutes", sa.Integer(), "Of the leave minutes those on a trip or outing and not on leave", "0"),
        ("hours_system", sa.Text(), "standard, comprehensive or irregular (ref.hours)", "'standard'"),
        (
            "norm_minutes",
            sa.Integer(),
            "What the hours system asks for: planned minutes; comprehensive: the day's share of the period; irregular: 0",
            "planned_minutes",
        ),
    ):
        op.add_column(table, sa.Column(name, of, nullable=True, comment=comment), schema=schema)
        op.execute(f"update {schema}.{table} as d set {name} = {value}")  # noqa: S608 - our own names
        op.alter_column(table, name, nullable=False, schema=schema)
    for name, of, comment in (
        (
            "attended_minutes",
            sa.Integer(),
            "Planned minutes, leave left out, on which the person was there; null = nobody knows, or nothing is asked",
        ),
        (
            "missed_minutes",
            sa.Integer(),
            "Planned minutes, leave left out, on which the person was not there; null likewise",
        ),
        ("settlement", sa.Text(), "Comprehensive hours: the period that is settled: week, month, quarter or year"),
    ):
        op.add_column(table, sa.Column(name, of, nullable=True, comment=comment), schema=schema)
    for name, comment in (
        ("worked_minutes", "Whole minutes between first in and last out less the breaks, part by part"),
        ("overtime_minutes", "Whole minutes worked beyond the plan; 0 unless the hours system is standard"),
        ("planned_minutes", "Whole minutes of the shift less its breaks; 0 on a rest day or holiday"),
    ):
        op.alter_column(table, name, comment=comment, schema=schema)


def _uncounted_punch() -> None:
    title = "Punches of days outside employment: they count nowhere"
    for schema, name, comment in (
        ("build", "uncounted_punch", "Rows of mart.uncounted_punch being made"),
        ("mart", "uncounted_punch", title),
        (
            "mart",
            "uncounted_punch_history",
            "Earlier versions of mart.uncounted_punch: believed from published_at to believed_until",
        ),
    ):
        run = sa.Column("run_id", sa.Text(), nullable=False, comment="The run that makes the row (ops.run)")
        published = sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When this version of the row was published",
        )
        until = sa.Column("believed_until", sa.DateTime(timezone=True), nullable=False, comment="When it was replaced")
        history = name.endswith("history")
        keys = ["employee_id", "record_id"]
        keys = ["run_id", *keys] if schema == "build" else [*keys, "believed_until"] if history else keys
        op.create_table(
            name,
            *([run] if schema == "build" else []),
            sa.Column("employee_id", sa.Text(), nullable=False, comment="The person (core.employee)"),
            sa.Column("record_id", sa.Text(), nullable=False, comment="The punch (core.punch)"),
            sa.Column("work_date", sa.Date(), nullable=False, comment="The working day that it would belong to"),
            sa.Column("punched_at", sa.DateTime(timezone=True), nullable=False, comment="When"),
            sa.Column("kind", sa.Text(), nullable=False, comment="in, out or field"),
            sa.Column("reason", sa.Text(), nullable=False, comment="before_hire or after_leaving"),
            sa.Column("rule_version", sa.Text(), nullable=False, comment="The rules used (ref.rule_version)"),
            *([] if schema == "build" else [published]),
            *([until] if history else []),
            sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}")),
            schema=schema,
            comment=comment,
        )
    op.create_index(
        "ix_uncounted_punch_day", "uncounted_punch", ["employee_id", "work_date"], unique=False, schema="mart"
    )


def _add_filled(schema: str, table: str, column: sa.Column[Any], value: str) -> None:
    """A column that is never null, filled in the rows that are there."""
    column.nullable = True
    op.add_column(table, column, schema=schema)
    op.execute(f"update {schema}.{table} set {column.name} = {value}")  # noqa: S608 - our own names
    op.alter_column(table, column.name, nullable=False, schema=schema)
